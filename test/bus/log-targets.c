/* SPDX-License-Identifier: MIT */
/*
 * Where the daemon's log goes: standard error, the system log, or both.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <syslog.h>
#include <unistd.h>

#include "client.h"
#include "config-file.h"
#include "own-syslog.h"

#define RELOADED "Reloaded configuration\n"
#define FAILED   "Failed to start message bus: "

static const char *daemon_path;

/* What is asked for, and what comes of it. */
struct wish {
        const char *name;
        const char *option; /* NULL: none */
        const char *config; /* elements */
        bool to_syslog, to_stderr;
};

static const struct wish wishes[] = {
        {"default", NULL, "", false, true},
        {"syslog", "--syslog", "", true, true},
        {"nosyslog", "--nosyslog", "", false, true},
        {"syslog-only", "--syslog-only", "", true, false},
        {"configured", NULL, "<syslog/>", true, true},
        {"configured-syslog", "--syslog", "<syslog/>", true, true},
        {"configured-nosyslog", "--nosyslog", "<syslog/>", false, true},
        {"configured-syslog-only", "--syslog-only", "<syslog/>", true, false},
};

struct run {
        GPid pid;
        char *directory, *config, *socket, *system_log, *stderr_log;
};

static void run_init(struct run *r, const struct wish *w)
{
        g_autofree char *elements = g_strconcat("<type>session</type>", w->config, NULL);

        r->pid = 0;
        r->directory = g_dir_make_tmp("log-test-XXXXXX", NULL);
        g_assert_nonnull(r->directory);
        r->config = g_build_filename(r->directory, "bus.conf", NULL);
        r->socket = g_build_filename(r->directory, "bus", NULL);
        r->system_log = g_build_filename(r->directory, "syslog", NULL);
        r->stderr_log = g_build_filename(r->directory, "stderr", NULL);
        config_file_write(r->config, r->socket, elements);
        g_assert_true(g_file_set_contents(r->system_log, "", -1, NULL));
        g_assert_true(g_file_set_contents(r->stderr_log, "", -1, NULL));
}

static void run_deinit(struct run *r)
{
        char *files[] = {r->config, r->socket, r->system_log, r->stderr_log};

        for (size_t i = 0; i < G_N_ELEMENTS(files); ++i) {
                g_unlink(files[i]);
                g_free(files[i]);
        }
        g_assert_no_errno(g_rmdir(r->directory));
        g_free(r->directory);
}

/* Starts the daemon. Its standard output and error are `out` and `err`, which are closed here. */
static void run_start(struct run *r, const struct wish *w, int out, int err)
{
        g_autofree char *config_option = g_strconcat("--config-file=", r->config, NULL);
        const char *argv[] = {daemon_path,       config_option, "--nofork",
                              "--print-address", w->option,     NULL};
        g_auto(GStrv) environment = g_get_environ();

        environment = g_environ_setenv(environment, OWN_SYSLOG_FILE, r->system_log, TRUE);
        g_assert_true(g_spawn_async_with_fds(NULL, (char **)(uintptr_t)argv, environment,
                                             G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &r->pid, -1,
                                             out, err, NULL));
        close(out);
        close(err);
}

static int open_log(const struct run *r)
{
        int fd = open(r->stderr_log, O_WRONLY | O_APPEND | O_CLOEXEC);

        g_assert_no_errno(fd);
        return fd;
}

/* Starts it, and waits until it listens. */
static void run_start_and_wait(struct run *r, const struct wish *w, int err)
{
        int out[2];
        char c;

        g_assert_no_errno(pipe2(out, O_CLOEXEC));
        run_start(r, w, out[1], err);
        g_assert_cmpint(read(out[0], &c, 1), ==, 1);
        close(out[0]);
}

/* Waits for the daemon to end. */
static int run_end(struct run *r)
{
        int status;

        g_assert_cmpint(waitpid(r->pid, &status, 0), ==, r->pid);
        return status;
}

static char *contents(const char *path)
{
        char *text;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        return text;
}

