/* SPDX-License-Identifier: MIT */
#include "lsm-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config-file.h"

#define NAP_US 1000

static const char *const files[] = {
        "bus.conf",   "bus",   "log",     "script",
        "script.new", "calls", "netlink", "apparmor/features/dbus/mask",
};

static char *path_of(const struct lsm_bus *b, const char *name)
{
        return g_build_filename(b->directory, name, NULL);
}

static void write_file(const struct lsm_bus *b, const char *name, const char *text)
{
        g_autofree char *path = path_of(b, name);

        g_assert_true(g_file_set_contents(path, text, -1, NULL));
}

static char *read_file(const struct lsm_bus *b, const char *name)
{
        g_autofree char *path = path_of(b, name);
        char *text = NULL;

        return g_file_get_contents(path, &text, NULL, NULL) ? text : g_strdup("");
}

void lsm_script(const struct lsm_bus *b, const char *lines)
{
        g_autofree char *text = g_strconcat(lines ? lines : "", "\n", b->base, NULL);

        /* It appears as a whole. */
        write_file(b, "script", text);
}

/* What the kernel shows of its modules. */
static void make_files(const struct lsm_bus *b, const char *more)
{
        g_autofree char *netlink = path_of(b, "netlink"), *config = path_of(b, "bus.conf");
        g_autofree char *features = path_of(b, "apparmor/features/dbus");

        g_assert_no_errno(mkfifo(netlink, 0600));
        g_assert_no_errno(g_mkdir_with_parents(features, 0700));
        write_file(b, "apparmor/features/dbus/mask", "acquire send receive\n");
        write_file(b, "calls", "");
        write_file(b, "log", "");
        config_file_write(config, b->socket, more);
}

static G_NORETURN void child(const char *const *argv, char **environment, int log, int ready)
{
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(log, STDERR_FILENO) < 0 || dup2(ready, STDOUT_FILENO) < 0)
                _exit(127);
        execve(argv[0], (char *const *)(uintptr_t)argv, environment);
        _exit(127);
}

static void start(struct lsm_bus *b)
{
        g_autofree char *config = path_of(b, "bus.conf"), *log_path = path_of(b, "log");
        g_autofree char *option = g_strconcat("--config-file=", config, NULL);
        g_autofree char *script = path_of(b, "script"), *calls = path_of(b, "calls");
        const char *argv[] = {daemon_path(),     option, "--nofork", "--nopidfile",
                              "--print-address", NULL};
        g_auto(GStrv) environment = g_get_environ();
        int log = open(log_path, O_WRONLY | O_APPEND | O_CLOEXEC), ready[2];
        char c;

        environment = g_environ_setenv(environment, "LD_PRELOAD", FAKE_LSM, TRUE);
        environment = g_environ_setenv(environment, "FAKE_LSM_SCRIPT", script, TRUE);
        environment = g_environ_setenv(environment, "FAKE_LSM_LOG", calls, TRUE);
        g_assert_no_errno(log);
        g_assert_no_errno(pipe2(ready, O_CLOEXEC));
        b->pid = fork();
        g_assert_no_errno(b->pid);
        if (!b->pid)
                child(argv, environment, log, ready[1]);
        close(log);
        close(ready[1]);
        /* An address, or the end. */
        while (read(ready[0], &c, 1) < 0)
                g_assert_cmpint(errno, ==, EINTR);
        close(ready[0]);
}

struct lsm_bus *lsm_bus_new(const char *base, const char *more)
{
        struct lsm_bus *b = g_new0(struct lsm_bus, 1);
        g_auto(GStrv) parts = g_strsplit(base, "%1$s", -1);

        b->directory = g_dir_make_tmp("lsm-test-XXXXXX", NULL);
        g_assert_nonnull(b->directory);
        b->socket = path_of(b, "bus");
        b->base = g_strjoinv(b->directory, parts);
        lsm_script(b, NULL);
        make_files(b, more);
        start(b);
        return b;
}

static void reap(struct lsm_bus *b)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;
        int status;
        pid_t r;

        while (!(r = waitpid(b->pid, &status, WNOHANG))) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(NAP_US);
        }
        g_assert_cmpint(r, ==, b->pid);
        g_assert_true(WIFEXITED(status));
        b->exit_status = WEXITSTATUS(status);
        b->pid = 0;
}

void lsm_bus_wait_failure(struct lsm_bus *b)
{
        reap(b);
        g_assert_cmpint(b->exit_status, !=, 0);
}

