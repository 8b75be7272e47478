/* SPDX-License-Identifier: MIT */
/* Filters: who is asked, in which order, what the answers mean, and coming and going meanwhile. */

#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "peers.h"

/* A filter that notes that it was asked, and does something. */
struct filter {
        const char *name;
        DBusHandlerResult result;
        void (*act)(DBusConnection *connection, struct filter *f);
        struct filter *other;
        int seen, freed;
};

static DBusHandlerResult run_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct filter *f = data;

        note("%s: %s", f->name, dbus_message_get_member(message));
        f->seen++;
        if (f->act)
                f->act(connection, f);
        return f->result;
}

static void free_filter(void *data)
{
        struct filter *f = data;

        note("%s: freed", f->name);
        f->freed++;
}

static void add(struct peers *p, struct filter *f)
{
        g_assert_true(dbus_connection_add_filter(p->service, run_filter, f, free_filter));
}

static void take(struct peers *p, struct filter *f)
{
        dbus_connection_remove_filter(p->service, run_filter, f);
}

static void emit(struct peers *p, const char *member)
{
        note("emit %s", member);
        send_away(p->client, signal_new("/a", member));
        loop_settle(p->loop);
}

#define NOT_YET DBUS_HANDLER_RESULT_NOT_YET_HANDLED
#define HANDLED DBUS_HANDLER_RESULT_HANDLED

static void order(void)
{
        struct peers *p = peers_new(NULL);
        struct filter f[] = {{"a", NOT_YET, NULL, NULL, 0, 0},
                             {"b", NOT_YET, NULL, NULL, 0, 0},
                             {"c", NOT_YET, NULL, NULL, 0, 0}};

        for (size_t i = 0; i < G_N_ELEMENTS(f); i++)
                add(p, &f[i]);
        emit(p, "One");
        emit(p, "Two");
        for (size_t i = 0; i < G_N_ELEMENTS(f); i++) {
                g_assert_cmpint(f[i].seen, ==, 2);
                g_assert_cmpint(f[i].freed, ==, 0);
        }
        peers_free(p);
        for (size_t i = 0; i < G_N_ELEMENTS(f); i++)
                g_assert_cmpint(f[i].freed, ==, 1);
}

static void handled_ends(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0}, b = {"b", HANDLED, NULL, NULL, 0, 0},
                      c = {"c", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        add(p, &c);
        emit(p, "One");
        g_assert_cmpint(b.seen, ==, 1);
        g_assert_cmpint(c.seen, ==, 0);
        peers_free(p);
}

static DBusHandlerResult at_object(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        ++*(int *)data;
        note("object");
        return HANDLED;
}

/* Calls go through them, too, and get to no object if one has handled it. */
static void before_objects(void)
{
        static const DBusObjectPathVTable vtable = {.message_function = at_object};
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0};
        int seen = 0;

        add(p, &a);
        dbus_connection_register_object_path(p->service, "/a", &vtable, &seen);
        send_away(p->client, call_new("/a", "M"));
        loop_settle(p->loop);
        g_assert_cmpint(seen, ==, 1);
        a.result = HANDLED;
        send_away(p->client, call_new("/a", "M"));
        loop_settle(p->loop);
        g_assert_cmpint(seen, ==, 1);
        g_assert_cmpint(a.seen, ==, 2);
        peers_free(p);
}

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        note_message(data, message);
        return NOT_YET;
}

/* A handled call gets no answer but what the filter sends. */
static void handled_call_no_answer(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", HANDLED, NULL, NULL, 0, 0};
        char name[] = "client";

        add(p, &a);
        dbus_connection_add_filter(p->client, note_filter, name, NULL);
        send_away(p->client, call_new("/a", "M"));
        loop_settle(p->loop);
        a.result = NOT_YET;
        send_away(p->client, call_new("/a", "M"));
        loop_settle(p->loop);
        peers_free(p);
}

static void same_twice(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0}, b = {"b", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        add(p, &a);
        emit(p, "Three");
        g_assert_cmpint(a.seen, ==, 2);
        /* The one that was added last goes. */
        take(p, &a);
        g_assert_cmpint(a.freed, ==, 1);
        emit(p, "Two");
        g_assert_cmpint(a.seen, ==, 3);
        take(p, &a);
        emit(p, "One");
        g_assert_cmpint(a.seen, ==, 3);
        g_assert_cmpint(a.freed, ==, 2);
        g_assert_cmpint(b.seen, ==, 3);
        peers_free(p);
}

