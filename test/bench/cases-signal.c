/* SPDX-License-Identifier: MIT */
/*
 * Signals: to many receivers, and past many match rules that do not match. A delivery is one
 * receiver getting one signal.
 */
#include "cases.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define INTERFACE       "org.bench.Signals"
#define MEMBER          "Changed"
#define MATCHING        "type='signal',interface='" INTERFACE "',member='" MEMBER "'"
#define RULES_EACH      1024u /* rules per connection, as long as connections last */
#define MAX_SUBSCRIBERS 256u
#define EVENTS          128
#define WAIT_MS         60000

/* Builds f->message, the signal. Its second argument is there for rules about arg1. */
static int build_signal(struct fixture *f)
{
        struct wire_head head = {
                .type = WIRE_SIGNAL,
                .flags = WIRE_NO_REPLY,
                .serial = 1,
                .path = "/org/bench/Object",
                .interface = INTERFACE,
                .member = MEMBER,
                .signature = "ss",
        };
        struct wire_buf body = {0};
        int r = wire_put_string(&body, "/org/bench/argument");

        if (r >= 0)
                r = wire_put_string(&body, "and another one");
        if (r >= 0)
                r = wire_put_message(&f->message, &head, &body);
        wire_buf_deinit(&body);
        return r;
}

static int send_signal(struct fixture *f)
{
        wire_set_serial(f->message.data, client_next_serial(f->caller));
        return client_write(f->caller, f->message.data, f->message.len);
}

/* How many of our signals have arrived at @c, which has something to read. */
static int count_arrivals(struct client *c)
{
        struct wire_view view;
        int n = 0;
        int r = client_fill(c);

        while (r >= 0) {
                r = client_take(c, &view);
                if (r == 0)
                        return n;
                if (r > 0 && view.type == WIRE_SIGNAL && strcmp(view.member, MEMBER) == 0)
                        ++n;
        }
        return r;
}

/* All connections but the caller's, watched by one epoll whose number is f->state. */
static int watch_clients(struct fixture *f)
{
        int *epoll = malloc(sizeof(*epoll));

        if (!epoll)
                return -ENOMEM;
        f->state = epoll;
        *epoll = epoll_create1(EPOLL_CLOEXEC);
        if (*epoll < 0)
                return -errno;
        for (size_t i = 0; i < f->n_clients; ++i) {
                struct epoll_event event = {.events = EPOLLIN, .data.ptr = f->clients[i]};

                if (epoll_ctl(*epoll, EPOLL_CTL_ADD, f->clients[i]->fd, &event) < 0)
                        return -errno;
        }
        return 0;
}

/* Receivers in this process. */
static int setup_receivers(struct fixture *f)
{
        int r = fixture_add_clients(f, f->c->count);

        for (size_t i = 0; i < f->n_clients && r >= 0; ++i)
                r = client_add_match(f->clients[i], MATCHING);
        if (r >= 0)
                r = watch_clients(f);
        return r < 0 ? r : build_signal(f);
}

