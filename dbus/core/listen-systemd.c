/* SPDX-License-Identifier: MIT */
#include "core/listen-transport.h"

#if HAVE_SYSTEMD
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>

#include "core/error-text.h"
#include "core/socket.h"

union socket_address {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
        struct sockaddr_un un;
};

static int describe_unix(struct listener *l, const struct sockaddr_un *un, socklen_t size)
{
        /* A name that fills sun_path has no NUL behind it, an abstract one never has. */
        char name[sizeof(un->sun_path) + 1] = "";
        size_t n = size - offsetof(struct sockaddr_un, sun_path);

        memcpy(name, un->sun_path, n < sizeof(un->sun_path) ? n : sizeof(un->sun_path));
        if (*name)
                return listener_describe_value(l, "unix:path=", name);
        return listener_describe_value(l, "unix:abstract=", name + 1);
}

static int describe_tcp(struct listener *l, const char *family, in_port_t port,
                        const struct sockaddr *address)
{
        const void *at = address;
        char host[INET6_ADDRSTRLEN];
        int r;

        if (address->sa_family == AF_INET)
                inet_ntop(AF_INET, &((const struct sockaddr_in *)at)->sin_addr, host, sizeof(host));
        else
                inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)at)->sin6_addr, host,
                          sizeof(host));
        r = listener_describe(l, "tcp:family=%s,port=%u", family, ntohs(port));
        return r ? r : listener_describe_value(l, ",host=", host);
}

/* Appends the address of a socket. Returns 0, -ENOMEM, or another -errno with *error_text. */
static int describe(struct listener *l, struct listener_socket *s, char **error_text)
{
        union socket_address address = {0};
        socklen_t size = sizeof(address);
        int r = l->connectable ? listener_describe(l, ";") : 0;

        if (r)
                return r;
        if (getsockname(s->fd, &address.any, &size) < 0)
                return error_text_set(error_text, -errno, "Failed to read address from socket: %s",
                                      strerror(errno));
        switch (address.any.sa_family) {
        case AF_UNIX:
                s->is_unix = true;
                return describe_unix(l, &address.un, size);
        case AF_INET:
                return describe_tcp(l, "ipv4", address.in.sin_port, &address.any);
        case AF_INET6:
                return describe_tcp(l, "ipv6", address.in6.sin6_port, &address.any);
        default:
                return error_text_set(error_text, LISTEN_E_FAILED,
                                      "Failed to read address from socket: Unknown socket type.");
        }
}

static int check(const struct listener_socket *s, char **error_text)
{
        int r = sd_is_socket(s->fd, AF_UNSPEC, SOCK_STREAM, 1);

        if (r < 0)
                return error_text_set(error_text, r, "Failed to verify systemd socket type: %s",
                                      strerror(-r));
        if (!r)
                return error_text_set(error_text, LISTEN_E_UNUSABLE,
                                      "Passed socket has wrong type.");
        r = socket_set_nonblock(s->fd);
        if (r < 0)
                return error_text_set(error_text, r,
                                      "Failed to set nonblocking flag of file descriptor %d: %s",
                                      s->fd, strerror(-r));
        return 0;
}

int listen_on_systemd(struct listener *l, const struct address *a, char **error_text)
{
        /* Forgetting the sockets afterwards keeps them from a second address of this kind, and
         * from programs that are started. */
        int r, n = sd_listen_fds(1);

        (void)a;
        if (n < 0)
                return error_text_set(error_text, LISTEN_E_FAILED,
                                      "Failed to acquire systemd socket: %s", strerror(-n));
        if (!n)
                return error_text_set(error_text, LISTEN_E_UNUSABLE, "No socket received.");
        /* All are ours now, to be closed if one of them is of no use. */
        for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; ++fd) {
                r = listener_add(l, fd, false);
                if (r < 0)
                        return r;
        }
        for (size_t i = 0; i < l->n_sockets; ++i) {
                r = check(&l->sockets[i], error_text);
                if (!r)
                        r = describe(l, &l->sockets[i], error_text);
                if (r)
                        return r;
        }
        return 0;
}
#endif
