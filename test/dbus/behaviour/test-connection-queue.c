/* SPDX-License-Identifier: MIT */
/* The incoming queue by hand: borrow, return, steal, pop; and the loops for those without one. */

#include <signal.h>
#include <string.h>
#include <sys/time.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

/* A service that nobody but the test reads from. */
static struct peers *unwatched(void)
{
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->service);
        return p;
}

static void send_numbered(struct peers *p, unsigned n)
{
        for (dbus_uint32_t i = 0; i < n; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_UINT32, &i, DBUS_TYPE_INVALID);
                send_away(p->client, m);
        }
        loop_settle(p->loop);
        g_assert_true(dbus_connection_read_write(p->service, 0));
}

static int number_of(DBusMessage *m)
{
        dbus_uint32_t n = 4711;

        g_assert_nonnull(m);
        dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        return (int)n;
}

static void empty(void)
{
        struct peers *p = unwatched();

        g_assert_null(dbus_connection_borrow_message(p->service));
        g_assert_null(dbus_connection_pop_message(p->service));
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_COMPLETE);
        g_assert_cmpint(dbus_connection_dispatch(p->service), ==, DBUS_DISPATCH_COMPLETE);
        peers_free(p);
}

static void pop(void)
{
        struct peers *p = unwatched();

        send_numbered(p, 3);
        for (int i = 0; i < 3; i++) {
                DBusMessage *m;

                g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                                DBUS_DISPATCH_DATA_REMAINS);
                m = dbus_connection_pop_message(p->service);
                g_assert_cmpint(number_of(m), ==, i);
                dbus_message_unref(m);
        }
        g_assert_null(dbus_connection_pop_message(p->service));
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_COMPLETE);
        peers_free(p);
}

static DBusHandlerResult count(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        ++*(int *)data;
        return DBUS_HANDLER_RESULT_HANDLED;
}

static void pop_bypasses_handlers(void)
{
        struct peers *p = unwatched();
        int seen = 0;

        dbus_connection_add_filter(p->service, count, &seen, NULL);
        send_numbered(p, 2);
        dbus_message_unref(dbus_connection_pop_message(p->service));
        g_assert_cmpint(seen, ==, 0);
        g_assert_cmpint(dbus_connection_dispatch(p->service), ==, DBUS_DISPATCH_COMPLETE);
        g_assert_cmpint(seen, ==, 1);
        peers_free(p);
}

static void popped_outlives_connection(void)
{
        struct peers *p = unwatched();
        DBusMessage *m;

        send_numbered(p, 1);
        m = dbus_connection_pop_message(p->service);
        peers_free(p);
        g_assert_cmpint(number_of(m), ==, 0);
        dbus_message_unref(m);
}

static void borrow_and_return(void)
{
        struct peers *p = unwatched();
        DBusMessage *first, *again;

        send_numbered(p, 2);
        first = dbus_connection_borrow_message(p->service);
        g_assert_cmpint(number_of(first), ==, 0);
        dbus_connection_return_message(p->service, first);
        again = dbus_connection_borrow_message(p->service);
        g_assert_true(again == first);
        dbus_connection_return_message(p->service, again);
        again = dbus_connection_pop_message(p->service);
        g_assert_true(again == first);
        dbus_message_unref(again);
        peers_free(p);
}

static void borrow_and_steal(void)
{
        struct peers *p = unwatched();
        DBusMessage *first, *second;

        send_numbered(p, 2);
        first = dbus_connection_borrow_message(p->service);
        dbus_connection_steal_borrowed_message(p->service, first);
        second = dbus_connection_borrow_message(p->service);
        g_assert_cmpint(number_of(second), ==, 1);
        dbus_connection_steal_borrowed_message(p->service, second);
        g_assert_null(dbus_connection_borrow_message(p->service));
        peers_free(p);
        g_assert_cmpint(number_of(first), ==, 0);
        dbus_message_unref(first);
        dbus_message_unref(second);
}

