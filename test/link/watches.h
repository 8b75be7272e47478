/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What an application's main loop is given to poll for a connection, and does with it.
 */

#include <dbus/dbus.h>
#include <stdbool.h>

struct watches;

/* Takes the place of whatever polled the connection before. */
struct watches *watches_new(DBusConnection *c);
/* Leaves the connection to nobody. Returns NULL. */
struct watches *watches_free(struct watches *w);

/* How many there are, enabled or not. */
unsigned watches_count(const struct watches *w);
/* True if there is something to read: a main loop would not sleep. */
bool watches_ready(const struct watches *w);
/* Reads once where there is, and dispatches what there is then. Returns false if it would sleep. */
bool watches_turn(struct watches *w);
