/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Reading the clocks and counters that the kernel keeps about processes.
 */
#include <stdint.h>
#include <sys/types.h>

/* All since some point in the past; only differences mean anything. */
struct counters {
        int64_t wall_ns;
        int64_t cpu_ns;        /* user and system time of the daemon */
        int64_t switches;      /* voluntary and involuntary context switches of the daemon */
        int64_t peer_switches; /* those of this process and the given peers */
};

/* Memory of a process in bytes. */
struct memory {
        int64_t rss;
        int64_t pss;
};

int64_t measure_now_ns(void);

/*
 * Reads the counters about process @daemon (0: there is none) and @n_peers others. Wall and CPU
 * time are read last with @begin, first without, so that reading is not part of what is measured.
 * 0 or -errno.
 */
int measure_counters(struct counters *counters, pid_t daemon, const pid_t *peers, size_t n_peers,
                     int begin);

/* Reads /proc/PID/smaps_rollup. 0 or -errno. */
int measure_memory(struct memory *memory, pid_t pid);

/* The number behind "KEY:" in a file of lines below /proc/PID. 0 or -errno. */
int measure_proc_field(pid_t pid, const char *file, const char *key, int64_t *value);

/* Restricts process @pid (0: this one) to @cpu, or with -1 to all that the harness began with. */
int measure_pin(pid_t pid, int cpu);

/* The number of the @nth CPU (from 0) we may use, or of the last if there are not as many. */
int measure_cpu(int nth);
