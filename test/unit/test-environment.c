/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "bus/environment.h"
#include "fail-alloc.h"

/* What a program would see, joined by |. */
static void assert_sees(const struct environment *e, const char *expected)
{
        char *together = g_strjoinv("|", e->vector);

        g_assert_cmpstr(together, ==, expected);
        g_free(together);
}

static void test_initial(void)
{
        char **from = g_strsplit("A=1|LISTEN_FDS=1|LISTEN_PID=1|LISTEN_FDNAMES=x|B|=odd|C=x=y|"
                                 "JOURNAL_STREAM=|INVOCATION_ID=1|NOTIFY_SOCKET|LISTEN_FD=|A=2|"
                                 "LISTEN_FDSS=",
                                 "|", -1);
        static char *const nothing[] = {NULL};
        struct environment e;

        g_assert_cmpint(environment_init(&e, from), ==, 0);
        assert_sees(&e, "A=2|B=|=odd|C=x=y|LISTEN_FD=|LISTEN_FDSS=");
        environment_deinit(&e);
        g_strfreev(from);
        g_assert_cmpint(environment_init(&e, nothing), ==, 0);
        assert_sees(&e, "");
        environment_deinit(&e);
}

static void test_set(void)
{
        static char *const nothing[] = {NULL};
        struct environment e;

        g_assert_cmpint(environment_init(&e, nothing), ==, 0);
        g_assert_cmpint(environment_set(&e, "A", "1"), ==, 0);
        g_assert_cmpint(environment_set(&e, "A=B", "2"), ==, 0);
        g_assert_cmpint(environment_set(&e, "", "3"), ==, 0);
        g_assert_cmpint(environment_set(&e, "A", "=4"), ==, 0);
        /* Only what we were started with is withheld. */
        g_assert_cmpint(environment_set(&e, "NOTIFY_SOCKET", ""), ==, 0);
        assert_sees(&e, "A==4|A=B=2|=3|NOTIFY_SOCKET=");
        for (unsigned i = 0; i < 1000; i++) {
                char name[16];

                g_snprintf(name, sizeof(name), "N%u", i % 500);
                g_assert_cmpint(environment_set(&e, name, i < 500 ? "old" : "new"), ==, 0);
        }
        g_assert_cmpuint(g_strv_length(e.vector), ==, 504);
        g_assert_cmpstr(environment_vector(&e)[503], ==, "N499=new");
        environment_deinit(&e);
}

static void test_no_memory(void)
{
        static char a[] = "A=1", b[] = "B=2";
        static char *const from[] = {a, b, NULL};
        unsigned n = 0;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        for (bool failed = true; failed; n++) {
                struct environment e;
                int r;

                fail_alloc_after(n);
                r = environment_init(&e, from);
                failed = fail_alloc_end();
                g_assert_cmpint(r, ==, failed ? -ENOMEM : 0);
                if (failed)
                        continue;
                fail_alloc_after(0);
                g_assert_cmpint(environment_set(&e, "A", "3"), ==, -ENOMEM);
                g_assert_true(fail_alloc_end());
                assert_sees(&e, "A=1|B=2");
                environment_deinit(&e);
        }
        g_assert_cmpuint(n, >, 3);
}

/* Without memory for all of them, none is set. */
static void test_all_or_nothing(void)
{
        static char a[] = "A=1", b[] = "B=2";
        static char *const few[] = {a, b, NULL}, *const none[] = {NULL};
        static char *const *const from[] = {few, none};
        static const char *const before[] = {"A=1|B=2", ""}, *const after[] = {"A=3|B=2|C=4|D=",
                                                                               "A=3|C=4|D="};
        static const struct environment_setting settings[] = {
                {"A", "2"}, {"C", "4"}, {"D", ""}, {"A", "3"}};

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        for (size_t i = 0; i < G_N_ELEMENTS(from); i++) {
                unsigned n = 0;

                for (bool failed = true; failed; n++) {
                        struct environment e;
                        int r;

                        g_assert_cmpint(environment_init(&e, from[i]), ==, 0);
                        fail_alloc_after(n);
                        r = environment_set_all(&e, settings, G_N_ELEMENTS(settings));
                        failed = fail_alloc_end();
                        g_assert_cmpint(r, ==, failed ? -ENOMEM : 0);
                        assert_sees(&e, failed ? before[i] : after[i]);
                        environment_deinit(&e);
                }
                g_assert_cmpuint(n, >, G_N_ELEMENTS(settings));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/environment/initial", test_initial);
        g_test_add_func("/environment/set", test_set);
        g_test_add_func("/environment/no-memory", test_no_memory);
        g_test_add_func("/environment/all-or-nothing", test_all_or_nothing);
        return g_test_run();
}
