/* SPDX-License-Identifier: MIT */
/*
 * What crosses a link is what the bus would have passed on: random policies, pairs and messages.
 */
#include "bus/policy-pair.h"
#include "core/reader.h"
#include "core/writer.h"
#include "link/link.h"
#include "link/rules.h"
#include "policy-fixture.h"

#define N_RULES    14
#define N_POLICIES 3000
#define N_MESSAGES 60

static const char *const names[] = {"org.a", "org.a.b", "org.c"};
static const char *const interfaces[] = {NULL, "org.a.One", "org.a.Two"};
static const char *const members[] = {NULL, "First", "Second"};
static const char *const paths[] = {NULL, "/a", "/b"};
static const char *const errors[] = {NULL, "org.a.Error.One", "org.a.Error.Two"};

static const char *one_of(GRand *r, const char *const *texts, int n)
{
        return texts[g_rand_int_range(r, 0, n)];
}

#define ONE_OF(r, texts) one_of(r, texts, G_N_ELEMENTS(texts))

static int tristate(GRand *r)
{
        return g_rand_int_range(r, 0, 4) ? POLICY_ANY : g_rand_boolean(r);
}

/* Few attributes each, so that rules apply now and then. */
static struct policy_rule *random_rule(GRand *r, bool logs)
{
        enum policy_kind kind = g_rand_boolean(r) ? POLICY_SEND : POLICY_RECEIVE;
        struct policy_rule *rule;

        g_assert_cmpint(policy_rule_new(&rule, kind, g_rand_int_range(r, 0, 3) > 0), ==, 0);
        rule->log = logs && !g_rand_int_range(r, 0, 6);
        if (!g_rand_int_range(r, 0, 3)) {
                rule->name = strdup(ONE_OF(r, names));
                rule->name_is_prefix = kind == POLICY_SEND && g_rand_boolean(r);
        }
        if (!g_rand_int_range(r, 0, 3))
                rule->message_type = (uint8_t)g_rand_int_range(r, 1, 5);
        if (g_rand_boolean(r))
                rule->interface = g_strdup(ONE_OF(r, interfaces));
        if (!g_rand_int_range(r, 0, 3))
                rule->member = g_strdup(ONE_OF(r, members));
        if (!g_rand_int_range(r, 0, 4))
                rule->path = g_strdup(ONE_OF(r, paths));
        if (!g_rand_int_range(r, 0, 5))
                rule->error_name = g_strdup(ONE_OF(r, errors));
        rule->requested_reply = tristate(r);
        rule->eavesdrop = tristate(r);
        rule->broadcast = kind == POLICY_SEND ? tristate(r) : POLICY_ANY;
        if (!g_rand_int_range(r, 0, 5)) {
                rule->min_fds = (uint32_t)g_rand_int_range(r, 0, 3);
                rule->max_fds = rule->min_fds + (uint32_t)g_rand_int_range(r, 0, 2);
        }
        return rule;
}

static struct policy_view *random_view(GRand *r, bool logs)
{
        const struct credentials who = {0};
        int n = g_rand_int_range(r, 0, N_RULES);
        struct policy_view *v;
        struct policy *p;

        g_assert_cmpint(policy_new(&p), ==, 0);
        while (n--)
                g_assert_cmpint(policy_append(p,
                                              g_rand_boolean(r) ? POLICY_DEFAULT : POLICY_MANDATORY,
                                              0, random_rule(r, logs)),
                                ==, 0);
        g_assert_cmpint(policy_view_get(p, &who, false, &v), ==, 0);
        policy_free(p);
        return v;
}

static void random_names(GRand *r, struct name_registry *registry, struct name_owner *o)
{
        for (size_t i = 0; i < G_N_ELEMENTS(names); ++i) {
                if (!g_rand_int_range(r, 0, 3))
                        test_own(registry, o, names[i]);
        }
}

/* One that may be looked at for a link: calls and signals are no replies. */
static struct message_fields random_message(GRand *r)
{
        struct message_fields f = {
                .type = (uint8_t)g_rand_int_range(r, 1, 5),
                .destination = ":1.2",
                .path = ONE_OF(r, paths),
                .interface = ONE_OF(r, interfaces),
                .member = ONE_OF(r, members),
                .n_fds = (unsigned)g_rand_int_range(r, 0, 4),
        };

        if (f.type == MESSAGE_ERROR)
                f.error_name = ONE_OF(r, errors);
        if (f.type == MESSAGE_ERROR || f.type == MESSAGE_METHOD_RETURN)
                f.reply_serial = 1;
        return f;
}

/* Writes them as the bus does, and reads them as a client does. */
static void pass_on(const struct link_rules *rules, struct link_rules *read)
{
        const struct message_spec spec = {
                .type = MESSAGE_SIGNAL,
                .serial = 1,
                .path = "/a",
                .interface = "org.a.One",
                .member = "Rules",
                .signature = LINK_RULES_TYPE,
        };
        struct message *m;
        struct reader from;
        struct writer w;

        writer_begin(&w, &spec);
        link_rules_write(rules, &w);
        g_assert_cmpint(writer_end(&w, &m), ==, 0);
        reader_init(&from, m);
        g_assert_cmpint(link_rules_read(read, &from), ==, 0);
        message_unref(m);
        g_assert_true(link_rules_equal(rules, read));
}

