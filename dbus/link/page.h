/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Pages of memory that the daemon shares with clients: the clock of a connection, which only the
 * daemon writes, and the tally of its links, which only the client writes.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_PAGE_SIZE 4096u

/* One counter in each cache line: those who store one do not disturb those who read another. */
struct link_counter {
        _Alignas(64) _Atomic uint64_t value;
};

struct link_clock {
        struct link_counter routed;    /* messages that were read from the connection, and routed */
        struct link_counter queued;    /* messages that were put on the way to it */
        struct link_counter names;     /* changes of the names that its linked peers own */
        struct link_counter calls;     /* its calls that the bus has a reply to come for */
        struct link_counter max_calls; /* the most that the bus has of those */
};

struct link_tally {
        _Alignas(64) _Atomic uint32_t link; /* which link it is about */
        _Atomic uint64_t messages, bytes;   /* that were sent over it */
        _Atomic uint64_t time;              /* of the last one: ns of CLOCK_MONOTONIC; 0: none */
};

#define LINK_N_TALLIES (LINK_PAGE_SIZE / sizeof(struct link_tally))

struct link_tallies {
        struct link_tally of[LINK_N_TALLIES]; /* indexed by link modulo their number */
};

/*
 * Makes a page that nobody can resize, and that from now on can be written through this mapping
 * alone. Returns a descriptor and the mapping; or -errno: -EINVAL where the kernel cannot promise
 * that (F_SEAL_FUTURE_WRITE, Linux 5.1).
 */
int link_clock_new(struct link_clock **page);

/* Makes a page that nobody can resize; the mapping here is for reading. Returns as above. */
int link_tallies_new(const struct link_tallies **page);

/*
 * Map a page that came from the daemon: only if it cannot be resized, so that looking at it is
 * safe. Return 0 or -errno: -EPERM if it is not sealed so. The descriptor stays the caller's.
 */
int link_clock_map(int fd, const struct link_clock **page);
int link_tallies_map(int fd, struct link_tallies **page);

/* Unmaps; NULL is fine. */
void link_page_unmap(const void *page);

/* Loads and stores of counters, in the order that the protocol needs. */
static inline uint64_t link_counter_load(const struct link_counter *c)
{
        return atomic_load_explicit(&c->value, memory_order_acquire);
}

static inline void link_counter_store(struct link_counter *c, uint64_t value)
{
        atomic_store_explicit(&c->value, value, memory_order_release);
}
