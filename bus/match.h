/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The match rules of a bus (specification: "Match Rules"), indexed so that a message costs what its
 * receivers cost, however many rules there are that do not match it.
 *
 * Every rule belongs to a shape: the set of keys it gives out of the indexed ones (bus/match-rule.h
 * lists them). Each shape in use has one hash table, keyed by the values of those keys. A message
 * is looked up once for each shape; what it finds there has only its remaining keys left to
 * compare.
 *
 * Some keys are true of a message for several values: for these it is looked up once for each name
 * of its sender that a rule asks for, each ancestor of its path, each prefix of its first argument
 * (at dots for arg0namespace, at slashes for arg0path). One case remains that has to look at all
 * rules of a shape: a first argument that ends with a slash, and arg0path.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/match-rule.h"
#include "bus/match-unique.h"
#include "bus/names.h"
#include "core/hash.h"
#include "core/list.h"
#include "core/message.h"

/* The rules that give values for the same keys. Exists while there are any. */
struct match_shape {
        struct list of_registry;
        struct hash_table table; /* struct match_rule.link: of each ring of alike rules, one */
        uint32_t keys;           /* enum match_shape_key */
        size_t n_rules;
};

/* All the rules of one kind on a bus: those of ordinary clients, of eavesdroppers, of monitors. */
struct match_registry {
        struct name_registry *names;
        struct list shapes; /* struct match_shape.of_registry */
        struct match_uniques uniques;
        size_t n_rules;
};

/* What a connection has in a registry. Lives inside the connection. */
struct match_owner {
        struct list rules; /* struct match_rule.of_owner, oldest first */
        unsigned n_rules;
        uint64_t marked; /* the last query that found this owner: it is found once a query */
};

int match_registry_new(struct match_registry **rp, struct name_registry *names);
struct match_registry *match_registry_free(struct match_registry *r); /* it is empty */
void match_owner_init(struct match_owner *o);

/* True if the registry has no rule at all. */
bool match_registry_empty(const struct match_registry *r);

/* Adds a rule, which becomes the registry's. Returns 0, or -ENOMEM and the rule stays yours. */
int match_add(struct match_registry *r, struct match_owner *o, struct match_rule *rule);

/* Removes and frees the owner's latest rule that is equal to `rule`. False: it has none. */
bool match_remove(struct match_registry *r, struct match_owner *o, const struct match_rule *rule);

/* Removes and frees all rules of an owner. */
void match_remove_all(struct match_registry *r, struct match_owner *o);

/* Removes and frees all rules, whoever's they are, that give a unique name of `length` bytes as
 * sender or destination. */
void match_remove_unique(struct match_registry *r, const char *name, size_t length);

/* Owners found: a growing array that is used again and again. */
struct match_found {
        struct match_owner **owners;
        size_t n, room;
};

/* A number for match_owner.marked that no query had before; several lookups that make up one
 * query (ordinary rules, then eavesdroppers) share it. */
uint64_t match_next_query(void);

/*
 * Appends to `found` every owner with a rule that matches, unless it is marked with `number`, and
 * marks it. For a message with a destination only rules that eavesdrop, or a monitor's, are ever
 * asked: that is the caller's choice of registry; the key destination='' is compared here.
 * Returns 0 or -ENOMEM.
 */
int match_lookup(struct match_registry *r, const struct match_query *q, uint64_t number,
                 struct match_found *found);
