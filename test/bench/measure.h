/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Reading the clocks and counters that the kernel keeps about processes.
 */
#include <stdint.h>
#include <sys/types.h>

/* Processes whose time is measured, each by itself. */
enum role {
        ROLE_DAEMON,
        ROLE_CLIENT, /* of a client library that is measured */
        ROLE_SERVICE,
        ROLE_MAX,
};

/* Who takes part in a measurement. */
struct processes {
        pid_t of_role[ROLE_MAX]; /* 0: there is none */
        const pid_t *peers;      /* others */
        size_t n_peers;
};

/* All since some point in the past; only differences mean anything. */
struct counters {
        int64_t wall_ns;
        int64_t cpu_ns[ROLE_MAX]; /* user and system time */
        int64_t switches;         /* voluntary and involuntary context switches of the daemon */
        int64_t peer_switches;    /* those of this process and of all others */
};

/* Memory of a process in bytes. */
struct memory {
        int64_t rss;
        int64_t pss;
};

int64_t measure_now_ns(void);

/*
 * Reads the counters. Wall and CPU time are read last with @begin, first without, so that reading
 * is not part of what is measured. 0 or -errno.
 */
int measure_counters(struct counters *counters, const struct processes *processes, int begin);

/* Reads /proc/PID/smaps_rollup. 0 or -errno. */
int measure_memory(struct memory *memory, pid_t pid);

/* The number behind "KEY:" in a file of lines below /proc/PID. 0 or -errno. */
int measure_proc_field(pid_t pid, const char *file, const char *key, int64_t *value);

/* Restricts process @pid (0: this one) to @cpu, or with -1 to all that the harness began with. */
int measure_pin(pid_t pid, int cpu);

/* The number of the @nth CPU (from 0) we may use, or of the last if there are not as many. */
int measure_cpu(int nth);
