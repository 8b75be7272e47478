/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/keyring.h"
#include "fail-alloc.h"

#define CONTEXT "org_example_test"

/* A directory with a keyring directory in it, which may be missing. */
struct fixture {
        char *root, *directory, *file, *lock;
};

static void set_up(struct fixture *f, gconstpointer data)
{
        (void)data;
        f->root = g_dir_make_tmp("keyring-XXXXXX", NULL);
        f->directory = g_build_filename(f->root, "keyrings", NULL);
        f->file = g_build_filename(f->directory, CONTEXT, NULL);
        f->lock = g_strconcat(f->file, ".lock", NULL);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
        (void)data;
        g_chmod(f->directory, 0700);
        g_unlink(f->lock);
        g_unlink(f->file);
        /* Nothing else was left behind. */
        if (g_file_test(f->directory, G_FILE_TEST_IS_DIR))
                g_assert_cmpint(g_rmdir(f->directory), ==, 0);
        g_assert_cmpint(g_rmdir(f->root), ==, 0);
        g_free(f->lock);
        g_free(f->file);
        g_free(f->directory);
        g_free(f->root);
}

static void write_file(const struct fixture *f, const char *text)
{
        g_mkdir(f->directory, 0700);
        g_assert_true(g_file_set_contents_full(f->file, text, -1, G_FILE_SET_CONTENTS_CONSISTENT,
                                               0600, NULL));
}

static char *read_file(const struct fixture *f)
{
        char *text;

        g_assert_true(g_file_get_contents(f->file, &text, NULL, NULL));
        return text;
}

static mode_t mode_of(const char *path)
{
        struct stat st;

        g_assert_cmpint(lstat(path, &st), ==, 0);
        return st.st_mode & 07777;
}

/* Gets a cookie and expects this one; id -1: a new one. */
static void expect_cookie(const struct fixture *f, int32_t id, const char *secret)
{
        int32_t got = -1;
        char *s = NULL;

        g_assert_cmpint(keyring_get_cookie(f->directory, CONTEXT, &got, &s), ==, 0);
        if (id >= 0) {
                g_assert_cmpint(got, ==, id);
                g_assert_cmpstr(s, ==, secret);
        } else {
                g_assert_cmpint(got, >=, 0);
                g_assert_cmpuint(strlen(s), ==, 48);
                g_assert_cmpuint(strspn(s, "0123456789abcdef"), ==, 48);
        }
        keyring_forget(s);
        g_assert_false(g_file_test(f->lock, G_FILE_TEST_EXISTS));
}

static void expect_error(const struct fixture *f, int error)
{
        char *secret = NULL;
        int32_t id;

        g_assert_cmpint(keyring_get_cookie(f->directory, CONTEXT, &id, &secret), ==, error);
        g_assert_null(secret);
}

static void test_context(void)
{
        static const char *const bad[] = {"",     "a/b", "a\\b", "a b", "a\nb",    "a\rb",
                                          "a\tb", "a.b", ".",    "..",  "\xc3\xa9"};
        char long_name[257];

        g_assert_true(keyring_context_valid(KEYRING_DEFAULT_CONTEXT));
        g_assert_true(keyring_context_valid("x"));
        g_assert_true(keyring_context_valid("a-b:c~\x7f"));
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
                g_assert_false(keyring_context_valid(bad[i]));
        memset(long_name, 'x', 256);
        long_name[256] = '\0';
        g_assert_false(keyring_context_valid(long_name));
        long_name[200] = '\0';
        g_assert_true(keyring_context_valid(long_name));
}

static void test_bad_context(struct fixture *f, gconstpointer data)
{
        char *secret;
        int32_t id;

        (void)data;
        g_assert_cmpint(keyring_get_cookie(f->directory, "../x", &id, &secret), ==, -EINVAL);
        g_assert_cmpint(keyring_find_cookie(f->directory, "../x", 1, &secret), ==, -EINVAL);
        g_assert_false(g_file_test(f->directory, G_FILE_TEST_EXISTS));
}

/* The first cookie makes the directory and the file; the next client gets the same one. */
static void test_new(struct fixture *f, gconstpointer data)
{
        char *secret, *again, *text, *expected;
        int32_t id, id_again;
        time_t before = time(NULL);
        bool found = false;

        (void)data;
        g_assert_cmpint(keyring_get_cookie(f->directory, CONTEXT, &id, &secret), ==, 0);
        g_assert_cmpint(mode_of(f->directory), ==, 0700);
        g_assert_cmpint(mode_of(f->file), ==, 0600);
        text = read_file(f);
        for (time_t t = before; t <= time(NULL) && !found; t++) {
                expected = g_strdup_printf("%d %lld %s\n", id, (long long)t, secret);
                found = strcmp(text, expected) == 0;
                g_free(expected);
        }
        g_assert_true(found);
        g_free(text);
        expect_cookie(f, id, secret);
        g_assert_cmpint(keyring_find_cookie(f->directory, CONTEXT, id, &again), ==, 0);
        g_assert_cmpstr(again, ==, secret);
        keyring_forget(again);
        keyring_forget(secret);

        /* Another file, another cookie. */
        g_unlink(f->file);
        g_assert_cmpint(keyring_get_cookie(f->directory, CONTEXT, &id_again, &again), ==, 0);
        g_assert_cmpint(id_again, !=, id);
        keyring_forget(again);
}

