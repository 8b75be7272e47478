/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes match rules: the parser, its inverse, and the index against comparing rules one by one.
 *
 * The input is a number of texts with NULs in between. A first byte of 1, 2 or 3 makes a text a
 * string argument, a path argument or the path of the message that is looked up; the others are
 * rules.
 */

#include <string.h>

#include "bus/match.h"
#include "core/writer.h"
#include "fuzz.h"

enum { MAX_TEXTS = 64, OWNERS = 4 };

struct input {
        char *copy; /* with a NUL at the end */
        char *texts[MAX_TEXTS];
        unsigned n;
};

static void split(struct input *in, const uint8_t *data, size_t size)
{
        in->n = 0;
        in->copy = malloc(size + 1);
        require(in->copy != NULL);
        memcpy(in->copy, data, size);
        in->copy[size] = '\0';
        for (char *at = in->copy; at <= in->copy + size && in->n < MAX_TEXTS; at += strlen(at) + 1)
                in->texts[in->n++] = at;
}

static struct message *make_message(const struct input *in)
{
        struct message_spec spec = {.type = MESSAGE_SIGNAL,
                                    .serial = 1,
                                    .path = "/a/b",
                                    .interface = "a.b",
                                    .member = "M",
                                    .destination = "x.y"};
        char signature[MAX_TEXTS + 1] = "";
        struct message *m;
        struct writer w;

        for (unsigned i = 0; i < in->n; i++) {
                if (in->texts[i][0] == 1)
                        strcat(signature, "s");
                else if (in->texts[i][0] == 2)
                        strcat(signature, "o");
                else if (in->texts[i][0] == 3)
                        spec.path = in->texts[i] + 1;
        }
        spec.signature = signature;
        writer_begin(&w, &spec);
        for (unsigned i = 0; i < in->n; i++)
                if (in->texts[i][0] == 1 || in->texts[i][0] == 2)
                        writer_string(&w, in->texts[i] + 1);
        return writer_end(&w, &m) < 0 ? NULL : m;
}

/* What is told of a rule says the same as the rule. */
static void check_text(const struct match_rule *rule)
{
        char *text = match_rule_text(rule), *error;
        struct match_rule *again;

        require(text != NULL);
        if (strlen(text) <= MATCH_MAX_LENGTH) {
                require(match_rule_new(&again, text, strlen(text), &error) == 0);
                require(match_rule_equal(rule, again));
                match_rule_free(again);
        }
        free(text);
}

static void add_rules(const struct input *in, struct match_registry *r, struct match_owner *owners)
{
        for (unsigned i = 0; i < in->n; i++) {
                struct match_rule *rule;
                char *error;
                int e;

                if (in->texts[i][0] >= 1 && in->texts[i][0] <= 3)
                        continue;
                e = match_rule_new(&rule, in->texts[i], strlen(in->texts[i]), &error);
                if (e) {
                        require(e > 0 && error);
                        free(error);
                        continue;
                }
                check_text(rule);
                require(match_add(r, &owners[i % OWNERS], rule) == 0);
        }
}

static bool owner_matches(const struct match_owner *o, const struct match_query *q)
{
        for (const struct list *l = o->rules.next; l != &o->rules; l = l->next) {
                const struct match_rule *rule = container_of(l, const struct match_rule, of_owner);
                struct match_subject s;

                match_subject_init(&s, q);
                if (match_rule_matches_indexed(rule, &s) && match_rule_matches_others(rule, &s))
                        return true;
        }
        return false;
}

static void check_lookup(struct match_registry *r, struct match_owner *owners,
                         const struct match_query *q)
{
        struct match_found found = {};
        uint64_t number = match_next_query();

        require(match_lookup(r, q, number, &found) == 0);
        for (unsigned i = 0; i < OWNERS; i++)
                require(owner_matches(&owners[i], q) == (owners[i].marked == number));
        free(found.owners);
}

/* Removes the owner's oldest rule by an equal one, made from its text. */
static void remove_one(struct match_registry *r, struct match_owner *o)
{
        struct match_rule *rule;
        char *text, *error;

        if (list_empty(&o->rules))
                return;
        text = match_rule_text(container_of(o->rules.next, struct match_rule, of_owner));
        if (text && strlen(text) <= MATCH_MAX_LENGTH) {
                require(match_rule_new(&rule, text, strlen(text), &error) == 0);
                require(match_remove(r, o, rule));
                match_rule_free(rule);
        }
        free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct match_owner owners[OWNERS];
        struct name_registry names;
        struct match_registry *r;
        struct name_owner sender;
        struct name_change change;
        struct message *m;
        struct input in;

        split(&in, data, size);
        m = make_message(&in);
        name_registry_init(&names);
        name_owner_init(&sender);
        sender.unique_name = ":1.1";
        require(match_registry_new(&r, &names) == 0);
        require(name_request(&names, &sender, "x.y", 3, 0, &change) == NAME_PRIMARY_OWNER);
        name_change_done(&names, &change);
        for (unsigned i = 0; i < OWNERS; i++)
                match_owner_init(&owners[i]);
        add_rules(&in, r, owners);
        if (m) {
                check_lookup(r, owners, &(struct match_query){.message = m});
                check_lookup(r, owners,
                             &(struct match_query){
                                     .message = m, .sender = &sender, .destination = &sender});
                for (unsigned i = 0; i < OWNERS; i++)
                        remove_one(r, &owners[i]);
                check_lookup(r, owners, &(struct match_query){.message = m, .sender = &sender});
        }
        for (unsigned i = 0; i < OWNERS; i++)
                match_remove_all(r, &owners[i]);
        require(match_registry_empty(r) && list_empty(&r->shapes));
        match_registry_free(r);
        name_release(&names, &sender, "x.y", 3, &change);
        name_change_done(&names, &change);
        require(names.table.n_elements == 0);
        name_registry_deinit(&names);
        message_unref(m);
        free(in.copy);
        return 0;
}
