/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "bus/match-rule.h"
#include "fail-alloc.h"

static struct match_rule *parse(const char *text)
{
        struct match_rule *rule = NULL;
        char *error = NULL;
        int r = match_rule_new(&rule, text, strlen(text), &error);

        if (r)
                g_error("'%s' is refused: %s", text, error);
        g_assert_null(error);
        return rule;
}

/* Rules that the reference takes, and how it tells them (GetAllMatchRules). */
static const struct {
        const char *text, *told;
} valid[] = {
        {"", ""},
        {"  \t", ""},
        {"type='signal'", "type='signal'"},
        {"type=signal", "type='signal'"},
        {"type=sig'n'al", "type='signal'"},
        {"type='method_call'", "type='method_call'"},
        {"type='method_return'", "type='method_return'"},
        {"type='error'", "type='error'"},
        {"type='signal',", "type='signal'"},
        {"type='signal', \t", "type='signal'"},
        {" \t\r\ntype \n='signal'", "type='signal'"},
        {"sender=':1.1'", "sender=':1.1'"},
        {"sender='org.freedesktop.DBus'", "sender='org.freedesktop.DBus'"},
        {"sender=':'", "sender=':'"},
        {"destination='a.b'", "destination='a.b'"},
        {"interface='org.freedesktop.DBus.Local'", "interface='org.freedesktop.DBus.Local'"},
        {"path='/'", "path='/'"},
        {"path_namespace='/a'", "path_namespace='/a'"},
        {"arg0=''", "arg0=''"},
        {"arg0=,arg1=", "arg0='',arg1=''"},
        {"arg63='a',arg1path='/',arg0namespace='a'", "arg0namespace='a',arg1path='/',arg63='a'"},
        {"arg0namespace=':'", "arg0namespace=':'"},
        {"arg0namespace='a-b'", "arg0namespace='a-b'"},
        {"eavesdrop='true'", "eavesdrop='true'"},
        {"eavesdrop='true',eavesdrop='false'", ""},
        {"arg1=a,arg0=b,type=signal,member=c,interface=a.b,path=/a,sender=a.b,"
         "destination=:1.1,eavesdrop=true",
         "type='signal',interface='a.b',member='c',path='/a',sender='a.b',destination=':1.1',"
         "eavesdrop='true',arg0='b',arg1='a'"},

        /* The number of an argument is what strtoul() takes. */
        {"arg00='a'", "arg0='a'"},
        {"arg+1='a'", "arg1='a'"},
        {"arg010='a'", "arg8='a'"},
        {"arg0x3f='a'", "arg63='a'"},
        {"arg\v1path='a'", "arg1path='a'"},
        {"arg-18446744073709551615='a'", "arg1='a'"},

        /* Quotes and backslashes. */
        {"arg0=  x ", "arg0='  x '"},
        {"arg0='a'='b'", "arg0='a=b'"},
        {"arg0='a'b'c'", "arg0='abc'"},
        {"arg0=','", "arg0=','"},
        {"arg0='\\'", "arg0='\\'"},
        {"arg0='\\\\'", "arg0='\\\\'"},
        {"arg0=\\'", "arg0=''\\'''"},
        {"arg0=\\", "arg0='\\'"},
        {"arg0=\\\\", "arg0='\\\\'"},
        {"arg0=a\\b", "arg0='a\\b'"},
        {"arg0=a\\'b", "arg0='a'\\''b'"},
        {"arg0='a'\\''b'", "arg0='a'\\''b'"},
        {"arg0=\\\\'x'", "arg0='\\\\x'"},
        {"arg0=\\\\\\'", "arg0='\\\\'\\'''"},
        {"arg0=',',arg1=\\,arg2='x'", "arg0=',',arg1='\\,arg2=x'"},
        {"arg0=\\\\,arg1=b", "arg0='\\\\',arg1='b'"},

        /* An empty key ends a rule; what follows is not looked at. */
        {"=", ""},
        {"='x", ""},
        {"type='signal',=,foo='x'", "type='signal'"},
};

static void test_valid(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(valid); i++) {
                struct match_rule *rule = parse(valid[i].text), *again;
                char *told = match_rule_text(rule);

                g_assert_cmpstr(told, ==, valid[i].told);
                again = parse(told);
                g_assert_true(match_rule_equal(rule, again));
                match_rule_free(rule);
                match_rule_free(again);
                free(told);
        }
}

