/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "bus/match.h"
#include "core/writer.h"
#include "fail-alloc.h"

/* ---- a small bus ---- */

enum { PEERS = 6 };

struct peer {
        char unique_name[8];
        struct name_owner names;
        struct match_owner rules;
};

struct bus {
        struct name_registry names;
        struct match_registry *rules;
        struct peer peers[PEERS];
        struct match_found found;
};

static void bus_init(struct bus *b)
{
        *b = (struct bus){};
        name_registry_init(&b->names);
        g_assert_cmpint(match_registry_new(&b->rules, &b->names), ==, 0);
        for (unsigned i = 0; i < PEERS; i++) {
                struct peer *p = &b->peers[i];

                g_snprintf(p->unique_name, sizeof(p->unique_name), ":1.%u", i);
                name_owner_init(&p->names);
                p->names.unique_name = p->unique_name;
                match_owner_init(&p->rules);
        }
}

static void names_drop(struct bus *b, struct peer *p)
{
        while (!list_empty(&p->names.ownerships)) {
                struct name_change change;

                name_drop(&b->names,
                          container_of(p->names.ownerships.prev, struct name_ownership, of_owner),
                          &change);
                name_change_done(&b->names, &change);
        }
}

/* Nothing may be left of rules and names that are gone. */
static void bus_deinit(struct bus *b)
{
        for (unsigned i = 0; i < PEERS; i++) {
                match_remove_all(b->rules, &b->peers[i].rules);
                g_assert_cmpuint(b->peers[i].rules.n_rules, ==, 0);
                names_drop(b, &b->peers[i]);
        }
        g_assert_true(match_registry_empty(b->rules));
        g_assert_true(list_empty(&b->rules->shapes));
        g_assert_cmpuint(b->rules->uniques.table.n_elements, ==, 0);
        g_assert_cmpuint(b->names.table.n_elements, ==, 0);
        match_registry_free(b->rules);
        name_registry_deinit(&b->names);
        free(b->found.owners);
}

static void own(struct bus *b, unsigned peer, const char *name)
{
        struct name_change change;

        g_assert_cmpint(
                name_request(&b->names, &b->peers[peer].names, name, strlen(name), 0, &change), >,
                0);
        name_change_done(&b->names, &change);
}

static void disown(struct bus *b, unsigned peer, const char *name)
{
        struct name_change change;

        name_release(&b->names, &b->peers[peer].names, name, strlen(name), &change);
        name_change_done(&b->names, &change);
}

static struct match_rule *parse(const char *text)
{
        struct match_rule *rule;
        char *error;

        if (match_rule_new(&rule, text, strlen(text), &error))
                g_error("'%s' is refused: %s", text, error);
        return rule;
}

static void add(struct bus *b, unsigned peer, const char *text)
{
        g_assert_cmpint(match_add(b->rules, &b->peers[peer].rules, parse(text)), ==, 0);
}

static bool take_away(struct bus *b, unsigned peer, const char *text)
{
        struct match_rule *rule = parse(text);
        bool found = match_remove(b->rules, &b->peers[peer].rules, rule);

        match_rule_free(rule);
        return found;
}

/* The peers found, as a mask; each may be found but once. `sender` -1: the bus. */
static unsigned look_up(struct bus *b, const struct message *m, int sender, int destination)
{
        struct match_query q = {
                .message = m,
                .sender = sender < 0 ? NULL : &b->peers[sender].names,
                .destination = destination < 0 ? NULL : &b->peers[destination].names,
        };
        unsigned mask = 0;

        b->found.n = 0;
        g_assert_cmpint(match_lookup(b->rules, &q, match_next_query(), &b->found), ==, 0);
        for (size_t i = 0; i < b->found.n; i++) {
                struct peer *p = container_of(b->found.owners[i], struct peer, rules);
                unsigned bit = 1u << (p - b->peers);

                g_assert_false(mask & bit);
                mask |= bit;
        }
        return mask;
}

/* ---- messages ---- */

struct arg {
        char type; /* s o u, or a for an array of strings, v for a variant with a string */
        const char *text;
};

static struct message *make(const struct message_spec *spec, const struct arg *args, unsigned n)
{
        struct message_spec full = *spec;
        struct message *m;
        struct writer w;
        GString *signature = g_string_new(NULL);

        for (unsigned i = 0; i < n; i++)
                g_string_append_printf(signature, args[i].type == 'a' ? "as" : "%c", args[i].type);
        full.serial = 1;
        if (n > 0)
                full.signature = signature->str;
        writer_begin(&w, &full);
        for (unsigned i = 0; i < n; i++) {
                const char *strings[1] = {(char *)(uintptr_t)args[i].text};

                if (args[i].type == 'u')
                        writer_u32(&w, 7);
                else if (args[i].type == 'a')
                        writer_strings(&w, strings, 1);
                else if (args[i].type == 'g')
                        writer_signature(&w, args[i].text);
                else if (args[i].type == 'v')
                        writer_variant(&w, "s");
                if (strchr("sov", args[i].type))
                        writer_string(&w, args[i].text);
        }
        g_assert_cmpint(writer_end(&w, &m), ==, 0);
        g_string_free(signature, TRUE);
        return m;
}

static const struct message_spec plain_signal = {
        .type = MESSAGE_SIGNAL,
        .path = "/a",
        .interface = "a.b",
        .member = "M",
};

/* Whether one rule matches one message, from peer 1. */
static bool one_matches(const char *rule, const struct message_spec *spec, const struct arg *args,
                        unsigned n)
{
        struct message *m = make(spec, args, n);
        struct bus b;
        unsigned mask;

        bus_init(&b);
        add(&b, 0, rule);
        mask = look_up(&b, m, 1, -1);
        bus_deinit(&b);
        message_unref(m);
        return mask == 1;
}

