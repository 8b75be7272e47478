/* SPDX-License-Identifier: MIT */
/*
 * Counting system calls with strace(1).
 */
#include "cases.h"
#include "measure.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define STRACE_SECONDS 10
#define WARM_UP        16 /* iterations */
#define MAX_TRACED     2

/* A process that is watched. */
struct trace {
        enum metric metric; /* what its calls are */
        pid_t target;
        pid_t strace; /* 0: not watched */
        char output[128];
};

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

/* Those of the programs where there are any: they are what the case is about. */
static unsigned choose_targets(const struct fixture *f, struct trace traces[MAX_TRACED])
{
        unsigned n = 0;

        if (f->client)
                traces[n++] =
                        (struct trace){.metric = METRIC_CLIENT_SYSCALLS, .target = f->client->pid};
        if (f->service)
                traces[n++] = (struct trace){.metric = METRIC_SERVICE_SYSCALLS,
                                             .target = f->service->pid};
        if (n == 0)
                traces[n++] = (struct trace){.metric = METRIC_SYSCALLS, .target = f->pid};
        for (unsigned i = 0; i < n; ++i)
                snprintf(traces[i].output, sizeof(traces[i].output), "%s/strace%u", f->daemon->dir,
                         i);
        return n;
}

/* Ends it, and reads what it found if all went well so far (@r). */
static int strace_end(const struct trace *t, int r, double *calls)
{
        if (t->strace) {
                kill(t->strace, SIGINT);
                waitpid(t->strace, NULL, 0);
                if (r >= 0)
                        r = strace_total(t->output, calls);
                unlink(t->output);
        }
        return r;
}

int sample_syscalls(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        unsigned long n = budget->syscall_iterations;
        struct trace traces[MAX_TRACED];
        unsigned n_traces = choose_targets(f, traces);
        int r = f->c->workload->run(f, WARM_UP);

        for (unsigned i = 0; i < n_traces && r >= 0; ++i)
                r = strace_start(&traces[i].strace, traces[i].target, traces[i].output);
        if (r >= 0)
                r = f->c->workload->run(f, n);
        sample_init(sample);
        sample->iterations = n;
        for (unsigned i = 0; i < n_traces; ++i) {
                double calls = 0;

                r = strace_end(&traces[i], r, &calls);
                sample->values[traces[i].metric] = calls / ((double)n * f->c->units);
        }
        return r;
}
