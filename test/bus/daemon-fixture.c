/* SPDX-License-Identifier: MIT */
#include "daemon-fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config-file.h"

#define NAP_US 1000

static const char *argument;

const char *daemon_path(void)
{
        const char *path = g_getenv("DBUS_DIRECT_TEST_DAEMON");

        if (!path)
                path = argument ? argument : BUILT_DAEMON;
        return path;
}

void daemon_test_init(int *argc, char ***argv)
{
        g_test_init(argc, argv, NULL);
        if (*argc > 1)
                argument = (*argv)[1];
}

bool daemon_is_stock(void)
{
        static int is_stock = -1;

        if (is_stock < 0) {
                const char *argv[] = {daemon_path(), "--version", NULL};
                g_autofree char *text = NULL;

                g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)argv, NULL, 0, NULL, NULL,
                                           &text, NULL, NULL, NULL));
                is_stock = !strstr(text, "dbus-direct");
        }
        return is_stock;
}

bool daemon_skip_if_stock(void)
{
        if (!daemon_is_stock())
                return false;
        g_test_skip("the reference does not promise this");
        return true;
}

bool daemon_is_instrumented(void)
{
        static int is_instrumented = -1;

        if (is_instrumented < 0) {
                g_autofree char *image = NULL;
                gsize n;

                g_assert_true(g_file_get_contents(daemon_path(), &image, &n, NULL));
                /* A script runs it under some tool or other. */
                is_instrumented = g_str_has_prefix(image, "#!") ||
                                  memmem(image, n, "__asan_init", 11) ||
                                  memmem(image, n, "__tsan_init", 11);
        }
        return is_instrumented;
}

/* "name=value ..." as <limit> elements. */
static char *limit_elements(const char *limits)
{
        g_auto(GStrv) words = g_strsplit(limits ? limits : "", " ", -1);
        GString *s = g_string_new(NULL);

        for (char **word = words; *word; ++word) {
                g_auto(GStrv) pair = g_strsplit(*word, "=", 2);

                if (pair[0] && pair[1])
                        g_string_append_printf(s, "<limit name=\"%s\">%s</limit>", pair[0],
                                               pair[1]);
        }
        return g_string_free(s, FALSE);
}

void daemon_write_config(const struct daemon *d, const char *limits)
{
        g_autofree char *elements = limit_elements(limits);

        config_file_write(d->config, d->socket, elements);
}

/* Becomes the daemon. Only what may be called between fork() and exec(). */
static G_NORETURN void child(const char *const *argv, int log, int ready)
{

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(log, STDERR_FILENO) < 0 || dup2(ready, STDOUT_FILENO) < 0)
                _exit(127);
        /* What our parent left open for us would be counted as the daemon's. */
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
}

static void show_log(const struct daemon *d)
{
        g_autofree char *text = NULL;

        if (g_file_get_contents(d->log, &text, NULL, NULL) && *text)
                g_test_message("%s", text);
}

/* Waits for the address that the daemon prints when it listens. */
static void wait_ready(const struct daemon *d, int fd)
{
        struct pollfd polled = {.fd = fd, .events = POLLIN};
        char c;

        if (poll(&polled, 1, CLIENT_DEADLINE_S * 1000) != 1 || read(fd, &c, 1) != 1) {
                show_log(d);
                g_error("%s does not start", daemon_path());
        }
}

struct daemon *daemon_new(const char *limits)
{
        struct daemon *d = g_new0(struct daemon, 1);
        g_autofree char *config_option = NULL;
        const char *argv[] = {daemon_path(),     NULL, "--nofork", "--nopidfile",
                              "--print-address", NULL};
        struct client *c;
        int log, ready[2];

        d->directory = g_dir_make_tmp("bus-test-XXXXXX", NULL);
        g_assert_nonnull(d->directory);
        d->config = g_build_filename(d->directory, "bus.conf", NULL);
        d->socket = g_build_filename(d->directory, "bus", NULL);
        d->log = g_build_filename(d->directory, "log", NULL);
        daemon_write_config(d, limits);
        argv[1] = config_option = g_strconcat("--config-file=", d->config, NULL);

        log = open(d->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        g_assert_no_errno(log);
        g_assert_no_errno(pipe2(ready, O_CLOEXEC));
        d->pid = fork();
        g_assert_no_errno(d->pid);
        if (!d->pid)
                child(argv, log, ready[1]);
        close(log);
        close(ready[1]);
        wait_ready(d, ready[0]);
        close(ready[0]);

        /* Once it has answered somebody, it has opened whatever it opens for itself. */
        c = client_new(d->socket);
        client_ping(c);
        d->n_fds = daemon_count_fds(d) - 1;
        client_free(c);
        daemon_wait_fds(d, 0);
        return d;
}

static void check_log(const struct daemon *d)
{
        static const char *const bad[] = {"Sanitizer", "runtime error:", "ssertion"};
        g_autofree char *text = NULL;

        g_assert_true(g_file_get_contents(d->log, &text, NULL, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(bad); ++i) {
                if (strstr(text, bad[i])) {
                        show_log(d);
                        g_error("the daemon's log says \"%s\"", bad[i]);
                }
        }
}

/* Waits for the process to end. */
static int reap(const struct daemon *d)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;
        int status;
        pid_t r;

        while (!(r = waitpid(d->pid, &status, WNOHANG))) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(NAP_US);
        }
        g_assert_cmpint(r, ==, d->pid);
        return status;
}

