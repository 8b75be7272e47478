/* SPDX-License-Identifier: MIT */
#include "core/sasl-cookie.h"

#include <errno.h>
#include <sha1.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hex.h"
#include "core/keyring.h"
#include "core/random.h"
#include "core/sasl-stream.h"

_Static_assert(SASL_COOKIE_DIGEST_SIZE == SHA1_DIGEST_STRING_LENGTH, "the digest is SHA-1");

/* Random bytes in a client's challenge: as many as the reference takes. */
#define CHALLENGE_BYTES 16

void sasl_cookie_digest(const char *server_challenge, size_t n_server, const char *client_challenge,
                        size_t n_client, const char *secret, char out[SASL_COOKIE_DIGEST_SIZE])
{
        SHA1_CTX sha1;

        SHA1Init(&sha1);
        SHA1Update(&sha1, (const uint8_t *)server_challenge, n_server);
        SHA1Update(&sha1, (const uint8_t *)":", 1);
        SHA1Update(&sha1, (const uint8_t *)client_challenge, n_client);
        SHA1Update(&sha1, (const uint8_t *)":", 1);
        SHA1Update(&sha1, (const uint8_t *)secret, strlen(secret));
        SHA1End(&sha1, out);
}

/* What a server challenges with: a cookie's context and number, and random digits. */
struct challenge {
        char *context;
        int32_t id;
        const char *random;
        size_t n_random;
};

/* Takes the number and what is behind it. Returns 0 or SASL_COOKIE_E_CHALLENGE. */
static int parse_rest(struct challenge *c, const char *rest, const char *end, const char **error)
{
        char *behind;
        long v;

        *error = "Could not parse cookie ID as an integer";
        errno = 0;
        v = strtol(rest, &behind, 0);
        if (behind == rest || errno)
                return SASL_COOKIE_E_CHALLENGE;
        /* No cookie has a number that is not one of 31 bits. */
        c->id = v >= 0 && v <= INT32_MAX ? (int32_t)v : -1;
        c->random = behind + strspn(behind, SASL_BLANKS);
        c->n_random = (size_t)(end - c->random);
        *error = "Empty server challenge string";
        return c->n_random ? 0 : SASL_COOKIE_E_CHALLENGE;
}

/* Takes a challenge apart. Returns 0, SASL_COOKIE_E_CHALLENGE or -ENOMEM. */
static int parse(struct challenge *c, const char *text, size_t n, const char **error)
{
        size_t n_context = strcspn(text, SASL_BLANKS);
        const char *id = text + n_context + strspn(text + n_context, SASL_BLANKS);

        *c = (struct challenge){0};
        *error = "Server sent invalid cookie context";
        if (!text[n_context] && n_context < n)
                return SASL_COOKIE_E_CHALLENGE;
        *error = "Server did not send context/ID/challenge properly";
        if (!*id || !id[strcspn(id, SASL_BLANKS)])
                return SASL_COOKIE_E_CHALLENGE;
        c->context = strndup(text, n_context);
        if (!c->context)
                return -ENOMEM;
        *error = "Server sent invalid cookie context";
        if (!keyring_context_valid(c->context))
                return SASL_COOKIE_E_CHALLENGE;
        return parse_rest(c, id, text + n, error);
}

static int find_secret(const struct challenge *c, uid_t uid, const char *directory, char **secret,
                       const char **error)
{
        char *own = NULL;
        int r = directory ? 0 : keyring_directory(uid, &own);

        if (!r)
                r = keyring_find_cookie(directory ? directory : own, c->context, c->id, secret);
        free(own);
        *error = "Don't have the requested cookie ID";
        return !r || r == -ENOMEM ? r : SASL_COOKIE_E_CHALLENGE;
}

static int answer_with(const struct challenge *c, const char *secret, char **answer)
{
        uint8_t random[CHALLENGE_BYTES];
        char ours[2 * CHALLENGE_BYTES + 1], digest[SASL_COOKIE_DIGEST_SIZE];
        int r = random_bytes(random, sizeof(random));

        if (r < 0)
                return r;
        hex_encode(random, sizeof(random), ours);
        sasl_cookie_digest(c->random, c->n_random, ours, strlen(ours), secret, digest);
        return asprintf(answer, "%s %s", ours, digest) < 0 ? -ENOMEM : 0;
}

int sasl_cookie_answer(const char *challenge, size_t n, uid_t uid, const char *directory,
                       char **answer, const char **error)
{
        struct challenge c;
        char *secret;
        int r = parse(&c, challenge, n, error);

        if (!r)
                r = find_secret(&c, uid, directory, &secret, error);
        if (!r) {
                r = answer_with(&c, secret, answer);
                keyring_forget(secret);
        }
        free(c.context);
        return r;
}
