/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * An application of the client library: its main loop, and how it looks at messages.
 */

#include <dbus/dbus.h>

#define MAX_LOOPED 64u

/* What a main loop was asked to look after. */
struct main_loop {
        DBusWatch *watches[MAX_LOOPED];
        DBusTimeout *timeouts[MAX_LOOPED];
};

/* The functions that libdbus asks for, with a main loop as their data. */
dbus_bool_t main_loop_add_watch(DBusWatch *watch, void *loop);
void main_loop_remove_watch(DBusWatch *watch, void *loop);
dbus_bool_t main_loop_add_timeout(DBusTimeout *timeout, void *loop);
void main_loop_remove_timeout(DBusTimeout *timeout, void *loop);

/* Handles what is ready now. FALSE: nothing was. */
dbus_bool_t main_loop_turn(struct main_loop *loop);

/* Handles all enabled timeouts as if they were over. */
void main_loop_pass_time(struct main_loop *loop);

/* True if it has nothing to look after. */
dbus_bool_t main_loop_is_empty(const struct main_loop *loop);

/* Reads all of a message, and makes the same of its bytes. */
void read_message(DBusMessage *m);
