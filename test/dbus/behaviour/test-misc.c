/* SPDX-License-Identifier: MIT */
/* The machine's id, the library's version, and the environment. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "harness.h"

static void version(void)
{
        int major = -1, minor = -1, micro = -1;

        dbus_get_version(&major, &minor, &micro);
        g_assert_cmpint(major, ==, 1);
        g_assert_cmpint(minor, >=, 14);
        g_assert_cmpint(micro, >=, 0);
}

static void version_in_part(void)
{
        int value = -1, full[3] = {-1, -1, -1};

        dbus_get_version(&full[0], &full[1], &full[2]);
        dbus_get_version(NULL, NULL, NULL);
        dbus_get_version(&value, NULL, NULL);
        g_assert_cmpint(value, ==, full[0]);
        dbus_get_version(NULL, &value, NULL);
        g_assert_cmpint(value, ==, full[1]);
        dbus_get_version(NULL, NULL, &value);
        g_assert_cmpint(value, ==, full[2]);
}

static void version_macros(void)
{
        g_autofree char *text = g_strdup_printf("%d.%d.%d", DBUS_MAJOR_VERSION, DBUS_MINOR_VERSION,
                                                DBUS_MICRO_VERSION);

        g_assert_cmpstr(text, ==, DBUS_VERSION_STRING);
        g_assert_cmpint(DBUS_VERSION, ==,
                        DBUS_MAJOR_VERSION << 16 | DBUS_MINOR_VERSION << 8 | DBUS_MICRO_VERSION);
        note("%s", DBUS_VERSION_STRING);
}

static void check_id(const char *id)
{
        g_assert_nonnull(id);
        g_assert_cmpuint(strlen(id), ==, 32);
        for (size_t i = 0; i < 32; i++)
                g_assert_true(g_ascii_isxdigit(id[i]));
}

static void machine_id(void)
{
        char *one = dbus_get_local_machine_id(), *two = dbus_get_local_machine_id();
        g_autofree char *file = NULL;

        check_id(one);
        g_assert_cmpstr(one, ==, two);
        g_assert_true(one != two);
        if (g_file_get_contents("/var/lib/dbus/machine-id", &file, NULL, NULL) ||
            g_file_get_contents("/etc/machine-id", &file, NULL, NULL))
                g_assert_cmpstr(g_strchomp(file), ==, one);
        dbus_free(one);
        dbus_free(two);
}

static void try_machine_id(void)
{
        DBusError error = DBUS_ERROR_INIT;
        char *one = dbus_try_get_local_machine_id(&error), *two = dbus_get_local_machine_id();
        char *three = dbus_try_get_local_machine_id(NULL);

        expect_no_error(&error);
        check_id(one);
        g_assert_cmpstr(one, ==, two);
        g_assert_cmpstr(one, ==, three);
        dbus_free(one);
        dbus_free(two);
        dbus_free(three);
}

/* What is wrong with which file is told. */
static void unreadable_machine_id(void)
{
        DBusError error = DBUS_ERROR_INIT;
        struct rlimit old, none;

        g_assert_cmpint(getrlimit(RLIMIT_NOFILE, &old), ==, 0);
        none = (struct rlimit){.rlim_cur = 0, .rlim_max = old.rlim_max};
        g_assert_cmpint(setrlimit(RLIMIT_NOFILE, &none), ==, 0);
        g_assert_null(dbus_try_get_local_machine_id(&error));
        setrlimit(RLIMIT_NOFILE, &old);
        expect_error(&error, DBUS_ERROR_LIMITS_EXCEEDED);
}

static void set_environment(void)
{
        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", "value"));
        g_assert_cmpstr(getenv("DBUS_BEHAVIOUR"), ==, "value");
        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", "other"));
        g_assert_cmpstr(getenv("DBUS_BEHAVIOUR"), ==, "other");
        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", ""));
        g_assert_cmpstr(getenv("DBUS_BEHAVIOUR"), ==, "");
        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", NULL));
        g_assert_null(getenv("DBUS_BEHAVIOUR"));
        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", NULL));
}

static void environment_is_copied(void)
{
        char value[] = "value";

        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", value));
        memset(value, 'x', sizeof value - 1);
        g_assert_cmpstr(getenv("DBUS_BEHAVIOUR"), ==, "value");
        dbus_setenv("DBUS_BEHAVIOUR", NULL);
}

static void environment_of_child(void)
{
        g_autofree char *out = NULL;

        g_assert_true(dbus_setenv("DBUS_BEHAVIOUR", "seen"));
        g_spawn_command_line_sync("sh -c 'echo $DBUS_BEHAVIOUR'", &out, NULL, NULL, NULL);
        g_assert_cmpstr(out, ==, "seen\n");
        dbus_setenv("DBUS_BEHAVIOUR", NULL);
}

static void not_a_name(void)
{
        note("with =: %d", dbus_setenv("A=B", "c"));
        note("empty: %d", dbus_setenv("", "c"));
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/version/run-time", version},
                {"/version/in-part", version_in_part},
                {"/version/macros", version_macros},
                {"/machine-id/get", machine_id},
                {"/machine-id/try", try_machine_id},
                {"/machine-id/unreadable", unreadable_machine_id},
                {"/environment/set", set_environment},
                {"/environment/copied", environment_is_copied},
                {"/environment/child", environment_of_child},
                {"/environment/no-name", not_a_name},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
