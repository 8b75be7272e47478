/* SPDX-License-Identifier: MIT */
/*
 * What the daemon says of its configuration while it reads it, before it knows where its log is to
 * go.
 */
#include <glib/gstdio.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>

#include "config-file.h"
#include "own-syslog.h"

#define WARNING "Unknown username \"no-such-user\""
#define FAILURE "Failed to start message bus: "

static const char *daemon_path;

struct wish {
        const char *name;
        const char *option; /* NULL: none */
        bool to_syslog;
};

static const struct wish wishes[] = {
        {"default", NULL, true},
        {"syslog", "--syslog", true},
        {"syslog-only", "--syslog-only", true},
        {"nosyslog", "--nosyslog", false},
};

/* A mistake that does not matter, then one that does. */
static void test_early(gconstpointer data)
{
        const struct wish *w = data;
        g_autofree char *directory = g_dir_make_tmp("log-test-XXXXXX", NULL);
        g_autofree char *config = g_build_filename(directory, "bus.conf", NULL);
        g_autofree char *socket = g_build_filename(directory, "bus", NULL);
        g_autofree char *log = g_build_filename(directory, "syslog", NULL);
        g_autofree char *option = g_strconcat("--config-file=", config, NULL);
        g_autofree char *in_syslog = NULL, *in_stderr = NULL;
        const char *argv[] = {daemon_path, option, "--nofork", w->option, NULL};
        g_auto(GStrv) environment = g_environ_setenv(g_get_environ(), OWN_SYSLOG_FILE, log, TRUE);
        int status;

        config_file_write(config, socket, "<policy user='no-such-user'/><nonsense/>");
        g_assert_true(g_file_set_contents(log, "", -1, NULL));
        g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, environment,
                                   G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &in_stderr,
                                   &status, NULL));
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 1);
        g_assert_true(g_file_get_contents(log, &in_syslog, NULL, NULL));
        g_assert_nonnull(strstr(in_stderr, WARNING));
        g_assert_nonnull(strstr(in_stderr, FAILURE));
        g_assert_cmpint(strstr(in_syslog, WARNING) != NULL, ==, w->to_syslog);
        g_assert_cmpint(strstr(in_syslog, FAILURE) != NULL, ==, w->to_syslog);
        g_assert_no_errno(g_unlink(log));
        g_assert_no_errno(g_unlink(config));
        g_assert_no_errno(g_rmdir(directory));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(argc, ==, 2);
        daemon_path = argv[1];
        for (size_t i = 0; i < G_N_ELEMENTS(wishes); ++i) {
                g_autofree char *path = g_strconcat("/log/early/", wishes[i].name, NULL);

                g_test_add_data_func(path, &wishes[i], test_early);
        }
        return g_test_run();
}
