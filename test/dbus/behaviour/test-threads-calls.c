/* SPDX-License-Identifier: MIT */
/* One connection that many threads use at once, each in its own way, until it is closed. */

#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

#define N_THREADS 8
#define N_CALLS   200

/* What the threads have in common. */
struct crowd {
        DBusConnection *connection;
        struct loop *loop;
        gint stop;     /* for threads that go on until then */
        gint answered; /* replies that were the right ones */
        gint notified;
        gint ended; /* calls that ended without a reply */
};

static void run_all(GThreadFunc f, struct crowd *c, int n)
{
        GThread *threads[N_THREADS];

        for (int i = 0; i < n; i++)
                threads[i] = g_thread_new("crowd", f, c);
        for (int i = 0; i < n; i++)
                g_thread_join(threads[i]);
}

static DBusMessage *echo_call(dbus_int32_t number)
{
        DBusMessage *m = call_new("/a", "Echo");

        dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
        return m;
}

static bool is_answer(DBusMessage *reply, dbus_int32_t number)
{
        dbus_int32_t got = -1;

        return dbus_message_get_args(reply, NULL, DBUS_TYPE_INT32, &got, DBUS_TYPE_INVALID) &&
               got == number;
}

/* Returns whether the connection goes on. */
static bool call_blocking(struct crowd *c, dbus_int32_t number)
{
        DBusMessage *m = echo_call(number), *reply;
        DBusError error = DBUS_ERROR_INIT;
        bool goes_on;

        reply = dbus_connection_send_with_reply_and_block(c->connection, m, -1, &error);
        goes_on = reply != NULL;
        if (!reply)
                g_atomic_int_inc(&c->ended);
        else if (is_answer(reply, number))
                g_atomic_int_inc(&c->answered);
        if (reply)
                dbus_message_unref(reply);
        dbus_error_free(&error);
        dbus_message_unref(m);
        return goes_on;
}

static gpointer block_often(gpointer data)
{
        struct crowd *c = data;

        for (int i = 0; i < N_CALLS; i++)
                call_blocking(c, i);
        return NULL;
}

static void on_notify(DBusPendingCall *pending, void *data)
{
        struct crowd *c = data;
        DBusMessage *reply = dbus_pending_call_steal_reply(pending);

        if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_METHOD_RETURN)
                g_atomic_int_inc(&c->answered);
        dbus_message_unref(reply);
        g_atomic_int_inc(&c->notified);
}

static void call_later(struct crowd *c, dbus_int32_t number, bool waits)
{
        DBusMessage *m = echo_call(number);
        DBusPendingCall *pending = NULL;

        g_assert_true(dbus_connection_send_with_reply(c->connection, m, &pending, 20000));
        dbus_message_unref(m);
        if (!pending) {
                g_atomic_int_inc(&c->ended);
                return;
        }
        if (waits) {
                DBusMessage *reply;

                dbus_pending_call_block(pending);
                reply = dbus_pending_call_steal_reply(pending);
                if (is_answer(reply, number))
                        g_atomic_int_inc(&c->answered);
                dbus_message_unref(reply);
        } else {
                g_assert_true(dbus_pending_call_set_notify(pending, on_notify, c, NULL));
                /* It may have been dispatched before there was a function. */
                if (dbus_pending_call_get_completed(pending))
                        g_atomic_int_inc(&c->notified);
        }
        dbus_pending_call_unref(pending);
}

/* Calls whose timeouts come and go in a main loop. */
static gpointer block_on_pending(gpointer data)
{
        for (int i = 0; i < N_CALLS; i++)
                call_later(data, i, true);
        return NULL;
}

static gpointer turn(gpointer data)
{
        struct crowd *c = data;

        while (!g_atomic_int_get(&c->stop))
                loop_turn(c->loop, -1);
        return NULL;
}

static void crowd_stop(struct crowd *c, GThread *turning)
{
        g_atomic_int_set(&c->stop, 1);
        loop_wake(c->loop);
        g_thread_join(turning);
}

/* Several threads call at the same time, while one turns a main loop. */
static void calls_beside_a_loop(GThreadFunc f)
{
        struct helper *h = helper_new(NULL);
        struct crowd c = {.connection = helper_connect(h), .loop = loop_new()};
        GThread *turning;

        loop_add(c.loop, c.connection, NULL);
        turning = g_thread_new("turn", turn, &c);
        run_all(f, &c, N_THREADS);
        crowd_stop(&c, turning);
        g_assert_cmpint(c.answered, ==, N_THREADS * N_CALLS);
        g_assert_cmpint(c.ended, ==, 0);
        loop_free(c.loop);
        connection_end(c.connection);
        helper_free(h);
}

static void blocking_beside_a_loop(void)
{
        calls_beside_a_loop(block_often);
}

static void pending_beside_a_loop(void)
{
        calls_beside_a_loop(block_on_pending);
}

