/* SPDX-License-Identifier: MIT */
/*
 * What ends while it is in use: connections that are closed, and whose last reference goes, in each
 * kind of callback; handlers that go while a message passes them; messages whose data calls back.
 */

#include <string.h>

#include "harness.h"
#include "peers.h"

/* What a callback does, once. */
struct act {
        struct peers *peers;
        DBusConnection *connection; /* to be closed */
        bool drops;                 /* and its last reference dropped */
        int done;
        int freed; /* filters that were told that the connection goes */
};

static void act(struct act *a)
{
        if (a->done++)
                return;
        dbus_connection_close(a->connection);
        if (a->drops) {
                loop_remove(a->peers->loop, a->connection);
                dbus_connection_unref(a->connection);
        }
}

static DBusHandlerResult act_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        act(data);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void act_notify(DBusPendingCall *pending, void *data)
{
        (void)pending;
        act(data);
}

static void act_status(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
        (void)connection;
        if (status == DBUS_DISPATCH_DATA_REMAINS)
                act(data);
}

static void act_free(void *data)
{
        act(data);
}

static DBusHandlerResult pass(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        (void)data;
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void count_free(void *data)
{
        struct act *a = data;

        a->freed++;
}

/* A client, which is to be closed in a callback that `arrange` has called. */
static void end_in(void (*arrange)(struct act *), bool drops)
{
        struct peers *p = peers_new(NULL);
        struct act a = {.peers = p, .connection = p->client, .drops = drops};

        dbus_connection_add_filter(p->client, pass, &a, count_free);
        arrange(&a);
        loop_settle(p->loop);
        note("done %s, gone %d", a.done ? "yes" : "no", a.freed);
        g_assert_cmpint(a.done, >, 0);
        if (drops) {
                p->client = NULL;
        } else {
                g_assert_false(dbus_connection_get_is_connected(p->client));
                g_assert_cmpint(a.freed, ==, 0);
        }
        peers_free(p);
        g_assert_cmpint(a.freed, ==, 1);
}

static void arrange_filter(struct act *a)
{
        dbus_connection_add_filter(a->connection, act_filter, a, NULL);
        send_away(a->peers->service, signal_new("/a", "S"));
}

static void arrange_handler(struct act *a)
{
        static const DBusObjectPathVTable vtable = {.message_function = act_filter};

        dbus_connection_register_object_path(a->connection, "/a", &vtable, a);
        send_away(a->peers->service, call_new("/a", "M"));
}

static void arrange_notify(struct act *a)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/", DBUS_INTERFACE_PEER, "Ping");
        DBusPendingCall *pending;

        dbus_connection_send_with_reply(a->connection, m, &pending, -1);
        dbus_pending_call_set_notify(pending, act_notify, a, NULL);
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
}

static void arrange_status(struct act *a)
{
        dbus_connection_set_dispatch_status_function(a->connection, act_status, a, NULL);
        send_away(a->peers->service, signal_new("/a", "S"));
}

/* The data of a message goes when it has been written. */
static void arrange_data(struct act *a)
{
        dbus_int32_t slot = -1;
        DBusMessage *m = signal_new("/a", "S");

        dbus_message_allocate_data_slot(&slot);
        dbus_message_set_data(m, slot, a, act_free);
        dbus_message_free_data_slot(&slot);
        send_away(a->connection, m);
}

/* And that of a filter when it has run for the last time. */
static DBusHandlerResult remove_itself(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)message;
        dbus_connection_remove_filter(connection, remove_itself, data);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void arrange_filter_data(struct act *a)
{
        dbus_connection_add_filter(a->connection, remove_itself, a, act_free);
        send_away(a->peers->service, signal_new("/a", "S"));
}

static const struct {
        const char *name;
        void (*arrange)(struct act *);
} places[] = {
        {"filter", arrange_filter},     {"handler", arrange_handler},
        {"notify", arrange_notify},     {"status", arrange_status},
        {"message-data", arrange_data}, {"filter-data", arrange_filter_data},
};

static void close_in(gconstpointer data)
{
        void (*const *arrange)(struct act *) = data;

        end_in(*arrange, false);
}

static void drop_in(gconstpointer data)
{
        void (*const *arrange)(struct act *) = data;

        end_in(*arrange, true);
}

/* The server is asked whether a client may enter, and closes instead. */
static DBusConnection *asked;

