/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What listening consists of for each transport. Only for listen.c and the transports.
 */

#include <stdbool.h>

#include "core/listen.h"

/*
 * Listens on an address of a transport: adds sockets and sets l->connectable, without the guid. On
 * failure the caller frees the listener. Return as listen_on().
 */
int listen_on_unix(struct listener *l, const struct address *a, char **error_text);
int listen_on_tcp(struct listener *l, const struct address *a,
                  char **error_text); /* or nonce-tcp */
int listen_on_systemd(struct listener *l, const struct address *a, char **error_text);

/* Takes over a listening socket, also on failure. Returns 0 or -ENOMEM. */
int listener_add(struct listener *l, int fd, bool is_unix);

/* Appends formatted text to l->connectable. Returns 0 or -ENOMEM. */
int listener_describe(struct listener *l, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/* Appends the text `prefix` and the escaped value. Returns 0 or -ENOMEM. */
int listener_describe_value(struct listener *l, const char *prefix, const char *value);
