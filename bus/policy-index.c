/* SPDX-License-Identifier: MIT */
#include "bus/policy-index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Nobody can own it ("Message Bus Names"). */
#define BUS_NAME "org.freedesktop.DBus"

static struct index_text text_of(const char *text)
{
        return (struct index_text){.text = text, .length = text ? (uint32_t)strlen(text) : 0};
}

/* What is not set is "true" in an <allow> and "false" in a <deny> (dbus-daemon(1)). */
static bool wants_requested_reply(const struct policy_rule *rule)
{
        return rule->requested_reply == POLICY_ANY ? rule->allow
                                                   : rule->requested_reply == POLICY_TRUE;
}

static bool reply_matches(const struct policy_rule *rule, enum policy_reply reply)
{
        bool wanted = wants_requested_reply(rule);

        if (reply == POLICY_UNREQUESTED_REPLY)
                return !rule->allow || !wanted || rule->eavesdrop == POLICY_TRUE;
        if (reply == POLICY_REQUESTED_REPLY)
                return rule->allow || wanted;
        return true;
}

/* `extra`: the message is a broadcast, for POLICY_SEND; eavesdropped, for POLICY_RECEIVE. */
static bool extra_matches(const struct policy_rule *rule, bool extra)
{
        if (rule->kind == POLICY_SEND)
                return rule->broadcast == POLICY_ANY || (rule->broadcast == POLICY_TRUE) == extra;
        return rule->allow ? !extra || rule->eavesdrop == POLICY_TRUE
                           : extra || rule->eavesdrop != POLICY_TRUE;
}

/* The bus's own name is nobody else's. */
static bool party_matches(const struct policy_rule *rule, bool nobody)
{
        return nobody || !rule->name || rule->name_is_prefix || strcmp(rule->name, BUS_NAME);
}

static bool class_matches(const struct policy_rule *rule, unsigned type, enum policy_reply reply,
                          bool extra, bool nobody)
{
        return (rule->message_type == MESSAGE_INVALID || rule->message_type == type) &&
               reply_matches(rule, reply) && extra_matches(rule, extra) &&
               party_matches(rule, nobody);
}

static uint64_t classes_of(const struct policy_rule *rule)
{
        uint64_t classes = 0;

        if (rule->kind == POLICY_OWN)
                return 1;
        for (unsigned type = MESSAGE_INVALID; type <= MESSAGE_SIGNAL; ++type) {
                for (unsigned reply = POLICY_NO_REPLY; reply <= POLICY_UNREQUESTED_REPLY; ++reply) {
                        for (unsigned rest = 0; rest < 4; ++rest) {
                                if (class_matches(rule, type, reply, rest & 1, rest & 2))
                                        classes |= UINT64_C(1) << policy_class(type, reply,
                                                                               rest & 1, rest >> 1);
                        }
                }
        }
        return classes;
}

/* The reference drops whatever is in front of such a rule, even one that matches only messages
 * with many fds, say; nobody would believe a bus that allows more than it does. */
static bool voids_what_precedes(const struct policy_rule *rule)
{
        return !rule->name && rule->message_type == MESSAGE_INVALID && !rule->path &&
               !rule->interface && !rule->member && !rule->error_name;
}

static struct index_rule compile(const struct policy_rule *rule)
{
        return (struct index_rule){
                .classes = classes_of(rule),
                .allow = rule->allow,
                .log = rule->log,
                .matches_class = !rule->path && !rule->interface && !rule->member &&
                                 !rule->error_name && !rule->min_fds && rule->max_fds == UINT32_MAX,
                .name_is_prefix = rule->name_is_prefix,
                .min_fds = rule->min_fds,
                .max_fds = rule->max_fds,
                .name = text_of(rule->name),
                .path = text_of(rule->path),
                .interface = text_of(rule->interface),
                .member = text_of(rule->member),
                .error_name = text_of(rule->error_name),
        };
}