/* Status and reading go on while a message is lent. */
static void while_borrowed(void)
{
        struct peers *p = unwatched();
        DBusMessage *m;

        send_numbered(p, 1);
        m = dbus_connection_borrow_message(p->service);
        note("status: %s", dispatch_status_name(dbus_connection_get_dispatch_status(p->service)));
        send_numbered(p, 1);
        note("status: %s", dispatch_status_name(dbus_connection_get_dispatch_status(p->service)));
        dbus_connection_steal_borrowed_message(p->service, m);
        note("status: %s", dispatch_status_name(dbus_connection_get_dispatch_status(p->service)));
        dbus_message_unref(m);
        m = dbus_connection_pop_message(p->service);
        g_assert_nonnull(m);
        dbus_message_unref(m);
        g_assert_null(dbus_connection_pop_message(p->service));
        peers_free(p);
}

static void disconnected_can_be_popped(void)
{
        struct peers *p = unwatched();
        DBusMessage *m;

        send_numbered(p, 1);
        dbus_connection_close(p->service);
        m = dbus_connection_pop_message(p->service);
        g_assert_cmpint(number_of(m), ==, 0);
        dbus_message_unref(m);
        m = dbus_connection_pop_message(p->service);
        g_assert_true(dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected"));
        note_message("popped", m);
        note_text("sender", dbus_message_get_sender(m));
        note("serial %u", dbus_message_get_serial(m));
        dbus_message_unref(m);
        g_assert_null(dbus_connection_pop_message(p->service));
        peers_free(p);
}

static void read_write_timeout(void)
{
        struct peers *p = unwatched();
        gint64 start = g_get_monotonic_time();

        g_assert_true(dbus_connection_read_write(p->service, 0));
        g_assert_true(dbus_connection_read_write(p->service, 50));
        g_assert_cmpint(g_get_monotonic_time() - start, >=, 49 * 1000);
        start = g_get_monotonic_time();
        g_assert_true(dbus_connection_read_write_dispatch(p->service, 50));
        g_assert_cmpint(g_get_monotonic_time() - start, >=, 49 * 1000);
        peers_free(p);
}

static volatile sig_atomic_t n_alarms;

static void count_alarm(int number)
{
        n_alarms += number == SIGALRM;
}

/* A signal that the application handles ends no wait before its time. */
static void read_write_interrupted(void)
{
        static dbus_bool_t (*const waits[])(DBusConnection *, int) = {
                dbus_connection_read_write,
                dbus_connection_read_write_dispatch,
        };
        struct peers *p = unwatched();
        struct sigaction old, handler = {.sa_handler = count_alarm};

        g_assert_cmpint(sigaction(SIGALRM, &handler, &old), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
                struct itimerval soon = {.it_value.tv_usec = 20000};
                gint64 start = g_get_monotonic_time();

                n_alarms = 0;
                g_assert_cmpint(setitimer(ITIMER_REAL, &soon, NULL), ==, 0);
                g_assert_true(waits[i](p->service, 80));
                g_assert_cmpint(g_get_monotonic_time() - start, >=, 79 * 1000);
                g_assert_cmpint(n_alarms, ==, 1);
        }
        sigaction(SIGALRM, &old, NULL);
        peers_free(p);
}

static void read_write_closed(void)
{
        struct peers *p = unwatched();

        dbus_connection_close(p->service);
        g_assert_false(dbus_connection_read_write(p->service, 0));
        g_assert_false(dbus_connection_read_write(p->service, -1));
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_DATA_REMAINS);
        peers_free(p);
}

static void read_write_gone(void)
{
        struct peers *p = unwatched();

        send_numbered(p, 2);
        dbus_connection_close(p->client);
        while (dbus_connection_read_write(p->service, -1))
                continue;
        g_assert_false(dbus_connection_get_is_connected(p->service));
        for (int i = 0; i < 2; i++) {
                DBusMessage *m = dbus_connection_pop_message(p->service);

                g_assert_cmpint(number_of(m), ==, i);
                dbus_message_unref(m);
        }
        peers_free(p);
}

