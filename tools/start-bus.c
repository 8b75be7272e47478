/* SPDX-License-Identifier: MIT */
#include "start-bus.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define DAEMON_NAME "dbus-daemon"
#define DAEMON_PATH BINDIR "/" DAEMON_NAME

struct pipe {
        int from, to; /* -1: closed */
};

static int pipe_open(struct pipe *p)
{
        int ends[2];

        if (pipe2(ends, O_CLOEXEC) < 0) {
                fprintf(stderr, "Failed to create pipe: %s\n", strerror(errno));
                return -1;
        }
        *p = (struct pipe){ends[0], ends[1]};
        return 0;
}

static void pipe_close(struct pipe *p)
{
        if (p->from >= 0)
                close(p->from);
        if (p->to >= 0)
                close(p->to);
        *p = (struct pipe){-1, -1};
}

static _Noreturn void become_daemon(const struct pipe *address, const struct pipe *pid,
                                    const char *config_file, bool quiet)
{
        struct fd_text address_fd = child_fd_text(address->to), pid_fd = child_fd_text(pid->to);
        const char *arguments[] = {DAEMON_PATH,     quiet ? "--syslog-only" : "--syslog",
                                   "--fork",        "--print-pid",
                                   pid_fd.text,     "--print-address",
                                   address_fd.text, config_file ? "--config-file" : "--session",
                                   config_file,     NULL};
        char **argv = (char **)(uintptr_t)arguments;

        if (quiet) {
                int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

                if (null >= 0)
                        dup2(null, STDERR_FILENO);
        }
        child_keep_fds(address->to, pid->to);
        execv(DAEMON_PATH, argv);
        fprintf(stderr,
                "Failed to execute message bus daemon %s: %s.  Will try again without full path.\n",
                DAEMON_PATH, strerror(errno));
        execvp(DAEMON_NAME, argv);
        fprintf(stderr, "Failed to execute message bus daemon: %s\n", strerror(errno));
        _exit(EXIT_FAILURE);
}

static char *read_line(int fd, const char *what)
{
        char *line = child_read_line(fd);

        if (!line && errno)
                fprintf(stderr, "Error in dbus-launch reading %s from bus daemon: %s\n", what,
                        strerror(errno));
        else if (!line)
                fprintf(stderr, "EOF in dbus-launch reading %s from bus daemon\n", what);
        return line;
}

static int read_pid(int fd, pid_t *pid)
{
        char *line = read_line(fd, "PID"), *end;
        long value;

        if (!line)
                return -1;
        errno = 0;
        value = strtol(line, &end, 10);
        if (errno || end == line || *end || value <= 0) {
                fprintf(stderr, "Failed to parse bus PID \"%s\": %s\n", line,
                        strerror(errno ? errno : EINVAL));
                free(line);
                return -1;
        }
        free(line);
        *pid = (pid_t)value;
        return 0;
}

/* The process that was started ends when its successor in the background is ready. */
static int wait_for(pid_t child)
{
        while (waitpid(child, NULL, 0) < 0)
                if (errno != EINTR) {
                        fputs("Failed waitpid() waiting for bus daemon's parent\n", stderr);
                        return -1;
                }
        return 0;
}

static int start(struct session_info *s, struct pipe *address, struct pipe *pid,
                 const char *config_file, bool quiet)
{
        pid_t child = fork();

        if (child < 0) {
                fprintf(stderr, "Failed to fork: %s\n", strerror(errno));
                return -1;
        }
        if (!child)
                become_daemon(address, pid, config_file, quiet);
        close(address->to);
        close(pid->to);
        address->to = pid->to = -1;
        s->address = read_line(address->from, "address");
        if (!s->address || read_pid(pid->from, &s->pid) < 0)
                return -1;
        return wait_for(child);
}

int start_bus(struct session_info *s, const char *config_file, bool quiet)
{
        struct pipe address = {-1, -1}, pid = {-1, -1};
        int r = -1;

        if (pipe_open(&address) == 0 && pipe_open(&pid) == 0)
                r = start(s, &address, &pid, config_file, quiet);
        pipe_close(&address);
        pipe_close(&pid);
        return r;
}
