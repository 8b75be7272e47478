/* SPDX-License-Identifier: MIT */
/* Sending, with and without a reply, whatever becomes of the connection meanwhile. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
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

static void serials(void)
{
        struct peers *p = peers_new(NULL);
        dbus_uint32_t last = 0;

        for (int i = 0; i < 20; i++) {
                DBusMessage *m = i % 2 ? call_new("/a", "M") : signal_new("/a", "S");
                dbus_uint32_t serial = 0;

                g_assert_true(dbus_connection_send(p->client, m, &serial));
                g_assert_cmpuint(serial, ==, dbus_message_get_serial(m));
                g_assert_cmpuint(serial, >, last);
                note("serial %u", serial);
                last = serial;
                dbus_message_unref(m);
        }
        peers_free(p);
}

/* One that it has, it keeps. */
static void serial_preset(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *m = signal_new("/a", "S");
        dbus_uint32_t serial = 0;

        dbus_message_set_serial(m, 4711);
        g_assert_true(dbus_connection_send(p->client, m, &serial));
        g_assert_cmpuint(serial, ==, 4711);
        g_assert_true(dbus_connection_send(p->client, m, &serial));
        g_assert_cmpuint(serial, ==, 4711);
        dbus_message_unref(m);
        m = signal_new("/a", "S");
        g_assert_true(dbus_connection_send(p->client, m, &serial));
        note("then %u", serial);
        dbus_message_unref(m);
        peers_free(p);
}

static void same_message_twice(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = signal_new("/a", "S"), *got;
        dbus_uint32_t first = 0, second = 0;

        g_assert_true(dbus_connection_send(b.client, m, &first));
        g_assert_true(dbus_connection_send(b.client, m, &second));
        g_assert_cmpuint(first, ==, second);
        for (int i = 0; i < 2; i++) {
                got = raw_message(b.server, b.loop);
                g_assert_cmpuint(dbus_message_get_serial(got), ==, first);
                dbus_message_unref(got);
        }
        dbus_message_unref(m);
        by_hand_free(&b);
}

static void arrives_as_marshalled(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = dbus_message_new_method_call("com.example.To", "/a/b", "a.b", "M");
        DBusMessage *got;
        const char *text = "text";
        char *sent, *received;
        int n_sent, n_received;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        dbus_message_set_no_reply(m, TRUE);
        g_assert_true(dbus_connection_send(b.client, m, NULL));
        got = raw_message(b.server, b.loop);
        dump_message("got", got);
        g_assert_true(dbus_message_marshal(m, &sent, &n_sent));
        g_assert_true(dbus_message_marshal(got, &received, &n_received));
        g_assert_cmpmem(sent, n_sent, received, n_received);
        dbus_free(sent);
        dbus_free(received);
        dbus_message_unref(got);
        dbus_message_unref(m);
        by_hand_free(&b);
}

static void in_order(void)
{
        enum { N = 2000 };
        struct peers *p = peers_new(NULL);
        dbus_uint32_t next = 0;

        loop_remove(p->loop, p->service);
        for (dbus_uint32_t i = 0; i < N; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_UINT32, &i, DBUS_TYPE_INVALID);
                send_away(p->client, m);
        }
        while (next < N) {
                DBusMessage *m;

                loop_settle(p->loop);
                g_assert_true(dbus_connection_read_write(p->service, 0));
                while ((m = dbus_connection_pop_message(p->service))) {
                        dbus_uint32_t i = N;

                        dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &i, DBUS_TYPE_INVALID);
                        g_assert_cmpuint(i, ==, next);
                        next++;
                        dbus_message_unref(m);
                }
        }
        peers_free(p);
}

static void preallocated(void)
{
        struct by_hand b = by_hand_new(true);
        DBusPreallocatedSend *one = dbus_connection_preallocate_send(b.client);
        DBusPreallocatedSend *two = dbus_connection_preallocate_send(b.client);
        DBusMessage *first = signal_new("/a", "First"), *second = signal_new("/a", "Second"), *got;
        dbus_uint32_t serial = 0;

        g_assert_nonnull(one);
        g_assert_nonnull(two);
        /* The order is that of sending. */
        dbus_connection_send_preallocated(b.client, two, first, &serial);
        g_assert_cmpuint(serial, ==, dbus_message_get_serial(first));
        dbus_connection_send_preallocated(b.client, one, second, NULL);
        got = raw_message(b.server, b.loop);
        g_assert_cmpstr(dbus_message_get_member(got), ==, "First");
        dbus_message_unref(got);
        got = raw_message(b.server, b.loop);
        g_assert_cmpstr(dbus_message_get_member(got), ==, "Second");
        dbus_message_unref(got);
        dbus_message_unref(first);
        dbus_message_unref(second);
        by_hand_free(&b);
}