struct pair {
        struct name_registry names;
        struct name_owner from, to;
        struct policy_view *sender, *receiver;
        struct link_rules send, receive;
        bool logs; /* some rules do */
};

/* A rule that is logged is the bus's to follow, so what it allows does not cross. If it gives an
 * interface, nor do messages without one: as a rule that forbids, it applies to them. */
static void check_verdict(const struct link_rules *rules, const struct test_message *t,
                          struct policy_verdict verdict, bool is_exact)
{
        bool crosses = link_rules_allow(rules, &t->message.header, t->message.bytes),
             may = verdict.allow && !verdict.log;

        if (crosses || is_exact)
                g_assert_cmpint(crosses, ==, may);
}

static void check_message(struct pair *p, const struct message_fields *f)
{
        struct test_message t;
        struct policy_message m;
        struct policy_verdict send, receive;

        test_message_init(&t, f);
        m = (struct policy_message){
                .message = &t.message,
                .requested_reply = f->reply_serial != 0,
                .sender = &p->from,
                .addressed = &p->to,
                .receiver = &p->to,
        };
        send = policy_may_send(p->sender, &m, &p->names);
        receive = policy_may_receive(p->receiver, &m, &p->names);
        check_verdict(&p->send, &t, send, !p->logs || f->interface);
        check_verdict(&p->receive, &t, receive, !p->logs || f->interface);
        if (policy_pair_forbids_all(&p->send))
                g_assert_false(send.allow && !send.log && !p->logs);
        test_message_deinit(&t);
}

static void test_random(void)
{
        GRand *r = g_rand_new_with_seed((guint32)g_test_rand_int());

        for (unsigned i = 0; i < N_POLICIES; ++i) {
                struct pair p;
                struct link_rules made[2];

                p.logs = i % 2;
                name_registry_init(&p.names);
                name_owner_init(&p.from);
                name_owner_init(&p.to);
                random_names(r, &p.names, &p.from);
                random_names(r, &p.names, &p.to);
                p.sender = random_view(r, p.logs);
                p.receiver = random_view(r, p.logs);
                g_assert_cmpint(policy_pair_send(p.sender, &p.to, &p.names, &made[0]), ==, 0);
                g_assert_cmpint(policy_pair_receive(p.receiver, &p.from, &p.names, &made[1]), ==,
                                0);
                pass_on(&made[0], &p.send);
                pass_on(&made[1], &p.receive);
                for (unsigned j = 0; j < N_MESSAGES; ++j) {
                        struct message_fields f = random_message(r);

                        check_message(&p, &f);
                }
                link_rules_deinit(&made[0]);
                link_rules_deinit(&made[1]);
                link_rules_deinit(&p.send);
                link_rules_deinit(&p.receive);
                policy_view_unref(p.sender);
                policy_view_unref(p.receiver);
                test_disown_all(&p.names, &p.from);
                test_disown_all(&p.names, &p.to);
                name_registry_deinit(&p.names);
        }
        g_rand_free(r);
}

static bool allows(const struct link_rule *rules, size_t n, const struct message_fields *f)
{
        const struct link_rules list = {.rules = (struct link_rule *)(uintptr_t)rules, .n = n};
        struct test_message t;
        bool allowed;

        test_message_init(&t, f);
        allowed = link_rules_allow(&list, &t.message.header, t.message.bytes);
        test_message_deinit(&t);
        return allowed;
}

/* Without a rule nothing crosses; the last that applies decides. */
static void test_order(void)
{
        const struct link_rule rules[] = {
                link_rule_anything,
                {.type = MESSAGE_SIGNAL, .max_fds = UINT32_MAX},
                {.allow = true, .member = "First", .max_fds = 2},
        };
        const struct message_fields call = {.type = MESSAGE_METHOD_CALL, .member = "Second"},
                                    signal = {.type = MESSAGE_SIGNAL, .member = "Second"},
                                    first = {.type = MESSAGE_SIGNAL, .member = "First"},
                                    many = {.type = MESSAGE_SIGNAL, .member = "First", .n_fds = 3},
                                    none = {.type = MESSAGE_SIGNAL};

        g_assert_false(allows(rules, 0, &call));
        g_assert_true(allows(rules, 3, &call));
        g_assert_false(allows(rules, 3, &signal));
        g_assert_true(allows(rules, 3, &first));
        g_assert_false(allows(rules, 3, &many));
        g_assert_true(allows(rules, 3, &none));
}

/* A message without an interface may be of any. */
static void test_no_interface(void)
{
        const struct link_rule deny[] = {link_rule_anything,
                                         {.interface = "org.a.One", .max_fds = UINT32_MAX}},
                               allow[] = {{.allow = true,
                                           .interface = "org.a.One",
                                           .max_fds = UINT32_MAX}};
        const struct message_fields without = {.type = MESSAGE_METHOD_CALL, .member = "First"};

        g_assert_false(allows(deny, 2, &without));
        g_assert_false(allows(allow, 1, &without));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-rules/random", test_random);
        g_test_add_func("/link-rules/order", test_order);
        g_test_add_func("/link-rules/no-interface", test_no_interface);
        return g_test_run();
}
