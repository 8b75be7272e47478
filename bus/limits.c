/* SPDX-License-Identifier: MIT */
#include "bus/limits.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The reference keeps bytes and fds in a long, everything else in an int. */
#define LONG_LIMIT INT64_MAX
#define INT_LIMIT  INT_MAX

struct limit {
        const char *name;
        size_t offset;
        int64_t fallback, highest;
};

#define LIMIT(NAME, FALLBACK, HIGHEST)                                                             \
        {                                                                                          \
                .name = #NAME, .offset = offsetof(struct limits, NAME), .fallback = (FALLBACK),    \
                .highest = (HIGHEST)                                                               \
        }

/* Defaults as in the comments of the reference's system.conf; -1 is "for ever". */
static const struct limit limits[] = {
        LIMIT(max_incoming_bytes, 127 * 1024 * 1024, LONG_LIMIT),
        LIMIT(max_incoming_unix_fds, 64, LONG_LIMIT),
        LIMIT(max_outgoing_bytes, 127 * 1024 * 1024, LONG_LIMIT),
        LIMIT(max_outgoing_unix_fds, 64, LONG_LIMIT),
        LIMIT(max_message_size, 32 * 1024 * 1024, LONG_LIMIT),
        LIMIT(max_message_unix_fds, 16, LONG_LIMIT),
        LIMIT(max_completed_connections, 2048, INT_LIMIT),
        LIMIT(max_incomplete_connections, 64, INT_LIMIT),
        LIMIT(max_connections_per_user, 256, INT_LIMIT),
        LIMIT(max_pending_service_starts, 512, INT_LIMIT),
        LIMIT(max_names_per_connection, 512, INT_LIMIT),
        LIMIT(max_match_rules_per_connection, 512, INT_LIMIT),
        LIMIT(max_replies_per_connection, 128, INT_LIMIT),
        LIMIT(max_containers, 512, INT_LIMIT),
        LIMIT(max_containers_per_user, 16, INT_LIMIT),
        LIMIT(max_connections_per_container, 8, INT_LIMIT),
        LIMIT(max_container_metadata_bytes, 4096, INT_LIMIT),
        LIMIT(service_start_timeout, 25 * 1000, INT_LIMIT),
        LIMIT(auth_timeout, 30 * 1000, INT_LIMIT),
        LIMIT(pending_fd_timeout, 150 * 1000, INT_LIMIT),
        LIMIT(reply_timeout, -1, INT_LIMIT),
};

static int64_t *value_of(struct limits *l, const struct limit *limit)
{
        return (int64_t *)(void *)((char *)l + limit->offset);
}

static const struct limit *find(const char *name)
{
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); ++i) {
                if (!strcmp(limits[i].name, name))
                        return &limits[i];
        }
        return NULL;
}

static int fail(enum limit_error code, char **error, const char *format, const char *name)
        __attribute__((format(printf, 3, 0)));

static int fail(enum limit_error code, char **error, const char *format, const char *name)
{
        if (asprintf(error, format, name) < 0) {
                *error = NULL;
                return -ENOMEM;
        }
        return code;
}

void limits_init(struct limits *l)
{
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); ++i)
                *value_of(l, &limits[i]) = limits[i].fallback;
}

int limits_set(struct limits *l, const char *name, const char *text, char **error)
{
        const struct limit *limit = find(name);
        char *end;
        long value;

        errno = 0;
        value = strtol(text, &end, 0);
        if (end == text || errno)
                return fail(LIMIT_E_NOT_A_NUMBER, error,
                            "<limit name=\"%s\"> element has invalid value (could not parse as "
                            "integer)",
                            name);
        if (!limit)
                return fail(LIMIT_E_UNKNOWN, error, "There is no limit called \"%s\"\n", name);
        if (value < 0)
                return fail(LIMIT_E_RANGE, error, "<limit name=\"%s\"> must be a positive number\n",
                            name);
        if (value > limit->highest)
                return fail(LIMIT_E_RANGE, error, "<limit name=\"%s\"> value is too large\n", name);
        *value_of(l, limit) = value;
        return 0;
}
