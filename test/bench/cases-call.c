/* SPDX-License-Identifier: MIT */
/*
 * Method calls: a caller, an echo service in a process of its own, and what may stand in their
 * way. A round trip is two routed messages, the call and the reply.
 */
#include "cases.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ECHO_NAME   "org.bench.Echo"
#define MUTE_NAME   "org.bench.Mute"
#define SERVICE     137u /* of the 200 in the system policy, the one that is used */
#define IDLE_RULES  10
#define CALLS_EACH  256u /* calls without an answer per connection */
#define MAX_CALLERS 256u
#define SMALL       64

/* Builds f->message, a call to @destination. */
static int build_call(struct fixture *f, const char *destination, const char *interface)
{
        struct wire_head head = {
                .type = WIRE_CALL,
                .serial = 1,
                .path = "/org/bench/Object",
                .interface = interface,
                .member = "Echo",
                .destination = destination,
                .signature = "ay",
        };
        struct wire_buf body = {0};
        int r = wire_put_bytes(&body, f->c->payload);

        if (r >= 0)
                r = wire_put_message(&f->message, &head, &body);
        wire_buf_deinit(&body);
        return r;
}

static int setup_echo_as(struct fixture *f, const char *name, const char *interface)
{
        struct peer_setup echo = {
                .role = PEER_ECHO,
                .name = name,
                .coalesce = f->c->coalesce,
        };
        int r = fixture_add_peer(f, &echo);

        return r < 0 ? r : build_call(f, name, interface);
}

static int setup_echo(struct fixture *f)
{
        return setup_echo_as(f, ECHO_NAME, ECHO_NAME);
}

static int send_call(struct client *c, struct wire_buf *message, uint32_t *serial)
{
        *serial = client_next_serial(c);
        wire_set_serial(message->data, *serial);
        return client_write(c, message->data, message->len);
}

