/* SPDX-License-Identifier: MIT */
#include "autolaunch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/error-text.h"

/* Where it is looked for first, then in the PATH. Texts name this one in any case. */
#define LAUNCHER      "/usr/bin/dbus-launch"
#define LAUNCHER_NAME "dbus-launch"

enum { OUTPUT, ERRORS, N_STREAMS };

/* What the program says, each time up to its end, with a NUL behind it. */
struct said {
        char *text;
        size_t n;
};

struct launch {
        int ours[N_STREAMS], theirs[N_STREAMS]; /* of pipes; -1: closed */
        struct said said[N_STREAMS];
        int status; /* of waitpid() */
};

static void close_end(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* A descriptor's copy that is none of the standard streams, as those are about to be replaced. The
 * original is closed. Returns -1 if there can be none. */
static int move_up(int fd)
{
        int up = fd < 0 || fd > STDERR_FILENO ? fd : fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

        if (up != fd) {
                int error = errno;

                close(fd);
                errno = error;
        }
        return up;
}

static int open_pipes(struct launch *l)
{
        for (unsigned i = 0; i < N_STREAMS; ++i)
                l->ours[i] = l->theirs[i] = -1;
        for (unsigned i = 0; i < N_STREAMS; ++i) {
                int ends[2];

                if (pipe2(ends, O_CLOEXEC) < 0)
                        return -errno;
                l->ours[i] = ends[0];
                l->theirs[i] = move_up(ends[1]);
                if (l->theirs[i] < 0)
                        return -errno;
        }
        return 0;
}

static int set_up_streams(posix_spawn_file_actions_t *actions, const struct launch *l)
{
        int r = posix_spawn_file_actions_adddup2(actions, l->theirs[OUTPUT], STDOUT_FILENO);

        if (!r)
                r = posix_spawn_file_actions_adddup2(actions, l->theirs[ERRORS], STDERR_FILENO);
        if (!r)
                r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDWR, 0);
        if (!r)
                r = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
        return r;
}

static int set_up_signals(posix_spawnattr_t *attributes, const sigset_t *mask)
{
        int r = posix_spawnattr_setsigmask(attributes, mask);

        return r ? r : posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK);
}

/* Starts the program. Returns 0 or an errno. */
static int spawn(struct launch *l, const char *machine_id, const sigset_t *mask, pid_t *child)
{
        static char name[] = LAUNCHER_NAME, option[] = "--autolaunch", binary[] = "--binary-syntax",
                    close_stderr[] = "--close-stderr";
        char *const arguments[] = {name,   option,       (char *)(uintptr_t)machine_id,
                                   binary, close_stderr, NULL};
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;
        int r = posix_spawn_file_actions_init(&actions);

        if (r)
                return r;
        r = posix_spawnattr_init(&attributes);
        if (r) {
                posix_spawn_file_actions_destroy(&actions);
                return r;
        }
        r = set_up_streams(&actions, l);
        if (!r)
                r = set_up_signals(&attributes, mask);
        if (!r)
                r = posix_spawn(child, LAUNCHER, &actions, &attributes, arguments, environ);
        if (r && r != EAGAIN && r != ENOMEM)
                r = posix_spawnp(child, LAUNCHER_NAME, &actions, &attributes, arguments, environ);
        posix_spawnattr_destroy(&attributes);
        posix_spawn_file_actions_destroy(&actions);
        return r;
}

/* Reads once. Returns the number of bytes, 0 at the end, or -errno. */
static ssize_t hear(int fd, struct said *s)
{
        char bytes[1024], *text;
        ssize_t n;

        do
                n = read(fd, bytes, sizeof(bytes));
        while (n < 0 && errno == EINTR);
        if (n <= 0)
                return n < 0 ? -errno : 0;
        text = realloc(s->text, s->n + (size_t)n + 1);
        if (!text)
                return -ENOMEM;
        memcpy(text + s->n, bytes, (size_t)n);
        s->text = text;
        s->n += (size_t)n;
        text[s->n] = '\0';
        return n;
}

/* Reads both streams until the first has ended; the bus that was started may keep the second. */
static int hear_all(struct launch *l)
{
        while (l->ours[OUTPUT] >= 0) {
                struct pollfd fds[N_STREAMS] = {{l->ours[OUTPUT], POLLIN, 0},
                                                {l->ours[ERRORS], POLLIN, 0}};

                if (poll(fds, N_STREAMS, -1) < 0 && errno != EINTR)
                        return -errno;
                for (unsigned i = 0; i < N_STREAMS; ++i) {
                        ssize_t n = fds[i].revents ? hear(l->ours[i], &l->said[i]) : 1;

                        if (n == -ENOMEM)
                                return -ENOMEM;
                        if (n <= 0)
                                close_end(&l->ours[i]);
                }
        }
        return 0;
}

