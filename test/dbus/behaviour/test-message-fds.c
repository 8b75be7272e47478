/* SPDX-License-Identifier: MIT */
/* Descriptors in messages: who owns which, and when they are closed. */

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "harness.h"

static unsigned count_fds(void)
{
        DIR *dir = opendir("/proc/self/fd");
        unsigned n = 0;

        while (readdir(dir))
                n += 1;
        closedir(dir);
        return n;
}

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

static bool is_same_file(int one, int other)
{
        struct stat a, b;

        return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev &&
               a.st_ino == b.st_ino;
}

/* The reading end of a pipe nobody else has. */
static int a_file(void)
{
        int ends[2];

        g_assert_cmpint(pipe(ends), ==, 0);
        close(ends[1]);
        return ends[0];
}

static DBusMessage *empty(void)
{
        return dbus_message_new_method_call(NULL, "/a", "a.b", "C");
}

static DBusMessage *with_fds(const int *fds, size_t n)
{
        DBusMessage *m = empty();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        for (size_t i = 0; i < n; i++)
                g_assert_true(dbus_message_iter_append_basic(&iter, DBUS_TYPE_UNIX_FD, &fds[i]));
        return m;
}

static void contains(void)
{
        int fd = a_file();
        DBusMessage *m = empty();

        g_assert_false(dbus_message_contains_unix_fds(m));
        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
        g_assert_true(dbus_message_contains_unix_fds(m));
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "h");
        dbus_message_unref(m);
        close(fd);
}

static void appended_are_duplicates(void)
{
        unsigned before = count_fds();
        int fd = a_file(), got = -1;
        DBusMessage *m = with_fds(&fd, 1);

        g_assert_cmpuint(count_fds(), ==, before + 2);
        close(fd);
        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_UNIX_FD, &got, DBUS_TYPE_INVALID));
        g_assert_true(is_open(got));
        dbus_message_unref(m);
        g_assert_true(is_open(got));
        close(got);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void read_are_duplicates(void)
{
        unsigned before = count_fds();
        int fd = a_file(), one = -1, two = -1;
        DBusMessage *m = with_fds(&fd, 1);
        DBusMessageIter iter;

        dbus_message_iter_init(m, &iter);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_UNIX_FD);
        dbus_message_iter_get_basic(&iter, &one);
        dbus_message_iter_get_basic(&iter, &two);
        g_assert_cmpint(one, !=, two);
        g_assert_cmpint(one, !=, fd);
        g_assert_true(is_same_file(one, fd) && is_same_file(two, fd));
        /* Whoever reads one gets it with FD_CLOEXEC. */
        g_assert_cmpint(fcntl(one, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        close(one);
        close(two);
        close(fd);
        dbus_message_unref(m);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void in_order(void)
{
        int fds[5];
        DBusMessage *m;
        DBusMessageIter iter;

        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
                fds[i] = a_file();
        m = with_fds(fds, G_N_ELEMENTS(fds));
        dbus_message_iter_init(m, &iter);
        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++) {
                int got = -1;

                dbus_message_iter_get_basic(&iter, &got);
                g_assert_true(is_same_file(got, fds[i]));
                close(got);
                dbus_message_iter_next(&iter);
        }
        dbus_message_set_serial(m, 1);
        dump_bytes("in order", m);
        dump_body("in order", m);
        dbus_message_unref(m);
        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
                close(fds[i]);
}

static void same_twice(void)
{
        unsigned before = count_fds();
        int fd = a_file();
        DBusMessage *m = with_fds((const int[]){fd, fd}, 2);

        g_assert_cmpuint(count_fds(), ==, before + 3);
        dbus_message_set_serial(m, 1);
        dump_bytes("twice", m);
        dbus_message_unref(m);
        close(fd);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void in_containers(void)
{
        unsigned before = count_fds();
        int fd = a_file();
        DBusMessage *m = empty();
        DBusMessageIter iter, one, two;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "h", &one);
        g_assert_true(dbus_message_iter_append_basic(&one, DBUS_TYPE_UNIX_FD, &fd));
        g_assert_true(dbus_message_iter_append_basic(&one, DBUS_TYPE_UNIX_FD, &fd));
        dbus_message_iter_close_container(&iter, &one);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &one);
        dbus_message_iter_open_container(&one, DBUS_TYPE_VARIANT, "h", &two);
        g_assert_true(dbus_message_iter_append_basic(&two, DBUS_TYPE_UNIX_FD, &fd));
        dbus_message_iter_close_container(&one, &two);
        dbus_message_iter_close_container(&iter, &one);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "ah(v)");
        dump_body("containers", m);
        dbus_message_set_serial(m, 1);
        dump_bytes("containers", m);
        dbus_message_iter_init(m, &iter);
        g_assert_cmpint(dbus_message_iter_get_element_count(&iter), ==, 2);
        dbus_message_unref(m);
        close(fd);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void copy(void)
{
        unsigned before = count_fds();
        int fd = a_file(), got = -1;
        DBusMessage *m = with_fds(&fd, 1), *other = dbus_message_copy(m);

        g_assert_cmpuint(count_fds(), ==, before + 3);
        dbus_message_unref(m);
        g_assert_true(
                dbus_message_get_args(other, NULL, DBUS_TYPE_UNIX_FD, &got, DBUS_TYPE_INVALID));
        g_assert_true(is_same_file(got, fd));
        close(got);
        dbus_message_unref(other);
        close(fd);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void copy_and_more(void)
{
        unsigned before = count_fds();
        int fd = a_file();
        DBusMessage *m = with_fds(&fd, 1), *other = dbus_message_copy(m);

        g_assert_true(dbus_message_append_args(other, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
        dump_body("one", m);
        dump_body("two", other);
        dbus_message_unref(m);
        dbus_message_unref(other);
        close(fd);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void with_other_arguments(void)
{
        int fd = a_file(), got = -1;
        DBusMessage *m = empty();
        const char *text = "text", *got_text = NULL;
        dbus_uint32_t number = 5, got_number = 0;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_UNIX_FD, &fd,
                                               DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID));
        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &got_text, DBUS_TYPE_UNIX_FD,
                                            &got, DBUS_TYPE_UINT32, &got_number,
                                            DBUS_TYPE_INVALID));
        g_assert_cmpstr(got_text, ==, text);
        g_assert_cmpuint(got_number, ==, 5);
        g_assert_true(is_same_file(got, fd));
        close(got);
        close(fd);
        dbus_message_unref(m);
}

