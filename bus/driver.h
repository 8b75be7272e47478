/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the bus answers itself: the messages to org.freedesktop.DBus (specification: "Message Bus
 * Messages").
 */

#include "bus/bus.h"

/* Handles a message that is addressed to the bus, and that policy lets pass. */
void driver_handle(struct bus *bus, struct peer *from, struct message *m);

/* Answers what has no destination and is no signal: every object has org.freedesktop.DBus.Peer. */
void driver_handle_unaddressed(struct bus *bus, struct peer *from, struct message *m);

/* The introspection document of the bus's object, as --introspect prints it. Returns a text from
 * malloc, or NULL for lack of memory. */
char *driver_introspect(const char *path);
