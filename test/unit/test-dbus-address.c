/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include <dbus/dbus.h>

#include "fail-alloc.h"

static void test_parse(void)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusAddressEntry **entries;
        int n;

        g_assert_true(dbus_parse_address("unix:path=/a%20b,guid=1;tcp:", &entries, &n, &error));
        g_assert_cmpint(n, ==, 2);
        g_assert_cmpstr(dbus_address_entry_get_method(entries[0]), ==, "unix");
        g_assert_cmpstr(dbus_address_entry_get_value(entries[0], "path"), ==, "/a b");
        g_assert_cmpstr(dbus_address_entry_get_value(entries[0], "guid"), ==, "1");
        g_assert_null(dbus_address_entry_get_value(entries[0], "pat"));
        g_assert_cmpstr(dbus_address_entry_get_method(entries[1]), ==, "tcp");
        g_assert_null(dbus_address_entry_get_value(entries[1], "path"));
        g_assert_null(entries[2]);
        dbus_clear_address_entries(&entries);
        g_assert_null(entries);
        dbus_clear_address_entries(&entries);
}

static void test_bad(void)
{
        DBusAddressEntry *none = NULL, **entries = &none;
        DBusError error = DBUS_ERROR_INIT;
        int n = 7;

        g_assert_false(dbus_parse_address("unix", &entries, &n, &error));
        g_assert_cmpstr(error.name, ==, DBUS_ERROR_BAD_ADDRESS);
        g_assert_cmpstr(error.message, ==, "Address does not contain a colon");
        dbus_error_free(&error);
        g_assert_true(entries == &none && n == 7);
        g_assert_false(dbus_parse_address("unix:path=%n", &entries, &n, NULL));

        g_assert_null(dbus_address_unescape_value("%s", &error));
        g_assert_cmpstr(error.name, ==, DBUS_ERROR_BAD_ADDRESS);
        dbus_error_free(&error);
        g_assert_null(dbus_address_unescape_value(",", NULL));
}

static void test_escape(void)
{
        char *escaped = dbus_address_escape_value("/a b\xc3\xa4,;");
        char *value = dbus_address_unescape_value(escaped, NULL);

        g_assert_cmpstr(escaped, ==, "/a%20b%c3%a4%2c%3b");
        g_assert_cmpstr(value, ==, "/a b\xc3\xa4,;");
        dbus_free(escaped);
        dbus_free(value);
        value = dbus_address_unescape_value("", NULL);
        g_assert_cmpstr(value, ==, "");
        dbus_free(value);
}

/* What is done without memory: parse, escape, unescape. */
static bool do_parse(const char *text, DBusError *error)
{
        DBusAddressEntry **entries;
        int n;

        if (!dbus_parse_address(text, &entries, &n, error))
                return false;
        dbus_address_entries_free(entries);
        return true;
}

static bool do_unescape(const char *text, DBusError *error)
{
        char *value = dbus_address_unescape_value(text, error);

        dbus_free(value);
        return value != NULL;
}

static void walk(bool (*what)(const char *text, DBusError *error), const char *text,
                 const char *error_name)
{
        for (unsigned n = 0;; n++) {
                DBusError error = DBUS_ERROR_INIT;
                bool failed, done;

                fail_alloc_after(n);
                done = what(text, &error);
                failed = fail_alloc_end();
                g_assert_cmpint(done, ==, !dbus_error_is_set(&error));
                /* libc may try to get memory for the text of the error, and do without. */
                if (!failed || !dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY))
                        g_assert_cmpstr(error.name, ==, error_name);
                dbus_error_free(&error);
                if (!failed)
                        break;
        }
}

static void test_no_memory(void)
{
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("no allocation can be made to fail");
                return;
        }
        walk(do_parse, "unix:path=/a,guid=1;tcp:host=b,port=1", NULL);
        walk(do_parse, "unix:path=/a;tcp", DBUS_ERROR_BAD_ADDRESS);
        walk(do_unescape, "%20", NULL);
        walk(do_unescape, "%2", DBUS_ERROR_BAD_ADDRESS);
        fail_alloc_after(0);
        g_assert_null(dbus_address_escape_value("a"));
        g_assert_true(fail_alloc_end());
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dbus-address/parse", test_parse);
        g_test_add_func("/dbus-address/bad", test_bad);
        g_test_add_func("/dbus-address/escape", test_escape);
        g_test_add_func("/dbus-address/no-memory", test_no_memory);
        return g_test_run();
}
