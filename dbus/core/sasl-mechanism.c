/* SPDX-License-Identifier: MIT */
#include "core/sasl-mechanism.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hex.h"
#include "core/keyring.h"
#include "core/random.h"
#include "core/sasl-cookie.h"
#include "core/syntax.h"
#include "core/user.h"

/* EXTERNAL (RFC 4422, appendix A): the client is who the socket says. */
static int external_respond(struct sasl_exchange *x, const char *response, size_t n,
                            char **challenge)
{
        const struct credentials *peer = x->peer;
        uid_t uid;

        (void)challenge;
        if (!peer->has_uid && !peer->has_pid)
                return SASL_REJECTED;
        if (!n && !x->asked_for_identity) {
                x->asked_for_identity = true;
                return SASL_CONTINUE;
        }
        if (n && (!user_id_parse(response, n, &uid) || !peer->has_uid || uid != peer->uid))
                return SASL_REJECTED;
        x->has_uid = peer->has_uid;
        x->uid = peer->uid;
        return SASL_OK;
}

/* ANONYMOUS (RFC 4505): the client may say something for the log, in UTF-8. */
static int anonymous_respond(struct sasl_exchange *x, const char *response, size_t n,
                             char **challenge)
{
        (void)x;
        (void)challenge;
        return syntax_utf8(response, n) ? SASL_OK : SASL_REJECTED;
}

/* Returns SASL_OK if the user is the one whose keyring we may use. */
static int cookie_check_user(const struct sasl_exchange *x, const char *user, size_t n)
{
        uid_t uid;

        if (!n || memchr(user, '\0', n))
                return SASL_REJECTED;
        if (!user_id_parse(user, n, &uid)) {
                int r = user_by_name(user, &uid);

                if (r < 0)
                        return r == -ENOMEM ? r : SASL_REJECTED;
        }
        return uid == x->own_uid ? SASL_OK : SASL_REJECTED;
}

static int cookie_get(struct sasl_exchange *x, int32_t *id)
{
        char *directory;
        int r;

        if (x->keyring_dir)
                return keyring_get_cookie(x->keyring_dir, x->cookie_context, id, &x->secret);
        r = keyring_directory(x->own_uid, &directory);
        if (r < 0)
                return r;
        r = keyring_get_cookie(directory, x->cookie_context, id, &x->secret);
        free(directory);
        return r;
}

/* The first response is the user; the challenge names the cookie and is random. */
static int cookie_challenge(struct sasl_exchange *x, const char *user, size_t n, char **challenge)
{
        uint8_t random[sizeof(x->challenge) / 2];
        int32_t id;
        int r = cookie_check_user(x, user, n);

        if (r != SASL_OK)
                return r;
        r = cookie_get(x, &id);
        if (r < 0)
                return r == -ENOMEM ? r : SASL_REJECTED;
        r = random_bytes(random, sizeof(random));
        if (r < 0)
                return r;
        hex_encode(random, sizeof(random), x->challenge);
        if (asprintf(challenge, "%s %" PRId32 " %s", x->cookie_context, id, x->challenge) < 0) {
                *challenge = NULL;
                return -ENOMEM;
        }
        return SASL_CONTINUE;
}

/* Takes the same time for all digests that differ. */
static bool same_digest(const char *a, const char *b, size_t n)
{
        unsigned differ = 0;

        for (size_t i = 0; i < n; ++i)
                differ |= (unsigned)(a[i] ^ b[i]);
        return !differ;
}

static bool is_blank(char c)
{
        return c == ' ' || c == '\t';
}

/* The second response is a challenge of the client's own, blanks, and a digest of both challenges
 * and the cookie. */
static int cookie_verify(const struct sasl_exchange *x, const char *response, size_t n)
{
        char expected[SASL_COOKIE_DIGEST_SIZE];
        const size_t n_digest = sizeof(expected) - 1;
        size_t n_challenge = 0, at;

        while (n_challenge < n && !is_blank(response[n_challenge]))
                n_challenge += 1;
        for (at = n_challenge; at < n && is_blank(response[at]);)
                at += 1;
        if (!n_challenge || n - at != n_digest)
                return SASL_REJECTED;
        sasl_cookie_digest(x->challenge, strlen(x->challenge), response, n_challenge, x->secret,
                           expected);
        return same_digest(response + at, expected, n_digest) ? SASL_OK : SASL_REJECTED;
}

/* DBUS_COOKIE_SHA1: the client proves that it can read the user's files. */
static int cookie_respond(struct sasl_exchange *x, const char *response, size_t n, char **challenge)
{
        int r;

        if (!x->secret)
                return cookie_challenge(x, response, n, challenge);
        r = cookie_verify(x, response, n);
        if (r == SASL_OK) {
                x->has_uid = true;
                x->uid = x->own_uid;
        }
        return r;
}

static const struct {
        const char *name;
        int (*respond)(struct sasl_exchange *x, const char *response, size_t n, char **challenge);
} mechanisms[N_SASL_MECHANISMS] = {
        [SASL_EXTERNAL] = {"EXTERNAL", external_respond},
        [SASL_DBUS_COOKIE_SHA1] = {"DBUS_COOKIE_SHA1", cookie_respond},
        [SASL_ANONYMOUS] = {"ANONYMOUS", anonymous_respond},
};

void sasl_exchange_reset(struct sasl_exchange *x)
{
        x->has_uid = false;
        x->asked_for_identity = false;
        x->secret = keyring_forget(x->secret);
}

int sasl_mechanism_respond(enum sasl_mechanism m, struct sasl_exchange *x, const char *response,
                           size_t n, char **challenge)
{
        *challenge = NULL;
        return mechanisms[m].respond(x, response, n, challenge);
}

const char *sasl_mechanism_name(enum sasl_mechanism m)
{
        return mechanisms[m].name;
}

enum sasl_mechanism sasl_mechanism_find(const char *name, size_t n)
{
        for (unsigned m = 0; m < N_SASL_MECHANISMS; ++m) {
                if (strlen(mechanisms[m].name) == n && memcmp(mechanisms[m].name, name, n) == 0)
                        return m;
        }
        return SASL_NONE;
}
