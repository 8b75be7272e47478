/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Starts that are under way: which name is to get an owner, and what waits for that. Data only;
 * what starts a service, and what becomes of those who wait, is in activation.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bus/loop.h"
#include "bus/spawn.h"
#include "core/list.h"
#include "core/message.h"

struct peer;
struct activations;

/* A message that waits for the owner of its destination, or a call of StartServiceByName. */
struct activation_waiter {
        struct list of_activation;
        struct peer *from;       /* NULL: the bus. Is in memory as long as its message is, even if
                                    it has gone. */
        struct message *message; /* the call itself if `starts` */
        bool starts;
};

struct activation {
        struct activations *all;
        struct list of_all;
        struct list waiters; /* struct activation_waiter.of_activation: oldest first */
        struct loop_timer timer;
        int64_t timeout;     /* ms, as it was configured when the start began */
        struct child *child; /* NULL: it is not, or no more, a program of ours */
        bool by_helper;      /* the program is the one that starts services of a system bus */
        char *exec;          /* the command line; NULL: it is up to systemd */
        char *unit;          /* what systemd is to start; NULL: it is not asked to */
        char name[];
};

/* All of a bus. */
struct activations {
        struct list pending; /* struct activation.of_all: the latest first */
        uint64_t n_waiters;  /* what max_pending_service_starts is about */
};

void activations_init(struct activations *all);
void activations_deinit(struct activations *all);

/* The start under way for a name; NULL if there is none. */
struct activation *activation_find(const struct activations *all, const char *name);

/* Notes a start; nobody waits, and no timer runs, yet. Returns 0 or -ENOMEM. */
int activation_new(struct activation **ap, struct activations *all, const char *name);

/* It is over, one way or the other; drops who still waits, and forgets the program. */
void activation_free(struct activation *a);

/* Puts a message at the end of the queue. Returns 0 or -ENOMEM. */
int activation_add(struct activation *a, struct peer *from, struct message *message, bool starts);
