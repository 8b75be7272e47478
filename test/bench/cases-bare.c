/* SPDX-License-Identifier: MIT */
/*
 * No daemon at all: what the kernel charges for handing blocks of the size of a small message
 * from process to process. No daemon can do better than the relay, which reads and writes each
 * block once and never looks at it.
 */
#include "cases.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK 256

static int open_pair(int fds[2])
{
        return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0 ? -errno : 0;
}

static int add_reflector(struct fixture *f, int fd)
{
        struct peer_setup reflect = {.role = PEER_REFLECT, .fds = &fd, .n_fds = 1, .block = BLOCK};

        return fixture_add_peer(f, &reflect);
}

static int keep_end(struct fixture *f, int fd)
{
        int *end = malloc(sizeof(*end));

        if (!end) {
                close(fd);
                return -ENOMEM;
        }
        *end = fd;
        f->state = end;
        return 0;
}

/* This process and a reflector. */
static int setup_ping_pong(struct fixture *f)
{
        int fds[2];
        int r = open_pair(fds);

        if (r < 0)
                return r;
        r = keep_end(f, fds[0]);
        if (r >= 0)
                r = add_reflector(f, fds[1]);
        close(fds[1]);
        return r;
}

/* This process, a relay in the daemon's place and a reflector. */
static int setup_relay(struct fixture *f)
{
        int near[2];
        int far[2];
        int between[2];
        struct peer_setup relay = {.role = PEER_RELAY, .fds = between, .n_fds = 2, .block = BLOCK};
        int r = open_pair(near);

        if (r < 0)
                return r;
        r = keep_end(f, near[0]);
        if (r >= 0) {
                r = open_pair(far);
                if (r >= 0) {
                        between[0] = near[1];
                        between[1] = far[0];
                        r = fixture_add_peer(f, &relay);
                        if (r >= 0)
                                r = add_reflector(f, far[1]);
                        close(far[0]);
                        close(far[1]);
                }
        }
        close(near[1]);
        if (r >= 0)
                f->pid = f->peers[0]->pid;
        return r;
}

static void teardown_bare(struct fixture *f)
{
        int *end = f->state;

        if (end)
                close(*end);
        free(end);
}

static int run_blocks(struct fixture *f, unsigned long n)
{
        const int *fd = f->state;
        uint8_t block[BLOCK];

        memset(block, 'x', sizeof(block));
        for (unsigned long i = 0; i < n; ++i) {
                if (send(*fd, block, sizeof(block), MSG_NOSIGNAL) != sizeof(block))
                        return -errno;
                if (recv(*fd, block, sizeof(block), MSG_WAITALL) != sizeof(block))
                        return -errno;
        }
        return 0;
}

static const struct workload ping_pong = {setup_ping_pong, run_blocks, teardown_bare};
static const struct workload relayed = {setup_relay, run_blocks, teardown_bare};

#define BARE(case_workload)                                                                        \
        .workload = &case_workload, .sample = sample_timed, .unit = "message", .units = 2,         \
        .axis = AXIS_BARE

const struct bench_case cases_bare[] = {
        {"bare-1cpu", "socketpair ping-pong, both on one CPU", BARE(ping_pong),
         .placement = PLACE_ONE},
        {"bare-free", "socketpair ping-pong, any CPU", BARE(ping_pong)},
        {"bare-relay-1cpu", "... with a relay in between, all on one CPU", BARE(relayed),
         .placement = PLACE_ONE},
        {"bare-relay-2cpu", "... the relay on a CPU of its own", BARE(relayed),
         .placement = PLACE_SPLIT},
        {"bare-relay-free", "... with a relay in between, any CPU", BARE(relayed)},
        {0},
};
