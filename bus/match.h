/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Match rules (specification: "Match Rules"), indexed so that a message costs what its receivers
 * cost, however many rules there are that do not match it.
 *
 * Every rule belongs to a shape: the set of keys it gives out of the indexed ones. Each shape in
 * use has one hash table, keyed by the values of those keys. A message is looked up once for each
 * shape; what it finds there has only its remaining keys left to compare.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/names.h"
#include "core/hash.h"
#include "core/list.h"
#include "core/message.h"

/* Longest rule text in bytes, as the reference has it; longer: LimitsExceeded. */
#define MATCH_MAX_LENGTH 1024
/* args 0 ... 63 can be matched ("Match Rules"). */
#define MATCH_MAX_ARGS 64

/* Faults of a rule's text. */
enum match_error {
        MATCH_E_INVALID = 1,  /* org.freedesktop.DBus.Error.MatchRuleInvalid */
        MATCH_E_TOO_LONG = 2, /* org.freedesktop.DBus.Error.LimitsExceeded */
};

struct match_rule;

/* All the rules of one kind on a bus: those of ordinary clients, of eavesdroppers, of monitors. */
struct match_registry; /* defined below the types it needs, data first, by whoever implements it */

/* What a connection has in a registry. Lives inside the connection. */
struct match_owner {
        struct list rules; /* newest first or last: see match_remove() */
        unsigned n_rules;
        uint64_t marked; /* the last query that found this owner: it is found once a query */
};

/* What is looked up. */
struct match_query {
        const struct message *message;
        const struct name_owner *sender;      /* NULL: the bus itself */
        const struct name_owner *destination; /* whom a unicast message is for; NULL: nobody yet */
};

/*
 * Parses a rule. `length` bytes at `text`, NUL-terminated behind them.
 * Returns 0 and a rule that belongs to the caller; or -ENOMEM; or an enum match_error and the
 * reference's error text in *error (to be freed).
 */
int match_rule_new(struct match_rule **rulep, const char *text, size_t length, char **error);
struct match_rule *match_rule_free(struct match_rule *rule); /* one that is in no registry */

/* True if the rule has eavesdrop='true'. */
bool match_rule_eavesdrops(const struct match_rule *rule);

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
