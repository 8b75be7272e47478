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

/* The reference's defaults: what holds where a configuration says nothing. */
void limits_init(struct limits *l);

/*
 * Sets the limit called `name` from the element's text.
 * Returns 0, or a positive enum limit_error; *error is then the reference's message (to be freed).
 */
enum limit_error {
        LIMIT_E_UNKNOWN = 1,
        LIMIT_E_NOT_A_NUMBER,
        LIMIT_E_RANGE,
};
int limits_set(struct limits *l, const char *name, const char *text, char **error);