/* Without a loop, all of them read for each other. */
static void pending_alone(void)
{
        struct helper *h = helper_new(NULL);
        struct crowd c = {.connection = helper_connect(h)};

        run_all(block_on_pending, &c, N_THREADS);
        g_assert_cmpint(c.answered, ==, N_THREADS * N_CALLS);
        connection_end(c.connection);
        helper_free(h);
}

/* Calls that notify, dispatched by a thread that does nothing else. */
static gpointer call_and_go_on(gpointer data)
{
        for (int i = 0; i < N_CALLS; i++)
                call_later(data, i, false);
        return NULL;
}

static gpointer dispatch_all(gpointer data)
{
        struct crowd *c = data;

        while (!g_atomic_int_get(&c->stop) &&
               dbus_connection_read_write_dispatch(c->connection, 20))
                continue;
        return NULL;
}

static void notified(void)
{
        struct helper *h = helper_new(NULL);
        struct crowd c = {.connection = helper_connect(h)};
        GThread *dispatching = g_thread_new("dispatch", dispatch_all, &c);
        gint64 deadline = g_get_monotonic_time() + 60 * G_USEC_PER_SEC;

        run_all(call_and_go_on, &c, N_THREADS);
        while (g_atomic_int_get(&c.notified) < N_THREADS * N_CALLS &&
               g_get_monotonic_time() < deadline)
                g_usleep(1000);
        g_assert_cmpint(g_atomic_int_get(&c.notified), >=, N_THREADS * N_CALLS);
        g_atomic_int_set(&c.stop, 1);
        g_thread_join(dispatching);
        connection_end(c.connection);
        helper_free(h);
}

/* All at once */

static DBusHandlerResult look(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)message;
        (void)data;
        dbus_connection_get_is_connected(connection);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static gpointer do_all(gpointer data)
{
        struct crowd *c = data;
        DBusConnection *connection = dbus_connection_ref(c->connection);

        for (int i = 0; !g_atomic_int_get(&c->stop) && i < 100000; i++) {
                switch (i % 6) {
                case 0:
                        call_blocking(c, i);
                        break;
                case 1:
                        call_later(c, i, true);
                        break;
                case 2:
                        call_later(c, i, false);
                        break;
                case 3:
                        send_away(connection, signal_new("/a", "S"));
                        break;
                case 4:
                        dbus_connection_flush(connection);
                        break;
                default:
                        dbus_connection_add_filter(connection, look, c, NULL);
                        dbus_connection_get_outgoing_size(connection);
                        dbus_connection_remove_filter(connection, look, c);
                }
        }
        dbus_connection_unref(connection);
        return NULL;
}

/* Until one thread closes it. Who waits then is told. */
static void closed_under_way(void)
{
        for (int round = 0; round < 10; round++) {
                struct helper *h = helper_new(NULL);
                struct crowd c = {.connection = helper_connect(h), .loop = loop_new()};
                GThread *threads[N_THREADS], *turning = NULL;

                if (round % 2) {
                        loop_add(c.loop, c.connection, NULL);
                        turning = g_thread_new("turn", turn, &c);
                }
                for (int i = 0; i < N_THREADS; i++)
                        threads[i] = g_thread_new("all", do_all, &c);
                g_usleep(20000);
                if (turning)
                        crowd_stop(&c, turning);
                dbus_connection_close(c.connection);
                g_atomic_int_set(&c.stop, 1);
                for (int i = 0; i < N_THREADS; i++)
                        g_thread_join(threads[i]);
                g_assert_false(dbus_connection_get_is_connected(c.connection));
                loop_free(c.loop);
                while (dbus_connection_dispatch(c.connection) == DBUS_DISPATCH_DATA_REMAINS)
                        continue;
                dbus_connection_unref(c.connection);
                helper_free(h);
        }
}

/* A loop is set up for a connection that others use already, and taken away again. */
static gpointer call_until_stopped(gpointer data)
{
        struct crowd *c = data;

        while (!g_atomic_int_get(&c->stop) && call_blocking(c, 1))
                call_later(c, 2, true);
        return NULL;
}

/* Functions of a main loop that only count, with data that goes as soon as it may. */

static dbus_bool_t count_watch(DBusWatch *watch, void *data)
{
        gint *count = data;

        (void)watch;
        *count += 1;
        return TRUE;
}

static void count_watch_change(DBusWatch *watch, void *data)
{
        count_watch(watch, data);
}

static dbus_bool_t count_timeout(DBusTimeout *timeout, void *data)
{
        gint *count = data;

        (void)timeout;
        *count += 1;
        return TRUE;
}

static void count_timeout_change(DBusTimeout *timeout, void *data)
{
        count_timeout(timeout, data);
}

static void count_wakeup(void *data)
{
        gint *count = data;

        *count += 1;
}

