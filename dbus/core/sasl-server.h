/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The server's side of the authentication (specification, "Authentication Protocol"): bytes of the
 * client in, replies out, and in the end who the client is. It does no I/O on the connection; the
 * mechanism DBUS_COOKIE_SHA1 reads and writes the user's keyring.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/credentials.h"
#include "core/sasl-mechanism.h"
#include "core/sasl-stream.h" /* SASL_E_PROTOCOL */

struct sasl_server_config {
        const char *guid;           /* of the address, 32 hexadecimal digits */
        char *const *mechanisms;    /* allowed ones, then NULL; in any order; NULL: all */
        bool allow_anonymous;       /* ANONYMOUS clients may go on after BEGIN */
        bool fd_passing_possible;   /* the connection is a unix socket */
        const char *cookie_context; /* NULL: KEYRING_DEFAULT_CONTEXT */
        uid_t own_uid;              /* the one user that DBUS_COOKIE_SHA1 is for */
        const char *keyring_dir;    /* NULL: keyring_directory() of own_uid */
};

struct sasl_server;

/*
 * Starts an authentication. The configuration is copied; `peer`, what the socket tells of the
 * client, is borrowed for as long as the server lives.
 * Returns 0 or -ENOMEM.
 */
int sasl_server_new(struct sasl_server **sp, const struct sasl_server_config *config,
                    const struct credentials *peer);
struct sasl_server *sasl_server_free(struct sasl_server *s);

/*
 * Takes bytes from the client, from the nul byte that comes first up to the end of BEGIN at most:
 * what is behind that is for the caller. *consumed is `n` unless BEGIN came, 0 with an error.
 * Write what sasl_server_output() has before feeding more: a client that does not read its replies
 * is not worth memory.
 * Returns 0; -ENOMEM or another -errno, after which the server is of no more use; or
 * SASL_E_PROTOCOL.
 */
int sasl_server_feed(struct sasl_server *s, const uint8_t *bytes, size_t n, size_t *consumed);

/* True once the client is authenticated and has said BEGIN. */
bool sasl_server_done(const struct sasl_server *s);

/* What is to be written: the number of bytes, which stay valid until the next call that is not a
 * query. Call sasl_server_output_taken() with the number that was written. */
size_t sasl_server_output(struct sasl_server *s, const uint8_t **bytes);
void sasl_server_output_taken(struct sasl_server *s, size_t n);

/* The results, of use once sasl_server_done(). The mechanism is SASL_NONE before; the user is unset
 * (false) for a client that is anonymous. */
bool sasl_server_fd_passing(const struct sasl_server *s);
enum sasl_mechanism sasl_server_mechanism(const struct sasl_server *s);
bool sasl_server_uid(const struct sasl_server *s, uid_t *uid);