/* ---- what matches: each line was tried on the reference ---- */

static void test_arg_path(void)
{
        static const struct {
                const char *rule, *matches; /* the values that match, with spaces around */
        } rules[] = {
                {"arg0path='/aa/bb/'", " / /aa/ /aa/bb/ /aa/bb/cc /aa/bb/cc/ "},
                {"arg0path='/aa/bb'", " / /aa/ /aa/bb "},
                {"arg0path=''", "  "},
                {"arg0path='/'", " / /aa /aa/ /aa/b /aa/bb /aa/bb/ /aa/bb/cc /aa/bb/cc/ // "},
                {"arg0path='a'", " a "},
                {"arg0path='aa/'", " aa/ aa/x "},
                {"arg0path='//'", " / // "},
        };
        static const char *const values[] = {"",       "/",       "/aa",        "/aa/", "/aa/b",
                                             "/aa/bb", "/aa/bb/", "/aa/bb/cc",  "aa",   "a",
                                             "aa/",    "aa/x",    "/aa/bb/cc/", "//"};

        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
                for (size_t k = 0; k < G_N_ELEMENTS(values); k++) {
                        char *spaced = g_strdup_printf(" %s ", values[k]);
                        bool expected = strstr(rules[i].matches, spaced);
                        /* The same as another argument, where it is not indexed. */
                        char *second = g_strdup(rules[i].rule);
                        struct arg args[] = {{'s', values[k]}, {'s', values[k]}};

                        second[3] = '1';
                        g_test_message("%s '%s'", rules[i].rule, values[k]);
                        g_assert_true(one_matches(rules[i].rule, &plain_signal, args, 2) ==
                                      expected);
                        g_assert_true(one_matches(second, &plain_signal, args, 2) == expected);
                        args[0].type = args[1].type = 'o';
                        if (values[k][0] == '/' &&
                            (!values[k][1] || !g_str_has_suffix(values[k], "/")))
                                g_assert_true(one_matches(rules[i].rule, &plain_signal, args, 2) ==
                                              expected);
                        g_free(spaced);
                        g_free(second);
                }
        }
        g_assert_false(one_matches("arg0path='/'", &plain_signal, NULL, 0));
        g_assert_false(one_matches("arg0path='s'", &plain_signal, (struct arg[]){{'g', "s"}}, 1));
        g_assert_false(one_matches("arg0path='s'", &plain_signal, (struct arg[]){{'v', "s"}}, 1));
}

static void test_args(void)
{
        static const struct {
                const char *rule;
                struct arg args[3];
                unsigned n;
                bool matches;
        } cases[] = {
                {"arg0='x'", {{'s', "x"}}, 1, true},
                {"arg0='x'", {{'s', "xx"}}, 1, false},
                {"arg0='x'", {{'s', ""}}, 1, false},
                {"arg0=''", {{'s', ""}}, 1, true},
                {"arg0=''", {}, 0, false},
                {"arg0='/x'", {{'o', "/x"}}, 1, false},
                {"arg0='s'", {{'g', "s"}}, 1, false},
                {"arg0='x'", {{'v', "x"}}, 1, false},
                {"arg0='x'", {{'a', "x"}}, 1, false},
                {"arg1='x'", {{'a', "y"}, {'s', "x"}}, 2, true},
                {"arg2='x'", {{'u', NULL}, {'v', "y"}, {'s', "x"}}, 3, true},
                {"arg2='x'", {{'u', NULL}, {'s', "x"}}, 2, false},
                {"arg1='x',arg0='y'", {{'s', "y"}, {'s', "x"}}, 2, true},
                {"arg1='x',arg0='y'", {{'s', "y"}, {'s', "y"}}, 2, false},
                {"arg0namespace='a.b'", {{'s', "a.b"}}, 1, true},
                {"arg0namespace='a.b'", {{'s', "a.b.c"}}, 1, true},
                {"arg0namespace='a.b'", {{'s', "a.bc"}}, 1, false},
                {"arg0namespace='a.b'", {{'s', "a"}}, 1, false},
                {"arg0namespace='a'", {{'s', "a.."}}, 1, true},
                {"arg0namespace='a'", {{'s', ""}}, 1, false},
                {"arg0namespace='a'", {{'o', "/a"}}, 1, false},
                {"arg0namespace=':1'", {{'s', ":1.5"}}, 1, true},
                {"arg0namespace=':'", {{'s', ":"}}, 1, true},
                {"arg0namespace='a',arg1='x'", {{'s', "a.b"}, {'s', "x"}}, 2, true},
                {"arg0namespace='a',arg1='x'", {{'s', "a.b"}, {'s', "y"}}, 2, false},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%s, %zu", cases[i].rule, i);
                g_assert_true(one_matches(cases[i].rule, &plain_signal, cases[i].args,
                                          cases[i].n) == cases[i].matches);
        }
}

/* Arguments beyond those with a bit of their own. */
static void test_high_args(void)
{
        struct arg args[65];

        for (unsigned i = 0; i < 65; i++)
                args[i] = (struct arg){'s', i % 2 ? "odd" : "even"};
        g_assert_true(one_matches("arg63=odd", &plain_signal, args, 64));
        g_assert_true(one_matches("arg63=odd", &plain_signal, args, 65));
        g_assert_false(one_matches("arg63=odd", &plain_signal, args, 63));
        g_assert_false(one_matches("arg63=even", &plain_signal, args, 64));
        g_assert_true(one_matches("arg63=odd,arg8=even,arg20=even", &plain_signal, args, 64));
        g_assert_false(one_matches("arg63=odd,arg8=even,arg20=odd", &plain_signal, args, 64));
        g_assert_false(one_matches("arg63=odd,arg8=odd,arg20=even", &plain_signal, args, 64));
        g_assert_true(one_matches("arg63=odd,arg0=even", &plain_signal, args, 64));
        g_assert_false(one_matches("arg63=even,arg0=even", &plain_signal, args, 64));
        args[20] = (struct arg){'o', "/x"};
        g_assert_false(one_matches("arg20=/x,arg0=even", &plain_signal, args, 64));
        g_assert_false(one_matches("arg20=/x", &plain_signal, args, 64));
        g_assert_true(one_matches("arg20path=/x,arg0=even", &plain_signal, args, 64));
}