static void set_up(DBusConnection *c)
{
        g_assert_true(dbus_connection_set_watch_functions(
                c, count_watch, count_watch_change, count_watch_change, g_new0(gint, 1), g_free));
        g_assert_true(dbus_connection_set_timeout_functions(c, count_timeout, count_timeout_change,
                                                            count_timeout_change, g_new0(gint, 1),
                                                            g_free));
        dbus_connection_set_wakeup_main_function(c, count_wakeup, g_new0(gint, 1), g_free);
}

static void take_away(DBusConnection *c)
{
        dbus_connection_set_watch_functions(c, NULL, NULL, NULL, NULL, NULL);
        dbus_connection_set_timeout_functions(c, NULL, NULL, NULL, NULL, NULL);
        dbus_connection_set_wakeup_main_function(c, NULL, NULL, NULL);
}

static void loop_replaced(void)
{
        struct helper *h = helper_new(NULL);
        struct crowd c = {.connection = helper_connect(h)};
        GThread *threads[4];

        for (int i = 0; i < 4; i++)
                threads[i] = g_thread_new("call", call_until_stopped, &c);
        for (int i = 0; i < 300; i++) {
                set_up(c.connection);
                g_usleep(100);
                take_away(c.connection);
        }
        g_atomic_int_set(&c.stop, 1);
        for (int i = 0; i < 4; i++)
                g_thread_join(threads[i]);
        g_assert_cmpint(c.ended, ==, 0);
        g_assert_cmpint(c.answered, >, 0);
        connection_end(c.connection);
        helper_free(h);
}

/* A bus whose connection is got and lost. */
static gpointer get_and_lose(gpointer data)
{
        (void)data;
        for (int i = 0; i < 50; i++) {
                DBusConnection *c = dbus_bus_get(DBUS_BUS_SESSION, NULL);
                DBusMessage *m;

                g_assert_nonnull(c);
                dbus_connection_set_exit_on_disconnect(c, FALSE);
                /* Buses do not like a second Hello, or what is no message at all. */
                m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, "/org/freedesktop/DBus/Local",
                                                 DBUS_INTERFACE_LOCAL, "Disconnected");
                dbus_connection_send(c, m, NULL);
                dbus_message_unref(m);
                dbus_connection_flush(c);
                dbus_connection_read_write(c, 10);
                dbus_connection_unref(c);
        }
        return NULL;
}

static void bus_lost(void)
{
        struct bus *b = bus_new(NULL);
        GThread *threads[4];

        g_setenv("DBUS_SESSION_BUS_ADDRESS", b->address, TRUE);
        for (int i = 0; i < 4; i++)
                threads[i] = g_thread_new("get", get_and_lose, NULL);
        for (int i = 0; i < 4; i++)
                g_thread_join(threads[i]);
        g_unsetenv("DBUS_SESSION_BUS_ADDRESS");
        dbus_shutdown();
        bus_free(b);
}

/* A process is forked while a thread waits: what the child does with its copy of the connection is
 * none of that thread's business. */

struct waiter {
        DBusConnection *connection;
        DBusMessage *reply;
};

static gpointer wait_for_it(gpointer data)
{
        struct waiter *w = data;
        DBusMessage *m = call_new("/a", "Slowly");

        w->reply = dbus_connection_send_with_reply_and_block(w->connection, m, 30000, NULL);
        dbus_message_unref(m);
        return NULL;
}

/* Until a thread sleeps in the kernel, as far as that can be seen: it has sent, and no more. */
static void let_it_sleep(void)
{
        g_usleep(100 * 1000);
}

static void forked_beside_a_waiter(void)
{
        struct raw *r = raw_listen();
        struct waiter w = {.connection = dbus_connection_open_private(r->address, NULL)};
        GThread *waiting = g_thread_new("wait", wait_for_it, &w);
        DBusMessage *call, *reply;
        int status = -1;
        pid_t pid;

        raw_accept(r, NULL);
        raw_welcome(r, NULL, true);
        call = raw_message(r, NULL);
        let_it_sleep();
        pid = fork();
        if (pid == 0) {
                dbus_connection_close(w.connection);
                dbus_connection_unref(w.connection);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        reply = dbus_message_new_method_return(call);
        dbus_message_set_serial(reply, 1);
        raw_send(r, reply);
        g_thread_join(waiting);
        g_assert_nonnull(w.reply);
        dbus_message_unref(w.reply);
        dbus_message_unref(call);
        connection_end(w.connection);
        raw_free(r);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/threads/calls/blocking-beside-a-loop", blocking_beside_a_loop},
                {"/threads/calls/pending-beside-a-loop", pending_beside_a_loop},
                {"/threads/calls/pending-alone", pending_alone},
                {"/threads/calls/notified", notified},
                {"/threads/calls/closed-under-way", closed_under_way},
                {"/threads/calls/loop-replaced", loop_replaced},
                {"/threads/calls/bus-lost", bus_lost},
                {"/threads/calls/forked-beside-a-waiter", forked_beside_a_waiter},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
