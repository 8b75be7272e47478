/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lists of policy rules in the order of the configuration, and sets of such lists by uid or gid.
 */

#include <stddef.h>
#include <stdint.h>

#include "bus/policy.h"

struct rule_list {
        struct policy_rule **rules; /* owned */
        size_t n, room;
};

/* The rules for one user or group. */
struct rule_set {
        uint32_t id;
        struct rule_list list;
};

/* By ascending id. */
struct rule_sets {
        struct rule_set *sets;
        size_t n, room;
};

/* Appends a rule, which becomes the list's on success. Returns 0 or -ENOMEM. */
int rule_list_append(struct rule_list *list, struct policy_rule *rule);

/* Appends all of `from`, which is left empty. Returns 0, or -ENOMEM with nothing changed. */
int rule_list_move(struct rule_list *into, struct rule_list *from);

void rule_list_deinit(struct rule_list *list);

/* The list for an id; NULL if there is none. */
const struct rule_list *rule_sets_find(const struct rule_sets *sets, uint32_t id);

/* Finds or makes the list for an id. NULL: no memory. */
struct rule_list *rule_sets_list(struct rule_sets *sets, uint32_t id);

/* Moves each list of `from` behind its like. Returns 0, or -ENOMEM with some moved, some not. */
int rule_sets_move(struct rule_sets *into, struct rule_sets *from);

void rule_sets_deinit(struct rule_sets *sets);
