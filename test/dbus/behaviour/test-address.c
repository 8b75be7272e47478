/* SPDX-License-Identifier: MIT */
/* Server addresses: parsed, asked, escaped. */

#include <string.h>

#include "harness.h"

static const char *const keys[] = {"path", "host", "port", "family", "abstract",
                                   "guid", "a",    "b",    "c",      ""};

/* All entries with the keys that they have. */
static void note_entries(const char *address, DBusAddressEntry **entries, int n)
{
        note_text("address", address);
        for (int i = 0; i < n; i++) {
                note("entry %d: %s", i, dbus_address_entry_get_method(entries[i]));
                for (size_t k = 0; k < G_N_ELEMENTS(keys); k++) {
                        const char *value = dbus_address_entry_get_value(entries[i], keys[k]);

                        if (value)
                                note_text(keys[k], value);
                }
        }
}

static void good(void)
{
        static const char *const addresses[] = {
                "unix:path=/tmp/socket",
                "tcp:host=localhost,port=1234",
                "tcp:host=localhost,port=1234,family=ipv4",
                "unix:path=/a;unix:path=/b",
                "unix:path=/a;unix:path=/b;",
                "unix:path=/a,guid=0123456789abcdef0123456789abcdef;tcp:host=x,port=1",
                "unix:",
                "x:",
                "unix:;tcp:",
                "autolaunch:",
                "unknown:a=1,b=2,c=3",
                "a:a=%20%41%7e",
                "a:a=",
                "a:a=,b=",
                "a:a=1,a=2",
                "a:a=x=y",
                "a:=x",
                "a:a=/._-\\*0zZ",
                "unix:path=%2ftmp%2Fsocket",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                DBusAddressEntry **entries = NULL;
                int n = -1;
                DBusError error = DBUS_ERROR_INIT;
                dbus_bool_t ok = dbus_parse_address(addresses[i], &entries, &n, &error);

                g_assert_cmpint(ok, ==, !dbus_error_is_set(&error));
                if (ok) {
                        note_entries(addresses[i], entries, n);
                        g_assert_null(entries[n]);
                        dbus_address_entries_free(entries);
                } else {
                        note_text("refused", addresses[i]);
                }
                note_error("error", &error);
        }
}

static void bad(void)
{
        static const char *const addresses[] = {
                "",
                "unix",
                "foo",
                "foo:bar",
                "foo:bar,baz",
                "foo:bar=a,",
                "foo:,bar=a",
                "foo:bar=a,,b=c",
                "foo:bar=a;;baz:",
                ";",
                ";unix:path=/a",
                ":",
                ":a=b",
                "foo:a=b,c",
                "foo:a=%",
                "foo:a=%2",
                "foo:a=%zz",
                "foo:a=%g0",
                "foo:a=b c",
                "foo:a=\xc3\xa4",
                "foo:a=\"b\"",
                "foo:a=(b)",
                "foo:a=b;bar",
                "foo:a=b;bar:x",
                "foo:a=@",
                "foo:a=b:c",
                "foo:a=b+c",
                "foo:a=b&c",
                "foo:a=b~c",
                "foo:a=%0",
                "foo:a=%%",
                "foo:a=b,=",
                "foo:=",
                "unix:path=/a;",
                "foo:a=#",
                "foo:a=\n",
                "foo:%61=b",
                "f oo:a=b",
                "foo:a b=c",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                DBusAddressEntry **entries = NULL;
                int n = -1;
                DBusError error = DBUS_ERROR_INIT;
                dbus_bool_t ok = dbus_parse_address(addresses[i], &entries, &n, &error);

                note_text("address", addresses[i]);
                note("result: %d", ok);
                g_assert_cmpint(ok, ==, !dbus_error_is_set(&error));
                if (ok) {
                        note_entries(addresses[i], entries, n);
                        dbus_address_entries_free(entries);
                } else {
                        g_assert_true(dbus_error_has_name(&error, DBUS_ERROR_BAD_ADDRESS));
                }
                note_error("error", &error);
                ok = dbus_parse_address(addresses[i], &entries, &n, NULL);
                if (ok)
                        dbus_address_entries_free(entries);
        }
}

