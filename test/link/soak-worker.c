/* SPDX-License-Identifier: MIT */
/*
 * One process of the soak (soak.py): talks at random with others of its kind, by the public API of
 * libdbus, and logs what it said and what it was told. Which library it is comes from
 * LD_LIBRARY_PATH.
 */
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "soak/worker.h"

#define NS_PER_MS 1000000u

/* More on its way than this: the receiver or the bus does not keep up. */
#define MAX_AWAITED  48
#define MAX_OUTGOING (4 * 1024 * 1024)

static const volatile struct control *map_control(const char *path)
{
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        void *p = fd < 0 ? MAP_FAILED
                         : mmap(NULL, sizeof(struct control), PROT_READ, MAP_SHARED, fd, 0);

        if (p == MAP_FAILED)
                err(1, "%s", path);
        close(fd);
        return p;
}

static bool may_act(const struct worker *w)
{
        return !w->control->phase && w->log.header->awaited < MAX_AWAITED &&
               dbus_connection_get_outgoing_size(w->connection) < MAX_OUTGOING;
}

/* Acts in bursts, with pauses of random length between them. */
static uint64_t act_when_due(struct worker *w, uint64_t due)
{
        uint64_t now = monotonic_now();
        uint32_t n;

        if (now < due || !may_act(w))
                return due;
        n = 1 + random_below(w, 8);
        for (uint32_t i = 0; i < n && !w->lost_bus; ++i)
                act(w);
        return now + (uint64_t)n * 1000u * (1 + random_below(w, 2 * w->control->gap));
}

static int run(struct worker *w, bool own_loop)
{
        struct record ended = {.event = EVENT_ENDED};
        uint64_t due = monotonic_now();

        if (own_loop)
                loop_attach(w->connection);
        while (w->control->phase != PHASE_END && !w->lost_bus) {
                uint64_t now = monotonic_now();
                uint64_t wait = due > now ? (due - now) / NS_PER_MS + 1 : 1;

                loop_turn(w->connection, own_loop, wait < 5 ? (int)wait : 5);
                answer_held(w, w->control->phase);
                due = act_when_due(w, due);
                pass_barrier(w);
        }
        if (w->lost_bus)
                note_wrong(w, 0, "disconnected");
        else
                log_add(&w->log, &ended, NULL, NULL);
        return w->lost_bus;
}

static int worker_main(char **argv)
{
        static struct worker w;

        w.slot = (uint32_t)atoi(argv[4]);
        w.incarnation = (uint32_t)atoi(argv[5]);
        w.random = strtoull(argv[6], NULL, 0) | 1;
        for (unsigned i = 0; i < 8; ++i)
                random_next(&w);
        w.control = map_control(argv[3]);
        log_open(&w.log, argv[2]);
        join(&w, argv[1]);
        return run(&w, w.incarnation % 3 == 1);
}

int main(int argc, char **argv)
{
        /* No process of a soak outlives its driver. */
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (argc == 3 && !strcmp(argv[1], "reload"))
                return errand_reload(argv[2]);
        if (argc == 3 && !strcmp(argv[1], "totals"))
                return errand_totals(argv[2]);
        if (argc == 5 && !strcmp(argv[1], "monitor"))
                return monitor_main(argv[2], argv[3], argv[4]);
        if (argc == 8 && !strcmp(argv[1], "worker"))
                return worker_main(argv + 1);
        errx(2, "usage: soak-worker worker ADDRESS LOG CONTROL SLOT INCARNATION SEED\n"
                "       soak-worker monitor ADDRESS LOG monitor|eavesdrop\n"
                "       soak-worker reload|totals ADDRESS");
}
