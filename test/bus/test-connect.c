/* SPDX-License-Identifier: MIT */
/*
 * How clients come and go: in one piece and in many, half-way, too slowly, too many at a time.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon-fixture.h"
#include "traffic.h"

#define RECEIVER_NAME "test.Receiver"

/* All that a short-lived client writes: authentication, Hello, a call with a descriptor to
 * RECEIVER_NAME, and GetId. */
struct script {
        GByteArray *bytes;
        gsize fd_at;   /* the byte that the descriptor goes with */
        gsize sent_at; /* when so many bytes are written, the receiver's message is complete */
        int fd;
};

static void append_message(GByteArray *to, const struct wire_head *head)
{
        GByteArray *m = wire_message(head, NULL);

        g_byte_array_append(to, m->data, m->len);
        g_byte_array_unref(m);
}

static void append_bus_call(GByteArray *to, uint32_t serial, const char *member)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .serial = serial,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = member,
                .destination = WIRE_BUS,
        };

        append_message(to, &head);
}

static void script_init(struct script *s)
{
        struct wire_head call = traffic_take(WIRE_CALL, RECEIVER_NAME, 1);

        call.serial = 2;
        s->bytes = client_auth_script(true);
        append_bus_call(s->bytes, 1, "Hello");
        s->fd_at = s->bytes->len;
        append_message(s->bytes, &call);
        s->sent_at = s->bytes->len;
        append_bus_call(s->bytes, 3, "GetId");
        s->fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        g_assert_no_errno(s->fd);
}

static void script_deinit(struct script *s)
{
        g_byte_array_unref(s->bytes);
        close(s->fd);
}

/* Takes the answers to authentication off what the client reads: they end with AGREE_UNIX_FD. */
static void skip_authentication(struct client *c)
{
        static const char last[] = "AGREE_UNIX_FD\r\n";
        const guint8 *found;

        for (;;) {
                found = c->in->len ? memmem(c->in->data, c->in->len, last, strlen(last)) : NULL;
                if (found)
                        break;
                g_assert_false(c->closed);
                client_pump(&c, 1, -1);
        }
        c->in_at = (gsize)(found - c->in->data) + strlen(last);
}

/* Queues the bytes of the script from `from` up to `to`. */
static void script_queue(const struct script *s, struct client *c, gsize from, gsize to)
{
        if (from <= s->fd_at && s->fd_at < to) {
                client_queue(c, s->bytes->data + from, s->fd_at - from);
                /* The reference loses descriptors that it reads together with BEGIN. */
                client_flush_taken(c);
                skip_authentication(c);
                client_queue_fds(c, &s->fd, 1);
                from = s->fd_at;
        }
        client_queue(c, s->bytes->data + from, to - from);
}

/* Reads what a whole script brings: answers to Hello and GetId. */
static void expect_answers(struct client *c)
{
        for (uint32_t serial = 1; serial <= 3; serial += 2) {
                struct incoming *m = client_reply(c, serial);

                g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
                incoming_free(m);
        }
}

static void expect_taken(struct client *receiver)
{
        struct incoming *m = client_receive(receiver);

        g_assert_cmpstr(m->v.member, ==, TRAFFIC_TAKE);
        g_assert_cmpuint(m->n_fds, ==, 1);
        incoming_free(m);
}

/* True if something comes within so many milliseconds, or the daemon hangs up. */
static bool hears_something(struct client *c, int timeout_ms)
{
        return client_pump(&c, 1, timeout_ms);
}

static struct client *new_receiver(const struct daemon *d)
{
        struct client *c = client_new(d->socket);

        client_request_name(c, RECEIVER_NAME);
        return c;
}

static void test_in_two_writes(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *receiver = new_receiver(d), *c = client_connect(d->socket);
        struct script s;

        script_init(&s);
        script_queue(&s, c, 0, s.bytes->len);
        expect_answers(c);
        expect_taken(receiver);
        client_free(c);
        client_free(receiver);
        script_deinit(&s);
        daemon_free(d);
}

static void test_byte_by_byte(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *receiver = new_receiver(d), *c = client_connect(d->socket);
        struct script s;

        script_init(&s);
        for (gsize at = 0; at < s.bytes->len; ++at) {
                script_queue(&s, c, at, at + 1);
                client_flush_taken(c);
        }
        expect_answers(c);
        expect_taken(receiver);
        client_free(c);
        client_free(receiver);
        script_deinit(&s);
        daemon_free(d);
}

