/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Finding or starting a session bus of the X11 session (dbus-launch(1)).
 */

#include <dbus/dbus.h>

/*
 * Asks dbus-launch for the addresses of the session's bus, which starts one if there is none. Waits
 * for that program. Returns them, to be freed with free(); NULL with the error set if it fails, or
 * if this process has more rights than the user who started it.
 */
char *autolaunch(DBusError *error);
