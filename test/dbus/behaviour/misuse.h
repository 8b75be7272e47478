/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What applications must not do: whether the library says so on standard error, whether it goes on,
 * and with what result, for each value of DBUS_FATAL_WARNINGS. Each misuse runs in a child, and
 * prints results to standard output. Where the stock library just crashes there is nothing to be
 * compared, so that is left out.
 */

#include <dbus/dbus.h>

struct misuse {
        const char *name;
        void (*run)(void);
};

/* Adds a case /misuse/NAME for each, up to one without a name. */
void misuse_add(const struct misuse *misuses);
/* Runs one of them in a child, with "NAME=value", or without "NAME", in its environment. */
struct captured *misuse_capture(const struct misuse *m, const char *environment);

/* Volatile, so that no compiler knows better. */
extern const char *volatile null_text;
extern DBusMessage *volatile null_message;

/* A method call, and one that can be replied to and is locked. */
DBusMessage *misuse_call(void);
DBusMessage *misuse_locked(void);
