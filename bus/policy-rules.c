/* SPDX-License-Identifier: MIT */
#include "bus/policy-rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int policy_rule_new(struct policy_rule **rulep, enum policy_kind kind, bool allow)
{
        struct policy_rule *rule = calloc(1, sizeof(*rule));

        if (!rule)
                return -ENOMEM;
        *rule = (struct policy_rule){
                .kind = kind,
                .allow = allow,
                .requested_reply = POLICY_ANY,
                .eavesdrop = POLICY_ANY,
                .broadcast = POLICY_ANY,
                .max_fds = UINT32_MAX,
        };
        *rulep = rule;
        return 0;
}

struct policy_rule *policy_rule_free(struct policy_rule *rule)
{
        if (!rule)
                return NULL;
        free(rule->name);
        free(rule->path);
        free(rule->interface);
        free(rule->member);
        free(rule->error_name);
        free(rule);
        return NULL;
}

static int rule_list_reserve(struct rule_list *list, size_t n_more)
{
        size_t room = list->room ? list->room : 8;
        struct policy_rule **rules;

        while (room < list->n + n_more)
                room *= 2;
        if (room == list->room)
                return 0;
        rules = reallocarray(list->rules, room, sizeof(*rules));
        if (!rules)
                return -ENOMEM;
        list->rules = rules;
        list->room = room;
        return 0;
}

int rule_list_append(struct rule_list *list, struct policy_rule *rule)
{
        int r = rule_list_reserve(list, 1);

        if (!r)
                list->rules[list->n++] = rule;
        return r;
}

int rule_list_move(struct rule_list *into, struct rule_list *from)
{
        int r;

        if (!from->n)
                return 0;
        r = rule_list_reserve(into, from->n);
        if (r < 0)
                return r;
        memcpy(into->rules + into->n, from->rules, from->n * sizeof(*from->rules));
        into->n += from->n;
        from->n = 0;
        return 0;
}

void rule_list_deinit(struct rule_list *list)
{
        for (size_t i = 0; i < list->n; ++i)
                policy_rule_free(list->rules[i]);
        free(list->rules);
        *list = (struct rule_list){0};
}

/* The place of the first set whose id is not less. */
static size_t rule_sets_place(const struct rule_sets *sets, uint32_t id)
{
        size_t low = 0, high = sets->n;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (sets->sets[middle].id < id)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

const struct rule_list *rule_sets_find(const struct rule_sets *sets, uint32_t id)
{
        size_t i = rule_sets_place(sets, id);

        return i < sets->n && sets->sets[i].id == id ? &sets->sets[i].list : NULL;
}

struct rule_list *rule_sets_list(struct rule_sets *sets, uint32_t id)
{
        size_t i = rule_sets_place(sets, id);

        if (i < sets->n && sets->sets[i].id == id)
                return &sets->sets[i].list;
        if (sets->n == sets->room) {
                size_t room = sets->room ? sets->room * 2 : 8;
                struct rule_set *more = reallocarray(sets->sets, room, sizeof(*more));

                if (!more)
                        return NULL;
                sets->sets = more;
                sets->room = room;
        }
        memmove(&sets->sets[i + 1], &sets->sets[i], (sets->n - i) * sizeof(*sets->sets));
        sets->sets[i] = (struct rule_set){.id = id};
        sets->n += 1;
        return &sets->sets[i].list;
}

int rule_sets_move(struct rule_sets *into, struct rule_sets *from)
{
        int r = 0;

        for (size_t i = 0; i < from->n && !r; ++i) {
                struct rule_list *list = rule_sets_list(into, from->sets[i].id);

                r = list ? rule_list_move(list, &from->sets[i].list) : -ENOMEM;
        }
        return r;
}

void rule_sets_deinit(struct rule_sets *sets)
{
        for (size_t i = 0; i < sets->n; ++i)
                rule_list_deinit(&sets->sets[i].list);
        free(sets->sets);
        *sets = (struct rule_sets){0};
}
