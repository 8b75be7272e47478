/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The client's side of the authentication (specification, "Authentication Protocol"): replies of
 * the server in, lines to send out. It does no I/O on the connection; the mechanism
 * DBUS_COOKIE_SHA1 reads the user's keyring.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/sasl-stream.h" /* SASL_E_PROTOCOL */

struct sasl_client_config {
        const char *guid;        /* the server must have this one; NULL: any */
        bool negotiate_fds;      /* ask whether descriptors may be passed */
        uid_t uid;               /* who we say we are */
        const char *keyring_dir; /* NULL: keyring_directory() of uid */
};

struct sasl_client;

/* Starts: there is output at once, with the nul byte first. The configuration is copied. Returns 0
 * or -ENOMEM. */
int sasl_client_new(struct sasl_client **cp, const struct sasl_client_config *config);
struct sasl_client *sasl_client_free(struct sasl_client *c);

/*
 * Takes bytes from the server, up to the line that settles the matter at most: what is behind it
 * belongs to messages. *consumed as in sasl_server_feed().
 * Returns 0; SASL_E_PROTOCOL: the server refused every mechanism, is not the one that was asked
 * for, or speaks no SASL; or -errno.
 */
int sasl_client_feed(struct sasl_client *c, const uint8_t *bytes, size_t n, size_t *consumed);

/* True once the server has accepted us: then BEGIN is the end of the output, and messages may be
 * sent right behind it. */
bool sasl_client_done(const struct sasl_client *c);

/* What is to be written; as those of the server. */
size_t sasl_client_output(struct sasl_client *c, const uint8_t **bytes);
void sasl_client_output_taken(struct sasl_client *c, size_t n);

/* Of use once done. */
bool sasl_client_fd_passing(const struct sasl_client *c);
/* Of the server: 32 digits, or "" if it identified itself by another number of them. */
const char *sasl_client_guid(const struct sasl_client *c);
