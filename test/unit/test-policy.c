/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "bus/policy.h"
#include "fail-alloc.h"
#include "policy-fixture.h"

/* A rule and where it stands: what a test's policy is made of. */
struct placed_rule {
        enum policy_scope scope;
        uint32_t id;
        struct policy_rule rule; /* texts are borrowed */
};

static void copy_texts(struct policy_rule *to, const struct policy_rule *from)
{
        to->name = g_strdup(from->name);
        to->path = g_strdup(from->path);
        to->interface = g_strdup(from->interface);
        to->member = g_strdup(from->member);
        to->error_name = g_strdup(from->error_name);
}

static struct policy *make_policy(const struct placed_rule *rules, size_t n)
{
        struct policy *p;

        g_assert_cmpint(policy_new(&p), ==, 0);
        for (size_t i = 0; i < n; i++) {
                struct policy_rule *rule;

                g_assert_cmpint(policy_rule_new(&rule, rules[i].rule.kind, true), ==, 0);
                *rule = rules[i].rule;
                copy_texts(rule, &rules[i].rule);
                g_assert_cmpint(policy_append(p, rules[i].scope, rules[i].id, rule), ==, 0);
        }
        return p;
}

/* A rule as policy_rule_new() makes it. */
static struct policy_rule plain_rule(enum policy_kind kind, bool allow)
{
        return (struct policy_rule){
                .kind = kind,
                .allow = allow,
                .requested_reply = POLICY_ANY,
                .eavesdrop = POLICY_ANY,
                .broadcast = POLICY_ANY,
                .max_fds = UINT32_MAX,
        };
}

static struct policy_view *view_of(struct policy *p, const struct credentials *who, bool at_console)
{
        struct policy_view *v;

        g_assert_cmpint(policy_view_get(p, who, at_console, &v), ==, 0);
        return v;
}

/*
 * The plain evaluator: no index, no views, the rules of dbus-daemon(1) one after the other. What
 * the manual does not say is in the comment of bus/policy.h.
 */

struct plain {
        const struct placed_rule *rules;
        size_t n;
        const struct credentials *who;
        bool at_console;
        struct name_registry *names;
};

static bool in_group(const struct credentials *who, uint32_t gid)
{
        for (size_t i = 0; i < who->n_groups; i++) {
                if (who->groups[i] == gid)
                        return true;
        }
        return false;
}

static bool plain_applies(const struct plain *e, const struct placed_rule *r)
{
        if (r->scope == POLICY_DEFAULT || r->scope == POLICY_MANDATORY)
                return true;
        if (!e->who->has_uid)
                return false;
        if (r->scope == POLICY_GROUP)
                return in_group(e->who, r->id);
        if (r->scope == POLICY_USER)
                return r->id == e->who->uid;
        return (r->scope == POLICY_AT_CONSOLE) == e->at_console;
}

static gint by_scope(gconstpointer a, gconstpointer b)
{
        const struct placed_rule *x = *(const struct placed_rule *const *)a,
                                 *y = *(const struct placed_rule *const *)b;

        if (x->scope != y->scope)
                return x->scope < y->scope ? -1 : 1;
        if (x->scope == POLICY_GROUP && x->id != y->id)
                return x->id < y->id ? -1 : 1;
        return x < y ? -1 : x > y; /* both are in one array */
}

/* The rules of a kind that apply, in the order in which they count. */
static GPtrArray *plain_rules(const struct plain *e, enum policy_kind kind)
{
        GPtrArray *all = g_ptr_array_new();

        for (size_t i = 0; i < e->n; i++) {
                if (e->rules[i].rule.kind == kind && plain_applies(e, &e->rules[i]))
                        g_ptr_array_add(all, (gpointer)(uintptr_t)&e->rules[i]);
        }
        g_ptr_array_sort(all, by_scope);
        for (guint i = all->len; i-- > 0;) {
                const struct policy_rule *r =
                        &((const struct placed_rule *)g_ptr_array_index(all, i))->rule;

                if (!r->name && !r->message_type && !r->path && !r->interface && !r->member &&
                    !r->error_name) {
                        if (i)
                                g_ptr_array_remove_range(all, 0, i);
                        break;
                }
        }
        return all;
}

