/* SPDX-License-Identifier: MIT */
#include "measure.h"

#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static int64_t read_clock_ns(clockid_t clock)
{
        struct timespec t;

        if (clock_gettime(clock, &t) < 0)
                return -errno;
        return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

int64_t measure_now_ns(void)
{
        return read_clock_ns(CLOCK_MONOTONIC);
}

/* The process clock has nanoseconds and includes what a running process has not been billed for. */
static int64_t process_cpu_ns(pid_t pid)
{
        clockid_t clock;
        int r = clock_getcpuclockid(pid, &clock);

        return r != 0 ? -r : read_clock_ns(clock);
}

int measure_proc_field(pid_t pid, const char *file, const char *key, int64_t *value)
{
        size_t n = strlen(key);
        char path[64];
        char line[256];
        int r = -ENODATA;
        FILE *f;

        snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
        f = fopen(path, "re");
        if (!f)
                return -errno;
        while (r < 0 && fgets(line, sizeof(line), f)) {
                long long number;

                if (strncmp(line, key, n) == 0 && sscanf(line + n, ": %lld", &number) == 1) {
                        *value = number;
                        r = 0;
                }
        }
        fclose(f);
        return r;
}

static int process_switches(pid_t pid, int64_t *sum)
{
        int64_t voluntary;
        int64_t involuntary;
        int r;

        r = measure_proc_field(pid, "status", "voluntary_ctxt_switches", &voluntary);
        if (r >= 0)
                r = measure_proc_field(pid, "status", "nonvoluntary_ctxt_switches", &involuntary);
        if (r >= 0)
                *sum += voluntary + involuntary;
        return r;
}

static int read_times(struct counters *counters, const struct processes *processes)
{
        for (int i = 0; i < ROLE_MAX; ++i) {
                if (!processes->of_role[i])
                        continue;
                counters->cpu_ns[i] = process_cpu_ns(processes->of_role[i]);
                if (counters->cpu_ns[i] < 0)
                        return (int)counters->cpu_ns[i];
        }
        counters->wall_ns = measure_now_ns();
        return 0;
}

static int read_switches(struct counters *counters, const struct processes *processes)
{
        struct rusage self;
        int r = 0;

        for (int i = 0; i < ROLE_MAX && r >= 0; ++i) {
                if (processes->of_role[i])
                        r = process_switches(processes->of_role[i],
                                             i == ROLE_DAEMON ? &counters->switches
                                                              : &counters->peer_switches);
        }
        for (size_t i = 0; i < processes->n_peers && r >= 0; ++i)
                r = process_switches(processes->peers[i], &counters->peer_switches);
        if (r >= 0 && getrusage(RUSAGE_SELF, &self) < 0)
                r = -errno;
        if (r >= 0)
                counters->peer_switches += self.ru_nvcsw + self.ru_nivcsw;
        return r;
}

int measure_counters(struct counters *counters, const struct processes *processes, int begin)
{
        int r = 0;

        *counters = (struct counters){0};
        if (!begin)
                r = read_times(counters, processes);
        if (r >= 0)
                r = read_switches(counters, processes);
        if (r >= 0 && begin)
                r = read_times(counters, processes);
        return r;
}

int measure_memory(struct memory *memory, pid_t pid)
{
        int r = measure_proc_field(pid, "smaps_rollup", "Rss", &memory->rss);

        if (r >= 0)
                r = measure_proc_field(pid, "smaps_rollup", "Pss", &memory->pss);
        memory->rss *= 1024;
        memory->pss *= 1024;
        return r;
}

/* The CPUs this process may use when it starts; read before anything is pinned. */
static const cpu_set_t *initial_cpus(void)
{
        static cpu_set_t cpus;
        static bool known;

        if (!known)
                known = sched_getaffinity(0, sizeof(cpus), &cpus) == 0;
        return &cpus;
}

int measure_cpu(int nth)
{
        const cpu_set_t *cpus = initial_cpus();
        int found = 0;

        for (int i = 0; i < CPU_SETSIZE && nth >= 0; ++i) {
                if (CPU_ISSET(i, cpus)) {
                        found = i;
                        --nth;
                }
        }
        return found;
}

int measure_pin(pid_t pid, int cpu)
{
        const cpu_set_t *all = initial_cpus();
        cpu_set_t one;

        CPU_ZERO(&one);
        if (cpu >= 0)
                CPU_SET(cpu, &one);
        return sched_setaffinity(pid, sizeof(one), cpu >= 0 ? &one : all) < 0 ? -errno : 0;
}
