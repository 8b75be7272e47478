/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How many peer links there may be.
 */

#include <stdbool.h>
#include <stdint.h>

/* What an administrator can set (the processing instruction <?peer-links?>). */
struct link_limits {
        bool enabled;
        uint32_t max_per_connection, max_per_user, max;
};

void link_limits_init(struct link_limits *l);

/*
 * Sets them from the text of the processing instruction: key="value" pairs. Returns 0; or -ENOMEM;
 * or 1, and what is wrong with it in *error, to be freed.
 */
int link_limits_parse(struct link_limits *l, const char *text, char **error);
