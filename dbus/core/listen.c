/* SPDX-License-Identifier: MIT */
#include "core/listen.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error-text.h"
#include "core/listen-transport.h"

static const struct {
        const char *name;
        int (*listen)(struct listener *l, const struct address *a, char **error_text);
} transports[] = {
        {"unix", listen_on_unix},
        {"tcp", listen_on_tcp},
        {"nonce-tcp", listen_on_tcp},
#if HAVE_SYSTEMD
        {"systemd", listen_on_systemd},
#endif
};

int listener_add(struct listener *l, int fd, bool is_unix)
{
        struct listener_socket *sockets =
                realloc(l->sockets, (l->n_sockets + 1) * sizeof(*sockets));

        if (!sockets) {
                close(fd);
                return -ENOMEM;
        }
        l->sockets = sockets;
        sockets[l->n_sockets++] = (struct listener_socket){.fd = fd, .is_unix = is_unix};
        return 0;
}

int listener_describe(struct listener *l, const char *format, ...)
{
        char *more, *all;
        va_list ap;
        int r;

        va_start(ap, format);
        r = vasprintf(&more, format, ap);
        va_end(ap);
        if (r < 0)
                return -ENOMEM;
        r = asprintf(&all, "%s%s", l->connectable ? l->connectable : "", more);
        free(more);
        if (r < 0)
                return -ENOMEM;
        free(l->connectable);
        l->connectable = all;
        return 0;
}

int listener_describe_value(struct listener *l, const char *prefix, const char *value)
{
        char *escaped;
        int r = address_escape(value, &escaped);

        if (r < 0)
                return r;
        r = listener_describe(l, "%s%s", prefix, escaped);
        free(escaped);
        return r;
}

/* Removes the file of a unix socket, unless another server has put its own there. */
static void remove_socket_file(const struct listener *l)
{
        struct stat st;

        if (lstat(l->socket_path, &st) == 0 && st.st_dev == l->socket_device &&
            st.st_ino == l->socket_inode)
                unlink(l->socket_path);
}

struct listener *listener_free(struct listener *l)
{
        if (!l)
                return NULL;
        if (l->socket_path)
                remove_socket_file(l);
        if (l->nonce_file)
                unlink(l->nonce_file);
        if (l->nonce_directory)
                rmdir(l->nonce_directory);
        for (size_t i = 0; i < l->n_sockets; ++i)
                close(l->sockets[i].fd);
        explicit_bzero(l->nonce, sizeof(l->nonce));
        free(l->sockets);
        free(l->connectable);
        free(l->socket_path);
        free(l->nonce_file);
        free(l->nonce_directory);
        free(l);
        return NULL;
}

static int listen_with(struct listener *l, const struct address *a, char **error_text)
{
        for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); ++i) {
                if (strcmp(transports[i].name, a->transport) == 0)
                        return transports[i].listen(l, a, error_text);
        }
        return error_text_set(error_text, LISTEN_E_UNKNOWN, "Unknown address type '%s'",
                              a->transport);
}

int listen_on(const struct address *a, const char *guid, struct listener **lp, char **error_text)
{
        struct listener *l = calloc(1, sizeof(*l));
        int r;

        if (error_text)
                *error_text = NULL;
        if (!l)
                return -ENOMEM;
        snprintf(l->guid, sizeof(l->guid), "%s", guid);
        r = listen_with(l, a, error_text);
        if (!r)
                r = listener_describe(l, ",guid=%s", l->guid);
        if (r) {
                listener_free(l);
                return r;
        }
        *lp = l;
        return 0;
}

int listen_on_first(const struct address *list, size_t n, const char *guid, struct listener **lp,
                    char **error_text)
{
        char *first_text = NULL;
        int first = 0;

        for (size_t i = 0; i < n; ++i) {
                char *text;
                int r = listen_on(&list[i], guid, lp, &text);

                if (!r || r == LISTEN_E_INVALID || r == -ENOMEM) {
                        free(first_text);
                        first_text = text;
                        first = r;
                        break;
                }
                /* A transport that we do not have is the least of what can be wrong. */
                if (!first || (first == LISTEN_E_UNKNOWN && r != LISTEN_E_UNKNOWN)) {
                        free(first_text);
                        first_text = text;
                        first = r;
                } else {
                        free(text);
                }
        }
        if (error_text)
                *error_text = first_text;
        else
                free(first_text);
        return first;
}

int listener_accept(const struct listener *l, size_t socket_index)
{
        int fd;

        do
                fd = accept4(l->sockets[socket_index].fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        while (fd < 0 && errno == EINTR);
        return fd < 0 ? -errno : fd;
}

const char *listen_error_name(int error)
{
        static const char *const names[] = {
                [LISTEN_E_INVALID] = "org.freedesktop.DBus.Error.BadAddress",
                [LISTEN_E_UNKNOWN] = "org.freedesktop.DBus.Error.BadAddress",
                [LISTEN_E_UNUSABLE] = "org.freedesktop.DBus.Error.BadAddress",
                [LISTEN_E_NOT_SUPPORTED] = "org.freedesktop.DBus.Error.NotSupported",
                [LISTEN_E_FAILED] = "org.freedesktop.DBus.Error.Failed",
        };

        return error < 0 ? error_name_of(-error) : names[error];
}
