/* SPDX-License-Identifier: MIT */
/*
 * Messages from one client to another arrive once each, in the order in which they were sent,
 * however many there are and whatever else is going on.
 */
#include "daemon-fixture.h"
#include "traffic.h"

static void test_both_ways(void)
{
        enum { N = 100000, BATCH = 500 };
        struct daemon *d = daemon_new(NULL);
        struct pair p;

        pair_init(&p, d->socket);
        while (p.sent[0] < N) {
                pair_send(&p, BATCH);
                /* They need not wait for each other. */
                while (client_queued(p.ends[0]) > 64 * 1024) {
                        client_pump(p.ends, 2, -1);
                        pair_check(&p);
                }
        }
        pair_settle(&p);
        pair_deinit(&p);
        daemon_free(d);
}

/* Large and small ones by turns: those that do not fit into one read go another way. */
static void test_mixed_sizes(void)
{
        struct daemon *d = daemon_new(NULL);
        struct pair p;

        pair_init(&p, d->socket);
        for (uint32_t i = 0; i < 400; ++i) {
                p.padding = i % 7 ? i * 3 : (i % 5) * 100000;
                pair_send(&p, 1);
                if (i % 10 == 9)
                        pair_settle(&p);
        }
        pair_settle(&p);
        pair_deinit(&p);
        daemon_free(d);
}

static unsigned index_of(struct client *const *clients, unsigned n, const char *name)
{
        for (unsigned i = 0; i < n; ++i) {
                if (g_str_equal(clients[i]->name, name))
                        return i;
        }
        g_error("%s is none of them", name);
}

static void test_many_senders(void)
{
        enum { N_SENDERS = 50, N_EACH = 200 };
        struct daemon *d = daemon_new(NULL);
        struct client *all[N_SENDERS + 1], *to = client_new(d->socket);
        uint32_t next[N_SENDERS] = {0};
        struct incoming *m;

        for (unsigned i = 0; i < N_SENDERS; ++i) {
                all[i] = client_new(d->socket);
                for (uint32_t k = 0; k < N_EACH; ++k)
                        traffic_send(all[i], to->name, k, i * 10);
        }
        all[N_SENDERS] = to;
        for (unsigned n = 0; n < N_SENDERS * N_EACH;) {
                client_pump(all, N_SENDERS + 1, -1);
                while ((m = client_take(to))) {
                        unsigned i = index_of(all, N_SENDERS, m->v.sender);

                        g_assert_cmpuint(traffic_number(m), ==, next[i]);
                        next[i] += 1;
                        n += 1;
                        incoming_free(m);
                }
        }
        for (unsigned i = 0; i <= N_SENDERS; ++i)
                client_free(all[i]);
        daemon_free(d);
}

static void test_broadcast(void)
{
        enum { N_RECEIVERS = 200, N = 500 };
        struct daemon *d = daemon_new(NULL);
        struct client *all[N_RECEIVERS + 1];
        uint32_t next[N_RECEIVERS] = {0};
        struct incoming *m;

        for (unsigned i = 0; i < N_RECEIVERS; ++i) {
                all[i] = client_new(d->socket);
                client_add_match(all[i], TRAFFIC_RULE);
                /* Two rules, one copy. */
                if (i % 2)
                        client_add_match(all[i], "type='signal',member='Number'");
        }
        all[N_RECEIVERS] = client_new(d->socket);
        for (uint32_t i = 0; i < N; ++i)
                traffic_send(all[N_RECEIVERS], NULL, i, 100);
        for (unsigned n_done = 0; n_done < N_RECEIVERS;) {
                client_pump(all, N_RECEIVERS + 1, -1);
                for (unsigned i = 0; i < N_RECEIVERS; ++i) {
                        while ((m = client_take(all[i]))) {
                                g_assert_cmpuint(traffic_number(m), ==, next[i]);
                                next[i] += 1;
                                n_done += next[i] == N;
                                incoming_free(m);
                        }
                }
        }
        for (unsigned i = 0; i <= N_RECEIVERS; ++i) {
                client_ping(all[i]);
                client_free(all[i]);
        }
        daemon_free(d);
}

