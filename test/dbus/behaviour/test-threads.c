/* SPDX-License-Identifier: MIT */
/* Threads that share connections, callbacks that call the library, and processes that fork. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

#define N_THREADS 8

static void initialisation(void)
{
        DBusThreadFunctions unused = {.mask = 0};

        g_assert_true(dbus_threads_init_default());
        g_assert_true(dbus_threads_init_default());
        g_assert_true(dbus_threads_init(NULL));
        g_assert_true(dbus_threads_init(&unused));
}

static gpointer initialise(gpointer data)
{
        (void)data;
        for (int i = 0; i < 1000; i++)
                g_assert_true(dbus_threads_init_default());
        return NULL;
}

static void in_threads(GThreadFunc f, gpointer data, int n)
{
        GThread *threads[N_THREADS];

        for (int i = 0; i < n; i++)
                threads[i] = g_thread_new("test", f, data);
        for (int i = 0; i < n; i++)
                g_thread_join(threads[i]);
}

static void initialisation_everywhere(void)
{
        in_threads(initialise, NULL, N_THREADS);
}

/* Many calls from many threads over one connection: each gets its own answer. */
static int call_and_check(DBusConnection *c, int number)
{
        DBusMessage *m = call_new("/a", "Echo"), *reply;
        DBusError error = DBUS_ERROR_INIT;
        int got = -1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        dbus_message_unref(m);
        expect_no_error(&error);
        if (!reply)
                return -1;
        dbus_message_get_args(reply, NULL, DBUS_TYPE_INT32, &got, DBUS_TYPE_INVALID);
        dbus_message_unref(reply);
        return got;
}

struct shared {
        DBusConnection *connection;
        gint next; /* atomic */
        gint wrong;
        int each;
};

static gpointer call_often(gpointer data)
{
        struct shared *s = data;

        for (int i = 0; i < s->each; i++) {
                int number = g_atomic_int_add(&s->next, 1);

                if (call_and_check(s->connection, number) != number)
                        g_atomic_int_inc(&s->wrong);
        }
        return NULL;
}

static void blocking(void)
{
        struct helper *h = helper_new(NULL);
        struct shared s = {helper_connect(h), 0, 0, 300};

        in_threads(call_often, &s, N_THREADS);
        g_assert_cmpint(s.wrong, ==, 0);
        g_assert_cmpint(s.next, ==, N_THREADS * s.each);
        connection_end(s.connection);
        helper_free(h);
}

/* While another thread dispatches. */
struct pump {
        DBusConnection *connection;
        gint stop;
        gint seen;
};

