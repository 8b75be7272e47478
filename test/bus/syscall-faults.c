/* SPDX-License-Identifier: MIT */
#include "syscall-faults.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "inproc.h"

/* What one call transfers in SYSCALL_FAULTS_SHORT: at first byte after byte, but not for ever. */
#define BYTE_WISE_CALLS 4000u
#define LATER_BYTES     1021u

/* Descriptors that are remembered. */
#define MOST_FDS 1024

enum call {
        CALL_ACCEPT,
        CALL_RECV,
        CALL_SEND,
        CALL_EPOLL_ADD,
        CALL_EPOLL_WAIT,
        CALL_OPEN,
        CALL_READ,
        CALL_CREDENTIALS,
        CALL_FORK,
        CALL_PIPE,
        CALL_SIGNALFD,
        CALL_INOTIFY,
        CALL_INOTIFY_ADD,
        CALL_OPENDIR,
        CALL_WAITPID,
        /* Of a child alone. */
        CALL_CLOSE_RANGE,
        CALL_SETRLIMIT,
        CALL_DUP2,
        CALL_EXECVE,
        N_CALLS,
};

/* What the manual pages say may happen to whom that does nothing wrong. 0: nothing (more). */
static const int errors[N_CALLS][SYSCALL_FAULTS_ERRORS] = {
        [CALL_ACCEPT] = {EMFILE, ECONNABORTED, ENOMEM},
        [CALL_RECV] = {ENOMEM, ECONNRESET},
        [CALL_SEND] = {ENOBUFS, ENOMEM},
        [CALL_EPOLL_ADD] = {ENOMEM, ENOSPC},
        [CALL_OPEN] = {EMFILE, ENOENT},
        [CALL_READ] = {EIO},
        [CALL_CREDENTIALS] = {ENOMEM},
        [CALL_FORK] = {EAGAIN, ENOMEM},
        [CALL_PIPE] = {EMFILE, ENFILE},
        [CALL_SIGNALFD] = {EMFILE, ENFILE, ENOMEM},
        [CALL_INOTIFY] = {EMFILE, ENFILE, ENOMEM},
        [CALL_INOTIFY_ADD] = {ENOSPC, ENOMEM, EACCES},
        [CALL_OPENDIR] = {EMFILE, ENFILE, ENOMEM},
        [CALL_CLOSE_RANGE] = {ENOSYS, ENOMEM},
        [CALL_SETRLIMIT] = {EPERM},
        [CALL_DUP2] = {EBUSY, EMFILE},
        [CALL_EXECVE] = {ENOMEM, EACCES, ETXTBSY},
};

static const bool may_be_interrupted[N_CALLS] = {
        [CALL_ACCEPT] = true, [CALL_RECV] = true, [CALL_SEND] = true,    [CALL_EPOLL_WAIT] = true,
        [CALL_OPEN] = true,   [CALL_READ] = true, [CALL_OPENDIR] = true, [CALL_WAITPID] = true,
};

static enum syscall_faults_mode mode;
static unsigned n_left, which, n_calls;
static bool interrupted;
static pid_t daemon_pid;
/* In memory that children share. */
static bool *failed;
/* In a child, that a call of it has failed. */
static bool has_failed;

/* What the daemon waits for, so that a short read can be followed by the news of more. */
static struct {
        int epoll_fd;
        struct epoll_event event;
} watched[MOST_FDS];