static bool plain_in_namespace(const char *name, const char *prefix)
{
        return g_str_has_prefix(name, prefix) && prefix[0] &&
               (!name[strlen(prefix)] || name[strlen(prefix)] == '.');
}

static bool plain_name_is(const struct policy_rule *r, const char *name)
{
        return name &&
               (r->name_is_prefix ? plain_in_namespace(name, r->name) : !strcmp(name, r->name));
}

static bool plain_name_matches(const struct policy_rule *r, const struct name_owner *who,
                               const char *text)
{
        const struct list *l;

        if (!r->name)
                return true;
        if (!who)
                return plain_name_is(r, text);
        if (plain_name_is(r, who->unique_name))
                return true;
        for (l = who->ownerships.next; l != &who->ownerships; l = l->next) {
                if (plain_name_is(
                            r, container_of(l, const struct name_ownership, of_owner)->name->text))
                        return true;
        }
        return false;
}

static bool plain_text_matches(const char *wanted, const char *there)
{
        return !wanted || !there || !strcmp(wanted, there);
}

static bool plain_matches(const struct policy_rule *r, const struct policy_message *m)
{
        const struct message *msg = m->message;
        const char *interface = message_text(msg, FIELD_INTERFACE);
        const char *destination = message_text(msg, FIELD_DESTINATION);
        bool wants_requested = r->requested_reply == POLICY_ANY ? r->allow : r->requested_reply;
        bool eavesdrop = r->eavesdrop == POLICY_TRUE;
        bool broadcast = msg->header.type == MESSAGE_SIGNAL && !destination;
        bool eavesdropped = m->addressed != m->receiver && destination;

        if (r->message_type && r->message_type != msg->header.type)
                return false;
        if (msg->header.reply_serial) {
                if (r->allow && wants_requested && !m->requested_reply && !eavesdrop)
                        return false;
                if (!r->allow && !wants_requested && m->requested_reply)
                        return false;
        }
        if (r->kind == POLICY_RECEIVE) {
                if (r->allow && eavesdropped && !eavesdrop)
                        return false;
                if (!r->allow && !eavesdropped && eavesdrop)
                        return false;
        } else if (r->broadcast != POLICY_ANY && r->broadcast != broadcast) {
                return false;
        }
        if (r->interface && (interface ? strcmp(interface, r->interface) != 0 : r->allow))
                return false;
        if (!plain_text_matches(r->path, message_text(msg, FIELD_PATH)) ||
            !plain_text_matches(r->member, message_text(msg, FIELD_MEMBER)) ||
            !plain_text_matches(r->error_name, message_text(msg, FIELD_ERROR_NAME)))
                return false;
        if (msg->n_fds < r->min_fds || msg->n_fds > r->max_fds)
                return false;
        return r->kind == POLICY_SEND
                       ? plain_name_matches(r, m->receiver, destination)
                       : plain_name_matches(r, m->sender, message_text(msg, FIELD_SENDER));
}

static struct policy_verdict plain_judge(const struct plain *e, enum policy_kind kind,
                                         const struct policy_message *m)
{
        GPtrArray *rules = plain_rules(e, kind);
        struct policy_verdict v = {0};

        for (guint i = 0; i < rules->len; i++) {
                const struct policy_rule *r =
                        &((const struct placed_rule *)g_ptr_array_index(rules, i))->rule;

                if (!plain_matches(r, m))
                        continue;
                v.allow = r->allow;
                v.log = r->log;
                v.n_matched += 1;
        }
        g_ptr_array_unref(rules);
        if (v.allow && !v.log)
                v.n_matched = 0;
        return v;
}

static bool plain_may_own(const struct plain *e, const char *name)
{
        GPtrArray *rules = plain_rules(e, POLICY_OWN);
        bool allow = false;

        for (guint i = 0; i < rules->len; i++) {
                const struct policy_rule *r =
                        &((const struct placed_rule *)g_ptr_array_index(rules, i))->rule;

                if (plain_name_matches(r, NULL, name))
                        allow = r->allow;
        }
        g_ptr_array_unref(rules);
        return allow;
}

