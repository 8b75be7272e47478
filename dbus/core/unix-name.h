/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Names of unix sockets (unix(7)), as servers bind to them and clients connect to them.
 */

#include <sys/socket.h>
#include <sys/un.h>

/* The name does not fit. */
#define UNIX_NAME_E_LONG 1

struct unix_name {
        struct sockaddr_un address;
        socklen_t size;
        const char *text; /* borrowed */
};

/* Both return 0, or UNIX_NAME_E_LONG with what the reference says about it in *error_text. */
int unix_name_path(struct unix_name *n, const char *path, char **error_text);
int unix_name_abstract(struct unix_name *n, const char *name, char **error_text);
