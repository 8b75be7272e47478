/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The server's side of each SASL mechanism: what it makes of a client's response (specification,
 * "Authentication mechanisms").
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/credentials.h"

/* In the order in which clients are told of them. */
enum sasl_mechanism {
        SASL_EXTERNAL,
        SASL_DBUS_COOKIE_SHA1,
        SASL_ANONYMOUS,
        N_SASL_MECHANISMS,
        SASL_NONE = N_SASL_MECHANISMS,
};

/* What a mechanism says to a response: MECH(RESP) of the specification. */
enum sasl_verdict {
        SASL_CONTINUE, /* here is a challenge; let the client respond */
        SASL_OK,
        SASL_REJECTED,
};

/* One client's conversations, one after the other. */
struct sasl_exchange {
        const struct credentials *peer; /* what the socket tells of the client */
        const char *cookie_context;
        const char *keyring_dir; /* NULL: keyring_directory() of own_uid */
        uid_t own_uid;           /* whose keyring it is */

        bool has_uid; /* with SASL_OK: the client is this user */
        uid_t uid;

        bool asked_for_identity; /* EXTERNAL: an empty response now means the socket's user */
        char *secret;            /* DBUS_COOKIE_SHA1: the cookie of the challenge */
        char challenge[33];      /* 16 random bytes in hexadecimal */
};

/* Ends a conversation, so that another can start. Keeps only what was given from outside. */
void sasl_exchange_reset(struct sasl_exchange *x);

/*
 * Judges a response of `n` bytes, with a NUL behind them. An empty one starts a conversation if the
 * client said nothing with AUTH.
 * Returns an enum sasl_verdict, with SASL_CONTINUE and the challenge in *challenge, to be freed, or
 * NULL if it is empty; -ENOMEM or another -errno.
 */
int sasl_mechanism_respond(enum sasl_mechanism m, struct sasl_exchange *x, const char *response,
                           size_t n, char **challenge);

/* The name of a mechanism, as in the protocol and in configurations. */
const char *sasl_mechanism_name(enum sasl_mechanism m);

/* The mechanism of this name, or SASL_NONE. */
enum sasl_mechanism sasl_mechanism_find(const char *name, size_t n);
