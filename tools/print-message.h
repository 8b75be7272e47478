/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>

/* Prints a message to standard output, header and body, as dbus-monitor(1) does. */
void print_message(DBusMessage *message);

/* Prints only the body, with strings bare, for a shell to use. */
void print_message_literal(DBusMessage *message);
