/* SPDX-License-Identifier: MIT */
/*
 * Descriptors that travel with messages: they arrive with the message they were sent with, and the
 * daemon keeps none, whatever their sender or receiver does.
 */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon-fixture.h"
#include "traffic.h"

/* The kernel's limit for one sendmsg() (SCM_MAX_FD, unix(7)). */
#define KERNEL_MAX 253

/* Files that can be told apart. */
struct files {
        unsigned n;
        int fds[KERNEL_MAX + 1];
        ino_t inodes[KERNEL_MAX + 1];
};

static ino_t inode_of(int fd)
{
        struct stat s;

        g_assert_no_errno(fstat(fd, &s));
        return s.st_ino;
}

static void files_init(struct files *f, unsigned n)
{
        f->n = n;
        for (unsigned i = 0; i < n; ++i) {
                f->fds[i] = memfd_create("test", MFD_CLOEXEC);
                g_assert_no_errno(f->fds[i]);
                f->inodes[i] = inode_of(f->fds[i]);
        }
}

static void files_deinit(struct files *f)
{
        for (unsigned i = 0; i < f->n; ++i)
                close(f->fds[i]);
}

/* A call without reply to `to` that says it has n descriptors, and has n_sent. */
static uint32_t send_files(struct client *from, const char *to, uint32_t n, const struct files *f,
                           unsigned first, unsigned n_sent)
{
        const struct wire_head head = traffic_take(WIRE_CALL, to, n);

        return client_send_fds(from, &head, NULL, f->fds + first, n_sent);
}

/* The next message has these files, in this order. */
static void expect_files(struct client *c, const struct files *f, unsigned first, unsigned n)
{
        struct incoming *m = client_receive(c);

        g_assert_cmpstr(m->v.member, ==, TRAFFIC_TAKE);
        g_assert_cmpuint(m->n_fds, ==, n);
        for (unsigned i = 0; i < n; ++i)
                g_assert_cmpuint(inode_of(m->fds[i]), ==, f->inodes[first + i]);
        incoming_free(m);
}