/* Rules that the reference refuses, and its texts. */
static const struct {
        const char *text, *error;
} faulty[] = {
        {"a", "Match rule has a key with no subsequent '=' character"},
        {",", "Match rule has a key with no subsequent '=' character"},
        {"type='signal',,", "Match rule has a key with no subsequent '=' character"},
        {"arg 1='a'", "Match rule has a key with no subsequent '=' character"},
        {"foo='a',type", "Match rule has a key with no subsequent '=' character"},
        {"type='signal", "Unbalanced quotation marks in match rule"},
        {"type='x',member='y", "Unbalanced quotation marks in match rule"},
        {"arg0=''\\''", "Unbalanced quotation marks in match rule"},
        {"arg0='a\\'b'", "Unbalanced quotation marks in match rule"},
        {"arg0=\\\\'x", "Unbalanced quotation marks in match rule"},
        {"foo='x'", "Unknown key \"foo\" in match rule"},
        {",type='signal'", "Unknown key \",type\" in match rule"},
        {"\vtype='signal'", "Unknown key \"\vtype\" in match rule"},
        {"type=", "Invalid message type () in match rule\n"},
        {"type='SIGNAL'", "Invalid message type (SIGNAL) in match rule\n"},
        {"type='invalid'", "Invalid message type (invalid) in match rule\n"},
        {"type= 'signal'", "Invalid message type ( signal) in match rule\n"},
        {"type='signal' ,sender='a.b'", "Invalid message type (signal ) in match rule\n"},
        {"type='x',member='1'", "Invalid message type (x) in match rule\n"},
        {"member='1',type='x'", "Member name '1' is invalid\n"},
        {"sender='x'", "Sender name 'x' is invalid\n"},
        {"sender=''", "Sender name '' is invalid\n"},
        {"interface='a'", "Interface name 'a' is invalid\n"},
        {"path='/a/'", "Path '/a/' is invalid\n"},
        {"path_namespace='/a/'", "Path '/a/' is invalid\n"},
        {"destination='x'", "Destination name 'x' is invalid\n"},
        {"type='signal',type='x'", "Key type specified twice in match rule\n"},
        {"sender='a.b',sender='x'", "Key sender specified twice in match rule\n"},
        {"interface='a.b',interface='x'", "Key interface specified twice in match rule\n"},
        {"member='a',member='b'", "Key member specified twice in match rule\n"},
        {"destination='a.b',destination='x'", "Key destination specified twice in match rule\n"},
        {"path='/a',path='/a'", "path or path_namespace specified twice in match rule\n"},
        {"path_namespace='/a',path='a'", "path or path_namespace specified twice in match rule\n"},
        {"arg='x'", "Key 'arg' in match rule starts with 'arg' but lacks an arg number. Should be "
                    "'arg0' or 'arg7' for example.\n"},
        {"argx='a'", "Key 'argx' in match rule starts with 'arg' but could not parse arg number. "
                     "Should be 'arg0' or 'arg7' for example.\n"},
        {"arg18446744073709551616='a'",
         "Key 'arg18446744073709551616' in match rule starts with 'arg' but could not parse arg "
         "number. Should be 'arg0' or 'arg7' for example.\n"},
        {"arg64='a'", "Key 'arg64' in match rule has arg number 64 but the maximum is 63.\n"},
        {"arg-1='a'", "Key 'arg-1' in match rule has arg number 18446744073709551615 but the "
                      "maximum is 63.\n"},
        {"arg08='a'", "Key 'arg08' in match rule contains junk after argument number (0). Only "
                      "'arg0path' (for example) or 'arg0namespace' are valid"},
        {"arg1namespace='a'", "Key 'arg1namespace' in match rule contains junk after argument "
                              "number (1). Only 'arg1path' (for example) or 'arg0namespace' are "
                              "valid"},
        {"arg00namespace='a'", "Key 'arg00namespace' in match rule contains junk after argument "
                               "number (0). Only 'arg0path' (for example) or 'arg0namespace' are "
                               "valid"},
        {"arg64foo='a'", "Key 'arg64foo' in match rule contains junk after argument number (64). "
                         "Only 'arg64path' (for example) or 'arg0namespace' are valid"},
        {"arg0='a',arg0namespace='..'", "arg0namespace='..' is not a valid prefix of a bus name"},
        {"arg1='a',arg01='b'", "Argument arg01 matched more than once in match rule\n"},
        {"arg5='a',arg5path='a'", "Argument arg5path matched more than once in match rule\n"},
        {"arg0namespace='a',arg0='a'", "Argument arg0 matched more than once in match rule\n"},
        {"eavesdrop='yes'", "eavesdrop='yes' is invalid, it should be 'true' or 'false'\n"},
};

