/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>

/*
 * UUIDs as D-Bus has them (section "UUIDs" of the specification): 128 bits, the last 32 of which
 * are the time, as lower-case hexadecimal digits.
 */
enum { UUID_DIGITS = 32 };

struct uuid {
        char text[UUID_DIGITS + 1];
};

#define UUID_MACHINE_FILE DBUS_LOCALSTATEDIR "/lib/dbus/machine-id"

/* Makes up a new one. */
void uuid_generate(struct uuid *uuid);

/* Reads one from a file, which has no other text. */
bool uuid_read(struct uuid *uuid, const char *file, DBusError *error);

/* Sees to it that there is one in a file, which is only written if it cannot be read. */
bool uuid_ensure(const char *file, DBusError *error);

/* Likewise for the machine's: what is not right is replaced, if possible by that of
 * machine-id(5). */
bool uuid_ensure_machine(DBusError *error);
