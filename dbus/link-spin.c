/* SPDX-License-Identifier: MIT */
#include "link-spin.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#define NS_PER_US 1000u

/* So many short waits make the next one worth trying. To be short, one that slept may take some
 * times the bound: it includes waking the peer and being woken, of which spinning spares both. */
#define SHORT_ENOUGH 8
#define SHORT_BOUNDS 4
/* What a lost spin costs, and how much of it can be owed. One that is won pays one back: below six
 * wins for a loss it is not worth it. */
#define LOSS      6
#define MOST_DEBT (32 * LOSS)
/* So many wins in a row, and all that was before is forgotten. */
#define WINS_TO_FORGET 64
/* Waits that are neither timed nor spun, after trying was no use; doubled each time. */
#define FIRST_REST 64
#define LAST_REST  65536
/* Waits after which CPUs are counted again, where there was only one. */
#define REST_ON_ONE_CPU 1024

void link_spin_init(struct link_spin *s, uint64_t bound)
{
        *s = (struct link_spin){.bound = bound, .next_rest = FIRST_REST};
}

/* The CPUs are counted when it looks as if it could pay, and again from time to time. */
static bool has_company(struct link_spin *s, int (*count_cpus)(void))
{
        if (s->n_short % REST_ON_ONE_CPU != SHORT_ENOUGH || count_cpus() > 1)
                return true;
        s->n_short = 0;
        s->rest = REST_ON_ONE_CPU;
        return false;
}

enum link_spin_plan link_spin_plan(struct link_spin *s, int (*count_cpus)(void))
{
        if (!s->bound)
                return LINK_SPIN_SLEEP;
        if (s->rest) {
                s->rest -= 1;
                return LINK_SPIN_SLEEP;
        }
        if (s->n_short < SHORT_ENOUGH)
                return LINK_SPIN_WATCH;
        return has_company(s, count_cpus) ? LINK_SPIN_SPIN : LINK_SPIN_SLEEP;
}

static void win(struct link_spin *s)
{
        s->debt -= s->debt > 0;
        s->n_won += 1;
        if (s->n_won >= WINS_TO_FORGET)
                s->next_rest = FIRST_REST;
}

static void lose(struct link_spin *s)
{
        s->n_won = 0;
        s->debt += LOSS;
        if (s->debt < MOST_DEBT)
                return;
        s->debt = 0;
        s->n_short = 0;
        s->rest = s->next_rest;
        s->next_rest *= s->next_rest < LAST_REST ? 2 : 1;
}

void link_spin_over(struct link_spin *s, bool has_spun, bool has_won, uint64_t waited)
{
        if (waited <= SHORT_BOUNDS * s->bound)
                s->n_short += 1;
        else
                s->n_short = 0;
        if (!has_spun)
                return;
        if (has_won)
                win(s);
        else
                lose(s);
}

/* Looked up once. Anything that is no number means the default. */
uint64_t link_spin_bound(void)
{
        static atomic_long known = -1;
        long us = atomic_load_explicit(&known, memory_order_relaxed);

        if (us < 0) {
                const char *text = getenv("DBUS_PEER_LINKS_SPIN");
                char *end = NULL;

                us = text ? strtol(text, &end, 10) : 0;
                if (!text || end == text || *end || us < 0)
                        us = LINK_SPIN_DEFAULT_US;
                else if (us > LINK_SPIN_MAX_US)
                        us = LINK_SPIN_MAX_US;
                atomic_store_explicit(&known, us, memory_order_relaxed);
        }
        return (uint64_t)us * NS_PER_US;
}

int link_spin_count_cpus(void)
{
        cpu_set_t cpus;

        /* More CPUs than fit into a set are certainly more than one. */
        return sched_getaffinity(0, sizeof(cpus), &cpus) < 0 ? CPU_SETSIZE : CPU_COUNT(&cpus);
}
