/* SPDX-License-Identifier: MIT */

/* core/input and core/output: what one end of a socket writes, the other end reads. */

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/input.h"
#include "core/output.h"
#include "core/writer.h"

static const struct input_limits generous = {
        .message_size = MESSAGE_MAX_SIZE, .message_fds = 16, .pending_fds = 16};

struct ends {
        int ours, theirs;
        struct input in;
        struct input_buffer buffer;
};

static void ends_open(struct ends *e)
{
        int fds[2];

        g_assert_no_errno(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
        e->ours = fds[0];
        e->theirs = fds[1];
        e->buffer = (struct input_buffer){.size = INPUT_SHARE, .bytes = g_malloc(INPUT_SHARE)};
        input_init(&e->in, NULL);
}

static void ends_close(struct ends *e)
{
        close(e->ours);
        close(e->theirs);
        input_deinit(&e->in);
        g_free(e->buffer.bytes);
}

/* A call with `n` bytes of payload, numbered by its serial, with descriptors of /dev/null. */
static struct message *make_call(uint32_t serial, uint32_t n, unsigned n_fds)
{
        struct message_spec spec = {
                .type = MESSAGE_METHOD_CALL,
                .serial = serial,
                .path = "/a",
                .member = "M",
                .signature = "ay",
                .n_fds = n_fds,
        };
        uint8_t *payload = g_malloc0(n + 1);
        int fds[32];
        struct writer w;
        struct message *m;

        for (unsigned i = 0; i < n_fds; ++i)
                fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        memset(payload, (int)serial, n);
        spec.fds = fds;
        writer_begin(&w, &spec);
        writer_bytes(&w, payload, n);
        g_assert_cmpint(writer_end(&w, &m), ==, 0);
        g_free(payload);
        return m;
}

/* Reads once, and checks that a read that leaves something behind says so. */
static ssize_t read_once(struct ends *e, const struct input_limits *limits)
{
        bool drained = false;
        ssize_t n = input_read(&e->in, e->ours, &e->buffer, limits, &drained);
        char byte;

        if (n > 0 && drained)
                g_assert_cmpint(recv(e->ours, &byte, 1, MSG_PEEK | MSG_DONTWAIT), ==, -1);
        return n;
}

static struct message *next(struct ends *e, const struct input_limits *limits, int expected)
{
        struct message *m;

        g_assert_cmpint(input_next(&e->in, &e->buffer, limits, ":1.7", 4, &m), ==, expected);
        return m;
}

static void assert_call(struct message *m, uint32_t serial, uint32_t n, unsigned n_fds)
{
        const uint8_t *body = message_body(m);

        g_assert_nonnull(m);
        g_assert_cmpuint(m->header.serial, ==, serial);
        g_assert_cmpstr(message_text(m, FIELD_SENDER), ==, ":1.7");
        g_assert_cmpuint(m->header.body_size, ==, 4 + n);
        for (uint32_t i = 0; i < n; ++i)
                g_assert_cmpuint(body[4 + i], ==, (uint8_t)serial);
        g_assert_cmpuint(m->n_fds, ==, n_fds);
        for (unsigned i = 0; i < n_fds; ++i)
                g_assert_cmpint(fcntl(m->fds[i], F_GETFD), ==, FD_CLOEXEC);
        message_unref(m);
}

static void send_all(int fd, const uint8_t *bytes, size_t n)
{
        g_assert_cmpint(send(fd, bytes, n, MSG_NOSIGNAL), ==, (ssize_t)n);
}

/* Wherever a stream of two messages is cut, both come out whole. */
static void test_every_boundary(void)
{
        struct message *first = make_call(1, 40, 0), *second = make_call(2, 700, 0);
        uint8_t *stream = g_malloc(first->size + second->size);
        size_t size = first->size + second->size;

        memcpy(stream, first->bytes, first->size);
        memcpy(stream + first->size, second->bytes, second->size);
        for (size_t cut = 0; cut <= size; ++cut) {
                struct message *got[2] = {0};
                unsigned n = 0;
                struct ends e;

                ends_open(&e);
                for (unsigned part = 0; part < 2; ++part) {
                        size_t from = part ? cut : 0, to = part ? size : cut;
                        struct message *m;

                        if (from == to)
                                continue;
                        send_all(e.theirs, stream + from, to - from);
                        g_assert_cmpint(read_once(&e, &generous), ==, (ssize_t)(to - from));
                        while ((m = next(&e, &generous, 0)))
                                got[n++] = m;
                }
                g_assert_cmpuint(n, ==, 2);
                assert_call(got[0], 1, 40, 0);
                assert_call(got[1], 2, 700, 0);
                ends_close(&e);
        }
        g_free(stream);
        message_unref(first);
        message_unref(second);
}

/* A message whose size is known only after some of it is here, and another behind it. */
static void test_three_pieces(void)
{
        struct message *first = make_call(1, 20, 0), *second = make_call(2, 30, 0);
        size_t size = first->size + second->size, sent = 0;
        size_t pieces[] = {10, 30, size - 40};
        uint8_t *stream = g_malloc(size);
        struct message *got[2] = {0};
        unsigned n = 0;
        struct ends e;

        memcpy(stream, first->bytes, first->size);
        memcpy(stream + first->size, second->bytes, second->size);
        ends_open(&e);
        for (unsigned i = 0; i < G_N_ELEMENTS(pieces); ++i) {
                struct message *m;

                send_all(e.theirs, stream + sent, pieces[i]);
                sent += pieces[i];
                g_assert_cmpint(read_once(&e, &generous), ==, (ssize_t)pieces[i]);
                while ((m = next(&e, &generous, 0)))
                        got[n++] = m;
        }
        g_assert_cmpuint(n, ==, 2);
        assert_call(got[0], 1, 20, 0);
        assert_call(got[1], 2, 30, 0);
        ends_close(&e);
        g_free(stream);
        message_unref(first);
        message_unref(second);
}

/* Byte by byte, with descriptors. */
static void test_one_byte_at_a_time(void)
{
        struct message *m = make_call(3, 10, 2), *got = NULL;
        struct ends e;

        ends_open(&e);
        for (uint32_t i = 0; i < m->size; ++i) {
                struct output out;

                g_assert_null(got);
                if (i) {
                        send_all(e.theirs, m->bytes + i, 1);
                } else {
                        /* The descriptors go with the first byte. */
                        struct message one = *m;

                        output_init(&out);
                        one.size = 1;
                        atomic_init(&one.refs, 10);
                        g_assert_cmpint(output_push(&out, &one), ==, 0);
                        g_assert_cmpint(output_flush(&out, e.theirs), ==, 0);
                        output_deinit(&out);
                }
                g_assert_cmpint(read_once(&e, &generous), ==, 1);
                got = next(&e, &generous, 0);
        }
        assert_call(got, 3, 10, 2);
        g_assert_cmpuint(input_pending_fds(&e.in), ==, 0);
        ends_close(&e);
        message_unref(m);
}

/* Writes what fits, reads what came, until all is there. */
static void exchange(uint32_t n_messages, uint32_t payload, unsigned fds_every)
{
        uint32_t sent = 0, received = 0;
        struct output out;
        struct ends e;

        ends_open(&e);
        output_init(&out);
        for (; sent < n_messages; ++sent) {
                struct message *m =
                        make_call(sent + 1, payload, fds_every && sent % fds_every == 0 ? 1 : 0);

                g_assert_cmpint(output_push(&out, m), ==, 0);
                message_unref(m);
        }
        while (received < n_messages) {
                struct message *m;
                int r = output_flush(&out, e.theirs);

                g_assert_true(r == 0 || r == -EAGAIN);
                g_assert_cmpint(read_once(&e, &generous), >, 0);
                while ((m = next(&e, &generous, 0))) {
                        assert_call(m, received + 1, payload,
                                    fds_every && received % fds_every == 0 ? 1 : 0);
                        received += 1;
                }
        }
        g_assert_true(output_empty(&out));
        g_assert_cmpuint(out.bytes, ==, 0);
        g_assert_cmpuint(out.n_fds, ==, 0);
        output_deinit(&out);
        ends_close(&e);
}

static void test_many_small(void)
{
        exchange(20000, 16, 0);
}

static void test_many_with_fds(void)
{
        exchange(150, 100, 1);
        exchange(1000, 100, 7);
        /* Each is written in several parts, the next one's descriptors in sight. */
        exchange(20, 3 * INPUT_SHARE, 1);
}

static void test_large(void)
{
        exchange(3, 5 * 1024 * 1024, 0);
        exchange(40, INPUT_SHARE + 1, 3);
        exchange(40, INPUT_SHARE - 100, 0);
}

static void test_too_large(void)
{
        struct input_limits limits = generous;
        struct message *m = make_call(1, 1000, 0);
        struct ends e;

        limits.message_size = m->size - 1;
        ends_open(&e);
        send_all(e.theirs, m->bytes, 16);
        g_assert_cmpint(read_once(&e, &limits), ==, 16);
        /* The announcement is enough: nobody waits for the rest. */
        g_assert_null(next(&e, &limits, MESSAGE_BAD_LENGTH));
        ends_close(&e);
        message_unref(m);
}

static void test_missing_fds(void)
{
        struct message *m = make_call(1, 10, 3);
        struct ends e;

        ends_open(&e);
        send_all(e.theirs, m->bytes, m->size);
        g_assert_cmpint(read_once(&e, &generous), >, 0);
        g_assert_null(next(&e, &generous, MESSAGE_BAD_FD_COUNT));
        ends_close(&e);
        message_unref(m);
}

static unsigned open_fds(void)
{
        unsigned n = 0;

        for (int fd = 0; fd < 1024; ++fd)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void test_too_many_pending_fds(void)
{
        struct input_limits limits = generous;
        unsigned before = open_fds();
        struct message *m = make_call(1, 10, 3);
        struct output out;
        struct ends e;

        limits.pending_fds = 2;
        ends_open(&e);
        output_init(&out);
        g_assert_cmpint(output_push(&out, m), ==, 0);
        g_assert_cmpint(output_flush(&out, e.theirs), ==, 0);
        message_unref(m);
        g_assert_cmpint(read_once(&e, &limits), ==, -EBADMSG);
        output_deinit(&out);
        ends_close(&e);
        g_assert_cmpuint(open_fds(), ==, before);
}

static void test_end_of_stream(void)
{
        struct ends e;

        ends_open(&e);
        g_assert_cmpint(read_once(&e, &generous), ==, -EAGAIN);
        shutdown(e.theirs, SHUT_WR);
        g_assert_cmpint(read_once(&e, &generous), ==, 0);
        ends_close(&e);
}

static void test_write_to_nobody(void)
{
        struct message *m = make_call(1, 10, 0);
        struct output out;
        struct ends e;

        ends_open(&e);
        output_init(&out);
        shutdown(e.ours, SHUT_RD);
        g_assert_cmpint(output_push(&out, m), ==, 0);
        g_assert_cmpint(output_flush(&out, e.theirs), ==, -EPIPE);
        output_deinit(&out);
        ends_close(&e);
        message_unref(m);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/stream/every-boundary", test_every_boundary);
        g_test_add_func("/stream/three-pieces", test_three_pieces);
        g_test_add_func("/stream/one-byte-at-a-time", test_one_byte_at_a_time);
        g_test_add_func("/stream/many-small", test_many_small);
        g_test_add_func("/stream/many-with-fds", test_many_with_fds);
        g_test_add_func("/stream/large", test_large);
        g_test_add_func("/stream/too-large", test_too_large);
        g_test_add_func("/stream/missing-fds", test_missing_fds);
        g_test_add_func("/stream/too-many-pending-fds", test_too_many_pending_fds);
        g_test_add_func("/stream/end-of-stream", test_end_of_stream);
        g_test_add_func("/stream/write-to-nobody", test_write_to_nobody);
        return g_test_run();
}
