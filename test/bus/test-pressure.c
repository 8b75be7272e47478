/* SPDX-License-Identifier: MIT */
/*
 * Receivers that do not read, senders that do not stop, and messages as large as they get: the
 * memory of the daemon stays bounded, nothing that was accepted is lost, and others do not suffer.
 */
#include <string.h>

#include "daemon-fixture.h"
#include "traffic.h"

#define MIB (1024u * 1024)

/* What a Unix socket buffers of messages of some KiB (net.core.wmem_default), roughly. */
#define SOCKET_BYTES (256u * 1024)

/* What one client sends to another who does not read for a while. */
struct stream {
        struct client *from, *to;
        uint32_t n, size; /* messages, and bytes of padding in each */
        uint32_t first;   /* serial of the first */
        uint32_t n_arrived, n_refused;
        GHashTable *refused; /* numbers */
};

static void stream_init(struct stream *s, const struct daemon *d, uint32_t n, uint32_t size)
{
        *s = (struct stream){
                .from = client_new(d->socket),
                .to = client_new(d->socket),
                .n = n,
                .size = size,
                .refused = g_hash_table_new(NULL, NULL),
        };
        s->to->deaf = true;
        s->first = s->from->serial + 1;
        for (uint32_t i = 0; i < n; ++i)
                traffic_send(s->from, s->to->name, i, size);
}

static void stream_deinit(struct stream *s)
{
        client_free(s->from);
        client_free(s->to);
        g_hash_table_unref(s->refused);
}

/* The errors that the sender has got so far. */
static void stream_check_errors(struct stream *s)
{
        struct incoming *m;

        g_assert_false(s->from->closed);
        while ((m = client_take(s->from))) {
                uint32_t number = m->v.reply_serial - s->first;

                g_assert_cmpint(m->v.type, ==, WIRE_ERROR);
                g_assert_cmpstr(m->v.error_name, ==, WIRE_ERROR_("LimitsExceeded"));
                g_assert_cmpuint(number, <, s->n);
                g_assert_true(g_hash_table_add(s->refused, GUINT_TO_POINTER(number)));
                s->n_refused += 1;
                incoming_free(m);
        }
}

/* The receiver reads at last: each message has either been refused or comes now, in its turn. */
static void stream_drain(struct stream *s)
{
        struct client *both[2] = {s->from, s->to};
        uint32_t next = 0, number;
        struct incoming *m;

        s->to->deaf = false;
        while (s->n_arrived + s->n_refused < s->n) {
                client_pump(both, 2, -1);
                stream_check_errors(s);
                g_assert_false(s->to->closed);
                while ((m = client_take(s->to))) {
                        number = traffic_number(m);
                        g_assert_cmpuint(number, >=, next);
                        next = number + 1;
                        s->n_arrived += 1;
                        g_assert_false(g_hash_table_contains(s->refused, GUINT_TO_POINTER(number)));
                        incoming_free(m);
                }
        }
        client_ping(s->from);
        g_assert_cmpuint(s->n_arrived + s->n_refused, ==, s->n);
        g_test_message("%u arrived, %u were refused", s->n_arrived, s->n_refused);
}

/* Lets the sender write what it can, for as long as a pair of others needs for many messages. */
static void stream_push(struct stream *s, struct pair *others, unsigned rounds)
{
        for (unsigned i = 0; i < rounds; ++i) {
                client_pump(&s->from, 1, 0);
                stream_check_errors(s);
                pair_exchange(others, 10);
        }
}

/* The receiver's queue is what is limited: what does not fit is refused. */
static void test_outgoing_limit(void)
{
        struct daemon *d = daemon_new("max_outgoing_bytes=1000000 max_incoming_bytes=100000000");
        struct stream s;
        struct pair others;

        pair_init(&others, d->socket);
        stream_init(&s, d, 2000, 4096);
        while (client_queued(s.from))
                stream_push(&s, &others, 1);
        stream_push(&s, &others, 10);
        stream_drain(&s);
        g_assert_cmpuint(s.n_arrived, >, 1000000 / 4200);
        g_assert_cmpuint(s.n_refused, >, 0);
        stream_deinit(&s);
        pair_deinit(&others);
        daemon_free(d);
}

