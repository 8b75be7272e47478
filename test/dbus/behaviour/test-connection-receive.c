/* SPDX-License-Identifier: MIT */
/* Receiving: what the other end may send, whole or in part, and what is too much. */

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        note_message(data, message);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void note_all(DBusConnection *connection, const char *name)
{
        g_assert_true(
                dbus_connection_add_filter(connection, note_filter, (void *)(guintptr)name, NULL));
}

static DBusMessage *with_fd(void)
{
        DBusMessage *m = call_new("/a", "M");
        int in = STDIN_FILENO;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &in, DBUS_TYPE_INVALID));
        return m;
}

/* Limits of who receives. */
static void too_large(void)
{
        struct peers *p = peers_new(NULL);
        g_autofree char *text = g_strnfill(2000, 'y');
        DBusMessage *m = signal_new("/a", "S");

        note_all(p->service, "service");
        dbus_connection_set_max_message_size(p->service, 1000);
        send_away(p->client, signal_new("/a", "Small"));
        loop_settle(p->loop);
        g_assert_true(dbus_connection_get_is_connected(p->service));
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        send_away(p->client, m);
        loop_settle(p->loop);
        g_assert_false(dbus_connection_get_is_connected(p->service));
        g_assert_false(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

static void size_at_limit(void)
{
        for (int more = 0; more < 2; more++) {
                struct peers *p = peers_new(NULL);
                g_autofree char *text = g_strnfill(2000, 'y');
                DBusMessage *m = signal_new("/a", "S");
                char *bytes;
                int n;

                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                dbus_message_set_serial(m, 1);
                dbus_message_marshal(m, &bytes, &n);
                dbus_connection_set_max_message_size(p->service, n - more);
                send_away(p->client, m);
                loop_settle(p->loop);
                g_assert_cmpint(dbus_connection_get_is_connected(p->service), ==, !more);
                dbus_free(bytes);
                peers_free(p);
        }
}

static void too_many_fds(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *m = with_fd();
        int in = STDIN_FILENO;

        note_all(p->service, "service");
        dbus_connection_set_max_message_unix_fds(p->service, 1);
        send_away(p->client, with_fd());
        loop_settle(p->loop);
        g_assert_true(dbus_connection_get_is_connected(p->service));
        dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &in, DBUS_TYPE_INVALID);
        send_away(p->client, m);
        loop_settle(p->loop);
        note("connected: %d", dbus_connection_get_is_connected(p->service));
        peers_free(p);
}

/* What the other end may send. */
static void half_a_message(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = signal_new("/a", "S");
        char *bytes;
        int n;

        note_all(b.client, "client");
        dbus_message_set_serial(m, 1);
        dbus_message_marshal(m, &bytes, &n);
        raw_write(b.server, bytes, (size_t)n);
        raw_write(b.server, bytes, (size_t)n - 1);
        loop_settle(b.loop);
        raw_close(b.server);
        loop_settle(b.loop);
        g_assert_false(dbus_connection_get_is_connected(b.client));
        dbus_free(bytes);
        dbus_message_unref(m);
        by_hand_free(&b);
}

static void byte_by_byte(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = signal_new("/a", "S");
        const char *text = "some text";
        char *bytes;
        int n;

        note_all(b.client, "client");
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        dbus_message_set_serial(m, 1);
        dbus_message_marshal(m, &bytes, &n);
        for (int i = 0; i < n; i++) {
                raw_write(b.server, bytes + i, 1);
                loop_settle(b.loop);
        }
        g_assert_true(dbus_connection_get_is_connected(b.client));
        dbus_free(bytes);
        dbus_message_unref(m);
        by_hand_free(&b);
}

/* Those before the bad one are dispatched, those after it are not. */
static void nonsense(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = signal_new("/a", "Before");

        note_all(b.client, "client");
        dbus_message_set_serial(m, 1);
        raw_send(b.server, m);
        raw_print(b.server, "this is no message, whatever it may be");
        loop_settle(b.loop);
        g_assert_false(dbus_connection_get_is_connected(b.client));
        by_hand_free(&b);
}

static void reply_to_nothing(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);

        note_all(b.client, "client");
        dbus_message_set_reply_serial(m, 4711);
        dbus_message_set_serial(m, 1);
        raw_send(b.server, m);
        loop_settle(b.loop);
        g_assert_true(dbus_connection_get_is_connected(b.client));
        by_hand_free(&b);
}

/* A type that the specification does not know has to be ignored. */
static void unknown_type(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = dbus_message_new(77);

        note_all(b.client, "client");
        dbus_message_set_serial(m, 1);
        raw_send(b.server, m);
        loop_settle(b.loop);
        g_assert_true(dbus_connection_get_is_connected(b.client));
        by_hand_free(&b);
}

static void local_signal_from_outside(void)
{
        struct by_hand b = by_hand_new(true);
        /* Written as another interface of the same length, for the library refuses to. */
        DBusMessage *m = dbus_message_new_signal("/org/freedesktop/DBus/Xocal",
                                                 "org.freedesktop.DBus.Xocal", "Disconnected");
        char *bytes, *at;
        int n;

        note_all(b.client, "client");
        dbus_message_set_serial(m, 1);
        dbus_message_marshal(m, &bytes, &n);
        while ((at = memmem(bytes, (size_t)n, "Xocal", 5)))
                *at = 'L';
        raw_write(b.server, bytes, (size_t)n);
        loop_settle(b.loop);
        g_assert_false(dbus_connection_get_is_connected(b.client));
        dbus_free(bytes);
        dbus_message_unref(m);
        by_hand_free(&b);
}

/* What was received before the end can still be dispatched, then comes the end. */
static void received_before_end(void)
{
        struct by_hand b = by_hand_new(true);

        note_all(b.client, "client");
        for (dbus_uint32_t i = 1; i < 4; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_set_serial(m, i);
                raw_send(b.server, m);
        }
        raw_close(b.server);
        loop_settle(b.loop);
        g_assert_false(dbus_connection_get_is_connected(b.client));
        by_hand_free(&b);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/receive/limits/too-large", too_large},
                {"/receive/limits/size-at-limit", size_at_limit},
                {"/receive/limits/too-many-fds", too_many_fds},
                {"/receive/half", half_a_message},
                {"/receive/byte-by-byte", byte_by_byte},
                {"/receive/nonsense", nonsense},
                {"/receive/reply-to-nothing", reply_to_nothing},
                {"/receive/unknown-type", unknown_type},
                {"/receive/local-signal", local_signal_from_outside},
                {"/receive/before-end", received_before_end},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