struct lsm_bus *lsm_bus_free(struct lsm_bus *b)
{
        static const char *const directories[] = {"apparmor/features/dbus", "apparmor/features",
                                                  "apparmor"};

        if (b->pid) {
                g_assert_no_errno(kill(b->pid, SIGTERM));
                reap(b);
                g_assert_cmpint(b->exit_status, ==, 0);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(files); ++i) {
                g_autofree char *path = path_of(b, files[i]);

                g_unlink(path);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(directories); ++i) {
                g_autofree char *path = path_of(b, directories[i]);

                g_rmdir(path);
        }
        g_assert_no_errno(g_rmdir(b->directory));
        g_free(b->directory);
        g_free(b->socket);
        g_free(b->base);
        g_free(b);
        return NULL;
}

struct client *lsm_client(const struct lsm_bus *b, const char *label)
{
        g_autofree char *line = g_strdup_printf("set peer %s\n", label);
        struct client *c;

        lsm_script(b, line);
        c = client_new(b->socket);
        lsm_script(b, NULL);
        return c;
}

char *lsm_calls(const struct lsm_bus *b)
{
        g_autofree char *path = path_of(b, "calls"), *text = read_file(b, "calls");
        g_autofree char *pid = g_strdup_printf("pid=%ld", (long)getpid());
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
        GString *s = g_string_new(NULL);

        g_assert_no_errno(truncate(path, 0));
        for (char **line = lines; *line; ++line) {
                if (!**line || g_str_has_prefix(*line, "string_to_"))
                        continue;
                g_string_append_printf(s, "%s\n", *line);
        }
        g_string_replace(s, pid, "pid=PID", 0);
        return g_string_free(s, FALSE);
}

void lsm_forget(const struct lsm_bus *b)
{
        g_free(lsm_calls(b));
}

void lsm_expect(const struct lsm_bus *b, const char *expected)
{
        g_autofree char *calls = lsm_calls(b);

        g_assert_cmpstr(calls, ==, expected);
}

char *lsm_wait(const struct lsm_bus *b, const char *text)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        for (;;) {
                g_autofree char *calls = read_file(b, "calls");

                if (strstr(calls, text))
                        return lsm_calls(b);
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(NAP_US);
        }
}

char *lsm_log(const struct lsm_bus *b)
{
        return read_file(b, "log");
}

void lsm_netlink(const struct lsm_bus *b)
{
        g_autofree char *path = path_of(b, "netlink");
        int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        g_assert_no_errno(fd);
        g_assert_cmpint(write(fd, "x", 1), ==, 1);
        close(fd);
}

struct incoming *lsm_request(struct client *c, const char *name)
{
        GByteArray *body = wire_body_string(name);

        wire_put_u32(body, 0);
        return client_call_bus(c, "RequestName", "su", body);
}

uint32_t lsm_send(struct client *c, enum wire_type type, const char *member,
                  const char *destination)
{
        const struct wire_head head = {
                .type = type,
                .path = "/p",
                .interface = "com.example.I",
                .member = member,
                .destination = destination,
        };
        uint32_t serial = client_send(c, &head, NULL);

        client_flush(c);
        return serial;
}

uint32_t lsm_reply(struct client *c, const char *destination, uint32_t serial)
{
        const struct wire_head head = {
                .type = WIRE_RETURN,
                .destination = destination,
                .reply_serial = serial,
        };
        uint32_t own = client_send(c, &head, NULL);

        client_flush(c);
        return own;
}

struct incoming *lsm_next(struct client *c, const char *member)
{
        for (;;) {
                struct incoming *m = client_receive(c);

                if (g_strcmp0(m->v.sender, WIRE_BUS) != 0) {
                        g_assert_cmpstr(m->v.member, ==, member);
                        return m;
                }
                g_assert_cmpint(m->v.type, ==, WIRE_SIGNAL);
                incoming_free(m);
        }
}

void lsm_expect_error(struct incoming *m, const char *name, const char *text)
{
        uint32_t at = 0;

        g_assert_cmpint(m->v.type, ==, WIRE_ERROR);
        g_assert_cmpstr(m->v.error_name, ==, name);
        g_assert_true(g_str_has_prefix(wire_read_string(&m->v, &at), text));
        incoming_free(m);
}

void lsm_expect_return(struct incoming *m)
{
        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        incoming_free(m);
}
