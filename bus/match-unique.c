/* SPDX-License-Identifier: MIT */
#include "bus/match-unique.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const enum match_field fields[N_MATCH_PARTIES] = {
        [MATCH_PARTY_SENDER] = MATCH_SENDER,
        [MATCH_PARTY_DESTINATION] = MATCH_DESTINATION,
};

static struct match_unique *find(const struct match_uniques *u, const char *name, size_t length,
                                 uint64_t hash)
{
        for (struct hash_link *l = hash_first(&u->table, hash); l; l = l->next) {
                struct match_unique *unique = container_of(l, struct match_unique, link);

                if (l->hash == hash && unique->length == length &&
                    !memcmp(unique->name, name, length))
                        return unique;
        }
        return NULL;
}

/* Frees a name that no rule gives any more. */
static void put(struct match_uniques *u, struct match_unique *unique)
{
        for (unsigned i = 0; i < N_MATCH_PARTIES; i++)
                if (!list_empty(&unique->rules[i]))
                        return;
        hash_remove(&u->table, &unique->link);
        free(unique);
}

static struct match_unique *get(struct match_uniques *u, const char *name, size_t length,
                                uint64_t hash)
{
        struct match_unique *unique = find(u, name, length, hash);

        if (unique)
                return unique;
        unique = malloc(sizeof(*unique) + length);
        if (!unique)
                return NULL;
        if (hash_insert(&u->table, &unique->link, hash) < 0) {
                free(unique);
                return NULL;
        }
        for (unsigned i = 0; i < N_MATCH_PARTIES; i++)
                list_init(&unique->rules[i]);
        unique->length = length;
        memcpy(unique->name, name, length);
        return unique;
}

/* The unique name that a rule gives for a party; NULL: none, or a well-known one. */
static const char *given(const struct match_rule *rule, unsigned party, size_t *length)
{
        struct match_text in_rule = rule->fields[fields[party]];
        const char *text = match_text(rule, in_rule);

        *length = in_rule.length;
        return text && text[0] == ':' ? text : NULL;
}

int match_uniques_add(struct match_uniques *u, const struct hash_key *key, struct match_rule *rule)
{
        for (unsigned i = 0; i < N_MATCH_PARTIES; i++) {
                struct match_unique *unique;
                size_t length;
                const char *name = given(rule, i, &length);

                if (!name)
                        continue;
                unique = get(u, name, length, hash_bytes(key, name, length));
                if (!unique) {
                        match_uniques_remove(u, key, rule);
                        return -ENOMEM;
                }
                list_append(&unique->rules[i], &rule->of_unique[i]);
        }
        return 0;
}

void match_uniques_remove(struct match_uniques *u, const struct hash_key *key,
                          struct match_rule *rule)
{
        for (unsigned i = 0; i < N_MATCH_PARTIES; i++) {
                size_t length;
                const char *name;

                if (list_empty(&rule->of_unique[i]))
                        continue;
                name = given(rule, i, &length);
                list_remove(&rule->of_unique[i]);
                put(u, find(u, name, length, hash_bytes(key, name, length)));
        }
}

struct match_rule *match_uniques_find(const struct match_uniques *u, const struct hash_key *key,
                                      const char *name, size_t length)
{
        struct match_unique *unique = find(u, name, length, hash_bytes(key, name, length));

        for (unsigned i = 0; unique && i < N_MATCH_PARTIES; i++)
                if (!list_empty(&unique->rules[i]))
                        return container_of(unique->rules[i].next, struct match_rule, of_unique[i]);
        return NULL;
}
