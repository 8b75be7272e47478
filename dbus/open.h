/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * From an address of any kind to a connected socket.
 */

#include <stdbool.h>

#include <dbus/dbus.h>

#include "core/address.h"
#include "core/connect.h"

/*
 * Connects to one address. `autolaunch:` finds or starts a session bus and connects to that. May
 * block, as connect_to(). Returns FALSE and sets the error if it fails.
 */
dbus_bool_t open_address(const struct address *a, struct connected *c, DBusError *error);
