/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One order of what comes over a connection's links and over its bus socket: the order that the bus
 * would have given it, or one that nobody can tell from that (doc/peer-links.md, "Receiving").
 *
 * Frames are added as they are read. merge_cut() closes a cut: what was sent later than its time
 * waits for the next. Of what is in the cut, merge_next() gives what goes ahead of a message of the
 * bus.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/list.h"

/* A frame with a message in it, part of a struct of the user's. */
struct link_arrival {
        struct list in_order;
        uint64_t stamp;
        uint64_t time;
};

struct link_merge {
        struct list waiting;  /* for a cut, in the order of (stamp, time) */
        struct list accepted; /* in a cut, in the order of (stamp, time): for their place */
};

void link_merge_init(struct link_merge *m);

/* Adds what was read. A time that lies behind `now`, the clock after the reading, is a lie and
 * counts as `now`. */
void link_merge_add(struct link_merge *m, struct link_arrival *a, uint64_t now);

/* Closes a cut of what was sent no later than `time`. UINT64_MAX: everything. */
void link_merge_cut(struct link_merge *m, uint64_t time);

/*
 * Takes the next arrival that goes behind the `taken` messages that were taken off the bus socket,
 * or ahead of one of them. Returns NULL if there is none.
 */
struct link_arrival *link_merge_next(struct link_merge *m, uint64_t taken);

/* True if something was added that has not been taken. */
static inline bool link_merge_has_more(const struct link_merge *m)
{
        return !list_empty(&m->waiting) || !list_empty(&m->accepted);
}