/* Random policies and messages: few words, so that they meet. */

static const char *const name_words[] = {
        "a",
        "a.b",
        "a.b.c",
        "a.b.c.d",
        "a.bc",
        "x.y",
        "x.y.z",
        ":1",
        ":1.0",
        ":1.1",
        ":1.2",
        ":1.1.x",
        "",
        "org.freedesktop.DBus",
        "n.1",
        "n.2",
        "n.3.x",
        "n",
        "org.freedesktop.DBus.X",
};
static const char *const path_words[] = {"/", "/a", "/a/b"};
static const char *const interface_words[] = {"a.b", "i.f", "i.g"};
static const char *const member_words[] = {"M", "N"};
static const char *const error_words[] = {"e.a", "e.b"};

#define PICK(WORDS) (WORDS)[g_test_rand_int_range(0, G_N_ELEMENTS(WORDS))]

static bool chance(int percent)
{
        return g_test_rand_int_range(0, 100) < percent;
}

static char *maybe(int percent, const char *word)
{
        return chance(percent) ? (char *)(uintptr_t)word : NULL;
}

static void random_message_rule(struct policy_rule *r)
{
        if (chance(50))
                r->message_type = (uint8_t)g_test_rand_int_range(0, 5);
        r->path = maybe(20, PICK(path_words));
        r->interface = maybe(25, PICK(interface_words));
        r->member = maybe(15, PICK(member_words));
        r->error_name = maybe(10, PICK(error_words));
        if (chance(25))
                r->requested_reply = g_test_rand_int_range(0, 2);
        if (chance(25))
                r->eavesdrop = g_test_rand_int_range(0, 2);
        if (r->kind == POLICY_SEND && chance(20))
                r->broadcast = g_test_rand_int_range(0, 2);
        if (chance(10))
                r->min_fds = (uint32_t)g_test_rand_int_range(0, 3);
        if (chance(10))
                r->max_fds = (uint32_t)g_test_rand_int_range(0, 3);
}

static void random_rule(struct placed_rule *p)
{
        static const enum policy_kind kinds[] = {POLICY_OWN, POLICY_SEND, POLICY_SEND,
                                                 POLICY_RECEIVE};

        p->scope = (enum policy_scope)g_test_rand_int_range(POLICY_DEFAULT, POLICY_MANDATORY + 1);
        p->id = (uint32_t)g_test_rand_int_range(0, 4);
        p->rule = plain_rule(PICK(kinds), chance(50));
        p->rule.log = chance(10);
        p->rule.name = maybe(55, PICK(name_words));
        p->rule.name_is_prefix = p->rule.name && p->rule.kind != POLICY_RECEIVE && chance(30);
        if (p->rule.kind != POLICY_OWN)
                random_message_rule(&p->rule);
}

static void random_fields(struct message_fields *f)
{
        *f = (struct message_fields){
                .type = (uint8_t)g_test_rand_int_range(1, 6),
                .destination = maybe(80, PICK(name_words)),
                .sender = maybe(90, PICK(name_words)),
                .path = maybe(70, PICK(path_words)),
                .interface = maybe(70, PICK(interface_words)),
                .member = maybe(70, PICK(member_words)),
                .error_name = maybe(30, PICK(error_words)),
                .reply_serial = chance(40) ? 7 : 0,
                .n_fds = chance(30) ? (unsigned)g_test_rand_int_range(0, 4) : 0,
        };
}

static void assert_same(struct policy_verdict a, struct policy_verdict b)
{
        g_assert_cmpint(a.allow, ==, b.allow);
        g_assert_cmpint(a.log, ==, b.log);
        g_assert_cmpuint(a.n_matched, ==, b.n_matched);
}

/* The names of the bus that random messages travel on. */
#define N_OWNERS 4

