/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>

#include "session-info.h"

/*
 * Starting a bus daemon that goes into the background.
 */

/* Starts one with this configuration (NULL: that of session buses), which may log to standard error
 * or not, and waits until it tells its address and process ID. What goes wrong is said on standard
 * error. Returns 0 or -1. */
int start_bus(struct session_info *s, const char *config_file, bool quiet);
