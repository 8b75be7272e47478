/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>

/*
 * Which bus a tool was told to talk to, by an address or as one of those that everybody knows.
 */
struct bus_choice {
        DBusBusType type;
        const char *address; /* NULL: the type says it */
};

enum bus_step { BUS_STEP_OPEN, BUS_STEP_REGISTER };

/*
 * Connects, and registers on the bus (which a server that is no bus is not asked for). Blocks.
 * Returns the connection, whose loss does not end the program. If it fails, returns NULL with the
 * error set and, if it is asked for, at which step it was.
 */
DBusConnection *bus_choice_open(const struct bus_choice *c, DBusError *error, enum bus_step *step);

/* Likewise, with a server at an address that is not a bus. */
DBusConnection *bus_choice_open_peer(const char *address, DBusError *error);
