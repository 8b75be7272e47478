/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <pwd.h>
#include <unistd.h>

#include "core/user.h"
#include "fail-alloc.h"

static void test_parse(void)
{
        static const struct {
                const char *text;
                long long uid; /* -1: none */
        } cases[] = {
                {"0", 0},
                {"1000", 1000},
                {"00", 0},
                {"010", 8},
                {"0x1F", 31},
                {"+5", 5},
                {"-0", 0},
                {" 7", 7},
                {"\t\n\v\f\r7", 7},
                {"4294967294", 4294967294},
                {"4294967295", -1},
                {"4294967296", -1},
                {"18446744073709551616", -1},
                {"-4294967296", -1},
                {"-1", -1},
                {"", -1},
                {" ", -1},
                {"+", -1},
                {"0x", -1},
                {"7 ", -1},
                {"7\n", -1},
                {"7.", -1},
                {"0 0", -1},
                {"root", -1},
                {"00000000000000000000000000000000000000000000000000000000000000000000001", 1},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                uid_t uid = 12345;
                bool ok = user_id_parse(cases[i].text, strlen(cases[i].text), &uid);

                g_test_message("%s", cases[i].text);
                g_assert_cmpint(ok, ==, cases[i].uid >= 0);
                g_assert_cmpuint(uid, ==, ok ? cases[i].uid : 12345);
        }
        g_assert_false(user_id_parse("7\0", 2, &(uid_t){0}));
        g_assert_false(user_id_parse("7\0008", 3, &(uid_t){0}));
}

static void test_database(void)
{
        struct passwd *root = getpwuid(0);
        uid_t uid = 12345;
        char *home, *expected;

        g_assert_cmpint(user_by_name("no such user", &uid), ==, -ENOENT);
        g_assert_cmpuint(uid, ==, 12345);
        if (!root) {
                g_test_skip("no user database");
                return;
        }
        expected = g_strdup(root->pw_dir);
        g_assert_cmpint(user_by_name(root->pw_name, &uid), ==, 0);
        g_assert_cmpuint(uid, ==, 0);
        g_assert_cmpint(user_home(0, &home), ==, 0);
        g_assert_cmpstr(home, ==, expected);
        free(home);
        g_free(expected);
}

static void test_no_memory(void)
{
        uid_t uid;
        char *home;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                return;
        }
        fail_alloc_after(0);
        g_assert_cmpint(user_by_name("root", &uid), ==, -ENOMEM);
        g_assert_true(fail_alloc_end());
        fail_alloc_after(0);
        g_assert_cmpint(user_home(0, &home), ==, -ENOMEM);
        g_assert_true(fail_alloc_end());
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/user/parse", test_parse);
        g_test_add_func("/user/database", test_database);
        g_test_add_func("/user/no-memory", test_no_memory);
        return g_test_run();
}
