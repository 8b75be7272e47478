/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>

/*
 * Prints all values from a place in a message on, as dbus-monitor(1) does. Each level of containers
 * is indented by one step more than the depth. In literal form, strings are printed bare and with
 * nothing behind them: not even a line feed.
 */
void print_values(DBusMessageIter *iter, bool literal, int depth);