static void random_names(struct name_registry *names, struct name_owner *owners)
{
        static const char *const unique_names[] = {":1.0", ":1.1", ":1.2", NULL};

        for (unsigned i = 0; i < N_OWNERS; i++) {
                unsigned n = chance(10) ? 40 : (unsigned)g_test_rand_int_range(0, 4);

                owners[i].unique_name = unique_names[i];
                while (n--) {
                        const char *name = PICK(name_words);
                        char *numbered = NULL;

                        if (n > 8)
                                name = numbered = g_strdup_printf("n.%u", n);
                        if (name[0] && name[0] != ':' && strcmp(name, "org.freedesktop.DBus"))
                                test_own(names, &owners[i], name);
                        g_free(numbered);
                }
        }
}

static const struct name_owner *random_owner(struct name_owner *owners)
{
        return chance(25) ? NULL : &owners[g_test_rand_int_range(0, N_OWNERS)];
}

static void compare_message(const struct plain *e, const struct policy_view *v,
                            struct name_owner *owners)
{
        struct message_fields fields;
        struct test_message t;
        struct policy_message m;
        const char *name = PICK(name_words);

        random_fields(&fields);
        test_message_init(&t, &fields);
        m = (struct policy_message){
                .message = &t.message,
                .requested_reply = chance(50),
                .sender = random_owner(owners),
                .addressed = random_owner(owners),
                .receiver = random_owner(owners),
        };
        if (chance(50))
                m.addressed = m.receiver;
        assert_same(policy_may_send(v, &m, e->names), plain_judge(e, POLICY_SEND, &m));
        assert_same(policy_may_receive(v, &m, e->names), plain_judge(e, POLICY_RECEIVE, &m));
        g_assert_cmpint(policy_may_own(v, name, strlen(name)), ==, plain_may_own(e, name));
        test_message_deinit(&t);
}

/* One policy, seen by several connections. */
static void compare_views(struct plain *e, struct policy *p, struct name_owner *owners)
{
        for (unsigned i = 0; i < 3; i++) {
                gid_t groups[3] = {3, 1, 2};
                struct credentials who = {
                        .has_uid = chance(90),
                        .uid = (uid_t)g_test_rand_int_range(0, 4),
                        .has_groups = true,
                        .groups = groups,
                        .n_groups = (size_t)g_test_rand_int_range(0, 4),
                };
                struct policy_view *v;

                e->who = &who;
                e->at_console = chance(50);
                v = view_of(p, &who, e->at_console);
                for (unsigned k = 0; k < 15; k++)
                        compare_message(e, v, owners);
                policy_view_unref(v);
        }
}

static void test_random(void)
{
        for (unsigned round = 0; round < 2500; round++) {
                struct placed_rule rules[40];
                struct name_owner owners[N_OWNERS];
                struct name_registry names;
                struct plain e = {
                        .rules = rules,
                        .n = (size_t)g_test_rand_int_range(0, 41),
                        .names = &names,
                };
                struct policy *p;

                name_registry_init(&names);
                for (unsigned i = 0; i < N_OWNERS; i++)
                        name_owner_init(&owners[i]);
                random_names(&names, owners);
                for (size_t i = 0; i < e.n; i++)
                        random_rule(&rules[i]);
                p = make_policy(rules, e.n);
                compare_views(&e, p, owners);
                policy_free(p);
                for (unsigned i = 0; i < N_OWNERS; i++)
                        test_disown_all(&names, &owners[i]);
                name_registry_deinit(&names);
        }
}

/* Facts that were found out with the reference, one rule behind "everything is allowed". */

struct fact {
        const char *what;
        struct policy_rule rule;
        struct message_fields fields;
        bool requested;
        bool allow;
        unsigned n_matched;
};

/* Kind, requested_reply, eavesdrop, broadcast, and what else is not zero. */
#define RULE(KIND, REQUESTED, EAVESDROP, BROADCAST, ...)                                           \
        {                                                                                          \
                .kind = POLICY_##KIND, .requested_reply = POLICY_##REQUESTED,                      \
                .eavesdrop = POLICY_##EAVESDROP, .broadcast = POLICY_##BROADCAST, __VA_ARGS__      \
        }
#define TEXT(WORD) (char *)(uintptr_t)(WORD)
#define CALL(...)                                                                                  \
        {                                                                                          \
                .type = MESSAGE_METHOD_CALL, .path = "/p", .member = "m", __VA_ARGS__              \
        }

