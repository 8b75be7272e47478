/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/credentials.h"
#include "fail-alloc.h"

static void make_pair(int fds[2])
{
        g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), ==, 0);
}

static void close_pair(const int fds[2])
{
        close(fds[0]);
        close(fds[1]);
}

static bool has_group(const struct credentials *c, gid_t gid)
{
        for (size_t i = 0; i < c->n_groups; i++) {
                if (c->groups[i] == gid)
                        return true;
        }
        return false;
}

static void assert_sorted(const struct credentials *c)
{
        for (size_t i = 1; i < c->n_groups; i++)
                g_assert_cmpuint(c->groups[i - 1], <=, c->groups[i]);
}

static void assert_empty(const struct credentials *c)
{
        g_assert_false(c->has_uid || c->has_pid || c->has_gid || c->has_groups);
        g_assert_null(c->groups);
        g_assert_cmpuint(c->n_groups, ==, 0);
        g_assert_null(c->security_label);
}

static void test_self(void)
{
        struct credentials c;
        int fds[2];

        make_pair(fds);
        credentials_init(&c);
        assert_empty(&c);
        g_assert_cmpint(credentials_from_socket(&c, fds[0]), ==, 0);
        g_assert_true(c.has_uid && c.has_pid && c.has_gid);
        g_assert_cmpuint(c.uid, ==, geteuid());
        g_assert_cmpuint(c.gid, ==, getegid());
        g_assert_cmpint(c.pid, ==, getpid());
        g_assert_true(c.has_groups);
        g_assert_true(has_group(&c, getegid()));
        assert_sorted(&c);
        credentials_deinit(&c);
        assert_empty(&c);
        close_pair(fds);
}

/* The groups of a process that has taken some, which only root can try. */
static void check_groups(gid_t gid, const gid_t *groups, size_t n, const gid_t *expected,
                         size_t n_expected)
{
        int status;
        pid_t pid = fork();

        if (!pid) {
                struct credentials c;
                int fds[2];

                if (setgroups(n, groups) < 0 || setegid(gid) < 0)
                        _exit(2);
                make_pair(fds);
                credentials_init(&c);
                g_assert_cmpint(credentials_from_socket(&c, fds[0]), ==, 0);
                g_assert_cmpmem(c.groups, c.n_groups * sizeof(gid_t), expected,
                                n_expected * sizeof(gid_t));
                credentials_deinit(&c);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static void test_groups(void)
{
        gid_t many[300], many_expected[301];

        if (geteuid() != 0) {
                g_test_skip("needs root");
                return;
        }
        check_groups(5, (gid_t[]){10, 7}, 2, (gid_t[]){5, 7, 10}, 3);
        check_groups(20, (gid_t[]){10, 7, 20}, 3, (gid_t[]){7, 10, 20}, 3);
        check_groups(8, (gid_t[]){10, 7}, 2, (gid_t[]){7, 8, 10}, 3);
        check_groups(30, (gid_t[]){10, 7}, 2, (gid_t[]){7, 10, 30}, 3);
        check_groups(20, NULL, 0, (gid_t[]){20}, 1);
        /* As many as, and more than, there is room for at first. */
        for (gid_t i = 0; i < 300; i++)
                many[i] = many_expected[i] = 1000 + i;
        many_expected[16] = 2000;
        check_groups(2000, many, 16, many_expected, 17);
        many_expected[16] = 1016;
        many_expected[300] = 2000;
        check_groups(2000, many, 300, many_expected, 301);
}

/* The fd of a live peer, where the kernel has it. */
static void test_pidfd(void)
{
        int fds[2], pidfd;

        make_pair(fds);
        pidfd = credentials_open_pidfd(fds[0]);
        if (pidfd >= 0) {
                char *path = g_strdup_printf("/proc/self/fdinfo/%d", pidfd);
                char *expected = g_strdup_printf("Pid:\t%d\n", getpid()), *text;

                g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
                g_assert_nonnull(strstr(text, expected));
                g_free(text);
                g_free(expected);
                g_free(path);
                close(pidfd);
        } else {
                g_test_skip("the kernel has no SO_PEERPIDFD");
        }
        close_pair(fds);
}

/* Of a TCP peer the kernel tells nothing but a pid of 0, which the reference passes on. */
static void test_tcp(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET};
        socklen_t n = sizeof(address);
        int listening = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
        struct credentials c;
        int server;

        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        g_assert_cmpint(bind(listening, (struct sockaddr *)&address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(listening, 1), ==, 0);
        g_assert_cmpint(getsockname(listening, (struct sockaddr *)&address, &n), ==, 0);
        g_assert_cmpint(connect(client, (struct sockaddr *)&address, sizeof(address)), ==, 0);
        server = accept(listening, NULL, NULL);
        g_assert_cmpint(server, >=, 0);
        credentials_init(&c);
        g_assert_cmpint(credentials_from_socket(&c, server), ==, 0);
        g_assert_false(c.has_uid || c.has_gid || c.has_groups);
        g_assert_true(c.has_pid);
        g_assert_cmpint(c.pid, ==, 0);
        g_assert_null(c.security_label);
        g_assert_cmpint(credentials_open_pidfd(server), <, 0);
        credentials_deinit(&c);
        close(server);
        close(client);
        close(listening);
}

static void test_no_socket(void)
{
        struct credentials c;
        int fds[2];

        g_assert_cmpint(pipe(fds), ==, 0);
        credentials_init(&c);
        g_assert_cmpint(credentials_from_socket(&c, fds[0]), ==, -ENOTSOCK);
        assert_empty(&c);
        close_pair(fds);
        g_assert_cmpint(credentials_from_socket(&c, -1), ==, -EBADF);
        assert_empty(&c);
}

static void test_no_memory(void)
{
        unsigned n = 0;
        int fds[2];

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                return;
        }
        make_pair(fds);
        for (;; n++) {
                struct credentials c;
                int r;

                credentials_init(&c);
                fail_alloc_after(n);
                r = credentials_from_socket(&c, fds[0]);
                if (!fail_alloc_end()) {
                        g_assert_cmpint(r, ==, 0);
                        credentials_deinit(&c);
                        break;
                }
                /* Giving back what is too much may fail without harm. */
                if (r < 0) {
                        g_assert_cmpint(r, ==, -ENOMEM);
                        assert_empty(&c);
                }
                credentials_deinit(&c);
        }
        g_assert_cmpuint(n, >=, 2);
        close_pair(fds);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/credentials/self", test_self);
        g_test_add_func("/credentials/groups", test_groups);
        g_test_add_func("/credentials/pidfd", test_pidfd);
        g_test_add_func("/credentials/tcp", test_tcp);
        g_test_add_func("/credentials/no-socket", test_no_socket);
        g_test_add_func("/credentials/no-memory", test_no_memory);
        return g_test_run();
}
