/* SPDX-License-Identifier: MIT */
#include "harness.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 30
#define START_SECONDS 20

static FILE *transcript;
/* Where new directories are made. A child's are below one of its parent's, which removes what the
 * child leaves behind when it ends badly. */
static const char *directories = "/tmp";

/* What would lead the library to the host's buses, or change what it says. */
static const char *const unwanted[] = {
        "DBUS_SESSION_BUS_ADDRESS", "DBUS_SYSTEM_BUS_ADDRESS", "DBUS_STARTER_ADDRESS",
        "DBUS_STARTER_BUS_TYPE",    "DBUS_FATAL_WARNINGS",     "DBUS_VERBOSE",
        "DBUS_DISABLE_MEM_POOLS",   "DBUS_MALLOC_FAIL_NTH",    "DISPLAY",
        "XDG_RUNTIME_DIR",          "NOTIFY_SOCKET",           NULL,
};

void harness_init(int *argc, char ***argv)
{
        const char *path = getenv("TEST_TRANSCRIPT");

        for (const char *const *name = unwanted; *name; name++)
                unsetenv(*name);
        setlocale(LC_ALL, "C");
        g_test_init(argc, argv, NULL);
        g_test_set_nonfatal_assertions();
        if (!path)
                return;
        transcript = fopen(path, "ae");
        if (!transcript)
                g_error("%s: %s", path, g_strerror(errno));
        /* A line is there even if the program ends by a signal, and never twice after fork(). */
        setvbuf(transcript, NULL, _IOLBF, BUFSIZ);
}

int harness_run(int argc, char **argv, const struct test *tests)
{
        harness_init(&argc, &argv);
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        return g_test_run();
}

char *escaped(const void *bytes, size_t n)
{
        const unsigned char *at = bytes;
        GString *s = g_string_sized_new(n);

        for (size_t i = 0; i < n; i++) {
                if (at[i] == '\\' || at[i] < ' ' || at[i] > '~')
                        g_string_append_printf(s, "\\x%02x", at[i]);
                else
                        g_string_append_c(s, (char)at[i]);
        }
        return g_string_free(s, FALSE);
}

void note(const char *format, ...)
{
        g_autofree char *line = NULL, *safe = NULL;
        va_list args;

        va_start(args, format);
        line = g_strdup_vprintf(format, args);
        va_end(args);
        /* What came from elsewhere may hold anything, a line of the transcript may not. */
        safe = g_strescape(line, "\"\\");
        if (transcript)
                fprintf(transcript, "%s\t%s\n", g_test_get_path(), safe);
        else
                g_test_message("%s", safe);
}

void note_text(const char *what, const char *text)
{
        g_autofree char *safe = text ? escaped(text, strlen(text)) : NULL;

        if (safe)
                note("%s: \"%s\"", what, safe);
        else
                note("%s: NULL", what);
}

void note_bytes(const char *what, const void *bytes, size_t n)
{
        const unsigned char *at = bytes;
        g_autoptr(GString) s = g_string_sized_new(3 * n);

        for (size_t i = 0; i < n; i++)
                g_string_append_printf(s, "%s%02x", i % 8 ? "" : " ", at[i]);
        note("%s:%s", what, s->str);
}

void note_error(const char *what, DBusError *error)
{
        if (dbus_error_is_set(error)) {
                g_autofree char *safe = escaped(error->message, strlen(error->message));

                note("%s: %s: %s", what, error->name, safe);
        } else {
                note("%s: no error", what);
        }
        dbus_error_free(error);
}

void expect_error(DBusError *error, const char *name)
{
        g_assert_true(dbus_error_is_set(error));
        g_assert_cmpstr(error->name, ==, name);
        note_error("error", error);
}

void expect_no_error(DBusError *error)
{
        if (dbus_error_is_set(error))
                g_test_fail_printf("%s: %s", error->name, error->message);
        dbus_error_free(error);
}

/* Everything in the file, from its start. */
static char *read_back(int fd)
{
        g_autoptr(GString) s = g_string_new(NULL);
        char buffer[4096];
        off_t at = 0;
        ssize_t n;

        while ((n = pread(fd, buffer, sizeof buffer, at)) > 0) {
                g_string_append_len(s, buffer, n);
                at += n;
        }
        return g_string_free(g_steal_pointer(&s), FALSE);
}