static void test_header(void)
{
        static const struct message_spec call = {
                .type = MESSAGE_METHOD_CALL, .path = "/a/bc", .member = "M", .destination = "x.y"};
        static const struct message_spec answer = {
                .type = MESSAGE_METHOD_RETURN, .reply_serial = 3, .destination = ":1.9"};
        static const struct {
                const char *rule;
                const struct message_spec *spec;
                bool matches;
        } cases[] = {
                {"", &plain_signal, true},
                {"type=signal", &plain_signal, true},
                {"type=method_call", &plain_signal, false},
                {"interface=a.b,member=M,path=/a", &plain_signal, true},
                {"interface=a.b,member=N,path=/a", &plain_signal, false},
                {"interface=a.bb", &plain_signal, false},
                {"path=/", &plain_signal, false},
                {"path_namespace=/", &plain_signal, true},
                {"path_namespace=/a", &plain_signal, true},
                {"path_namespace=/a/b", &plain_signal, false},
                {"path_namespace=/", &call, true},
                {"path_namespace=/a", &call, true},
                {"path_namespace=/a/b", &call, false},
                {"path_namespace=/a/bc", &call, true},
                {"interface=a.b", &call, false},
                {"type=method_call,member=M", &call, true},
                {"path_namespace=/", &answer, false},
                {"path=/", &answer, false},
                {"member=M", &answer, false},
                {"type=method_return", &answer, true},
                {"", &answer, true},
                /* Nobody has the destination: its text is compared. */
                {"destination=x.y", &call, true},
                {"destination=x.z", &call, false},
                {"destination=:1.9", &answer, true},
                {"destination=:1.9", &plain_signal, false},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%s, %zu", cases[i].rule, i);
                g_assert_true(one_matches(cases[i].rule, cases[i].spec, NULL, 0) ==
                              cases[i].matches);
        }
}

/* Senders and destinations go by all names that they own. Waiting for a name does not count. */
static void test_names(void)
{
        struct message_spec spec = plain_signal;
        struct message *m = make(&spec, NULL, 0);
        struct bus b;

        bus_init(&b);
        own(&b, 4, "x.prim");
        own(&b, 5, "x.prim");
        own(&b, 5, "x.second");
        add(&b, 0, "sender=x.prim");
        add(&b, 1, "sender=x.second");
        add(&b, 2, "sender=:1.4");
        add(&b, 3, "sender=org.freedesktop.DBus");
        g_assert_cmpuint(look_up(&b, m, 4, -1), ==, 1 << 0 | 1 << 2);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 1);
        g_assert_cmpuint(look_up(&b, m, -1, -1), ==, 1 << 3);
        disown(&b, 4, "x.prim");
        g_assert_cmpuint(look_up(&b, m, 4, -1), ==, 1 << 2);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 0 | 1 << 1);

        /* Someone without a name, before Hello. */
        b.peers[4].names.unique_name = NULL;
        g_assert_cmpuint(look_up(&b, m, 4, -1), ==, 0);
        b.peers[4].names.unique_name = b.peers[4].unique_name;
        g_assert_cmpuint(name_find(&b.names, "x.prim", 6)->n_sender_rules, ==, 1);
        for (unsigned i = 0; i < PEERS; i++)
                match_remove_all(b.rules, &b.peers[i].rules);
        g_assert_cmpuint(name_find(&b.names, "x.prim", 6)->n_sender_rules, ==, 0);
        message_unref(m);

        own(&b, 4, "x.prim");
        add(&b, 0, "destination=x.prim");
        add(&b, 1, "destination=x.second");
        add(&b, 2, "destination=:1.5");
        add(&b, 3, "destination=org.freedesktop.DBus");
        spec.destination = "x.prim";
        m = make(&spec, NULL, 0);
        g_assert_cmpuint(look_up(&b, m, 1, 5), ==, 1 << 0 | 1 << 1 | 1 << 2);
        g_assert_cmpuint(look_up(&b, m, 1, 4), ==, 0);
        b.peers[5].names.unique_name = NULL;
        g_assert_cmpuint(look_up(&b, m, 1, 5), ==, 1 << 0 | 1 << 1);
        b.peers[5].names.unique_name = b.peers[5].unique_name;
        message_unref(m);
        spec.destination = ":1.5";
        m = make(&spec, NULL, 0);
        g_assert_cmpuint(look_up(&b, m, 1, 5), ==, 1 << 0 | 1 << 1 | 1 << 2);
        message_unref(m);
        spec.destination = "org.freedesktop.DBus";
        m = make(&spec, NULL, 0);
        g_assert_cmpuint(look_up(&b, m, 1, -1), ==, 1 << 3);
        message_unref(m);
        bus_deinit(&b);
}

/* A sender may own more names that rules ask for than are kept at hand. */
static void test_many_names(void)
{
        struct message *m = make(&plain_signal, NULL, 0);
        struct bus b;

        bus_init(&b);
        for (unsigned i = 0; i < 100; i++) {
                char *name = g_strdup_printf("x.n%u", i);
                char *rule = g_strdup_printf("type=signal,sender=%s", name);

                own(&b, 5, name);
                add(&b, 0, rule);
                g_assert_cmpuint(look_up(&b, m, 5, -1), ==, i ? 1 << 0 | 1 << 1 : 1 << 0);
                g_assert_cmpuint(look_up(&b, m, 4, -1), ==, 0);
                g_assert_true(take_away(&b, 0, rule));
                g_assert_cmpuint(look_up(&b, m, 5, -1), ==, i ? 1 << 1 : 0);
                add(&b, 1, rule); /* so that all the names before are asked for */
                g_free(name);
                g_free(rule);
        }
        bus_deinit(&b);
        message_unref(m);
}

