/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

#include "display.h"

/*
 * The process that stays behind to end the bus when the session ends: when the connection to the
 * display is lost or, where there is none (NULL), the terminal is. Without either, it ends the bus
 * at once. It also ends with the bus; 0 is one that somebody else looks after.
 */

/* Starts it as no child of ours. Returns 0 or -errno. */
int babysitter_start(pid_t bus, struct display *display);
