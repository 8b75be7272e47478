/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A client of a bus with full control over what it writes and when it reads. Its socket does not
 * block; whatever waits, waits in poll(2) with a deadline, and fails the test when that is over.
 *
 * The daemon may also live in the test's own process: then client_set_turn() says what has to be
 * called for it to do something, and nothing ever sleeps.
 */

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#include "wire.h"

/* How long anything may take before the test fails. */
#define CLIENT_DEADLINE_S 60

/* A descriptor that goes with the byte at this offset of client.out. */
struct client_fd {
        gsize at;
        int fd;
};

struct client {
        int fd;
        char *name;      /* NULL before Hello */
        uint32_t serial; /* of the last message sent by client_send() */
        bool closed;     /* the daemon has hung up, and all before that was read */
        bool deaf;       /* does not read, whatever comes */
        GByteArray *in;  /* read; not taken from in_at on */
        gsize in_at;
        GArray *in_fds;  /* int: received; not taken yet */
        GByteArray *out; /* to be written from out_at on */
        gsize out_at;
        GArray *out_fds; /* struct client_fd */
};

/* A message that came. */
struct incoming {
        struct wire_view v;
        unsigned n_fds;
        int *fds; /* closed with it */
        uint8_t bytes[];
};

/*
 * From now on, `turn` is called instead of sleeping; it returns false if it had nothing to do.
 * NULL: the daemon is another process again.
 */
void client_set_turn(bool (*turn)(void *data), void *data);

/* Connects to the socket at `path`, and no more. */
struct client *client_connect(const char *path);
/* Authenticates as this process's user; with or without asking for descriptors to be passed. */
void client_authenticate(struct client *c, bool fd_passing);
/* Says Hello, and waits until the unique name is announced. */
void client_hello(struct client *c);
/* All three. */
struct client *client_new(const char *path);
struct client *client_free(struct client *c); /* hangs up at once; NULL is fine */

/* What client_authenticate() writes in one piece, NUL byte and BEGIN included. To be freed. */
GByteArray *client_auth_script(bool fd_passing);

/* Queues bytes. Nothing is written yet. */
void client_queue(struct client *c, const void *bytes, gsize n);
/* Copies of these descriptors go with the byte that is queued next. */
void client_queue_fds(struct client *c, const int *fds, unsigned n);
/* Bytes that wait to be written. */
gsize client_queued(const struct client *c);
/* Queues a message, numbers it if `head` gives no serial, and returns the serial. */
uint32_t client_send(struct client *c, const struct wire_head *head, const GByteArray *body);
/* The same with descriptors. head->n_fds is what the message says; it may lie. */
uint32_t client_send_fds(struct client *c, const struct wire_head *head, const GByteArray *body,
                         const int *fds, unsigned n);

/*
 * Reads and writes whatever is possible for any of the clients (NULL ones are skipped), after
 * waiting at most so long (-1: the deadline, then the test fails). False: nothing was possible.
 */
bool client_pump(struct client *const *clients, size_t n, int timeout_ms);

/* Waits until all that was queued is written, or the daemon has hung up. */
void client_flush(struct client *c);
/* Waits until the daemon has read it, too. */
void client_flush_taken(struct client *c);
/* Waits until the daemon hangs up; drops what comes before. */
void client_wait_closed(struct client *c);

/* The next whole message that was read, to be freed; NULL if there is none. */
struct incoming *client_take(struct client *c);
/* Waits for the next message. NULL: the daemon has hung up. */
struct incoming *client_receive_or_end(struct client *c);
/* Waits for the next message. */
struct incoming *client_receive(struct client *c);
struct incoming *incoming_free(struct incoming *m);

/* Waits for the answer to a call; drops what comes before it. */
struct incoming *client_reply(struct client *c, uint32_t serial);
/* Calls a method of the bus and waits for the answer. `body` (NULL: none) is freed. */
struct incoming *client_call_bus(struct client *c, const char *member, const char *signature,
                                 GByteArray *body);
/* The same; fails the test unless the answer is a return. */
void client_tell_bus(struct client *c, const char *member, const char *signature, GByteArray *body);
/* A round trip to the bus. */
void client_ping(struct client *c);
void client_request_name(struct client *c, const char *name);
void client_add_match(struct client *c, const char *rule);