/* One call after the other, each waiting for its reply. */
static int run_round_trips(struct fixture *f, unsigned long n)
{
        for (unsigned long i = 0; i < n; ++i) {
                struct wire_view view;
                uint32_t serial;
                int r = send_call(f->caller, &f->message, &serial);

                if (r >= 0)
                        r = client_wait_reply(f->caller, serial, &view);
                if (r >= 0 && view.n_body != f->c->payload + 4)
                        r = -EPROTO;
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Sends @n calls, each in a write of its own or all in one. */
static int send_calls(struct fixture *f, unsigned long n)
{
        struct client *c = f->caller;
        int r = 0;

        c->out.len = 0;
        for (unsigned long i = 0; i < n && r >= 0; ++i) {
                uint32_t serial;

                if (!f->c->coalesce) {
                        r = send_call(c, &f->message, &serial);
                        continue;
                }
                r = wire_buf_reserve(&c->out, f->message.len);
                if (r < 0)
                        return r;
                wire_set_serial(f->message.data, client_next_serial(c));
                memcpy(c->out.data + c->out.len, f->message.data, f->message.len);
                c->out.len += f->message.len;
        }
        if (r >= 0 && c->out.len > 0)
                r = client_write(c, c->out.data, c->out.len);
        return r;
}

/* Keeps c->count calls in flight: every reply makes room for the next call. */
static int run_in_flight(struct fixture *f, unsigned long n)
{
        unsigned long sent = n < f->c->count ? n : f->c->count;
        unsigned long done = 0;
        int r = send_calls(f, sent);

        while (r >= 0 && done < n) {
                unsigned long room = 0;
                struct wire_view view;

                r = client_fill(f->caller);
                if (r < 0)
                        return r;
                while ((r = client_take(f->caller, &view)) > 0) {
                        if (view.type == WIRE_ERROR)
                                return -EREMOTEIO;
                        if (view.type != WIRE_RETURN)
                                continue;
                        ++done;
                        if (sent + room < n)
                                ++room;
                }
                if (r >= 0)
                        r = send_calls(f, room);
                sent += room;
        }
        return r;
}

static void idle_rule(const void *arg, unsigned i, char *buf, size_t size)
{
        snprintf(buf, size, "type='signal',interface='org.bench.Idle%u',member='Member%u'",
                 *(const unsigned *)arg, i);
}

/* The echo service beside c->count connections that only have match rules. */
static int setup_beside_idle(struct fixture *f)
{
        int r = fixture_add_clients(f, f->c->count);

        for (unsigned i = 0; i < f->n_clients && r >= 0; ++i)
                r = client_add_matches(f->clients[i], IDLE_RULES, idle_rule, &i);
        return r < 0 ? r : setup_echo(f);
}

/* Sends @n calls that nobody will answer. */
static int call_mute(struct client *c, unsigned n)
{
        struct wire_head head = {
                .type = WIRE_CALL,
                .path = "/org/bench/Object",
                .interface = MUTE_NAME,
                .member = "Wait",
                .destination = MUTE_NAME,
        };
        int r = 0;

        for (unsigned i = 0; i < n && r >= 0; ++i) {
                head.serial = client_next_serial(c);
                c->out.len = 0;
                r = wire_put_message(&c->out, &head, NULL);
                if (r >= 0)
                        r = client_write(c, c->out.data, c->out.len);
        }
        return r < 0 ? r : client_sync(c);
}

/* c->count calls without an answer, spread over the caller that is measured and others. */
static int setup_outstanding(struct fixture *f)
{
        struct peer_setup mute = {.role = PEER_MUTE, .name = MUTE_NAME};
        unsigned callers = (f->c->count + CALLS_EACH - 1) / CALLS_EACH;
        unsigned each;
        int r;

        if (callers > MAX_CALLERS)
                callers = MAX_CALLERS;
        each = f->c->count / callers;
        r = fixture_add_peer(f, &mute);
        if (r >= 0)
                r = fixture_add_clients(f, callers - 1);
        if (r >= 0)
                r = call_mute(f->caller, f->c->count - (callers - 1) * each);
        for (size_t i = 0; i < f->n_clients && r >= 0; ++i)
                r = call_mute(f->clients[i], each);
        return r < 0 ? r : setup_echo(f);
}

/* Calls a service of the system policy, after a look whether that policy is in force. */
static int setup_policy(struct fixture *f)
{
        struct wire_head forbidden = {
                .type = WIRE_CALL,
                .path = "/org/bench/Object",
                .member = policy_denied_member,
        };
        struct wire_view view;
        char name[64];
        char interface[80];
        int r;

        policy_service_name(SERVICE, name, sizeof(name));
        policy_service_interface(SERVICE, interface, sizeof(interface));
        r = setup_echo_as(f, name, interface);
        if (r < 0)
                return r;
        forbidden.destination = name;
        forbidden.interface = interface;
        r = client_call(f->caller, &forbidden, NULL, &view);
        if (r != -EREMOTEIO || strcmp(view.error, "org.freedesktop.DBus.Error.AccessDenied") != 0)
                return -EPROTO;
        return 0;
}

static const struct workload round_trip = {setup_echo, run_round_trips, NULL};
static const struct workload in_flight = {setup_echo, run_in_flight, NULL};
static const struct workload beside_idle = {setup_beside_idle, run_round_trips, NULL};
static const struct workload outstanding = {setup_outstanding, run_round_trips, NULL};
static const struct workload policy = {setup_policy, run_round_trips, NULL};

/* A round trip is two messages. */
#define CALLS(case_workload, case_sample)                                                          \
        .workload = &case_workload, .sample = case_sample, .unit = "message", .units = 2
#define TIMED(case_workload) CALLS(case_workload, sample_timed), .payload = SMALL
/* What grows with what stands in the way shows best where placement on CPUs plays no part. */
#define PINNED(case_workload) TIMED(case_workload), .placement = PLACE_ONE
#define COUNTED(case_workload)                                                                     \
        CALLS(case_workload, sample_syscalls), .payload = SMALL, .max_rounds = 3

const struct bench_case cases_call[] = {
        {"rtt-1cpu", "round trip of 64 bytes, all on one CPU", PINNED(round_trip)},
        {"rtt-2cpu", "round trip of 64 bytes, the daemon on a CPU of its own", TIMED(round_trip),
         .placement = PLACE_SPLIT},
        {"rtt-free", "round trip of 64 bytes, any CPU", TIMED(round_trip)},
        {"rtt-64k", "round trip of 64 KiB", CALLS(round_trip, sample_timed), .payload = 64 * 1024},
        {"rtt-1m", "round trip of 1 MiB", CALLS(round_trip, sample_timed), .payload = 1024 * 1024},
        {"inflight64", "64 calls in flight, one write each", TIMED(in_flight), .count = 64},
        {"inflight64-batch", "64 calls in flight, clients write in batches", TIMED(in_flight),
         .count = 64, .coalesce = true},
        {"rtt-idle-1000", "round trip beside 1,000 connections with 10 rules each",
         PINNED(beside_idle), .count = 1000},
        {"policy-2000", "round trip under a system policy of 2,000 rules", PINNED(policy),
         .policy = POLICY_SYSTEM},
        {"replies-1", "round trip while 1 call has no reply", PINNED(outstanding), .count = 1},
        {"replies-16", "... 16 calls", PINNED(outstanding), .count = 16},
        {"replies-256", "... 256 calls", PINNED(outstanding), .count = 256},
        {"replies-4096", "... 4,096 calls of 16 callers", PINNED(outstanding), .count = 4096},
        {"replies-65536", "... 65,536 calls of 256 callers", PINNED(outstanding), .count = 65536},
        {"syscalls-rtt", "system calls of rtt-free", COUNTED(round_trip)},
        {"syscalls-inflight64", "system calls of inflight64", COUNTED(in_flight), .count = 64},
        {0},
};
