/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/connect-transport.h"
#include "core/error-text.h"
#include "core/listen.h" /* LISTEN_NONCE_SIZE */
#include "core/socket.h"
#include "core/tcp-address.h"

/* Connects to one of the host's addresses. Returns the socket, or -errno with *text. */
static int open_socket(const struct addrinfo *ai, char **text)
{
        const int on = 1;
        int r, fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0)
                return error_text_set(text, -errno, "Failed to open socket: %s", strerror(errno));
        r = connect_socket(fd, ai->ai_addr, ai->ai_addrlen);
        if (r < 0)
                return tcp_socket_failed(fd, ai, "connect to", r, text);
        /* A message is not held back for a next one. Where that cannot be had, it comes later. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        return fd;
}

static int connect_to_one_of(struct connected *c, const struct addrinfo *list, const char *host,
                             const char *port, char **error_text)
{
        struct tcp_errors errors = {0};
        int r = 0;

        for (const struct addrinfo *ai = list; ai && c->fd < 0 && !r; ai = ai->ai_next) {
                char *text = NULL;
                int fd = open_socket(ai, &text);

                if (fd < 0)
                        r = tcp_errors_add(&errors, fd, text);
                else
                        c->fd = fd;
        }
        if (!r && c->fd < 0)
                r = tcp_errors_report(&errors, "connect to", host, port, error_text);
        tcp_errors_deinit(&errors);
        return r;
}

/* Reads as much of a nonce as the file has. Returns the number of bytes, or -errno. */
static ssize_t read_nonce(const char *path, char *nonce, char **error_text)
{
        size_t have = 0;
        ssize_t n;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

        if (fd < 0)
                return error_text_set(error_text, -errno, "Failed to open %s for read: %s", path,
                                      strerror(errno));
        do {
                n = read(fd, nonce + have, LISTEN_NONCE_SIZE - have);
                have += n > 0 ? (size_t)n : 0;
        } while ((n > 0 && have < LISTEN_NONCE_SIZE) || (n < 0 && errno == EINTR));
        close(fd);
        /* To the reference such a file is one that is not there. */
        if (!have)
                return error_text_set(error_text, -ENOENT, "Could not read nonce from file %s",
                                      path);
        return (ssize_t)have;
}

static int send_nonce(int fd, const char *path, char **error_text)
{
        char nonce[LISTEN_NONCE_SIZE];
        struct iovec iov = {.iov_base = nonce};
        ssize_t n = read_nonce(path, nonce, error_text);

        if (n < 0)
                return (int)n;
        iov.iov_len = (size_t)n;
        /* So few bytes fit a new socket's buffer. */
        n = socket_send(fd, &iov, 1, NULL, 0);
        explicit_bzero(nonce, sizeof(nonce));
        if (n < 0)
                return error_text_set(error_text, (int)n, "Failed to send nonce (fd=%d): %s", fd,
                                      strerror((int)-n));
        return 0;
}

int connect_tcp(struct connected *c, const struct address *a, char **error_text)
{
        const char *host = address_get(a, "host"), *port = address_get(a, "port");
        const char *nonce_file = address_get(a, "noncefile");
        bool has_nonce = strcmp(a->transport, "nonce-tcp") == 0;
        struct addrinfo *list;
        int r;

        if (has_nonce && !nonce_file)
                return connect_missing(a, "noncefile", error_text);
        if (!port)
                return connect_missing(a, "port", error_text);
        if (!host)
                host = "localhost";
        r = tcp_resolve(a, host, host, port, AI_ADDRCONFIG, &list, error_text);
        if (r)
                return r == TCP_E_FAMILY ? CONNECT_E_INVALID : r < 0 ? r : CONNECT_E_FAILED;
        r = connect_to_one_of(c, list, host, port, error_text);
        freeaddrinfo(list);
        if (!r && has_nonce)
                r = send_nonce(c->fd, nonce_file, error_text);
        return r;
}