static void refused(const char *address)
{
        DBusAddressEntry **entries = NULL;
        int n = 0;
        DBusError error = DBUS_ERROR_INIT;

        g_assert_false(dbus_parse_address(address, &entries, &n, &error));
        expect_error(&error, DBUS_ERROR_BAD_ADDRESS);
}

static void without_colon(void)
{
        refused("unix");
        refused("foo;bar:a=b");
}

static void without_equals(void)
{
        refused("unix:path");
        refused("unix:path=/a,abstract");
}

static void bad_escapes(void)
{
        refused("foo:a=%");
        refused("foo:a=%4");
        refused("foo:a=%xy");
}

static void empty(void)
{
        refused("");
}

static void one(void)
{
        DBusAddressEntry **entries = NULL;
        int n = 0;

        g_assert_true(dbus_parse_address("tcp:host=example.com,port=8073", &entries, &n, NULL));
        g_assert_cmpint(n, ==, 1);
        g_assert_cmpstr(dbus_address_entry_get_method(entries[0]), ==, "tcp");
        g_assert_cmpstr(dbus_address_entry_get_value(entries[0], "host"), ==, "example.com");
        g_assert_cmpstr(dbus_address_entry_get_value(entries[0], "port"), ==, "8073");
        g_assert_null(dbus_address_entry_get_value(entries[0], "hos"));
        g_assert_null(dbus_address_entry_get_value(entries[0], "hosts"));
        g_assert_null(dbus_address_entry_get_value(entries[0], "HOST"));
        g_assert_null(dbus_address_entry_get_value(entries[0], ""));
        dbus_address_entries_free(entries);
}

static void several(void)
{
        DBusAddressEntry **entries = NULL;
        int n = 0;

        g_assert_true(dbus_parse_address("unix:path=/a;tcp:host=x,port=1;unix:abstract=b", &entries,
                                         &n, NULL));
        g_assert_cmpint(n, ==, 3);
        g_assert_cmpstr(dbus_address_entry_get_value(entries[0], "path"), ==, "/a");
        g_assert_cmpstr(dbus_address_entry_get_method(entries[1]), ==, "tcp");
        g_assert_cmpstr(dbus_address_entry_get_value(entries[2], "abstract"), ==, "b");
        dbus_address_entries_free(entries);
}

static void many(void)
{
        g_autoptr(GString) address = g_string_new("unix:path=/0");
        DBusAddressEntry **entries = NULL;
        int n = 0;

        for (unsigned i = 1; i < 100; i++)
                g_string_append_printf(address, ";unix:path=/%u", i);
        g_assert_true(dbus_parse_address(address->str, &entries, &n, NULL));
        g_assert_cmpint(n, ==, 100);
        g_assert_cmpstr(dbus_address_entry_get_value(entries[99], "path"), ==, "/99");
        g_assert_null(entries[100]);
        dbus_address_entries_free(entries);
}

static void values_are_unescaped(void)
{
        DBusAddressEntry **entries = NULL;
        int n = 0;

        g_assert_true(dbus_parse_address("unix:path=%2ftmp%2Fx%20y%c3%a4", &entries, &n, NULL));
        g_assert_cmpstr(dbus_address_entry_get_value(entries[0], "path"), ==, "/tmp/x y\xc3\xa4");
        dbus_address_entries_free(entries);
}

static void free_nothing(void)
{
        DBusAddressEntry *none[] = {NULL};
        char **copy = dbus_new0(char *, 1);

        note("an array on the stack is not for this function: %p", none[0] ? "x" : NULL);
        dbus_address_entries_free((DBusAddressEntry **)copy);
}

