/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/resource.h>

#include "bus/launch-helper/choice.h"

#define NAME "a.a"

/* Two directories with a file of the name in each. */
struct place {
        char *top, *dirs[2];
        struct choice c;
};

static void set_up(struct place *p, gconstpointer data)
{
        (void)data;
        p->top = g_dir_make_tmp("choice-XXXXXX", NULL);
        p->c = (struct choice){.name = NAME};
        p->c.conf.dirs = p->dirs;
        p->c.conf.n_dirs = 2;
        for (unsigned i = 0; i < 2; ++i) {
                g_autofree char *file = NULL, *text = NULL;

                p->dirs[i] = g_strdup_printf("%s/%u", p->top, i);
                file = g_strdup_printf("%s/" NAME ".service", p->dirs[i]);
                text = g_strdup_printf("[D-BUS Service]\nName=" NAME "\nExec=%u\nUser=root\n", i);
                g_assert_cmpint(g_mkdir(p->dirs[i], 0700), ==, 0);
                g_assert_true(g_file_set_contents(file, text, -1, NULL));
        }
}

static void remove_file(const struct place *p, unsigned i)
{
        g_autofree char *file = g_strdup_printf("%s/" NAME ".service", p->dirs[i]);

        g_assert_cmpint(g_remove(file), ==, 0);
}

static void tear_down(struct place *p, gconstpointer data)
{
        (void)data;
        for (unsigned i = 0; i < 2; ++i) {
                remove_file(p, i);
                g_assert_cmpint(g_rmdir(p->dirs[i]), ==, 0);
                g_free(p->dirs[i]);
        }
        g_assert_cmpint(g_rmdir(p->top), ==, 0);
        g_free(p->top);
        /* The directories are not its own. */
        p->c.conf = (struct system_conf){0};
        choice_deinit(&p->c);
}

static void test_order(struct place *p, gconstpointer data)
{
        g_autofree char *file = g_strdup_printf("%s/" NAME ".service", p->dirs[0]);

        (void)data;
        g_assert_cmpint(choice_find_service(&p->c), ==, LAUNCH_OK);
        g_assert_cmpint(choice_check_service(&p->c), ==, LAUNCH_OK);
        g_assert_cmpstr(p->c.service.exec, ==, "0");
        service_file_deinit(&p->c.service);
        remove_file(p, 0);
        g_assert_cmpint(choice_find_service(&p->c), ==, LAUNCH_OK);
        g_assert_cmpstr(p->c.service.exec, ==, "1");
        g_assert_true(g_file_set_contents(file, "", -1, NULL));
}

/* That a file could not be opened for want of descriptors says nothing about it. */
static void test_no_descriptors(struct place *p, gconstpointer data)
{
        struct rlimit before, none;

        (void)data;
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
        none = (struct rlimit){0, before.rlim_max};
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        g_assert_cmpint(choice_find_service(&p->c), ==, LAUNCH_FAILED);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
        g_assert_cmpstr(p->c.fault.name, ==, ERROR_LIMITS_EXCEEDED);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add("/choice/order", struct place, NULL, set_up, test_order, tear_down);
        g_test_add("/choice/no-descriptors", struct place, NULL, set_up, test_no_descriptors,
                   tear_down);
        return g_test_run();
}