/* The sender's messages in memory are what is limited: it has to wait, and nothing is refused. */
static void test_incoming_limit(void)
{
        struct daemon *d = daemon_new("max_incoming_bytes=200000 max_outgoing_bytes=100000000");
        struct stream s;
        struct pair others;
        gsize all;

        pair_init(&others, d->socket);
        stream_init(&s, d, 2000, 4096);
        all = client_queued(s.from);
        stream_push(&s, &others, 300);
        g_assert_cmpuint(all - client_queued(s.from), >, 200000);
        g_assert_cmpuint(all - client_queued(s.from), <, 200000 + 4 * SOCKET_BYTES);
        daemon_wait_asleep(d);
        stream_drain(&s);
        g_assert_cmpuint(s.n_refused, ==, 0);
        stream_deinit(&s);
        pair_deinit(&others);
        daemon_free(d);
}

/* Each message is above the limit by itself: they pass one by one. */
static void test_message_above_incoming_limit(void)
{
        struct daemon *d = daemon_new("max_incoming_bytes=10000 max_outgoing_bytes=100000000");
        struct stream s;
        struct pair others;

        pair_init(&others, d->socket);
        stream_init(&s, d, 10, MIB);
        stream_push(&s, &others, 20);
        g_assert_cmpuint(client_queued(s.from), >, 0);
        stream_drain(&s);
        g_assert_cmpuint(s.n_refused, ==, 0);
        stream_deinit(&s);
        pair_deinit(&others);
        daemon_free(d);
}

/* A receiver who never reads goes away: what waited for it lets its sender go on. */
static void test_receiver_goes(void)
{
        struct daemon *d = daemon_new("max_incoming_bytes=200000 max_outgoing_bytes=100000000");
        struct stream s;
        struct pair others;
        struct incoming *m;

        pair_init(&others, d->socket);
        stream_init(&s, d, 1000, 4096);
        stream_push(&s, &others, 100);
        g_assert_cmpuint(client_queued(s.from), >, 0);
        s.to = client_free(s.to);
        client_flush(s.from);
        /* The rest was for a name that nobody has any more. */
        while ((m = client_receive(s.from))) {
                bool last = m->v.reply_serial == s.from->serial;

                g_assert_cmpstr(m->v.error_name, ==, WIRE_ERROR_("ServiceUnknown"));
                incoming_free(m);
                if (last)
                        break;
        }
        client_ping(s.from);
        stream_deinit(&s);
        pair_deinit(&others);
        daemon_free(d);
}

/* A sender who is made to wait hangs up: what it wrote before still comes. */
static void test_sender_goes(void)
{
        struct daemon *d = daemon_new("max_outgoing_bytes=100000000");
        struct stream s;
        struct incoming *m;

        stream_init(&s, d, 500, 4096);
        client_flush_taken(s.from);
        s.from = client_free(s.from);
        s.to->deaf = false;
        for (uint32_t i = 0; i < s.n; ++i) {
                m = client_receive(s.to);
                g_assert_cmpuint(traffic_number(m), ==, i);
                incoming_free(m);
        }
        stream_deinit(&s);
        daemon_free(d);
}

/* A sender goes while the daemon has stopped to listen to it: what it wrote comes all the same. */
static void test_paused_sender_goes(void)
{
        struct daemon *d = daemon_new("max_incoming_bytes=200000 max_outgoing_bytes=100000000");
        struct pair others;
        struct incoming *m;
        struct stream s;
        gsize all, n_written;

        pair_init(&others, d->socket);
        stream_init(&s, d, 1000, 4096);
        all = client_queued(s.from);
        stream_push(&s, &others, 200);
        /* They are all of one size. */
        n_written = (all - client_queued(s.from)) / (all / s.n);
        g_assert_cmpuint(n_written, <, s.n);
        s.from = client_free(s.from);
        pair_exchange(&others, 10);
        daemon_wait_asleep(d);
        s.to->deaf = false;
        for (gsize i = 0; i < n_written; ++i) {
                m = client_receive(s.to);
                g_assert_cmpuint(traffic_number(m), ==, i);
                incoming_free(m);
        }
        pair_deinit(&others);
        stream_deinit(&s);
        daemon_free(d);
}

