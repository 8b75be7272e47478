/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * A bus connection that does as little as possible: one blocking socket, one receive buffer, one
 * system call for what needs one. The daemon should be what is measured.
 */
#include "wire.h"

#include <signal.h>
#include <stdbool.h>

/* How a connection introduces itself. */
enum client_auth {
        CLIENT_AUTH_STEPWISE,  /* each SASL command waits for its answer, as libdbus does */
        CLIENT_AUTH_PIPELINED, /* all of them and Hello in one write, as sd-bus does */
};

struct client {
        int fd;
        uint32_t serial; /* of the last message sent */
        char unique[64];
        uint8_t *in; /* received bytes from in_start to in_end are not consumed yet */
        size_t in_cap;
        size_t in_start;
        size_t in_end;
        struct wire_buf out; /* scratch for small messages */
};

/* Set by a signal handler: calls that were about to wait return -EINTR. */
extern volatile sig_atomic_t client_interrupted;

/*
 * Connects to the socket at @path, authenticates as the current user and says Hello. 0, -errno, or
 * -EPROTO when the daemon answers something else than expected.
 */
int client_new(struct client **cp, const char *path, enum client_auth auth);
struct client *client_free(struct client *c);

/* A connection of a socket that is there, to whom it may lead: no bus. Takes @fd, also on failure.
 */
int client_adopt(struct client **cp, int fd);

uint32_t client_next_serial(struct client *c);

/* Writes @n bytes. 0 or -errno; -ETIMEDOUT after a minute without progress. */
int client_write(struct client *c, const uint8_t *data, size_t n);

/* The same for two pieces, in one system call when the socket takes them. */
int client_write2(struct client *c, const uint8_t *a, size_t n_a, const uint8_t *b, size_t n_b);

/*
 * Takes the next message out of the receive buffer: 1, 0 when there is no complete one, or
 * -EBADMSG. @view is valid until the next client_fill().
 */
int client_take(struct client *c, struct wire_view *view);

/*
 * Reads what the socket has, waiting for at least a byte. 0, -ECONNRESET when the daemon hung up,
 * -ETIMEDOUT after a minute, or another -errno.
 */
int client_fill(struct client *c);

/* client_take(), filling as often as needed. 0 or -errno. */
int client_receive(struct client *c, struct wire_view *view);

/* Waits for the reply to @serial and drops what comes before it. -EREMOTEIO for an error reply. */
int client_wait_reply(struct client *c, uint32_t serial, struct wire_view *view);

/* Sends @head (which gets a serial) with @body (may be NULL) and waits for the reply. */
int client_call(struct client *c, struct wire_head *head, const struct wire_buf *body,
                struct wire_view *view);

/* A round trip to the bus driver: all that was sent before has been dispatched afterwards. */
int client_sync(struct client *c);

/* Has the daemon read its configuration again. */
int client_reload_config(struct client *c);

int client_request_name(struct client *c, const char *name);

/* The same without waiting: what comes next may be what was sent to the name. */
int client_claim_name(struct client *c, const char *name);

/*
 * Adds @n match rules. Only the last one is waited for, which keeps adding 262,144 of them fast;
 * rule_text(@arg, i, buffer, size) writes the text of the i-th.
 */
int client_add_matches(struct client *c, unsigned n,
                       void (*rule_text)(const void *arg, unsigned i, char *buf, size_t size),
                       const void *arg);

int client_add_match(struct client *c, const char *rule);
