/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One match rule (specification: "Match Rules"): what it says, and whether a message is like that.
 *
 * A rule is one allocation of a little more than its text: there can be hundreds of thousands.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/names.h"
#include "core/hash.h"
#include "core/list.h"
#include "core/message.h"
#include "core/reader.h"

/* Longest rule text in bytes, as the reference has it; longer: LimitsExceeded. */
#define MATCH_MAX_LENGTH 1024
/* Keys that count: the reference ignores, unparsed, what comes after so many. */
#define MATCH_MAX_KEYS 16
/* args 0 ... 63 can be matched ("Match Rules"). */
#define MATCH_MAX_ARGS 64

/* As a sender: the bus itself. */
#define MATCH_BUS_NAME "org.freedesktop.DBus"

/* Faults of a rule's text. */
enum match_error {
        MATCH_E_INVALID = 1,  /* org.freedesktop.DBus.Error.MatchRuleInvalid */
        MATCH_E_TOO_LONG = 2, /* org.freedesktop.DBus.Error.LimitsExceeded */
};

/* Keys whose value is a text that a header field is compared with. */
enum match_field {
        MATCH_SENDER,
        MATCH_INTERFACE,
        MATCH_MEMBER,
        MATCH_PATH, /* or path_namespace: a rule has one at most */
        MATCH_DESTINATION,
        N_MATCH_FIELDS,
};

/* Those whom a rule may name. */
enum match_party {
        MATCH_PARTY_SENDER,
        MATCH_PARTY_DESTINATION,
        N_MATCH_PARTIES,
};

/* Where a text lies: bytes from the start of the rule, and its length without the NUL behind it.
 * `at` 0: the rule does not have the key. */
struct match_text {
        uint16_t at, length;
};

enum match_arg_kind {
        MATCH_ARG_STRING,    /* argN */
        MATCH_ARG_PATH,      /* argNpath */
        MATCH_ARG_NAMESPACE, /* arg0namespace */
};

struct match_arg {
        uint8_t number;
        uint8_t kind; /* enum match_arg_kind */
        struct match_text text;
};

/*
 * The keys by which rules are indexed. The set of them that a rule has is its shape.
 * Of args, these are: argN below MATCH_SHAPE_N_ARGS, else the lowest argN there is; arg0namespace;
 * arg0path.
 */
enum match_shape_key {
        MATCH_SHAPE_TYPE = 1 << 0,
        MATCH_SHAPE_INTERFACE = 1 << 1,
        MATCH_SHAPE_MEMBER = 1 << 2,
        MATCH_SHAPE_PATH = 1 << 3,
        MATCH_SHAPE_ARG0 = 1 << 4, /* arg1 is the next bit, and so on */
        MATCH_SHAPE_HIGH_ARG = 1 << 12,
        MATCH_SHAPE_SENDER = 1 << 13,
        MATCH_SHAPE_PATH_NAMESPACE = 1 << 14,
        MATCH_SHAPE_ARG0_NAMESPACE = 1 << 15,
        MATCH_SHAPE_ARG0_PATH = 1 << 16,
};
#define MATCH_SHAPE_N_ARGS 8
/* Shifts the number of the arg that MATCH_SHAPE_HIGH_ARG is about into a shape. */
#define MATCH_SHAPE_HIGH_ARG_SHIFT 24

struct match_owner;
struct match_shape;

struct match_rule {
        /* In a registry: */
        struct list same; /* ring of the rules with the same values of the same indexed keys */
        struct match_owner *owner;
        bool has_others; /* keys that are not indexed */
        bool leads;      /* it is the one of its ring that is in the shape's table */
        struct match_shape *shape;
        struct hash_link link;
        struct list of_owner;
        struct name *sender, *destination;      /* well-known ones, interned */
        struct list of_unique[N_MATCH_PARTIES]; /* rules that give the same unique name */

        /* What it says. Equal rules are equal byte by byte from here on. */
        uint32_t keys; /* its shape: enum match_shape_key */
        uint16_t size; /* of the whole rule */
        uint8_t type;  /* MESSAGE_INVALID: any */
        bool eavesdrop;
        bool path_is_namespace;
        uint8_t n_args;
        struct match_text fields[N_MATCH_FIELDS];
        struct match_arg args[]; /* by ascending number; the texts are behind them */
};

/* What is looked up. */
struct match_query {
        const struct message *message;
        const struct name_owner *sender;      /* NULL: the bus itself */
        const struct name_owner *destination; /* whom a unicast message is for; NULL: nobody yet,
                                                 or the bus: then the header's text counts */
};

/* An argument of a message. */
struct match_value {
        const char *text; /* of a string or path; NULL: of another type */
        uint32_t length;
        bool is_path;
};

/* A message whose arguments are read one after the other as rules ask for them. */
struct match_subject {
        const struct match_query *query;
        bool reading; /* `reader` is set up */
        unsigned n_read;
        struct reader reader;
        struct match_value values[MATCH_MAX_ARGS]; /* n_read of them */
};

/*
 * Parses a rule. `length` bytes at `text`, NUL-terminated behind them.
 * Returns 0 and a rule that belongs to the caller; or -ENOMEM; or an enum match_error and the
 * reference's error text in *error (to be freed).
 */
int match_rule_new(struct match_rule **rulep, const char *text, size_t length, char **error);
struct match_rule *match_rule_free(struct match_rule *rule); /* one that is in no registry */

/* Indexed by enum message_type. */
extern const char *const match_type_names[];

/* Works out the shape of a rule that has been read, and whether it has other keys. */
void match_rule_index(struct match_rule *rule);

/* True if an argument of the rule is part of its shape. */
bool match_rule_arg_indexed(const struct match_rule *rule, const struct match_arg *arg);

/* True if the rule has eavesdrop='true'. */
bool match_rule_eavesdrops(const struct match_rule *rule);

/* True if both say the same, however they were written: what RemoveMatch goes by. */
bool match_rule_equal(const struct match_rule *a, const struct match_rule *b);

/* True if both have the same indexed keys with the same values. */
bool match_rule_indexed_alike(const struct match_rule *a, const struct match_rule *b);

/* The rule in the reference's notation, as GetAllMatchRules tells it; to be freed. NULL: no memory.
 */
char *match_rule_text(const struct match_rule *rule);

static inline const char *match_text(const struct match_rule *rule, struct match_text text)
{
        return text.at ? (const char *)rule + text.at : NULL;
}

void match_subject_init(struct match_subject *s, const struct match_query *query);

/* Argument `number` of the message; NULL if it has fewer. */
const struct match_value *match_subject_arg(struct match_subject *s, unsigned number);

/* True if everything that the rule says about its indexed keys, or about its other keys, is true of
 * the message. The rule is in a registry: names are compared as those who own them now. */
bool match_rule_matches_indexed(const struct match_rule *rule, struct match_subject *s);
bool match_rule_matches_others(const struct match_rule *rule, struct match_subject *s);