/* Connects the caller, then the receivers, with @ends, f->c->count + 1 of them. */
static int connect_ends(struct fixture *f, int *ends)
{
        for (unsigned i = 0; i <= f->c->count; ++i) {
                int pair[2];
                int r;

                if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
                        return -errno;
                ends[i] = pair[1];
                r = i == 0 ? client_adopt(&f->caller, pair[0]) : fixture_adopt_client(f, pair[0]);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* The same receivers, and in the daemon's place who only reads and writes. */
static int setup_spread(struct fixture *f)
{
        size_t n = f->c->count + 1;
        int *ends = malloc(n * sizeof(*ends));
        struct peer_setup spread = {.role = PEER_SPREAD, .fds = ends, .n_fds = n};
        int r;

        if (!ends)
                return -ENOMEM;
        memset(ends, 0xff, n * sizeof(*ends)); /* -1: not open */
        r = connect_ends(f, ends);
        if (r >= 0)
                r = watch_clients(f);
        if (r >= 0)
                r = build_signal(f);
        if (r >= 0) {
                spread.block = f->message.len;
                r = fixture_add_peer(f, &spread);
        }
        for (size_t i = 0; i < n; ++i) {
                if (ends[i] >= 0)
                        close(ends[i]);
        }
        free(ends);
        if (r >= 0)
                f->pid = f->peers[0]->pid;
        return r;
}

static void teardown_receivers(struct fixture *f)
{
        int *epoll = f->state;

        if (epoll && *epoll >= 0)
                close(*epoll);
        free(epoll);
}

static int wait_arrivals(int epoll, size_t expected)
{
        struct epoll_event events[EVENTS];

        while (expected > 0) {
                int n = epoll_wait(epoll, events, EVENTS, WAIT_MS);

                if (n < 0 && errno == EINTR && !client_interrupted)
                        continue;
                if (n <= 0)
                        return n < 0 ? -errno : -ETIMEDOUT;
                for (int i = 0; i < n; ++i) {
                        int arrivals = count_arrivals(events[i].data.ptr);

                        if (arrivals < 0)
                                return arrivals;
                        if ((size_t)arrivals > expected)
                                return -EPROTO;
                        expected -= (size_t)arrivals;
                }
        }
        return 0;
}

/* One signal after the other, each when all have the one before. */
static int run_to_receivers(struct fixture *f, unsigned long n)
{
        const int *epoll = f->state;
        int r = 0;

        for (unsigned long i = 0; i < n && r >= 0; ++i) {
                r = send_signal(f);
                if (r >= 0)
                        r = wait_arrivals(*epoll, f->n_clients);
        }
        return r;
}

/* Receivers that are processes, as on a real desktop; f->state is their tally. */
static int setup_processes(struct fixture *f)
{
        struct peer_setup receiver = {.role = PEER_RECEIVER, .rule = MATCHING};
        struct tally *tally;
        int r = tally_new(&tally, f->c->count);

        if (r < 0)
                return r;
        f->state = tally;
        receiver.tally = tally;
        for (unsigned i = 0; i < f->c->count && r >= 0; ++i)
                r = fixture_add_peer(f, &receiver);
        return r < 0 ? r : build_signal(f);
}

static void teardown_processes(struct fixture *f)
{
        tally_free(f->state);
}

static int run_to_processes(struct fixture *f, unsigned long n)
{
        int r = 0;

        for (unsigned long i = 0; i < n && r >= 0; ++i) {
                tally_reset(f->state);
                r = send_signal(f);
                if (r >= 0)
                        r = tally_wait(f->state);
        }
        return r;
}

/*
 * Rules that agree with the signal in everything but one key. The first five are those that say
 * something definite about the signal as a whole; "mixed" takes them in turn.
 */
static const struct {
        const char *variant;
        const char *format;
} rule_kinds[] = {
        {"interface", "type='signal',interface='org.bench.Other%u'"},
        {"member", "type='signal',interface='" INTERFACE "',member='Other%u'"},
        {"path", MATCHING ",path='/org/bench/Other%u'"},
        {"arg0", MATCHING ",arg0='/org/bench/other%u'"},
        {"sender", MATCHING ",sender='org.bench.Other%u'"},
        {"arg1", MATCHING ",arg1='other%u'"},
        {"pathns", MATCHING ",path_namespace='/org/bench/Other%u'"},
        {"arg0path", MATCHING ",arg0path='/org/other%u/'"},
        {"arg0ns", MATCHING ",arg0namespace='org.bench.Other%u'"},
};
#define MIXED 5u
#define KINDS (sizeof(rule_kinds) / sizeof(rule_kinds[0]))

struct rule_range {
        unsigned first; /* number of the first rule */
        unsigned kind;  /* index in rule_kinds, KINDS for mixed */
};

static void other_rule(const void *arg, unsigned i, char *buf, size_t size)
{
        const struct rule_range *range = arg;
        unsigned number = range->first + i;
        unsigned kind = range->kind < KINDS ? range->kind : number % MIXED;

        snprintf(buf, size, rule_kinds[kind].format, number);
}

static unsigned find_kind(const char *variant)
{
        unsigned kind = 0;

        while (kind < KINDS && (!variant || strcmp(rule_kinds[kind].variant, variant) != 0))
                ++kind;
        return kind;
}

/* c->count rules that do not match, spread over connections; the last client receives. */
static int setup_rules(struct fixture *f)
{
        struct rule_range range = {.kind = find_kind(f->c->variant)};
        unsigned subscribers = (f->c->count + RULES_EACH - 1) / RULES_EACH;
        int r;

        if (subscribers > MAX_SUBSCRIBERS)
                subscribers = MAX_SUBSCRIBERS;
        r = fixture_add_clients(f, subscribers + 1);
        for (unsigned i = 0; i < subscribers && r >= 0; ++i) {
                unsigned left = f->c->count - range.first;
                unsigned n = left / (subscribers - i);

                r = client_add_matches(f->clients[i], n, other_rule, &range);
                range.first += n;
        }
        if (r >= 0)
                r = client_add_match(f->clients[subscribers], MATCHING);
        return r < 0 ? r : build_signal(f);
}

static int run_past_rules(struct fixture *f, unsigned long n)
{
        struct client *receiver = f->clients[f->n_clients - 1];
        int r = 0;

        for (unsigned long i = 0; i < n && r >= 0; ++i) {
                int arrivals = 0;

                r = send_signal(f);
                while (r >= 0 && arrivals == 0) {
                        arrivals = count_arrivals(receiver);
                        r = arrivals < 0 ? arrivals : 0;
                }
        }
        return r;
}

static const struct workload receivers = {setup_receivers, run_to_receivers, teardown_receivers};
static const struct workload spread = {setup_spread, run_to_receivers, teardown_receivers};
static const struct workload processes = {setup_processes, run_to_processes, teardown_processes};
static const struct workload rules = {setup_rules, run_past_rules, NULL};

#define FAN_OUT(case_workload, n, case_sample)                                                     \
        .workload = &case_workload, .sample = case_sample, .unit = "delivery", .units = n,         \
        .count = n
#define MATCH(n)                                                                                   \
        .workload = &rules, .sample = sample_timed, .unit = "message", .units = 1, .count = n,     \
        .placement = PLACE_ONE /* placement on CPUs would hide what rules cost */
#define MATCH_KEY(key)                                                                             \
        {                                                                                          \
                "match-" key "-65536", "... 65,536 that differ only in " key, MATCH(65536),        \
                        .variant = key                                                             \
        }

/* Where the scheduler puts two processes decides more than the daemon does: settle it. With two
 * CPUs, most of what is counted is the kernel waking the other one. */
#define SPLIT(n)       FAN_OUT(receivers, n, sample_timed), .placement = PLACE_SPLIT
#define SHARED(n)      FAN_OUT(receivers, n, sample_timed), .placement = PLACE_ONE
#define BARE_SPLIT(n)  FAN_OUT(spread, n, sample_timed), .placement = PLACE_SPLIT, .axis = AXIS_BARE
#define BARE_SHARED(n) FAN_OUT(spread, n, sample_timed), .placement = PLACE_ONE, .axis = AXIS_BARE

const struct bench_case cases_signal[] = {
        {"fanout-1", "signal to 1 receiver", SPLIT(1)},
        {"fanout-16", "... 16 connections of one process", SPLIT(16)},
        {"fanout-128", "... 128 connections of one process", SPLIT(128)},
        {"fanout-1cpu-16", "... 16 connections of one process, all on one CPU", SHARED(16)},
        {"fanout-1cpu-128", "... 128 connections of one process, all on one CPU", SHARED(128)},
        {"bare-fanout-16", "... no daemon, a block to 16 sockets of one process", BARE_SPLIT(16)},
        {"bare-fanout-128", "... to 128 sockets", BARE_SPLIT(128)},
        {"bare-fanout-1cpu-16", "... to 16 sockets, all on one CPU", BARE_SHARED(16)},
        {"bare-fanout-1cpu-128", "... to 128 sockets, all on one CPU", BARE_SHARED(128)},
        {"fanout-procs-16", "... 16 processes", FAN_OUT(processes, 16, sample_timed)},
        {"fanout-procs-128", "... 128 processes", FAN_OUT(processes, 128, sample_timed)},
        {"match-1", "signal past 1 rule that does not match", MATCH(1)},
        {"match-16", "... 16 rules", MATCH(16)},
        {"match-256", "... 256 rules", MATCH(256)},
        {"match-4096", "... 4,096 rules of 4 connections", MATCH(4096)},
        {"match-65536", "... 65,536 rules of 64 connections", MATCH(65536)},
        {"match-262144", "... 262,144 rules of 256 connections", MATCH(262144)},
        MATCH_KEY("interface"),
        MATCH_KEY("member"),
        MATCH_KEY("path"),
        MATCH_KEY("arg0"),
        MATCH_KEY("sender"),
        MATCH_KEY("arg1"),
        MATCH_KEY("pathns"),
        MATCH_KEY("arg0path"),
        MATCH_KEY("arg0ns"),
        {"syscalls-fanout-16", "system calls of fanout-16, per delivery",
         FAN_OUT(receivers, 16, sample_syscalls), .max_rounds = 3},
        {0},
};