static const struct fact facts[] = {
        {"a path denies a reply without one",
         RULE(SEND, ANY, ANY, ANY, .path = TEXT("/q")),
         {.type = MESSAGE_METHOD_RETURN, .reply_serial = 7},
         false,
         false,
         2},
        {"an interface denies a call without one",
         RULE(SEND, ANY, ANY, ANY, .interface = TEXT("i.g")), CALL(.destination = "x"), false,
         false, 2},
        {"another interface does not", RULE(SEND, ANY, ANY, ANY, .interface = TEXT("i.g")),
         CALL(.destination = "x", .interface = "i.f"), false, true, 0},
        {"an error denies a call", RULE(SEND, ANY, ANY, ANY, .error_name = TEXT("e.x")),
         CALL(.destination = "x"), false, false, 2},
        {"a rule about broadcasts voids all before it", RULE(SEND, ANY, ANY, TRUE, .log = true),
         CALL(.destination = "x"), false, false, 0},
        {"a rule about fds voids all before it", RULE(RECEIVE, ANY, ANY, ANY, .min_fds = 3),
         CALL(.destination = "x"), false, false, 0},
        {"a rule about eavesdropping voids all before it",
         RULE(RECEIVE, ANY, TRUE, ANY, .log = true), CALL(.destination = "x"), false, false, 0},
        {"a rule about a type does not", RULE(SEND, ANY, ANY, ANY, .message_type = MESSAGE_SIGNAL),
         CALL(.destination = "x"), false, true, 0},
        {"a call with a reply serial is a reply",
         RULE(SEND, FALSE, ANY, ANY, .message_type = MESSAGE_METHOD_CALL),
         CALL(.destination = "x", .reply_serial = 7), true, true, 0},
        {"and an unrequested one if nobody waits for it",
         RULE(SEND, FALSE, ANY, ANY, .message_type = MESSAGE_METHOD_CALL),
         CALL(.destination = "x", .reply_serial = 7), false, false, 2},
        {"* is no prefix of all names",
         RULE(SEND, ANY, ANY, ANY, .name = TEXT("*"), .name_is_prefix = true),
         CALL(.destination = "x"), false, true, 0},
        {"a prefix ends at a dot",
         RULE(SEND, ANY, ANY, ANY, .name = TEXT("a.b"), .name_is_prefix = true),
         CALL(.destination = "a.bc"), false, true, 0},
        {"it has all below it",
         RULE(SEND, ANY, ANY, ANY, .name = TEXT("a.b"), .name_is_prefix = true),
         CALL(.destination = "a.b.c"), false, false, 2},
        {"and itself", RULE(SEND, ANY, ANY, ANY, .name = TEXT("a.b"), .name_is_prefix = true),
         CALL(.destination = "a.b"), false, false, 2},
};

static void test_facts(void)
{
        struct credentials who = {0};
        struct name_registry names;

        name_registry_init(&names);
        for (size_t i = 0; i < G_N_ELEMENTS(facts); i++) {
                const struct fact *f = &facts[i];
                struct placed_rule rules[2] = {{.rule = plain_rule(f->rule.kind, true)},
                                               {.rule = f->rule}};
                struct policy *p;
                struct policy_view *v;
                struct test_message t;
                struct policy_message m = {.message = &t.message, .requested_reply = f->requested};
                struct policy_verdict verdict;

                g_test_message("%s", f->what);
                rules[0].rule.eavesdrop = POLICY_TRUE;
                rules[1].rule.max_fds = UINT32_MAX;
                p = make_policy(rules, 2);
                v = view_of(p, &who, false);
                test_message_init(&t, &f->fields);
                verdict = f->rule.kind == POLICY_SEND ? policy_may_send(v, &m, &names)
                                                      : policy_may_receive(v, &m, &names);
                g_assert_cmpint(verdict.allow, ==, f->allow);
                g_assert_cmpuint(verdict.n_matched, ==, f->n_matched);
                test_message_deinit(&t);
                policy_view_unref(v);
                policy_free(p);
        }
        name_registry_deinit(&names);
}

