/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/service-dirs.h"
#include "fail-alloc.h"

/* Two directories with files in them. */
struct place {
        char *top;
        struct config_service_dir dirs[2];
        struct config config;
};

static void set_up(struct place *p, gconstpointer data)
{
        static const char *const names[] = {"one", "two"};

        (void)data;
        *p = (struct place){.top = g_dir_make_tmp("test-service-dirs-XXXXXX", NULL)};
        for (unsigned i = 0; i < 2; i++) {
                p->dirs[i].path = g_build_filename(p->top, names[i], NULL);
                g_assert_cmpint(g_mkdir(p->dirs[i].path, 0700), ==, 0);
        }
        p->config.service_dirs = p->dirs;
        p->config.n_service_dirs = 2;
}

static void tear_down(struct place *p, gconstpointer data)
{
        (void)data;
        for (unsigned i = 0; i < 2; i++) {
                GDir *dir = g_dir_open(p->dirs[i].path, 0, NULL);
                const char *name;

                while ((name = g_dir_read_name(dir))) {
                        char *path = g_build_filename(p->dirs[i].path, name, NULL);

                        g_remove(path);
                        g_free(path);
                }
                g_dir_close(dir);
                g_rmdir(p->dirs[i].path);
                g_free(p->dirs[i].path);
        }
        g_rmdir(p->top);
        g_free(p->top);
}

/* Puts a file into place whole, with a time of its own: "one/a.service". */
static void put_text(struct place *p, const char *file, time_t mtime, const char *text)
{
        char *path = g_build_filename(p->top, file, NULL);
        const struct timespec times[2] = {{.tv_sec = mtime}, {.tv_sec = mtime}};

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
        g_assert_cmpint(utimensat(AT_FDCWD, path, times, 0), ==, 0);
        g_free(path);
}

static void put(struct place *p, const char *file, time_t mtime, const char *name, const char *exec)
{
        char *text = g_strdup_printf("[D-BUS Service]\nName=%s\nExec=%s\n", name, exec);

        put_text(p, file, mtime, text);
        g_free(text);
}

static void drop(struct place *p, const char *file)
{
        char *path = g_build_filename(p->top, file, NULL);

        g_assert_cmpint(g_remove(path), ==, 0);
        g_free(path);
}

static void start(struct place *p, struct service_dirs *s)
{
        struct fault f = {0};

        g_assert_cmpint(service_dirs_init(s, &p->config, &f), ==, 0);
}

/* The names in their order, joined by |. */
static void assert_names(const struct service_dirs *s, const char *expected)
{
        GPtrArray *names = g_ptr_array_new();
        char *together;

        for (struct list *l = s->services.next; l != &s->services; l = l->next)
                g_ptr_array_add(names, container_of(l, struct service, of_services)->data.name);
        g_ptr_array_add(names, NULL);
        together = g_strjoinv("|", (char **)names->pdata);
        g_assert_cmpstr(together, ==, expected);
        g_free(together);
        g_ptr_array_free(names, TRUE);
}

/* `exec`: NULL if the name is to be unknown. */
static void assert_finds(struct service_dirs *s, const char *name, const char *exec)
{
        struct fault f = {0};
        struct service *service;
        int r = service_dirs_find(s, name, &service, &f);

        if (exec) {
                g_assert_cmpint(r, ==, 0);
                g_assert_cmpstr(service->data.exec, ==, exec);
                return;
        }
        g_assert_cmpint(r, ==, -1);
        g_assert_cmpstr(f.name, ==, ERROR_SERVICE_UNKNOWN);
        if (strcmp(name, "x.x") == 0)
                g_assert_cmpstr(f.text, ==, "The name x.x was not provided by any .service files");
        fault_clear(&f);
}

static void test_precedence(struct place *p, gconstpointer data)
{
        struct service_dirs s;

        (void)data;
        put(p, "one/a.a.service", 1000, "a.a", "1");
        put(p, "two/a.a.service", 1000, "a.a", "2");
        put(p, "two/b.b.service", 1000, "b.b", "3");
        start(p, &s);
        assert_names(&s, "a.a|b.b");
        assert_finds(&s, "a.a", "1");
        assert_finds(&s, "b.b", "3");
        assert_finds(&s, "x.x", NULL);
        /* The other one is not looked for before the next time. */
        drop(p, "one/a.a.service");
        assert_names(&s, "a.a|b.b");
        assert_finds(&s, "a.a", NULL);
        assert_names(&s, "b.b");
        assert_finds(&s, "a.a", "2");
        /* Who has the name keeps it. */
        put(p, "one/a.a.service", 3000, "a.a", "4");
        assert_finds(&s, "x.x", NULL);
        assert_finds(&s, "a.a", "2");
        service_dirs_deinit(&s);
}

