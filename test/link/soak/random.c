/* SPDX-License-Identifier: MIT */
#include "worker.h"

/* The same seed, the same choices: xorshift64*, of G. Marsaglia and S. Vigna. */
uint64_t random_next(struct worker *w)
{
        w->random ^= w->random >> 12;
        w->random ^= w->random << 25;
        w->random ^= w->random >> 27;
        return w->random * 0x2545f4914f6cdd1du;
}

uint32_t random_below(struct worker *w, uint32_t n)
{
        return (uint32_t)((random_next(w) >> 32) % n);
}

bool random_chance(struct worker *w, uint32_t percent)
{
        return random_below(w, 100) < percent;
}