static void test_split_everywhere(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *receiver = new_receiver(d);
        struct script s;

        script_init(&s);
        for (gsize at = 1; at < s.bytes->len; ++at) {
                struct client *c = client_connect(d->socket);

                script_queue(&s, c, 0, at);
                client_flush_taken(c);
                script_queue(&s, c, at, s.bytes->len);
                expect_answers(c);
                expect_taken(receiver);
                client_free(c);
        }
        client_free(receiver);
        script_deinit(&s);
        daemon_free(d);
}

/* `data`: whether the daemon has read all before the client goes, or finds that and the end. */
static void test_gone_at_every_byte(gconstpointer data)
{
        bool taken = GPOINTER_TO_INT(data);
        struct daemon *d = daemon_new(NULL);
        struct client *receiver = new_receiver(d);
        struct script s;

        script_init(&s);
        for (gsize at = 0; at <= s.bytes->len; ++at) {
                struct client *c = client_connect(d->socket);

                script_queue(&s, c, 0, at);
                if (taken)
                        client_flush_taken(c);
                else
                        client_flush(c);
                client_free(c);
                /* What was written in full counts, though the sender is gone. */
                if (at >= s.sent_at)
                        expect_taken(receiver);
        }
        daemon_wait_fds(d, 1);
        g_assert_false(hears_something(receiver, 0));
        client_free(receiver);
        script_deinit(&s);
        daemon_free(d);
}

/* Many calls written at once, cut in two at every byte of the first few of them. */
static void test_calls_split_everywhere(void)
{
        enum { N_CALLS = 8 };
        struct daemon *d = daemon_new(NULL);
        struct client *c = client_new(d->socket);
        GByteArray *calls = g_byte_array_new();

        for (uint32_t i = 0; i < N_CALLS; ++i)
                append_bus_call(calls, 100 + i, "GetId");
        for (gsize at = 0; at <= calls->len; ++at) {
                client_queue(c, calls->data, at);
                client_flush_taken(c);
                client_queue(c, calls->data + at, calls->len - at);
                for (uint32_t i = 0; i < N_CALLS; ++i) {
                        struct incoming *m = client_receive(c);

                        g_assert_cmpuint(m->v.reply_serial, ==, 100 + i);
                        incoming_free(m);
                }
        }
        g_byte_array_unref(calls);
        client_free(c);
        daemon_free(d);
}

static void test_max_incomplete(void)
{
        enum { N_MAX = 8, N_LATE = 3 };
        struct daemon *d = daemon_new("max_incomplete_connections=8");
        struct client *early[N_MAX], *late[N_LATE], *before = client_new(d->socket);

        for (unsigned i = 0; i < N_MAX; ++i) {
                early[i] = client_connect(d->socket);
                /* Authentication alone does not make a connection complete. */
                if (i % 2)
                        client_authenticate(early[i], true);
        }
        daemon_wait_fds(d, 1 + N_MAX);
        for (unsigned i = 0; i < N_LATE; ++i) {
                GByteArray *script = client_auth_script(true);

                late[i] = client_connect(d->socket);
                client_queue(late[i], script->data, script->len);
                client_flush(late[i]);
                g_byte_array_unref(script);
        }
        /* They wait in the kernel, and those inside are none the worse for it. */
        for (unsigned i = 0; i < N_LATE; ++i) {
                g_assert_false(hears_something(late[i], 20));
                client_ping(before);
        }
        g_assert_cmpuint(daemon_count_fds(d), ==, d->n_fds + 1 + N_MAX);
        daemon_wait_asleep(d);

        /* One goes away, one completes: two may come in. */
        early[0] = client_free(early[0]);
        client_hello(early[1]);
        skip_authentication(late[0]);
        skip_authentication(late[1]);
        g_assert_false(hears_something(late[2], 20));
        client_hello(late[0]);
        skip_authentication(late[2]);
        client_hello(late[2]);
        client_hello(late[1]);
        for (unsigned i = 0; i < N_MAX; ++i)
                client_free(early[i]);
        for (unsigned i = 0; i < N_LATE; ++i)
                client_free(late[i]);
        client_ping(before);
        client_free(before);
        daemon_free(d);
}