/* What was handed out before the mistake was found. */
static void mistake_behind(void)
{
        unsigned before = count_fds();
        int fd = a_file(), got = -1;
        DBusMessage *m = with_fds((const int[]){fd}, 1);
        DBusError error = DBUS_ERROR_INIT;
        const char *text = NULL;

        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_UNIX_FD, &got, DBUS_TYPE_STRING,
                                             &text, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        note("descriptors more: %d", (int)count_fds() - (int)before - 2);
        if (count_fds() > before + 2)
                close(got);
        dbus_message_unref(m);
        close(fd);
}

static void bad_descriptor(void)
{
        int fd = 9999;
        DBusMessage *m = empty();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        g_assert_false(dbus_message_iter_append_basic(&iter, DBUS_TYPE_UNIX_FD, &fd));
        note("signature: %s, fds: %d", dbus_message_get_signature(m),
             dbus_message_contains_unix_fds(m));
        dbus_message_unref(m);
}

static void demarshalled_without(void)
{
        int fd = a_file();
        DBusMessage *m = with_fds(&fd, 1), *other;
        DBusError error = DBUS_ERROR_INIT;
        char *bytes = NULL;
        int n = 0;

        dbus_message_set_serial(m, 1);
        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        other = dbus_message_demarshal(bytes, n, &error);
        g_assert_null(other);
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_free(bytes);
        dbus_message_unref(m);
        close(fd);
}

static void abandoned(void)
{
        unsigned before = count_fds();
        int fd = a_file();
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "h", &sub);
        g_assert_true(dbus_message_iter_append_basic(&sub, DBUS_TYPE_UNIX_FD, &fd));
        dbus_message_iter_abandon_container(&iter, &sub);
        dbus_message_unref(m);
        close(fd);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void many(void)
{
        unsigned before = count_fds();
        int fd = a_file(), fds[200];
        DBusMessage *m;

        for (size_t i = 0; i < G_N_ELEMENTS(fds); i++)
                fds[i] = fd;
        m = with_fds(fds, G_N_ELEMENTS(fds));
        g_assert_cmpuint(count_fds(), ==, before + 1 + G_N_ELEMENTS(fds));
        dbus_message_unref(m);
        close(fd);
        g_assert_cmpuint(count_fds(), ==, before);
}

/* Messages that come back from where they are kept for later have no descriptors left. */
/* The application reads of its limit, not of memory that is short, and has got nothing. */
static void no_room(void)
{
        int fd = a_file(), one = -7, two = -7, rest[64];
        DBusMessage *m = with_fds((int[]){fd, fd}, 2);
        DBusError error = DBUS_ERROR_INIT;
        struct rlimit old, low;
        DBusMessageIter iter;
        size_t n = 0;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
        low = (struct rlimit){.rlim_cur = G_N_ELEMENTS(rest), .rlim_max = old.rlim_max};
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &low), ==, 0);
        while (n < G_N_ELEMENTS(rest) && (rest[n] = dup(fd)) >= 0)
                n += 1;
        close(rest[--n]);
        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_UNIX_FD, &one, DBUS_TYPE_UNIX_FD,
                                             &two, DBUS_TYPE_INVALID));
        g_assert_cmpstr(error.name, ==, DBUS_ERROR_LIMITS_EXCEEDED);
        g_assert_true(g_str_has_prefix(error.message, "Could not duplicate fd "));
        dbus_error_free(&error);
        g_assert_cmpint(one, ==, -1);
        g_assert_cmpint(two, ==, -7);
        rest[n] = dup(fd);
        g_assert_cmpint(rest[n++], >=, 0);
        dbus_message_iter_init(m, &iter);
        dbus_message_iter_get_basic(&iter, &one);
        g_assert_cmpint(one, ==, -1);
        g_assert_false(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
        g_assert_null(dbus_message_copy(m));
        while (n)
                close(rest[--n]);
        setrlimit(RLIMIT_NOFILE, &old);
        dbus_message_unref(m);
        close(fd);
}

static void none_left_over(void)
{
        int fd = a_file();

        for (unsigned i = 0; i < 20; i++) {
                DBusMessage *m = empty();

                g_assert_false(dbus_message_contains_unix_fds(m));
                dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
                dbus_message_unref(m);
        }
        close(fd);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/fds/contains", contains},
                {"/fds/appended-duplicates", appended_are_duplicates},
                {"/fds/read-duplicates", read_are_duplicates},
                {"/fds/in-order", in_order},
                {"/fds/same-twice", same_twice},
                {"/fds/containers", in_containers},
                {"/fds/copy", copy},
                {"/fds/copy-and-more", copy_and_more},
                {"/fds/with-others", with_other_arguments},
                {"/fds/mistake-behind", mistake_behind},
                {"/fds/bad-descriptor", bad_descriptor},
                {"/fds/demarshalled-without", demarshalled_without},
                {"/fds/abandoned", abandoned},
                {"/fds/many", many},
                {"/fds/no-room", no_room},
                {"/fds/none-left-over", none_left_over},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
