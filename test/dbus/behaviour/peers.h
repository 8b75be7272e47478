/* SPDX-License-Identifier: MIT */
#pragma once

/* A server of the library's and its clients, without a bus. */

#include <dbus/dbus.h>
#include <stdbool.h>

#include "loop.h"

/* In one thread and one loop: what happens, happens in the same order every time. */
struct peers {
        struct loop *loop;
        DBusServer *server;
        char *directory; /* where the socket is */
        char *address;
        DBusConnection *client, *service; /* both ends of the last connection; NULL without one */
};

/* With one connection, which is authenticated. `name`, if there is one, has the loop note what it
 * does for the client from the start. */
struct peers *peers_new(const char *name);
/* Without a connection. */
struct peers *peers_listen(void);
/* A new client, and the server's end of it in p->service. Those before have to be closed by who
 * keeps them. */
DBusConnection *peers_connect(struct peers *p, const char *name);
/* Closes everything. NULL is fine. Returns NULL. */
struct peers *peers_free(struct peers *p);

/* The call `member` of "com.example.Test" at the path, without destination. */
DBusMessage *call_new(const char *path, const char *member);
/* The signal `member` of that interface. */
DBusMessage *signal_new(const char *path, const char *member);
/* Sends and forgets. */
void send_away(DBusConnection *connection, DBusMessage *message);
/* "call com.example.Test.Member at /path" and so on: what a message is, in a line. */
char *message_line(DBusMessage *message);
void note_message(const char *what, DBusMessage *message);
/* Returns the call's arguments, whatever they are. */
void echo(DBusConnection *connection, DBusMessage *call);

/*
 * In a thread of its own, for those who block. Its objects are everywhere, and their methods do
 * what they are called: Echo returns its arguments, Nothing never returns, Fail returns the
 * error com.example.Error.Failed with the text "as wanted", Close closes the connection, Shout
 * emits the signal Shouted(u) as often as its argument says and then returns, Twice returns two
 * times, and Descriptor returns a pipe's readable end with "piped" to be read.
 */
struct helper;

/* `address` is where to listen; NULL: a socket in a directory of its own. */
struct helper *helper_new(const char *address);
/* Ends it. NULL is fine. Returns NULL. */
struct helper *helper_free(struct helper *h);
/* Where it listens. */
const char *helper_address(const struct helper *h);
/* A new connection to it, private. The caller has to close it. */
DBusConnection *helper_connect(const struct helper *h);
/* Closes and unreferences. NULL is fine. Returns NULL. */
DBusConnection *connection_end(DBusConnection *connection);