/* <deny> and <allow> about one name: queued owners are meant, former ones are not. */
static void test_names(void)
{
        struct placed_rule rules[2] = {{.rule = plain_rule(POLICY_SEND, true)},
                                       {.rule = plain_rule(POLICY_SEND, false)}};
        struct credentials who = {0};
        struct name_owner first, second, third;
        struct name_registry names;
        struct test_message t;
        struct message_fields fields = CALL(.destination = ":1.2");
        struct policy_message m = {.message = &t.message};
        struct policy_view *v;
        struct policy *p;

        rules[1].rule.name = TEXT("a.b");
        name_registry_init(&names);
        name_owner_init(&first);
        name_owner_init(&second);
        name_owner_init(&third);
        p = make_policy(rules, 2);
        v = view_of(p, &who, false);
        test_message_init(&t, &fields);
        test_own(&names, &first, "a.b");
        test_own(&names, &second, "a.b");
        test_own(&names, &third, "a.c");

        m.receiver = &first;
        g_assert_false(policy_may_send(v, &m, &names).allow);
        m.receiver = &second;
        g_assert_false(policy_may_send(v, &m, &names).allow);
        m.receiver = &third;
        g_assert_true(policy_may_send(v, &m, &names).allow);
        test_disown_all(&names, &second);
        m.receiver = &second;
        g_assert_true(policy_may_send(v, &m, &names).allow);

        test_message_deinit(&t);
        test_disown_all(&names, &first);
        test_disown_all(&names, &third);
        policy_view_unref(v);
        policy_free(p);
        name_registry_deinit(&names);
}

/* Who may connect: uid 0 is in every user database, 4123456789 in none. */

static struct policy_rule connect_rule(bool allow)
{
        return plain_rule(POLICY_CONNECT, allow);
}

static bool may_connect(const struct placed_rule *rules, size_t n, uid_t uid, uid_t bus_uid)
{
        struct policy *p = make_policy(rules, n);
        struct credentials who = {.has_uid = true, .uid = uid};
        bool first = policy_may_connect(p, &who, bus_uid);

        /* The second time from memory. */
        g_assert_cmpint(policy_may_connect(p, &who, bus_uid), ==, first);
        policy_free(p);
        return first;
}

static void test_connect(void)
{
        struct placed_rule any = {.rule = connect_rule(true)}, none = {.rule = connect_rule(false)},
                           root = {.rule = connect_rule(true)},
                           group = {.rule = connect_rule(true)};
        struct placed_rule list[2];

        any.rule.any_user = true;
        none.rule.any_group = true;
        root.rule.by_user = true;
        group.rule.by_group = true;

        g_assert_true(may_connect(NULL, 0, 0, 0));
        g_assert_false(may_connect(NULL, 0, 0, 1000));
        g_assert_true(may_connect(&any, 1, 0, 1000));
        g_assert_false(may_connect(&none, 1, 0, 0));
        g_assert_true(may_connect(&root, 1, 0, 1000));
        g_assert_true(may_connect(&group, 1, 0, 1000));
        root.rule.uid = 1;
        group.rule.gid = 4123456789;
        g_assert_false(may_connect(&root, 1, 0, 1000));
        g_assert_false(may_connect(&group, 1, 0, 1000));
        g_assert_false(may_connect(&any, 1, 4123456789, 4123456789));

        list[0] = any;
        list[0].scope = POLICY_MANDATORY;
        list[1] = none;
        g_assert_true(may_connect(list, 2, 0, 0));
        list[0].scope = POLICY_DEFAULT;
        g_assert_false(may_connect(list, 2, 0, 0));
        /* Only these two scopes count. */
        any.scope = POLICY_AT_CONSOLE;
        g_assert_false(may_connect(&any, 1, 0, 1000));
}

static void test_connect_anonymous(void)
{
        struct placed_rule any = {.rule = connect_rule(true)};
        struct credentials who = {0};
        struct policy *p;

        any.rule.any_user = true;
        p = make_policy(&any, 1);
        g_assert_false(policy_may_connect(p, &who, 0));
        policy_free(p);
}

