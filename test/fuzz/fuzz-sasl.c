/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes the server's side of the authentication: it says the same however what the client says is
 * cut into pieces, and lets no one in who has not earned it.
 *
 * The first byte of the input is about the peer and the configuration, the second about the pieces;
 * the rest is what the client says.
 */

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "core/sasl-server.h"
#include "fuzz.h"

/* So few bytes cannot have more replies than are allowed at once. */
#define MAX_COMPARED 1024u

#define GUID "0123456789abcdef0123456789abcdef"

struct outcome {
        int result;
        size_t consumed;
        bool done, has_uid, fd_passing;
        uid_t uid;
        char *replies;
        size_t n_replies;
};

/* A keyring for the whole run, so that there are challenges to respond to. */
static char keyrings[] = "/tmp/fuzz-sasl-XXXXXX";

static void remove_keyrings(void)
{
        char file[sizeof(keyrings) + 16];

        snprintf(file, sizeof(file), "%s/fuzz", keyrings);
        unlink(file);
        rmdir(keyrings);
}

static void make_keyrings(void)
{
        static bool made;

        if (made)
                return;
        require(mkdtemp(keyrings) != NULL);
        require(atexit(remove_keyrings) == 0);
        made = true;
}

/* Takes a part of the replies, as a socket does. */
static void take_replies(struct sasl_server *s, FILE *f, size_t most)
{
        const uint8_t *bytes;
        size_t n = sasl_server_output(s, &bytes);

        if (n > most)
                n = most;
        if (n) {
                require(fwrite(bytes, 1, n, f) == n);
                sasl_server_output_taken(s, n);
        }
}

/* Lets the client say `data` in pieces of `step` bytes. */
static void converse(const struct sasl_server_config *config, const struct credentials *peer,
                     const uint8_t *data, size_t size, size_t step, struct outcome *o)
{
        struct sasl_server *s;
        FILE *f = open_memstream(&o->replies, &o->n_replies);

        require(f != NULL);
        require(sasl_server_new(&s, config, peer) == 0);
        while (o->consumed < size && !o->result && !sasl_server_done(s)) {
                size_t piece = size - o->consumed < step ? size - o->consumed : step, consumed;

                o->result = sasl_server_feed(s, data + o->consumed, piece, &consumed);
                require(o->result == 0 || o->result == SASL_E_PROTOCOL);
                require(consumed <= piece);
                require(o->result || sasl_server_done(s) || consumed == piece);
                o->consumed += consumed;
                take_replies(s, f, step);
                take_replies(s, f, SIZE_MAX);
        }
        o->done = sasl_server_done(s);
        o->has_uid = sasl_server_uid(s, &o->uid);
        o->fd_passing = o->done && sasl_server_fd_passing(s);
        require(fclose(f) == 0);
        sasl_server_free(s);
}

static void check(const struct sasl_server_config *config, const struct credentials *peer,
                  const struct outcome *o)
{
        require(!o->done || o->has_uid || config->allow_anonymous);
        require(!o->has_uid || (peer->has_uid && o->uid == peer->uid));
        require(!o->done || memmem(o->replies, o->n_replies, "OK " GUID "\r\n", 37) != NULL);
        require(!o->fd_passing || config->fd_passing_possible);
        /* Every reply is a line. */
        require(!o->n_replies || memcmp(o->replies + o->n_replies - 2, "\r\n", 2) == 0);
}

/* The challenges are random, but all else is the same. */
static void require_same(const struct outcome *a, const struct outcome *b)
{
        require(a->result == b->result && a->done == b->done && a->has_uid == b->has_uid &&
                a->fd_passing == b->fd_passing && a->n_replies == b->n_replies);
        require(a->result || a->consumed == b->consumed);
        require(!a->has_uid || a->uid == b->uid);
        if (!memmem(a->replies, a->n_replies, "DATA ", 5))
                require(!a->n_replies || memcmp(a->replies, b->replies, a->n_replies) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        static char external[] = "EXTERNAL", cookie[] = "DBUS_COOKIE_SHA1",
                    anonymous[] = "ANONYMOUS";
        char *mechanisms[4] = {NULL};
        struct sasl_server_config config = {
                .guid = GUID,
                .cookie_context = "fuzz",
                .keyring_dir = keyrings,
        };
        struct credentials peer = {0};
        struct outcome whole = {0}, pieces = {0};
        size_t n = 0;

        if (size < 2)
                return 0;
        make_keyrings();
        peer.has_uid = data[0] & 1;
        peer.has_pid = data[0] & 3;
        peer.uid = 1000;
        /* Not the peer's: no one can compute the digest that would make him this user. */
        config.own_uid = 0;
        config.allow_anonymous = data[0] & 4;
        config.fd_passing_possible = data[0] & 8;
        if (data[0] & 16)
                mechanisms[n++] = external;
        if (data[0] & 32)
                mechanisms[n++] = cookie;
        if (data[0] & 64)
                mechanisms[n++] = anonymous;
        config.mechanisms = data[0] & 128 ? NULL : mechanisms;

        converse(&config, &peer, data + 2, size - 2, SIZE_MAX, &whole);
        check(&config, &peer, &whole);
        converse(&config, &peer, data + 2, size - 2, data[1] % 32 + 1u, &pieces);
        check(&config, &peer, &pieces);
        if (size <= MAX_COMPARED)
                require_same(&whole, &pieces);
        free(whole.replies);
        free(pieces.replies);
        return 0;
}