void syscall_faults_arm(enum syscall_faults_mode new_mode, unsigned n, unsigned error)
{
        if (!failed) {
                failed = mmap(NULL, sizeof(*failed), PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
                if (failed == MAP_FAILED)
                        abort();
        }
        daemon_pid = getpid();
        mode = new_mode;
        n_left = n;
        which = error;
        n_calls = 0;
        *failed = has_failed = interrupted = false;
}

bool syscall_faults_disarm(void)
{
        mode = SYSCALL_FAULTS_NONE;
        return *failed;
}

/* Whether it is the turn of this process. */
static bool is_turn(enum call call)
{
        bool is_child = getpid() != daemon_pid;

        if (has_failed || !errors[call][0])
                return false;
        return mode == (is_child ? SYSCALL_FAULTS_FAIL_CHILD : SYSCALL_FAULTS_FAIL);
}

/* Whether this call is to fail; errno says why. */
static bool fail_now(enum call call)
{
        if (!inproc_inside)
                return false;
        if (mode == SYSCALL_FAULTS_INTERRUPT && may_be_interrupted[call]) {
                interrupted = !interrupted;
                errno = EINTR;
                return interrupted;
        }
        if (!is_turn(call))
                return false;
        if (n_left) {
                n_left -= 1;
                return false;
        }
        *failed = has_failed = true;
        errno = errors[call][which];
        return errno != 0;
}

/* How much of n bytes is transferred. */
static size_t share(size_t n)
{
        size_t most;

        if (!inproc_inside || mode != SYSCALL_FAULTS_SHORT)
                return n;
        most = n_calls++ < BYTE_WISE_CALLS ? 1 : LATER_BYTES;
        return n < most ? n : most;
}

/* The start of some buffers. */
static size_t first_of(const struct msghdr *m, struct iovec *iov)
{
        size_t i = 0;

        while (i + 1 < m->msg_iovlen && !m->msg_iov[i].iov_len)
                i += 1;
        *iov = m->msg_iov[i];
        iov->iov_len = share(iov->iov_len);
        return iov->iov_len;
}

/* A socket that was not emptied makes itself heard again, as if more had come. */
static void hear_again(int fd);

int __real_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags);
ssize_t __real_recv(int fd, void *buffer, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __real_send(int fd, const void *buffer, size_t n, int flags);
ssize_t __wrap_send(int fd, const void *buffer, size_t n, int flags);
ssize_t __real_sendmsg(int fd, const struct msghdr *m, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags);
int __real_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event);
int __real_epoll_wait(int epoll_fd, struct epoll_event *events, int n, int timeout_ms);
int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int n, int timeout_ms);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *buffer, size_t n);
ssize_t __wrap_read(int fd, void *buffer, size_t n);
pid_t __real_fork(void);
pid_t __wrap_fork(void);
int __real_pipe2(int fds[2], int flags);
int __wrap_pipe2(int fds[2], int flags);
int __real_signalfd(int fd, const sigset_t *mask, int flags);
int __wrap_signalfd(int fd, const sigset_t *mask, int flags);
int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);
int __real_inotify_add_watch(int fd, const char *path, uint32_t mask);
int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask);
DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
pid_t __real_waitpid(pid_t pid, int *status, int options);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __real_close_range(unsigned first, unsigned last, int flags);
int __wrap_close_range(unsigned first, unsigned last, int flags);
int __real_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit);
int __real_dup2(int from, int to);
int __wrap_dup2(int from, int to);
int __real_execve(const char *path, char *const *argv, char *const *envp);
int __wrap_execve(const char *path, char *const *argv, char *const *envp);
int __real_getsockopt(int fd, int level, int option, void *value, socklen_t *size);
int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size);

static void hear_again(int fd)
{
        if (mode == SYSCALL_FAULTS_SHORT && inproc_inside && fd < MOST_FDS && watched[fd].epoll_fd)
                __real_epoll_ctl(watched[fd].epoll_fd, EPOLL_CTL_MOD, fd, &watched[fd].event);
}

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *size, int flags)
{
        return fail_now(CALL_ACCEPT) ? -1 : __real_accept4(fd, address, size, flags);
}

ssize_t __wrap_recv(int fd, void *buffer, size_t n, int flags)
{
        ssize_t r = fail_now(CALL_RECV) ? -1 : __real_recv(fd, buffer, share(n), flags);

        if (r > 0)
                hear_again(fd);
        return r;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
        struct msghdr less = *m;
        struct iovec iov;
        ssize_t r;

        if (!inproc_inside)
                return __real_recvmsg(fd, m, flags);
        if (fail_now(CALL_RECV))
                return -1;
        if (mode == SYSCALL_FAULTS_SHORT) {
                first_of(m, &iov);
                less.msg_iov = &iov;
                less.msg_iovlen = 1;
        }
        r = __real_recvmsg(fd, &less, flags);
        m->msg_controllen = less.msg_controllen;
        m->msg_flags = less.msg_flags;
        if (r > 0)
                hear_again(fd);
        return r;
}

