/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One end of a connection by hand: lines of the authentication and messages, as they are written
 * and read here, right or wrong.
 *
 * Whatever waits takes a loop, which it turns meanwhile, for the other end is in the same thread;
 * NULL: the other end is elsewhere.
 */

#include <dbus/dbus.h>
#include <glib.h>

#include "loop.h"

struct raw {
        int listener; /* -1: it is a client */
        int fd;       /* -1: not connected */
        char *directory, *address;
        GByteArray *in; /* what has been read, but not yet asked for */
};

/* A server, to which nobody has connected yet. */
struct raw *raw_listen(void);
/* Waits for a client. */
void raw_accept(struct raw *r, struct loop *l);
/* A client of the server at "unix:path=...". */
struct raw *raw_connect(const char *address);
struct raw *raw_free(struct raw *r);

/* Writes the text, which has to fit into the socket. */
void raw_write(struct raw *r, const void *bytes, size_t n);
void raw_print(struct raw *r, const char *text);
void raw_send(struct raw *r, DBusMessage *message);
/* Whether there is something to be read, or the end. With both ends in one thread and settled,
 * nothing will come unless something is done. */
bool raw_is_readable(struct raw *r, struct loop *l);
/* A line without its end; NULL when the connection ends before. To be freed with g_free(). */
char *raw_line(struct raw *r, struct loop *l);
/* The next message; NULL when the connection ends before. */
DBusMessage *raw_message(struct raw *r, struct loop *l);
/* Reads until the other end has closed. */
void raw_wait_end(struct raw *r, struct loop *l);
void raw_close(struct raw *r);

/* Does the server's part of an authentication with EXTERNAL, with or without passing of fds. */
void raw_welcome(struct raw *r, struct loop *l, bool fds);
/* Does the client's part. */
void raw_authenticate(struct raw *r, struct loop *l, bool fds);

/* A client of the library's, authenticated, and in one thread with the server by hand. */
struct by_hand {
        struct raw *server;
        struct loop *loop;
        DBusConnection *client;
};

struct by_hand by_hand_new(bool fds);
void by_hand_free(struct by_hand *b);
