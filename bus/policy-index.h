/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The rules of one kind that can apply to a connection, in the order in which they count and
 * indexed by what a message can be looked up by. Made once, never changed.
 *
 * What costs nothing to know about a message (its type, whether it is a reply and a requested one,
 * whether it is a broadcast or eavesdropped, whether a connection is at the other end) is its
 * class. There are POLICY_CLASSES of them, and each rule has the set of those that it can match.
 * Rules are found by the name that they give, by their interface if they give no name, and by class
 * if they give neither.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/policy.h"

enum policy_reply {
        POLICY_NO_REPLY,
        POLICY_REQUESTED_REPLY,
        POLICY_UNREQUESTED_REPLY,
};

/* 5 types, of which MESSAGE_INVALID is any unknown one; 3 states of a reply; 2 and 2 of the rest.
 */
#define POLICY_CLASSES 60

/* `extra`: 1 for a broadcast (when sent), for what is eavesdropped (when received). `nobody`: 1 if
 * no connection is at the other end, but the bus or who will own a name. */
static inline unsigned policy_class(unsigned type, enum policy_reply reply, unsigned extra,
                                    unsigned nobody)
{
        return ((type * 3 + reply) * 2 + extra) * 2 + nobody;
}

/* A text to find in a message; NULL: any. Borrowed from the policy's rule. */
struct index_text {
        const char *text;
        uint32_t length;
};

struct index_rule {
        uint64_t classes; /* bit n: can match class n */
        bool allow, log;
        bool matches_class; /* nothing but the class, and what it is indexed by, is left to ask */
        bool name_is_prefix;
        uint32_t min_fds, max_fds;
        struct index_text name, path, interface, member, error_name;
};

/* Numbers of rules, ascending: an index_rule's number is its place in the order. */
struct index_list {
        const uint32_t *rules;
        uint32_t n;
};

struct index_slot {
        struct index_text key; /* NULL: empty */
        uint32_t hash;
        struct index_list list;
};

/* Rules by a text that they give; open addressing. */
struct index_table {
        struct index_slot *slots; /* NULL: no rules */
        uint32_t mask;            /* number of slots - 1 */
        uint32_t n_keys;
        uint32_t last;   /* the highest number of any rule in it */
        bool has_unique; /* a key starts with a colon */
};

struct policy_index {
        enum policy_kind kind; /* OWN, SEND or RECEIVE */
        struct index_rule *rules;
        uint32_t n_rules;
        uint64_t always_allowed;             /* bit n: whatever decides class n, it is an <allow> */
        struct index_table names;            /* that give a name */
        struct index_table prefixes;         /* that give a prefix of names */
        struct index_table interfaces;       /* that give no name but an interface */
        struct index_list denied_interfaces; /* of the latter those that deny: a message without
                                                interface matches them too */
        struct index_list by_class[POLICY_CLASSES]; /* that give neither name nor interface */
        uint32_t *pool;                             /* of numbers, for all lists */
};

/*
 * Makes the index of those of the n_rules rules that are of kind `kind`. It borrows their texts.
 * Returns 0, or -ENOMEM and the index is good for policy_index_deinit() only.
 */
int policy_index_init(struct policy_index *index, enum policy_kind kind,
                      struct policy_rule *const *rules, size_t n_rules);
void policy_index_deinit(struct policy_index *index);

/* The rules with a key; an empty list if there are none. Never NULL. */
const struct index_list *policy_index_find(const struct index_table *table, const char *text,
                                           uint32_t length);

/* The verdict of an index of kind SEND or RECEIVE; see policy_may_send(). */
struct policy_verdict policy_index_judge(const struct policy_index *index,
                                         const struct policy_message *m,
                                         struct name_registry *names);

/* Does a connection own a name, well-known or unique, or wait for it? And one at or below a prefix?
 */
bool policy_party_has(const struct name_owner *party, const struct index_text *name,
                      struct name_registry *names);
bool policy_party_is_in_prefix(const struct name_owner *party, const struct index_text *prefix);

/* The verdict of an index of kind OWN. */
bool policy_index_may_own(const struct policy_index *index, const char *name, size_t length);
