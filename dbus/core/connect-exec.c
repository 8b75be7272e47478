/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/connect-transport.h"
#include "core/error-text.h"

/*
 * The program's arguments: argv0, which is the path unless it is given, argv1 and so on up to the
 * first that is missing. Returns an array to be freed of the address's own strings, or NULL if
 * there is no memory.
 */
static char **arguments_of(const struct address *a, const char *path)
{
        char **arguments = calloc(a->n_params + 2, sizeof(*arguments));
        const char *value = address_get(a, "argv0");

        if (!arguments)
                return NULL;
        if (!value)
                value = path;
        for (size_t n = 0; value;) {
                char key[32];

                arguments[n++] = (char *)(uintptr_t)value;
                snprintf(key, sizeof(key), "argv%zu", n);
                value = address_get(a, key);
        }
        return arguments;
}

/* From here to exec: another thread may have had any lock when this process was forked, so only
 * functions of signal-safety(7) will do. */

static bool use_as(int fd, int standard)
{
        if (fd == standard)
                return fcntl(fd, F_SETFD, 0) == 0;
        return dup2(fd, standard) == standard;
}

static void close_all_from(unsigned first)
{
        struct rlimit limit;

        if (close_range(first, ~0u, 0) == 0 || getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        for (unsigned fd = first; fd < limit.rlim_cur; ++fd)
                close((int)fd);
}

/* The program starts with nothing blocked, and no handler of ours runs in it before it does. */
static void reset_signals(void)
{
        sigset_t none;

        for (int s = 1; s < NSIG; ++s) {
                struct sigaction a;

                if (sigaction(s, NULL, &a) < 0 || (a.sa_handler == SIG_IGN && s != SIGPIPE))
                        continue;
                a = (struct sigaction){.sa_handler = SIG_DFL};
                sigaction(s, &a, NULL);
        }
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

/* What the reference's child says, as nobody else can: the parent is connected already. */
static void say_why(const char *path, int error)
{
        static char before[] = "Failed to execute process ", between[] = ": ", end[] = "\n";
        const char *why = strerrordesc_np(error);
        const struct iovec iov[] = {
                {before, sizeof(before) - 1},   {(char *)(uintptr_t)path, strlen(path)},
                {between, sizeof(between) - 1}, {(char *)(uintptr_t)why, why ? strlen(why) : 0},
                {end, sizeof(end) - 1},
        };

        (void)!writev(STDERR_FILENO, iov, sizeof(iov) / sizeof(*iov));
}

static _Noreturn void be_child(int fd, const char *path, char *const *arguments)
{
        if (use_as(fd, STDIN_FILENO) && use_as(fd, STDOUT_FILENO)) {
                close_all_from(STDERR_FILENO + 1);
                reset_signals();
                execvp(path, arguments);
        }
        say_why(path, errno);
        _exit(1);
}

/* Returns the child, or -errno. */
static pid_t start(int fd, const char *path, char *const *arguments)
{
        sigset_t all, before;
        pid_t child;
        int error;

        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        child = fork();
        if (!child)
                be_child(fd, path, arguments);
        error = errno;
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        return child < 0 ? -error : child;
}

int connect_exec(struct connected *c, const struct address *a, char **error_text)
{
        const char *path = address_get(a, "path");
        int ends[2];
        char **arguments;

        if (!path)
                return error_text_set(error_text, CONNECT_E_INVALID,
                                      "Could not parse server address: No process path specified");
        arguments = arguments_of(a, path);
        if (!arguments)
                return -ENOMEM;
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
                int r = -errno;

                free(arguments);
                return error_text_set(error_text, r, "Failed to create socket pair: %s",
                                      strerror(-r));
        }
        c->fd = ends[0];
        c->is_unix = true;
        c->child = start(ends[1], path, arguments);
        close(ends[1]);
        free(arguments);
        if (c->child < 0)
                return error_text_set(error_text, c->child, "Failed to fork() to call %s: %s", path,
                                      strerror(-c->child));
        return 0;
}