static void test_faulty(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(faulty); i++) {
                struct match_rule *rule = NULL;
                char *error;
                int r = match_rule_new(&rule, faulty[i].text, strlen(faulty[i].text), &error);

                g_assert_cmpstr(error, ==, faulty[i].error);
                g_assert_cmpint(r, ==, MATCH_E_INVALID);
                g_assert_null(rule);
                free(error);
        }
}

static void test_length(void)
{
        char *text = g_strnfill(1026, 'x'), *error, *told;
        struct match_rule *rule;

        memcpy(text, "arg0='", 6);
        text[1023] = '\'';
        text[1024] = '\0';
        rule = parse(text);
        told = match_rule_text(rule);
        g_assert_cmpstr(told, ==, text);
        free(told);
        match_rule_free(rule);

        text[1023] = 'x';
        text[1024] = '\'';
        text[1025] = '\0';
        g_assert_cmpint(match_rule_new(&rule, text, 1025, &error), ==, MATCH_E_TOO_LONG);
        g_assert_cmpstr(error, ==, "Match rule text is 1025 bytes, maximum is 1024");
        free(error);

        /* Values as long as can be: the empty ones take most, for their NULs. */
        memset(text, ',', 1024);
        memcpy(text, "arg0=,arg1=,arg2=,arg3=", 23);
        text[23] = '\0';
        memset(text + 23, 'y', 1001);
        text[1024] = '\0';
        match_rule_free(parse(text));
        g_free(text);
}

/* The reference reads sixteen keys and forgets the rest, whatever that is. */
static void test_sixteen_keys(void)
{
        GString *text = g_string_new(NULL);
        struct match_rule *sixteen, *more;

        for (unsigned i = 0; i < 16; i++)
                g_string_append_printf(text, "%sarg%u=x", i ? "," : "", 63 - i);
        sixteen = parse(text->str);
        g_assert_cmpuint(sixteen->n_args, ==, 16);
        g_string_append(text, ",arg1='");
        more = parse(text->str);
        g_assert_true(match_rule_equal(sixteen, more));
        match_rule_free(sixteen);
        match_rule_free(more);
        g_string_free(text, TRUE);
}