static int compile_all(struct policy_index *index, struct policy_rule *const *rules, size_t n_rules)
{
        size_t first = 0, n = 0;

        for (size_t i = 0; i < n_rules; ++i) {
                if (rules[i]->kind != index->kind)
                        continue;
                if (voids_what_precedes(rules[i])) {
                        first = i;
                        n = 0;
                }
                n += 1;
        }
        if (n > UINT32_MAX / POLICY_CLASSES)
                return -ENOMEM;
        index->rules = calloc(n ? n : 1, sizeof(*index->rules));
        if (!index->rules)
                return -ENOMEM;
        for (size_t i = first; i < n_rules; ++i) {
                if (rules[i]->kind == index->kind)
                        index->rules[index->n_rules++] = compile(rules[i]);
        }
        return 0;
}

/*
 * Not keyed, and need not be: what is in a table comes from the administrator, and texts from
 * peers are only looked up. Takes 8 bytes at a time; the constant is that of splitmix64.
 */
static uint32_t hash_text(const char *text, uint32_t length)
{
        uint64_t h = length * 0x9e3779b97f4a7c15u, chunk;

        for (; length >= sizeof(chunk); text += sizeof(chunk), length -= sizeof(chunk)) {
                memcpy(&chunk, text, sizeof(chunk));
                h = (h ^ chunk) * 0x9e3779b97f4a7c15u;
                h ^= h >> 29;
        }
        chunk = 0;
        memcpy(&chunk, text, length);
        h = (h ^ chunk) * 0x9e3779b97f4a7c15u;
        return (uint32_t)(h >> 32);
}

/* The slot of a key, or the empty one where it would go. */
static struct index_slot *slot_for(const struct index_table *table, const char *text,
                                   uint32_t length)
{
        uint32_t hash = hash_text(text, length);

        for (uint32_t i = hash & table->mask;; i = (i + 1) & table->mask) {
                struct index_slot *slot = &table->slots[i];

                if (!slot->key.text || (slot->hash == hash && slot->key.length == length &&
                                        !memcmp(slot->key.text, text, length)))
                        return slot;
        }
}

const struct index_list *policy_index_find(const struct index_table *table, const char *text,
                                           uint32_t length)
{
        static const struct index_list nothing;

        return table->slots ? &slot_for(table, text, length)->list : &nothing;
}

/* The table that a rule goes into, and the key; NULL: into lists by class. */
static struct index_table *table_for(struct policy_index *index, const struct index_rule *rule,
                                     const struct index_text **key)
{
        *key = &rule->name;
        if (rule->name.text)
                return rule->name_is_prefix ? &index->prefixes : &index->names;
        *key = &rule->interface;
        return rule->interface.text ? &index->interfaces : NULL;
}

static int table_init(struct index_table *table, uint32_t n_rules)
{
        uint32_t n_slots = 4;

        if (!n_rules)
                return 0;
        while (n_slots < 2 * n_rules)
                n_slots *= 2;
        table->slots = calloc(n_slots, sizeof(*table->slots));
        table->mask = n_slots - 1;
        return table->slots ? 0 : -ENOMEM;
}

static int tables_init(struct policy_index *index)
{
        struct index_table *all[] = {&index->names, &index->prefixes, &index->interfaces};
        uint32_t n[] = {0, 0, 0};
        const struct index_text *key;
        int r = 0;

        for (uint32_t i = 0; i < index->n_rules; ++i) {
                const struct index_table *table = table_for(index, &index->rules[i], &key);

                for (unsigned k = 0; k < 3; ++k)
                        n[k] += table == all[k];
        }
        for (unsigned k = 0; k < 3 && !r; ++k)
                r = table_init(all[k], n[k]);
        return r;
}

/* `number` is of the rule that has the key. */
static void add_key(struct index_table *table, const struct index_text *key, uint32_t number)
{
        struct index_slot *slot = slot_for(table, key->text, key->length);

        if (!slot->key.text) {
                slot->key = *key;
                slot->hash = hash_text(key->text, key->length);
                table->n_keys += 1;
        }
        table->last = number;
        if (key->text[0] == ':')
                table->has_unique = true;
}