static void escape(void)
{
        static const struct {
                const char *text, *escaped;
        } values[] = {
                {"", ""},
                {"abcXYZ019", "abcXYZ019"},
                {"/tmp/foo", "/tmp/foo"},
                {"-_/.\\", "-_/.\\"},
                {" ", "%20"},
                {"a b", "a%20b"},
                {"=", "%3d"},
                {";,:%", "%3b%2c%3a%25"},
                {"\xc3\xa4", "%c3%a4"},
                {"\x01\x7f\xff", "%01%7f%ff"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                char *got = dbus_address_escape_value(values[i].text);

                g_assert_cmpstr(got, ==, values[i].escaped);
                dbus_free(got);
        }
}

static void escape_each_byte(void)
{
        for (unsigned byte = 1; byte < 256; byte++) {
                const char text[] = {(char)byte, '\0'};
                char *got = dbus_address_escape_value(text), *back;
                DBusError error = DBUS_ERROR_INIT;

                note("%02x: %s", byte, got);
                back = dbus_address_unescape_value(got, &error);
                g_assert_cmpstr(back, ==, text);
                expect_no_error(&error);
                dbus_free(back);
                dbus_free(got);
        }
}

static void unescape(void)
{
        static const struct {
                const char *text, *unescaped;
        } values[] = {
                {"", ""},         {"abc", "abc"},   {"%20", " "},           {"%2F%2f", "//"},
                {"a%20b", "a b"}, {"%41%42", "AB"}, {"%c3%A4", "\xc3\xa4"}, {"/-_.\\*", "/-_.\\*"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                DBusError error = DBUS_ERROR_INIT;
                char *got = dbus_address_unescape_value(values[i].text, &error);

                note_text(values[i].text, got);
                g_assert_cmpstr(got, ==, values[i].unescaped);
                expect_no_error(&error);
                dbus_free(got);
        }
}

static void unescape_nul(void)
{
        DBusError error = DBUS_ERROR_INIT;
        char *got = dbus_address_unescape_value("a%00b", &error);

        note_text("nul", got);
        note_error("nul", &error);
        dbus_free(got);
}

static void unescape_bad(void)
{
        static const char *const values[] = {"%",   "%2",  "%z0", "%0z", "a b",  " ",  "%%", "=",
                                             ";",   ",",   ":",   "\"",  "\xff", "\n", "a%", "%4",
                                             "%-1", "% 1", "(",   "~",   "@",    "+"};

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                DBusError error = DBUS_ERROR_INIT;
                char *got = dbus_address_unescape_value(values[i], &error);

                note_text("value", values[i]);
                note_text("result", got);
                g_assert_null(got);
                g_assert_true(dbus_error_has_name(&error, DBUS_ERROR_BAD_ADDRESS));
                note_error("error", &error);
                g_assert_null(dbus_address_unescape_value(values[i], NULL));
        }
}

static void escape_long(void)
{
        g_autofree char *much = g_strnfill(50000, ' ');
        char *got = dbus_address_escape_value(much), *back;

        g_assert_cmpuint(strlen(got), ==, 150000);
        back = dbus_address_unescape_value(got, NULL);
        g_assert_cmpstr(back, ==, much);
        dbus_free(back);
        dbus_free(got);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/parse/good", good},
                {"/parse/bad", bad},
                {"/parse/one", one},
                {"/parse/several", several},
                {"/parse/many", many},
                {"/parse/empty", empty},
                {"/parse/no-colon", without_colon},
                {"/parse/no-equals", without_equals},
                {"/parse/bad-escape", bad_escapes},
                {"/parse/unescaped", values_are_unescaped},
                {"/entries/free-none", free_nothing},
                {"/escape/values", escape},
                {"/escape/each-byte", escape_each_byte},
                {"/escape/long", escape_long},
                {"/unescape/values", unescape},
                {"/unescape/nul", unescape_nul},
                {"/unescape/bad", unescape_bad},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
