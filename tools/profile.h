/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>

/*
 * The profiling format of dbus-monitor(1): a line for each message, its columns separated by tabs.
 */

/* Prints the names of the columns. */
void profile_print_heading(void);

void profile_print(DBusMessage *message);