/* Ages in seconds at which a cookie is used, kept or removed. */
static void test_ages(struct fixture *f, gconstpointer data)
{
        static const struct {
                int age;
                bool used, kept;
        } cases[] = {
                {0, true, true},      {10, true, true},       {290, true, true},
                {303, false, true},   {410, false, true},     {423, false, false},
                {-10, true, true},    {-290, true, true},     {-310, false, false},
                {9999, false, false}, {-99999, false, false},
        };

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char *line = g_strdup_printf("7 %lld aabb\n", (long long)time(NULL) - cases[i].age);
                char *text;

                g_test_message("age %d", cases[i].age);
                write_file(f, line);
                expect_cookie(f, cases[i].used ? 7 : -1, "aabb");
                text = read_file(f);
                if (cases[i].used)
                        g_assert_cmpstr(text, ==, line);
                else
                        g_assert_cmpint(g_str_has_prefix(text, line), ==, cases[i].kept);
                g_free(text);
                g_free(line);
        }
}

static void test_order(struct fixture *f, gconstpointer data)
{
        long long now = time(NULL);
        char *text;

        (void)data;
        /* The first that is recent enough, whichever is newer. */
        text = g_strdup_printf("6 %lld 00\n8 %lld ccdd\n7 %lld aabb\n", now - 350, now - 100, now);
        write_file(f, text);
        expect_cookie(f, 8, "ccdd");
        g_free(text);
}

static void test_lines(struct fixture *f, gconstpointer data)
{
        /* %s is the time. */
        static const struct {
                const char *text;
                int32_t id; /* -1: not a cookie */
                const char *secret;
        } cases[] = {
                {"7 %s aabb\n", 7, "aabb"},
                {"7 %s aabb", 7, "aabb"},
                {"7 %s aabb\r\n", 7, "aabb"},
                {" 7 \t%s  AaBB\n", 7, "aabb"},
                {"0 %s a\n", 0, "a0"},
                {"2147483647 %s aabb\n", 2147483647, "aabb"},
                {"# comment\n\nx 5 aa\n7 %s aabb\n", 7, "aabb"},
                {"2147483648 %s aabb\n", -1, NULL},
                {"99999999999999999999 %s aabb\n", -1, NULL},
                {"-7 %s aabb\n", -1, NULL},
                {"7 -%s aabb\n", -1, NULL},
                {"7 %sx aabb\n", -1, NULL},
                {"7 %s aabb \n", -1, NULL},
                {"7 %s aabb cc\n", -1, NULL},
                {"7 %s aaxx\n", -1, NULL},
                {"7 %s\n", -1, NULL},
                {"7 %s \n", -1, NULL},
                {"7 aabb\n", -1, NULL},
                {"7 %s aa\rbb\n", -1, NULL},
                /* Bytes that no server writes: the whole file is suspect. */
                {"7 %s aabb\n8 1 \xc3\xa9\n", -1, NULL},
        };

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char *now = g_strdup_printf("%lld", (long long)time(NULL));
                char **parts = g_strsplit(cases[i].text, "%s", 2);
                char *text = g_strjoinv(now, parts);

                g_test_message("%s", cases[i].text);
                write_file(f, text);
                expect_cookie(f, cases[i].id, cases[i].secret);
                g_free(text);
                g_strfreev(parts);
                g_free(now);
        }
}

/* What is not a cookie is gone when the file is written anew, and only then. */
static void test_rewrite(struct fixture *f, gconstpointer data)
{
        long long now = time(NULL);
        char *text =
                g_strdup_printf("7 %lld AABB\njunk\n9 5 ee\n8 %lld ccdd\n", now - 310, now - 305);
        char *kept = g_strdup_printf("7 %lld aabb\n8 %lld ccdd\n", now - 310, now - 305);
        char *after;

        (void)data;
        write_file(f, text);
        expect_cookie(f, -1, NULL);
        after = read_file(f);
        g_assert_true(g_str_has_prefix(after, kept));
        g_assert_null(strstr(after, "junk"));
        g_assert_cmpint(after[strlen(after) - 1], ==, '\n');
        g_free(after);
        g_free(kept);
        g_free(text);
}

