/* SPDX-License-Identifier: MIT */
/* Dispatching: who sees a message first, when the status changes, and how a connection ends. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

#define NOT_YET DBUS_HANDLER_RESULT_NOT_YET_HANDLED
#define HANDLED DBUS_HANDLER_RESULT_HANDLED

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        note_message(data, message);
        return NOT_YET;
}

static void note_status(DBusConnection *c)
{
        note("status: %s", dispatch_status_name(dbus_connection_get_dispatch_status(c)));
}

static DBusHandlerResult answer(DBusConnection *connection, DBusMessage *message, void *data)
{
        if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return NOT_YET;
        note_message(data, message);
        send_away(connection, dbus_message_new_method_return(message));
        return HANDLED;
}

static void note_notify(DBusPendingCall *pending, void *data)
{
        DBusMessage *m = dbus_pending_call_steal_reply(pending);

        note_message(data, m);
        if (m)
                dbus_message_unref(m);
}

/* Pending call, filter, object. */
static void order(void)
{
        static const DBusObjectPathVTable vtable = {.message_function = answer};
        char filter[] = "filter", notify[] = "notify", object[] = "object";
        struct peers *p = peers_new(NULL);
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *pending;

        dbus_connection_add_filter(p->client, note_filter, filter, NULL);
        dbus_connection_add_filter(p->service, note_filter, filter, NULL);
        dbus_connection_register_object_path(p->service, "/a", &vtable, object);
        g_assert_true(dbus_connection_send_with_reply(p->client, m, &pending, -1));
        dbus_pending_call_set_notify(pending, note_notify, notify, NULL);
        loop_settle(p->loop);
        note("signal");
        send_away(p->service, signal_new("/a", "S"));
        loop_settle(p->loop);
        dbus_message_unref(m);
        dbus_pending_call_unref(pending);
        peers_free(p);
}

/* A reply that somebody waited for gets to no filter. */
static void reply_is_not_filtered(void)
{
        static const DBusObjectPathVTable vtable = {.message_function = answer};
        char filter[] = "filter", object[] = "object";
        struct peers *p = peers_new(NULL);
        DBusMessage *m = call_new("/a", "M");

        dbus_connection_add_filter(p->client, note_filter, filter, NULL);
        dbus_connection_register_object_path(p->service, "/a", &vtable, object);
        note("somebody waits");
        g_assert_true(dbus_connection_send_with_reply(p->client, m, NULL, -1));
        loop_settle(p->loop);
        dbus_message_unref(m);
        note("nobody waits");
        send_away(p->client, call_new("/a", "M"));
        loop_settle(p->loop);
        peers_free(p);
}

/* Objects get what has a path, though the manual speaks of calls alone. */
static void objects_get_paths(void)
{
        static const DBusObjectPathVTable vtable = {.message_function = note_filter};
        char object[] = "object";
        struct peers *p = peers_new(NULL);
        DBusMessage *m;

        dbus_connection_register_fallback(p->service, "/", &vtable, object);
        send_away(p->client, signal_new("/a", "S"));
        m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
        dbus_message_set_reply_serial(m, 99);
        send_away(p->client, m);
        m = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR);
        dbus_message_set_reply_serial(m, 98);
        dbus_message_set_error_name(m, "a.b");
        send_away(p->client, m);
        send_away(p->client, call_new("/a", "M"));
        loop_settle(p->loop);
        peers_free(p);
}

static DBusHandlerResult count(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        ++*(int *)data;
        return HANDLED;
}

static void one_at_a_time(void)
{
        struct peers *p = peers_new(NULL);
        int seen = 0;

        loop_remove(p->loop, p->service);
        dbus_connection_add_filter(p->service, count, &seen, NULL);
        for (int i = 0; i < 3; i++)
                send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_COMPLETE);
        g_assert_true(dbus_connection_read_write(p->service, 0));
        g_assert_cmpint(seen, ==, 0);
        g_assert_cmpint(dbus_connection_dispatch(p->service), ==, DBUS_DISPATCH_DATA_REMAINS);
        g_assert_cmpint(seen, ==, 1);
        g_assert_cmpint(dbus_connection_dispatch(p->service), ==, DBUS_DISPATCH_DATA_REMAINS);
        g_assert_cmpint(dbus_connection_dispatch(p->service), ==, DBUS_DISPATCH_COMPLETE);
        g_assert_cmpint(seen, ==, 3);
        g_assert_cmpint(dbus_connection_dispatch(p->service), ==, DBUS_DISPATCH_COMPLETE);
        peers_free(p);
}

/* The status function: told of changes, not of every message. */
static void status_told(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
        (void)connection;
        note("%s: %s", (const char *)data, dispatch_status_name(status));
}

static void free_told(void *data)
{
        note("%s: freed", (const char *)data);
}

