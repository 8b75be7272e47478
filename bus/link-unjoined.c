/* SPDX-License-Identifier: MIT */
#include "bus/link-unjoined.h"

/* So that a pair that was busy for long gives its slot up when it is no more. */
#define MAX_HOLD 1024u

static struct unjoined_pair *slot_of(struct unjoined_pairs *u, uint64_t first, uint64_t second)
{
        /* Ids are consecutive numbers: odd constants spread them (Knuth, "multiplicative
         * hashing"). */
        uint64_t hash = (first * 0x9e3779b97f4a7c15u) ^ (second * 0xc2b2ae3d27d4eb4fu);

        return &u->slots[hash >> 56];
}

_Static_assert(UNJOINED_PAIRS == 1u << 8, "the hash has eight bits");

void unjoined_note(struct unjoined_pairs *u, uint64_t a, uint64_t b)
{
        uint64_t first = a < b ? a : b, second = a < b ? b : a;
        struct unjoined_pair *p = slot_of(u, first, second);

        if (p->first == first && p->second == second) {
                p->messages += 1;
                p->hold += p->hold < MAX_HOLD;
        } else if (p->hold) {
                p->hold -= 1;
        } else {
                *p = (struct unjoined_pair){first, second, 1, 1};
        }
}
