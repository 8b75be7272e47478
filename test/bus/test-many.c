/* SPDX-License-Identifier: MIT */
/*
 * As many clients as there can be, and no descriptors left for more.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "daemon-fixture.h"
#include "traffic.h"

#define MANY 10000u
#define MIB  (1024u * 1024)

/* More clients than that need more descriptors than we can have. */
static unsigned possible_clients(void)
{
        enum { OWN = 100 };
        struct rlimit limit;

        g_assert_no_errno(getrlimit(RLIMIT_NOFILE, &limit));
        limit.rlim_cur = limit.rlim_max;
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &limit));
        return limit.rlim_max < MANY + OWN ? (unsigned)limit.rlim_max - OWN : MANY;
}

/* They come, all of them are served, they go. Half of them have a name and a rule. */
static void wave(const struct daemon *d, struct client **clients, unsigned n)
{
        for (unsigned i = 0; i < n; ++i) {
                clients[i] = client_new(d->socket);
                if (i % 2) {
                        g_autofree char *name = g_strdup_printf("test.Many.n%u", i);

                        client_request_name(clients[i], name);
                        client_add_match(clients[i], i % 1000 == 1 ? TRAFFIC_RULE : "type='error'");
                }
        }
        g_assert_cmpuint(daemon_count_fds(d), ==, d->n_fds + n);
        traffic_send(clients[0], NULL, 7, 100);
        client_flush(clients[0]);
        for (unsigned i = 1; i < n; i += 1000) {
                struct incoming *m = client_receive(clients[i]);

                g_assert_cmpuint(traffic_number(m), ==, 7);
                incoming_free(m);
        }
        /* Not in the order in which they came. */
        for (unsigned i = 0; i < n; ++i) {
                unsigned k = (unsigned)((i * 7919ull) % n);

                client_ping(clients[k]);
        }
        for (unsigned i = 0; i < n; ++i) {
                unsigned k = (unsigned)((i * 7919ull) % n);

                clients[k] = client_free(clients[k]);
        }
        daemon_wait_fds(d, 0);
}

static void test_clients(void)
{
        unsigned n = possible_clients();
        g_autofree struct client **clients = g_new0(struct client *, n);
        struct daemon *d = daemon_new("max_completed_connections=100000 "
                                      "max_connections_per_user=100000");
        uint64_t memory[3];

        while (n % 7919 == 0)
                n -= 1;
        memory[0] = daemon_memory(d);
        wave(d, clients, n);
        memory[1] = daemon_memory(d);
        wave(d, clients, n);
        memory[2] = daemon_memory(d);
        g_test_message("%u clients; KiB of memory: %" G_GUINT64_FORMAT
                       ", after one wave %" G_GUINT64_FORMAT ", after two %" G_GUINT64_FORMAT,
                       n, memory[0] / 1024, memory[1] / 1024, memory[2] / 1024);
        if (!daemon_is_instrumented())
                g_assert_cmpuint(memory[2], <, memory[1] + 2 * MIB);
        daemon_free(d);
}

enum { ROOM = 8, N_COME = 12 };

/* Two who were there before, as many more as the daemon has room for, and some who wait. */
struct shortage {
        struct daemon *d;
        struct pair inside;
        struct client *come[N_COME];
};

static void shortage_init(struct shortage *s)
{
        GByteArray *script = client_auth_script(true);

        *s = (struct shortage){.d = daemon_new(NULL)};
        pair_init(&s->inside, s->d->socket);
        daemon_set_room(s->d, ROOM);
        for (unsigned i = 0; i < N_COME; ++i) {
                s->come[i] = client_connect(s->d->socket);
                client_queue(s->come[i], script->data, script->len);
                client_flush(s->come[i]);
        }
        g_byte_array_unref(script);
        daemon_wait_fds(s->d, 2 + ROOM);
        for (unsigned i = 0; i < ROOM; ++i) {
                while (!s->come[i]->in->len)
                        client_pump(s->come, N_COME, -1);
        }
}

static void shortage_deinit(struct shortage *s)
{
        for (unsigned i = 0; i < N_COME; ++i)
                client_free(s->come[i]);
        pair_deinit(&s->inside);
        daemon_free(s->d);
}

static void test_no_descriptors(void)
{
        struct shortage s;

        shortage_init(&s);
        pair_exchange(&s.inside, 1000);
        g_assert_cmpuint(daemon_count_fds(s.d), ==, s.d->n_fds + 2 + ROOM);
        /* Those who go make room. */
        for (unsigned i = 0; i < ROOM; ++i)
                s.come[i] = client_free(s.come[i]);
        for (unsigned i = ROOM; i < N_COME; ++i) {
                while (!s.come[i]->in->len)
                        client_pump(s.come, N_COME, -1);
                g_assert_false(s.come[i]->closed);
        }
        pair_exchange(&s.inside, 1000);
        shortage_deinit(&s);
}

/* Waiting for a descriptor to come free is no work. */
static void no_busy_loop(void)
{
        enum { WATCH_MS = 1000, MOST_MS = 200 };
        struct shortage s;
        uint64_t before;

        shortage_init(&s);
        pair_exchange(&s.inside, 10);
        before = daemon_cpu_ms(s.d);
        g_usleep(WATCH_MS * 1000);
        g_assert_cmpuint(daemon_cpu_ms(s.d) - before, <, MOST_MS);
        shortage_deinit(&s);
}

static void test_no_busy_loop(void)
{
        if (!daemon_skip_if_stock())
                no_busy_loop();
}

/* Messages with descriptors, for which the daemon has no room: it lives, and so do the others. */
static void test_no_room_for_messages(void)
{
        const struct wire_head head = traffic_take(WIRE_SIGNAL, NULL, 16);
        struct daemon *d = daemon_new(NULL);
        struct client *sender = client_new(d->socket);
        struct pair inside;
        int fds[16];

        for (unsigned i = 0; i < G_N_ELEMENTS(fds); ++i)
                fds[i] = STDERR_FILENO;
        pair_init(&inside, d->socket);
        daemon_set_room(d, 4);
        for (unsigned i = 0; i < 10 && !sender->closed; ++i) {
                client_send_fds(sender, &head, NULL, fds, G_N_ELEMENTS(fds));
                client_flush(sender);
                pair_exchange(&inside, 100);
                client_pump(&sender, 1, 0);
        }
        client_free(sender);
        pair_exchange(&inside, 100);
        pair_deinit(&inside);
        daemon_free(d);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/many/clients", test_clients);
        g_test_add_func("/many/no-descriptors", test_no_descriptors);
        g_test_add_func("/many/ours/no-busy-loop", test_no_busy_loop);
        g_test_add_func("/many/no-room-for-messages", test_no_room_for_messages);
        return g_test_run();
}