void daemon_end(struct daemon *d)
{
        int status;

        g_assert_no_errno(kill(d->pid, SIGTERM));
        status = reap(d);
        d->pid = 0;
        check_log(d);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
                show_log(d);
                g_error("the daemon ended with status 0x%x", (unsigned)status);
        }
}

struct daemon *daemon_free(struct daemon *d)
{
        if (!d)
                return NULL;
        if (d->pid) {
                daemon_wait_fds(d, 0);
                daemon_wait_asleep(d);
                daemon_end(d);
        }
        g_unlink(d->config);
        g_unlink(d->socket);
        g_unlink(d->log);
        g_assert_no_errno(g_rmdir(d->directory));
        g_free(d->config);
        g_free(d->socket);
        g_free(d->log);
        g_free(d->directory);
        g_free(d);
        return NULL;
}

static char *proc_path(const struct daemon *d, const char *name)
{
        return g_strdup_printf("/proc/%ld/%s", (long)d->pid, name);
}

unsigned daemon_count_fds(const struct daemon *d)
{
        g_autofree char *path = proc_path(d, "fd");
        GDir *dir = g_dir_open(path, 0, NULL);
        unsigned n = 0;

        if (!dir) {
                show_log(d);
                g_error("the daemon is gone");
        }
        while (g_dir_read_name(dir))
                n += 1;
        g_dir_close(dir);
        return n;
}

static bool has_fd(const struct daemon *d, unsigned fd)
{
        g_autofree char *name = g_strdup_printf("fd/%u", fd), *path = proc_path(d, name);

        return g_file_test(path, G_FILE_TEST_IS_SYMLINK);
}

/* New descriptors get the lowest free numbers. A tool that the daemon runs under may have some of
 * the highest. */
void daemon_set_room(const struct daemon *d, unsigned n)
{
        struct rlimit limit;

        g_assert_no_errno(prlimit(d->pid, RLIMIT_NOFILE, NULL, &limit));
        for (limit.rlim_cur = 0; n; ++limit.rlim_cur)
                n -= !has_fd(d, (unsigned)limit.rlim_cur);
        g_assert_no_errno(prlimit(d->pid, RLIMIT_NOFILE, &limit, NULL));
}

void daemon_wait_fds(const struct daemon *d, unsigned n_more)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;
        gulong nap = NAP_US / 10;
        unsigned n;

        while ((n = daemon_count_fds(d)) != d->n_fds + n_more) {
                if (g_get_monotonic_time() >= deadline)
                        g_error("the daemon holds %u descriptors, but should %u", n,
                                d->n_fds + n_more);
                /* Looking takes the longer the more there are, and slows the daemon. */
                g_usleep(nap);
                nap = MIN(nap * 2, 20 * NAP_US);
        }
}

/* What stands in a file of /proc behind the name of the program, which may hold anything. */
static char *read_proc(const struct daemon *d, const char *name)
{
        g_autofree char *path = proc_path(d, name), *text = NULL;
        const char *from;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        from = strrchr(text, ')');
        return g_strdup(from ? from + 2 : text);
}

void daemon_wait_asleep(const struct daemon *d)
{
        enum { LOOKS = 5 };
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        /* One that turns in circles is caught in a system call now and then, but not each time. */
        for (unsigned n = 0; n < LOOKS;) {
                g_autofree char *text = read_proc(d, "stat");

                if (g_get_monotonic_time() >= deadline)
                        g_error("the daemon is busy, with nothing to do");
                n = text[0] == 'S' ? n + 1 : 0;
                g_usleep(NAP_US);
        }
}

static void read_numbers(const struct daemon *d, const char *name, unsigned skip_fields,
                         uint64_t *numbers, unsigned n)
{
        g_autofree char *text = read_proc(d, name);
        g_auto(GStrv) words = g_strsplit(text, " ", -1);

        g_assert_cmpuint(g_strv_length(words), >=, skip_fields + n);
        for (unsigned i = 0; i < n; ++i)
                numbers[i] = g_ascii_strtoull(words[skip_fields + i], NULL, 10);
}

uint64_t daemon_cpu_ms(const struct daemon *d)
{
        uint64_t ticks[2];

        /* proc(5): utime and stime are fields 14 and 15; the first behind the name is 3. */
        read_numbers(d, "stat", 11, ticks, 2);
        return (ticks[0] + ticks[1]) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t daemon_memory(const struct daemon *d)
{
        uint64_t pages;

        read_numbers(d, "statm", 1, &pages, 1);
        return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