static void same_function_other_data(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0}, b = {"b", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        take(p, &a);
        emit(p, "One");
        g_assert_cmpint(a.seen, ==, 0);
        g_assert_cmpint(b.seen, ==, 1);
        peers_free(p);
}

static void without_free_function(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0};

        g_assert_true(dbus_connection_add_filter(p->service, run_filter, &a, NULL));
        emit(p, "One");
        take(p, &a);
        emit(p, "None");
        g_assert_cmpint(a.seen, ==, 1);
        g_assert_cmpint(a.freed, ==, 0);
        peers_free(p);
}

static void remove_self(DBusConnection *connection, struct filter *f)
{
        dbus_connection_remove_filter(connection, run_filter, f);
}

static void remove_other(DBusConnection *connection, struct filter *f)
{
        if (f->other)
                dbus_connection_remove_filter(connection, run_filter, f->other);
        f->other = NULL;
}

static void add_other(DBusConnection *connection, struct filter *f)
{
        if (f->other)
                g_assert_true(
                        dbus_connection_add_filter(connection, run_filter, f->other, free_filter));
        f->other = NULL;
}

static void removes_itself(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, remove_self, NULL, 0, 0},
                      b = {"b", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        emit(p, "One");
        g_assert_cmpint(a.freed, ==, 1);
        emit(p, "Two");
        g_assert_cmpint(a.seen, ==, 1);
        g_assert_cmpint(b.seen, ==, 2);
        peers_free(p);
}

/* The one that is removed is not asked any more, for this message already. */
static void removes_next(void)
{
        struct peers *p = peers_new(NULL);
        struct filter b = {"b", NOT_YET, NULL, NULL, 0, 0}, c = {"c", NOT_YET, NULL, NULL, 0, 0};
        struct filter a = {"a", NOT_YET, remove_other, &b, 0, 0};

        add(p, &a);
        add(p, &b);
        add(p, &c);
        emit(p, "One");
        emit(p, "Two");
        g_assert_cmpint(b.freed, ==, 1);
        g_assert_cmpint(b.seen, ==, 0);
        g_assert_cmpint(c.seen, ==, 2);
        peers_free(p);
}

static void removes_previous(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0}, c = {"c", NOT_YET, NULL, NULL, 0, 0};
        struct filter b = {"b", NOT_YET, remove_other, &a, 0, 0};

        add(p, &a);
        add(p, &b);
        add(p, &c);
        emit(p, "One");
        emit(p, "Two");
        g_assert_cmpint(a.seen, ==, 1);
        g_assert_cmpint(b.seen, ==, 2);
        g_assert_cmpint(c.seen, ==, 2);
        peers_free(p);
}

/* What is added runs from the next message on. */
static void adds_another(void)
{
        struct peers *p = peers_new(NULL);
        struct filter b = {"b", NOT_YET, NULL, NULL, 0, 0};
        struct filter a = {"a", NOT_YET, add_other, &b, 0, 0};

        add(p, &a);
        emit(p, "One");
        g_assert_cmpint(b.seen, ==, 0);
        emit(p, "Two");
        g_assert_cmpint(b.seen, ==, 1);
        peers_free(p);
}

static void removes_and_adds_itself(DBusConnection *connection, struct filter *f)
{
        dbus_connection_remove_filter(connection, run_filter, f);
        g_assert_true(dbus_connection_add_filter(connection, run_filter, f, free_filter));
}

static void moves_to_the_end(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, removes_and_adds_itself, NULL, 0, 0},
                      b = {"b", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        emit(p, "One");
        g_assert_cmpint(a.seen, ==, 1);
        a.act = NULL;
        emit(p, "Two");
        g_assert_cmpint(a.seen, ==, 2);
        peers_free(p);
}

static void close_it(DBusConnection *connection, struct filter *f)
{
        (void)f;
        dbus_connection_close(connection);
}

/* Those that follow still see the message, then all see the end. */
static void closes(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, close_it, NULL, 0, 0},
                      b = {"b", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        emit(p, "One");
        g_assert_cmpint(a.seen, ==, 2);
        g_assert_cmpint(b.seen, ==, 2);
        g_assert_false(dbus_connection_get_is_connected(p->service));
        peers_free(p);
}