/* As many ancestors and prefixes as rules can ask for, and more. */
static void test_deep(void)
{
        GString *path = g_string_new(NULL), *rule = g_string_new(NULL);
        struct message_spec spec = plain_signal;
        struct message *m;
        struct bus b;

        for (unsigned i = 0; i < 700; i++)
                g_string_append(path, "/a");
        spec.path = path->str;
        m = make(&spec, (struct arg[]){{'s', path->str}, {'s', "x"}}, 2);
        for (unsigned depth = 1; depth <= 504; depth += 503) {
                bus_init(&b);
                g_string_printf(rule, "path_namespace=%.*s", (int)depth * 2, path->str);
                add(&b, 0, rule->str);
                g_string_printf(rule, "arg0path=%.*s/", (int)depth * 2, path->str);
                add(&b, 1, rule->str);
                g_string_printf(rule, "path_namespace=%.*sa", (int)depth * 2, path->str);
                add(&b, 2, rule->str);
                g_string_printf(rule, "arg0path=%.*s", (int)depth * 2, path->str);
                add(&b, 3, rule->str);
                g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 0 | 1 << 1);
                bus_deinit(&b);
        }
        message_unref(m);

        g_string_truncate(path, 0);
        for (unsigned i = 0; i < 1100; i++)
                g_string_append_c(path, '/');
        m = make(&plain_signal, (struct arg[]){{'s', path->str}}, 1);
        bus_init(&b);
        g_string_printf(rule, "arg0path=%.*s", 1015, path->str);
        add(&b, 0, rule->str);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 0);
        message_unref(m);
        path->str[1099] = 'x';
        m = make(&plain_signal, (struct arg[]){{'s', path->str}}, 1);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 0);
        bus_deinit(&b);
        message_unref(m);

        g_string_truncate(path, 0);
        for (unsigned i = 0; i < 300; i++)
                g_string_append(path, i ? ".a" : "a");
        m = make(&plain_signal, (struct arg[]){{'s', path->str}}, 1);
        bus_init(&b);
        g_string_printf(rule, "arg0namespace=%.255s", path->str);
        add(&b, 0, rule->str);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 0);
        bus_deinit(&b);
        message_unref(m);
        g_string_free(path, TRUE);
        g_string_free(rule, TRUE);
}

/* ---- owners and removal ---- */

static void test_found_once(void)
{
        struct match_registry *more;
        struct message *m = make(&plain_signal, (struct arg[]){{'s', "x"}}, 1);
        struct match_query q = {.message = m};
        struct bus b;
        uint64_t number;

        bus_init(&b);
        add(&b, 2, "");
        add(&b, 2, "type=signal");
        add(&b, 2, "type=signal");
        add(&b, 3, "type=signal,arg0=x");
        add(&b, 3, "type=signal,arg20=x");
        g_assert_cmpuint(look_up(&b, m, 1, -1), ==, 1 << 2 | 1 << 3);
        g_assert_cmpuint(b.found.n, ==, 2);
        g_assert_cmpuint(look_up(&b, m, 1, -1), ==, 1 << 2 | 1 << 3);

        /* Two registries, one query; what is found is appended. */
        g_assert_cmpint(match_registry_new(&more, &b.names), ==, 0);
        g_assert_cmpint(match_add(more, &b.peers[4].rules, parse("")), ==, 0);
        number = match_next_query();
        b.found.n = 0;
        g_assert_cmpint(match_lookup(b.rules, &q, number, &b.found), ==, 0);
        g_assert_cmpint(match_lookup(more, &q, number, &b.found), ==, 0);
        g_assert_cmpuint(b.found.n, ==, 3);
        g_assert_cmpint(match_lookup(b.rules, &q, number, &b.found), ==, 0);
        g_assert_cmpint(match_lookup(more, &q, number, &b.found), ==, 0);
        g_assert_cmpuint(b.found.n, ==, 3);
        g_assert_cmpuint(match_next_query(), !=, number);
        match_remove_all(more, &b.peers[4].rules);
        match_registry_free(more);
        bus_deinit(&b);
        message_unref(m);
}

static char *rules_of(const struct bus *b, unsigned peer)
{
        const struct list *head = &b->peers[peer].rules.rules;
        GString *all = g_string_new(NULL);

        for (const struct list *l = head->next; l != head; l = l->next) {
                char *text = match_rule_text(container_of(l, const struct match_rule, of_owner));

                g_string_append_printf(all, "[%s]", text);
                free(text);
        }
        return g_string_free(all, FALSE);
}

static void assert_rules(const struct bus *b, unsigned peer, const char *expected)
{
        char *rules = rules_of(b, peer);

        g_assert_cmpstr(rules, ==, expected);
        g_free(rules);
}