ssize_t __wrap_send(int fd, const void *buffer, size_t n, int flags)
{
        return fail_now(CALL_SEND) ? -1 : __real_send(fd, buffer, share(n), flags);
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *m, int flags)
{
        struct msghdr less = *m;
        struct iovec iov;

        if (fail_now(CALL_SEND))
                return -1;
        if (inproc_inside && mode == SYSCALL_FAULTS_SHORT) {
                first_of(m, &iov);
                less.msg_iov = &iov;
                less.msg_iovlen = 1;
        }
        return __real_sendmsg(fd, &less, flags);
}

int __wrap_epoll_ctl(int epoll_fd, int op, int fd, struct epoll_event *event)
{
        int r;

        if (op == EPOLL_CTL_ADD && fail_now(CALL_EPOLL_ADD))
                return -1;
        r = __real_epoll_ctl(epoll_fd, op, fd, event);
        if (!r && fd < MOST_FDS) {
                watched[fd].epoll_fd = op == EPOLL_CTL_DEL ? 0 : epoll_fd;
                if (op != EPOLL_CTL_DEL)
                        watched[fd].event = *event;
        }
        return r;
}

int __wrap_epoll_wait(int epoll_fd, struct epoll_event *events, int n, int timeout_ms)
{
        return fail_now(CALL_EPOLL_WAIT) ? -1 : __real_epoll_wait(epoll_fd, events, n, timeout_ms);
}

int __wrap_open(const char *path, int flags, ...)
{
        va_list args;
        mode_t permissions;

        va_start(args, flags);
        permissions = flags & O_CREAT ? va_arg(args, mode_t) : 0;
        va_end(args);
        return fail_now(CALL_OPEN) ? -1 : __real_open(path, flags, permissions);
}

/* Of what the kernel makes up for the reader (signalfd(2), inotify(7)) there is no half. */
static bool comes_whole(int fd)
{
        struct stat st;

        return fstat(fd, &st) < 0 || !S_ISREG(st.st_mode);
}

ssize_t __wrap_read(int fd, void *buffer, size_t n)
{
        if (fail_now(CALL_READ))
                return -1;
        return __real_read(fd, buffer, comes_whole(fd) ? n : share(n));
}

pid_t __wrap_fork(void)
{
        return fail_now(CALL_FORK) ? -1 : __real_fork();
}

int __wrap_pipe2(int fds[2], int flags)
{
        return fail_now(CALL_PIPE) ? -1 : __real_pipe2(fds, flags);
}

int __wrap_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
        return fail_now(CALL_CREDENTIALS) ? -1 : __real_getsockopt(fd, level, option, value, size);
}

int __wrap_signalfd(int fd, const sigset_t *mask, int flags)
{
        return fail_now(CALL_SIGNALFD) ? -1 : __real_signalfd(fd, mask, flags);
}

int __wrap_inotify_init1(int flags)
{
        return fail_now(CALL_INOTIFY) ? -1 : __real_inotify_init1(flags);
}

int __wrap_inotify_add_watch(int fd, const char *path, uint32_t mask)
{
        return fail_now(CALL_INOTIFY_ADD) ? -1 : __real_inotify_add_watch(fd, path, mask);
}

DIR *__wrap_opendir(const char *path)
{
        return fail_now(CALL_OPENDIR) ? NULL : __real_opendir(path);
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
        return fail_now(CALL_WAITPID) ? -1 : __real_waitpid(pid, status, options);
}

int __wrap_close_range(unsigned first, unsigned last, int flags)
{
        return fail_now(CALL_CLOSE_RANGE) ? -1 : __real_close_range(first, last, flags);
}

int __wrap_setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
        return fail_now(CALL_SETRLIMIT) ? -1 : __real_setrlimit(resource, limit);
}

int __wrap_dup2(int from, int to)
{
        return fail_now(CALL_DUP2) ? -1 : __real_dup2(from, to);
}

int __wrap_execve(const char *path, char *const *argv, char *const *envp)
{
        return fail_now(CALL_EXECVE) ? -1 : __real_execve(path, argv, envp);
}
