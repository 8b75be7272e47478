/* SPDX-License-Identifier: MIT */
#pragma once

#include "session-info.h"

/*
 * The X11 display as the place where programs find their session's bus: a selection whose owner is
 * a window with the address and the process ID as properties. The selection is of a user and a
 * machine, so that several can share a display.
 */
struct display;

/* Connects to the display of the environment. NULL: there is none, or this was built without. */
struct display *display_open(const char *machine_id);

/* Finds what somebody has saved. Returns 1, 0 if there is nothing, -1 if that cannot be known. */
int display_find(struct display *d, struct session_info *found);

/* Saves it and fills in the window, which lasts as long as the connection. Returns 1; 0 if somebody
 * has been faster; or -1. */
int display_save(struct display *d, struct session_info *s);

/* What to poll for reading. */
int display_fd(const struct display *d);

/* Reads what has come. When the connection is lost, now or later, the function is called; it must
 * not return. */
void display_read(struct display *d, void (*lost)(void *), void *data);