/* Calls to the bus without reading the answers: they are not kept without end. */
static void test_unread_answers(void)
{
        enum { N = 100000 };
        struct daemon *d = daemon_new("max_outgoing_bytes=1000000 max_incoming_bytes=1000000");
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = "GetId",
                .destination = WIRE_BUS,
        };
        struct client *c = client_new(d->socket);
        uint64_t before = daemon_memory(d);
        uint32_t last = 0;
        struct pair others;

        pair_init(&others, d->socket);
        c->deaf = true;
        for (unsigned i = 0; i < N; ++i)
                client_send(c, &head, NULL);
        for (unsigned i = 0; i < 400; ++i) {
                client_pump(&c, 1, 0);
                pair_exchange(&others, 10);
        }
        if (!daemon_is_instrumented())
                g_assert_cmpuint(daemon_memory(d), <, before + 8 * MIB);
        c->deaf = false;
        while (client_queued(c) || !last) {
                struct incoming *m;

                client_pump(&c, 1, -1);
                while ((m = client_take(c))) {
                        g_assert_cmpuint(m->v.reply_serial, >, last);
                        last = m->v.reply_serial;
                        incoming_free(m);
                }
        }
        client_ping(c);
        client_free(c);
        pair_deinit(&others);
        daemon_free(d);
}

/* The start of a signal to `to` with one or two arrays of bytes, the second of which is not there
 * yet; n_second bytes have to follow. */
static GByteArray *large_message(const char *to, uint32_t n_first, uint32_t n_second)
{
        const struct wire_head head = {
                .type = WIRE_SIGNAL,
                .serial = 1000,
                .path = "/test",
                .interface = TRAFFIC_INTERFACE,
                .member = "Large",
                .destination = to,
                .signature = "ayay",
        };
        GByteArray *body = g_byte_array_new(), *m;

        wire_put_ay(body, 1, n_first);
        wire_put_u32(body, n_second);
        m = wire_message(&head, body);
        wire_set_u32(m->data + WIRE_AT_BODY_SIZE, body->len + n_second);
        g_byte_array_unref(body);
        return m;
}

static void wait_memory(const struct daemon *d, uint64_t most)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        while (daemon_memory(d) > most && !daemon_is_instrumented()) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(1000);
        }
}

static void test_gone_within_large(void)
{
        struct daemon *d = daemon_new("max_message_size=134217728 max_incoming_bytes=1000000000 "
                                      "max_outgoing_bytes=1000000000");
        struct client *from = client_new(d->socket), *to = client_new(d->socket);
        GByteArray *m = large_message(to->name, 32 * MIB, 32 * MIB);
        uint64_t before = daemon_memory(d);
        struct pair others;

        pair_init(&others, d->socket);
        client_queue(from, m->data, m->len);
        while (client_queued(from)) {
                client_pump(&from, 1, 0);
                pair_exchange(&others, 10);
        }
        client_flush_taken(from);
        client_free(from);
        wait_memory(d, before + 8 * MIB);
        client_ping(to);
        g_assert_cmpuint(to->in->len, ==, 0);
        g_byte_array_unref(m);
        client_free(to);
        pair_deinit(&others);
        daemon_free(d);
}

/* A message of nearly 128 MiB: what the bus adds still has to fit ("Message Format"). */
static void test_largest(void)
{
        const uint32_t n_first = 64 * MIB, n_second = 64 * MIB - 4096;
        struct daemon *d = daemon_new("max_message_size=134217728 max_incoming_bytes=1000000000 "
                                      "max_outgoing_bytes=1000000000");
        struct client *ends[2] = {client_new(d->socket), client_new(d->socket)};
        GByteArray *m = large_message(ends[1]->name, n_first, n_second);
        uint64_t before = daemon_memory(d);
        struct incoming *got;
        uint32_t at = 0, n;

        client_queue(ends[0], m->data, m->len);
        g_byte_array_set_size(m, n_second);
        memset(m->data, 2, n_second);
        client_queue(ends[0], m->data, m->len);
        while (!(got = client_take(ends[1])))
                client_pump(ends, 2, -1);
        g_assert_cmpstr(got->v.member, ==, "Large");
        n = wire_read_u32(&got->v, &at);
        g_assert_cmpuint(n, ==, n_first);
        for (uint32_t i = 0; i < n; ++i) {
                if (got->v.body[at + i] != 1)
                        g_error("byte %u of the first array is wrong", i);
        }
        at += n;
        g_assert_cmpuint(wire_read_u32(&got->v, &at), ==, n_second);
        g_assert_cmpint(memcmp(got->v.body + at, m->data, n_second), ==, 0);
        incoming_free(got);
        wait_memory(d, before + 8 * MIB);
        g_byte_array_unref(m);
        client_free(ends[0]);
        client_free(ends[1]);
        daemon_free(d);
}

