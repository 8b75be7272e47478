/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>

#include "core/address.h"
#include "fail-alloc.h"

#define NO_COLON "Address does not contain a colon"
#define NO_VALUE "'=' character not found or has no value following it"
#define SHORT    "In D-Bus address, percent character was not followed by two hex digits"
#define NO_HEX                                                                                     \
        "In D-Bus address, percent character was followed by characters other than hex digits"
#define BARE(c) "In D-Bus address, character '" c "' should have been escaped\n"

/* What the reference's dbus_parse_address() makes of these texts: "transport{key=value ...} ...",
 * with the values unescaped, or the text of an error. */
static const struct {
        const char *text, *parsed, *error;
} cases[] = {
        {"unix:", "unix{}", NULL},
        {"unix:;", "unix{}", NULL},
        {"unix:;unix:", "unix{} unix{}", NULL},
        {"unix:path=/run/bus", "unix{path=/run/bus}", NULL},
        {"unix:path=/x,guid=00", "unix{path=/x guid=00}", NULL},
        {"unix:a=b,", "unix{a=b}", NULL},
        {"unix:a=b,;", "unix{a=b}", NULL},
        {"unix:a=b,;x:", "unix{a=b} x{}", NULL},
        {"unix:a=b;", "unix{a=b}", NULL},
        {"unix:a=b;tcp:b=1", "unix{a=b} tcp{b=1}", NULL},
        {"unix:a=b,a=c", "unix{a=b a=c}", NULL},
        {"unix:a:b=c", "unix{a:b=c}", NULL},
        {"a,b:a=b", "a,b{a=b}", NULL},
        {"a=b:a=c", "a=b{a=c}", NULL},
        {":a=b", "{a=b}", NULL},
        {":", "{}", NULL},
        {"un ix: a=b", "un ix{ a=b}", NULL},
        {"\xe9:\xe8=b", "\xe9{\xe8=b}", NULL},
        {"unix:%41=b", "unix{%41=b}", NULL},
        {"unix:a=%41", "unix{a=A}", NULL},
        {"unix:a=%fF%e2%82%ac", "unix{a=\xff\xe2\x82\xac}", NULL},
        {"unix:a=%0a%3b%2c%3d%3a%25", "unix{a=\n;,=:%}", NULL},
        {"unix:a=%00b", "unix{a=}", NULL},
        {"unix:a=*-_./\\", "unix{a=*-_./\\}", NULL},
        {"unix:a=b;:", "unix{a=b} {}", NULL},
        {"", NULL, "Empty address ''"},
        {"unix", NULL, NO_COLON},
        {";unix:", NULL, NO_COLON},
        {"unix:;;", NULL, NO_COLON},
        {"unix:a=b;;", NULL, NO_COLON},
        {"unix:;,", NULL, NO_COLON},
        {"unix:a=b;c", NULL, NO_COLON},
        {"unix,path=/x", NULL, NO_COLON},
        {"unix:a", NULL, NO_VALUE},
        {"unix:a=", NULL, NO_VALUE},
        {"unix:=b", NULL, NO_VALUE},
        {"unix:=", NULL, NO_VALUE},
        {"unix:,", NULL, NO_VALUE},
        {"unix:,a=b", NULL, NO_VALUE},
        {"unix:a=b,,b=c", NULL, NO_VALUE},
        {"unix:a=b,c", NULL, NO_VALUE},
        {"unix:%", NULL, NO_VALUE},
        {"unix:a=b=c", NULL, BARE("=")},
        {"unix:a=b:c", NULL, BARE(":")},
        {"unix:a= b", NULL, BARE(" ")},
        {"unix:a=~", NULL, BARE("~")},
        {"unix:a=\x7f", NULL, BARE("\x7f")},
        {"unix:a=\xc3\xa9", NULL, BARE("\xc3")},
        {"unix:a=b\n", NULL, BARE("\n")},
        {"unix:a=%", NULL, SHORT},
        {"unix:a=%4", NULL, SHORT},
        {"unix:a=%4,b=c", NULL, SHORT},
        {"unix:a=%4;", NULL, SHORT},
        {"unix:a=%4g", NULL, NO_HEX},
        {"unix:a=%zz", NULL, NO_HEX},
        {"unix:a=%%41", NULL, NO_HEX},
        {"unix:a=b;tcp:c=%", NULL, SHORT},
};

