/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The other ends of a conversation, each a process of its own as on a real bus.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum peer_role {
        PEER_ECHO,     /* answers each call with the call's body */
        PEER_MUTE,     /* reads what it gets and never answers */
        PEER_FLOOD,    /* sends itself signals as fast as it gets them */
        PEER_RECEIVER, /* subscribes to a signal and reports to the tally */
        PEER_REFLECT,  /* no bus: sends back each block that arrives at fds[0] */
        PEER_RELAY,    /* no bus: carries blocks from fds[0] to fds[1] and one back in turn */
        PEER_SPREAD,   /* no bus: sends each block that arrives at fds[0] to all the others */
};

/* Shared memory: how many receivers have the signal; the last one writes to the eventfd. */
struct tally {
        atomic_uint arrived;
        unsigned expected;
        int done_fd;
};

struct peer_setup {
        enum peer_role role;
        const char *socket;  /* of the bus */
        const char *name;    /* to own, or NULL */
        const char *rule;    /* PEER_RECEIVER: what to subscribe to */
        bool coalesce;       /* PEER_ECHO: answer all calls that came together in one write */
        struct tally *tally; /* PEER_RECEIVER */
        const int *fds;      /* of those without a bus; remain the caller's */
        size_t n_fds;
        size_t block; /* size of their blocks */
};

struct peer {
        pid_t pid;
        char unique[64];
};

/* Starts the process and returns when it is ready. 0 or -errno. */
int peer_new(struct peer **pp, const struct peer_setup *setup);

/* Kills the process and waits for its end. */
struct peer *peer_free(struct peer *p);

/* A tally for @expected receivers. */
int tally_new(struct tally **tp, unsigned expected);
struct tally *tally_free(struct tally *t);

/* Before a signal is sent, and to wait until everyone has it. 0 or -errno. */
void tally_reset(struct tally *t);
int tally_wait(struct tally *t);