static void wait_for(const struct run *r, const char *text)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        for (;;) {
                g_autofree char *system_log = contents(r->system_log);
                g_autofree char *stderr_log = contents(r->stderr_log);

                if (strstr(system_log, text) || strstr(stderr_log, text))
                        return;
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(1000);
        }
}

/* Each log has that line, and nothing else, if it was to have any. */
static void check_logs(const struct run *r, const struct wish *w, int priority, const char *prefix,
                       const char *text)
{
        g_autofree char *system_log = contents(r->system_log);
        g_autofree char *stderr_log = contents(r->stderr_log);
        g_autofree char *in_system =
                g_strdup_printf("%d dbus-daemon: %s%s", priority, prefix, text);
        g_autofree char *in_stderr =
                g_strdup_printf("dbus-daemon[%ld]: %s%s", (long)r->pid, prefix, text);

        g_assert_cmpstr(system_log, ==, w->to_syslog ? in_system : "");
        g_assert_cmpstr(stderr_log, ==, w->to_stderr ? in_stderr : "");
}

static void test_running(gconstpointer data)
{
        const struct wish *w = data;
        g_autofree char *prefix = NULL;
        struct run r;

        run_init(&r, w);
        run_start_and_wait(&r, w, open_log(&r));
        g_assert_no_errno(kill(r.pid, SIGHUP));
        wait_for(&r, RELOADED);
        g_assert_no_errno(kill(r.pid, SIGTERM));
        g_assert_cmpint(run_end(&r), ==, 0);
        prefix = g_strdup_printf("[session uid=%lu pid=%ld] ", (unsigned long)getuid(), (long)r.pid);
        check_logs(&r, w, LOG_DAEMON | LOG_INFO, prefix, RELOADED);
        run_deinit(&r);
}

/* It cannot listen: the address is taken. */
static void test_failing(gconstpointer data)
{
        const struct wish *w = data;
        g_autofree char *why = NULL;
        struct run r;
        int status;

        run_init(&r, w);
        /* A directory cannot be replaced as a stale socket is. */
        g_assert_no_errno(g_mkdir(r.socket, 0700));
        run_start(&r, w, open("/dev/null", O_WRONLY | O_CLOEXEC), open_log(&r));
        status = run_end(&r);
        g_assert_true(WIFEXITED(status));
        g_assert_cmpint(WEXITSTATUS(status), ==, 1);
        why = g_strdup_printf(FAILED "Failed to bind socket \"%s\": Address already in use\n",
                              r.socket);
        check_logs(&r, w, LOG_DAEMON | LOG_WARNING, "", why);
        g_assert_no_errno(g_rmdir(r.socket));
        run_deinit(&r);
}

/* A service that says who it is on both streams, and fails: its file, in a directory of its own, as
 * the daemon looks again at whatever changes there. */
struct spoken {
        char *directory, *file;
};

static void spoken_init(struct spoken *p, const struct run *r, const char *name)
{
        g_autofree char *file = g_strconcat(name, ".service", NULL);
        g_autofree char *text =
                g_strdup_printf("[D-BUS Service]\nName=%s\n"
                                "Exec=/bin/sh -c 'echo out of %s; echo err of %s >&2; exit 1'\n",
                                name, name, name);
        g_autofree char *elements = NULL;

        p->directory = g_build_filename(r->directory, "services", NULL);
        p->file = g_build_filename(p->directory, file, NULL);
        elements = g_strdup_printf("<servicedir>%s</servicedir>", p->directory);
        g_assert_no_errno(g_mkdir(p->directory, 0700));
        g_assert_true(g_file_set_contents(p->file, text, -1, NULL));
        config_file_write(r->config, r->socket, elements);
}

static void spoken_deinit(struct spoken *p)
{
        g_unlink(p->file);
        g_assert_no_errno(g_rmdir(p->directory));
        g_free(p->file);
        g_free(p->directory);
}

/* Has the service started. When that it failed is told, it has said what it has to say. */
static void start_service(const struct run *r, const char *name)
{
        GByteArray *body = wire_body_string(name);
        struct client *c = client_new(r->socket);
        struct incoming *m;

        wire_put_u32(body, 0);
        m = client_call_bus(c, "StartServiceByName", "su", body);
        g_assert_cmpint(m->v.type, ==, WIRE_ERROR);
        incoming_free(m);
        client_free(c);
}

