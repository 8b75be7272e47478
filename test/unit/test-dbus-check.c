/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "check.h"

#define GAVE_UP "*  D-Bus not built with -rdynamic so unable to print a backtrace\n*"

/* How a program misbehaves, in a process of its own. */

static void wrong_argument(void)
{
        const char *text = NULL;

        g_assert_true(CHECK(text == NULL));
        g_assert_false(CHECK(text != NULL));
}

static void misuse(void)
{
        warn_misuse("used %d times", 3);
}

static void oddity(void)
{
        warn("odd %s", "thing");
}

/* The program is this one: a test that is asked to misbehave does so, and says when it survives. */
static void test(gconstpointer data)
{
        static const struct {
                void (*misbehave)(void);
                const char *text;
        } kinds[] = {
                {wrong_argument,
                 "dbus[*]: arguments to wrong_argument() were incorrect, "
                 "assertion \"text != NULL\" failed in file *test-dbus-check.c line *.\n"
                 "This is normally a bug in some application using the D-Bus "
                 "library.\n\n*"},
                {misuse, "dbus[*]: used 3 times\n*"},
                {oddity, "dbus[*]: odd thing\n*"},
        };
        static const struct {
                const char *value; /* of DBUS_FATAL_WARNINGS */
                bool gives_up[G_N_ELEMENTS(kinds)];
                const char *complaint;
        } values[] = {
                {NULL, {true, true, false}, ""},
                {"", {true, true, false}, ""},
                {"0", {false, false, false}, ""},
                {"1", {true, true, true}, ""},
                {"no",
                 {true, true, false},
                 "DBUS_FATAL_WARNINGS should be set to 0 or 1 if set, not 'no'"},
        };
        size_t kind = GPOINTER_TO_SIZE(data);

        if (g_test_subprocess()) {
                kinds[kind].misbehave();
                g_printerr("alive\n");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                char *text = g_strconcat(values[i].complaint, kinds[kind].text, NULL);

                if (values[i].value)
                        g_setenv("DBUS_FATAL_WARNINGS", values[i].value, TRUE);
                else
                        g_unsetenv("DBUS_FATAL_WARNINGS");
                g_test_trap_subprocess(NULL, 0, 0);
                g_test_trap_assert_stderr(text);
                if (values[i].gives_up[kind]) {
                        g_test_trap_assert_failed();
                        g_test_trap_assert_stderr(GAVE_UP);
                        g_test_trap_assert_stderr_unmatched("*alive*");
                } else {
                        g_test_trap_assert_passed();
                        g_test_trap_assert_stderr("*alive*");
                }
                g_free(text);
        }
        g_unsetenv("DBUS_FATAL_WARNINGS");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_data_func("/dbus-check/argument", GSIZE_TO_POINTER(0), test);
        g_test_add_data_func("/dbus-check/misuse", GSIZE_TO_POINTER(1), test);
        g_test_add_data_func("/dbus-check/warning", GSIZE_TO_POINTER(2), test);
        return g_test_run();
}