/* Reads what a program that has ended left behind. */
static int hear_rest(int fd, struct said *s)
{
        struct pollfd waiting = {fd, POLLIN, 0};
        ssize_t n = 1;

        while (n > 0 && fd >= 0 && poll(&waiting, 1, 0) > 0)
                n = hear(fd, s);
        return n == -ENOMEM ? -ENOMEM : 0;
}

static int run(struct launch *l, const char *machine_id, const sigset_t *mask)
{
        pid_t child, waited;
        int r = spawn(l, machine_id, mask, &child);

        if (r)
                return -r;
        for (unsigned i = 0; i < N_STREAMS; ++i)
                close_end(&l->theirs[i]);
        r = hear_all(l);
        /* Not to wait for a program that waits for us to read. */
        close_end(&l->ours[OUTPUT]);
        do
                waited = waitpid(child, &l->status, 0);
        while (waited < 0 && errno == EINTR);
        /* Where the process ignores SIGCHLD nobody can know how it ended. */
        if (waited < 0)
                l->status = 0;
        return r ? r : hear_rest(l->ours[ERRORS], &l->said[ERRORS]);
}

/* Runs the program to its end, unseen by a handler of the application's that waits for children. */
static int run_aside(struct launch *l, const char *machine_id)
{
        sigset_t sigchld, before;
        int r;

        sigemptyset(&sigchld);
        sigaddset(&sigchld, SIGCHLD);
        pthread_sigmask(SIG_BLOCK, &sigchld, &before);
        r = run(l, machine_id, &before);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return r;
}

/* The addresses, which end with a NUL; the bus's process and window IDs behind it do not matter. */
static char *result_of(const struct launch *l, DBusError *error)
{
        char *addresses;

        if (l->status && l->said[ERRORS].n) {
                dbus_set_error(error, DBUS_ERROR_SPAWN_EXEC_FAILED,
                               "%s terminated abnormally with the following error: %s", LAUNCHER,
                               l->said[ERRORS].text);
                return NULL;
        }
        if (l->status) {
                dbus_set_error(error, DBUS_ERROR_SPAWN_EXEC_FAILED,
                               "%s terminated abnormally without any error message", LAUNCHER);
                return NULL;
        }
        addresses = strdup(l->said[OUTPUT].n ? l->said[OUTPUT].text : "");
        if (!addresses)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
        return addresses;
}

static char *launch(const char *machine_id, DBusError *error)
{
        struct launch l = {0};
        char *addresses = NULL;
        int r = open_pipes(&l);

        if (r < 0) {
                dbus_set_error(error, error_name_of(-r), "Failed to create a pipe to call %s: %s",
                               LAUNCHER, strerror(-r));
        } else {
                r = run_aside(&l, machine_id);
                /* A program that is not there ends at once, and says nothing. */
                if (r < 0 && r != -EAGAIN && r != -ENOMEM)
                        l.status = -1;
                if (r == -EAGAIN || r == -ENOMEM)
                        dbus_set_error(error, error_name_of(-r), "Failed to fork() to call %s: %s",
                                       LAUNCHER, strerror(-r));
                else
                        addresses = result_of(&l, error);
        }
        for (unsigned i = 0; i < N_STREAMS; ++i) {
                close_end(&l.ours[i]);
                close_end(&l.theirs[i]);
                free(l.said[i].text);
        }
        return addresses;
}

char *autolaunch(DBusError *error)
{
        const char *display = getenv("DISPLAY");
        char *machine_id, *addresses;

        if (getauxval(AT_SECURE)) {
                dbus_set_error_const(error, DBUS_ERROR_NOT_SUPPORTED,
                                     "Unable to autolaunch when setuid");
                return NULL;
        }
        if (!display || !*display) {
                dbus_set_error_const(
                        error, DBUS_ERROR_NOT_SUPPORTED,
                        "Unable to autolaunch a dbus-daemon without a $DISPLAY for X11");
                return NULL;
        }
        machine_id = dbus_try_get_local_machine_id(error);
        if (!machine_id)
                return NULL;
        addresses = launch(machine_id, error);
        dbus_free(machine_id);
        return addresses;
}