static void test_auth_timeout(void)
{
        struct daemon *d = daemon_new("auth_timeout=500");
        struct client *complete = client_new(d->socket), *silent = client_connect(d->socket),
                      *half = client_connect(d->socket), *nameless = client_connect(d->socket);

        client_queue(half, "\0AUTH EXTERNAL 30\r\n", 19);
        client_authenticate(nameless, true);
        client_wait_closed(silent);
        client_wait_closed(half);
        client_wait_closed(nameless);
        client_ping(complete);
        client_free(silent);
        client_free(half);
        client_free(nameless);
        client_free(complete);
        daemon_free(d);
}

/* Endless talk before BEGIN is no way to use up the daemon's memory. */
static void test_auth_flood(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *c = client_connect(d->socket), *other = client_new(d->socket);
        g_autofree char *talk = g_strnfill(1024 * 1024, 'A');

        client_queue(c, "", 1);
        client_queue(c, talk, strlen(talk));
        client_wait_closed(c);
        client_ping(other);
        client_free(other);
        client_free(c);
        daemon_free(d);
}

/* Descriptors before the daemon has agreed to take any: nobody keeps them. */
static void test_auth_fds(void)
{
        struct daemon *d = daemon_new(NULL);
        GByteArray *script = client_auth_script(true);
        int fds[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC), open("/dev/zero", O_RDONLY)};

        for (gsize at = 0; at < script->len; ++at) {
                struct client *c = client_connect(d->socket);

                client_queue(c, script->data, at);
                client_queue_fds(c, fds, G_N_ELEMENTS(fds));
                client_queue(c, script->data + at, script->len - at);
                client_flush_taken(c);
                daemon_wait_fds(d, 1);
                client_free(c);
        }
        g_byte_array_unref(script);
        close(fds[0]);
        close(fds[1]);
        daemon_free(d);
}

/* A client that sends the same again and again, and reads no answer: what is kept for it does not
 * grow. In the end it has had its time. */
static void test_auth_deaf(gconstpointer line)
{
        enum { N_LINES = 200000, MIB = 1024 * 1024 };
        struct daemon *d = daemon_new("auth_timeout=500");
        struct client *c = client_connect(d->socket), *other = client_new(d->socket);
        uint64_t before = daemon_memory(d);

        c->deaf = true;
        client_queue(c, "", 1);
        for (unsigned i = 0; i < N_LINES; ++i)
                client_queue(c, line, strlen(line));
        for (unsigned i = 0; i < 20; ++i) {
                client_pump(&c, 1, 5);
                client_ping(other);
        }
        if (!daemon_is_instrumented())
                g_assert_cmpuint(daemon_memory(d), <, before + MIB);
        c->deaf = false;
        client_wait_closed(c);
        client_ping(other);
        client_free(other);
        client_free(c);
        daemon_free(d);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/connect/in-two-writes", test_in_two_writes);
        g_test_add_func("/connect/byte-by-byte", test_byte_by_byte);
        g_test_add_func("/connect/split-everywhere", test_split_everywhere);
        g_test_add_func("/connect/calls-split-everywhere", test_calls_split_everywhere);
        g_test_add_data_func("/connect/gone-at-every-byte/read", GINT_TO_POINTER(true),
                             test_gone_at_every_byte);
        g_test_add_data_func("/connect/gone-at-every-byte/unread", GINT_TO_POINTER(false),
                             test_gone_at_every_byte);
        g_test_add_func("/connect/max-incomplete", test_max_incomplete);
        g_test_add_func("/connect/auth-timeout", test_auth_timeout);
        g_test_add_func("/connect/auth-flood", test_auth_flood);
        g_test_add_func("/connect/auth-fds", test_auth_fds);
        g_test_add_data_func("/connect/auth-deaf/auth", "AUTH\r\n", test_auth_deaf);
        g_test_add_data_func("/connect/auth-deaf/external", "AUTH EXTERNAL\r\nCANCEL\r\n",
                             test_auth_deaf);
        g_test_add_data_func("/connect/auth-deaf/fds", "AUTH EXTERNAL 30\r\nNEGOTIATE_UNIX_FD\r\n",
                             test_auth_deaf);
        g_test_add_data_func("/connect/auth-deaf/unknown", "WHAT\r\n", test_auth_deaf);
        return g_test_run();
}
