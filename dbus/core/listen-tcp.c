/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/error-text.h"
#include "core/listen-transport.h"
#include "core/random.h"
#include "core/tcp-address.h"

/* What the reference listens with. */
#define BACKLOG 30

/* What an address of this kind says, and what came of it. */
struct tcp {
        const char *host; /* for clients */
        const char *bind; /* for us; "*": all interfaces */
        const char *port;
        int bound_family;     /* of the first socket */
        in_port_t bound_port; /* of all sockets, in network order; 0: not known yet */
        struct tcp_errors errors;
};

static in_port_t *port_of(struct sockaddr *address)
{
        void *p = address;

        return address->sa_family == AF_INET6 ? &((struct sockaddr_in6 *)p)->sin6_port
                                              : &((struct sockaddr_in *)p)->sin_port;
}

/* Opens, binds and listens. Returns the socket, or -errno with *text. */
static int open_socket(const struct tcp *t, const struct addrinfo *ai, char **text)
{
        const int on = 1;
        const char *what;
        int r, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        if (fd < 0)
                return error_text_set(text, -errno, "Failed to open socket: %s", strerror(errno));
        /* Accepted connections inherit TCP_NODELAY: a message is never held back for a next one. */
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0) {
                r = error_text_set(text, -errno, "Failed to set socket option \"%s:%s\": %s",
                                   t->bind, t->port, strerror(errno));
                close(fd);
                return r;
        }
        if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0)
                what = "bind";
        else if (listen(fd, BACKLOG) < 0)
                what = "listen on";
        else
                return fd;
        return tcp_socket_failed(fd, ai, what, -errno, text);
}

/* Listens on one of the addresses that the host has. Returns 0 also if that failed and was noted.
 */
static int listen_on_one(struct listener *l, struct tcp *t, const struct addrinfo *ai)
{
        struct sockaddr_storage bound = {0};
        socklen_t n = sizeof(bound);
        char *text = NULL;
        int r, fd;

        /* A port that the kernel chose for the first has to serve for all. */
        if (t->bound_port)
                *port_of(ai->ai_addr) = t->bound_port;
        fd = open_socket(t, ai, &text);
        if (fd < 0)
                return tcp_errors_add(&t->errors, fd, text);
        if (!t->bound_port) {
                if (getsockname(fd, (struct sockaddr *)&bound, &n) < 0) {
                        r = error_text_set(&text, -errno,
                                           "Failed to retrieve socket name for \"%s:%s\": %s",
                                           t->bind, t->port, strerror(errno));
                        close(fd);
                        return tcp_errors_add(&t->errors, r, text);
                }
                t->bound_port = *port_of((struct sockaddr *)&bound);
                t->bound_family = ai->ai_family;
        }
        return listener_add(l, fd, false);
}

static int listen_on_all(struct listener *l, struct tcp *t, struct addrinfo *list,
                         char **error_text)
{
        int r = 0;

        for (struct addrinfo *ai = list; ai && !r; ai = ai->ai_next)
                r = listen_on_one(l, t, ai);
        if (r < 0 || l->n_sockets)
                return r;
        return tcp_errors_report(&t->errors, "bind to", t->bind, t->port, error_text);
}

static int resolve_and_listen(struct listener *l, struct tcp *t, const struct address *a,
                              char **error_text)
{
        struct addrinfo *list;
        int r = tcp_resolve(a, strcmp(t->bind, "*") == 0 ? NULL : t->bind, t->bind, t->port,
                            AI_PASSIVE, &list, error_text);

        if (r)
                return r == TCP_E_FAMILY ? LISTEN_E_UNUSABLE : r < 0 ? r : LISTEN_E_FAILED;
        r = listen_on_all(l, t, list, error_text);
        freeaddrinfo(list);
        return r;
}

static void parse(struct tcp *t, const struct address *a)
{
        *t = (struct tcp){
                .host = address_get(a, "host"),
                .bind = address_get(a, "bind"),
                .port = address_get(a, "port"),
        };
        if (!t->host)
                t->host = "localhost";
        if (!t->bind)
                t->bind = t->host;
        if (!t->port)
                t->port = "0";
}

static int describe(struct listener *l, const struct tcp *t, const char *transport)
{
        const char *end = t->port;
        int r = listener_describe(l, "%s", transport);

        if (!r)
                r = listener_describe_value(l, ":host=", t->host);
        /* The port as it was given, be it a service's name, unless the kernel chose it. */
        while (*end == '0')
                end += 1;
        if (!r)
                r = *end ? listener_describe_value(l, ",port=", t->port)
                         : listener_describe(l, ",port=%u", ntohs(t->bound_port));
        return r ? r
                 : listener_describe(l, ",family=%s",
                                     t->bound_family == AF_INET6 ? "ipv6" : "ipv4");
}

/* Where the reference keeps nonces. */
static const char *temporary_directory(void)
{
        static const char *const variables[] = {"TMPDIR", "TEMP", "TMP"};

        for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); ++i) {
                const char *value = secure_getenv(variables[i]);

                if (value && *value)
                        return value;
        }
        return "/tmp";
}

static int write_nonce(const struct listener *l)
{
        int r = 0, fd = open(l->nonce_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        ssize_t n;

        if (fd < 0)
                return -errno;
        do
                n = write(fd, l->nonce, sizeof(l->nonce));
        while (n < 0 && errno == EINTR);
        if (n != (ssize_t)sizeof(l->nonce))
                r = n < 0 ? -errno : -EIO;
        if (close(fd) < 0 && !r)
                r = -errno;
        return r;
}

/* Makes a nonce and the file from which clients have it, in a directory that is only the user's. */
static int make_nonce(struct listener *l, char **error_text)
{
        char name[] = "XXXXXXXX", *directory;
        int r = random_bytes(l->nonce, sizeof(l->nonce));

        if (!r)
                r = random_name(name, strlen(name));
        if (!r && asprintf(&directory, "%s/dbus_nonce-%s", temporary_directory(), name) < 0)
                r = -ENOMEM;
        if (r < 0)
                return r;
        if (mkdir(directory, 0700) < 0) {
                r = error_text_set(error_text, LISTEN_E_FAILED,
                                   "Failed to create directory %s: %s\n", directory,
                                   strerror(errno));
                free(directory);
                return r;
        }
        l->nonce_directory = directory;
        if (asprintf(&l->nonce_file, "%s/nonce", directory) < 0) {
                l->nonce_file = NULL;
                return -ENOMEM;
        }
        r = write_nonce(l);
        if (r < 0)
                return error_text_set(error_text, LISTEN_E_FAILED, "Failed to write \"%s\": %s",
                                      l->nonce_file, strerror(-r));
        for (size_t i = 0; i < l->n_sockets; ++i)
                l->sockets[i].nonce = l->nonce;
        return listener_describe_value(l, ",noncefile=", l->nonce_file);
}

int listen_on_tcp(struct listener *l, const struct address *a, char **error_text)
{
        struct tcp t;
        int r;

        parse(&t, a);
        r = resolve_and_listen(l, &t, a, error_text);
        tcp_errors_deinit(&t.errors);
        if (!r)
                r = describe(l, &t, a->transport);
        if (!r && strcmp(a->transport, "nonce-tcp") == 0)
                r = make_nonce(l, error_text);
        return r;
}