static void preallocated_unused(void)
{
        struct peers *p = peers_new(NULL);
        DBusPreallocatedSend *unused = dbus_connection_preallocate_send(p->client);

        dbus_connection_free_preallocated_send(p->client, unused);
        g_assert_false(dbus_connection_has_messages_to_send(p->client));
        peers_free(p);
}

static void preallocated_after_close(void)
{
        struct peers *p = peers_new(NULL);
        DBusPreallocatedSend *one = dbus_connection_preallocate_send(p->client);
        DBusMessage *m = signal_new("/a", "S");

        dbus_connection_close(p->client);
        dbus_connection_send_preallocated(p->client, one, m, NULL);
        g_assert_cmpuint(dbus_message_get_serial(m), !=, 0);
        note("messages to send: %d", dbus_connection_has_messages_to_send(p->client));
        dbus_message_unref(m);
        peers_free(p);
}

/* It can be queued, and is not sent. */
static void after_close(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *m = call_new("/a", "M");
        dbus_uint32_t serial = 0;

        dbus_connection_close(p->client);
        g_assert_true(dbus_connection_send(p->client, m, &serial));
        note("serial %u, of the message %u", serial, dbus_message_get_serial(m));
        note("messages to send: %d", dbus_connection_has_messages_to_send(p->client));
        dbus_connection_flush(p->client);
        note("messages to send: %d", dbus_connection_has_messages_to_send(p->client));
        dbus_message_unref(m);
        peers_free(p);
}

/* Not for ever: only until the end has been dispatched. */
static void after_end(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *m = signal_new("/a", "S");

        dbus_connection_close(p->client);
        for (int i = 0; i < 4; i++) {
                if (i == 2)
                        while (dbus_connection_dispatch(p->client) == DBUS_DISPATCH_DATA_REMAINS)
                                continue;
                note("messages to send: %d, size %ld",
                     dbus_connection_has_messages_to_send(p->client),
                     dbus_connection_get_outgoing_size(p->client));
                g_assert_true(dbus_connection_send(p->client, m, NULL));
        }
        g_assert_false(dbus_connection_has_messages_to_send(p->client));
        dbus_message_unref(m);
        peers_free(p);
}

static void note_status(DBusConnection *connection, DBusDispatchStatus status, void *data)
{
        (void)connection;
        (void)data;
        note("status %s", dispatch_status_name(status));
}

/* Whoever has read it by other means than the main loop is told that there is something. */
static void tells_what_was_read(void)
{
        struct peers *p = peers_new(NULL);

        dbus_connection_set_dispatch_status_function(p->client, note_status, NULL, NULL);
        send_away(p->service, signal_new("/a", "First"));
        dbus_connection_read_write(p->client, -1);
        note("read");
        send_away(p->client, signal_new("/a", "Second"));
        note("sent");
        while (dbus_connection_dispatch(p->client) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        peers_free(p);
}

static void with_reply_after_close(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *m = call_new("/a", "M");
        int x;
        DBusPendingCall *pending = (void *)&x;

        dbus_connection_close(p->client);
        g_assert_true(dbus_connection_send_with_reply(p->client, m, &pending, -1));
        g_assert_null(pending);
        g_assert_true(dbus_connection_send_with_reply(p->client, m, NULL, -1));
        dbus_message_unref(m);
        peers_free(p);
}

static void block_after_close(void)
{
        struct peers *p = peers_new(NULL);
        DBusMessage *m = call_new("/a", "M");
        DBusError error = DBUS_ERROR_INIT;

        dbus_connection_close(p->client);
        g_assert_null(dbus_connection_send_with_reply_and_block(p->client, m, -1, &error));
        expect_error(&error, DBUS_ERROR_DISCONNECTED);
        g_assert_null(dbus_connection_send_with_reply_and_block(p->client, m, -1, NULL));
        dbus_message_unref(m);
        peers_free(p);
}

/* Before the other end's going has been noticed, with what may be left to read at either end. */
static void block_when_gone(bool unread_there, bool unread_here)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = call_new("/a", "M");
        DBusError error = DBUS_ERROR_INIT;

        if (unread_there) {
                send_away(b.client, signal_new("/a", "S"));
                dbus_connection_flush(b.client);
        }
        if (unread_here) {
                DBusMessage *unread = signal_new("/a", "S");

                dbus_message_set_serial(unread, 1);
                raw_send(b.server, unread);
        }
        raw_close(b.server);
        g_assert_true(dbus_connection_get_is_connected(b.client));
        g_assert_null(dbus_connection_send_with_reply_and_block(b.client, m, -1, &error));
        g_assert_true(dbus_error_is_set(&error));
        note_error("gone", &error);
        g_assert_false(dbus_connection_get_is_connected(b.client));
        dbus_message_unref(m);
        by_hand_free(&b);
}