/* A file with more than can be is cut, but the new cookie gets in. */
static void test_many(struct fixture *f, gconstpointer data)
{
        GString *text = g_string_new("");
        char *after, *secret;
        unsigned n = 0;

        (void)data;
        for (int i = 0; i < 300; i++)
                g_string_append_printf(text, "%d %lld aabb\n", i, (long long)time(NULL) - 310);
        write_file(f, text->str);
        expect_cookie(f, -1, NULL);
        after = read_file(f);
        for (const char *p = after; *p; p++)
                n += *p == '\n';
        g_assert_cmpuint(n, ==, 256);
        g_assert_cmpint(keyring_find_cookie(f->directory, CONTEXT, 254, &secret), ==, 0);
        keyring_forget(secret);
        g_assert_cmpint(keyring_find_cookie(f->directory, CONTEXT, 255, &secret), ==, -ENOENT);
        g_free(after);

        /* Much too large: as if it were not there. */
        g_string_truncate(text, 0);
        while (text->len <= 1024 * 1024)
                g_string_append_printf(text, "%d %lld aabb\n", 1, (long long)time(NULL));
        write_file(f, text->str);
        expect_cookie(f, -1, NULL);
        g_string_free(text, TRUE);
}

static void test_modes(struct fixture *f, gconstpointer data)
{
        static const struct {
                mode_t mode;
                int result;
        } cases[] = {{0700, 0},       {0711, 0},       {01700, 0},      {0701, 0},
                     {0750, -EACCES}, {0720, -EACCES}, {0755, -EACCES}, {0707, -EACCES},
                     {0702, -EACCES}, {0704, -EACCES}, {0777, -EACCES}};

        (void)data;
        g_mkdir(f->directory, 0700);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char *secret;

                g_chmod(f->directory, cases[i].mode);
                if (cases[i].result)
                        expect_error(f, cases[i].result);
                else
                        expect_cookie(f, -1, NULL);
                g_assert_cmpint(keyring_find_cookie(f->directory, CONTEXT, -1, &secret), ==,
                                cases[i].result ? cases[i].result : -ENOENT);
                g_unlink(f->file);
        }
}

static void test_other_owner(struct fixture *f, gconstpointer data)
{
        (void)data;
        if (geteuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        g_mkdir(f->directory, 0700);
        g_assert_cmpint(chown(f->directory, 65534, 65534), ==, 0);
        expect_error(f, -EACCES);
        g_assert_cmpint(chown(f->directory, 0, 0), ==, 0);
        expect_cookie(f, -1, NULL);
}

static void test_wrong_files(struct fixture *f, gconstpointer data)
{
        char *secret, *missing = g_build_filename(f->root, "a", "b", NULL);
        int32_t id;

        (void)data;
        /* Only the last directory is made, and only by servers. */
        g_assert_cmpint(keyring_get_cookie(missing, CONTEXT, &id, &secret), ==, -ENOENT);
        g_free(missing);
        g_assert_cmpint(keyring_find_cookie(f->directory, CONTEXT, 1, &secret), ==, -ENOENT);
        g_assert_false(g_file_test(f->directory, G_FILE_TEST_EXISTS));

        g_assert_true(g_file_set_contents(f->directory, "", 0, NULL));
        expect_error(f, -ENOTDIR);
        g_unlink(f->directory);

        g_mkdir(f->directory, 0700);
        g_mkdir(f->file, 0700);
        expect_error(f, -EISDIR);
        g_rmdir(f->file);
        /* A pipe in the file's place does not hold anyone up. */
        g_assert_cmpint(mkfifo(f->file, 0600), ==, 0);
        expect_error(f, -EISDIR);
}

static void set_lock(const struct fixture *f, time_t age)
{
        struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};

        g_mkdir(f->directory, 0700);
        g_assert_true(g_file_set_contents(f->lock, "", 0, NULL));
        g_assert_cmpint(utimensat(AT_FDCWD, f->lock, times, 0), ==, 0);
}

static void test_lock(struct fixture *f, gconstpointer data)
{
        char *line = g_strdup_printf("7 %lld aabb\n", (long long)time(NULL));
        gint64 start;
        char *secret;
        int32_t id;

        (void)data;
        /* Another server is at work: it is given some time, but not all of ours. */
        set_lock(f, 0);
        start = g_get_monotonic_time();
        expect_error(f, -EBUSY);
        g_assert_cmpint(g_get_monotonic_time() - start, >=, 5 * G_TIME_SPAN_MILLISECOND);
        g_assert_true(g_file_test(f->lock, G_FILE_TEST_EXISTS));
        g_assert_false(g_file_test(f->file, G_FILE_TEST_EXISTS));

        /* Reading needs no lock. */
        write_file(f, line);
        g_assert_cmpint(keyring_get_cookie(f->directory, CONTEXT, &id, &secret), ==, 0);
        g_assert_cmpint(id, ==, 7);
        keyring_forget(secret);
        g_unlink(f->file);

        /* Another server died at work, or the clock was wrong. */
        set_lock(f, 60);
        expect_cookie(f, -1, NULL);
        g_unlink(f->file);
        set_lock(f, -60);
        expect_cookie(f, -1, NULL);
        g_free(line);
}