static dbus_bool_t close_user(DBusConnection *connection, unsigned long uid, void *data)
{
        struct peers *p = data;

        (void)uid;
        asked = connection;
        g_assert_true(p->service == connection);
        dbus_connection_close(connection);
        return TRUE;
}

static void take_and_ask(DBusServer *server, DBusConnection *connection, void *data)
{
        struct peers *p = data;

        (void)server;
        p->service = dbus_connection_ref(connection);
        loop_add(p->loop, connection, NULL);
        dbus_connection_set_unix_user_function(connection, close_user, p, NULL);
}

static void close_when_asked(void)
{
        struct peers *p = peers_listen();

        asked = NULL;
        dbus_server_set_new_connection_function(p->server, take_and_ask, p, NULL);
        p->client = dbus_connection_open_private(p->address, NULL);
        loop_add(p->loop, p->client, NULL);
        loop_settle(p->loop);
        g_assert_nonnull(asked);
        g_assert_false(dbus_connection_get_is_connected(p->service));
        g_assert_false(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

/* Messages that wait to be sent when a connection is closed. */

static int data_freed;

static void call_and_count(void *data)
{
        dbus_connection_get_is_connected(data);
        dbus_connection_has_messages_to_send(data);
        dbus_connection_set_max_received_size(data, 100000);
        data_freed++;
}

static void unsent_with_data(void)
{
        struct peers *p = peers_listen();
        dbus_int32_t slot = -1;

        data_freed = 0;
        /* Nobody serves the server, so nothing can be sent. */
        p->client = dbus_connection_open_private(p->address, NULL);
        dbus_message_allocate_data_slot(&slot);
        for (int i = 0; i < 3; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_set_data(m, slot, p->client, call_and_count);
                send_away(p->client, m);
        }
        g_assert_cmpint(data_freed, ==, 0);
        dbus_connection_close(p->client);
        g_assert_cmpint(data_freed, ==, 3);
        dbus_message_free_data_slot(&slot);
        peers_free(p);
}

/* A connection takes no more, as the application keeps a message, and waits to send that on. */
static void relayed_when_full(void)
{
        struct peers *p = peers_new(NULL), *q = peers_listen();
        DBusConnection *onward = dbus_connection_open_private(q->address, NULL);
        DBusMessage *m;

        loop_remove(p->loop, p->client);
        dbus_connection_set_max_received_size(p->client, 1);
        send_away(p->service, signal_new("/a", "S"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->client, 1000);
        m = dbus_connection_pop_message(p->client);
        g_assert_nonnull(m);
        send_away(onward, m);
        connection_end(onward);
        /* It may take more now. */
        send_away(p->service, signal_new("/a", "T"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->client, 1000);
        m = dbus_connection_pop_message(p->client);
        g_assert_nonnull(m);
        g_assert_cmpstr(dbus_message_get_member(m), ==, "T");
        dbus_message_unref(m);
        peers_free(p);
        peers_free(q);
}

/* The same, on the very connection that it came by. */
static void echoed_when_full(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *big = signal_new("/a", "Big"), *m;
        g_autofree char *text = g_strnfill(1 << 20, 'x');

        loop_remove(p->loop, p->client);
        loop_remove(p->loop, p->service);
        send_away(p->service, signal_new("/a", "S"));
        dbus_connection_set_max_received_size(p->client, 1);
        dbus_connection_read_write(p->client, 1000);
        m = dbus_connection_pop_message(p->client);
        g_assert_nonnull(m);
        dbus_message_append_args(big, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        send_away(p->client, big);
        send_away(p->client, m);
        g_assert_true(dbus_connection_has_messages_to_send(p->client));
        dbus_connection_read_write(p->client, 0);
        dbus_connection_close(p->client);
        peers_free(p);
}

/* Handlers that go, or become others, while a message passes. */

struct handlers {
        char *data; /* of the fallback */
        int first, second, kept;
};

static DBusHandlerResult second_fallback(DBusConnection *connection, DBusMessage *message,
                                         void *data)
{
        struct handlers *h = data;

        (void)connection;
        (void)message;
        h->second++;
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static DBusHandlerResult first_fallback(DBusConnection *connection, DBusMessage *message,
                                        void *data)
{
        (void)connection;
        (void)message;
        note("the first one sees %s", (const char *)data);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static DBusHandlerResult replace_fallback(DBusConnection *connection, DBusMessage *message,
                                          void *data)
{
        static const DBusObjectPathVTable vtable = {.message_function = second_fallback};
        struct handlers *h = data;

        (void)message;
        dbus_connection_unregister_object_path(connection, "/");
        memset(h->data, '?', strlen(h->data));
        g_clear_pointer(&h->data, g_free);
        g_assert_true(dbus_connection_register_fallback(connection, "/", &vtable, h));
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void handler_replaced(void)
{
        static const DBusObjectPathVTable near = {.message_function = replace_fallback},
                                          far = {.message_function = first_fallback};
        struct handlers h = {.data = g_strdup("its data")};
        struct peers *p = peers_new(NULL);

        dbus_connection_register_object_path(p->client, "/a", &near, &h);
        dbus_connection_register_fallback(p->client, "/", &far, h.data);
        send_away(p->service, call_new("/a", "M"));
        loop_settle(p->loop);
        note("second %d", h.second);
        g_assert_null(h.data);
        peers_free(p);
}

/* Calls whose replies nobody looks at before the end. */

static void note_notify(DBusPendingCall *pending, void *data)
{
        (void)data;
        note("notified, %d", dbus_pending_call_get_completed(pending));
}

static DBusPendingCall *ping(DBusConnection *connection)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/", DBUS_INTERFACE_PEER, "Ping");
        DBusPendingCall *pending = NULL;

        g_assert_true(dbus_connection_send_with_reply(connection, m, &pending, -1));
        dbus_message_unref(m);
        return pending;
}

/* Reads until something has come, without dispatching. */
static void read_reply(DBusConnection *connection)
{
        while (dbus_connection_get_dispatch_status(connection) != DBUS_DISPATCH_DATA_REMAINS)
                dbus_connection_read_write(connection, 1000);
}

static void cancelled_and_blocked(void)
{
        struct peers *p = peers_new(NULL);
        DBusPendingCall *pending;

        loop_remove(p->loop, p->client);
        pending = ping(p->client);
        dbus_pending_call_set_notify(pending, note_notify, NULL, NULL);
        dbus_pending_call_cancel(pending);
        dbus_connection_close(p->client);
        while (dbus_connection_dispatch(p->client) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        g_assert_false(dbus_pending_call_get_completed(pending));
        dbus_pending_call_unref(pending);
        peers_free(p);
}

static void cancelled_with_reply(void)
{
        struct peers *p = peers_new(NULL);
        DBusPendingCall *pending;

        loop_remove(p->loop, p->client);
        pending = ping(p->client);
        dbus_pending_call_set_notify(pending, note_notify, NULL, NULL);
        loop_settle(p->loop);
        read_reply(p->client);
        dbus_pending_call_cancel(pending);
        while (dbus_connection_dispatch(p->client) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        g_assert_false(dbus_pending_call_get_completed(pending));
        dbus_pending_call_unref(pending);
        peers_free(p);
}

/* The reply has come, and is still to be dispatched, when the connection is closed. */
static void closed_with_reply(void)
{
        struct peers *p = peers_new(NULL);
        DBusPendingCall *pending;

        loop_remove(p->loop, p->client);
        pending = ping(p->client);
        dbus_pending_call_set_notify(pending, note_notify, NULL, NULL);
        loop_settle(p->loop);
        read_reply(p->client);
        dbus_connection_close(p->client);
        while (dbus_connection_dispatch(p->client) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        note("completed %d", dbus_pending_call_get_completed(pending));
        dbus_pending_call_unref(pending);
        peers_free(p);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/lifetime/unix-user", close_when_asked},
                {"/lifetime/unsent/with-data", unsent_with_data},
                {"/lifetime/unsent/relayed", relayed_when_full},
                {"/lifetime/unsent/echoed", echoed_when_full},
                {"/lifetime/handler-replaced", handler_replaced},
                {"/lifetime/pending/cancelled", cancelled_and_blocked},
                {"/lifetime/pending/cancelled-with-reply", cancelled_with_reply},
                {"/lifetime/pending/closed-with-reply", closed_with_reply},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(places); i++) {
                g_autofree char *closed = g_strdup_printf("/lifetime/close/%s", places[i].name),
                                *dropped = g_strdup_printf("/lifetime/drop/%s", places[i].name);

                g_test_add_data_func(closed, &places[i].arrange, close_in);
                g_test_add_data_func(dropped, &places[i].arrange, drop_in);
        }
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        return g_test_run();
}
