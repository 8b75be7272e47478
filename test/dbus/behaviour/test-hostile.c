/* SPDX-License-Identifier: MIT */
/* The other end does what it should not: messages that are cut off or too long, descriptors that
 * nobody announced, replies that nobody waits for, floods, and silence. */

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"
#include "wire.h"

static int count_descriptors(void)
{
        DIR *d = opendir("/proc/self/fd");
        int n = 0;

        while (readdir(d))
                n++;
        closedir(d);
        return n;
}

/* Writes the bytes with that many descriptors, all of them the same. */
static bool write_with_fds(struct raw *r, const void *bytes, size_t n, unsigned n_fds)
{
        union {
                char space[CMSG_SPACE(64 * sizeof(int))];
                struct cmsghdr align;
        } control = {0};
        struct iovec iov = {(void *)(guintptr)bytes, n};
        struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
        int fds[64];
        struct cmsghdr *c;

        if (n_fds) {
                h.msg_control = control.space;
                h.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
                c = CMSG_FIRSTHDR(&h);
                c->cmsg_level = SOL_SOCKET;
                c->cmsg_type = SCM_RIGHTS;
                c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
                for (unsigned i = 0; i < n_fds; i++)
                        fds[i] = STDIN_FILENO;
                memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
        }
        return sendmsg(r->fd, &h, MSG_NOSIGNAL) == (ssize_t)n;
}

/* A signal that announces that many descriptors. */
static struct wire signal_with_fds(unsigned announced)
{
        g_autofree char *fields =
                announced ? g_strdup_printf("f:1:o o:/a ( f:2:s s:com.example.Test ( f:3:s s:S "
                                            "( f:9:u u:%u",
                                            announced)
                          : g_strdup("f:1:o o:/a ( f:2:s s:com.example.Test ( f:3:s s:S");
        struct wire_message m = {.fields = fields, .type = DBUS_MESSAGE_TYPE_SIGNAL};

        return wire_message(G_BYTE_ORDER == G_LITTLE_ENDIAN ? 'l' : 'B', &m);
}

static bool send_signal(struct raw *r, unsigned announced, unsigned n_fds)
{
        struct wire w = signal_with_fds(announced);
        bool sent = write_with_fds(r, w.bytes->data, w.bytes->len, n_fds);

        wire_free(&w);
        return sent;
}

static int seen;
static bool is_quiet;

static DBusHandlerResult note_all(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)data;
        seen++;
        if (!is_quiet)
                note_message("sees", message);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

/* A server's end of a client that has authenticated by hand. */
struct victim {
        struct peers *peers;
        struct raw *raw;
        int descriptors; /* that were open before */
};

static void take_and_watch(DBusServer *server, DBusConnection *connection, void *data)
{
        struct peers *p = data;

        (void)server;
        p->service = dbus_connection_ref(connection);
        dbus_connection_add_filter(connection, note_all, NULL, NULL);
        loop_add(p->loop, connection, NULL);
}

static struct victim victim_new(bool fds)
{
        struct victim v = {.descriptors = count_descriptors()};

        seen = 0;
        v.peers = peers_listen();
        dbus_server_set_new_connection_function(v.peers->server, take_and_watch, v.peers, NULL);
        v.raw = raw_connect(v.peers->address);
        raw_authenticate(v.raw, v.peers->loop, fds);
        loop_settle(v.peers->loop);
        return v;
}

/* Closes; and all descriptors that came are closed, too. */
static void victim_end(struct victim *v)
{
        loop_settle(v->peers->loop);
        note("connected %d, saw %d", dbus_connection_get_is_connected(v->peers->service), seen);
        v->raw = raw_free(v->raw);
        loop_settle(v->peers->loop);
        g_assert_false(dbus_connection_get_is_connected(v->peers->service));
        v->peers = peers_free(v->peers);
        g_assert_cmpint(count_descriptors(), ==, v->descriptors);
}

static void descriptors_as_announced(void)
{
        struct victim v = victim_new(true);

        for (unsigned i = 0; i < 4; i++)
                g_assert_true(send_signal(v.raw, i, i));
        victim_end(&v);
}

static void descriptors_without_a_word(void)
{
        struct victim v = victim_new(true);

        g_assert_true(send_signal(v.raw, 0, 1));
        loop_settle(v.peers->loop);
        g_assert_true(send_signal(v.raw, 0, 0));
        victim_end(&v);
}

