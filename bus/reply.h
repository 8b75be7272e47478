/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Method calls that wait for their reply. Each is known to the registry (by caller, callee and
 * serial), to the caller who pays for it, and to the callee whose end it answers for.
 */

#include <stdint.h>

#include "core/hash.h"
#include "core/list.h"
#include "link/page.h"

struct reply_registry {
        struct hash_key key;
        struct hash_table table; /* struct reply */
        struct list by_deadline; /* struct reply.in_time, soonest first */
        struct list spare;       /* freed entries, kept for the next call; bounded */
        unsigned n_spare;
};

/* What a connection has in the registry. Lives inside the connection. */
struct reply_owner {
        struct list made;     /* struct reply.of_caller, oldest first: calls it waits for */
        struct list received; /* struct reply.of_callee, oldest first: calls it owes a reply to */
        unsigned n_made;
        struct link_counter *told; /* where the connection is told of n_made; NULL: it is not */
};

struct reply {
        struct hash_link link;
        struct list of_caller, of_callee, in_time;
        struct reply_owner *caller, *callee;
        uint32_t serial;   /* of the call, as the caller numbered it */
        uint64_t deadline; /* CLOCK_MONOTONIC nanoseconds; UINT64_MAX: waits for ever */
};

void reply_registry_init(struct reply_registry *r);
void reply_registry_deinit(struct reply_registry *r); /* nobody waits any more */
void reply_owner_init(struct reply_owner *o);

/*
 * Notes a call. Returns 0, -EEXIST if this caller waits for the same serial from the same callee
 * already, or -ENOMEM.
 */
int reply_expect(struct reply_registry *r, struct reply_owner *caller, uint32_t serial,
                 struct reply_owner *callee, uint64_t deadline);

/* The call that this would be the reply to; NULL if there is none. One hash probe. */
struct reply *reply_find(struct reply_registry *r, const struct reply_owner *caller,
                         uint32_t serial, const struct reply_owner *callee);

/* A call of this caller with this serial, to whomever; NULL if there is none. Looks at all that the
 * caller waits for. */
struct reply *reply_find_by_caller(const struct reply_owner *caller, uint32_t serial);

/* The call is answered, or given up: forgets it. */
void reply_done(struct reply_registry *r, struct reply *reply);

/* The call that will wait no longer first; NULL if none has a deadline. */
struct reply *reply_soonest(const struct reply_registry *r);