static void block_gone(void)
{
        block_when_gone(false, false);
}

static void block_gone_unread_there(void)
{
        block_when_gone(true, false);
}

static void block_gone_unread_here(void)
{
        block_when_gone(false, true);
}

static void block_gone_unread_everywhere(void)
{
        block_when_gone(true, true);
}

static void block(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;
        const char *text = "text";
        DBusMessage *m = call_new("/a", "Echo"), *reply;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==, dbus_message_get_serial(m));
        dump_message("reply", reply);
        /* Nothing of it is left. */
        g_assert_null(dbus_connection_borrow_message(c));
        g_assert_cmpint(dbus_connection_get_dispatch_status(c), ==, DBUS_DISPATCH_COMPLETE);
        dbus_message_unref(reply);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void block_error(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/a", "Fail");

        g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
        g_assert_cmpstr(error.message, ==, "as wanted");
        expect_error(&error, "com.example.Error.Failed");
        g_assert_null(dbus_connection_borrow_message(c));
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void block_unknown(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/a", "NoSuchMethod");

        g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
        expect_error(&error, DBUS_ERROR_UNKNOWN_METHOD);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void block_timeout(void)
{
        static const int timeouts[] = {0, 1, 50};
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);

        for (size_t i = 0; i < G_N_ELEMENTS(timeouts); i++) {
                DBusError error = DBUS_ERROR_INIT;
                DBusMessage *m = call_new("/a", "Nothing");
                gint64 start = g_get_monotonic_time();

                g_assert_null(dbus_connection_send_with_reply_and_block(c, m, timeouts[i], &error));
                g_assert_cmpint(g_get_monotonic_time() - start, >=, timeouts[i] * 1000);
                g_assert_true(dbus_connection_get_is_connected(c));
                expect_error(&error, DBUS_ERROR_NO_REPLY);
                dbus_message_unref(m);
        }
        connection_end(c);
        helper_free(h);
}

static void block_closed_meanwhile(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/a", "Close");

        g_assert_null(
                dbus_connection_send_with_reply_and_block(c, m, DBUS_TIMEOUT_INFINITE, &error));
        g_assert_false(dbus_connection_get_is_connected(c));
        expect_error(&error, DBUS_ERROR_NO_REPLY);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

/* While there is something left that came before the end. */
static void block_closed_undispatched(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t n = 1;
        DBusMessage *shout = call_new("/a", "Shout"), *m = call_new("/a", "Close"), *reply;
        DBusPendingCall *pending;

        dbus_message_append_args(shout, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, shout, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        g_assert_true(dbus_connection_send_with_reply(c, shout, &pending, -1));
        g_assert_null(
                dbus_connection_send_with_reply_and_block(c, m, DBUS_TIMEOUT_INFINITE, &error));
        expect_error(&error, DBUS_ERROR_DISCONNECTED);
        dbus_pending_call_block(pending);
        reply = dbus_pending_call_steal_reply(pending);
        dump_message("other", reply);
        dbus_message_unref(reply);
        dbus_pending_call_unref(pending);
        dbus_message_unref(shout);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void block_closed_pending(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        dbus_uint32_t n = 1;
        DBusMessage *shout = call_new("/a", "Shout"), *m = call_new("/a", "Close"), *reply;
        DBusPendingCall *pending;

        dbus_message_append_args(shout, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, shout, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        g_assert_true(dbus_connection_send_with_reply(c, m, &pending, DBUS_TIMEOUT_INFINITE));
        dbus_pending_call_block(pending);
        reply = dbus_pending_call_steal_reply(pending);
        g_assert_true(dbus_message_is_error(reply, DBUS_ERROR_DISCONNECTED));
        dump_message("reply", reply);
        dbus_message_unref(reply);
        dbus_pending_call_unref(pending);
        dbus_message_unref(shout);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void block_no_error_wanted(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusMessage *m = call_new("/a", "Fail");

        g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, NULL));
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

/* What came before the reply stays in the queue, in its order. */
static void block_keeps_others(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        dbus_uint32_t n = 5;
        DBusMessage *m = call_new("/a", "Shout"), *reply;

        note_all(c, "dispatched");
        dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        g_assert_cmpint(dbus_connection_get_dispatch_status(c), ==, DBUS_DISPATCH_DATA_REMAINS);
        for (dbus_uint32_t i = 0; i < n; i++) {
                DBusMessage *got = dbus_connection_pop_message(c);
                dbus_uint32_t number = n;

                dbus_message_get_args(got, NULL, DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID);
                g_assert_cmpuint(number, ==, i);
                dbus_message_unref(got);
        }
        g_assert_null(dbus_connection_pop_message(c));
        dbus_message_unref(reply);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void block_second_reply(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusMessage *m = call_new("/a", "Twice"), *reply, *end = call_new("/a", "Echo");

        note_all(c, "dispatched");
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        reply = dbus_connection_send_with_reply_and_block(c, end, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        /* Nobody waits for it, but the filters see it. */
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        dbus_message_unref(m);
        dbus_message_unref(end);
        connection_end(c);
        helper_free(h);
}

/* What only says it wants no reply gets one from who does not care. */
static void block_no_reply_flag(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/a", "Echo"), *reply;

        dbus_message_set_no_reply(m, TRUE);
        reply = dbus_connection_send_with_reply_and_block(c, m, 200, &error);
        note_message("reply", reply);
        note_error("error", &error);
        if (reply)
                dbus_message_unref(reply);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void large(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        g_autofree char *text = g_strnfill(16 << 20, 'y');
        DBusMessage *m = call_new("/a", "Echo"), *reply;
        const char *got = NULL;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &got, DBUS_TYPE_INVALID);
        g_assert_cmpstr(got, ==, text);
        dbus_message_unref(reply);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void flush(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        g_autofree char *text = g_strnfill(1 << 20, 'y');

        /* Before the authentication is through. */
        send_away(c, signal_new("/a", "S"));
        g_assert_true(dbus_connection_has_messages_to_send(c));
        dbus_connection_flush(c);
        g_assert_true(dbus_connection_get_is_authenticated(c));
        g_assert_false(dbus_connection_has_messages_to_send(c));
        for (int i = 0; i < 8; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                send_away(c, m);
        }
        dbus_connection_flush(c);
        g_assert_false(dbus_connection_has_messages_to_send(c));
        connection_end(c);
        helper_free(h);
}

static void flush_nothing(void)
{
        struct peers *p = peers_new(NULL);

        dbus_connection_flush(p->client);
        dbus_connection_close(p->client);
        dbus_connection_flush(p->client);
        peers_free(p);
}

static ino_t inode_of(int fd)
{
        struct stat s;

        g_assert_cmpint(fstat(fd, &s), ==, 0);
        return s.st_ino;
}

static void fds_both_ways(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        g_autofree char *directory = directory_new();
        int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), got[2] = {-1, -1};
        DBusMessage *m, *reply = NULL;

        /* Whether it can is not known before. */
        m = call_new("/a", "Echo");
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        dbus_message_unref(m);
        dbus_message_unref(reply);
        m = call_new("/a", "Echo");
        dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_UNIX_FD, &fd,
                                 DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        g_assert_true(dbus_message_contains_unix_fds(reply));
        dbus_message_get_args(reply, NULL, DBUS_TYPE_UNIX_FD, &got[0], DBUS_TYPE_UNIX_FD, &got[1],
                              DBUS_TYPE_INVALID);
        for (int i = 0; i < 2; i++) {
                g_assert_cmpint(got[i], !=, fd);
                g_assert_cmpuint(inode_of(got[i]), ==, inode_of(fd));
                g_assert_cmpint(fcntl(got[i], F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
                close(got[i]);
        }
        close(fd);
        dbus_message_unref(m);
        dbus_message_unref(reply);
        connection_end(c);
        helper_free(h);
        directory_free(g_steal_pointer(&directory));
}

static DBusMessage *with_fd(void)
{
        DBusMessage *m = call_new("/a", "M");
        int in = STDIN_FILENO;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &in, DBUS_TYPE_INVALID));
        return m;
}

/* When the other end has not agreed to get any. */
static void fds_refused(void)
{
        struct by_hand b = by_hand_new(false);
        DBusMessage *m = with_fd();
        int x;
        DBusPendingCall *pending = (void *)&x;
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t serial = 4711;

        g_assert_false(dbus_connection_send(b.client, m, &serial));
        g_assert_true(dbus_connection_send_with_reply(b.client, m, &pending, -1) || !pending);
        g_assert_null(pending);
        note("send_with_reply: %d", dbus_connection_send_with_reply(b.client, m, &pending, -1));
        g_assert_null(dbus_connection_send_with_reply_and_block(b.client, m, -1, &error));
        expect_error(&error, DBUS_ERROR_FAILED);
        g_assert_true(dbus_connection_get_is_connected(b.client));
        g_assert_false(dbus_connection_has_messages_to_send(b.client));
        dbus_message_unref(m);
        by_hand_free(&b);
}

/* One that has agreed to get some and is gone is a closed connection like any other: a send that
 * fails would say that memory is short. */
static void fds_after_close(void)
{
        struct by_hand b = by_hand_new(true);
        DBusMessage *m = with_fd();
        int x;
        DBusPendingCall *pending = (void *)&x;
        DBusError error = DBUS_ERROR_INIT;
        dbus_uint32_t serial = 0;

        dbus_connection_close(b.client);
        g_assert_true(dbus_connection_can_send_type(b.client, DBUS_TYPE_UNIX_FD));
        g_assert_true(dbus_connection_send(b.client, m, &serial));
        g_assert_cmpuint(serial, ==, dbus_message_get_serial(m));
        g_assert_true(dbus_connection_send_with_reply(b.client, m, &pending, -1));
        g_assert_null(pending);
        g_assert_null(dbus_connection_send_with_reply_and_block(b.client, m, -1, &error));
        expect_error(&error, DBUS_ERROR_DISCONNECTED);
        dbus_message_unref(m);
        by_hand_free(&b);
}

static void fds_before_authentication(void)
{
        struct raw *r = raw_listen();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);
        DBusMessage *m = with_fd();

        note("send: %d", dbus_connection_send(c, m, NULL));
        dbus_message_unref(m);
        connection_end(c);
        raw_free(r);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/send/serials", serials},
                {"/send/serial-preset", serial_preset},
                {"/send/same-message-twice", same_message_twice},
                {"/send/arrives-as-marshalled", arrives_as_marshalled},
                {"/send/in-order", in_order},
                {"/send/preallocated/used", preallocated},
                {"/send/preallocated/unused", preallocated_unused},
                {"/send/preallocated/after-close", preallocated_after_close},
                {"/send/after-close/send", after_close},
                {"/send/after-close/after-end", after_end},
                {"/send/tells-what-was-read", tells_what_was_read},
                {"/send/after-close/with-reply", with_reply_after_close},
                {"/send/after-close/block", block_after_close},
                {"/send/block/reply", block},
                {"/send/block/error", block_error},
                {"/send/block/unknown-method", block_unknown},
                {"/send/block/timeout", block_timeout},
                {"/send/block/gone/plain", block_gone},
                {"/send/block/gone/unread-there", block_gone_unread_there},
                {"/send/block/gone/unread-here", block_gone_unread_here},
                {"/send/block/gone/unread-everywhere", block_gone_unread_everywhere},
                {"/send/block/closed-meanwhile", block_closed_meanwhile},
                {"/send/block/closed-undispatched", block_closed_undispatched},
                {"/send/block/closed-pending", block_closed_pending},
                {"/send/block/no-error-wanted", block_no_error_wanted},
                {"/send/block/keeps-others", block_keeps_others},
                {"/send/block/second-reply", block_second_reply},
                {"/send/block/no-reply-flag", block_no_reply_flag},
                {"/send/large", large},
                {"/send/flush/all", flush},
                {"/send/flush/nothing", flush_nothing},
                {"/send/fds/both-ways", fds_both_ways},
                {"/send/fds/refused", fds_refused},
                {"/send/fds/after-close", fds_after_close},
                {"/send/fds/before-authentication", fds_before_authentication},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