static void descriptors_too_few(void)
{
        struct victim v = victim_new(true);

        g_assert_true(send_signal(v.raw, 2, 1));
        victim_end(&v);
}

static void descriptors_too_many_for_a_message(void)
{
        struct victim v = victim_new(true);

        g_assert_true(send_signal(v.raw, 40, 40));
        victim_end(&v);
}

static void descriptors_without_agreement(void)
{
        struct victim v = victim_new(false);

        g_assert_true(send_signal(v.raw, 1, 1));
        victim_end(&v);
}

/* They pile up, until somebody has enough of it. */
static void descriptors_piled_up(void)
{
        struct victim v = victim_new(true);
        int before = count_descriptors(), most = 0;

        is_quiet = true;
        for (int i = 0; i < 200 && send_signal(v.raw, 0, 10); i++) {
                loop_settle(v.peers->loop);
                most = MAX(most, count_descriptors());
        }
        g_assert_cmpint(most - before, <, 64);
        v.raw = raw_free(v.raw);
        loop_settle(v.peers->loop);
        v.peers = peers_free(v.peers);
        g_assert_cmpint(count_descriptors(), ==, v.descriptors);
        is_quiet = false;
}

/* The first message comes with the end of the authentication. */
static void descriptors_at_once(void)
{
        struct victim v = {.descriptors = count_descriptors()};
        GByteArray *bytes = g_byte_array_new();
        struct wire w = signal_with_fds(2);
        g_autofree char *uid = g_strdup_printf("%d", (int)getuid()), *line = NULL;
        g_autoptr(GString) hex = g_string_new(NULL);

        seen = 0;
        v.peers = peers_listen();
        dbus_server_set_new_connection_function(v.peers->server, take_and_watch, v.peers, NULL);
        v.raw = raw_connect(v.peers->address);
        for (const char *c = uid; *c; c++)
                g_string_append_printf(hex, "%02x", *c);
        raw_write(v.raw, "", 1);
        raw_print(v.raw, "AUTH EXTERNAL ");
        raw_print(v.raw, hex->str);
        raw_print(v.raw, "\r\nNEGOTIATE_UNIX_FD\r\n");
        line = raw_line(v.raw, v.peers->loop);
        g_clear_pointer(&line, g_free);
        line = raw_line(v.raw, v.peers->loop);
        g_assert_cmpstr(line, ==, "AGREE_UNIX_FD");
        g_byte_array_append(bytes, (const guint8 *)"BEGIN\r\n", 7);
        g_byte_array_append(bytes, w.bytes->data, w.bytes->len);
        g_assert_true(write_with_fds(v.raw, bytes->data, bytes->len, 2));
        loop_settle(v.peers->loop);
        g_assert_cmpint(seen, ==, 1);
        wire_free(&w);
        g_byte_array_unref(bytes);
        victim_end(&v);
}

static void half_a_message(void)
{
        struct victim v = victim_new(false);
        struct wire w = signal_with_fds(0);

        raw_write(v.raw, w.bytes->data, w.bytes->len / 2);
        wire_free(&w);
        victim_end(&v);
}

static void byte_by_byte(void)
{
        struct victim v = victim_new(false);
        struct wire w = signal_with_fds(0);

        for (guint i = 0; i < w.bytes->len; i++) {
                raw_write(v.raw, w.bytes->data + i, 1);
                loop_settle(v.peers->loop);
        }
        g_assert_cmpint(seen, ==, 1);
        wire_free(&w);
        victim_end(&v);
}

static void announce(guint32 body_length, guint32 fields_length)
{
        struct victim v = victim_new(false);
        struct wire_message m = {.body_length = body_length, .fields_length = fields_length};
        struct wire w = wire_message('l', &m);

        raw_write(v.raw, w.bytes->data, w.bytes->len);
        wire_free(&w);
        victim_end(&v);
}

static void giant_body(void)
{
        announce(0xfffffff0, 0);
        announce(128 * 1024 * 1024, 0);
        announce(120 * 1024 * 1024, 0);
}

static void giant_fields(void)
{
        announce(0, 0xfffffff0);
        announce(0, 60 * 1024 * 1024);
}

/* A client of a server by hand. */
static DBusConnection *client_new(struct raw *r, struct loop *l)
{
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);

        seen = 0;
        dbus_connection_add_filter(c, note_all, NULL, NULL);
        loop_add(l, c, NULL);
        raw_accept(r, l);
        raw_welcome(r, l, true);
        loop_settle(l);
        return c;
}

