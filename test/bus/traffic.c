/* SPDX-License-Identifier: MIT */
#include "traffic.h"

#include <string.h>

struct wire_head traffic_take(enum wire_type type, const char *to, uint32_t n_fds)
{
        return (struct wire_head){
                .type = (uint8_t)type,
                .flags = type == WIRE_CALL ? WIRE_NO_REPLY : 0,
                .n_fds = n_fds,
                .path = "/test",
                .interface = TRAFFIC_INTERFACE,
                .member = TRAFFIC_TAKE,
                .destination = to,
        };
}

uint32_t traffic_send(struct client *from, const char *to, uint32_t number, uint32_t padding)
{
        const struct wire_head head = {
                .type = WIRE_SIGNAL,
                .path = "/test",
                .interface = TRAFFIC_INTERFACE,
                .member = TRAFFIC_MEMBER,
                .destination = to,
                .signature = "uay",
        };
        GByteArray *body = wire_body_u32(number);
        uint32_t serial;

        wire_put_ay(body, (uint8_t)number, padding);
        serial = client_send(from, &head, body);
        g_byte_array_unref(body);
        return serial;
}

uint32_t traffic_number(const struct incoming *m)
{
        uint32_t at = 0, number, padding;

        g_assert_cmpint(m->v.type, ==, WIRE_SIGNAL);
        g_assert_cmpstr(m->v.interface, ==, TRAFFIC_INTERFACE);
        g_assert_cmpstr(m->v.signature, ==, "uay");
        number = wire_read_u32(&m->v, &at);
        padding = wire_read_u32(&m->v, &at);
        g_assert_cmpuint(at + padding, ==, m->v.n_body);
        for (uint32_t i = 0; i < padding; ++i) {
                if (m->v.body[at + i] != (uint8_t)number)
                        g_error("byte %u of message %u is wrong", i, number);
        }
        return number;
}

void pair_init(struct pair *p, const char *socket)
{
        *p = (struct pair){.ends = {client_new(socket), client_new(socket)}};
}

void pair_deinit(struct pair *p)
{
        client_free(p->ends[0]);
        client_free(p->ends[1]);
}

void pair_send(struct pair *p, uint32_t n)
{
        for (uint32_t i = 0; i < n; ++i) {
                for (unsigned end = 0; end < 2; ++end)
                        traffic_send(p->ends[end], p->ends[!end]->name, p->sent[end]++, p->padding);
        }
}

void pair_check(struct pair *p)
{
        for (unsigned end = 0; end < 2; ++end) {
                struct incoming *m;

                g_assert_false(p->ends[end]->closed);
                while ((m = client_take(p->ends[end]))) {
                        g_assert_cmpstr(m->v.sender, ==, p->ends[!end]->name);
                        g_assert_cmpuint(traffic_number(m), ==, p->got[!end]);
                        p->got[!end] += 1;
                        incoming_free(m);
                }
        }
}

void pair_settle(struct pair *p)
{
        for (;;) {
                pair_check(p);
                if (p->got[0] == p->sent[0] && p->got[1] == p->sent[1])
                        return;
                client_pump(p->ends, 2, -1);
        }
}

void pair_exchange(struct pair *p, uint32_t n)
{
        pair_send(p, n);
        pair_settle(p);
}
