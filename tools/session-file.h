/* SPDX-License-Identifier: MIT */
#pragma once

#include "session-info.h"

/*
 * The file below ~/.dbus/session-bus that tells programs of a machine and a display of the bus.
 */

/* Writes it. What goes wrong is said on standard error. */
void session_file_write(const struct session_info *s, const char *machine_id, const char *display);