static DBusMessage *reply_to(dbus_uint32_t serial)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);

        dbus_message_set_reply_serial(m, serial);
        dbus_message_set_serial(m, 1);
        return m;
}

static void replies_unasked(void)
{
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c = client_new(r, l);

        for (dbus_uint32_t serial = 1; serial < 5; serial++)
                raw_send(r, reply_to(serial));
        raw_send(r, reply_to(0xffffffff));
        loop_settle(l);
        g_assert_cmpint(seen, ==, 5);
        g_assert_true(dbus_connection_get_is_connected(c));
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

/* The other end sends far more than is wanted, and the reply behind that. */

struct flood {
        struct raw *raw;
        gint sent; /* signals that it got rid of */
        gint stop;
};

static gpointer flood(gpointer data)
{
        struct flood *f = data;
        DBusMessage *call = raw_message(f->raw, NULL), *m = signal_new("/a", "Flood");
        g_autofree char *text = g_strnfill(10000, 'x'), *bytes = NULL;
        char *marshalled;
        int n;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        dbus_message_set_serial(m, 1);
        dbus_message_marshal(m, &marshalled, &n);
        for (int i = 0; i < 3000 && !g_atomic_int_get(&f->stop); i++) {
                int at = 0;

                while (at < n && !g_atomic_int_get(&f->stop)) {
                        ssize_t done = send(f->raw->fd, marshalled + at, (size_t)(n - at),
                                            MSG_NOSIGNAL | MSG_DONTWAIT);

                        if (done > 0)
                                at += (int)done;
                        else if (errno == EAGAIN)
                                g_usleep(1000);
                        else
                                g_atomic_int_set(&f->stop, 1);
                }
                if (at == n)
                        g_atomic_int_inc(&f->sent);
        }
        dbus_free(marshalled);
        dbus_message_unref(m);
        dbus_message_unref(call);
        return NULL;
}

static void flooded(void)
{
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c = client_new(r, l);
        struct flood f = {.raw = r};
        DBusMessage *call = call_new("/a", "M"), *reply;
        DBusError error = DBUS_ERROR_INIT;
        GThread *flooding = g_thread_new("flood", flood, &f);

        loop_remove(l, c);
        dbus_connection_set_max_received_size(c, 1000000);
        reply = dbus_connection_send_with_reply_and_block(c, call, 2000, &error);
        g_assert_null(reply);
        expect_error(&error, DBUS_ERROR_NO_REPLY);
        g_atomic_int_set(&f.stop, 1);
        g_thread_join(flooding);
        /* What was read, and what the socket holds. */
        g_assert_cmpint(f.sent, <, 1000);
        dbus_message_unref(call);
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

/* The other end does not read. Who waits to get rid of something is freed by the end. */
static gpointer flush(gpointer data)
{
        dbus_connection_flush(data);
        return NULL;
}

static void never_read(void)
{
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c = client_new(r, l);
        g_autofree char *text = g_strnfill(1 << 20, 'x');
        GThread *flushing;

        loop_remove(l, c);
        for (int i = 0; i < 4; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                send_away(c, m);
        }
        g_assert_true(dbus_connection_has_messages_to_send(c));
        g_assert_cmpint(dbus_connection_get_outgoing_size(c), >, 3 << 20);
        flushing = g_thread_new("flush", flush, c);
        g_usleep(50000);
        raw_close(r);
        g_thread_join(flushing);
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/hostile/descriptors/as-announced", descriptors_as_announced},
                {"/hostile/descriptors/without-a-word", descriptors_without_a_word},
                {"/hostile/descriptors/too-few", descriptors_too_few},
                {"/hostile/descriptors/too-many", descriptors_too_many_for_a_message},
                {"/hostile/descriptors/without-agreement", descriptors_without_agreement},
                {"/hostile/descriptors/piled-up", descriptors_piled_up},
                {"/hostile/descriptors/at-once", descriptors_at_once},
                {"/hostile/message/half", half_a_message},
                {"/hostile/message/byte-by-byte", byte_by_byte},
                {"/hostile/message/giant-body", giant_body},
                {"/hostile/message/giant-fields", giant_fields},
                {"/hostile/replies-unasked", replies_unasked},
                {"/hostile/flooded", flooded},
                {"/hostile/never-read", never_read},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
