/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>

/*
 * The binary formats of dbus-monitor(1): messages as they are on the wire, one after another, or as
 * the packets of a capture file. Each returns 0, or -errno if standard output cannot be written.
 */

/* Begins a capture file. */
int capture_begin(void);

/* Adds a message to a capture file, with the time that it is now. */
int capture_add(DBusMessage *message);

/* Writes a message alone. */
int capture_write(DBusMessage *message);