static void test_remove(void)
{
        struct message *m = make(&plain_signal, (struct arg[]){{'s', "a"}}, 1);
        struct bus b;

        bus_init(&b);
        g_assert_true(match_registry_empty(b.rules));
        add(&b, 0, "arg0=a");
        g_assert_false(match_registry_empty(b.rules));
        add(&b, 0, "arg0=x");
        add(&b, 1, "arg0=a");
        add(&b, 0, "arg0=a");
        add(&b, 0, "arg0=y");
        g_assert_cmpuint(b.peers[0].rules.n_rules, ==, 4);

        /* The latest of equal ones goes. */
        g_assert_true(take_away(&b, 0, "arg0='a'"));
        assert_rules(&b, 0, "[arg0='a'][arg0='x'][arg0='y']");
        g_assert_cmpuint(look_up(&b, m, 3, -1), ==, 1 << 0 | 1 << 1);
        g_assert_true(take_away(&b, 0, "arg0='a'"));
        assert_rules(&b, 0, "[arg0='x'][arg0='y']");
        g_assert_cmpuint(look_up(&b, m, 3, -1), ==, 1 << 1);
        g_assert_false(take_away(&b, 0, "arg0='a'"));
        g_assert_false(take_away(&b, 1, "arg0='x'"));
        g_assert_false(take_away(&b, 1, "arg0='a',arg1=b"));
        g_assert_false(take_away(&b, 1, "arg0='a',arg1path=b"));
        g_assert_false(take_away(&b, 1, "arg0='a',eavesdrop=true"));
        g_assert_true(take_away(&b, 1, "arg0='a'"));
        g_assert_true(take_away(&b, 0, "arg0='y'"));
        g_assert_true(take_away(&b, 0, "arg0='x'"));
        g_assert_true(match_registry_empty(b.rules));
        g_assert_true(list_empty(&b.rules->shapes));
        bus_deinit(&b);
        message_unref(m);
}

/* Rules about a peer that goes, whoever's they are; and no others. */
static void test_remove_unique(void)
{
        struct bus b;

        bus_init(&b);
        add(&b, 0, "sender=:1.3");
        add(&b, 0, "sender=:1.33");
        add(&b, 0, "destination=:1.3,member=M");
        add(&b, 0, "arg0=:1.3");
        add(&b, 1, "sender=:1.3");
        add(&b, 1, "sender=:1.3");
        add(&b, 1, "sender=:1.3,destination=:1.3");
        add(&b, 1, "sender=a.b,destination=:1.4");
        g_assert_cmpuint(b.rules->uniques.table.n_elements, ==, 3);
        match_remove_unique(b.rules, ":1.", 3);
        g_assert_cmpuint(b.rules->n_rules, ==, 8);
        match_remove_unique(b.rules, ":1.3", 4);
        assert_rules(&b, 0, "[sender=':1.33'][arg0=':1.3']");
        assert_rules(&b, 1, "[sender='a.b',destination=':1.4']");
        g_assert_cmpuint(b.rules->n_rules, ==, 3);
        g_assert_cmpuint(b.peers[1].rules.n_rules, ==, 1);
        g_assert_cmpuint(b.rules->uniques.table.n_elements, ==, 2);
        match_remove_unique(b.rules, ":1.3", 4);
        g_assert_cmpuint(b.rules->n_rules, ==, 3);
        bus_deinit(&b);
}

/* A leader that goes leaves the ring to its heirs. */
static void test_heirs(void)
{
        struct message *m = make(&plain_signal, (struct arg[]){{'s', "a"}, {'s', "/b"}}, 2);
        struct bus b;

        bus_init(&b);
        add(&b, 0, "member=M,arg1path=/b");
        add(&b, 1, "member=M,arg1path=/c");
        add(&b, 2, "member=M");
        add(&b, 3, "member=M,arg1path=/b");
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 0 | 1 << 2 | 1 << 3);
        match_remove_all(b.rules, &b.peers[0].rules);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 2 | 1 << 3);
        match_remove_all(b.rules, &b.peers[1].rules);
        match_remove_all(b.rules, &b.peers[2].rules);
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 3);
        add(&b, 1, "member=M");
        g_assert_cmpuint(look_up(&b, m, 5, -1), ==, 1 << 1 | 1 << 3);
        bus_deinit(&b);
        message_unref(m);
}

/* ---- random rules and messages, against comparing all rules one by one ---- */

struct model_rule {
        int type; /* 0: any; as in enum message_type */
        const char *sender, *interface, *member, *path, *path_namespace, *destination;
        char arg_kind[12]; /* '\0' none, 's' argN, 'p' argNpath, 'n' arg0namespace */
        const char *args[12];
        unsigned owner;
};

struct model_message {
        int type;
        const char *interface, *member, *path, *destination;
        int sender, addressed; /* peers; -1: the bus, nobody */
        struct arg args[12];
        unsigned n_args;
};

struct model {
        GArray *rules;
        const char *names[4]; /* that peers may own */
        int owners[4];        /* -1: nobody */
};

static const char *pick(const char *const *from, unsigned n)
{
        return from[g_test_rand_int_range(0, (int)n)];
}
#define PICK(array) pick(array, G_N_ELEMENTS(array))

static bool chance(int percent)
{
        return g_test_rand_int_range(0, 100) < percent;
}

static const char *const name_values[] = {"x.a",  "x.b",  "x.c",  "x.d",
                                          ":1.0", ":1.1", ":1.5", "org.freedesktop.DBus"};
static const char *const interface_values[] = {"i.a", "i.b"};
static const char *const member_values[] = {"A", "B", "Ab"};
static const char *const path_values[] = {"/", "/a", "/a/b", "/a/bc", "/a/b/c", "/ab"};
static const char *const string_values[] = {"",    "a",    "a.b",   "a.b.c", "a.bc", "/", "/a",
                                            "/a/", "/a/b", "/a/b/", "/a/bc", "i.a",  "A", ":1.0"};
static const char *const namespace_values[] = {"a", "a.b", "a.b.c", ":1", ":1.0", "i"};

static struct model_rule random_rule(void)
{
        struct model_rule r = {.owner = (unsigned)g_test_rand_int_range(0, PEERS)};

