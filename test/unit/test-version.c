/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <stdbool.h>
#include <string.h>

#include "bus/version.h"

/* Scripts take the version from the end of the first line. */
static void test_first_line(void)
{
        g_auto(GStrv) lines = g_strsplit(version_text, "\n", -1);

        g_assert_true(g_regex_match_simple("^D-Bus Message Bus Daemon 1\\.[0-9]+\\.[0-9]+$",
                                           lines[0], 0, 0));
        g_assert_true(g_str_has_suffix(version_text, "\n"));
}

static void check_library(const char *name, bool has)
{
        g_autofree char *with = g_strconcat(" +", name, NULL);
        g_autofree char *without = g_strconcat(" -", name, NULL);

        g_assert_nonnull(strstr(version_text, has ? with : without));
        g_assert_null(strstr(version_text, has ? without : with));
}

static void test_libraries(void)
{
#ifdef HAVE_SELINUX
        check_library("SELinux", true);
#else
        check_library("SELinux", false);
#endif
#ifdef HAVE_APPARMOR
        check_library("AppArmor", true);
#else
        check_library("AppArmor", false);
#endif
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/version/first-line", test_first_line);
        g_test_add_func("/version/libraries", test_libraries);
        return g_test_run();
}