/* Both the authentication and the messages need nothing but this. */
static void read_write_is_enough(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *pending;
        DBusMessage *m = call_new("/a", "Echo");

        g_assert_true(dbus_connection_send_with_reply(c, m, &pending, -1));
        while (!dbus_pending_call_get_completed(pending) &&
               dbus_connection_read_write_dispatch(c, -1))
                continue;
        g_assert_true(dbus_pending_call_get_completed(pending));
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

/* It dispatches one a call, and does not block as long as there is one. */
static void dispatches_one(void)
{
        struct peers *p = unwatched();
        int seen = 0;

        dbus_connection_add_filter(p->service, count, &seen, NULL);
        send_numbered(p, 3);
        for (int i = 1; i <= 3; i++) {
                g_assert_true(dbus_connection_read_write_dispatch(p->service, -1));
                g_assert_cmpint(seen, ==, i);
        }
        peers_free(p);
}

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        note_message(data, message);
        note("connected: %d", dbus_connection_get_is_connected(connection));
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void until_disconnected(void)
{
        struct peers *p = unwatched();
        char name[] = "service";
        int turns = 0;

        dbus_connection_add_filter(p->service, note_filter, name, NULL);
        send_numbered(p, 2);
        dbus_connection_close(p->client);
        while (dbus_connection_read_write_dispatch(p->service, -1))
                g_assert_cmpint(++turns, <, 100);
        g_assert_false(dbus_connection_read_write_dispatch(p->service, -1));
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->service), ==,
                        DBUS_DISPATCH_COMPLETE);
        peers_free(p);
}