static void check_contains(const char *path, const char *text)
{
        g_autofree char *found = contents(path);

        g_assert_nonnull(strstr(found, text));
}

#define SERVICE "test.log.Service"

/* What services say is theirs in the journal, if that is where the bus speaks. */
static void test_service(gconstpointer data)
{
        static const char *const streams[] = {SERVICE ".6", SERVICE ".4"};
        static const char *const said[] = {"out of " SERVICE "\n", "err of " SERVICE "\n"};
        const struct wish *w = data;
        struct spoken spoken;
        struct run r;

        run_init(&r, w);
        spoken_init(&spoken, &r, SERVICE);
        g_assert_true(g_setenv(OWN_JOURNAL_DIRECTORY, r.directory, TRUE));
        run_start_and_wait(&r, w, open_log(&r));
        g_unsetenv(OWN_JOURNAL_DIRECTORY);
        start_service(&r, SERVICE);
        for (size_t i = 0; i < G_N_ELEMENTS(streams); ++i) {
                g_autofree char *path = g_build_filename(r.directory, streams[i], NULL);

                if (w->to_syslog)
                        check_contains(path, said[i]);
                else if (i)
                        check_contains(r.stderr_log, said[i]);
                g_assert_cmpint(g_unlink(path), ==, w->to_syslog ? 0 : -1);
        }
        g_assert_no_errno(kill(r.pid, SIGTERM));
        g_assert_cmpint(run_end(&r), ==, 0);
        spoken_deinit(&spoken);
        run_deinit(&r);
}

/* Without a journal they speak where the bus would. */
static void test_no_journal(void)
{
        const struct wish *both = &wishes[1];
        struct spoken spoken;
        struct run r;

        run_init(&r, both);
        spoken_init(&spoken, &r, SERVICE);
        run_start_and_wait(&r, both, open_log(&r));
        start_service(&r, SERVICE);
        check_contains(r.stderr_log, "err of " SERVICE "\n");
        g_assert_no_errno(kill(r.pid, SIGTERM));
        g_assert_cmpint(run_end(&r), ==, 0);
        spoken_deinit(&spoken);
        run_deinit(&r);
}

/* Nobody reads what the daemon has to say any more: it goes on. */
static void test_no_reader(void)
{
        const struct wish *both = &wishes[1];
        struct client *c;
        struct run r;
        int err[2];

        run_init(&r, both);
        g_assert_no_errno(pipe2(err, O_CLOEXEC));
        run_start_and_wait(&r, both, err[1]);
        /* It answers from its main loop. */
        c = client_new(r.socket);
        close(err[0]);
        g_assert_no_errno(kill(r.pid, SIGHUP));
        wait_for(&r, RELOADED);
        client_ping(c);
        client_free(c);
        g_assert_no_errno(kill(r.pid, SIGTERM));
        g_assert_cmpint(run_end(&r), ==, 0);
        run_deinit(&r);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_assert_cmpint(argc, ==, 2);
        daemon_path = argv[1];
        for (size_t i = 0; i < G_N_ELEMENTS(wishes); ++i) {
                g_autofree char *running = g_strconcat("/log/running/", wishes[i].name, NULL);
                g_autofree char *failing = g_strconcat("/log/failing/", wishes[i].name, NULL);

                g_test_add_data_func(running, &wishes[i], test_running);
                g_test_add_data_func(failing, &wishes[i], test_failing);
        }
        /* How it was asked for makes no difference: by options, and not at all. */
        for (size_t i = 0; i < 4; ++i) {
                g_autofree char *name = g_strconcat("/log/service/", wishes[i].name, NULL);

#ifndef HAVE_JOURNAL
                if (wishes[i].to_syslog)
                        continue;
#endif
                g_test_add_data_func(name, &wishes[i], test_service);
        }
        g_test_add_func("/log/no-journal", test_no_journal);
        g_test_add_func("/log/no-reader", test_no_reader);
        return g_test_run();
}