static gpointer pump(gpointer data)
{
        struct pump *p = data;

        while (!g_atomic_int_get(&p->stop))
                dbus_connection_read_write_dispatch(p->connection, 10);
        while (dbus_connection_dispatch(p->connection) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        return NULL;
}

static DBusHandlerResult count_shouts(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        if (dbus_message_is_signal(message, "com.example.Test", "Shouted"))
                g_atomic_int_inc(&((struct pump *)data)->seen);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static gpointer shout_often(gpointer data)
{
        struct shared *s = data;

        for (int i = 0; i < s->each; i++) {
                DBusMessage *m = call_new("/a", "Shout"), *reply;
                dbus_uint32_t n = 5;

                dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
                reply = dbus_connection_send_with_reply_and_block(s->connection, m, -1, NULL);
                if (!reply)
                        g_atomic_int_inc(&s->wrong);
                else
                        dbus_message_unref(reply);
                dbus_message_unref(m);
        }
        return NULL;
}

static void blocking_beside_a_pump(void)
{
        struct helper *h = helper_new(NULL);
        struct shared s = {helper_connect(h), 0, 0, 60};
        struct pump p = {s.connection, 0, 0};
        GThread *pumping;

        dbus_connection_add_filter(s.connection, count_shouts, &p, NULL);
        pumping = g_thread_new("pump", pump, &p);
        in_threads(shout_often, &s, 4);
        g_atomic_int_set(&p.stop, 1);
        g_thread_join(pumping);
        g_assert_cmpint(s.wrong, ==, 0);
        g_assert_cmpint(p.seen, ==, 4 * 60 * 5);
        connection_end(s.connection);
        helper_free(h);
}

/* With a loop of the application's in one thread, and senders in others. */
struct looping {
        struct loop *loop;
        gint stop;
};

static gpointer run_loop(gpointer data)
{
        struct looping *l = data;

        while (!g_atomic_int_get(&l->stop))
                loop_turn(l->loop, -1);
        return NULL;
}

static void blocking_beside_a_loop(void)
{
        struct helper *h = helper_new(NULL);
        struct shared s = {helper_connect(h), 0, 0, 200};
        struct looping l = {loop_new(), 0};
        GThread *thread;

        loop_add(l.loop, s.connection, NULL);
        thread = g_thread_new("loop", run_loop, &l);
        in_threads(call_often, &s, 4);
        g_atomic_int_set(&l.stop, 1);
        loop_wake(l.loop);
        g_thread_join(thread);
        g_assert_cmpint(s.wrong, ==, 0);
        loop_free(l.loop);
        connection_end(s.connection);
        helper_free(h);
}

static gpointer send_often(gpointer data)
{
        struct shared *s = data;

        for (int i = 0; i < s->each; i++) {
                DBusMessage *m = signal_new("/a", "S");
                int number = g_atomic_int_add(&s->next, 1);

                dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
                if (!dbus_connection_send(s->connection, m, NULL))
                        g_atomic_int_inc(&s->wrong);
                dbus_message_unref(m);
        }
        return NULL;
}

/* Every message arrives once, with a serial of its own. */
static void sending(void)
{
        enum { EACH = 500, ALL = N_THREADS * EACH };
        struct raw *r = raw_listen();
        struct shared s = {dbus_connection_open_private(r->address, NULL), 0, 0, EACH};
        struct looping l = {loop_new(), 0};
        g_autofree bool *seen = g_new0(bool, ALL), *serials = g_new0(bool, ALL + 1);
        GThread *thread, *senders[N_THREADS];

        loop_add(l.loop, s.connection, NULL);
        raw_accept(r, l.loop);
        raw_welcome(r, l.loop, true);
        thread = g_thread_new("loop", run_loop, &l);
        for (int i = 0; i < N_THREADS; i++)
                senders[i] = g_thread_new("send", send_often, &s);
        for (int i = 0; i < ALL; i++) {
                DBusMessage *m = raw_message(r, NULL);
                int number = -1;

                if (!m) {
                        g_test_fail_printf("the connection has ended");
                        break;
                }
                dbus_message_get_args(m, NULL, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
                g_assert_cmpint(number, >=, 0);
                g_assert_false(seen[number]);
                seen[number] = true;
                g_assert_cmpuint(dbus_message_get_serial(m), <=, ALL);
                g_assert_false(serials[dbus_message_get_serial(m)]);
                serials[dbus_message_get_serial(m)] = true;
                dbus_message_unref(m);
        }
        for (int i = 0; i < N_THREADS; i++)
                g_thread_join(senders[i]);
        g_assert_cmpint(s.wrong, ==, 0);
        g_atomic_int_set(&l.stop, 1);
        loop_wake(l.loop);
        g_thread_join(thread);
        loop_free(l.loop);
        connection_end(s.connection);
        raw_free(r);
}

static gpointer reference_often(gpointer data)
{
        DBusConnection *c = data;

        for (int i = 0; i < 20000; i++) {
                dbus_connection_ref(c);
                dbus_connection_unref(c);
        }
        return NULL;
}

static void references(void)
{
        struct peers *p = peers_new(NULL);

        in_threads(reference_often, p->client, N_THREADS);
        g_assert_true(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

static gpointer reference_message_often(gpointer data)
{
        DBusMessage *m = data;

        for (int i = 0; i < 20000; i++) {
                dbus_message_ref(m);
                dbus_message_unref(m);
        }
        return NULL;
}

static void message_references(void)
{
        DBusMessage *m = signal_new("/a", "S");

        in_threads(reference_message_often, m, N_THREADS);
        g_assert_cmpstr(dbus_message_get_member(m), ==, "S");
        dbus_message_unref(m);
}

static gpointer make_messages(gpointer data)
{
        (void)data;
        for (int i = 0; i < 5000; i++)
                dbus_message_unref(signal_new("/a", "S"));
        return NULL;
}

static void making_messages(void)
{
        in_threads(make_messages, NULL, N_THREADS);
}

static dbus_int32_t slot = -1;

static gpointer use_slots(gpointer data)
{
        for (int i = 0; i < 2000; i++) {
                dbus_int32_t own = -1;

                g_assert_true(dbus_connection_allocate_data_slot(&own));
                dbus_connection_free_data_slot(&own);
                g_assert_true(dbus_connection_get_data(data, slot) == &slot);
        }
        return NULL;
}

static void slots(void)
{
        struct peers *p = peers_new(NULL);

        g_assert_true(dbus_connection_allocate_data_slot(&slot));
        g_assert_true(dbus_connection_set_data(p->client, slot, &slot, NULL));
        in_threads(use_slots, p->client, N_THREADS);
        dbus_connection_free_data_slot(&slot);
        peers_free(p);
}

static gpointer open_and_call(gpointer data)
{
        struct shared s = {dbus_connection_open(data, NULL), 0, 0, 20};

        g_assert_nonnull(s.connection);
        call_often(&s);
        g_assert_cmpint(s.wrong, ==, 0);
        dbus_connection_unref(s.connection);
        return NULL;
}

/* All of them come at the same time for one that is shared. */
static void opening_shared(void)
{
        struct helper *h = helper_new(NULL);

        in_threads(open_and_call, (gpointer)(guintptr)helper_address(h), N_THREADS);
        helper_free(h);
}

static gpointer open_private_and_call(gpointer data)
{
        for (int i = 0; i < 5; i++) {
                struct shared s = {dbus_connection_open_private(data, NULL), 0, 0, 10};

                g_assert_nonnull(s.connection);
                call_often(&s);
                g_assert_cmpint(s.wrong, ==, 0);
                connection_end(s.connection);
        }
        return NULL;
}

static void opening_private(void)
{
        struct helper *h = helper_new(NULL);

        in_threads(open_private_and_call, (gpointer)(guintptr)helper_address(h), N_THREADS);
        helper_free(h);
}

static gpointer register_it(gpointer data)
{
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_bus_register(data, &error));
        expect_no_error(&error);
        g_assert_nonnull(dbus_bus_get_unique_name(data));
        return NULL;
}

/* Only one of them says Hello. */
static void registering(void)
{
        struct bus *b = bus_new(NULL);

        for (int i = 0; i < 10; i++) {
                DBusConnection *c = dbus_connection_open_private(b->address, NULL);

                in_threads(register_it, c, N_THREADS);
                connection_end(c);
        }
        bus_free(b);
}

/* One thread waits, and the other end goes. */
static gpointer wait_for_nothing(gpointer data)
{
        DBusMessage *m = call_new("/a", "Nothing"), *reply;
        DBusError error = DBUS_ERROR_INIT;

        reply = dbus_connection_send_with_reply_and_block(data, m, DBUS_TIMEOUT_INFINITE, &error);
        g_assert_null(reply);
        g_assert_true(dbus_error_is_set(&error));
        dbus_error_free(&error);
        dbus_message_unref(m);
        return NULL;
}

static void ended_by_the_other(void)
{
        struct raw *r = raw_listen();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);
        GThread *waiting;

        waiting = g_thread_new("wait", wait_for_nothing, c);
        raw_accept(r, NULL);
        raw_welcome(r, NULL, true);
        dbus_message_unref(raw_message(r, NULL));
        raw_close(r);
        g_thread_join(waiting);
        g_assert_false(dbus_connection_get_is_connected(c));
        connection_end(c);
        raw_free(r);
}

/* What is borrowed keeps others waiting until it is returned. */
static gpointer dispatch_once(gpointer data)
{
        struct pump *p = data;

        dbus_connection_dispatch(p->connection);
        g_atomic_int_set(&p->stop, 1);
        return NULL;
}

static void borrowed(void)
{
        struct peers *p = peers_new(NULL);
        struct pump dispatching = {p->service, 0, 0};
        DBusMessage *m;
        GThread *thread;

        loop_remove(p->loop, p->service);
        send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->service, 0);
        m = dbus_connection_borrow_message(p->service);
        g_assert_nonnull(m);
        thread = g_thread_new("dispatch", dispatch_once, &dispatching);
        g_usleep(50 * 1000);
        g_assert_cmpint(g_atomic_int_get(&dispatching.stop), ==, 0);
        dbus_connection_return_message(p->service, m);
        g_thread_join(thread);
        g_assert_cmpint(dispatching.stop, ==, 1);
        g_assert_null(dbus_connection_pop_message(p->service));
        peers_free(p);
}

/*
 * Callbacks that call what they like on their connection, while it is in use: none of these is
 * called with a lock that they would need. Watch and timeout functions are: the manual says so.
 */
static void poke(DBusConnection *c)
{
        unsigned long number;
        char **children = NULL;
        char *id = dbus_connection_get_server_id(c);
        void *data;
        int fd;

        dbus_free(id);
        dbus_connection_ref(c);
        dbus_connection_get_is_connected(c);
        dbus_connection_get_is_authenticated(c);
        dbus_connection_get_is_anonymous(c);
        dbus_connection_get_unix_user(c, &number);
        dbus_connection_get_unix_fd(c, &fd);
        dbus_connection_has_messages_to_send(c);
        dbus_connection_get_outgoing_size(c);
        dbus_connection_get_max_received_size(c);
        dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD);
        dbus_connection_get_object_path_data(c, "/", &data);
        dbus_connection_list_registered(c, "/", &children);
        dbus_free_string_array(children);
        dbus_bus_get_unique_name(c);
        send_away(c, signal_new("/a", "Poked"));
        dbus_connection_unref(c);
}

static DBusConnection *poked;
static int pokes;

static DBusHandlerResult poke_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)message;
        (void)data;
        poke(connection);
        pokes++;
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void poke_free(void *data)
{
        (void)data;
        poke(poked);
        pokes++;
}