/* Without groups in the credentials the database is asked: root is in group 0. */
static void test_groups_from_database(void)
{
        struct placed_rule own = {.scope = POLICY_GROUP, .rule = plain_rule(POLICY_OWN, true)};
        struct credentials who = {.has_uid = true};
        struct policy *p = make_policy(&own, 1);
        struct policy_view *v = view_of(p, &who, false);

        g_assert_true(policy_may_own(v, "a.b", 3));
        policy_view_unref(v);
        who.has_groups = true;
        v = view_of(p, &who, false);
        g_assert_false(policy_may_own(v, "a.b", 3));
        policy_view_unref(v);
        who.has_gid = true;
        v = view_of(p, &who, false);
        g_assert_true(policy_may_own(v, "a.b", 3));
        policy_view_unref(v);
        who = (struct credentials){.has_uid = true, .uid = 4123456789};
        v = view_of(p, &who, false);
        g_assert_false(policy_may_own(v, "a.b", 3));
        policy_view_unref(v);
        policy_free(p);
}

static void test_sharing(void)
{
        struct placed_rule rules[] = {
                {.scope = POLICY_USER, .id = 7, .rule = plain_rule(POLICY_OWN, true)},
                {.scope = POLICY_GROUP, .id = 8, .rule = plain_rule(POLICY_OWN, true)},
        };
        gid_t groups[] = {8, 9, 8};
        struct credentials one = {
                .has_uid = true, .uid = 1, .has_groups = true, .groups = groups, .n_groups = 1};
        struct credentials two = {
                .has_uid = true, .uid = 2, .has_groups = true, .groups = groups, .n_groups = 3};
        struct policy *p = make_policy(rules, 2);
        struct policy_view *v = view_of(p, &one, false), *w = view_of(p, &two, true);

        /* Neither users 1 and 2, nor group 9, nor the console make a difference. */
        g_assert_true(v == w);
        policy_view_unref(w);
        two.uid = 7;
        w = view_of(p, &two, false);
        g_assert_true(v != w);
        policy_view_unref(w);
        policy_view_unref(v);
        policy_free(p);
}

/* A view that nobody uses is there for the next: getting it takes no memory. */
static void test_idle_view(void)
{
        struct placed_rule rule = {.scope = POLICY_USER, .rule = plain_rule(POLICY_OWN, true)};
        struct credentials who = {.has_uid = true};
        struct policy *p;
        struct policy_view *v;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("the sanitizer has malloc() to itself");
                return;
        }
        p = make_policy(&rule, 1);
        policy_view_unref(view_of(p, &who, false));
        fail_alloc_after(0);
        g_assert_cmpint(policy_view_get(p, &who, false, &v), ==, 0);
        g_assert_false(fail_alloc_end());
        policy_view_unref(v);
        policy_free(p);
}

/* A view outlives its policy, and many idle ones do not pile up (see with valgrind). */
static void test_lifetime(void)
{
        struct placed_rule rules[64];
        struct policy_view *views[64];
        struct policy *p;

        for (unsigned i = 0; i < 64; i++)
                rules[i] = (struct placed_rule){
                        .scope = POLICY_USER,
                        .id = i,
                        .rule = plain_rule(POLICY_OWN, i % 2),
                };
        p = make_policy(rules, 64);
        for (unsigned i = 0; i < 64; i++) {
                struct credentials who = {.has_uid = true, .uid = i, .has_groups = true};

                views[i] = view_of(p, &who, false);
        }
        for (unsigned i = 0; i < 32; i++)
                g_assert_null(policy_view_unref(views[i]));
        g_assert_null(policy_free(p));
        for (unsigned i = 32; i < 64; i++) {
                g_assert_cmpint(policy_may_own(views[i], "a.b", 3), ==, i % 2);
                policy_view_unref(views[i]);
        }
        g_assert_null(policy_view_unref(NULL));
        g_assert_null(policy_free(NULL));
}

