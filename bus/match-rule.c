/* SPDX-License-Identifier: MIT */
#include "bus/match-rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/syntax.h"

const char *const match_type_names[] = {
        [MESSAGE_METHOD_CALL] = "method_call",
        [MESSAGE_METHOD_RETURN] = "method_return",
        [MESSAGE_ERROR] = "error",
        [MESSAGE_SIGNAL] = "signal",
};

struct match_rule *match_rule_free(struct match_rule *rule)
{
        free(rule);
        return NULL;
}

/* ---- what a rule says ---- */

/* The bit of an argument in the shape of a rule whose lower argNs are in `shape` already; 0 if it
 * is not indexed. */
static uint32_t arg_bit(const struct match_arg *arg, uint32_t shape)
{
        const uint32_t low_args = (MATCH_SHAPE_ARG0 << MATCH_SHAPE_N_ARGS) - MATCH_SHAPE_ARG0;

        if (arg->kind == MATCH_ARG_NAMESPACE)
                return MATCH_SHAPE_ARG0_NAMESPACE;
        if (arg->kind == MATCH_ARG_PATH)
                return arg->number == 0 ? MATCH_SHAPE_ARG0_PATH : 0;
        if (arg->number < MATCH_SHAPE_N_ARGS)
                return (uint32_t)MATCH_SHAPE_ARG0 << arg->number;
        if (shape & (low_args | MATCH_SHAPE_HIGH_ARG))
                return 0;
        return MATCH_SHAPE_HIGH_ARG | (uint32_t)arg->number << MATCH_SHAPE_HIGH_ARG_SHIFT;
}

void match_rule_index(struct match_rule *rule)
{
        uint32_t shape = 0;

        if (rule->type != MESSAGE_INVALID)
                shape |= MATCH_SHAPE_TYPE;
        if (rule->fields[MATCH_SENDER].at)
                shape |= MATCH_SHAPE_SENDER;
        if (rule->fields[MATCH_INTERFACE].at)
                shape |= MATCH_SHAPE_INTERFACE;
        if (rule->fields[MATCH_MEMBER].at)
                shape |= MATCH_SHAPE_MEMBER;
        if (rule->fields[MATCH_PATH].at)
                shape |= rule->path_is_namespace ? MATCH_SHAPE_PATH_NAMESPACE : MATCH_SHAPE_PATH;
        rule->has_others = rule->fields[MATCH_DESTINATION].at;
        for (unsigned i = 0; i < rule->n_args; i++) {
                uint32_t bit = arg_bit(&rule->args[i], shape);

                shape |= bit;
                rule->has_others |= !bit;
        }
        rule->keys = shape;
}

bool match_rule_arg_indexed(const struct match_rule *rule, const struct match_arg *arg)
{
        if (arg->kind == MATCH_ARG_STRING && arg->number >= MATCH_SHAPE_N_ARGS)
                return rule->keys & MATCH_SHAPE_HIGH_ARG &&
                       rule->keys >> MATCH_SHAPE_HIGH_ARG_SHIFT == arg->number;
        return arg_bit(arg, rule->keys);
}

bool match_rule_eavesdrops(const struct match_rule *rule)
{
        return rule->eavesdrop;
}

bool match_rule_equal(const struct match_rule *a, const struct match_rule *b)
{
        const size_t start = offsetof(struct match_rule, keys);

        return a->size == b->size &&
               !memcmp((const char *)a + start, (const char *)b + start, a->size - start);
}

static bool text_equal(const struct match_rule *a, struct match_text in_a,
                       const struct match_rule *b, struct match_text in_b)
{
        return in_a.length == in_b.length && !in_a.at == !in_b.at &&
               !memcmp((const char *)a + in_a.at, (const char *)b + in_b.at, in_a.length);
}

/* The next indexed argument from *i on; NULL at the end. */
static const struct match_arg *next_indexed(const struct match_rule *rule, unsigned *i)
{
        while (*i < rule->n_args) {
                const struct match_arg *arg = &rule->args[(*i)++];

                if (match_rule_arg_indexed(rule, arg))
                        return arg;
        }
        return NULL;
}

