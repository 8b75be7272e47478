/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>

/*
 * The arguments of a message in the words of dbus-send(1): TYPE:VALUE, array:TYPE:VALUE,...,
 * dict:TYPE:TYPE:KEY,VALUE,... and variant:TYPE:VALUE.
 */

/* Appends one of them to a message. Returns 0; if it is none, or memory is short, says so on
 * standard error and returns -1. */
int contents_append(DBusMessageIter *iter, const char *item);