static void test_merge(void)
{
        struct placed_rule a[] = {
                {.scope = POLICY_DEFAULT, .rule = plain_rule(POLICY_OWN, true)},
                {.scope = POLICY_USER, .id = 5, .rule = plain_rule(POLICY_OWN, true)},
        };
        struct placed_rule b[] = {
                {.scope = POLICY_DEFAULT, .rule = plain_rule(POLICY_OWN, false)},
                {.scope = POLICY_USER, .id = 4, .rule = plain_rule(POLICY_OWN, true)},
        };
        struct policy *p = make_policy(a, 2), *q = make_policy(b, 2);
        static const bool expected[] = {[3] = false, [4] = true, [5] = true};

        g_assert_cmpint(policy_merge(p, q), ==, 0);
        policy_free(q);
        for (uid_t uid = 3; uid <= 5; uid++) {
                struct credentials who = {.has_uid = true, .uid = uid, .has_groups = true};
                struct policy_view *v = view_of(p, &who, false);

                g_assert_cmpint(policy_may_own(v, "a.b", 3), ==, expected[uid]);
                policy_view_unref(v);
        }
        policy_free(p);
}

/* At the end of a walk over failing allocations: there were some, unless valgrind has malloc(). */
static void assert_walked(unsigned n)
{
        if (n)
                g_assert_cmpuint(n, >, 2);
        else
                g_test_skip("no allocation can be made to fail");
}

static void test_allocation_failures(void)
{
        struct placed_rule rules[12];
        gid_t groups[] = {1, 2};
        struct credentials who = {
                .has_uid = true, .uid = 1, .has_groups = true, .groups = groups, .n_groups = 2};
        struct policy *p;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("the sanitizer has malloc() to itself");
                return;
        }
        for (unsigned i = 0; i < G_N_ELEMENTS(rules); i++) {
                rules[i] = (struct placed_rule){
                        .scope = (enum policy_scope)(i % 6),
                        .id = 1 + i / 6,
                        .rule = plain_rule(POLICY_OWN + i % 3, true),
                };
                rules[i].rule.name = maybe(100, i % 2 ? "a.b" : NULL);
                rules[i].rule.name_is_prefix = i % 4 == 1;
        }
        p = make_policy(rules, G_N_ELEMENTS(rules));
        for (unsigned n = 0;; n++) {
                struct policy_view *v = NULL;
                int r;

                fail_alloc_after(n);
                r = policy_view_get(p, &who, true, &v);
                if (!fail_alloc_end()) {
                        g_assert_cmpint(r, ==, 0);
                        assert_walked(n);
                        policy_view_unref(v);
                        break;
                }
                g_assert_cmpint(r, ==, -ENOMEM);
        }
        policy_free(p);
}

static void test_allocation_failures_of_rules(void)
{
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("the sanitizer has malloc() to itself");
                return;
        }
        for (unsigned n = 0;; n++) {
                struct policy *p = NULL, *q = NULL;
                struct policy_rule *rule = NULL;
                int r;

                fail_alloc_after(n);
                r = policy_new(&p);
                if (!r)
                        r = policy_new(&q);
                if (!r)
                        r = policy_rule_new(&rule, POLICY_OWN, true);
                if (!r)
                        r = policy_append(q, POLICY_USER, 1, rule);
                if (!r) {
                        rule = NULL;
                        r = policy_merge(p, q);
                }
                if (!fail_alloc_end()) {
                        g_assert_cmpint(r, ==, 0);
                        assert_walked(n);
                        n = UINT_MAX - 1;
                } else {
                        g_assert_cmpint(r, ==, -ENOMEM);
                }
                policy_rule_free(rule);
                policy_free(p);
                policy_free(q);
                if (n == UINT_MAX - 1)
                        break;
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/policy/random", test_random);
        g_test_add_func("/policy/facts", test_facts);
        g_test_add_func("/policy/names", test_names);
        g_test_add_func("/policy/connect", test_connect);
        g_test_add_func("/policy/connect-anonymous", test_connect_anonymous);
        g_test_add_func("/policy/groups-from-database", test_groups_from_database);
        g_test_add_func("/policy/sharing", test_sharing);
        g_test_add_func("/policy/idle-view", test_idle_view);
        g_test_add_func("/policy/lifetime", test_lifetime);
        g_test_add_func("/policy/merge", test_merge);
        g_test_add_func("/policy/allocation-failures", test_allocation_failures);
        g_test_add_func("/policy/allocation-failures-of-rules", test_allocation_failures_of_rules);
        return g_test_run();
}
