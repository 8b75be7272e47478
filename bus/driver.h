/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the bus answers itself: the messages to org.freedesktop.DBus (specification: "Message Bus
 * Messages").
 */

#include "bus/bus.h"
#include "bus/fault.h"

/* Handles a message that is addressed to the bus, and that policy lets pass. Returns 0 when it has
 * been answered, or -1 and why it came to nothing: then the caller is still to be told. */
int driver_handle(struct bus *bus, struct peer *from, struct message *m, struct fault *fault);

/* The introspection document of the bus's object, as --introspect prints it. Returns a text from
 * malloc, or NULL for lack of memory. */
char *driver_introspect(const char *path);
