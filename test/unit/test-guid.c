/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/guid.h"

#define SOME "0123456789abcdef0123456789abcdef"

static void test_new(void)
{
        char a[GUID_SIZE], b[GUID_SIZE];
        time_t before = time(NULL), tail;

        g_assert_cmpint(guid_new(a), ==, 0);
        g_assert_cmpint(guid_new(b), ==, 0);
        g_assert_true(guid_valid(a));
        g_assert_cmpstr(a, !=, b);
        /* The last eight digits are the time, the ones before are random. */
        tail = strtoll(a + 24, NULL, 16);
        g_assert_cmpint(tail, >=, before);
        g_assert_cmpint(tail, <=, time(NULL));
        g_assert_cmpint(strncmp(a, b, 24), !=, 0);
}

static void test_valid(void)
{
        g_assert_true(guid_valid(SOME));
        g_assert_true(guid_valid("0123456789ABCDEF0123456789abcdef"));
        g_assert_false(guid_valid(""));
        g_assert_false(guid_valid(SOME "0"));
        g_assert_false(guid_valid("0123456789abcdef0123456789abcde"));
        g_assert_false(guid_valid("0123456789abcdef0123456789abcdeg"));
        g_assert_false(guid_valid("01234567-89ab-cdef-0123-456789ab"));
        g_assert_false(guid_valid(" 123456789abcdef0123456789abcdef"));
}

static void test_machine_id(void)
{
        static const struct {
                const char *text;
                int result;
        } cases[] = {
                {SOME, 0},
                {SOME "\n", 0},
                {SOME "\n\n", 0},
                {"0123456789ABCDEF0123456789abcdef \t\r\n", 0},
                {" \n" SOME "\n", 0},
                {"", -EBADMSG},
                {"\n", -EBADMSG},
                {"0123456789abcdef0123456789abcde\n", -EBADMSG},
                {"0123456789abcdef0123456789abcdeg\n", -EBADMSG},
                {"01234567-89ab-cdef-0123-456789abcdef\n", -EBADMSG},
                {SOME "0\n", -EBADMSG},
                {SOME "\nx", -EBADMSG},
                {SOME "\v", -EBADMSG},
                {SOME "\n"
                      "                                                            "
                      "                                                            ",
                 -EBADMSG},
        };
        char *directory = g_dir_make_tmp("guid-XXXXXX", NULL);
        char *path = g_build_filename(directory, "machine-id", NULL);
        char id[GUID_SIZE];

        g_assert_cmpint(machine_id_read_from(path, id), ==, -ENOENT);
        g_assert_cmpint(machine_id_read_from(directory, id), ==, -EISDIR);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_assert_true(g_file_set_contents(path, cases[i].text, -1, NULL));
                memset(id, 'x', sizeof(id));
                g_assert_cmpint(machine_id_read_from(path, id), ==, cases[i].result);
                if (!cases[i].result)
                        g_assert_cmpstr(id, ==, SOME);
        }
        g_assert_true(g_file_set_contents(path, SOME "\0", 33, NULL));
        g_assert_cmpint(machine_id_read_from(path, id), ==, -EBADMSG);
        g_unlink(path);
        g_rmdir(directory);
        g_free(path);
        g_free(directory);
}

/* The machine may have none; if it has, it is the one of the first file that has it. */
static void test_this_machine(void)
{
        char id[GUID_SIZE], expected[GUID_SIZE];
        int r = machine_id_read(id);

        if (r < 0) {
                g_assert_cmpint(machine_id_read_from("/var/lib/dbus/machine-id", expected), <, 0);
                g_assert_cmpint(machine_id_read_from("/etc/machine-id", expected), ==, r);
                return;
        }
        if (machine_id_read_from("/var/lib/dbus/machine-id", expected) < 0)
                g_assert_cmpint(machine_id_read_from("/etc/machine-id", expected), ==, 0);
        g_assert_cmpstr(id, ==, expected);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/guid/new", test_new);
        g_test_add_func("/guid/valid", test_valid);
        g_test_add_func("/guid/machine-id", test_machine_id);
        g_test_add_func("/guid/this-machine", test_this_machine);
        return g_test_run();
}