static void test_equal(void)
{
        static const struct {
                const char *a, *b;
                bool equal;
        } pairs[] = {
                {"arg0=a,arg1=b", "arg1='b',arg0='a'", true},
                {"type=signal,interface=a.b", "interface=a.b,type='signal'", true},
                {"eavesdrop=false", "", true},
                {"eavesdrop=true", "", false},
                {"eavesdrop=true,eavesdrop=false", "", true},
                {"=x", "", true},
                {"arg0=a", "arg0path=a", false},
                {"arg0=a", "arg0namespace=a", false},
                {"arg0=a", "arg1=a", false},
                {"arg0=a", "arg0=b", false},
                {"arg0=a", "arg0=a,arg1=", false},
                {"arg0=a,arg1=bc", "arg0=ab,arg1=c", false},
                {"path=/a", "path_namespace=/a", false},
                {"sender=a.b", "destination=a.b", false},
                {"interface=a.b", "type=signal,interface=a.b", false},
                {"type=error", "type=signal", false},
                {"sender=a.b", "sender=a.b", true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
                struct match_rule *a = parse(pairs[i].a), *b = parse(pairs[i].b);

                g_test_message("%s | %s", pairs[i].a, pairs[i].b);
                g_assert_true(match_rule_equal(a, b) == pairs[i].equal);
                g_assert_true(match_rule_equal(b, a) == pairs[i].equal);
                match_rule_free(a);
                match_rule_free(b);
        }
}

static void test_indexed(void)
{
        static const struct {
                const char *text;
                uint32_t shape;
                bool has_others;
        } rules[] = {
                {"", 0, false},
                {"type=error", MATCH_SHAPE_TYPE, false},
                {"eavesdrop=true", 0, false},
                {"destination=a.b", 0, true},
                {"sender=a.b,interface=a.b,member=M,path=/",
                 MATCH_SHAPE_SENDER | MATCH_SHAPE_INTERFACE | MATCH_SHAPE_MEMBER | MATCH_SHAPE_PATH,
                 false},
                {"path_namespace=/", MATCH_SHAPE_PATH_NAMESPACE, false},
                {"arg0=a,arg7=b", MATCH_SHAPE_ARG0 | MATCH_SHAPE_ARG0 << 7, false},
                {"arg3=a,arg8=b", MATCH_SHAPE_ARG0 << 3, true},
                {"arg9=a,arg8=b", MATCH_SHAPE_HIGH_ARG | (uint32_t)8 << MATCH_SHAPE_HIGH_ARG_SHIFT,
                 true},
                {"arg63=a", MATCH_SHAPE_HIGH_ARG | (uint32_t)63 << MATCH_SHAPE_HIGH_ARG_SHIFT,
                 false},
                {"arg0namespace=a,arg1=b", MATCH_SHAPE_ARG0_NAMESPACE | MATCH_SHAPE_ARG0 << 1,
                 false},
                {"arg0path=a", MATCH_SHAPE_ARG0_PATH, false},
                {"arg1path=a", 0, true},
                {"arg1path=a,arg20=b",
                 MATCH_SHAPE_HIGH_ARG | (uint32_t)20 << MATCH_SHAPE_HIGH_ARG_SHIFT, true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
                struct match_rule *rule = parse(rules[i].text);

                g_test_message("%s", rules[i].text);
                g_assert_cmphex(rule->keys, ==, rules[i].shape);
                g_assert_true(rule->has_others == rules[i].has_others);
                match_rule_free(rule);
        }
}

static void test_indexed_alike(void)
{
        static const struct {
                const char *a, *b;
                bool alike;
        } pairs[] = {
                {"", "destination=a.b", true},
                {"", "arg1path=x", true},
                {"arg3=a,arg8=b", "arg3=a,arg9=c", true},
                {"arg3=a,arg8=b", "arg3=b,arg8=b", false},
                {"arg9=a,arg10=b", "arg9=a,arg11=b", true},
                {"arg9=a,arg10=b", "arg9=a,arg10=c", true},
                {"arg9=a", "arg9=b", false},
                {"arg9=a", "arg10=a", false},
                {"arg8path=x,arg9=a", "arg9=a", true},
                {"arg0namespace=a", "arg0namespace=b", false},
                {"arg0path=a", "arg0path=b", false},
                {"type=error", "type=signal", false},
                {"member=a", "member=b", false},
                {"member=a", "member=ab", false},
                {"sender=a.b", "sender=a.c", false},
                {"interface=a.b,eavesdrop=true", "interface=a.b", true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(pairs); i++) {
                struct match_rule *a = parse(pairs[i].a), *b = parse(pairs[i].b);

                g_test_message("%s | %s", pairs[i].a, pairs[i].b);
                g_assert_true(match_rule_indexed_alike(a, b) == pairs[i].alike);
                g_assert_true(match_rule_indexed_alike(b, a) == pairs[i].alike);
                match_rule_free(a);
                match_rule_free(b);
        }
}

static void test_no_memory(void)
{
        static const char *const rules[] = {"type=signal,arg0=a", "type=x", "foo=x", ""};

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail here");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
                for (unsigned n = 0;; n++) {
                        struct match_rule *rule = NULL;
                        char *error;
                        bool failed;
                        int r;

                        fail_alloc_after(n);
                        r = match_rule_new(&rule, rules[i], strlen(rules[i]), &error);
                        failed = fail_alloc_end();
                        /* Some libcs build the text of an error in more than one step. */
                        g_assert_true(r == -ENOMEM || (r == 0) == !!rule);
                        g_assert_true(failed || r != -ENOMEM);
                        g_assert_true(!!error == (r > 0));
                        if (n == 0)
                                g_assert_cmpint(r, ==, -ENOMEM);
                        match_rule_free(rule);
                        free(error);
                        if (!failed)
                                break;
                }
        }
        for (unsigned n = 0; n < 2; n++) {
                struct match_rule *rule = parse("type=signal");
                char *text;

                fail_alloc_after(n);
                text = match_rule_text(rule);
                g_assert_true(fail_alloc_end() == !text);
                g_assert_true(!text == (n == 0));
                free(text);
                match_rule_free(rule);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/match-rule/valid", test_valid);
        g_test_add_func("/match-rule/faulty", test_faulty);
        g_test_add_func("/match-rule/length", test_length);
        g_test_add_func("/match-rule/sixteen-keys", test_sixteen_keys);
        g_test_add_func("/match-rule/equal", test_equal);
        g_test_add_func("/match-rule/indexed", test_indexed);
        g_test_add_func("/match-rule/indexed-alike", test_indexed_alike);
        g_test_add_func("/match-rule/no-memory", test_no_memory);
        return g_test_run();
}
