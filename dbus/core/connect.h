/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Connecting to server addresses (specification, "Transports"): unix, tcp, nonce-tcp, unixexec.
 * What an address of another kind means (autolaunch) is for those who know more than sockets.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "core/address.h"

/* Why an address cannot be connected to, when it is the address's fault or the server's. */
enum connect_problem {
        CONNECT_E_INVALID = 1, /* its keys and values make no sense together */
        CONNECT_E_UNKNOWN,     /* no such transport */
        CONNECT_E_FAILED,      /* its host cannot be resolved */
};

struct connected {
        int fd;       /* non-blocking, close-on-exec */
        bool is_unix; /* descriptors can be passed */
        pid_t child;  /* of unixexec: to be waited for when the connection has gone; or -1 */
};

/*
 * Connects. May block: for the connection to be accepted, or to resolve a host's name.
 * Returns 0; an enum connect_problem, or -errno if a system call failed. Then *error_text is what
 * the reference says about it, to be freed, or NULL if there is no memory for it;
 * connect_error_name() has the name.
 */
int connect_to(const struct address *a, struct connected *c, char **error_text);

/* The D-Bus name of an error of connect_to(). */
const char *connect_error_name(int error);
