/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pairs that talk and cannot have a peer link, as not both of them have joined in: counted so that
 * an administrator can be told which links there might be. It must cost those who have nothing to
 * do with links next to nothing: the table is of fixed size, and a message is one look at one slot.
 */

#include <stdint.h>

#define UNJOINED_PAIRS 256u

struct unjoined_pair {
        uint64_t first, second; /* struct peer.id, the lower first; second 0: nobody */
        uint64_t messages;      /* since they have this slot */
        uint32_t hold;          /* messages of other pairs that they keep it against */
};

struct unjoined_pairs {
        struct unjoined_pair slots[UNJOINED_PAIRS];
};

/* A message has gone from one to the other. Of pairs that share a slot, the busiest gets it. */
void unjoined_note(struct unjoined_pairs *u, uint64_t a, uint64_t b);