/* Calls that walk all rules: to count what goes into each list, then to fill the lists. */
typedef void visit_function(struct policy_index *index, struct index_list *list, uint32_t number);

static void count(struct policy_index *index, struct index_list *list, uint32_t number)
{
        (void)index;
        (void)number;
        list->n += 1;
}

static void fill(struct policy_index *index, struct index_list *list, uint32_t number)
{
        index->pool[list->rules - index->pool + list->n] = number;
        list->n += 1;
}

static void visit_lists(struct policy_index *index, visit_function *visit)
{
        for (uint32_t i = 0; i < index->n_rules; ++i) {
                const struct index_rule *rule = &index->rules[i];
                const struct index_text *key;
                struct index_table *table = table_for(index, rule, &key);

                if (table == &index->interfaces && !rule->allow)
                        visit(index, &index->denied_interfaces, i);
                if (table) {
                        visit(index, &slot_for(table, key->text, key->length)->list, i);
                        continue;
                }
                for (unsigned c = 0; c < POLICY_CLASSES; ++c) {
                        if (rule->classes >> c & 1)
                                visit(index, &index->by_class[c], i);
                }
        }
}

/* Gives each counted list its place in the pool, and makes it empty again. */
static void place(struct policy_index *index, struct index_list *list, size_t *used)
{
        list->rules = index->pool + *used;
        *used += list->n;
        list->n = 0;
}

static int lists_init(struct policy_index *index)
{
        struct index_table *all[] = {&index->names, &index->prefixes, &index->interfaces};
        size_t used = 0, n;
        const struct index_text *key;

        for (uint32_t i = 0; i < index->n_rules; ++i) {
                struct index_table *table = table_for(index, &index->rules[i], &key);

                if (table)
                        add_key(table, key, i);
        }
        visit_lists(index, count);
        n = index->n_rules + index->denied_interfaces.n; /* each is in at most one table */
        for (unsigned c = 0; c < POLICY_CLASSES; ++c)
                n += index->by_class[c].n;
        index->pool = calloc(n ? n : 1, sizeof(*index->pool));
        if (!index->pool)
                return -ENOMEM;
        place(index, &index->denied_interfaces, &used);
        for (unsigned c = 0; c < POLICY_CLASSES; ++c)
                place(index, &index->by_class[c], &used);
        for (unsigned k = 0; k < 3; ++k) {
                for (uint32_t i = 0; all[k]->slots && i <= all[k]->mask; ++i)
                        place(index, &all[k]->slots[i].list, &used);
        }
        visit_lists(index, fill);
        return 0;
}

/* From the last rule backwards: rules that may or may not allow what is allowed anyhow make no
 * difference. A class is open until a rule can deny it, or wants to be logged. */
static void find_always_allowed(struct policy_index *index)
{
        uint64_t open = UINT64_MAX;

        for (uint32_t i = index->n_rules; i-- > 0 && open;) {
                const struct index_rule *rule = &index->rules[i];

                if (!rule->allow || rule->log)
                        open &= ~rule->classes;
                else if (rule->matches_class && !rule->name.text)
                        index->always_allowed |= open & rule->classes;
        }
}

int policy_index_init(struct policy_index *index, enum policy_kind kind,
                      struct policy_rule *const *rules, size_t n_rules)
{
        int r;

        *index = (struct policy_index){.kind = kind};
        r = compile_all(index, rules, n_rules);
        if (!r)
                r = tables_init(index);
        if (!r)
                r = lists_init(index);
        if (!r)
                find_always_allowed(index);
        return r;
}

void policy_index_deinit(struct policy_index *index)
{
        free(index->rules);
        free(index->names.slots);
        free(index->prefixes.slots);
        free(index->interfaces.slots);
        free(index->pool);
        *index = (struct policy_index){0};
}