static void test_changes(struct place *p, gconstpointer data)
{
        struct service_dirs s;

        (void)data;
        start(p, &s);
        assert_names(&s, "");
        put(p, "one/a.a.service", 1000, "a.a", "1");
        assert_finds(&s, "a.a", "1");
        put(p, "one/a.a.service", 1000, "a.a", "2");
        assert_finds(&s, "a.a", "1");
        put(p, "one/a.a.service", 1001, "a.a", "3");
        assert_finds(&s, "a.a", "3");
        put_text(p, "one/a.a.service", 1002, "x");
        assert_finds(&s, "a.a", "3");
        assert_finds(&s, "x.x", NULL);
        assert_finds(&s, "a.a", "3");
        put(p, "one/a.a.service", 1002, "a.a", "4");
        assert_finds(&s, "a.a", "4");
        service_dirs_deinit(&s);
}

static void test_new_name(struct place *p, gconstpointer data)
{
        struct service_dirs s;

        (void)data;
        put(p, "one/a.service", 1000, "a.a", "1");
        start(p, &s);
        put(p, "one/a.service", 2000, "a.c", "2");
        assert_finds(&s, "a.c", "2");
        assert_names(&s, "a.c");
        put(p, "one/a.service", 3000, "a.d", "3");
        assert_finds(&s, "a.c", "3");
        assert_names(&s, "a.d");
        /* Another's name: it has two files now, of which the other stays. */
        put(p, "two/b.service", 1000, "b.b", "4");
        assert_finds(&s, "b.b", "4");
        put(p, "one/a.service", 4000, "b.b", "5");
        assert_finds(&s, "a.d", NULL);
        assert_names(&s, "b.b");
        assert_finds(&s, "b.b", "4");
        drop(p, "two/b.service");
        assert_finds(&s, "b.b", NULL);
        assert_finds(&s, "b.b", "5");
        service_dirs_deinit(&s);
}

static void test_files(struct place *p, gconstpointer data)
{
        struct service_dirs s;
        char *link = g_build_filename(p->top, "two", "d.service", NULL);

        (void)data;
        put(p, "one/.service", 1000, "a.a", "1");
        put(p, "one/service", 1000, "b.b", "1");
        put(p, "one/x.services", 1000, "c.c", "1");
        put_text(p, "one/bad.service", 1000, "x");
        put_text(p, "one/nameless.service", 1000, "[D-BUS Service]\nExec=x\n");
        put_text(p, "one/idle.service", 1000, "[D-BUS Service]\nName=x.x\n");
        g_assert_cmpint(symlink("../one/service", link), ==, 0);
        start(p, &s);
        assert_names(&s, "a.a|b.b");
        service_dirs_deinit(&s);
        g_free(link);
}

static void test_no_directory(struct place *p, gconstpointer data)
{
        struct service_dirs s;

        (void)data;
        put(p, "two/a.a.service", 1000, "a.a", "1");
        g_rmdir(p->dirs[0].path);
        start(p, &s);
        assert_names(&s, "a.a");
        g_assert_cmpint(g_mkdir(p->dirs[0].path, 0700), ==, 0);
        put(p, "one/b.b.service", 1000, "b.b", "1");
        assert_finds(&s, "b.b", "1");
        service_dirs_deinit(&s);
}

/* In a process of its own: what is logged goes to standard error. */
static void test_strict_names(struct place *p, gconstpointer data)
{
        struct service_dirs s;

        (void)data;
        p->dirs[0].strict_names = true;
        put(p, "one/a.a.service", 1000, "a.a", "1");
        put(p, "one/b.service", 1000, "b.b", "1");
        put(p, "one/c.c.service", 1000, "c.c.service", "1");
        put(p, "one/d.dd.service", 1000, "d.d", "1");
        put(p, "two/e.service", 1000, "e.e", "1");
        if (g_test_subprocess()) {
                start(p, &s);
                assert_finds(&s, "a.a", "1");
                assert_finds(&s, "e.e", "1");
                put(p, "one/a.a.service", 2000, "a.b", "2");
                assert_finds(&s, "a.a", "1");
                g_assert_cmpuint(s.names.n_elements, ==, 2);
                service_dirs_deinit(&s);
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*Service file \"*/one/b.service\" should have been named "
                                  "\"b.b.service\": not loading it\n*");
        g_test_trap_assert_stderr(
                "*/one/a.a.service\" should have been named \"a.b.service\": not*");
        g_test_trap_assert_stderr("*/one/d.dd.service\" should*");
        g_test_trap_assert_stderr_unmatched("*/two/*");
}