static void status_function(void)
{
        char told[] = "told";
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->service);
        dbus_connection_set_dispatch_status_function(p->service, status_told, told, free_told);
        note("nothing");
        dbus_connection_read_write(p->service, 0);
        dbus_connection_dispatch(p->service);
        for (int i = 0; i < 2; i++)
                send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        note("read");
        dbus_connection_read_write(p->service, 0);
        note("ask");
        dbus_connection_get_dispatch_status(p->service);
        for (int i = 0; i < 3; i++) {
                note("dispatch");
                dbus_connection_dispatch(p->service);
        }
        send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        note("read");
        dbus_connection_read_write(p->service, 0);
        note("pop");
        dbus_message_unref(dbus_connection_pop_message(p->service));
        note("ask");
        dbus_connection_get_dispatch_status(p->service);
        note("close");
        dbus_connection_close(p->service);
        note("dispatch");
        dbus_connection_dispatch(p->service);
        peers_free(p);
}

static void status_function_replaced(void)
{
        char one[] = "one", two[] = "two";
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->service);
        dbus_connection_set_dispatch_status_function(p->service, status_told, one, free_told);
        note("replace");
        dbus_connection_set_dispatch_status_function(p->service, status_told, two, free_told);
        send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->service, 0);
        note("replace");
        dbus_connection_set_dispatch_status_function(p->service, NULL, NULL, NULL);
        dbus_connection_dispatch(p->service);
        dbus_connection_set_dispatch_status_function(p->service, status_told, one, free_told);
        note("end");
        peers_free(p);
}

/* While another call is blocked for, what arrives is told, too. */
static void status_while_blocking(void)
{
        char told[] = "told";
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusMessage *m = call_new("/a", "Shout"), *reply;
        dbus_uint32_t n = 2;

        dbus_connection_set_dispatch_status_function(c, status_told, told, NULL);
        dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        g_assert_cmpint(dbus_connection_get_dispatch_status(c), ==, DBUS_DISPATCH_DATA_REMAINS);
        dbus_message_unref(reply);
        dbus_message_unref(m);
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        dbus_connection_set_dispatch_status_function(c, NULL, NULL, NULL);
        connection_end(c);
        helper_free(h);
}

/* A blocking call from inside a handler: the reply is found, the others wait. */
static DBusHandlerResult block_inside(DBusConnection *connection, DBusMessage *message, void *data)
{
        DBusMessage *m, *reply;

        note_message(data, message);
        if (!dbus_message_is_signal(message, "com.example.Test", "Shouted"))
                return NOT_YET;
        m = call_new("/a", "Echo");
        reply = dbus_connection_send_with_reply_and_block(connection, m, -1, NULL);
        note_message("inside", reply);
        dbus_message_unref(m);
        if (reply)
                dbus_message_unref(reply);
        return HANDLED;
}

static void blocking_inside(void)
{
        char filter[] = "filter";
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusMessage *m = call_new("/a", "Shout"), *reply;
        dbus_uint32_t n = 3;

        dbus_connection_add_filter(c, block_inside, filter, NULL);
        dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        dbus_message_unref(m);
        dbus_message_unref(reply);
        connection_end(c);
        helper_free(h);
}

static DBusHandlerResult unref_inside(DBusConnection *connection, DBusMessage *message, void *data)
{
        DBusConnection **own = data;

        (void)message;
        if (*own) {
                dbus_connection_close(connection);
                dbus_connection_unref(*own);
                *own = NULL;
        }
        return HANDLED;
}

/* Dispatching keeps the connection. */
static void last_reference_inside(void)
{
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->service);
        dbus_connection_add_filter(p->service, unref_inside, &p->service, NULL);
        send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->service, 0);
        dbus_connection_dispatch(p->service);
        g_assert_null(p->service);
        peers_free(p);
}

/* The end. */
static void disconnected(void)
{
        char name[] = "service";
        struct peers *p = peers_new(NULL);

        dbus_connection_add_filter(p->service, note_filter, name, NULL);
        dbus_connection_close(p->client);
        loop_settle(p->loop);
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_COMPLETE);
        /* Only once. */
        dbus_connection_close(p->service);
        loop_settle(p->loop);
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_COMPLETE);
        peers_free(p);
}

static void closed_here(void)
{
        char name[] = "client";
        struct peers *p = peers_new(NULL);

        dbus_connection_add_filter(p->client, note_filter, name, NULL);
        note_status(p->client);
        dbus_connection_close(p->client);
        note_status(p->client);
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->client), ==,
                        DBUS_DISPATCH_DATA_REMAINS);
        loop_settle(p->loop);
        note_status(p->client);
        peers_free(p);
}

/*
 * The errors that pending calls get come before the signal. Whether those who wait for them are
 * told is noted, not checked: the manual says that each sees exactly one reply, the stock library
 * forgets them first.
 */
static void pending_then_disconnected(void)
{
        char filter[] = "filter", one[] = "one", two[] = "two";
        struct peers *p = peers_new(NULL);
        DBusMessage *m = call_new("/a", "M"), *other = call_new("/a", "M");
        DBusPendingCall *first, *second;

        loop_remove(p->loop, p->service);
        dbus_connection_add_filter(p->client, note_filter, filter, NULL);
        dbus_connection_send_with_reply(p->client, m, &first, -1);
        dbus_connection_send_with_reply(p->client, other, &second, -1);
        dbus_pending_call_set_notify(first, note_notify, one, NULL);
        dbus_pending_call_set_notify(second, note_notify, two, NULL);
        loop_settle(p->loop);
        dbus_connection_close(p->service);
        loop_settle(p->loop);
        note("completed: %d and %d", dbus_pending_call_get_completed(first),
             dbus_pending_call_get_completed(second));
        dbus_pending_call_unref(first);
        dbus_pending_call_unref(second);
        dbus_message_unref(m);
        dbus_message_unref(other);
        peers_free(p);
}

