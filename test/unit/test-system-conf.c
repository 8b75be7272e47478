/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "bus/launch-helper/system-conf.h"
#include "fail-alloc.h"

/* A file whose content a test chooses. */
struct place {
        char *directory, *path;
};

static void set_up(struct place *p, gconstpointer data)
{
        (void)data;
        p->directory = g_dir_make_tmp("test-system-conf-XXXXXX", NULL);
        p->path = g_build_filename(p->directory, "system.conf", NULL);
}

static void tear_down(struct place *p, gconstpointer data)
{
        (void)data;
        g_remove(p->path);
        g_rmdir(p->directory);
        g_free(p->path);
        g_free(p->directory);
}

static void put(const struct place *p, const char *text)
{
        g_assert_true(g_file_set_contents(p->path, text, -1, NULL));
}

static void test_read(struct place *p, gconstpointer data)
{
        struct system_conf c;
        struct fault f = {0};
        char *relative = g_build_filename(p->directory, "r", NULL);

        (void)data;
        put(p,
            "<x><user> a<!-- b -->c </user><servicedir>/d</servicedir><y><servicedir>r</servicedir>"
            "</y><standard_system_servicedirs/><user/></x>");
        g_assert_cmpint(system_conf_read(p->path, &c, &f), ==, 0);
        g_assert_cmpstr(c.user, ==, "ac");
        g_assert_cmpuint(c.n_dirs, ==, 6);
        g_assert_cmpstr(c.dirs[0], ==, "/d");
        g_assert_cmpstr(c.dirs[1], ==, relative);
        g_assert_cmpstr(c.dirs[2], ==, "/usr/local/share/dbus-1/system-services");
        g_assert_cmpstr(c.dirs[3], ==, "/usr/share/dbus-1/system-services");
        g_assert_cmpstr(c.dirs[5], ==, "/lib/dbus-1/system-services");
        system_conf_deinit(&c);
        g_free(relative);
}

static void test_several_users(struct place *p, gconstpointer data)
{
        static const char *const texts[] = {
                "<x><user>a</user><user>b</user></x>",
                "<x><user>a</user><user>b</user><user>a</user></x>",
                "<x><user>a<user>a</user></user></x>",
                "<x/>",
                "<x><user> </user></x>",
        };

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct system_conf c;
                struct fault f = {0};

                put(p, texts[i]);
                g_assert_cmpint(system_conf_read(p->path, &c, &f), ==, 0);
                g_assert_cmpstr(c.user, ==, NULL);
                system_conf_deinit(&c);
        }
}

static void test_faulty(struct place *p, gconstpointer data)
{
        struct system_conf c;
        struct fault f = {0};
        char *expected =
                g_strdup_printf("Error in file %s, line 2, column 2: mismatched tag\n", p->path);

        (void)data;
        put(p, "<x><user>a</user>\n</y>");
        g_assert_cmpint(system_conf_read(p->path, &c, &f), ==, -1);
        g_assert_cmpstr(f.name, ==, ERROR_FAILED);
        g_assert_cmpstr(f.text, ==, expected);
        g_assert_null(c.user);
        fault_clear(&f);
        g_free(expected);
        g_remove(p->path);
        g_assert_cmpint(system_conf_read(p->path, &c, &f), ==, -1);
        g_assert_cmpstr(f.name, ==, ERROR_FILE_NOT_FOUND);
        fault_clear(&f);
        g_assert_cmpint(system_conf_read(p->directory, &c, &f), ==, -1);
        g_assert_cmpstr(f.name, ==, ERROR_FAILED);
        fault_clear(&f);
}

static void test_no_memory(struct place *p, gconstpointer data)
{
        unsigned n = 0;

        (void)data;
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        put(p, "<x><user>a</user><servicedir>/d</servicedir><standard_system_servicedirs/></x>");
        for (bool failed = true; failed; n++) {
                struct system_conf c;
                struct fault f = {0};
                int r;

                fail_alloc_after(n);
                r = system_conf_read(p->path, &c, &f);
                failed = fail_alloc_end();
                /* Some libcs can do without part of what they ask for. */
                g_assert_true(failed || r == 0);
                g_assert_cmpstr(f.name, ==, r < 0 ? ERROR_NO_MEMORY : NULL);
                g_assert_true(!c.user == (r < 0));
                g_assert_cmpuint(c.n_dirs, ==, r < 0 ? 0 : 5);
                system_conf_deinit(&c);
        }
        g_assert_cmpuint(n, >, 15);
}

static void add_test(const char *path, void (*test)(struct place *, gconstpointer))
{
        g_test_add(path, struct place, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_test("/system-conf/read", test_read);
        add_test("/system-conf/several-users", test_several_users);
        add_test("/system-conf/faulty", test_faulty);
        add_test("/system-conf/no-memory", test_no_memory);
        return g_test_run();
}