static void test_helper(struct place *p, gconstpointer data)
{
        static char helper[] = "/nonexistent";
        struct service_dirs s;

        (void)data;
        p->config.servicehelper = helper;
        put(p, "one/a.service", 1000, "a.a", "1");
        if (g_test_subprocess()) {
                start(p, &s);
                assert_finds(&s, "a.a", "1");
                service_dirs_deinit(&s);
                return;
        }
        g_test_trap_subprocess(NULL, 0, 0);
        g_test_trap_assert_passed();
        g_test_trap_assert_stderr("*Service file \"*/one/a.service\" should have been named "
                                  "\"a.a.service\" and will not work with system bus activation\n");
}

/* Tries to find a service with so many descriptors left. */
static void find_with_room(struct service_dirs *s, unsigned room, const char *name)
{
        int next = open("/dev/null", O_RDONLY), r;
        struct rlimit before, few;
        struct fault f = {0};
        struct service *service;

        close(next);
        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &before), ==, 0);
        few = (struct rlimit){(rlim_t)next + room, before.rlim_max};
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &few), ==, 0);
        r = service_dirs_find(s, name, &service, &f);
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &before), ==, 0);
        g_assert_cmpint(r, ==, -1);
        g_assert_cmpstr(f.name, ==, ERROR_FAILED);
        fault_clear(&f);
}

/* A directory that cannot be opened for want of descriptors is not an empty one, and a file is not
 * one that is wrong: the next one with its name does not count then. */
static void test_no_descriptors(struct place *p, gconstpointer data)
{
        struct service_dirs s;

        (void)data;
        put(p, "one/a.a.service", 1000, "a.a", "1");
        start(p, &s);
        find_with_room(&s, 0, "b.b");
        put(p, "one/b.b.service", 1000, "b.b", "2");
        put(p, "two/b.b.service", 1000, "b.b", "3");
        find_with_room(&s, 1, "b.b");
        put(p, "one/a.a.service", 2000, "a.a", "4");
        find_with_room(&s, 0, "a.a");
        assert_finds(&s, "a.a", "4");
        assert_finds(&s, "b.b", "2");
        service_dirs_deinit(&s);
}

static void test_no_memory(struct place *p, gconstpointer data)
{
        unsigned n = 0;

        (void)data;
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        put(p, "one/a.a.service", 1000, "a.a", "1");
        put(p, "two/b.b.service", 1000, "b.b", "1");
        for (bool failed = true; failed; n++) {
                struct service_dirs s;
                struct fault f = {0};
                int r;

                fail_alloc_after(n);
                r = service_dirs_init(&s, &p->config, &f);
                failed = fail_alloc_end();
                /* Some libcs can do without part of what they ask for. */
                g_assert_true(failed || r == 0);
                g_assert_cmpstr(f.name, ==, r < 0 ? ERROR_NO_MEMORY : NULL);
                if (r < 0)
                        continue;
                assert_names(&s, "a.a|b.b");
                service_dirs_deinit(&s);
        }
        g_assert_cmpuint(n, >, 15);
}

/* A file that is read again loses nothing if there is no memory for it. */
static void test_no_memory_for_changes(struct place *p, gconstpointer data)
{
        struct service_dirs s;
        unsigned n = 0;

        (void)data;
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        put(p, "one/a.a.service", 1000, "a.a", "1");
        start(p, &s);
        put(p, "one/a.a.service", 2000, "a.a", "2");
        for (bool failed = true; failed; n++) {
                struct service *service;
                struct fault f = {0};
                int r;

                fail_alloc_after(n);
                r = service_dirs_find(&s, "a.a", &service, &f);
                failed = fail_alloc_end();
                g_assert_cmpint(r, ==, failed ? -1 : 0);
                g_assert_cmpstr(f.name, ==, failed ? ERROR_NO_MEMORY : NULL);
                assert_names(&s, "a.a");
        }
        assert_finds(&s, "a.a", "2");
        service_dirs_deinit(&s);
}

static void add_test(const char *path, void (*test)(struct place *, gconstpointer))
{
        g_test_add(path, struct place, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        add_test("/service-dirs/precedence", test_precedence);
        add_test("/service-dirs/changes", test_changes);
        add_test("/service-dirs/new-name", test_new_name);
        add_test("/service-dirs/files", test_files);
        add_test("/service-dirs/no-directory", test_no_directory);
        add_test("/service-dirs/strict-names", test_strict_names);
        add_test("/service-dirs/helper", test_helper);
        add_test("/service-dirs/no-descriptors", test_no_descriptors);
        add_test("/service-dirs/no-memory", test_no_memory);
        add_test("/service-dirs/no-memory-for-changes", test_no_memory_for_changes);
        return g_test_run();
}
