/* SPDX-License-Identifier: MIT */
#include "bus/match-rule.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/syntax.h"

struct span {
        const char *text; /* NULL: absent */
        size_t length;
};

struct token {
        struct span key, value; /* the value unquoted and NUL-terminated */
};

struct draft_arg {
        uint8_t number;
        enum match_arg_kind kind;
        struct span value;
};

/* A rule being read. */
struct draft {
        uint8_t type;
        bool eavesdrop, path_is_namespace;
        struct span fields[N_MATCH_FIELDS];
        unsigned n_args;
        struct draft_arg args[MATCH_MAX_KEYS]; /* by ascending number */
};

/* ---- text to tokens ---- */

__attribute__((format(printf, 2, 3))) static int invalid(char **error, const char *format, ...)
{
        va_list arguments;
        int r;

        va_start(arguments, format);
        r = vasprintf(error, format, arguments);
        va_end(arguments);
        if (r < 0) {
                *error = NULL;
                return -ENOMEM;
        }
        return MATCH_E_INVALID;
}

/* Not isspace(): that knows \v and \f too, and asks the locale. */
static bool is_space(char c)
{
        return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/*
 * Reads a value up to the comma or NUL behind it, and writes what it means to `out`.
 * Outside quotes a backslash and what follows stand for themselves, except that \' is '. So \, is a
 * backslash and a comma, not the end of the value, although the specification has it otherwise.
 * Returns how far it got; NULL if a quote is left open.
 */
static const char *unquote(const char *at, char *out, size_t *length)
{
        bool quoted = false;
        char *start = out;

        for (; *at; at++) {
                if (*at == '\'') {
                        quoted = !quoted;
                } else if (quoted) {
                        *out++ = *at;
                } else if (*at == ',') {
                        break;
                } else if (*at == '\\' && at[1] == '\'') {
                        *out++ = *++at;
                } else if (*at == '\\' && at[1]) {
                        *out++ = *at++;
                        *out++ = *at;
                } else {
                        *out++ = *at;
                }
        }
        if (quoted)
                return NULL;
        *out = '\0';
        *length = (size_t)(out - start);
        return at;
}

/*
 * Splits a rule into keys and values. An empty key ends the rule, and so does the one after
 * MATCH_MAX_KEYS: whatever follows is not even looked at. `scratch` gets the values; it takes as
 * much as the text.
 */
static int tokenize(const char *at, char *scratch, struct token *tokens, unsigned *n_tokens,
                    char **error)
{
        unsigned n = 0;

        while (n < MATCH_MAX_KEYS) {
                struct token *t = &tokens[n];

                while (is_space(*at))
                        at++;
                t->key.text = at;
                while (*at && *at != '=' && !is_space(*at))
                        at++;
                t->key.length = (size_t)(at - t->key.text);
                while (is_space(*at))
                        at++;
                if (t->key.length == 0)
                        break;
                if (*at != '=')
                        return invalid(error,
                                       "Match rule has a key with no subsequent '=' character");
                t->value.text = scratch;
                at = unquote(at + 1, scratch, &t->value.length);
                if (!at)
                        return invalid(error, "Unbalanced quotation marks in match rule");
                scratch += t->value.length + 1;
                n++;
                if (*at == ',')
                        at++;
        }
        *n_tokens = n;
        return 0;
}

/* ---- tokens to a draft ---- */

static bool key_is(const struct token *t, const char *key)
{
        return t->key.length == strlen(key) && !memcmp(t->key.text, key, t->key.length);
}

static int twice(const char *key, char **error)
{
        return invalid(error, "Key %s specified twice in match rule\n", key);
}

/* What a key other than argN means: how its value is read, and what read_field() does with it. */
struct key {
        const char *name;
        int (*read)(struct draft *d, const struct token *t, const struct key *k, char **error);
        enum match_field field;
        bool (*valid)(const char *text, size_t length);
        const char *what;
};

static int read_type(struct draft *d, const struct token *t, const struct key *k, char **error)
{
        if (d->type != MESSAGE_INVALID)
                return twice(k->name, error);
        for (uint8_t i = MESSAGE_METHOD_CALL; i <= MESSAGE_SIGNAL; i++)
                if (!strcmp(t->value.text, match_type_names[i]))
                        d->type = i;
        if (d->type == MESSAGE_INVALID)
                return invalid(error, "Invalid message type (%s) in match rule\n", t->value.text);
        return 0;
}

static int read_eavesdrop(struct draft *d, const struct token *t, const struct key *k, char **error)
{
        (void)k;
        d->eavesdrop = !strcmp(t->value.text, "true");
        if (!d->eavesdrop && strcmp(t->value.text, "false"))
                return invalid(error, "eavesdrop='%s' is invalid, it should be 'true' or 'false'\n",
                               t->value.text);
        return 0;
}

static int read_field(struct draft *d, const struct token *t, const struct key *k, char **error)
{
        if (d->fields[k->field].text)
                return twice(k->name, error);
        if (!k->valid(t->value.text, t->value.length))
                return invalid(error, "%s '%s' is invalid\n", k->what, t->value.text);
        d->fields[k->field] = t->value;
        return 0;
}

/* There is one path, whether it is that of an object or of a namespace. */
static int read_path(struct draft *d, const struct token *t, const struct key *k, char **error)
{
        if (d->fields[MATCH_PATH].text)
                return invalid(error, "path or path_namespace specified twice in match rule\n");
        return read_field(d, t, k, error);
}

static int read_path_namespace(struct draft *d, const struct token *t, const struct key *k,
                               char **error)
{
        int r = read_path(d, t, k, error);

        if (!r)
                d->path_is_namespace = true;
        return r;
}

/* The N of a key that starts with "arg": whatever strtoul() takes for a number, as the reference
 * does. It cannot run past the key, behind which there is a '='. */
static int read_arg_number(const struct token *t, unsigned long *number, const char **behind,
                           char **error)
{
        int length = (int)t->key.length;
        char *end;

        if (t->key.length == strlen("arg"))
                return invalid(error,
                               "Key '%.*s' in match rule starts with 'arg' but lacks an arg "
                               "number. Should be 'arg0' or 'arg7' for example.\n",
                               length, t->key.text);
        errno = 0;
        *number = strtoul(t->key.text + strlen("arg"), &end, 0);
        if (end == t->key.text + strlen("arg") || errno)
                return invalid(error,
                               "Key '%.*s' in match rule starts with 'arg' but could not parse "
                               "arg number. Should be 'arg0' or 'arg7' for example.\n",
                               length, t->key.text);
        *behind = end;
        return 0;
}

static int read_arg_kind(const struct token *t, unsigned long number, struct span suffix,
                         enum match_arg_kind *kind, char **error)
{
        *kind = MATCH_ARG_STRING;
        if (suffix.length == 0)
                return 0;
        if (suffix.length == strlen("path") && !memcmp(suffix.text, "path", strlen("path"))) {
                *kind = MATCH_ARG_PATH;
                return 0;
        }
        if (key_is(t, "arg0namespace")) {
                *kind = MATCH_ARG_NAMESPACE;
                return 0;
        }
        return invalid(error,
                       "Key '%.*s' in match rule contains junk after argument number (%lu). Only "
                       "'arg%lupath' (for example) or 'arg0namespace' are valid",
                       (int)t->key.length, t->key.text, number, number);
}

static int read_arg(struct draft *d, const struct token *t, char **error)
{
        enum match_arg_kind kind;
        unsigned long number = 0;
        const char *behind = t->key.text;
        struct span suffix;
        unsigned i;
        int r;

        r = read_arg_number(t, &number, &behind, error);
        if (r)
                return r;
        suffix = (struct span){behind, (size_t)(t->key.text + t->key.length - behind)};
        r = read_arg_kind(t, number, suffix, &kind, error);
        if (r)
                return r;
        if (kind == MATCH_ARG_NAMESPACE && !syntax_bus_namespace(t->value.text, t->value.length))
                return invalid(error, "arg0namespace='%s' is not a valid prefix of a bus name",
                               t->value.text);
        if (number >= MATCH_MAX_ARGS)
                return invalid(error,
                               "Key '%.*s' in match rule has arg number %lu but the maximum is "
                               "%d.\n",
                               (int)t->key.length, t->key.text, number, MATCH_MAX_ARGS - 1);
        for (i = d->n_args; i > 0 && d->args[i - 1].number >= number; i--)
                if (d->args[i - 1].number == number)
                        return invalid(error,
                                       "Argument %.*s matched more than once in match rule\n",
                                       (int)t->key.length, t->key.text);
        memmove(&d->args[i + 1], &d->args[i], (d->n_args - i) * sizeof(d->args[0]));
        d->args[i] = (struct draft_arg){(uint8_t)number, kind, t->value};
        d->n_args++;
        return 0;
}

static const struct key keys[] = {
        {.name = "type", .read = read_type},
        {"sender", read_field, MATCH_SENDER, syntax_bus_name, "Sender name"},
        {"interface", read_field, MATCH_INTERFACE, syntax_interface, "Interface name"},
        {"member", read_field, MATCH_MEMBER, syntax_member, "Member name"},
        {"path", read_path, MATCH_PATH, syntax_path, "Path"},
        {"path_namespace", read_path_namespace, MATCH_PATH, syntax_path, "Path"},
        {"destination", read_field, MATCH_DESTINATION, syntax_bus_name, "Destination name"},
        {.name = "eavesdrop", .read = read_eavesdrop},
};

static int read_token(struct draft *d, const struct token *t, char **error)
{
        for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
                if (key_is(t, keys[i].name))
                        return keys[i].read(d, t, &keys[i], error);
        if (!strncmp(t->key.text, "arg", strlen("arg")))
                return read_arg(d, t, error);
        return invalid(error, "Unknown key \"%.*s\" in match rule", (int)t->key.length,
                       t->key.text);
}

/* ---- a draft to a rule ---- */

/* Copies a text to where `*at` bytes of the rule are used, and counts it in. */
static struct match_text place(struct match_rule *rule, uint16_t *at, struct span span)
{
        struct match_text text = {*at, (uint16_t)span.length};

        memcpy((char *)rule + *at, span.text, span.length + 1);
        *at = (uint16_t)(*at + span.length + 1);
        return text;
}

static int draft_finish(const struct draft *d, struct match_rule **rulep)
{
        size_t head = sizeof(struct match_rule) + d->n_args * sizeof(struct match_arg);
        size_t size = head;
        struct match_rule *rule;
        uint16_t at = (uint16_t)head;

        for (unsigned i = 0; i < N_MATCH_FIELDS; i++)
                size += d->fields[i].text ? d->fields[i].length + 1 : 0;
        for (unsigned i = 0; i < d->n_args; i++)
                size += d->args[i].value.length + 1;
        rule = calloc(1, size);
        if (!rule)
                return -ENOMEM;

        list_init(&rule->same);
        list_init(&rule->of_owner);
        for (unsigned i = 0; i < N_MATCH_PARTIES; i++)
                list_init(&rule->of_unique[i]);
        rule->size = (uint16_t)size;
        rule->type = d->type;
        rule->eavesdrop = d->eavesdrop;
        rule->path_is_namespace = d->path_is_namespace;
        rule->n_args = (uint8_t)d->n_args;
        for (unsigned i = 0; i < N_MATCH_FIELDS; i++)
                if (d->fields[i].text)
                        rule->fields[i] = place(rule, &at, d->fields[i]);
        for (unsigned i = 0; i < d->n_args; i++)
                rule->args[i] = (struct match_arg){
                        .number = d->args[i].number,
                        .kind = (uint8_t)d->args[i].kind,
                        .text = place(rule, &at, d->args[i].value),
                };
        match_rule_index(rule);
        *rulep = rule;
        return 0;
}

int match_rule_new(struct match_rule **rulep, const char *text, size_t length, char **error)
{
        struct token tokens[MATCH_MAX_KEYS];
        char scratch[MATCH_MAX_LENGTH + 1];
        struct draft d = {};
        unsigned n_tokens = 0;
        int r;

        *error = NULL;
        if (length > MATCH_MAX_LENGTH) {
                r = invalid(error, "Match rule text is %zu bytes, maximum is %d", length,
                            MATCH_MAX_LENGTH);
                return r < 0 ? r : MATCH_E_TOO_LONG;
        }
        r = tokenize(text, scratch, tokens, &n_tokens, error);
        if (r)
                return r;
        for (unsigned i = 0; i < n_tokens; i++) {
                r = read_token(&d, &tokens[i], error);
                if (r)
                        return r;
        }
        return draft_finish(&d, rulep);
}