/* Every number of descriptors that is allowed, all messages at once. */
static void test_every_number(void)
{
        enum { N = 16 };
        struct daemon *d = daemon_new("max_message_unix_fds=16");
        struct client *a = client_new(d->socket), *b = client_new(d->socket);
        struct files f;

        files_init(&f, N);
        for (unsigned n = 0; n <= N; ++n)
                send_files(a, b->name, n, &f, N - n, n);
        client_flush(a);
        for (unsigned n = 0; n <= N; ++n)
                expect_files(b, &f, N - n, n);
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

static void test_most(void)
{
        struct daemon *d = daemon_new("max_message_unix_fds=4096 max_incoming_unix_fds=100000 "
                                      "max_outgoing_unix_fds=100000");
        struct client *a = client_new(d->socket), *b = client_new(d->socket);
        struct files f;

        files_init(&f, KERNEL_MAX);
        for (unsigned i = 0; i < 4; ++i)
                send_files(a, b->name, KERNEL_MAX, &f, 0, KERNEL_MAX);
        client_flush(a);
        for (unsigned i = 0; i < 4; ++i)
                expect_files(b, &f, 0, KERNEL_MAX);
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

static void test_too_many(void)
{
        struct daemon *d = daemon_new("max_message_unix_fds=16");
        struct client *a = client_new(d->socket), *b = client_new(d->socket);
        struct files f;

        files_init(&f, 17);
        send_files(a, b->name, 17, &f, 0, 17);
        client_wait_closed(a);
        client_ping(b);
        g_assert_null(client_take(b));
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

/* The message says two, one came. */
static void test_too_few(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *a = client_new(d->socket), *b = client_new(d->socket);
        struct files f;

        files_init(&f, 1);
        send_files(a, b->name, 2, &f, 0, 1);
        client_wait_closed(a);
        client_ping(b);
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

/* Descriptors ahead of their message belong to whichever message first says it has some. */
static void test_ahead(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *a = client_new(d->socket), *b = client_new(d->socket);
        struct files f;

        files_init(&f, 5);
        send_files(a, b->name, 0, &f, 0, 1);
        client_flush_taken(a);
        send_files(a, b->name, 1, &f, 1, 2);
        client_flush_taken(a);
        send_files(a, b->name, 2, &f, 3, 2);
        send_files(a, b->name, 2, &f, 0, 0);
        client_flush(a);
        expect_files(b, &f, 0, 0);
        expect_files(b, &f, 0, 1);
        expect_files(b, &f, 1, 2);
        expect_files(b, &f, 3, 2);
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

/* They may come with any byte of their message, and some with one byte, some with another. The
 * reference looks for them at the first byte only. */
static void with_every_byte(void)
{
        struct wire_head head = traffic_take(WIRE_CALL, "test.Name", 2);
        struct daemon *d = daemon_new(NULL);
        struct client *a = client_new(d->socket), *b = client_new(d->socket);
        GByteArray *m;
        struct files f;

        head.serial = 100;
        m = wire_message(&head, NULL);
        files_init(&f, 2);
        client_request_name(b, "test.Name");
        for (guint at = 0; at < m->len; ++at) {
                client_queue_fds(a, f.fds, 1);
                client_queue(a, m->data, at);
                if (at)
                        client_flush_taken(a);
                client_queue_fds(a, f.fds + 1, 1);
                client_queue(a, m->data + at, m->len - at);
                client_flush(a);
                expect_files(b, &f, 0, 2);
        }
        g_byte_array_unref(m);
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

static void test_with_every_byte(void)
{
        if (!daemon_skip_if_stock())
                with_every_byte();
}

/* Descriptors without a message are not kept for ever; those whose message comes in time are. */
static void test_pending_timeout(void)
{
        struct daemon *d = daemon_new("pending_fd_timeout=200");
        struct client *lazy = client_new(d->socket), *half = client_new(d->socket),
                      *good = client_new(d->socket), *other = client_new(d->socket);
        struct files f;

        files_init(&f, 3);
        send_files(lazy, other->name, 0, &f, 0, 3);
        client_queue_fds(half, f.fds, 3);
        client_queue(half, "l\1\0", 3);
        client_queue_fds(good, f.fds, 3);
        send_files(good, other->name, 3, &f, 0, 0);
        client_flush(lazy);
        client_flush(half);
        client_flush(good);
        client_wait_closed(lazy);
        client_wait_closed(half);
        client_ping(good);
        expect_files(other, &f, 0, 0);
        expect_files(other, &f, 0, 3);
        client_free(lazy);
        client_free(half);
        client_free(good);
        client_free(other);
        files_deinit(&f);
        daemon_free(d);
}

/* Messages that are written in many parts have their descriptors once, and those of the next that
 * come with their last bytes do not count as theirs. */
static void test_large(void)
{
        enum { N = 8, SIZE = 500000, N_FDS = 16 };
        struct daemon *d = daemon_new("max_incoming_unix_fds=1000 max_outgoing_unix_fds=1000");
        struct client *ends[2] = {client_new(d->socket), client_new(d->socket)};
        struct wire_head head = traffic_take(WIRE_SIGNAL, ends[1]->name, N_FDS);
        GByteArray *body = g_byte_array_new();
        struct files f;

        head.signature = "ay";
        files_init(&f, N_FDS);
        wire_put_ay(body, 1, SIZE);
        for (unsigned i = 0; i < N; ++i)
                client_send_fds(ends[0], &head, body, f.fds, N_FDS);
        ends[1]->deaf = true;
        while (client_queued(ends[0]))
                client_pump(ends, 2, -1);
        client_flush_taken(ends[0]);
        ends[1]->deaf = false;
        for (unsigned i = 0; i < N; ++i)
                expect_files(ends[1], &f, 0, N_FDS);
        client_ping(ends[1]);
        g_assert_cmpuint(ends[1]->in_fds->len, ==, 0);
        g_byte_array_unref(body);
        client_free(ends[0]);
        client_free(ends[1]);
        files_deinit(&f);
        daemon_free(d);
}

/* A client that did not ask for descriptors gets none, and cannot send any. */
static void test_not_negotiated(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *a = client_new(d->socket), *plain = client_connect(d->socket);
        struct incoming *m;
        struct files f;
        uint32_t serial;

        files_init(&f, 2);
        client_authenticate(plain, false);
        client_hello(plain);

        serial = send_files(a, plain->name, 2, &f, 0, 2);
        m = client_reply(a, serial);
        g_assert_cmpint(m->v.type, ==, WIRE_ERROR);
        g_assert_cmpstr(m->v.error_name, ==, WIRE_ERROR_("NotSupported"));
        incoming_free(m);
        client_ping(plain);
        daemon_wait_fds(d, 2);

        send_files(plain, a->name, 2, &f, 0, 2);
        client_wait_closed(plain);
        client_ping(a);
        client_free(a);
        client_free(plain);
        files_deinit(&f);
        daemon_free(d);
}

/* A broadcast with descriptors reaches those who can take them. */
static void test_broadcast(void)
{
        const struct wire_head head = traffic_take(WIRE_SIGNAL, NULL, 2);
        struct daemon *d = daemon_new(NULL);
        struct client *a = client_new(d->socket), *b = client_new(d->socket),
                      *plain = client_connect(d->socket);
        struct files f;

        files_init(&f, 2);
        client_authenticate(plain, false);
        client_hello(plain);
        client_add_match(a, TRAFFIC_RULE);
        client_add_match(b, TRAFFIC_RULE);
        client_add_match(plain, TRAFFIC_RULE);
        client_send_fds(a, &head, NULL, f.fds, 2);
        client_flush(a);
        expect_files(a, &f, 0, 2);
        expect_files(b, &f, 0, 2);
        client_ping(plain);
        g_assert_cmpuint(plain->in->len, ==, 0);
        client_free(a);
        client_free(b);
        client_free(plain);
        files_deinit(&f);
        daemon_free(d);
}

/* Whoever goes away unread takes the descriptors that waited with it, in the daemon too. */
static void test_receiver_goes(void)
{
        enum { N_EACH = 10, N_MESSAGES = 60 };
        struct daemon *d = daemon_new("max_message_unix_fds=16 max_outgoing_unix_fds=10000 "
                                      "max_incoming_unix_fds=10000");
        struct client *a = client_new(d->socket), *deaf = client_new(d->socket),
                      *padding = client_new(d->socket);
        struct files f;

        files_init(&f, N_EACH);
        deaf->deaf = true;
        /* Its socket is full, so the rest has to wait in the daemon. */
        for (uint32_t i = 0; i < 100; ++i)
                traffic_send(padding, deaf->name, i, 16 * 1024);
        client_ping(padding);
        for (unsigned i = 0; i < N_MESSAGES; ++i)
                send_files(a, deaf->name, N_EACH, &f, 0, N_EACH);
        client_ping(a);
        daemon_wait_fds(d, 3 + N_EACH * N_MESSAGES);
        client_free(deaf);
        daemon_wait_fds(d, 2);
        client_ping(a);
        client_free(a);
        client_free(padding);
        files_deinit(&f);
        daemon_free(d);
}

/* Messages for one who does not read: the daemon holds no more than it is allowed to, others are
 * served, and who does read in the end finds everything that was not refused. */
static void test_flood(void)
{
        enum { N_SENDERS = 4, N_EACH = 16, N_MESSAGES = 100, MOST = 200 };
        struct daemon *d = daemon_new("max_message_unix_fds=16 max_outgoing_unix_fds=200 "
                                      "max_incoming_unix_fds=200");
        struct client *senders[N_SENDERS], *deaf = client_new(d->socket);
        unsigned n_arrived = 0, n_refused = 0;
        struct pair pair;
        struct files f;

        files_init(&f, N_EACH);
        pair_init(&pair, d->socket);
        deaf->deaf = true;
        for (unsigned i = 0; i < N_SENDERS; ++i) {
                senders[i] = client_new(d->socket);
                for (unsigned k = 0; k < N_MESSAGES; ++k)
                        send_files(senders[i], deaf->name, N_EACH, &f, 0, N_EACH);
        }
        for (unsigned i = 0; i < 50; ++i) {
                client_pump(senders, N_SENDERS, 0);
                pair_exchange(&pair, 10);
                /* Besides what waits for the receiver, each sender's last message. */
                g_assert_cmpuint(daemon_count_fds(d), <=,
                                 d->n_fds + 3 + N_SENDERS + (N_SENDERS + 1) * (MOST + N_EACH));
        }
        deaf->deaf = false;
        while (n_arrived + n_refused < N_SENDERS * N_MESSAGES) {
                struct client *all[N_SENDERS + 1] = {deaf};
                struct incoming *m;

                memcpy(all + 1, senders, sizeof(senders));
                client_pump(all, G_N_ELEMENTS(all), -1);
                for (unsigned i = 0; i < G_N_ELEMENTS(all); ++i) {
                        g_assert_false(all[i]->closed);
                        while ((m = client_take(all[i]))) {
                                if (i) {
                                        g_assert_cmpstr(m->v.error_name, ==,
                                                        WIRE_ERROR_("LimitsExceeded"));
                                        n_refused += 1;
                                } else {
                                        g_assert_cmpuint(m->n_fds, ==, N_EACH);
                                        n_arrived += 1;
                                }
                                incoming_free(m);
                        }
                }
        }
        g_test_message("%u arrived, %u were refused", n_arrived, n_refused);
        g_assert_cmpuint(n_arrived, >, 0);
        daemon_wait_fds(d, 3 + N_SENDERS);
        for (unsigned i = 0; i < N_SENDERS; ++i)
                client_free(senders[i]);
        client_free(deaf);
        pair_deinit(&pair);
        files_deinit(&f);
        daemon_free(d);
}

/* The kernel lets those without these rights have no more descriptors under way than they may have
 * open (unix(7), ETOOMANYREFS). Daemons that are started from now on lack them. */
static void give_up_rights(void)
{
        static const int rights[] = {CAP_SYS_ADMIN, CAP_SYS_RESOURCE};

        for (unsigned i = 0; i < G_N_ELEMENTS(rights); ++i) {
                /* Who may not do that is not root, and does not have them. */
                if (prctl(PR_CAPBSET_DROP, rights[i], 0, 0, 0) < 0)
                        g_assert_cmpint(errno, ==, EPERM);
        }
}

/* Takes what comes up to that number. Returns how many messages with descriptors came. */
static unsigned take_up_to(struct client *c, uint32_t last)
{
        uint32_t number = 0;
        unsigned n_files = 0;

        do {
                struct incoming *m = client_receive(c);

                if (!g_strcmp0(m->v.member, TRAFFIC_TAKE))
                        n_files += 1;
                else
                        number = traffic_number(m);
                incoming_free(m);
        } while (number != last);
        return n_files;
}

/* More descriptors than may be under way: some are lost, with their messages; all else arrives. */
static void test_too_many_under_way(void)
{
        enum { N = 40, PER_MESSAGE = 16, ROOM = 60 };
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;
        uint32_t number = 0;
        unsigned n_arrived;
        struct client *a, *b;
        struct daemon *d;
        struct files f;

        give_up_rights();
        d = daemon_new("max_outgoing_unix_fds=1000");
        a = client_new(d->socket);
        b = client_new(d->socket);
        daemon_set_room(d, ROOM);
        files_init(&f, PER_MESSAGE);
        for (unsigned i = 0; i < N; ++i) {
                send_files(a, b->name, PER_MESSAGE, &f, 0, PER_MESSAGE);
                traffic_send(a, b->name, ++number, 10);
                client_flush_taken(a);
        }
        n_arrived = take_up_to(b, number);
        g_test_message("%u of %u arrived", n_arrived, N);
        g_assert_cmpuint(n_arrived, <, N);
        /* Now there is nothing under way any more. What other processes of the user send counts,
         * too, so it may take a while. */
        do {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                send_files(a, b->name, PER_MESSAGE, &f, 0, PER_MESSAGE);
                traffic_send(a, b->name, ++number, 10);
                client_flush(a);
        } while (!take_up_to(b, number));
        client_free(a);
        client_free(b);
        files_deinit(&f);
        daemon_free(d);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/descriptors/every-number", test_every_number);
        g_test_add_func("/descriptors/most", test_most);
        g_test_add_func("/descriptors/too-many", test_too_many);
        g_test_add_func("/descriptors/too-few", test_too_few);
        g_test_add_func("/descriptors/ahead", test_ahead);
        g_test_add_func("/descriptors/ours/with-every-byte", test_with_every_byte);
        g_test_add_func("/descriptors/large", test_large);
        g_test_add_func("/descriptors/pending-timeout", test_pending_timeout);
        g_test_add_func("/descriptors/not-negotiated", test_not_negotiated);
        g_test_add_func("/descriptors/broadcast", test_broadcast);
        g_test_add_func("/descriptors/receiver-goes", test_receiver_goes);
        g_test_add_func("/descriptors/flood", test_flood);
        g_test_add_func("/descriptors/too-many-under-way", test_too_many_under_way);
        return g_test_run();
}
