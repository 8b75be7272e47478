/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What connecting consists of for each transport. Only for connect.c and the transports.
 */

#include <sys/socket.h>
#include <sys/types.h>

#include "core/connect.h"

/* Connect to an address of a transport. `c` is set up by the caller, who also closes c->fd, if it
 * is set, on failure, and makes it non-blocking otherwise. Return as connect_to(). */
int connect_unix(struct connected *c, const struct address *a, char **error_text);
int connect_tcp(struct connected *c, const struct address *a, char **error_text); /* or nonce-tcp */
int connect_exec(struct connected *c, const struct address *a, char **error_text);

/* Says that an address has not all it needs. Returns CONNECT_E_INVALID. */
int connect_missing(const struct address *a, const char *what, char **error_text);

/* connect(2), until it has succeeded or failed. Returns 0 or -errno. */
int connect_socket(int fd, const struct sockaddr *address, socklen_t size);