static void popped_disconnected(void)
{
        struct peers *p = unwatched();
        DBusMessage *m;

        dbus_connection_close(p->service);
        m = dbus_connection_pop_message(p->service);
        g_assert_true(dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected"));
        dbus_message_unref(m);
        note("read_write_dispatch: %d", dbus_connection_read_write_dispatch(p->service, 0));
        note("read_write: %d", dbus_connection_read_write(p->service, 0));
        peers_free(p);
}

/* Of as many messages as there are, only as many are read as the limit allows, until they go. */
static void max_received_size(void)
{
        enum { N = 20, SIZE = 100000 };
        struct peers *p = unwatched();
        g_autofree char *text = g_strnfill(SIZE, 'x');
        g_autoptr(GPtrArray) held =
                g_ptr_array_new_with_free_func((GDestroyNotify)dbus_message_unref);
        DBusMessage *m;
        guint after_limit, all = 0;

        dbus_connection_set_max_received_size(p->service, 3 * SIZE);
        for (int i = 0; i < N; i++) {
                m = signal_new("/a", "S");
                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                send_away(p->client, m);
        }
        for (int i = 0; i < 10 * N; i++) {
                loop_settle(p->loop);
                g_assert_true(dbus_connection_read_write(p->service, 0));
                while ((m = dbus_connection_pop_message(p->service)))
                        g_ptr_array_add(held, m);
        }
        after_limit = held->len;
        g_assert_cmpuint(after_limit, >=, 3);
        g_assert_cmpuint(after_limit, <, N / 2);
        all = after_limit;
        g_ptr_array_set_size(held, 0);
        while (all < N) {
                loop_settle(p->loop);
                g_assert_true(dbus_connection_read_write(p->service, 0));
                while ((m = dbus_connection_pop_message(p->service))) {
                        dbus_message_unref(m);
                        all++;
                }
        }
        peers_free(p);
}

/* Who lets go of what has been received gets all of it, without asking for more himself. */
static void max_received_size_in_loop(void)
{
        enum { N = 20, SIZE = 100000 };
        struct peers *p = peers_new(NULL);
        g_autofree char *text = g_strnfill(SIZE, 'x');
        int seen = 0;

        dbus_connection_add_filter(p->service, count, &seen, NULL);
        dbus_connection_set_max_received_size(p->service, 3 * SIZE);
        for (int i = 0; i < N; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                send_away(p->client, m);
        }
        loop_settle(p->loop);
        g_assert_cmpint(seen, ==, N);
        peers_free(p);
}

static DBusHandlerResult keep(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        g_ptr_array_add(data, dbus_message_ref(message));
        return DBUS_HANDLER_RESULT_HANDLED;
}

/* Who keeps them makes the watch for reading stop, and go on when they are gone. */
static void max_received_size_kept(void)
{
        enum { N = 20, SIZE = 100000 };
        struct peers *p = peers_new(NULL);
        g_autofree char *text = g_strnfill(SIZE, 'x');
        g_autoptr(GPtrArray) held =
                g_ptr_array_new_with_free_func((GDestroyNotify)dbus_message_unref);
        guint all;

        dbus_connection_add_filter(p->client, keep, held, NULL);
        dbus_connection_set_max_received_size(p->client, 3 * SIZE);
        for (int i = 0; i < N; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                send_away(p->service, m);
        }
        loop_settle(p->loop);
        all = held->len;
        g_assert_cmpuint(all, >=, 3);
        g_assert_cmpuint(all, <, N / 2);
        for (int i = 0; all < N && i < N; i++) {
                g_ptr_array_set_size(held, 0);
                loop_settle(p->loop);
                all += held->len;
        }
        g_assert_cmpuint(all, ==, N);
        peers_free(p);
}

static void max_received_fds(void)
{
        enum { N = 20 };
        struct peers *p = unwatched();
        g_autoptr(GPtrArray) held =
                g_ptr_array_new_with_free_func((GDestroyNotify)dbus_message_unref);
        DBusMessage *m;
        guint all;
        int in = 0;

        dbus_connection_set_max_received_unix_fds(p->service, 4);
        for (int i = 0; i < N; i++) {
                m = signal_new("/a", "S");
                dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &in, DBUS_TYPE_INVALID);
                send_away(p->client, m);
        }
        for (int i = 0; i < 10 * N; i++) {
                loop_settle(p->loop);
                g_assert_true(dbus_connection_read_write(p->service, 0));
                while ((m = dbus_connection_pop_message(p->service)))
                        g_ptr_array_add(held, m);
        }
        note("held: %u", held->len);
        all = held->len;
        g_assert_cmpuint(all, <, N);
        g_ptr_array_set_size(held, 0);
        while (all < N) {
                loop_settle(p->loop);
                g_assert_true(dbus_connection_read_write(p->service, 0));
                while ((m = dbus_connection_pop_message(p->service))) {
                        dbus_message_unref(m);
                        all++;
                }
        }
        peers_free(p);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/queue/empty", empty},
                {"/queue/pop", pop},
                {"/queue/pop-bypasses-handlers", pop_bypasses_handlers},
                {"/queue/popped-outlives-connection", popped_outlives_connection},
                {"/queue/borrow-and-return", borrow_and_return},
                {"/queue/borrow-and-steal", borrow_and_steal},
                {"/queue/while-borrowed", while_borrowed},
                {"/queue/disconnected-popped", disconnected_can_be_popped},
                {"/queue/read-write/timeout", read_write_timeout},
                {"/queue/read-write/interrupted", read_write_interrupted},
                {"/queue/read-write/closed", read_write_closed},
                {"/queue/read-write/gone", read_write_gone},
                {"/queue/read-write/is-enough", read_write_is_enough},
                {"/queue/read-write/dispatches-one", dispatches_one},
                {"/queue/read-write/until-disconnected", until_disconnected},
                {"/queue/read-write/popped-disconnected", popped_disconnected},
                {"/queue/max-received/size", max_received_size},
                {"/queue/max-received/size-in-loop", max_received_size_in_loop},
                {"/queue/max-received/size-kept", max_received_size_kept},
                {"/queue/max-received/fds", max_received_fds},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