static void poke_notify(DBusPendingCall *pending, void *data)
{
        (void)data;
        (void)pending;
        poke(poked);
        pokes++;
}

static void poke_unregister(DBusConnection *connection, void *data)
{
        (void)data;
        poke(connection);
        pokes++;
}

static dbus_bool_t poke_user(DBusConnection *connection, unsigned long uid, void *data)
{
        (void)uid;
        (void)data;
        dbus_connection_get_is_connected(connection);
        pokes++;
        return TRUE;
}

static void callbacks(void)
{
        static const DBusObjectPathVTable vtable = {.message_function = poke_filter,
                                                    .unregister_function = poke_unregister};
        struct peers *p = peers_new(NULL);
        DBusMessage *m =
                dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping");
        DBusPendingCall *pending;

        pokes = 0;
        poked = p->client;
        dbus_connection_add_filter(p->client, poke_filter, NULL, poke_free);
        dbus_connection_register_object_path(p->client, "/a", &vtable, NULL);
        send_away(p->service, call_new("/a", "M"));
        dbus_connection_send_with_reply(p->client, m, &pending, -1);
        dbus_pending_call_set_notify(pending, poke_notify, NULL, poke_free);
        loop_settle(p->loop);
        dbus_pending_call_unref(pending);
        g_assert_true(dbus_connection_unregister_object_path(p->client, "/a"));
        dbus_connection_remove_filter(p->client, poke_filter, NULL);
        note("pokes: %d", pokes);
        g_assert_cmpint(pokes, ==, 6);
        dbus_message_unref(m);
        peers_free(p);
}

