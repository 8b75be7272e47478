/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Addresses of TCP servers (specification, "TCP Sockets"), as servers listen on them and clients
 * connect to them: one of ours may be several of the network's.
 */

#include <netdb.h>
#include <stddef.h>

#include "core/address.h"

/* No such family, or nothing to be found under this host and port. */
enum tcp_problem {
        TCP_E_FAMILY = 1,
        TCP_E_LOOKUP,
};

/*
 * The network addresses of a host, NULL: of all our interfaces, and port, of the family that the
 * address asks for; to be freed with freeaddrinfo(). `shown` is the host in texts. May block.
 * Returns 0; an enum tcp_problem, or -errno, with what the reference says about it in *error_text.
 */
int tcp_resolve(const struct address *a, const char *host, const char *shown, const char *port,
                int flags, struct addrinfo **list, char **error_text);

/* What went wrong with some of the addresses: that others work may be enough. */
struct tcp_errors {
        int first; /* -errno */
        size_t n;
        char *texts; /* "; " between */
};

/* Takes over a text; NULL: there was no memory for it. Returns 0 or -ENOMEM. */
int tcp_errors_add(struct tcp_errors *e, int error, char *text);

/* Sets the text of at least one error, `what` having failed. Returns the first. */
int tcp_errors_report(const struct tcp_errors *e, const char *what, const char *host,
                      const char *port, char **error_text);
void tcp_errors_deinit(struct tcp_errors *e);

/*
 * Closes a socket with which `what` failed, for `error`, a -errno. Returns that, with the text for
 * tcp_errors_add().
 */
int tcp_socket_failed(int fd, const struct addrinfo *ai, const char *what, int error, char **text);