static int temporary_file(void)
{
        char name[] = "/tmp/dbus-behaviour-XXXXXX";
        int fd = mkostemp(name, O_CLOEXEC);

        if (fd < 0)
                g_error("%s: %s", name, g_strerror(errno));
        unlink(name);
        return fd;
}

static void change_environment(const char *const *environment)
{
        for (; environment && *environment; environment++) {
                const char *equals = strchr(*environment, '=');
                g_autofree char *name = NULL;

                if (!equals) {
                        unsetenv(*environment);
                        continue;
                }
                name = g_strndup(*environment, equals - *environment);
                setenv(name, equals + 1, 1);
        }
}

static _Noreturn void be_child(void (*f)(void *), void *data, const char *const *environment,
                               int out, int err)
{
        struct rlimit none = {0, 0};

        if (dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
                _exit(126);
        setrlimit(RLIMIT_CORE, &none);
        /* GTest's handlers would have a word about it on standard error. */
        signal(SIGABRT, SIG_DFL);
        signal(SIGSEGV, SIG_DFL);
        alarm(CHILD_SECONDS);
        change_environment(environment);
        f(data);
        fflush(stdout);
        fflush(stderr);
        _exit(0);
}

struct captured *capture(void (*f)(void *), void *data, const char *const *environment)
{
        int out = temporary_file(), err = temporary_file(), status;
        char *below = directory_new();
        struct captured *c;
        pid_t pid;

        fflush(NULL);
        pid = fork();
        if (pid < 0)
                g_error("fork: %s", g_strerror(errno));
        if (pid == 0) {
                directories = below;
                be_child(f, data, environment, out, err);
        }
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
                continue;
        /* Not before the fork: in the child it would be lost. */
        c = g_new0(struct captured, 1);
        c->exited = WIFEXITED(status);
        c->status = c->exited ? WEXITSTATUS(status) : WTERMSIG(status);
        c->out = read_back(out);
        c->err = read_back(err);
        close(out);
        close(err);
        directory_free(below);
        return c;
}

struct captured *captured_free(struct captured *c)
{
        if (c) {
                g_free(c->out);
                g_free(c->err);
                g_free(c);
        }
        return NULL;
}

static void note_lines(const char *what, const char *stream, const char *text)
{
        g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

        for (char **line = lines; *line; line++) {
                if (line[1] || **line)
                        note("%s: %s| %s", what, stream, *line);
        }
}

void note_captured(const char *what, const struct captured *c)
{
        note("%s: %s %d", what, c->exited ? "exit" : "signal", c->status);
        note_lines(what, "out", c->out);
        note_lines(what, "err", c->err);
}

char *directory_new(void)
{
        char *directory = g_strdup_printf("%s/dbus-behaviour-XXXXXX", directories);

        if (!mkdtemp(directory))
                g_error("%s: %s", directory, g_strerror(errno));
        return directory;
}

static void remove_tree(const char *path)
{
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                g_autofree char *below = g_build_filename(path, name, NULL);

                if (g_file_test(below, G_FILE_TEST_IS_DIR) &&
                    !g_file_test(below, G_FILE_TEST_IS_SYMLINK))
                        remove_tree(below);
                else
                        unlink(below);
        }
        rmdir(path);
}

char *directory_free(char *directory)
{
        if (directory)
                remove_tree(directory);
        g_free(directory);
        return NULL;
}

static char *write_config(const struct bus *b, const char *config)
{
        char *path = g_build_filename(b->directory, "bus.conf", NULL);
        g_autofree char *text = g_strdup_printf(
                "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
                " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                "<busconfig>\n"
                "  <type>session</type>\n"
                "  <listen>unix:path=%s/socket</listen>\n"
                "  <auth>EXTERNAL</auth>\n"
                "  <servicedir>%s</servicedir>\n"
                "  <policy context=\"default\">\n"
                "    <allow send_destination=\"*\" eavesdrop=\"true\"/>\n"
                "    <allow eavesdrop=\"true\"/>\n"
                "    <allow own=\"*\"/>\n"
                "  </policy>\n"
                "%s\n"
                "</busconfig>\n",
                b->directory, b->services, config ? config : "");
        g_autoptr(GError) error = NULL;

        if (!g_file_set_contents(path, text, -1, &error))
                g_error("%s", error->message);
        return path;
}