static void poke_replaced(void *data)
{
        (void)data;
        poke(poked);
        pokes++;
}

static void wake_nobody(void *data)
{
        (void)data;
}

static void tell_nobody(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
        (void)connection;
        (void)status;
        (void)data;
}

/* The functions that free what belongs to others. */
static void free_functions(void)
{
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->client);
        pokes = 0;
        poked = p->client;
        dbus_connection_set_wakeup_main_function(p->client, wake_nobody, NULL, poke_replaced);
        dbus_connection_set_wakeup_main_function(p->client, NULL, NULL, NULL);
        dbus_connection_set_dispatch_status_function(p->client, tell_nobody, &pokes, poke_replaced);
        dbus_connection_set_dispatch_status_function(p->client, NULL, NULL, NULL);
        dbus_connection_set_unix_user_function(p->client, poke_user, NULL, poke_replaced);
        dbus_connection_set_unix_user_function(p->client, NULL, NULL, NULL);
        note("pokes: %d", pokes);
        peers_free(p);
}

/* Forks: a child that has inherited a connection leaves it alone and execs, or ends. */
static void forked(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        int status = -1;
        pid_t pid;

        g_assert_cmpint(call_and_check(c, 1), ==, 1);
        pid = fork();
        if (pid == 0)
                _exit(0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        g_assert_cmpint(call_and_check(c, 2), ==, 2);
        g_assert_true(dbus_connection_get_is_connected(c));
        connection_end(c);
        helper_free(h);
}

static void forked_and_executed(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        g_autoptr(GError) error = NULL;
        g_autofree char *out = NULL;
        int fd = -1;

        g_assert_cmpint(call_and_check(c, 1), ==, 1);
        g_assert_true(dbus_connection_get_unix_fd(c, &fd));
        /* A program of its own has none of it. */
        g_assert_true(
                g_spawn_command_line_sync("/bin/ls -l /proc/self/fd", &out, NULL, NULL, &error));
        g_assert_null(strstr(out, "socket:"));
        g_assert_cmpint(call_and_check(c, 2), ==, 2);
        connection_end(c);
        helper_free(h);
}

/* A child that opens one of its own, while the parent's stays with the parent. */
static void call_in_child(void *data)
{
        DBusConnection *c = dbus_connection_open_private(data, NULL);

        printf("%d\n", call_and_check(c, 17));
        connection_end(c);
}

static void own_in_child(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        struct captured *child;

        g_assert_cmpint(call_and_check(c, 1), ==, 1);
        child = capture(call_in_child, (void *)(guintptr)helper_address(h), NULL);
        note_captured("child", child);
        g_assert_cmpint(child->status, ==, 0);
        captured_free(child);
        g_assert_cmpint(call_and_check(c, 2), ==, 2);
        connection_end(c);
        helper_free(h);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/threads/init/plain", initialisation},
                {"/threads/init/everywhere", initialisation_everywhere},
                {"/threads/blocking/alone", blocking},
                {"/threads/blocking/beside-a-pump", blocking_beside_a_pump},
                {"/threads/blocking/beside-a-loop", blocking_beside_a_loop},
                {"/threads/blocking/ended-by-the-other", ended_by_the_other},
                {"/threads/sending", sending},
                {"/threads/references/connection", references},
                {"/threads/references/message", message_references},
                {"/threads/making-messages", making_messages},
                {"/threads/slots", slots},
                {"/threads/opening/shared", opening_shared},
                {"/threads/opening/private", opening_private},
                {"/threads/registering", registering},
                {"/threads/borrowed", borrowed},
                {"/threads/callbacks/messages", callbacks},
                {"/threads/callbacks/free-functions", free_functions},
                {"/threads/fork/plain", forked},
                {"/threads/fork/exec", forked_and_executed},
                {"/threads/fork/own-in-child", own_in_child},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