/* A call that arrived before the end is handled; what is sent in answer goes nowhere. */
static void call_then_end(void)
{
        static const DBusObjectPathVTable vtable = {.message_function = answer};
        char object[] = "object", filter[] = "filter";
        struct peers *p = peers_new(NULL);

        dbus_connection_register_object_path(p->service, "/a", &vtable, object);
        dbus_connection_add_filter(p->service, note_filter, filter, NULL);
        send_away(p->client, call_new("/a", "M"));
        dbus_connection_flush(p->client);
        dbus_connection_close(p->client);
        loop_settle(p->loop);
        peers_free(p);
}

/* Exit on disconnect, in a process of its own. */
static DBusHandlerResult spare(DBusConnection *connection, DBusMessage *message, void *data)
{
        puts(data);
        if (dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected"))
                dbus_connection_set_exit_on_disconnect(connection, FALSE);
        return NOT_YET;
}

static DBusHandlerResult print(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        puts(data);
        fflush(stdout);
        return NOT_YET;
}

static DBusHandlerResult print_handled(DBusConnection *connection, DBusMessage *message, void *data)
{
        print(connection, message, data);
        return HANDLED;
}

static void at_exit(void)
{
        puts("atexit function");
        fflush(stdout);
}

/* How the connection comes to its end. */
static void run_until_end(DBusHandleMessageFunction filter, bool close_here, bool dispatch)
{
        struct peers *p = peers_new(NULL);
        char text[] = "filter";

        atexit(at_exit);
        dbus_connection_set_exit_on_disconnect(p->client, TRUE);
        if (filter)
                dbus_connection_add_filter(p->client, filter, text, NULL);
        if (!dispatch)
                loop_remove(p->loop, p->client);
        dbus_connection_close(close_here ? p->client : p->service);
        puts("closed");
        fflush(stdout);
        loop_settle(p->loop);
        if (!dispatch) {
                DBusMessage *m;

                dbus_connection_read_write(p->client, 0);
                puts("read");
                fflush(stdout);
                m = dbus_connection_pop_message(p->client);
                puts(dbus_message_get_member(m));
                dbus_message_unref(m);
        }
        puts("still there");
        fflush(stdout);
        _exit(5);
}

static void end_gone(void *data)
{
        (void)data;
        run_until_end(print, false, true);
}

static void end_closed_here(void *data)
{
        (void)data;
        run_until_end(print, true, true);
}

static void end_spared(void *data)
{
        (void)data;
        run_until_end(spare, false, true);
}

static void end_handled(void *data)
{
        (void)data;
        run_until_end(print_handled, false, true);
}

static void end_popped(void *data)
{
        (void)data;
        run_until_end(print, false, false);
}

static void end_no_filter(void *data)
{
        (void)data;
        run_until_end(NULL, false, true);
}

static void end_default(void *data)
{
        struct peers *p = peers_new(NULL);

        (void)data;
        dbus_connection_close(p->service);
        loop_settle(p->loop);
        puts("still there");
}

static const struct {
        const char *name;
        void (*run)(void *);
        int status;
} ends[] = {
        {"gone", end_gone, 1},       {"closed-here", end_closed_here, 1},
        {"spared", end_spared, 5},   {"handled", end_handled, 1},
        {"popped", end_popped, 1},   {"no-filter", end_no_filter, 1},
        {"default", end_default, 0},
};

static void exit_on_disconnect(gconstpointer data)
{
        size_t i = (size_t)(guintptr)data;
        struct captured *c = capture(ends[i].run, NULL, NULL);

        g_assert_true(c->exited);
        g_assert_cmpint(c->status, ==, ends[i].status);
        note_captured(ends[i].name, c);
        captured_free(c);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/dispatch/order", order},
                {"/dispatch/reply-is-not-filtered", reply_is_not_filtered},
                {"/dispatch/objects-get-paths", objects_get_paths},
                {"/dispatch/one-at-a-time", one_at_a_time},
                {"/dispatch/status/function", status_function},
                {"/dispatch/status/replaced", status_function_replaced},
                {"/dispatch/status/while-blocking", status_while_blocking},
                {"/dispatch/inside/blocking", blocking_inside},
                {"/dispatch/inside/last-reference", last_reference_inside},
                {"/dispatch/end/disconnected", disconnected},
                {"/dispatch/end/closed-here", closed_here},
                {"/dispatch/end/pending-first", pending_then_disconnected},
                {"/dispatch/end/call-before", call_then_end},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                g_autofree char *path = g_strdup_printf("/dispatch/exit/%s", ends[i].name);

                g_test_add_data_func(path, (gconstpointer)(guintptr)i, exit_on_disconnect);
        }
        return g_test_run();
}