/* The first line from the pipe, without its end. NULL if none comes. */
static char *read_line(int fd)
{
        g_autoptr(GString) s = g_string_new(NULL);
        gint64 deadline = g_get_monotonic_time() + START_SECONDS * G_USEC_PER_SEC;
        GPollFD wanted = {fd, G_IO_IN, 0};

        while (!strchr(s->str, '\n')) {
                gint64 left = (deadline - g_get_monotonic_time()) / 1000;
                char buffer[256];
                ssize_t n;

                if (left <= 0)
                        return NULL;
                if (g_poll(&wanted, 1, (int)left) <= 0)
                        continue;
                n = read(fd, buffer, sizeof buffer);
                if (n == 0 || (n < 0 && errno != EINTR))
                        return NULL;
                g_string_append_len(s, buffer, MAX(n, 0));
        }
        *strchr(s->str, '\n') = '\0';
        return g_string_free(g_steal_pointer(&s), FALSE);
}

/* Between fork() and exec(): a test that crashes takes its bus with it. */
static void die_with_test(gpointer data)
{
        (void)data;
        prctl(PR_SET_PDEATHSIG, SIGTERM);
}

struct bus *bus_new(const char *config)
{
        const char *program = g_getenv("TEST_DBUS_DAEMON");
        struct bus *b = g_new0(struct bus, 1);
        g_autofree char *path = NULL, *option = NULL;
        g_auto(GStrv) environment = g_get_environ();
        g_autoptr(GError) error = NULL;
        const char *argv[] = {program && *program ? program : "dbus-daemon",
                              NULL,
                              "--nofork",
                              "--nopidfile",
                              "--print-address=1",
                              NULL};
        int out;

        b->directory = directory_new();
        b->services = g_build_filename(b->directory, "services", NULL);
        g_mkdir(b->services, 0700);
        path = write_config(b, config);
        argv[1] = option = g_strdup_printf("--config-file=%s", path);
        /* The library under test is not the daemon's: stock's wants one with its private symbols.
         */
        environment = g_environ_unsetenv(environment, "LD_LIBRARY_PATH");
        environment = g_environ_unsetenv(environment, "LD_PRELOAD");
        if (!g_spawn_async_with_pipes(NULL, (char **)(guintptr)argv, environment,
                                      G_SPAWN_SEARCH_PATH | G_SPAWN_DO_NOT_REAP_CHILD,
                                      die_with_test, NULL, &b->pid, NULL, &out, NULL, &error)) {
                g_test_fail_printf("%s", error->message);
                b->pid = 0;
                return bus_free(b);
        }
        b->address = read_line(out);
        close(out);
        if (!b->address) {
                g_test_fail_printf("%s does not start", argv[0]);
                return bus_free(b);
        }
        return b;
}

static void end_with(struct bus *b, int signal_number)
{
        if (!b->pid)
                return;
        kill(b->pid, signal_number);
        while (waitpid(b->pid, NULL, 0) < 0 && errno == EINTR)
                continue;
        b->pid = 0;
}

void bus_kill(struct bus *b)
{
        end_with(b, SIGKILL);
}

struct bus *bus_free(struct bus *b)
{
        if (!b)
                return NULL;
        end_with(b, SIGTERM);
        directory_free(b->directory);
        g_free(b->address);
        g_free(b->services);
        g_free(b);
        return NULL;
}

DBusConnection *bus_connect(const struct bus *b)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *connection;

        if (!b)
                return NULL;
        connection = dbus_connection_open_private(b->address, &error);
        expect_no_error(&error);
        if (!connection)
                return NULL;
        dbus_connection_set_exit_on_disconnect(connection, FALSE);
        if (!dbus_bus_register(connection, &error)) {
                expect_no_error(&error);
                return bus_disconnect(connection);
        }
        return connection;
}

DBusConnection *bus_disconnect(DBusConnection *connection)
{
        if (connection) {
                dbus_connection_close(connection);
                dbus_connection_unref(connection);
        }
        return NULL;
}
