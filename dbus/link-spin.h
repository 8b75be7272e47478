/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Whether a blocking wait looks at the links for a while before it sleeps. To fall asleep and to be
 * woken costs more than most answers take; to look in vain costs CPU time. So a wait spins only
 * where what it can see says that it will win:
 *
 * - the calling thread may run on more than one CPU: on one, the peer gets nowhere while we look;
 * - the last waits were short: a few times the bound, as to sleep and to be woken is part of them;
 * - spinning has paid. One that never wins tries ever more rarely: what it wastes becomes nothing.
 */

#include <stdbool.h>
#include <stdint.h>

/* The longest that a wait spins, if nobody says otherwise: about what it costs to wake a process on
 * another CPU. */
#define LINK_SPIN_DEFAULT_US 50u
/* What somebody may say. */
#define LINK_SPIN_MAX_US 1000u

struct link_spin {
        uint64_t bound;     /* nanoseconds; 0: never */
        unsigned n_short;   /* short waits in a row */
        unsigned n_won;     /* spins in a row */
        unsigned debt;      /* for spins that were lost */
        unsigned rest;      /* waits until the next look at what there is to be won */
        unsigned next_rest; /* the one after this */
};

/* What there is to be known before a wait. */
enum link_spin_plan {
        LINK_SPIN_SLEEP, /* it sleeps, and nobody wants to know how long */
        LINK_SPIN_WATCH, /* it sleeps, and is to be timed */
        LINK_SPIN_SPIN,  /* it spins for up to the bound, and is to be timed */
};

void link_spin_init(struct link_spin *s, uint64_t bound);

/* @count_cpus says on how many CPUs this thread may run. It is a system call, and not asked often.
 */
enum link_spin_plan link_spin_plan(struct link_spin *s, int (*count_cpus)(void));

/* A wait is over that was to be timed: after @waited nanoseconds, and with something to read or
 * not while it was spinning. */
void link_spin_over(struct link_spin *s, bool has_spun, bool has_won, uint64_t waited);

/* The bound of this process in nanoseconds: DBUS_PEER_LINKS_SPIN in the environment, or the
 * default. */
uint64_t link_spin_bound(void);

/* On how many CPUs the calling thread may run. */
int link_spin_count_cpus(void);
