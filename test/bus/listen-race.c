/* SPDX-License-Identifier: MIT */
/*
 * A directory where others may write, too: somebody puts a symbolic link in the place of the
 * socket's file while the daemon is about to open that to everyone.
 */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/listen.h"

static const char *socket_path, *victim; /* NULL: nobody does anything */

int __real_listen(int fd, int backlog);
int __wrap_listen(int fd, int backlog);

/* Called between the making of the file and its opening. */
int __wrap_listen(int fd, int backlog)
{
        if (victim) {
                g_assert_no_errno(unlink(socket_path));
                g_assert_no_errno(symlink(victim, socket_path));
        }
        return __real_listen(fd, backlog);
}

static void serve(const char *path, const char *link_to)
{
        g_autofree char *text = g_strconcat("unix:path=", path, NULL);
        struct address *addresses;
        struct listener *l;
        char *error = NULL;
        size_t n;

        socket_path = path;
        victim = link_to;
        g_assert_cmpint(addresses_parse(text, &addresses, &n, &error), ==, 0);
        g_assert_cmpint(
                listen_on_first(addresses, n, "0123456789abcdef0123456789abcdef", &l, &error), ==,
                0);
        addresses_free(addresses, n);
        if (!link_to) {
                struct stat st;

                g_assert_no_errno(lstat(path, &st));
                g_assert_cmpuint(st.st_mode & 07777, ==, 0777);
        }
        listener_free(l);
}

static void test_link(void)
{
        g_autofree char *directory = g_dir_make_tmp("listen-race-XXXXXX", NULL);
        g_autofree char *path = g_build_filename(directory, "bus", NULL);
        g_autofree char *secret = g_build_filename(directory, "secret", NULL);
        struct stat st;

        g_assert_true(g_file_set_contents_full(secret, "x", 1, 0, 0600, NULL));
        serve(path, secret);
        g_assert_no_errno(stat(secret, &st));
        g_assert_cmpuint(st.st_mode & 07777, ==, 0600);
        g_unlink(path);
        /* Left alone, it is open to everyone whatever the umask. */
        umask(077);
        serve(path, NULL);
        g_unlink(path);
        g_unlink(secret);
        g_assert_no_errno(g_rmdir(directory));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/listen-race/link", test_link);
        return g_test_run();
}