/* Servers at the same time agree on a cookie, and none of theirs is lost. */
static void test_concurrent(struct fixture *f, gconstpointer data)
{
        pid_t pids[8];
        char *text;

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
                pids[i] = fork();
                if (!pids[i]) {
                        char *secret;
                        int32_t id;
                        int r = keyring_get_cookie(f->directory, CONTEXT, &id, &secret);

                        if (r == 0)
                                keyring_forget(secret);
                        _exit(r != 0 && r != -EBUSY);
                }
        }
        for (size_t i = 0; i < G_N_ELEMENTS(pids); i++) {
                int status;

                g_assert_cmpint(waitpid(pids[i], &status, 0), ==, pids[i]);
                g_assert_cmpint(status, ==, 0);
        }
        text = read_file(f);
        g_assert_cmpint(strchr(text, '\n') - text, ==, (int)strlen(text) - 1);
        g_free(text);
        expect_cookie(f, -1, NULL);
}

static void test_directory(void)
{
        char *old = g_strdup(g_getenv("HOME")), *path;

        g_setenv("HOME", "/somewhere", TRUE);
        g_assert_cmpint(keyring_directory(getuid(), &path), ==, 0);
        g_assert_cmpstr(path, ==, "/somewhere/.dbus-keyrings");
        free(path);
        /* The home of others is not in our environment. */
        if (keyring_directory(getuid() ? 0 : 1, &path) == 0) {
                g_assert_cmpstr(path, !=, "/somewhere/.dbus-keyrings");
                g_assert_true(g_str_has_suffix(path, "/.dbus-keyrings"));
                free(path);
        }
        g_setenv("HOME", "", TRUE);
        g_assert_cmpint(keyring_directory(getuid(), &path), ==, -ENOENT);
        g_unsetenv("HOME");
        if (keyring_directory(getuid(), &path) == 0) {
                g_assert_true(g_str_has_suffix(path, "/.dbus-keyrings"));
                free(path);
        }
        g_assert_cmpint(keyring_directory((uid_t)-2, &path), ==, -ENOENT);
        if (old)
                g_setenv("HOME", old, TRUE);
        g_free(old);
}

static void test_no_memory(struct fixture *f, gconstpointer data)
{
        char *line = g_strdup_printf("7 %lld aabb\n8 %lld cc\n", (long long)time(NULL) - 310,
                                     (long long)time(NULL) - 320);
        unsigned n_failed = 0;

        (void)data;
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                g_free(line);
                return;
        }
        for (unsigned n = 0;; n++) {
                char *secret = NULL, *text;
                int32_t id;
                int r;

                write_file(f, line);
                fail_alloc_after(n);
                r = keyring_get_cookie(f->directory, CONTEXT, &id, &secret);
                if (!fail_alloc_end()) {
                        g_assert_cmpint(r, ==, 0);
                        keyring_forget(secret);
                        break;
                }
                n_failed += r < 0;
                g_assert_false(g_file_test(f->lock, G_FILE_TEST_EXISTS));
                if (r < 0) {
                        g_assert_cmpint(r, ==, -ENOMEM);
                        g_assert_null(secret);
                }
                /* The file is whole, be it the old or the new one. */
                text = read_file(f);
                g_assert_true(g_str_has_prefix(text, line));
                g_free(text);
                keyring_forget(secret);
        }
        g_assert_cmpuint(n_failed, >=, 5);
        g_free(line);
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*test)(struct fixture *f, gconstpointer data);
        } tests[] = {
                {"/keyring/bad-context", test_bad_context},
                {"/keyring/new", test_new},
                {"/keyring/ages", test_ages},
                {"/keyring/order", test_order},
                {"/keyring/lines", test_lines},
                {"/keyring/rewrite", test_rewrite},
                {"/keyring/many", test_many},
                {"/keyring/modes", test_modes},
                {"/keyring/other-owner", test_other_owner},
                {"/keyring/wrong-files", test_wrong_files},
                {"/keyring/lock", test_lock},
                {"/keyring/concurrent", test_concurrent},
                {"/keyring/no-memory", test_no_memory},
        };

        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/keyring/context", test_context);
        g_test_add_func("/keyring/directory", test_directory);
        for (size_t i = 0; i < G_N_ELEMENTS(tests); i++)
                g_test_add(tests[i].name, struct fixture, NULL, set_up, tests[i].test, tear_down);
        return g_test_run();
}
