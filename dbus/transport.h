/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One end of a byte stream between two peers: authentication first, then messages. It never blocks,
 * takes no lock and calls nobody back: the connection that has it sees to all that.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "connection-private.h"
#include "core/connect.h"
#include "core/credentials.h"
#include "core/guid.h"
#include "core/input.h"
#include "core/listen.h"
#include "core/nonce.h"
#include "core/output.h"
#include "message-private.h"

struct sasl_client;
struct sasl_server;

enum transport_state {
        TRANSPORT_AUTHENTICATING,
        TRANSPORT_IDENTIFIED, /* a server knows who the client is, and has to say if it may enter */
        TRANSPORT_OPEN,
        TRANSPORT_CLOSED,
};

struct transport {
        int fd; /* -1: released */
        enum transport_state state;
        bool is_unix;
        bool passes_fds; /* both ends agreed to it */
        bool is_full;    /* the socket took less than all, last time */

        struct sasl_client *client; /* one of these two, until the transport is open */
        struct sasl_server *server;
        uint8_t nonce[LISTEN_NONCE_SIZE]; /* has to come ahead of all else (nonce-tcp) */
        struct nonce_check nonce_check;

        struct credentials peer;     /* of a client, as the kernel saw it */
        bool is_identified, has_uid; /* a server authenticated the client, as this user */
        uid_t uid;
        char guid[GUID_SIZE]; /* of the server at the other end; "" if it is not known (yet) */
        pid_t child;          /* that unixexec: started, or -1 */

        struct input in;
        struct output out;
        struct input_limits limits;
};

/*
 * The client's end of a stream that was connected. `guid`: the server has to have this one; NULL:
 * any. The descriptor is the transport's, on success only. Returns 0 or -errno.
 */
int transport_init_client(struct transport *t, const struct connected *c, const char *guid);

/* The server's end. Returns 0 or -errno.
 */
int transport_init_server(struct transport *t, const struct acceptance *how);

/*
 * Ends it: what waits to be written is dropped. The descriptor stays until transport_release(), as
 * main loops have to forget it before its number can come to mean something else.
 */
void transport_close(struct transport *t);
void transport_release(struct transport *t);
void transport_deinit(struct transport *t);

/*
 * Reads once, into `b`; then take what came with transport_next(). Goes on with authentication,
 * and writes what that wants to say.
 * Returns 0; -EAGAIN if nothing is there; or another -errno: the transport has to be closed.
 */
int transport_read(struct transport *t, struct input_buffer *b);

/* Takes the next message. Returns 0 and a message or NULL; or the transport has to be closed:
 * -ENOMEM, or the peer sent what is no message (positive). */
int transport_next(struct transport *t, struct input_buffer *b, DBusMessage **m);

/* Sets how many descriptors a message may have. */
void transport_set_message_fds(struct transport *t, uint32_t n);

/* Lets the client of a TRANSPORT_IDENTIFIED server enter. */
void transport_enter(struct transport *t);

/*
 * Writes as much as the socket takes of what waits.
 * Returns 0, also if it took less, or -errno: the transport has to be closed.
 */
int transport_write(struct transport *t);

/* True if something waits that can be written in the state that the transport is in. */
bool transport_has_output(const struct transport *t);