        if (chance(50))
                r.type = g_test_rand_int_range(1, 5);
        if (chance(30))
                r.sender = PICK(name_values);
        if (chance(30))
                r.interface = PICK(interface_values);
        if (chance(30))
                r.member = PICK(member_values);
        if (chance(20))
                r.path = PICK(path_values);
        else if (chance(25))
                r.path_namespace = PICK(path_values);
        if (chance(10))
                r.destination = PICK(name_values);
        for (unsigned i = 0; i < 12; i++) {
                if (!chance(i == 0 ? 40 : i == 1 ? 15 : 3))
                        continue;
                r.arg_kind[i] = "spn"[g_test_rand_int_range(0, i == 0 ? 3 : 2)];
                r.args[i] = r.arg_kind[i] == 'n' ? PICK(namespace_values) : PICK(string_values);
        }
        return r;
}

static void append_pair(GPtrArray *pairs, const char *key, const char *value)
{
        if (value)
                g_ptr_array_add(pairs,
                                g_strdup_printf(chance(50) ? "%s='%s'" : "%s=%s", key, value));
}

/* The rule in some notation: keys in any order, quoted or not. */
static char *rule_text(const struct model_rule *r)
{
        static const char *const types[] = {NULL, "method_call", "method_return", "error",
                                            "signal"};
        GPtrArray *pairs = g_ptr_array_new_with_free_func(g_free);
        char key[32], *text;

        append_pair(pairs, "type", types[r->type]);
        append_pair(pairs, "sender", r->sender);
        append_pair(pairs, "interface", r->interface);
        append_pair(pairs, "member", r->member);
        append_pair(pairs, "path", r->path);
        append_pair(pairs, "path_namespace", r->path_namespace);
        append_pair(pairs, "destination", r->destination);
        for (unsigned i = 0; i < 12; i++) {
                g_snprintf(key, sizeof(key), "arg%u%s", i,
                           r->arg_kind[i] == 'p'   ? "path"
                           : r->arg_kind[i] == 'n' ? "namespace"
                                                   : "");
                append_pair(pairs, key, r->arg_kind[i] ? r->args[i] : NULL);
        }
        for (unsigned i = pairs->len; i > 1; i--) {
                unsigned k = (unsigned)g_test_rand_int_range(0, (int)i);
                gpointer swap = pairs->pdata[k];

                pairs->pdata[k] = pairs->pdata[i - 1];
                pairs->pdata[i - 1] = swap;
        }
        g_ptr_array_add(pairs, NULL);
        text = g_strjoinv(",", (char **)pairs->pdata);
        g_ptr_array_free(pairs, TRUE);
        return text;
}

static struct model_message random_message(void)
{
        struct model_message m = {
                .type = g_test_rand_int_range(1, 5),
                .sender = g_test_rand_int_range(-1, PEERS),
                .addressed = -1,
                .n_args = (unsigned)(chance(10) ? 12 : g_test_rand_int_range(0, 4)),
        };

        if (m.type == MESSAGE_SIGNAL || m.type == MESSAGE_METHOD_CALL) {
                m.path = PICK(path_values);
                m.member = PICK(member_values);
                if (m.type == MESSAGE_SIGNAL || chance(50))
                        m.interface = PICK(interface_values);
        }
        if (chance(40)) {
                m.destination = PICK(name_values);
                m.addressed = g_test_rand_int_range(-1, PEERS);
        }
        for (unsigned i = 0; i < m.n_args; i++) {
                m.args[i] = (struct arg){chance(70) ? 's' : "ouav"[g_test_rand_int_range(0, 4)],
                                         PICK(string_values)};
                if (m.args[i].type == 'o')
                        m.args[i].text = PICK(path_values);
        }
        return m;
}

static bool model_owns(const struct model *model, int peer, const char *name)
{
        char unique[8];

        g_snprintf(unique, sizeof(unique), ":1.%d", peer);
        if (!strcmp(name, unique))
                return true;
        for (unsigned i = 0; i < 4; i++)
                if (!strcmp(name, model->names[i]) && model->owners[i] == peer)
                        return true;
        return false;
}

static bool model_is_below(const char *text, const char *top, char separator)
{
        return g_str_has_prefix(text, top) &&
               (text[strlen(top)] == '\0' || text[strlen(top)] == separator);
}

static bool model_arg_matches(char kind, const char *value, const struct arg *arg)
{
        const char *text = arg->text;

        if (arg->type != 's' && !(arg->type == 'o' && kind == 'p'))
                return false;
        if (!strcmp(text, value))
                return true;
        if (kind == 'p')
                return (g_str_has_suffix(value, "/") && g_str_has_prefix(text, value)) ||
                       (g_str_has_suffix(text, "/") && g_str_has_prefix(value, text));
        return kind == 'n' && model_is_below(text, value, '.');
}

static bool model_matches(const struct model *model, const struct model_rule *r,
                          const struct model_message *m)
{
        if (r->type && r->type != m->type)
                return false;
        if (r->sender && !(m->sender < 0 ? !strcmp(r->sender, "org.freedesktop.DBus")
                                         : model_owns(model, m->sender, r->sender)))
                return false;
        if (r->interface && g_strcmp0(r->interface, m->interface))
                return false;
        if (r->member && g_strcmp0(r->member, m->member))
                return false;
        if (r->path && g_strcmp0(r->path, m->path))
                return false;
        if (r->path_namespace && !(m->path && (!strcmp(r->path_namespace, "/") ||
                                               model_is_below(m->path, r->path_namespace, '/'))))
                return false;
        if (r->destination && !(m->addressed < 0 ? !g_strcmp0(r->destination, m->destination)
                                                 : model_owns(model, m->addressed, r->destination)))
                return false;
        for (unsigned i = 0; i < 12; i++)
                if (r->arg_kind[i] &&
                    !(i < m->n_args && model_arg_matches(r->arg_kind[i], r->args[i], &m->args[i])))
                        return false;
        return true;
}

static void random_add(struct bus *b, struct model *model)
{
        struct model_rule r = random_rule();
        char *text = rule_text(&r);

        add(b, r.owner, text);
        g_array_append_val(model->rules, r);
        g_free(text);
}

