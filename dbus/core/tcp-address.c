/* SPDX-License-Identifier: MIT */
#include "core/tcp-address.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/error-text.h"

static int parse_family(const struct address *a, int *family, char **error_text)
{
        const char *name = address_get(a, "family");

        if (!name)
                *family = AF_UNSPEC;
        else if (strcmp(name, "ipv4") == 0)
                *family = AF_INET;
        else if (strcmp(name, "ipv6") == 0)
                *family = AF_INET6;
        else
                return error_text_set(error_text, TCP_E_FAMILY, "Unknown address family %s", name);
        return 0;
}

/* The errors of getaddrinfo(3) that the reference tells from others. */
static int lookup_error(int error)
{
        switch (error) {
        case EAI_FAMILY:
        case EAI_SOCKTYPE:
                return -EAFNOSUPPORT;
        case EAI_MEMORY:
                return -ENOMEM;
        case EAI_SYSTEM:
                return errno ? -errno : TCP_E_LOOKUP;
        default:
                return TCP_E_LOOKUP;
        }
}

int tcp_resolve(const struct address *a, const char *host, const char *shown, const char *port,
                int flags, struct addrinfo **list, char **error_text)
{
        struct addrinfo hints = {
                .ai_socktype = SOCK_STREAM, .ai_protocol = IPPROTO_TCP, .ai_flags = flags};
        int r = parse_family(a, &hints.ai_family, error_text);

        if (r)
                return r;
        r = getaddrinfo(host, port, &hints, list);
        if (!r)
                return 0;
        return error_text_set(error_text, lookup_error(r),
                              "Failed to lookup host/port: \"%s:%s\": %s (%d)", shown, port,
                              gai_strerror(r), r);
}

int tcp_errors_add(struct tcp_errors *e, int error, char *text)
{
        char *all;
        int r;

        if (!text)
                return -ENOMEM;
        r = asprintf(&all, "%s%s%s", e->texts ? e->texts : "", e->texts ? "; " : "", text);
        free(text);
        if (r < 0)
                return -ENOMEM;
        free(e->texts);
        e->texts = all;
        if (!e->n)
                e->first = error;
        e->n += 1;
        return 0;
}

int tcp_errors_report(const struct tcp_errors *e, const char *what, const char *host,
                      const char *port, char **error_text)
{
        if (e->n == 1)
                return error_text_set(error_text, e->first, "%s", e->texts);
        return error_text_set(error_text, e->first, "Failed to %s \"%s\":%s (%s)", what, host, port,
                              e->texts);
}

void tcp_errors_deinit(struct tcp_errors *e)
{
        free(e->texts);
}

int tcp_socket_failed(int fd, const struct addrinfo *ai, const char *what, int error, char **text)
{
        char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";

        close(fd);
        getnameinfo(ai->ai_addr, ai->ai_addrlen, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV);
        return error_text_set(text, error, "Failed to %s socket \"%s\" port %s: %s", what, host,
                              port, strerror(-error));
}
