/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error-text.h"
#include "core/listen-transport.h"
#include "core/random.h"
#include "core/unix-name.h"

/* The reference listens with SOMAXCONN; the kernel cuts it to net.core.somaxconn. */
#define BACKLOG SOMAXCONN

/* Remembers the file that bind() made, to know it again when it is to be removed. */
static void note_socket_file(struct listener *l)
{
        struct stat st;

        if (l->socket_path && lstat(l->socket_path, &st) == 0) {
                l->socket_device = st.st_dev;
                l->socket_inode = st.st_ino;
        }
}

/* Opens a socket with this name, and listens. */
static int open_socket(struct listener *l, const struct unix_name *name, char **error_text)
{
        int r, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return error_text_set(error_text, -errno, "Failed to open socket: %s",
                                      strerror(errno));
        if (bind(fd, (const struct sockaddr *)&name->address, name->size) < 0) {
                r = error_text_set(error_text, -errno, "Failed to bind socket \"%s\": %s",
                                   name->text, strerror(errno));
                close(fd);
                return r;
        }
        note_socket_file(l);
        if (listen(fd, BACKLOG) < 0) {
                r = error_text_set(error_text, -errno, "Failed to listen on socket \"%s\": %s",
                                   name->text, strerror(errno));
                close(fd);
                return r;
        }
        return listener_add(l, fd, true);
}

/* A socket that is there was left behind, or its server does not mind: it is replaced, as the
 * reference does. Any other file is not. */
static void remove_stale(const char *path)
{
        struct stat st;

        if (stat(path, &st) == 0 && S_ISSOCK(st.st_mode))
                unlink(path);
}

static int listen_on_path(struct listener *l, const char *path, char **error_text)
{
        struct unix_name name;
        int r;

        if (unix_name_path(&name, path, error_text))
                return LISTEN_E_UNUSABLE;
        /* The kernel would choose a name of its own. */
        if (!*path)
                return error_text_set(error_text, -EINVAL, "Failed to bind socket \"\": %s",
                                      strerror(EINVAL));
        l->socket_path = strdup(path);
        if (!l->socket_path)
                return -ENOMEM;
        remove_stale(path);
        r = open_socket(l, &name, error_text);
        if (r)
                return r;
        /* Without write access to the file no one can connect (unix(7)); who may is the policy's
         * business. Where a file has no mode that could be set, this does not matter; and should
         * somebody have put a link in its place, it is not what that points to that we open. */
        (void)!fchmodat(AT_FDCWD, path, 0777, AT_SYMLINK_NOFOLLOW);
        return listener_describe_value(l, "unix:path=", path);
}

static int listen_on_abstract(struct listener *l, const char *text, char **error_text)
{
        struct unix_name name;
        int r;

        if (unix_name_abstract(&name, text, error_text))
                return LISTEN_E_UNUSABLE;
        r = open_socket(l, &name, error_text);
        return r ? r : listener_describe_value(l, "unix:abstract=", text);
}

static int listen_on_file_in(struct listener *l, const char *directory, const char *name,
                             char **error_text)
{
        size_t n = strlen(directory);
        char *path;
        int r;

        if (asprintf(&path, "%s%s%s", directory, n && directory[n - 1] == '/' ? "" : "/", name) < 0)
                return -ENOMEM;
        r = listen_on_path(l, path, error_text);
        free(path);
        return r;
}

static int listen_on_directory(struct listener *l, const char *directory, char **error_text)
{
        char name[] = "dbus-XXXXXXXXXX";
        int r = random_name(name + strlen("dbus-"), strlen("XXXXXXXXXX"));

        return r ? r : listen_on_file_in(l, directory, name, error_text);
}

static int listen_on_runtime(struct listener *l, const char *value, char **error_text)
{
        const char *directory = secure_getenv("XDG_RUNTIME_DIR");

        if (strcmp(value, "yes") != 0)
                return error_text_set(error_text, LISTEN_E_INVALID,
                                      "Could not parse server address: if given, the only value "
                                      "allowed for \"runtime\" is \"yes\"");
        if (!directory || !*directory)
                return error_text_set(error_text, LISTEN_E_NOT_SUPPORTED,
                                      "\"XDG_RUNTIME_DIR\" is not set");
        return listen_on_file_in(l, directory, "bus", error_text);
}

int listen_on_unix(struct listener *l, const struct address *a, char **error_text)
{
        static const struct {
                const char *key;
                int (*listen)(struct listener *l, const char *value, char **error_text);
        } kinds[] = {
                {"path", listen_on_path},
                {"dir", listen_on_directory},
                /* An abstract socket would do here, but it reaches into containers. */
                {"tmpdir", listen_on_directory},
                {"runtime", listen_on_runtime},
                {"abstract", listen_on_abstract},
        };
        const char *value = NULL;
        size_t kind = 0;

        for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); ++i) {
                const char *v = address_get(a, kinds[i].key);

                if (v && value)
                        return error_text_set(error_text, LISTEN_E_INVALID,
                                              "Could not parse server address: cannot specify two "
                                              "of \"path\", \"tmpdir\", \"abstract\", \"runtime\" "
                                              "and \"dir\" at the same time");
                if (v) {
                        value = v;
                        kind = i;
                }
        }
        if (!value)
                return error_text_set(error_text, LISTEN_E_INVALID,
                                      "Server address of type unix was missing argument path or "
                                      "tmpdir or abstract or runtime or dir");
        return kinds[kind].listen(l, value, error_text);
}
