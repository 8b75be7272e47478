/* SPDX-License-Identifier: MIT */
#include "moment.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>

static struct moment {
        void (*f)(void *data);
        void *data;
        unsigned after; /* so many more calls */
} send_moment, read_moment, within_moment;

static int refusal;

static void come(struct moment *m)
{
        void (*f)(void *data) = m->f;
        int error = errno;

        if (!f || --m->after)
                return;
        m->f = NULL;
        f(m->data);
        errno = error;
}

static int is_link(int fd)
{
        int type = 0, error = errno;
        socklen_t size = sizeof(type);

        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
        errno = error;
        return type == SOCK_SEQPACKET;
}

void moment_before_link_send(void (*f)(void *data), void *data)
{
        send_moment = (struct moment){f, data, 1};
}

void moment_after_link_read(unsigned n, void (*f)(void *data), void *data)
{
        read_moment = (struct moment){f, data, n};
}

void moment_within_link_read(void (*f)(void *data), void *data)
{
        within_moment = (struct moment){f, data, 1};
}

void moment_refuse_link_send(int error)
{
        refusal = error;
}

bool moment_cancel(void)
{
        bool pending = send_moment.f || read_moment.f || within_moment.f || refusal;

        send_moment = read_moment = within_moment = (struct moment){0};
        refusal = 0;
        return pending;
}

/* True, with errno set, if it is to be refused. */
static bool is_refused(int fd)
{
        if (!refusal || !is_link(fd))
                return false;
        errno = refusal;
        refusal = 0;
        return true;
}

/* In place of libc's. */

__attribute__((visibility("default"))) ssize_t send(int fd, const void *bytes, size_t size,
                                                    int flags)
{
        static ssize_t (*next)(int, const void *, size_t, int);

        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "send");
        if (send_moment.f && is_link(fd))
                come(&send_moment);
        return is_refused(fd) ? -1 : next(fd, bytes, size, flags);
}

__attribute__((visibility("default"))) ssize_t sendmsg(int fd, const struct msghdr *message,
                                                       int flags)
{
        static ssize_t (*next)(int, const struct msghdr *, int);

        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "sendmsg");
        if (send_moment.f && is_link(fd))
                come(&send_moment);
        return is_refused(fd) ? -1 : next(fd, message, flags);
}

__attribute__((visibility("default"))) int recvmmsg(int fd, struct mmsghdr *messages, unsigned n,
                                                    int flags, struct timespec *timeout)
{
        static int (*next)(int, struct mmsghdr *, unsigned, int, struct timespec *);
        int r;

        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "recvmmsg");
        if (within_moment.f && n > 1 && is_link(fd)) {
                r = next(fd, messages, 1, flags, timeout);
                if (r > 0)
                        come(&within_moment);
                return r;
        }
        r = next(fd, messages, n, flags, timeout);
        if (read_moment.f && is_link(fd))
                come(&read_moment);
        return r;
}

__attribute__((visibility("default"))) ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
        static ssize_t (*next)(int, struct msghdr *, int);
        ssize_t r;

        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "recvmsg");
        r = next(fd, message, flags);
        if (read_moment.f && is_link(fd))
                come(&read_moment);
        return r;
}