static void random_remove(struct bus *b, struct model *model)
{
        unsigned i = (unsigned)g_test_rand_int_range(0, (int)model->rules->len);
        struct model_rule *r = &g_array_index(model->rules, struct model_rule, i);
        char *text = rule_text(r);

        g_assert_true(take_away(b, r->owner, text));
        g_array_remove_index_fast(model->rules, i);
        g_free(text);
}

static void random_move(struct bus *b, struct model *model)
{
        unsigned i = (unsigned)g_test_rand_int_range(0, 4);

        if (model->owners[i] >= 0)
                disown(b, (unsigned)model->owners[i], model->names[i]);
        model->owners[i] = g_test_rand_int_range(-1, PEERS);
        if (model->owners[i] >= 0)
                own(b, (unsigned)model->owners[i], model->names[i]);
}

static unsigned random_lookup(struct bus *b, const struct model *model)
{
        struct model_message mm = random_message();
        struct message_spec spec = {
                .type = (enum message_type)mm.type,
                .path = mm.path,
                .interface = mm.interface,
                .member = mm.member,
                .destination = mm.destination,
        };
        struct message *m;
        unsigned expected = 0;

        if (mm.type == MESSAGE_ERROR)
                spec.error_name = "e.e";
        if (mm.type == MESSAGE_ERROR || mm.type == MESSAGE_METHOD_RETURN)
                spec.reply_serial = 1;
        m = make(&spec, mm.args, mm.n_args);
        for (unsigned i = 0; i < model->rules->len; i++) {
                const struct model_rule *r = &g_array_index(model->rules, struct model_rule, i);

                if (model_matches(model, r, &mm))
                        expected |= 1u << r->owner;
        }
        g_assert_cmphex(look_up(b, m, mm.sender, mm.addressed), ==, expected);
        message_unref(m);
        return expected;
}

static void test_random(void)
{
        unsigned n_found = 0, n_lookups = 0;

        for (unsigned round = 0; round < 40; round++) {
                struct model model = {
                        .rules = g_array_new(FALSE, FALSE, sizeof(struct model_rule)),
                        .names = {"x.a", "x.b", "x.c", "x.d"},
                        .owners = {-1, -1, -1, -1},
                };
                /* Few rules: each matters. Many: they collide. */
                unsigned target = (unsigned)g_test_rand_int_range(1, round % 2 ? 10 : 300);
                struct bus b;

                bus_init(&b);
                for (unsigned step = 0; step < 1500; step++) {
                        if (chance(10))
                                random_move(&b, &model);
                        else if (model.rules->len < target)
                                random_add(&b, &model);
                        else if (chance(30))
                                random_remove(&b, &model);
                        n_found += !!random_lookup(&b, &model);
                        n_lookups++;
                }
                bus_deinit(&b);
                g_array_free(model.rules, TRUE);
        }
        g_test_message("%u of %u messages matched something", n_found, n_lookups);
        g_assert_cmpuint(n_found, >, n_lookups / 20);
        g_assert_cmpuint(n_found, <, n_lookups);
}

/* ---- faults ---- */

static void test_no_memory(gconstpointer text)
{
        bool failed = true;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail here");
                return;
        }
        for (unsigned n = 0; failed; n++) {
                struct match_rule *rule = parse(text);
                struct bus b;
                int r;

                bus_init(&b);
                fail_alloc_after(n);
                r = match_add(b.rules, &b.peers[0].rules, rule);
                failed = fail_alloc_end();
                g_assert_cmpint(r, ==, failed ? -ENOMEM : 0);
                g_assert_true(match_registry_empty(b.rules) == failed);
                if (failed) {
                        g_assert_true(list_empty(&b.rules->shapes));
                        g_assert_cmpuint(b.rules->uniques.table.n_elements, ==, 0);
                        g_assert_cmpuint(b.names.table.n_elements, ==, 0);
                        match_rule_free(rule);
                }
                bus_deinit(&b);
                g_assert_cmpuint(n, <, 10);
        }
}

/* Each way into the index passes the failure on. */
static void test_no_memory_for_found(void)
{
        static const struct {
                const char *rule, *arg;
        } ways[] = {
                {"", ""},
                {"path_namespace='/'", ""},
                {"sender=':1.1'", ""},
                {"sender='x.n40',path_namespace='/a'", ""},
                {"arg0namespace='a'", "a.b"},
                {"arg0path='/a/b'", "/a/"},
        };

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail here");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                struct message *m = make(&plain_signal, (struct arg[]){{'s', ways[i].arg}}, 1);
                struct bus b;
                struct match_query q = {.message = m, .sender = &b.peers[1].names};

                bus_init(&b);
                for (unsigned k = 0; k < 41; k++) {
                        char *name = g_strdup_printf("x.n%u", k);
                        char *rule = g_strdup_printf("sender=%s,member=Other", name);

                        own(&b, 1, name);
                        add(&b, 0, rule);
                        g_free(name);
                        g_free(rule);
                }
                for (unsigned k = 0; k < PEERS; k++)
                        add(&b, k, ways[i].rule);
                fail_alloc_after(0);
                g_assert_cmpint(match_lookup(b.rules, &q, match_next_query(), &b.found), ==,
                                -ENOMEM);
                g_assert_true(fail_alloc_end());
                g_assert_cmpuint(b.found.n, ==, 0);
                g_assert_cmpint(match_lookup(b.rules, &q, match_next_query(), &b.found), ==, 0);
                g_assert_cmpuint(b.found.n, ==, PEERS);
                bus_deinit(&b);
                message_unref(m);
        }
}

/* ---- cost: with -m perf ---- */

enum { VARIANTS = 1024 };

