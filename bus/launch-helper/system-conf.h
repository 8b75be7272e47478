/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The two things that the launch helper has to know of the configuration of the system bus: as whom
 * the bus runs, and where services are.
 *
 * This is not the reader that the daemon has, on purpose, and neither is the reference's: what runs
 * as root reads as little as possible. Of the whole file it takes <user>, <servicedir> and
 * <standard_system_servicedirs>, wherever they are, and it includes no other file.
 */

#include <stddef.h>

#include "bus/fault.h"

/* Longest file that is read, in bytes. */
#define SYSTEM_CONF_MAX (1024 * 1024)

struct system_conf {
        char *user; /* NULL: none or several, so it is nobody */
        size_t n_users;
        char **dirs; /* in their order */
        size_t n_dirs;
};

/* Reads the file at `path`. Returns 0; or -1 and the reference's error, or NoMemory. */
int system_conf_read(const char *path, struct system_conf *c, struct fault *f);
void system_conf_deinit(struct system_conf *c);