/* Calls, their answers, and signals between the same two keep their order among each other. */
static void test_calls_and_signals(void)
{
        enum { N = 1000 };
        struct daemon *d = daemon_new("max_replies_per_connection=2000");
        struct client *ends[2] = {client_new(d->socket), client_new(d->socket)}, *a = ends[0],
                      *b = ends[1];
        const struct wire_head call = {
                .type = WIRE_CALL,
                .path = "/test",
                .member = "Call",
                .destination = b->name,
        };
        unsigned n_calls = 0, n_answers = 0, n_signals = 0;
        uint32_t first = a->serial + 1;
        struct incoming *m;

        for (uint32_t i = 0; i < N; ++i) {
                /* The number of each signal is how many calls went before it. */
                client_send(a, &call, NULL);
                traffic_send(a, b->name, i + 1, 0);
        }
        while (n_answers < N) {
                client_pump(ends, 2, -1);
                while ((m = client_take(b))) {
                        struct wire_head answer = {
                                .type = WIRE_RETURN,
                                .reply_serial = m->v.serial,
                                .destination = a->name,
                        };

                        if (m->v.type == WIRE_CALL) {
                                n_calls += 1;
                                client_send(b, &answer, NULL);
                        } else {
                                g_assert_cmpuint(traffic_number(m), ==, n_calls);
                                traffic_send(b, a->name, n_calls, 0);
                        }
                        incoming_free(m);
                }
                while ((m = client_take(a))) {
                        if (m->v.type == WIRE_RETURN) {
                                g_assert_cmpuint(m->v.reply_serial, ==, first + 2 * n_answers);
                                n_answers += 1;
                        } else {
                                n_signals += 1;
                                g_assert_cmpuint(traffic_number(m), ==, n_signals);
                                g_assert_cmpuint(n_answers, ==, n_signals);
                        }
                        incoming_free(m);
                }
        }
        client_free(a);
        client_free(b);
        daemon_free(d);
}

/* Whoever waits for an answer of one who goes away is told, once for each call. */
static void test_owner_goes(void)
{
        enum { N_CALLERS = 10, N_EACH = 10 };
        const struct wire_head call = {
                .type = WIRE_CALL,
                .path = "/test",
                .member = "Call",
                .destination = "test.Owner",
        };
        struct daemon *d = daemon_new(NULL);
        struct client *owner = client_new(d->socket), *callers[N_CALLERS];

        client_request_name(owner, "test.Owner");
        for (unsigned i = 0; i < N_CALLERS; ++i) {
                callers[i] = client_new(d->socket);
                for (unsigned k = 0; k < N_EACH; ++k)
                        client_send(callers[i], &call, NULL);
                client_flush_taken(callers[i]);
        }
        /* Half of the calls it has read, the others not even that. */
        for (unsigned i = 0; i < N_CALLERS * N_EACH / 2; ++i)
                incoming_free(client_receive(owner));
        client_free(owner);
        for (unsigned i = 0; i < N_CALLERS; ++i) {
                uint32_t first = callers[i]->serial - N_EACH + 1;
                bool told[N_EACH] = {false};

                for (unsigned k = 0; k < N_EACH; ++k) {
                        struct incoming *m = client_receive(callers[i]);
                        uint32_t number = m->v.reply_serial - first;

                        g_assert_cmpint(m->v.type, ==, WIRE_ERROR);
                        g_assert_cmpstr(m->v.error_name, ==, WIRE_ERROR_("NoReply"));
                        g_assert_cmpstr(m->v.sender, ==, WIRE_BUS);
                        g_assert_cmpuint(number, <, N_EACH);
                        g_assert_false(told[number]);
                        told[number] = true;
                        incoming_free(m);
                }
                client_ping(callers[i]);
                client_free(callers[i]);
        }
        daemon_free(d);
}

/* The caller goes away: the answer goes nowhere, and the callee does not notice. */
static void test_caller_goes(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *callee = client_new(d->socket), *other = client_new(d->socket);

        for (unsigned i = 0; i < 50; ++i) {
                struct client *caller = client_new(d->socket);
                const struct wire_head call = {
                        .type = WIRE_CALL,
                        .path = "/test",
                        .member = "Call",
                        .destination = callee->name,
                };
                uint32_t serial = client_send(caller, &call, NULL);
                const struct wire_head answer = {
                        .type = WIRE_RETURN,
                        .reply_serial = serial,
                        .destination = caller->name,
                };

                client_flush(caller);
                incoming_free(client_receive(callee));
                if (i % 2) {
                        /* Answer and end meet on the way. */
                        client_send(callee, &answer, NULL);
                        client_flush(callee);
                        client_free(caller);
                } else {
                        g_autofree char *name = g_strdup(caller->name);
                        struct wire_head late = answer;

                        client_free(caller);
                        late.destination = name;
                        client_send(callee, &late, NULL);
                }
                client_ping(callee);
                client_ping(other);
        }
        client_free(callee);
        client_free(other);
        daemon_free(d);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/order/both-ways", test_both_ways);
        g_test_add_func("/order/mixed-sizes", test_mixed_sizes);
        g_test_add_func("/order/many-senders", test_many_senders);
        g_test_add_func("/order/broadcast", test_broadcast);
        g_test_add_func("/order/calls-and-signals", test_calls_and_signals);
        g_test_add_func("/order/owner-goes", test_owner_goes);
        g_test_add_func("/order/caller-goes", test_caller_goes);
        return g_test_run();
}
