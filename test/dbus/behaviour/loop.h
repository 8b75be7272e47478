/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A main loop that the library does not know: poll(), the watches and timeouts that it was given,
 * and the dispatch status and wakeup functions. It never asks a connection for what these
 * functions should have told.
 *
 * One thread runs it. Connections that it serves may be used from others.
 */

#include <dbus/dbus.h>
#include <stdbool.h>

struct loop;

struct loop *loop_new(void);
/* Forgets all servers and connections, but neither disconnects nor closes them. Returns NULL. */
struct loop *loop_free(struct loop *l);

/* Both take a reference. With a name, what the library asks for is noted under that name. */
void loop_add_server(struct loop *l, DBusServer *server, const char *name);
void loop_add(struct loop *l, DBusConnection *connection, const char *name);
/* Takes the library's functions away from it again. */
void loop_remove(struct loop *l, DBusConnection *connection);

/* Waits up to that many milliseconds (-1: for ever), handles what is ready, and dispatches all that
 * there is to dispatch. Returns whether there was anything. */
bool loop_turn(struct loop *l, int milliseconds);
/* Turns as long as there is something to do at once. Peers in one thread have settled then. */
void loop_settle(struct loop *l);
/* Turns until the function returns true. The case fails when that takes too long. */
bool loop_until(struct loop *l, bool (*done)(void *), void *data);
/* The same for a flag. */
bool loop_until_true(struct loop *l, const bool *done);
/* Ends a loop_turn() that another thread is in, or the next one. */
void loop_wake(struct loop *l);

/* "complete" and so on. */
const char *dispatch_status_name(DBusDispatchStatus status);
