/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the daemon tells its administrator. The one piece of state that is the process's own: a
 * process has one log.
 */

#include <stdbool.h>
#include <stdint.h>

enum log_target {
        LOG_TO_STDERR = 1,
        LOG_TO_SYSLOG = 2,
};

enum log_level {
        LOG_LEVEL_INFO,
        LOG_LEVEL_WARNING,
        LOG_LEVEL_ERROR,
        LOG_LEVEL_SECURITY, /* denials: they go to the auth facility */
};

/* `targets`: enum log_target, or'ed. `bus_type`: of the configuration, or NULL; borrowed. */
void log_setup(unsigned targets, const char *bus_type);

/* True if what is told goes to the log of the system. */
bool log_goes_to_syslog(void);

/* For a daemon that could not start: there is no bus to speak of. */
void log_without_prefix(void);

void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
