/* SPDX-License-Identifier: MIT */
#include "core/connect.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "core/connect-transport.h"
#include "core/error-text.h"
#include "core/socket.h"

static const struct {
        const char *name;
        int (*connect)(struct connected *c, const struct address *a, char **error_text);
} transports[] = {
        {"unix", connect_unix},
        {"tcp", connect_tcp},
        {"nonce-tcp", connect_tcp},
        {"unixexec", connect_exec},
};

int connect_missing(const struct address *a, const char *what, char **error_text)
{
        return error_text_set(error_text, CONNECT_E_INVALID,
                              "Server address of type %s was missing argument %s", a->transport,
                              what);
}

int connect_socket(int fd, const struct sockaddr *address, socklen_t size)
{
        int r;

        /* Interrupted, the kernel goes on; the next call waits for what the first one began. */
        do
                r = connect(fd, address, size);
        while (r < 0 && errno == EINTR);
        return r < 0 && errno != EISCONN ? -errno : 0;
}

static int connect_with(struct connected *c, const struct address *a, char **error_text)
{
        for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); ++i) {
                if (strcmp(transports[i].name, a->transport) == 0)
                        return transports[i].connect(c, a, error_text);
        }
        return error_text_set(error_text, CONNECT_E_UNKNOWN,
                              "Could not parse server address: Unknown address type (examples of "
                              "valid types are \"tcp\" and on UNIX \"unix\")");
}

int connect_to(const struct address *a, struct connected *c, char **error_text)
{
        int r;

        *c = (struct connected){.fd = -1, .child = -1};
        if (error_text)
                *error_text = NULL;
        r = connect_with(c, a, error_text);
        if (!r) {
                r = socket_set_nonblock(c->fd);
                if (r < 0)
                        error_text_set(error_text, r,
                                       "Failed to set nonblocking flag of file descriptor %d: %s",
                                       c->fd, strerror(-r));
        }
        if (r && c->fd >= 0) {
                close(c->fd);
                c->fd = -1;
        }
        return r;
}

const char *connect_error_name(int error)
{
        static const char *const names[] = {
                [CONNECT_E_INVALID] = "org.freedesktop.DBus.Error.BadAddress",
                [CONNECT_E_UNKNOWN] = "org.freedesktop.DBus.Error.BadAddress",
                [CONNECT_E_FAILED] = "org.freedesktop.DBus.Error.Failed",
        };

        return error < 0 ? error_name_of(-error) : names[error];
}
