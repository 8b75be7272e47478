/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The mechanism DBUS_COOKIE_SHA1 (specification, "Authentication mechanisms"): the digest that both
 * sides compute, and how a client answers a challenge.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A digest in hexadecimal digits, with a NUL. */
#define SASL_COOKIE_DIGEST_SIZE 41

/* The server's challenge does not make sense, or is about a cookie that we do not have. */
#define SASL_COOKIE_E_CHALLENGE 1

/* The digest of the server's challenge, the client's, and the secret of the cookie. */
void sasl_cookie_digest(const char *server_challenge, size_t n_server, const char *client_challenge,
                        size_t n_client, const char *secret, char out[SASL_COOKIE_DIGEST_SIZE]);

/*
 * Answers a challenge of `n` bytes, with a NUL behind them, out of the keyrings in a directory;
 * NULL: those of `uid`.
 * Returns 0 and the answer, to be freed; SASL_COOKIE_E_CHALLENGE with what the reference says about
 * it in *error; -ENOMEM, or -errno if there are no random bytes.
 */
int sasl_cookie_answer(const char *challenge, size_t n, uid_t uid, const char *directory,
                       char **answer, const char **error);
