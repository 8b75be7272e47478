/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What is measured, as data: a case names a workload, its parameters and a way to take a sample of
 * it. A fixture is a case set up for one daemon.
 */
#include "client.h"
#include "columns.h"
#include "peers.h"
#include "program.h"

/* What a sample says. Not every case fills in every metric; the others are NAN. */
enum metric {
        METRIC_WALL,          /* ns per unit */
        METRIC_CPU,           /* ns of the daemon per unit */
        METRIC_SWITCHES,      /* context switches of the daemon per unit */
        METRIC_PEER_SWITCHES, /* those of all clients per unit */
        METRIC_CLIENT_CPU,    /* ns of the program that calls */
        METRIC_SERVICE_CPU,   /* ns of the one that answers */
        METRIC_TOTAL_CPU,     /* ns of these three, where there are all of them */
        METRIC_RSS,           /* bytes of the daemon, or of the client, per connection */
        METRIC_PSS,
        METRIC_SYSCALLS, /* of the daemon per unit */
        METRIC_CLIENT_SYSCALLS,
        METRIC_SERVICE_SYSCALLS,
        METRIC_CLIENT_INSTRUCTIONS, /* in user space */
        METRIC_SERVICE_INSTRUCTIONS,
        METRIC_MAX,
};

struct sample {
        unsigned long iterations;
        double values[METRIC_MAX];
};

/* Where processes run. */
enum placement {
        PLACE_FREE,  /* where the scheduler likes: it changes its mind, and so do the figures */
        PLACE_ONE,   /* daemon and clients share a CPU */
        PLACE_SPLIT, /* the clients share a CPU, the daemon has another */
        PLACE_APART, /* ... and the peers share the daemon's: they are not what is measured */
};

struct fixture;
struct bench_case;

/* How long and how often to measure. */
struct budget {
        int64_t sample_ns;
        unsigned rounds;
        unsigned long syscall_iterations;
        unsigned long instruction_iterations;
};

/* What there is to measure and to measure with. */
struct equipment {
        struct subjects subjects;
        const char *library[LIBRARY_MAX]; /* NULL: it is left out */
        const char *lib_client;           /* the program that uses them; NULL: there is none */
        const char *activated;            /* the program that is a service for one call */
        const char *valgrind;             /* NULL: there is none */
};

struct workload {
        /* Builds what the case needs around f->daemon. 0 or -errno. */
        int (*setup)(struct fixture *f);
        /* Does @n iterations and returns when the daemon is through with them. 0 or -errno. */
        int (*run)(struct fixture *f, unsigned long n);
        /* Frees what setup keeps in f->state; NULL: nothing. */
        void (*teardown)(struct fixture *f);
};

struct bench_case {
        const char *name;
        const char *what; /* one line for --list */
        const struct workload *workload;
        int (*sample)(struct fixture *f, const struct budget *budget, struct sample *sample);
        const char *unit;    /* what values are per */
        unsigned units;      /* units in one iteration */
        unsigned count;      /* receivers, rules, calls ...: the workload's parameter */
        size_t payload;      /* bytes of the body */
        const char *variant; /* which kind of rules or receivers, or NULL */
        enum policy_kind policy;
        enum placement placement;
        bool coalesce; /* clients put what they have to say into one write */
        bool fresh;    /* a new daemon for every sample */
        enum axis axis;
        bool activates;      /* the daemon starts programs, which dbus-broker leaves to others */
        bool instructions;   /* needs valgrind */
        unsigned max_rounds; /* 0: as many as asked for */
};

struct fixture {
        const struct bench_case *c;
        const struct equipment *equipment;
        enum column column;
        enum library_id library;
        struct daemon *daemon; /* NULL where there is none */
        pid_t pid;             /* of the process whose CPU time counts */
        struct client *caller;
        struct client **clients; /* further connections of this process */
        size_t n_clients;
        struct peer **peers;
        size_t n_peers;
        struct program *client; /* that use the client library; NULL: there is none */
        struct program *service;
        struct wire_buf message;  /* the one that is sent again and again */
        void *state;              /* the workload's own */
        unsigned long iterations; /* of a sample; 0: not known yet */
};

/* The cases of each file, ended by one without a name. */
extern const struct bench_case cases_call[];
extern const struct bench_case cases_signal[];
extern const struct bench_case cases_connection[];
extern const struct bench_case cases_start[];
extern const struct bench_case cases_bare[];
extern const struct bench_case cases_library[];
extern const struct bench_case cases_link[];

/* Starts the column's daemon and sets the case up. 0 or -errno. */
int fixture_new(struct fixture **fp, const struct bench_case *c, const struct equipment *equipment,
                enum column column);
struct fixture *fixture_free(struct fixture *f);

/* Adds @n connections to f->clients. 0 or -errno. */
int fixture_add_clients(struct fixture *f, unsigned n);

/* Adds one of a socket that is there and leads to no bus. Takes @fd, also on failure. 0 or -errno.
 */
int fixture_adopt_client(struct fixture *f, int fd);

/* Starts a peer; its bus is the fixture's. 0 or -errno. */
int fixture_add_peer(struct fixture *f, struct peer_setup *setup);

/*
 * Starts lib-client for a task, with the fixture's library and on its bus. With @profile its
 * instructions are counted there. 0 or -errno.
 */
int fixture_start_program(const struct fixture *f, struct program **pp, const char *task,
                          const char *profile);

/* A sample that says nothing yet. */
void sample_init(struct sample *sample);

/* Ways to take a sample, for struct bench_case. */

/* Times runs of the workload, long enough each to fill the budget. */
int sample_timed(struct fixture *f, const struct budget *budget, struct sample *sample);

/* How much the daemon grows by a thousand connections that do nothing. */
int sample_memory(struct fixture *f, const struct budget *budget, struct sample *sample);

/* How much a program grows by a thousand private connections of its own. */
int sample_client_memory(struct fixture *f, const struct budget *budget, struct sample *sample);

/*
 * Counts system calls with strace: the programs' if the case has any, else the daemon's. -ENOENT
 * when there is no strace.
 */
int sample_syscalls(struct fixture *f, const struct budget *budget, struct sample *sample);

/*
 * Counts instructions with valgrind: the difference between programs that do their task N and 2 N
 * times, which leaves out what starting and ending them takes.
 */
int sample_instructions(struct fixture *f, const struct budget *budget, struct sample *sample);
