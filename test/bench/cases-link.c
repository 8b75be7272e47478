/* SPDX-License-Identifier: MIT */
/*
 * Peer links: one program with each library, whose calls go by the stock daemon, by dbus-broker, by
 * ours and over a link, and two processes that hand each other as many bytes over a socket pair and
 * do nothing else.
 */
#include "cases.h"
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLOODS  4   /* connections, each with a process of its own */
#define WARM_UP 500 /* calls: after so many, a pair that can be linked is */

/* --- the bare pair --- */

struct pair {
        int fd;
        uint8_t block[];
};

/* This process and a reflector, with a socket between them of the type that links have. */
static int setup_pair(struct fixture *f)
{
        struct pair *pair = calloc(1, sizeof(*pair) + f->c->payload);
        int fds[2];
        struct peer_setup reflect = {
                .role = PEER_REFLECT, .fds = &fds[1], .n_fds = 1, .block = f->c->payload};
        int r;

        if (!pair)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
                r = -errno;
                free(pair);
                return r;
        }
        pair->fd = fds[0];
        f->state = pair;
        r = fixture_add_peer(f, &reflect);
        close(fds[1]);
        return r;
}

static int send_blocks(struct pair *pair, size_t size, unsigned long n)
{
        for (unsigned long i = 0; i < n; ++i) {
                if (send(pair->fd, pair->block, size, MSG_NOSIGNAL) != (ssize_t)size)
                        return -errno;
        }
        return 0;
}

/* As many blocks on their way as the case says: each that comes back makes room for one. */
static int run_pair(struct fixture *f, unsigned long n)
{
        struct pair *pair = f->state;
        size_t size = f->c->payload;
        unsigned long sent = f->c->count < n ? f->c->count : n;
        int r = send_blocks(pair, size, sent);

        for (unsigned long i = 0; i < n && r >= 0; ++i) {
                if (recv(pair->fd, pair->block, size, 0) != (ssize_t)size)
                        return -errno;
                if (sent++ < n)
                        r = send_blocks(pair, size, 1);
        }
        return r;
}

static void teardown(struct fixture *f)
{
        struct pair *pair = f->state;

        if (pair)
                close(pair->fd);
        free(pair);
}

/* --- programs --- */

static int start_client(struct fixture *f)
{
        int r = fixture_start_program(f, &f->client, f->c->variant, NULL);

        return r < 0 ? r : program_run(f->client, WARM_UP);
}

static int setup_programs(struct fixture *f)
{
        int r = fixture_start_program(f, &f->service, "service", NULL);

        return r < 0 ? r : start_client(f);
}

/* A service that never joins in: it has the stock library. */
static int setup_half(struct fixture *f)
{
        int r;

        f->library = LIBRARY_STOCK;
        r = fixture_start_program(f, &f->service, "service", NULL);
        f->library = LIBRARY_OURS;
        return r < 0 ? r : start_client(f);
}

static int setup(struct fixture *f)
{
        return f->daemon ? setup_programs(f) : setup_pair(f);
}

static int run(struct fixture *f, unsigned long n)
{
        return f->daemon ? program_run(f->client, n) : run_pair(f, n);
}

/* --- a daemon that has much to do for others --- */

static int signal_peers(const struct fixture *f, int number)
{
        for (size_t i = 0; i < f->n_peers; ++i) {
                if (kill(f->peers[i]->pid, number) < 0)
                        return -errno;
        }
        return 0;
}

/* The floods are stopped between runs, which are others' turns on the same machine. */
static int setup_flooded(struct fixture *f)
{
        struct peer_setup flood = {.role = PEER_FLOOD};
        int r = setup_programs(f);

        for (unsigned i = 0; i < f->c->count && r >= 0; ++i)
                r = fixture_add_peer(f, &flood);
        return r < 0 ? r : signal_peers(f, SIGSTOP);
}

static int run_flooded(struct fixture *f, unsigned long n)
{
        int r = signal_peers(f, SIGCONT);
        int stopped;

        if (r >= 0)
                r = program_run(f->client, n);
        stopped = signal_peers(f, SIGSTOP);
        return r < 0 ? r : stopped;
}

static const struct workload programs_or_pair = {setup, run, teardown};
static const struct workload flooded = {setup_flooded, run_flooded, NULL};
static const struct workload half_joined = {setup_half, run, NULL};

/* What a call of lib-client takes on a link, with the frame. */
#define BLOCK_PACKET 228
#define SMALL_PACKET 204
#define BYTES_PACKET 65700

#define TIMED(task, case_axis)                                                                     \
        .sample = sample_timed, .variant = task, .unit = "call", .units = 1, .axis = case_axis
#define LINK(task, size, in_flight)                                                                \
        TIMED(task, AXIS_LINKS), .workload = &programs_or_pair, .payload = size, .count = in_flight
#define FLOODED(n)                                                                                 \
        TIMED("block", AXIS_LINKS_BUS), .workload = &flooded, .count = n, .placement = PLACE_APART
#define UNLINKED TIMED("block", AXIS_FEATURE), .workload = &half_joined

const struct bench_case cases_link[] = {
        {"link-1cpu", "blocking call, 64 bytes there and back, all on one CPU",
         LINK("block", BLOCK_PACKET, 1), .placement = PLACE_ONE},
        {"link-free", "... any CPU", LINK("block", BLOCK_PACKET, 1)},
        {"link-inflight64-1cpu", "64 pending calls at a time, all on one CPU",
         LINK("async", SMALL_PACKET, 64), .placement = PLACE_ONE},
        {"link-inflight64-free", "... any CPU", LINK("async", SMALL_PACKET, 64)},
        {"link-64k-1cpu", "blocking call, 64 KiB there and back, all on one CPU",
         LINK("bytes", BYTES_PACKET, 1), .placement = PLACE_ONE},
        {"link-64k-free", "... any CPU", LINK("bytes", BYTES_PACKET, 1)},
        {"link-idle", "blocking call, the daemon on another CPU with nothing else to do",
         FLOODED(0)},
        {"link-flooded", "... with as much to do for others as it can", FLOODED(FLOODS)},
        {"link-never", "calls of a service that has no links, with the feature off and on",
         UNLINKED, .placement = PLACE_ONE},
        {0},
};
