/* SPDX-License-Identifier: MIT */
#include "bus/link-limits.h"

#include <glib.h>
#include <stdlib.h>

static const struct {
        const char *text;
        struct link_limits wanted;
} right[] = {
        {"", {true, 16, 256, 1024}},
        {"  \t\n", {true, 16, 256, 1024}},
        {"enabled=\"no\"", {false, 16, 256, 1024}},
        {"enabled=\"no\" enabled=\"yes\"", {true, 16, 256, 1024}},
        {" max=\"7\"", {true, 16, 256, 7}},
        {"max_per_connection=\"0\"\nmax_per_user=\"4294967295\" max=\"1\" ",
         {true, 0, 4294967295, 1}},
        {"max=\"1\"max_per_user=\"2\"", {true, 16, 2, 1}},
};

static const struct {
        const char *text, *error;
} wrong[] = {
        {"enabled=\"1\"", "enabled=\"1\""},
        {"max=\"\"", "max=\"\""},
        {"max=\"-1\"", "no number"},
        {"max=\"+1\"", "no number"},
        {"max=\" 1\"", "no number"},
        {"max=\"0x10\"", "no number"},
        {"max=\"4294967296\"", "no number"},
        {"max=\"99999999999999999999999\"", "no number"},
        {"most=\"1\"", "has no \"most\""},
        {"max", "no key"},
        {"max=1", "no key"},
        {"max=\"1", "no key"},
        {"max=\"1\" rest", "no key"},
};

static void test_right(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(right); ++i) {
                struct link_limits l;
                char *error;

                link_limits_init(&l);
                g_assert_cmpint(link_limits_parse(&l, right[i].text, &error), ==, 0);
                g_assert_null(error);
                g_assert_cmpint(l.enabled, ==, right[i].wanted.enabled);
                g_assert_cmpuint(l.max_per_connection, ==, right[i].wanted.max_per_connection);
                g_assert_cmpuint(l.max_per_user, ==, right[i].wanted.max_per_user);
                g_assert_cmpuint(l.max, ==, right[i].wanted.max);
        }
}

static void test_wrong(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(wrong); ++i) {
                struct link_limits l;
                char *error;

                link_limits_init(&l);
                g_assert_cmpint(link_limits_parse(&l, wrong[i].text, &error), >, 0);
                if (!strstr(error, wrong[i].error))
                        g_error("%s: %s", wrong[i].text, error);
                free(error);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-limits/right", test_right);
        g_test_add_func("/link-limits/wrong", test_wrong);
        return g_test_run();
}