static char *show(const struct address *list, size_t n)
{
        GString *s = g_string_new("");

        for (size_t i = 0; i < n; i++) {
                g_string_append_printf(s, "%s%s{", i ? " " : "", list[i].transport);
                for (size_t k = 0; k < list[i].n_params; k++)
                        g_string_append_printf(s, "%s%s=%s", k ? " " : "", list[i].params[k].key,
                                               list[i].params[k].value);
                g_string_append_c(s, '}');
        }
        return g_string_free(s, FALSE);
}

static void test_parse(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                struct address *list = NULL;
                char *error = NULL;
                size_t n = 0;
                int r = addresses_parse(cases[i].text, &list, &n, &error);

                g_assert_cmpstr(error, ==, cases[i].error);
                if (cases[i].parsed) {
                        char *shown = show(list, n);

                        g_assert_cmpint(r, ==, 0);
                        g_assert_cmpstr(shown, ==, cases[i].parsed);
                        g_free(shown);
                        addresses_free(list, n);
                } else {
                        g_assert_cmpint(r, ==, ADDRESS_E_BAD);
                        g_assert_null(list);
                        /* The text is not always wanted. */
                        g_assert_cmpint(addresses_parse(cases[i].text, &list, &n, NULL), ==, r);
                }
                free(error);
        }
}

static void test_get(void)
{
        struct address *list;
        size_t n;

        g_assert_cmpint(addresses_parse("tcp:host=a,port=1,host=b", &list, &n, NULL), ==, 0);
        g_assert_cmpuint(n, ==, 1);
        g_assert_cmpstr(address_get(list, "host"), ==, "a");
        g_assert_cmpstr(address_get(list, "port"), ==, "1");
        g_assert_null(address_get(list, "hos"));
        g_assert_null(address_get(list, ""));
        addresses_free(list, n);
        addresses_free(NULL, 0);
}

static void test_escape(void)
{
        char all[256], *escaped, *text, *error;
        struct address *list;
        size_t n;

        g_assert_cmpint(address_escape("", &escaped), ==, 0);
        g_assert_cmpstr(escaped, ==, "");
        free(escaped);
        g_assert_cmpint(address_escape("-0AZaz_/.\\*", &escaped), ==, 0);
        g_assert_cmpstr(escaped, ==, "-0AZaz_/.\\*");
        free(escaped);
        g_assert_cmpint(address_escape("a b%~\xe2\x82\xac\n", &escaped), ==, 0);
        g_assert_cmpstr(escaped, ==, "a%20b%25%7e%e2%82%ac%0a");
        free(escaped);

        /* Every byte comes back. */
        for (unsigned i = 0; i < 255; i++)
                all[i] = (char)(i + 1);
        all[255] = '\0';
        g_assert_cmpint(address_escape(all, &escaped), ==, 0);
        text = g_strconcat("x:y=", escaped, NULL);
        g_assert_cmpint(addresses_parse(text, &list, &n, &error), ==, 0);
        g_assert_cmpstr(address_get(list, "y"), ==, all);
        addresses_free(list, n);
        g_free(text);
        free(escaped);
}

/* Each allocation in turn fails, for texts that are right and wrong. */
static void test_no_memory(void)
{
        static const char *const texts[] = {"unix:path=/x,guid=00;tcp:host=h,port=1", "unix:a=b=c",
                                            "", "x"};

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                for (unsigned k = 0;; k++) {
                        struct address *list = NULL;
                        char *error;
                        size_t n;
                        bool failed;
                        int r;

                        fail_alloc_after(k);
                        r = addresses_parse(texts[i], &list, &n, &error);
                        failed = fail_alloc_end();
                        if (failed) {
                                g_assert_cmpint(r, !=, 0);
                                g_assert_null(list);
                        } else {
                                g_assert_cmpint(r, ==, i ? ADDRESS_E_BAD : 0);
                        }
                        if (!r)
                                addresses_free(list, n);
                        free(error);
                        if (!failed) {
                                g_assert_cmpuint(k, >=, 1);
                                break;
                        }
                }
        }
        fail_alloc_after(0);
        g_assert_cmpint(address_escape("x", &(char *){NULL}), ==, -ENOMEM);
        g_assert_true(fail_alloc_end());
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/address/parse", test_parse);
        g_test_add_func("/address/get", test_get);
        g_test_add_func("/address/escape", test_escape);
        g_test_add_func("/address/no-memory", test_no_memory);
        return g_test_run();
}
