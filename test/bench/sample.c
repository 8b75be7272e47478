/* SPDX-License-Identifier: MIT */
#include "cases.h"
#include "measure.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define IDLE_CONNECTIONS 1000
#define STRACE_SECONDS   10

static void sample_init(struct sample *sample)
{
        sample->iterations = 0;
        for (int i = 0; i < METRIC_MAX; ++i)
                sample->values[i] = NAN;
}

/* Runs @n iterations and fills in the sample. */
static int timed_run(struct fixture *f, unsigned long n, struct sample *sample)
{
        double units = (double)n * f->c->units;
        struct counters before;
        struct counters after;
        size_t n_peers = 0;
        pid_t *peers;
        int r;

        peers = calloc(f->n_peers + 1, sizeof(*peers));
        if (!peers)
                return -ENOMEM;
        for (size_t i = 0; i < f->n_peers; ++i) {
                if (f->peers[i]->pid != f->pid) /* a relay stands in for the daemon */
                        peers[n_peers++] = f->peers[i]->pid;
        }
        r = f->c->placement == PLACE_FREE ? 0 : measure_pin(0, measure_cpu(0));
        if (r >= 0)
                r = measure_counters(&before, f->pid, peers, n_peers, true);
        if (r >= 0)
                r = f->c->workload->run(f, n);
        if (r >= 0)
                r = measure_counters(&after, f->pid, peers, n_peers, false);
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
        if (f->pid > 0) {
                sample->values[METRIC_CPU] = (double)(after.cpu_ns - before.cpu_ns) / units;
                sample->values[METRIC_SWITCHES] =
                        (double)(after.switches - before.switches) / units;
        }
        return 0;
}

/* Finds out, and warms up, how many iterations fill a sample. */
static int calibrate(struct fixture *f, const struct budget *budget)
{
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
                        return 0;
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

/* Starts strace on @target and waits until it has it. */
static int strace_start(pid_t *pidp, pid_t target, const char *output)
{
        const struct timespec pause = {.tv_nsec = 2000000};
        int64_t deadline = measure_now_ns() + STRACE_SECONDS * INT64_C(1000000000);
        int64_t tracer = 0;
        char number[16];
        pid_t pid;
        int r;

        snprintf(number, sizeof(number), "%d", (int)target);
        pid = fork();
        if (pid < 0)
                return -errno;
        if (pid == 0) {
                prctl(PR_SET_PDEATHSIG, SIGTERM);
                signal(SIGINT, SIG_DFL);
                execlp("strace", "strace", "-q", "-c", "-f", "-o", output, "-p", number,
                       (char *)NULL);
                _exit(127);
        }
        do {
                int status;

                if (waitpid(pid, &status, WNOHANG) == pid)
                        return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? -ENOENT : -EPERM;
                nanosleep(&pause, NULL);
                r = measure_proc_field(target, "status", "TracerPid", &tracer);
                if (r >= 0 && measure_now_ns() > deadline)
                        r = -ETIMEDOUT;
        } while (r >= 0 && tracer != pid);
        if (r < 0) {
                kill(pid, SIGTERM);
                waitpid(pid, NULL, 0);
                return r;
        }
        *pidp = pid;
        return 0;
}

/* The line of the summary that ends in "total" has the number of calls as its fourth column. */
static int strace_total(const char *output, double *calls)
{
        char line[256];
        int r = -ENODATA;
        FILE *f = fopen(output, "re");

        if (!f)
                return -errno;
        while (fgets(line, sizeof(line), f)) {
                if (strstr(line, " total") && sscanf(line, "%*s %*s %*s %lf", calls) == 1)
                        r = 0;
        }
        fclose(f);
        return r;
}

int sample_syscalls(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        unsigned long n = budget->syscall_iterations;
        char output[128];
        pid_t strace = -1;
        double calls;
        int r;

        snprintf(output, sizeof(output), "%s/strace", f->daemon->dir);
        r = f->c->workload->run(f, 16);
        if (r >= 0)
                r = strace_start(&strace, f->pid, output);
        if (r < 0)
                return r;
        r = f->c->workload->run(f, n);
        kill(strace, SIGINT);
        waitpid(strace, NULL, 0);
        if (r >= 0)
                r = strace_total(output, &calls);
        unlink(output);
        if (r < 0)
                return r;
        sample_init(sample);
        sample->iterations = n;
        sample->values[METRIC_SYSCALLS] = calls / ((double)n * f->c->units);
        return 0;
}
