/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "measure.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define IDLE_CONNECTIONS 1000
#define TRUSTED          64 /* iterations whose time can be believed */

void sample_init(struct sample *sample)
{
        sample->iterations = 0;
        for (int i = 0; i < METRIC_MAX; ++i)
                sample->values[i] = NAN;
}

/* Runs @n iterations and fills in the sample. */
static int timed_run(struct fixture *f, unsigned long n, struct sample *sample)
{
        static const enum metric cpu[ROLE_MAX] = {
                [ROLE_DAEMON] = METRIC_CPU,
                [ROLE_CLIENT] = METRIC_CLIENT_CPU,
                [ROLE_SERVICE] = METRIC_SERVICE_CPU,
        };
        double units = (double)n * f->c->units;
        struct processes processes = {
                .of_role[ROLE_DAEMON] = f->pid,
                .of_role[ROLE_CLIENT] = f->client ? f->client->pid : 0,
                .of_role[ROLE_SERVICE] = f->service ? f->service->pid : 0,
        };
        struct counters before;
        struct counters after;
        pid_t *peers;
        int r;

        peers = calloc(f->n_peers + 1, sizeof(*peers));
        if (!peers)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_peers; ++i) {
                if (f->peers[i]->pid != f->pid) /* a relay stands in for the daemon */
                        peers[processes.n_peers++] = f->peers[i]->pid;
        }
        processes.peers = peers;
        r = f->c->placement == PLACE_FREE ? 0 : measure_pin(0, measure_cpu(0));
        if (r >= 0)
                r = measure_counters(&before, &processes, true);
        if (r >= 0)
                r = f->c->workload->run(f, n);
        if (r >= 0)
                r = measure_counters(&after, &processes, false);
        if (f->c->placement != PLACE_FREE)
                measure_pin(0, -1);
        free(peers);
        if (r < 0)
                return r;

        sample_init(sample);
        sample->iterations = n;
        sample->values[METRIC_WALL] = (double)(after.wall_ns - before.wall_ns) / units;
        sample->values[METRIC_PEER_SWITCHES] =
                (double)(after.peer_switches - before.peer_switches) / units;
        if (f->pid > 0)
                sample->values[METRIC_SWITCHES] =
                        (double)(after.switches - before.switches) / units;
        for (int i = 0; i < ROLE_MAX; ++i) {
                if (processes.of_role[i])
                        sample->values[cpu[i]] =
                                (double)(after.cpu_ns[i] - before.cpu_ns[i]) / units;
        }
        sample->values[METRIC_TOTAL_CPU] = sample->values[METRIC_CPU] +
                                           sample->values[METRIC_CLIENT_CPU] +
                                           sample->values[METRIC_SERVICE_CPU];
        return 0;
}

/* Finds out, and warms up, how many iterations fill a sample. */
static int calibrate(struct fixture *f, const struct budget *budget)
{
        bool confirms = false;
        unsigned long n = 1;

        for (;;) {
                struct sample sample;
                double elapsed;
                int r = timed_run(f, n, &sample);

                if (r < 0)
                        return r;
                elapsed = sample.values[METRIC_WALL] * (double)n * f->c->units;
                if (elapsed * 4 >= (double)budget->sample_ns) {
                        double fit = (double)n * (double)budget->sample_ns / elapsed;

                        f->iterations = fit < 1 ? 1 : (unsigned long)fit;
                        if (confirms || n >= TRUSTED)
                                return 0;
                        /* A few may have been slow because something else was going on. */
                        confirms = true;
                        n = f->iterations;
                        continue;
                }
                n *= 4;
        }
}

int sample_timed(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        int r = f->iterations ? 0 : calibrate(f, budget);

        return r < 0 ? r : timed_run(f, f->iterations, sample);
}

int sample_memory(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        struct memory before;
        struct memory after;
        int r;

        (void)budget;
        sample_init(sample);
        sample->iterations = IDLE_CONNECTIONS;
        r = client_sync(f->caller);
        if (r >= 0)
                r = measure_memory(&before, f->pid);
        if (r >= 0)
                r = fixture_add_clients(f, IDLE_CONNECTIONS);
        if (r >= 0)
                r = client_sync(f->caller);
        if (r >= 0)
                r = measure_memory(&after, f->pid);
        if (r < 0)
                return r;
        sample->values[METRIC_RSS] = (double)(after.rss - before.rss) / IDLE_CONNECTIONS;
        sample->values[METRIC_PSS] = (double)(after.pss - before.pss) / IDLE_CONNECTIONS;
        return 0;
}

int sample_client_memory(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        struct memory before;
        struct memory after;
        int r;

        (void)budget;
        sample_init(sample);
        sample->iterations = IDLE_CONNECTIONS;
        /* One before, so that what a program has once is not counted. */
        r = program_run(f->client, 1);
        if (r >= 0)
                r = measure_memory(&before, f->client->pid);
        if (r >= 0)
                r = program_run(f->client, IDLE_CONNECTIONS);
        if (r >= 0)
                r = measure_memory(&after, f->client->pid);
        if (r < 0)
                return r;
        sample->values[METRIC_RSS] = (double)(after.rss - before.rss) / IDLE_CONNECTIONS;
        sample->values[METRIC_PSS] = (double)(after.pss - before.pss) / IDLE_CONNECTIONS;
        return 0;
}
