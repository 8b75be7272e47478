/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void child_prepare(void)
{
        int fd;

        signal(SIGCHLD, SIG_DFL);
        /* The lowest free number is what open() returns. */
        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd <= STDERR_FILENO);
        if (fd >= 0)
                close(fd);
}

static void keep(int fd)
{
        int flags = fd < 0 ? -1 : fcntl(fd, F_GETFD);

        if (flags >= 0)
                fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

void child_keep_fds(int fd, int other)
{
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
        keep(fd);
        keep(other);
}

struct fd_text child_fd_text(int fd)
{
        struct fd_text t;

        snprintf(t.text, sizeof(t.text), "%d", fd);
        return t;
}

char *child_read_line(int fd)
{
        char *line = NULL;
        size_t n = 0;
        int error = 0;

        for (;;) {
                char c;
                /* One by one: what follows the line is for somebody else. */
                ssize_t r = read(fd, &c, 1);
                char *more;

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        error = errno;
                if (r <= 0)
                        break;
                more = realloc(line, n + 2);
                if (!more) {
                        error = ENOMEM;
                        break;
                }
                line = more;
                line[n] = '\0';
                if (c == '\n')
                        return line;
                line[n++] = c;
                line[n] = '\0';
        }
        if (error) {
                free(line);
                line = NULL;
        }
        errno = error;
        return line;
}
