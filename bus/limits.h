/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The <limit> elements of a configuration. Bytes, counts, or milliseconds, as in dbus-daemon(1).
 */

#include <stdint.h>

struct limits {
        int64_t max_incoming_bytes, max_incoming_unix_fds;
        int64_t max_outgoing_bytes, max_outgoing_unix_fds;
        int64_t max_message_size, max_message_unix_fds;
        int64_t max_completed_connections, max_incomplete_connections, max_connections_per_user;
        int64_t max_pending_service_starts;
        int64_t max_names_per_connection, max_match_rules_per_connection;
        int64_t max_replies_per_connection;
        int64_t max_containers, max_containers_per_user, max_connections_per_container,
                max_container_metadata_bytes;
        int64_t service_start_timeout, auth_timeout, pending_fd_timeout, reply_timeout; /* ms */
};

/* The reference's defaults: what holds where a configuration says nothing. The only negative one
 * is reply_timeout, which means "never"; no configuration can set a limit below zero. */
void limits_init(struct limits *l);

/* Why a limit was not set. */
enum limit_error {
        LIMIT_E_UNKNOWN = 1,  /* there is no limit of this name */
        LIMIT_E_NOT_A_NUMBER, /* the text does not start with a number */
        LIMIT_E_RANGE,        /* below zero, or more than the limit can hold */
};

/*
 * Sets the limit called `name` from the element's text, which is read as the reference reads it:
 * white space, a sign, then decimal, 0x or 0 and octal digits; whatever follows is ignored.
 * Returns 0; or -ENOMEM; or a positive enum limit_error, and the reference's message in *error
 * (to be freed), with a newline at the end where the reference has one.
 */
int limits_set(struct limits *l, const char *name, const char *text, char **error);
