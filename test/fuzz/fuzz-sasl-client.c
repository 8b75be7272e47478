/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes the client's side of the authentication: it says the same however what the server says is
 * cut into pieces, never enters a server that has not accepted it or is not the one that was asked
 * for, and tries each mechanism once.
 *
 * The first byte of the input is about the configuration, the second about the pieces; the rest is
 * what the server says.
 */

#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include "core/sasl-client.h"
#include "fuzz.h"

/* So few bytes cannot make the client say more than is allowed at once. */
#define MAX_COMPARED 1024u

#define GUID "0123456789abcdef0123456789abcdef"

struct outcome {
        int result;
        size_t consumed;
        bool done, fd_passing;
        char *said;
        size_t n_said;
};

/* A keyring for the whole run, with a cookie that challenges can be about. */
static char keyrings[] = "/tmp/fuzz-sasl-client-XXXXXX";
static char keyring[sizeof(keyrings) + 8];

static void remove_keyring(void)
{
        unlink(keyring);
        rmdir(keyrings);
}

static void make_keyring(void)
{
        static bool made;
        FILE *f;

        if (made)
                return;
        require(mkdtemp(keyrings) != NULL);
        require(atexit(remove_keyring) == 0);
        snprintf(keyring, sizeof(keyring), "%s/fuzz", keyrings);
        f = fopen(keyring, "w");
        require(f != NULL);
        fprintf(f, "7 %lld 00112233445566778899aabbccddeeff\n", (long long)time(NULL));
        require(fclose(f) == 0);
        made = true;
}

/* Takes a part of what the client says, as a socket does. */
static void take_output(struct sasl_client *c, FILE *f, size_t most)
{
        const uint8_t *bytes;
        size_t n = sasl_client_output(c, &bytes);

        if (n > most)
                n = most;
        if (n) {
                require(fwrite(bytes, 1, n, f) == n);
                sasl_client_output_taken(c, n);
        }
}

/* Lets the server say `data` in pieces of `step` bytes. */
static void converse(const struct sasl_client_config *config, const uint8_t *data, size_t size,
                     size_t step, struct outcome *o)
{
        struct sasl_client *c;
        FILE *f = open_memstream(&o->said, &o->n_said);

        require(f != NULL);
        require(sasl_client_new(&c, config) == 0);
        take_output(c, f, SIZE_MAX);
        while (o->consumed < size && !o->result && !sasl_client_done(c)) {
                size_t piece = size - o->consumed < step ? size - o->consumed : step, consumed;

                o->result = sasl_client_feed(c, data + o->consumed, piece, &consumed);
                require(o->result == 0 || o->result == SASL_E_PROTOCOL);
                require(consumed <= piece);
                require(o->result || sasl_client_done(c) || consumed == piece);
                o->consumed += consumed;
                take_output(c, f, step);
                take_output(c, f, SIZE_MAX);
        }
        o->done = sasl_client_done(c);
        o->fd_passing = o->done && sasl_client_fd_passing(c);
        require(!o->done || !config->guid || strcmp(sasl_client_guid(c), config->guid) == 0);
        require(fclose(f) == 0);
        sasl_client_free(c);
}

static unsigned count(const struct outcome *o, const char *text)
{
        const char *at = o->said, *end = o->said + o->n_said;
        unsigned n = 0;

        while ((at = memmem(at, (size_t)(end - at), text, strlen(text)))) {
                at += strlen(text);
                n += 1;
        }
        return n;
}

static void check(const struct sasl_client_config *config, const uint8_t *data,
                  const struct outcome *o)
{
        require(!o->done || memmem(data, o->consumed, "OK", 2) != NULL);
        require(!o->fd_passing || memmem(data, o->consumed, "AGREE_UNIX_FD", 13) != NULL);
        require(!o->fd_passing || config->negotiate_fds);
        /* BEGIN is the last that it says, once it has been accepted, and only then. */
        require(count(o, "\r\nBEGIN\r\n") == o->done);
        require(!o->done || memcmp(o->said + o->n_said - 7, "BEGIN\r\n", 7) == 0);
        require(count(o, "AUTH EXTERNAL") == 1);
        require(count(o, "AUTH DBUS_COOKIE_SHA1") <= 1);
        require(count(o, "AUTH ANONYMOUS") <= 1);
        require(memcmp(o->said + o->n_said - 2, "\r\n", 2) == 0);
}

/* The client's challenges are random, but all else is the same. */
static void require_same(const struct outcome *a, const struct outcome *b)
{
        require(a->result == b->result && a->done == b->done && a->fd_passing == b->fd_passing &&
                a->n_said == b->n_said);
        require(a->result || a->consumed == b->consumed);
        if (!memmem(a->said, a->n_said, "DATA ", 5))
                require(memcmp(a->said, b->said, a->n_said) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct sasl_client_config config = {.uid = 1000, .keyring_dir = keyrings};
        struct outcome whole = {0}, pieces = {0};

        if (size < 2)
                return 0;
        make_keyring();
        config.negotiate_fds = data[0] & 1;
        config.guid = data[0] & 2 ? GUID : NULL;

        converse(&config, data + 2, size - 2, SIZE_MAX, &whole);
        check(&config, data + 2, &whole);
        converse(&config, data + 2, size - 2, data[1] % 32 + 1u, &pieces);
        check(&config, data + 2, &pieces);
        if (size <= MAX_COMPARED)
                require_same(&whole, &pieces);
        free(whole.said);
        free(pieces.said);
        return 0;
}
