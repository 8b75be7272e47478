/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The unique names that match rules give as sender or destination. No unique name is ever given
 * away twice, so that such a rule is of no more use once the peer is gone; nor does its owner
 * always remove it.
 */

#include "bus/match-rule.h"
#include "core/hash.h"
#include "core/list.h"

struct match_uniques {
        struct hash_table table; /* struct match_unique.link */
};

/* One of the names. Exists while a rule gives it. */
struct match_unique {
        struct hash_link link;
        struct list rules[N_MATCH_PARTIES]; /* struct match_rule.of_unique */
        size_t length;
        char name[];
};

/* Takes note of what a rule gives. Returns 0, or -ENOMEM and nothing is noted. */
int match_uniques_add(struct match_uniques *u, const struct hash_key *key, struct match_rule *rule);

/* To be called before the rule is freed. */
void match_uniques_remove(struct match_uniques *u, const struct hash_key *key,
                          struct match_rule *rule);

/* A rule that gives this name; NULL if there is none. */
struct match_rule *match_uniques_find(const struct match_uniques *u, const struct hash_key *key,
                                      const char *name, size_t length);
