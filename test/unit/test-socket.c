/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/socket.h"

static void make_pair(int fds[2])
{
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

static void close_all(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; i++)
                g_assert_cmpint(close(fds[i]), ==, 0);
}

static unsigned count_fds(void)
{
        unsigned n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static ssize_t send_text(int fd, const char *text, const int *fds, size_t n_fds)
{
        char copy[64];

        g_strlcpy(copy, text, sizeof(copy));
        return socket_send(fd, &(struct iovec){copy, strlen(text)}, 1, fds, n_fds);
}

static ssize_t recv_text(int fd, char text[64], int *fds, size_t *n_fds)
{
        ssize_t n = socket_recv(fd, &(struct iovec){text, 63}, 1, fds, n_fds);

        text[n > 0 ? n : 0] = '\0';
        return n;
}

static void test_bytes(void)
{
        struct iovec out[] = {{(char[]){"abc"}, 3}, {(char[]){"defg"}, 4}};
        char a[2], b[16];
        struct iovec in[] = {{a, sizeof(a)}, {b, sizeof(b)}};
        size_t n_fds = 0;
        int pair[2];

        make_pair(pair);
        g_assert_cmpint(socket_recv(pair[1], in, 2, NULL, &n_fds), ==, -EAGAIN);
        g_assert_cmpint(socket_send(pair[0], out, 2, NULL, 0), ==, 7);
        g_assert_cmpint(socket_recv(pair[1], in, 2, NULL, &n_fds), ==, 7);
        g_assert_cmpmem(a, 2, "ab", 2);
        g_assert_cmpmem(b, 5, "cdefg", 5);
        close(pair[0]);
        g_assert_cmpint(socket_recv(pair[1], in, 2, NULL, &n_fds), ==, 0);
        /* No signal, though no one reads; someone may have switched it off before. */
        signal(SIGPIPE, SIG_DFL);
        g_assert_cmpint(socket_send(pair[1], out, 2, NULL, 0), ==, -EPIPE);
        g_assert_cmpint(socket_send(pair[1], out, 1, NULL, 0), ==, -EPIPE);
        close(pair[1]);
        g_assert_cmpint(socket_send(pair[1], out, 2, NULL, 0), ==, -EBADF);
}

static void test_full(void)
{
        char bytes[4096] = {0};
        struct iovec iov = {bytes, sizeof(bytes)};
        ssize_t n;
        int pair[2];

        make_pair(pair);
        do
                n = socket_send(pair[0], &iov, 1, NULL, 0);
        while (n > 0);
        g_assert_cmpint(n, ==, -EAGAIN);
        close_all(pair, 2);
}

static void test_fds(void)
{
        const unsigned before = count_fds();
        int pair[2], sent[3], received[5];
        size_t n_fds = 5;
        char text[64];

        make_pair(pair);
        for (unsigned i = 0; i < 3; i++)
                sent[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        g_assert_cmpint(send_text(pair[0], "x", sent, 3), ==, 1);
        g_assert_cmpint(recv_text(pair[1], text, received, &n_fds), ==, 1);
        g_assert_cmpuint(n_fds, ==, 3);
        for (unsigned i = 0; i < 3; i++) {
                struct stat a, b;

                g_assert_cmpint(fstat(sent[i], &a), ==, 0);
                g_assert_cmpint(fstat(received[i], &b), ==, 0);
                g_assert_cmpuint(a.st_rdev, ==, b.st_rdev);
                g_assert_cmpint(fcntl(received[i], F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        }
        close_all(sent, 3);
        close_all(received, 3);
        close_all(pair, 2);
        g_assert_cmpuint(count_fds(), ==, before);
}

static void test_most_fds(void)
{
        const unsigned before = count_fds();
        int pair[2], sent[SOCKET_MAX_FDS + 1], received[SOCKET_MAX_FDS];
        size_t n_fds = SOCKET_MAX_FDS;
        char text[64];

        make_pair(pair);
        for (unsigned i = 0; i <= SOCKET_MAX_FDS; i++)
                sent[i] = STDERR_FILENO;
        g_assert_cmpint(send_text(pair[0], "x", sent, SOCKET_MAX_FDS), ==, 1);
        g_assert_cmpint(recv_text(pair[1], text, received, &n_fds), ==, 1);
        g_assert_cmpuint(n_fds, ==, SOCKET_MAX_FDS);
        close_all(received, n_fds);
        close_all(pair, 2);
        g_assert_cmpuint(count_fds(), ==, before);
}

/* Descriptors that the caller has no room for do not leak. */
static void test_no_room(void)
{
        const unsigned before = count_fds();
        const int sent[] = {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
        int pair[2], received[2];
        char text[64];

        for (size_t room = 0; room < 3; room++) {
                size_t n_fds = room;

                make_pair(pair);
                g_assert_cmpint(send_text(pair[0], "x", sent, 3), ==, 1);
                g_assert_cmpint(recv_text(pair[1], text, received, &n_fds), ==, -EMSGSIZE);
                g_assert_cmpuint(n_fds, ==, 0);
                close_all(pair, 2);
                g_assert_cmpuint(count_fds(), ==, before);
        }
}

/* In a process that may have no more: the kernel cuts the control message short. */
static G_NORETURN void receive_without_room(int fd, int go)
{
        const unsigned before = count_fds();
        int received[3];
        size_t n_fds = 3;
        char text[64];

        /* A tool that this runs under has opened what it needs after a fork by now. */
        if (write(go, "", 1) != 1 || read(go, text, 1) != 1)
                _exit(1);
        if (recv_text(fd, text, received, &n_fds) != -EMSGSIZE || n_fds || count_fds() != before)
                _exit(2);
        _exit(0);
}

/* The limit is set from outside: valgrind does not pass on what a process sets for itself. */
static void test_too_many_open(void)
{
        const int sent[] = {STDERR_FILENO, STDERR_FILENO, STDERR_FILENO};
        struct rlimit limit;
        int pair[2], go[2], highest, status;
        char ready;
        pid_t pid;

        make_pair(pair);
        make_pair(go);
        highest = dup(pair[0]);
        close(highest);
        g_assert_cmpint(send_text(pair[0], "x", sent, 3), ==, 1);
        pid = fork();
        g_assert_cmpint(pid, >=, 0);
        if (!pid)
                receive_without_room(pair[1], go[1]);
        g_assert_cmpint(read(go[0], &ready, 1), ==, 1);
        g_assert_cmpint(prlimit(pid, RLIMIT_NOFILE, NULL, &limit), ==, 0);
        limit.rlim_cur = (rlim_t)highest + 1;
        g_assert_cmpint(prlimit(pid, RLIMIT_NOFILE, &limit, NULL), ==, 0);
        g_assert_cmpint(write(go[0], "", 1), ==, 1);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
        close_all(go, 2);
        close_all(pair, 2);
}

static void test_nonblock(void)
{
        int pair[2];

        make_pair(pair);
        g_assert_cmpint(socket_set_nonblock(pair[0]), ==, 0);
        g_assert_cmpint(fcntl(pair[0], F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
        close_all(pair, 2);
        g_assert_cmpint(socket_set_nonblock(pair[0]), ==, -EBADF);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/socket/bytes", test_bytes);
        g_test_add_func("/socket/full", test_full);
        g_test_add_func("/socket/fds", test_fds);
        g_test_add_func("/socket/most-fds", test_most_fds);
        g_test_add_func("/socket/no-room", test_no_room);
        g_test_add_func("/socket/too-many-open", test_too_many_open);
        g_test_add_func("/socket/nonblock", test_nonblock);
        return g_test_run();
}
