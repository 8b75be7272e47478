/* SPDX-License-Identifier: MIT */
#include "bus/policy-pair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "bus/policy-index.h"

/* Types of messages that cross: from METHOD_CALL to SIGNAL. */
#define FIRST_TYPE MESSAGE_METHOD_CALL
#define N_TYPES    4

/* What messages of a type between two connections are: addressed to the receiver, and, if they are
 * replies, to calls that wait for them. */
static unsigned class_of(unsigned type)
{
        bool is_reply = type == MESSAGE_METHOD_RETURN || type == MESSAGE_ERROR;

        return policy_class(type, is_reply ? POLICY_REQUESTED_REPLY : POLICY_NO_REPLY, 0, 0);
}

/* Is the rule about one of a connection's names, or about any? */
static bool is_about(const struct index_rule *rule, const struct name_owner *party,
                     struct name_registry *names)
{
        if (!rule->name.text)
                return true;
        return rule->name_is_prefix ? policy_party_is_in_prefix(party, &rule->name)
                                    : policy_party_has(party, &rule->name, names);
}

static struct link_rule as_link_rule(const struct index_rule *rule, uint8_t type)
{
        return (struct link_rule){
                .allow = rule->allow && !rule->log,
                .type = type,
                .interface = rule->interface.text,
                .member = rule->member.text,
                .path = rule->path.text,
                .error = rule->error_name.text,
                .min_fds = rule->min_fds,
                .max_fds = rule->max_fds,
        };
}

/* Adds a rule for the types that it applies to: one for all of them, or one for each. */
static void add(struct link_rules *rules, const struct index_rule *rule)
{
        unsigned n = 0;

        for (unsigned i = 0; i < N_TYPES; ++i)
                n += rule->classes >> class_of(FIRST_TYPE + i) & 1;
        if (n == N_TYPES) {
                rules->rules[rules->n++] = as_link_rule(rule, 0);
                return;
        }
        for (unsigned i = 0; i < N_TYPES; ++i) {
                uint8_t type = (uint8_t)(FIRST_TYPE + i);

                if (rule->classes >> class_of(type) & 1)
                        rules->rules[rules->n++] = as_link_rule(rule, type);
        }
}

static bool decides_all(const struct link_rule *r)
{
        return !r->type && !r->interface && !r->member && !r->path && !r->error && !r->min_fds &&
               r->max_fds == UINT32_MAX;
}

/* What stands in front of a rule that decides everything is never asked. */
static void drop_void(struct link_rules *rules)
{
        size_t first = rules->n;

        while (first && !decides_all(&rules->rules[first - 1]))
                first -= 1;
        if (first <= 1)
                return;
        rules->n -= first - 1;
        memmove(rules->rules, rules->rules + first - 1, rules->n * sizeof(*rules->rules));
}

int policy_pair_rules(const struct policy_index *index, const struct name_owner *party,
                      struct name_registry *names, struct link_rules *rules)
{
        *rules = (struct link_rules){
                .rules = malloc((N_TYPES * (size_t)index->n_rules + 1) * sizeof(*rules->rules)),
        };
        if (!rules->rules)
                return -ENOMEM;
        for (uint32_t i = 0; i < index->n_rules; ++i) {
                if (is_about(&index->rules[i], party, names))
                        add(rules, &index->rules[i]);
        }
        drop_void(rules);
        if (link_rules_own(rules) < 0) {
                link_rules_deinit(rules);
                return -ENOMEM;
        }
        return 0;
}

bool policy_pair_forbids_all(const struct link_rules *rules)
{
        for (size_t i = 0; i < rules->n; ++i) {
                if (rules->rules[i].allow)
                        return false;
        }
        return true;
}