/* The header says enough: its sender is not heard out. */
static void test_too_large(void)
{
        struct daemon *d = daemon_new("max_message_size=1000000");
        struct client *from = client_new(d->socket), *to = client_new(d->socket);
        GByteArray *m = large_message(to->name, 0, 1000000);

        client_queue(from, m->data, m->len);
        client_wait_closed(from);
        client_ping(to);
        g_byte_array_unref(m);
        client_free(from);
        client_free(to);
        daemon_free(d);
}

enum { FAIRNESS_SIZE = 1000, FAIRNESS_MOST_FLOODERS = 16 };

/* Clients who always have something to say to the last but one, and one who calls, the last. */
struct crowd {
        struct client *clients[FAIRNESS_MOST_FLOODERS + 2], *sink, *caller;
        unsigned n_flooders;
};

/* Counts the messages that reach the sink before a call is answered. */
static unsigned crowd_call(struct crowd *c)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = "GetId",
                .destination = WIRE_BUS,
        };
        uint32_t serial = client_send(c->caller, &head, NULL);
        struct incoming *m;
        unsigned n = 0;

        while (!(m = client_take(c->caller))) {
                for (unsigned i = 0; i < c->n_flooders; ++i) {
                        while (client_queued(c->clients[i]) < SOCKET_BYTES)
                                traffic_send(c->clients[i], c->sink->name, 0, FAIRNESS_SIZE);
                }
                client_pump(c->clients, c->n_flooders + 2, -1);
                while ((m = client_take(c->sink))) {
                        n += 1;
                        incoming_free(m);
                }
        }
        g_assert_cmpuint(m->v.reply_serial, ==, serial);
        incoming_free(m);
        return n;
}

/* The call is answered before each of the others has been served more than a few times. */
static void test_fairness(gconstpointer data)
{
        struct daemon *d = daemon_new("max_incoming_bytes=1000000 max_outgoing_bytes=100000000");
        struct crowd c = {.n_flooders = GPOINTER_TO_UINT(data)};
        unsigned most = 0;

        for (unsigned i = 0; i < c.n_flooders + 2; ++i)
                c.clients[i] = client_new(d->socket);
        c.sink = c.clients[c.n_flooders];
        c.caller = c.clients[c.n_flooders + 1];
        for (unsigned i = 0; i < 50; ++i)
                most = MAX(most, crowd_call(&c));
        g_test_message("at most %u messages were served before one call", most);
        /* What may lie before the sink, and what each flooder's socket holds, a few times. */
        g_assert_cmpuint(most, <, (4 * c.n_flooders + 2) * (SOCKET_BYTES / FAIRNESS_SIZE));
        for (unsigned i = 0; i < c.n_flooders + 2; ++i)
                client_free(c.clients[i]);
        daemon_free(d);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/pressure/outgoing-limit", test_outgoing_limit);
        g_test_add_func("/pressure/incoming-limit", test_incoming_limit);
        g_test_add_func("/pressure/message-above-incoming-limit",
                        test_message_above_incoming_limit);
        g_test_add_func("/pressure/receiver-goes", test_receiver_goes);
        g_test_add_func("/pressure/sender-goes", test_sender_goes);
        g_test_add_func("/pressure/paused-sender-goes", test_paused_sender_goes);
        g_test_add_func("/pressure/unread-answers", test_unread_answers);
        g_test_add_func("/pressure/gone-within-large", test_gone_within_large);
        g_test_add_func("/pressure/largest", test_largest);
        g_test_add_func("/pressure/too-large", test_too_large);
        g_test_add_data_func("/pressure/fairness/1", GUINT_TO_POINTER(1), test_fairness);
        g_test_add_data_func("/pressure/fairness/16", GUINT_TO_POINTER(16), test_fairness);
        return g_test_run();
}