static void send_back(DBusConnection *connection, struct filter *f)
{
        (void)f;
        send_away(connection, signal_new("/back", "Back"));
        dbus_connection_flush(connection);
}

static void sends(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, send_back, NULL, 0, 0};
        char name[] = "client";

        add(p, &a);
        dbus_connection_add_filter(p->client, note_filter, name, NULL);
        emit(p, "One");
        emit(p, "Two");
        peers_free(p);
}

/* NEED_MEMORY: the message is asked about again, from the first filter on. */
static void forgets_once(DBusConnection *connection, struct filter *f)
{
        (void)connection;
        f->result = f->seen == 1 ? DBUS_HANDLER_RESULT_NEED_MEMORY : NOT_YET;
}

static void need_memory(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0},
                      b = {"b", NOT_YET, forgets_once, NULL, 0, 0},
                      c = {"c", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        add(p, &c);
        loop_remove(p->loop, p->service);
        send_away(p->client, signal_new("/a", "One"));
        send_away(p->client, signal_new("/a", "Two"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->service, 0);
        for (int i = 0; i < 4; i++)
                note("dispatch: %s", dispatch_status_name(dbus_connection_dispatch(p->service)));
        g_assert_cmpint(a.seen, ==, 3);
        g_assert_cmpint(b.seen, ==, 3);
        g_assert_cmpint(c.seen, ==, 2);
        peers_free(p);
}

static void hold(DBusConnection *connection, struct filter *f)
{
        (void)f;
        dbus_connection_ref(connection);
        dbus_connection_unref(connection);
}

static void references_inside(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, hold, NULL, 0, 0};

        add(p, &a);
        emit(p, "One");
        peers_free(p);
}

static void sees_disconnected(void)
{
        struct peers *p = peers_new(NULL);
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0}, b = {"b", NOT_YET, NULL, NULL, 0, 0};

        add(p, &a);
        add(p, &b);
        dbus_connection_close(p->client);
        loop_settle(p->loop);
        g_assert_cmpint(a.seen, ==, 1);
        g_assert_cmpint(b.seen, ==, 1);
        peers_free(p);
}

static void remove_unknown(void *data)
{
        struct filter never = {"never", NOT_YET, NULL, NULL, 0, 0};

        dbus_connection_remove_filter(data, run_filter, &never);
        exit(3);
}

static void remove_unknown_data(void *data)
{
        struct filter a = {"a", NOT_YET, NULL, NULL, 0, 0}, b = a;

        dbus_connection_add_filter(data, run_filter, &a, NULL);
        dbus_connection_remove_filter(data, run_filter, &b);
        exit(3);
}

static void misuse(void)
{
        static const char *const values[] = {"DBUS_FATAL_WARNINGS", "DBUS_FATAL_WARNINGS=0"};
        void (*const runs[])(void *) = {remove_unknown, remove_unknown_data};
        struct peers *p = peers_new(NULL);

        for (size_t i = 0; i < 2 * G_N_ELEMENTS(runs); i++) {
                const char *const environment[] = {values[i % 2], NULL};
                struct captured *c = capture(runs[i / 2], p->service, environment);

                g_assert_nonnull(strstr(c->err, "no such filter has been added"));
                note_captured(values[i % 2], c);
                captured_free(c);
        }
        peers_free(p);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/filter/order", order},
                {"/filter/handled-ends", handled_ends},
                {"/filter/before-objects", before_objects},
                {"/filter/handled-call-no-answer", handled_call_no_answer},
                {"/filter/same-twice", same_twice},
                {"/filter/same-function-other-data", same_function_other_data},
                {"/filter/without-free-function", without_free_function},
                {"/filter/inside/removes-itself", removes_itself},
                {"/filter/inside/removes-next", removes_next},
                {"/filter/inside/removes-previous", removes_previous},
                {"/filter/inside/adds-another", adds_another},
                {"/filter/inside/moves-to-the-end", moves_to_the_end},
                {"/filter/inside/closes", closes},
                {"/filter/inside/sends", sends},
                {"/filter/inside/references", references_inside},
                {"/filter/need-memory", need_memory},
                {"/filter/sees-disconnected", sees_disconnected},
                {"/filter/misuse", misuse},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
