/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "fail-alloc.h"

static void test_set(void)
{
        DBusError error = DBUS_ERROR_INIT;
        char name[] = "com.example.Error", text[] = "text";

        dbus_set_error(&error, name, "%s %d", text, 5);
        memset(name, 'x', sizeof(name) - 1);
        memset(text, 'x', sizeof(text) - 1);
        g_assert_cmpstr(error.name, ==, "com.example.Error");
        g_assert_cmpstr(error.message, ==, "text 5");
        g_assert_true(dbus_error_is_set(&error));
        g_assert_true(dbus_error_has_name(&error, "com.example.Error"));
        g_assert_false(dbus_error_has_name(&error, "com.example.Error2"));
        dbus_error_free(&error);
        g_assert_false(dbus_error_is_set(&error));
        g_assert_false(dbus_error_has_name(&error, "com.example.Error"));
        dbus_error_free(&error);
        g_assert_null(error.name);
        g_assert_null(error.message);
}

static void test_const(void)
{
        static const char name[] = "com.example.Error", text[] = "text";
        DBusError error;

        memset(&error, 0xff, sizeof(error));
        dbus_error_init(&error);
        dbus_set_error_const(&error, name, text);
        g_assert_true(error.name == name && error.message == text);
        dbus_error_free(&error);
        dbus_set_error_const(&error, name, NULL);
        g_assert_cmpstr(error.message, ==, name);
        dbus_error_free(&error);
        dbus_set_error(&error, DBUS_ERROR_TIMEOUT, NULL);
        g_assert_cmpstr(error.message, ==, "Connection timed out");
        dbus_error_free(&error);
        dbus_set_error(NULL, name, "%s", text);
        dbus_set_error_const(NULL, name, text);
}

static void test_move(void)
{
        DBusError a = DBUS_ERROR_INIT, b = DBUS_ERROR_INIT;

        dbus_set_error(&a, "com.example.Error", "%d", 1);
        dbus_move_error(&a, &b);
        g_assert_false(dbus_error_is_set(&a));
        g_assert_cmpstr(b.message, ==, "1");
        dbus_move_error(&a, &a); /* nothing moves to where it is */
        dbus_move_error(&b, NULL);
        g_assert_false(dbus_error_is_set(&b));
        dbus_move_error(&a, &b);
        g_assert_false(dbus_error_is_set(&b));
}

static void test_no_memory(void)
{
        DBusError error = DBUS_ERROR_INIT;
        unsigned n_refused = 0;
        bool failed = true;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("no allocation can be made to fail");
                return;
        }
        for (unsigned n = 0; failed; n++) {
                bool refused;

                fail_alloc_after(n);
                dbus_set_error(&error, "com.example.Error", "%s", "text");
                failed = fail_alloc_end();
                refused = dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY);
                n_refused += refused;
                g_assert_cmpstr(error.message, ==,
                                refused ? "Not enough memory available" : "text");
                g_assert_true(refused || dbus_error_has_name(&error, "com.example.Error"));
                g_assert_true(failed || !refused);
                dbus_error_free(&error);
        }
        /* libc may try to get more, and do without; a sanitizer's strdup() has its own memory. */
        g_assert_cmpuint(n_refused, >, 0);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dbus-errors/set", test_set);
        g_test_add_func("/dbus-errors/const", test_const);
        g_test_add_func("/dbus-errors/move", test_move);
        g_test_add_func("/dbus-errors/no-memory", test_no_memory);
        return g_test_run();
}