bool match_rule_indexed_alike(const struct match_rule *a, const struct match_rule *b)
{
        const struct match_arg *in_a, *in_b;
        unsigned i = 0, k = 0;

        if (a->keys != b->keys || a->type != b->type)
                return false;
        for (unsigned f = 0; f < N_MATCH_FIELDS; f++)
                if (f != MATCH_DESTINATION && !text_equal(a, a->fields[f], b, b->fields[f]))
                        return false;
        while ((in_a = next_indexed(a, &i))) {
                in_b = next_indexed(b, &k); /* of the same shape: they have equally many */
                if (!text_equal(a, in_a->text, b, in_b->text))
                        return false;
        }
        return true;
}

/* The room that `n` more bytes take, or the bytes. Counts first, writes when there is a buffer. */
struct output {
        char *buffer;
        size_t length;
};

static void put(struct output *o, const char *text, size_t length)
{
        if (o->buffer)
                memcpy(o->buffer + o->length, text, length);
        o->length += length;
}

static void put_pair(struct output *o, const char *key, const char *value)
{
        if (o->length > 0)
                put(o, ",", 1);
        put(o, key, strlen(key));
        put(o, "='", 2);
        for (; *value; value++) {
                if (*value == '\'')
                        put(o, "'\\''", 4);
                else
                        put(o, value, 1);
        }
        put(o, "'", 1);
}

static void put_rule(struct output *o, const struct match_rule *rule)
{
        static const struct {
                enum match_field field;
                const char *key, *namespace_key;
        } order[] = {
                {MATCH_INTERFACE, "interface", "interface"},
                {MATCH_MEMBER, "member", "member"},
                {MATCH_PATH, "path", "path_namespace"},
                {MATCH_SENDER, "sender", "sender"},
                {MATCH_DESTINATION, "destination", "destination"},
        };
        static const char *const suffixes[] = {
                [MATCH_ARG_STRING] = "",
                [MATCH_ARG_PATH] = "path",
                [MATCH_ARG_NAMESPACE] = "namespace",
        };
        char key[32];

        if (rule->type != MESSAGE_INVALID)
                put_pair(o, "type", match_type_names[rule->type]);
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
                const char *text = match_text(rule, rule->fields[order[i].field]);

                if (text)
                        put_pair(o, rule->path_is_namespace ? order[i].namespace_key : order[i].key,
                                 text);
        }
        if (rule->eavesdrop)
                put_pair(o, "eavesdrop", "true");
        for (unsigned i = 0; i < rule->n_args; i++) {
                snprintf(key, sizeof(key), "arg%u%s", rule->args[i].number,
                         suffixes[rule->args[i].kind]);
                put_pair(o, key, match_text(rule, rule->args[i].text));
        }
}

char *match_rule_text(const struct match_rule *rule)
{
        struct output o = {};

        put_rule(&o, rule);
        o.buffer = malloc(o.length + 1);
        if (!o.buffer)
                return NULL;
        o.length = 0;
        put_rule(&o, rule);
        o.buffer[o.length] = '\0';
        return o.buffer;
}

/* ---- whether a message is like that ---- */

void match_subject_init(struct match_subject *s, const struct match_query *query)
{
        s->query = query;
        s->reading = false;
        s->n_read = 0;
}

const struct match_value *match_subject_arg(struct match_subject *s, unsigned number)
{
        if (!s->reading) {
                reader_init(&s->reader, s->query->message);
                s->reading = true;
        }
        while (s->n_read <= number) {
                struct match_value *v = &s->values[s->n_read];
                char type = reader_type(&s->reader);

                *v = (struct match_value){.is_path = type == 'o'};
                if (type == 's' || type == 'o')
                        reader_string(&s->reader, &v->text, &v->length);
                else if (!reader_skip(&s->reader))
                        return NULL;
                s->n_read++;
        }
        return &s->values[number];
}

/* argNpath: equal, or one of the two ends with a slash and the other goes on behind it. */
static bool path_arg_matches(const char *rule, size_t rule_length, const struct match_value *v)
{
        size_t shorter = rule_length < v->length ? rule_length : v->length;

        if (memcmp(rule, v->text, shorter) != 0)
                return false;
        if (rule_length == v->length)
                return true;
        return shorter > 0 && rule[shorter - 1] == '/';
}

