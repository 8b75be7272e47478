/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The event loop: file descriptors by epoll(7), and deadlines.
 *
 * Sources and timers live inside what owns them. Something that goes away while the loop runs
 * removes its source at once, but must stay in memory until the end of the turn (loop_turn()
 * has returned): the kernel may have reported it already.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/list.h"

struct loop_source {
        int fd;          /* -1: not in the loop */
        uint32_t events; /* EPOLLIN, EPOLLOUT that are waited for; EPOLLET if the owner minds it */
        uint32_t due;    /* of loop_again() */
        struct list of_due; /* on loop.due while `due` is not 0 */
        void (*ready)(struct loop_source *source, uint32_t events);
};

struct loop_timer {
        struct list link;  /* on loop.timers while set */
        uint64_t deadline; /* CLOCK_MONOTONIC, nanoseconds */
        void (*expired)(struct loop_timer *timer);
};

struct loop {
        int epoll_fd;
        struct list due;    /* struct loop_source.of_due: called in the next turn in any case */
        struct list timers; /* soonest first: new deadlines are nearly always the latest */
        bool stop;
};

int loop_init(struct loop *l); /* 0 or -errno */
void loop_deinit(struct loop *l);

void loop_source_init(struct loop_source *source, int fd, uint32_t events,
                      void (*ready)(struct loop_source *source, uint32_t events));

/* Watches source->fd for source->events. Returns 0 or -errno. */
int loop_add(struct loop *l, struct loop_source *source);
/* Waits for `events` from now on. A system call only if they differ. Cannot fail for an fd that
 * is in the loop. */
void loop_change(struct loop *l, struct loop_source *source, uint32_t events);
/* Stops watching; does not close the fd but forgets it. */
void loop_remove(struct loop *l, struct loop_source *source);

/*
 * Calls the source with these events in the next turn, whatever the kernel says: for the owner of
 * an edge-triggered source who leaves something in its socket, so that others get their turn.
 */
void loop_again(struct loop *l, struct loop_source *source, uint32_t events);

void loop_timer_init(struct loop_timer *t, void (*expired)(struct loop_timer *timer));
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t deadline);
void loop_timer_clear(struct loop_timer *t);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t loop_now(void);

#define NS_PER_MS  UINT64_C(1000000)
#define NS_PER_SEC UINT64_C(1000000000)

/*
 * One turn: sleeps until something is ready or a deadline is over, and calls everyone concerned.
 * Returns 0, or -errno if the kernel has no events to give at all.
 */
int loop_turn(struct loop *l);