/* Of messages that differ in each value, so that not the same buckets are hot all the time. The
 * best of some rounds: the others were disturbed. */
static double nanoseconds_a_lookup(struct bus *b, struct message *const *messages)
{
        struct match_query q = {.sender = &b->peers[1].names};
        gint64 best = G_MAXINT64;

        for (unsigned round = 0; round < 200; round++) {
                gint64 start = g_get_monotonic_time();

                for (unsigned i = 0; i < VARIANTS; i++) {
                        q.message = messages[i];
                        b->found.n = 0;
                        match_lookup(b->rules, &q, match_next_query(), &b->found);
                }
                best = MIN(best, g_get_monotonic_time() - start);
                g_assert_cmpuint(b->found.n, ==, 0);
        }
        return (double)best * 1000 / VARIANTS;
}

static void make_variants(struct message **messages)
{
        for (unsigned i = 0; i < VARIANTS; i++) {
                char *path = g_strdup_printf("/a/b/c%u", i);
                char *member = g_strdup_printf("N%u", i);
                char *first = g_strdup_printf("a.b.c%u", i);
                char *second = g_strdup_printf("t%u", i);
                const struct message_spec spec = {
                        .type = MESSAGE_SIGNAL, .path = path, .interface = "a.b", .member = member};

                messages[i] = make(&spec, (struct arg[]){{'s', first}, {'s', second}}, 2);
                g_free(path);
                g_free(member);
                g_free(first);
                g_free(second);
        }
}

static void test_cost_of_others(void)
{
        static const char *const shapes[] = {
                "type='signal',member='M%u'",
                "type='signal',interface='a.b',path='/a/b/p%u'",
                "type='signal',interface='a.b',path_namespace='/a/b/p%u'",
                "type='signal',interface='a.b',arg0='s%u'",
                "type='signal',interface='a.b',arg1='s%u'",
                "type='signal',interface='a.b',arg0namespace='a.b.n%u'",
                "type='signal',interface='a.b',arg0path='/a/b/n%u/'",
                "type='signal',interface='a.b',sender=':2.%u'",
                "type='signal',interface='a.b',sender='x.n%u'",
        };
        struct message *messages[VARIANTS];

        make_variants(messages);
        for (size_t i = 0; i < G_N_ELEMENTS(shapes); i++) {
                double with_one = 0, with_many = 0;
                struct bus b;

                bus_init(&b);
                for (unsigned n = 0; n < 262144; n++) {
                        char *rule = g_strdup_printf(shapes[i], n);

                        add(&b, n % PEERS, rule);
                        g_free(rule);
                        if (n == 0)
                                with_one = nanoseconds_a_lookup(&b, messages);
                }
                with_many = nanoseconds_a_lookup(&b, messages);
                g_test_minimized_result(with_many, "%s: %.1f ns with 1 rule, %.1f ns with 262144",
                                        shapes[i], with_one, with_many);
                bus_deinit(&b);
        }
        for (unsigned i = 0; i < VARIANTS; i++)
                message_unref(messages[i]);
}

static void test_cost_of_receivers(void)
{
        enum { RECEIVERS = 128, LOOKUPS = 100 };
        struct message *m = make(&plain_signal, NULL, 0);
        struct match_query q = {.message = m};
        struct match_owner *owners = g_new(struct match_owner, RECEIVERS * 8);
        gint64 best = G_MAXINT64;
        struct bus b;

        bus_init(&b);
        for (unsigned i = 0; i < RECEIVERS; i++) {
                match_owner_init(&owners[i * 8]); /* as far apart as in connections */
                g_assert_cmpint(match_add(b.rules, &owners[i * 8],
                                          parse("type='signal',interface='a.b',member='M'")),
                                ==, 0);
        }
        for (unsigned round = 0; round < 1000; round++) {
                gint64 start = g_get_monotonic_time();

                for (unsigned i = 0; i < LOOKUPS; i++) {
                        b.found.n = 0;
                        match_lookup(b.rules, &q, match_next_query(), &b.found);
                }
                best = MIN(best, g_get_monotonic_time() - start);
                g_assert_cmpuint(b.found.n, ==, RECEIVERS);
        }
        g_test_minimized_result((double)best * 1000 / LOOKUPS, "%.1f ns for 128 receivers",
                                (double)best * 1000 / LOOKUPS);
        for (unsigned i = 0; i < RECEIVERS; i++)
                match_remove_all(b.rules, &owners[i * 8]);
        bus_deinit(&b);
        g_free(owners);
        message_unref(m);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/match/arg-path", test_arg_path);
        g_test_add_func("/match/args", test_args);
        g_test_add_func("/match/high-args", test_high_args);
        g_test_add_func("/match/header", test_header);
        g_test_add_func("/match/names", test_names);
        g_test_add_func("/match/many-names", test_many_names);
        g_test_add_func("/match/deep", test_deep);
        g_test_add_func("/match/found-once", test_found_once);
        g_test_add_func("/match/remove", test_remove);
        g_test_add_func("/match/remove-unique", test_remove_unique);
        g_test_add_func("/match/heirs", test_heirs);
        g_test_add_func("/match/random", test_random);
        g_test_add_data_func("/match/no-memory/well-known",
                             "sender=a.b,destination=c.d,type=signal", test_no_memory);
        g_test_add_data_func("/match/no-memory/unique", "sender=:1.1,destination=:1.2",
                             test_no_memory);
        g_test_add_data_func("/match/no-memory/both", "sender=a.b,destination=:1.2",
                             test_no_memory);
        g_test_add_func("/match/no-memory-for-found", test_no_memory_for_found);
        if (g_test_perf()) {
                g_test_add_func("/match/cost-of-others", test_cost_of_others);
                g_test_add_func("/match/cost-of-receivers", test_cost_of_receivers);
        }
        return g_test_run();
}