/* arg0namespace compares with any string, be it a bus name or not. */
static bool namespace_arg_matches(const char *rule, size_t rule_length, const struct match_value *v)
{
        return v->length >= rule_length && !memcmp(rule, v->text, rule_length) &&
               (v->length == rule_length || v->text[rule_length] == '.');
}

static bool arg_matches(const struct match_rule *rule, const struct match_arg *arg,
                        struct match_subject *s)
{
        const struct match_value *v = match_subject_arg(s, arg->number);
        const char *text = match_text(rule, arg->text);

        if (!v || !v->text)
                return false;
        if (arg->kind == MATCH_ARG_PATH)
                return path_arg_matches(text, arg->text.length, v);
        if (v->is_path)
                return false;
        if (arg->kind == MATCH_ARG_NAMESPACE)
                return namespace_arg_matches(text, arg->text.length, v);
        return v->length == arg->text.length && !memcmp(v->text, text, v->length);
}

static bool field_equals(const struct message *m, enum header_field field,
                         const struct match_rule *rule, enum match_field key)
{
        const struct header_text *in_message = &m->header.text[field];
        struct match_text in_rule = rule->fields[key];

        return in_message->at && in_message->length == in_rule.length &&
               !memcmp(m->bytes + in_message->at, match_text(rule, in_rule), in_rule.length);
}

static bool path_matches(const struct message *m, const struct match_rule *rule)
{
        const struct header_text *in_message = &m->header.text[FIELD_PATH];
        struct match_text in_rule = rule->fields[MATCH_PATH];

        if (!rule->path_is_namespace)
                return field_equals(m, FIELD_PATH, rule, MATCH_PATH);
        return in_message->at &&
               syntax_path_in_namespace(message_text(m, FIELD_PATH), in_message->length,
                                        match_text(rule, in_rule), in_rule.length);
}

/* A peer goes by its unique name and by the names that it owns, not those it waits for. */
static bool is_called(const struct name_owner *o, const char *text, const struct name *name)
{
        if (name)
                return name_primary(name) == o;
        return o->unique_name && !strcmp(o->unique_name, text);
}

static bool sender_matches(const struct match_query *q, const struct match_rule *rule)
{
        const char *text = match_text(rule, rule->fields[MATCH_SENDER]);

        if (!q->sender)
                return !strcmp(text, MATCH_BUS_NAME);
        return is_called(q->sender, text, rule->sender);
}

static bool destination_matches(const struct match_query *q, const struct match_rule *rule)
{
        if (!q->destination)
                return field_equals(q->message, FIELD_DESTINATION, rule, MATCH_DESTINATION);
        return is_called(q->destination, match_text(rule, rule->fields[MATCH_DESTINATION]),
                         rule->destination);
}

bool match_rule_matches_indexed(const struct match_rule *rule, struct match_subject *s)
{
        const struct message *m = s->query->message;
        const struct match_text *fields = rule->fields;

        if (rule->type != MESSAGE_INVALID && rule->type != m->header.type)
                return false;
        if (fields[MATCH_SENDER].at && !sender_matches(s->query, rule))
                return false;
        if (fields[MATCH_INTERFACE].at && !field_equals(m, FIELD_INTERFACE, rule, MATCH_INTERFACE))
                return false;
        if (fields[MATCH_MEMBER].at && !field_equals(m, FIELD_MEMBER, rule, MATCH_MEMBER))
                return false;
        if (fields[MATCH_PATH].at && !path_matches(m, rule))
                return false;
        for (unsigned i = 0; i < rule->n_args; i++)
                if (match_rule_arg_indexed(rule, &rule->args[i]) &&
                    !arg_matches(rule, &rule->args[i], s))
                        return false;
        return true;
}

bool match_rule_matches_others(const struct match_rule *rule, struct match_subject *s)
{
        if (rule->fields[MATCH_DESTINATION].at && !destination_matches(s->query, rule))
                return false;
        for (unsigned i = 0; i < rule->n_args; i++)
                if (!match_rule_arg_indexed(rule, &rule->args[i]) &&
                    !arg_matches(rule, &rule->args[i], s))
                        return false;
        return true;
}
