/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Well-known names and who owns them (specification: "Message Bus Names").
 *
 * The registry finds a name, an owner holds what one connection owns or waits for, an ownership is
 * one place in the queue of one name. Unique names are not in here: a connection has one for life.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/list.h"

/* RequestName flags, and the flags that a place in a queue keeps. */
enum name_flag {
        NAME_ALLOW_REPLACEMENT = 1,
        NAME_REPLACE_EXISTING = 2,
        NAME_DO_NOT_QUEUE = 4,
};

/* Results of RequestName and ReleaseName, as the specification numbers them. */
enum name_request_result {
        NAME_PRIMARY_OWNER = 1,
        NAME_IN_QUEUE = 2,
        NAME_EXISTS = 3,
        NAME_ALREADY_OWNER = 4,
};
enum name_release_result {
        NAME_RELEASED = 1,
        NAME_NON_EXISTENT = 2,
        NAME_NOT_OWNER = 3,
};

struct name_registry {
        struct hash_key key;
        struct hash_table table; /* struct name */
        struct list names;       /* all that have an owner, in order of creation */
};

/* What a connection has in the registry. Lives inside the connection. */
struct name_owner {
        /* struct name_ownership.of_owner, in the order in which the owner joined their queues;
         * later moves within a queue, up or down, leave it alone. The reference releases the names
         * of a connection that goes from the last of them to the first. */
        struct list ownerships;
        unsigned n_names;        /* on that list: owned and queued for */
        const char *unique_name; /* ":1.7"; borrowed, set by the connection; NULL before Hello */
};

struct name {
        struct hash_link link;
        struct list in_registry; /* on name_registry.names while there is an owner */
        struct list queue;       /* struct name_ownership.of_name; the first is the primary owner */
        unsigned refs;           /* users besides the queue, see name_intern() */
        unsigned n_sender_rules; /* match rules with sender='this name'; kept by bus/match.c */
        uint32_t length;
        char text[];
};

struct name_ownership {
        struct name *name;
        struct name_owner *owner;
        struct list of_name, of_owner;
        uint32_t flags; /* NAME_ALLOW_REPLACEMENT, NAME_DO_NOT_QUEUE */
};

/* What a verb did to the primary owner: NULL is "nobody"; old and new are equal: nothing moved. */
struct name_change {
        struct name *name; /* holds a reference (name_ref) for the caller, see name_change_done();
                              NULL if there is no such name */
        struct name_owner *old_owner, *new_owner;
};

void name_registry_init(struct name_registry *r);
void name_registry_deinit(struct name_registry *r); /* no name is owned or referenced any more */
void name_owner_init(struct name_owner *o);

/* The name, if it has an owner (or is interned); NULL else. One hash probe. */
struct name *name_find(struct name_registry *r, const char *text, size_t length);

/* The primary owner; NULL if there is none. */
static inline struct name_owner *name_primary(const struct name *n)
{
        return n && !list_empty(&n->queue)
                       ? container_of(n->queue.next, struct name_ownership, of_name)->owner
                       : NULL;
}

/* True if `o` owns `n` or waits for it. */
bool name_queued(const struct name *n, const struct name_owner *o);

/* Finds or makes a name that need not have an owner, with a reference. Returns 0 or -ENOMEM. */
int name_intern(struct name_registry *r, const char *text, size_t length, struct name **np);
struct name *name_ref(struct name *n);
struct name *name_unref(struct name_registry *r, struct name *n); /* frees if unused; NULL */

/*
 * RequestName, as the specification's flag rules have it. `text` is a valid well-known name;
 * unknown flags are ignored. Someone who asks with NAME_REPLACE_EXISTING and has to wait is put at
 * the head of those who wait, as the reference does. Returns an enum name_request_result and fills
 * `change`, or -ENOMEM with nothing changed.
 */
int name_request(struct name_registry *r, struct name_owner *o, const char *text, size_t length,
                 uint32_t flags, struct name_change *change);

/* ReleaseName. Returns an enum name_release_result and fills `change`; cannot fail. */
int name_release(struct name_registry *r, struct name_owner *o, const char *text, size_t length,
                 struct name_change *change);

/* Gives up one place in a queue: for a connection that goes, one after the other, last one first.
 * The ownership is freed. */
void name_drop(struct name_registry *r, struct name_ownership *ownership,
               struct name_change *change);

/* Drops the change's reference on its name. */
void name_change_done(struct name_registry *r, struct name_change *change);
