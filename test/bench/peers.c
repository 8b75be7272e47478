/* SPDX-License-Identifier: MIT */
#include "peers.h"
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TALLY_SECONDS 60
#define FLOOD_BATCH   64 /* signals */

/* Waiting for the next message may take as long as the other daemons' turns do. */
static int fill_patiently(struct client *c)
{
        int r;

        do {
                r = client_fill(c);
        } while (r == -ETIMEDOUT);
        return r;
}

static int answer(struct client *c, const struct wire_view *call, bool keep)
{
        struct wire_head head = {
                .type = WIRE_RETURN,
                .flags = WIRE_NO_REPLY,
                .serial = client_next_serial(c),
                .reply_serial = call->serial,
                .destination = call->sender,
                .signature = call->signature,
        };
        int r = wire_put_header(&c->out, &head, call->n_body);

        if (r < 0)
                return r;
        if (!keep) {
                r = client_write2(c, c->out.data, c->out.len, call->body, call->n_body);
                c->out.len = 0;
                return r;
        }
        r = wire_buf_reserve(&c->out, call->n_body);
        if (r < 0)
                return r;
        memcpy(c->out.data + c->out.len, call->body, call->n_body);
        c->out.len += call->n_body;
        return 0;
}

static int flush(struct client *c)
{
        int r = c->out.len > 0 ? client_write(c, c->out.data, c->out.len) : 0;

        c->out.len = 0;
        return r;
}

static int echo(struct client *c, const struct peer_setup *setup)
{
        struct wire_view call;
        int r;

        c->out.len = 0;
        for (;;) {
                r = client_take(c, &call);
                if (r > 0 && call.type == WIRE_CALL && !(call.flags & WIRE_NO_REPLY)) {
                        r = answer(c, &call, setup->coalesce);
                } else if (r == 0) {
                        r = flush(c);
                        if (r >= 0)
                                r = fill_patiently(c);
                }
                if (r < 0)
                        return r;
        }
}

static int mute(struct client *c, const struct peer_setup *setup)
{
        (void)setup;
        for (;;) {
                int r;

                c->in_start = c->in_end = 0;
                r = fill_patiently(c);
                if (r < 0)
                        return r;
        }
}

/* Sends a batch of signals to itself. */
static int send_flood(struct client *c)
{
        struct wire_head head = {
                .type = WIRE_SIGNAL,
                .path = "/org/bench/Flood",
                .interface = "org.bench.Flood",
                .member = "Wave",
                .destination = c->unique,
        };
        int r = 0;

        c->out.len = 0;
        for (unsigned i = 0; i < FLOOD_BATCH && r >= 0; ++i) {
                head.serial = client_next_serial(c);
                r = wire_put_message(&c->out, &head, NULL);
        }
        return r < 0 ? r : flush(c);
}

static int flood(struct client *c, const struct peer_setup *setup)
{
        (void)setup;
        for (;;) {
                struct wire_view view;
                unsigned arrived = 0;
                int r = send_flood(c);

                while (r >= 0 && arrived < FLOOD_BATCH) {
                        r = client_take(c, &view);
                        if (r > 0)
                                arrived += view.type == WIRE_SIGNAL;
                        else if (r == 0)
                                r = fill_patiently(c);
                }
                if (r < 0)
                        return r;
        }
}

static int count_one(struct tally *t)
{
        const uint64_t one = 1;

        if (atomic_fetch_add(&t->arrived, 1) + 1 < t->expected)
                return 0;
        return write(t->done_fd, &one, sizeof(one)) == sizeof(one) ? 0 : -errno;
}

static int receiver(struct client *c, const struct peer_setup *setup)
{
        struct wire_view view;
        int r;

        for (;;) {
                r = client_take(c, &view);
                /* The driver's NameAcquired is a signal, too. */
                if (r > 0 && view.type == WIRE_SIGNAL &&
                    strcmp(view.sender, "org.freedesktop.DBus"))
                        r = count_one(setup->tally);
                else if (r == 0)
                        r = fill_patiently(c);
                if (r < 0)
                        return r;
        }
}

/* Takes the next block from a socket and gives it to @n others. */
static int carry_block(int from, const int *to, size_t n, uint8_t *block, size_t size)
{
        ssize_t got = recv(from, block, size, MSG_WAITALL);

        if (got <= 0)
                return got == 0 ? -ECONNRESET : -errno;
        for (size_t i = 0; i < n; ++i) {
                if (send(to[i], block, (size_t)got, MSG_NOSIGNAL) != got)
                        return -errno;
        }
        return 0;
}

static int reflect(const struct peer_setup *setup, uint8_t *block)
{
        return carry_block(setup->fds[0], setup->fds, 1, block, setup->block);
}

static int relay(const struct peer_setup *setup, uint8_t *block)
{
        int r = carry_block(setup->fds[0], &setup->fds[1], 1, block, setup->block);

        return r < 0 ? r : carry_block(setup->fds[1], setup->fds, 1, block, setup->block);
}

static int spread(const struct peer_setup *setup, uint8_t *block)
{
        return carry_block(setup->fds[0], &setup->fds[1], setup->n_fds - 1, block, setup->block);
}

static int (*const bare_roles[])(const struct peer_setup *setup, uint8_t *block) = {
        [PEER_REFLECT] = reflect,
        [PEER_RELAY] = relay,
        [PEER_SPREAD] = spread,
};

static int run_bare(const struct peer_setup *setup)
{
        uint8_t *block = malloc(setup->block);
        int r = block ? 0 : -ENOMEM;

        while (r >= 0)
                r = bare_roles[setup->role](setup, block);
        free(block);
        return r;
}

static int (*const bus_roles[])(struct client *c, const struct peer_setup *setup) = {
        [PEER_ECHO] = echo,
        [PEER_MUTE] = mute,
        [PEER_FLOOD] = flood,
        [PEER_RECEIVER] = receiver,
};

static bool is_bare(enum peer_role role)
{
        return role >= PEER_REFLECT;
}

static int ascending(const void *a, const void *b)
{
        return *(const int *)a - *(const int *)b;
}

/* Closes all but what the role needs, so that connections of the harness end when it ends them. */
static int keep_only(const struct peer_setup *setup, int report)
{
        size_t n = setup->n_fds;
        int *keep = calloc(n + 2, sizeof(*keep));
        int first = STDERR_FILENO + 1;
        int r = 0;

        if (!keep)
                return -ENOMEM;
        if (n > 0)
                memcpy(keep, setup->fds, n * sizeof(*keep));
        keep[n++] = report;
        if (setup->tally)
                keep[n++] = setup->tally->done_fd;
        qsort(keep, n, sizeof(*keep), ascending);
        for (size_t i = 0; i < n && r >= 0; ++i) {
                if (keep[i] > first)
                        r = close_range((unsigned)first, (unsigned)keep[i] - 1, 0);
                first = keep[i] + 1;
        }
        if (r >= 0)
                r = close_range((unsigned)first, ~0U, 0);
        free(keep);
        return r < 0 ? -errno : 0;
}

static int run(const struct peer_setup *setup, int report)
{
        struct client *c = NULL;
        char unique[sizeof(c->unique)] = "";
        int r;

        r = keep_only(setup, report);
        if (r >= 0 && !is_bare(setup->role)) {
                r = client_new(&c, setup->socket, CLIENT_AUTH_STEPWISE);
                if (r >= 0 && setup->name)
                        r = client_request_name(c, setup->name);
                if (r >= 0 && setup->rule)
                        r = client_add_match(c, setup->rule);
                if (r >= 0)
                        memcpy(unique, c->unique, sizeof(unique));
        }
        if (r >= 0 && write(report, unique, sizeof(unique)) != sizeof(unique))
                r = -errno;
        close(report);
        if (r >= 0)
                r = c ? bus_roles[setup->role](c, setup) : run_bare(setup);
        client_free(c);
        return r;
}

int peer_new(struct peer **pp, const struct peer_setup *setup)
{
        struct peer *p = calloc(1, sizeof(*p));
        int report[2];
        ssize_t n;

        if (!p)
                return -ENOMEM;
        if (pipe(report) < 0) {
                int r = -errno;

                free(p);
                return r;
        }
        p->pid = fork();
        if (p->pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGKILL);
                signal(SIGINT, SIG_DFL);
                signal(SIGTERM, SIG_DFL);
                _exit(run(setup, report[1]) < 0 ? 1 : 0);
        }
        close(report[1]);
        do {
                n = p->pid > 0 ? read(report[0], p->unique, sizeof(p->unique)) : -1;
        } while (n < 0 && errno == EINTR && !client_interrupted);
        close(report[0]);
        if (n != sizeof(p->unique)) {
                peer_free(p);
                return -ESRCH;
        }
        *pp = p;
        return 0;
}

struct peer *peer_free(struct peer *p)
{
        if (!p)
                return NULL;
        if (p->pid > 0) {
                kill(p->pid, SIGKILL);
                while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        free(p);
        return NULL;
}

int tally_new(struct tally **tp, unsigned expected)
{
        struct tally *t =
                mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        if (t == MAP_FAILED)
                return -errno;
        t->expected = expected;
        t->done_fd = eventfd(0, EFD_CLOEXEC);
        if (t->done_fd < 0) {
                int r = -errno;

                munmap(t, sizeof(*t));
                return r;
        }
        *tp = t;
        return 0;
}

struct tally *tally_free(struct tally *t)
{
        if (!t)
                return NULL;
        close(t->done_fd);
        munmap(t, sizeof(*t));
        return NULL;
}

void tally_reset(struct tally *t)
{
        atomic_store(&t->arrived, 0);
}

int tally_wait(struct tally *t)
{
        struct pollfd p = {.fd = t->done_fd, .events = POLLIN};
        uint64_t count;
        int r;

        do {
                r = poll(&p, 1, TALLY_SECONDS * 1000);
        } while (r < 0 && errno == EINTR && !client_interrupted);
        if (r <= 0)
                return r < 0 ? -errno : -ETIMEDOUT;
        return read(t->done_fd, &count, sizeof(count)) == sizeof(count) ? 0 : -errno;
}
