/* SPDX-License-Identifier: MIT */
#include "core/sasl-server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/guid.h"
#include "core/hex.h"
#include "core/keyring.h"

/*
 * Limits of the reference: bytes that wait for the end of their line, bytes of replies to what was
 * read at once, bytes that are read at once, and rejections.
 */
#define MAX_LINE     16384u
#define MAX_REPLIES  16384u
#define SLICE        2048u
#define MAX_REJECTED 6u

#define BLANKS " \t"

/* Bytes in a growing allocation. */
struct buffer {
        char *bytes;
        size_t n, room;
};

/* The server states of the specification, what is before them and what is behind. */
enum state {
        WAITING_FOR_NUL,
        WAITING_FOR_AUTH,
        WAITING_FOR_DATA,
        WAITING_FOR_BEGIN,
        AUTHENTICATED,
        BROKEN,
};

enum command {
        COMMAND_AUTH,
        COMMAND_CANCEL,
        COMMAND_BEGIN,
        COMMAND_DATA,
        COMMAND_ERROR,
        COMMAND_NEGOTIATE_UNIX_FD,
        COMMAND_UNKNOWN,
        N_COMMANDS,
};

struct sasl_server {
        enum state state;
        unsigned n_rejected;
        unsigned allowed; /* bits of enum sasl_mechanism */
        bool allow_anonymous, fd_passing_possible, fd_passing;

        enum sasl_mechanism mechanism; /* of the conversation, or of its success */
        struct sasl_exchange exchange;

        struct buffer input; /* the lines that have not been carried out */
        size_t scanned;      /* bytes of it in which no line ends */
        struct buffer output;
        size_t taken; /* bytes of it that were written */

        char guid[GUID_SIZE];
        char *cookie_context;
        char *keyring_dir;
};

static int buffer_reserve(struct buffer *b, size_t more)
{
        size_t room = b->room ? b->room : 64;
        char *p;

        if (more <= b->room - b->n)
                return 0;
        while (room - b->n < more)
                room *= 2;
        p = realloc(b->bytes, room);
        if (!p)
                return -ENOMEM;
        b->bytes = p;
        b->room = room;
        return 0;
}

static int buffer_append(struct buffer *b, const void *bytes, size_t n)
{
        int r = buffer_reserve(b, n);

        if (r < 0)
                return r;
        memcpy(b->bytes + b->n, bytes, n);
        b->n += n;
        return 0;
}

static void buffer_drop(struct buffer *b, size_t n)
{
        b->n -= n;
        memmove(b->bytes, b->bytes + n, b->n);
}

/* Replies */

static int reply(struct sasl_server *s, const char *words[], size_t n_words)
{
        int r = 0;

        for (size_t i = 0; i < n_words && !r; ++i) {
                if (i)
                        r = buffer_append(&s->output, " ", 1);
                if (!r)
                        r = buffer_append(&s->output, words[i], strlen(words[i]));
        }
        return r ? r : buffer_append(&s->output, "\r\n", 2);
}

/* Sends a challenge; NULL is the empty one. */
static int reply_data(struct sasl_server *s, const char *challenge)
{
        char *hex;
        int r;

        if (!challenge)
                return reply(s, (const char *[]){"DATA"}, 1);
        hex = malloc(2 * strlen(challenge) + 1);
        if (!hex)
                return -ENOMEM;
        hex_encode(challenge, strlen(challenge), hex);
        r = reply(s, (const char *[]){"DATA", hex}, 2);
        free(hex);
        return r;
}

static int reply_error(struct sasl_server *s, const char *text)
{
        char quoted[128];

        snprintf(quoted, sizeof(quoted), "\"%s\"", text);
        return reply(s, (const char *[]){"ERROR", quoted}, 2);
}

/* Commands */

static int reject(struct sasl_server *s)
{
        const char *words[1 + N_SASL_MECHANISMS] = {"REJECTED"};
        size_t n = 1;

        for (unsigned m = 0; m < N_SASL_MECHANISMS; ++m) {
                if (s->allowed & 1u << m)
                        words[n++] = sasl_mechanism_name(m);
        }
        sasl_exchange_reset(&s->exchange);
        s->mechanism = SASL_NONE;
        s->n_rejected += 1;
        s->state = s->n_rejected < MAX_REJECTED ? WAITING_FOR_AUTH : BROKEN;
        return reply(s, words, n);
}

static int follow_verdict(struct sasl_server *s, int verdict, const char *challenge)
{
        switch (verdict) {
        case SASL_CONTINUE:
                s->state = WAITING_FOR_DATA;
                return reply_data(s, challenge);
        case SASL_OK:
                s->state = WAITING_FOR_BEGIN;
                return reply(s, (const char *[]){"OK", s->guid}, 2);
        case SASL_REJECTED:
                return reject(s);
        default:
                return verdict;
        }
}

/* Hands a response to the mechanism, once it is decoded. */
static int respond(struct sasl_server *s, enum sasl_mechanism mechanism, const char *hex)
{
        size_t n_hex = strlen(hex);
        char *response = malloc((n_hex + 1) / 2 + 1), *challenge;
        ssize_t n;
        int r;

        if (!response)
                return -ENOMEM;
        n = hex_decode(hex, n_hex, (uint8_t *)response);
        if (n < 0) {
                free(response);
                return reply_error(s, "Invalid hex encoding");
        }
        response[n] = '\0';
        s->mechanism = mechanism;
        r = sasl_mechanism_respond(mechanism, &s->exchange, response, (size_t)n, &challenge);
        free(response);
        r = follow_verdict(s, r, challenge);
        free(challenge);
        return r;
}

static int do_auth(struct sasl_server *s, const char *arguments)
{
        size_t n = strcspn(arguments, BLANKS);
        enum sasl_mechanism mechanism = sasl_mechanism_find(arguments, n);

        if (mechanism == SASL_NONE || !(s->allowed & 1u << mechanism))
                return reject(s);
        arguments += n;
        return respond(s, mechanism, arguments + strspn(arguments, BLANKS));
}

static int do_data(struct sasl_server *s, const char *arguments)
{
        return respond(s, s->mechanism, arguments);
}

static int do_reject(struct sasl_server *s, const char *arguments)
{
        (void)arguments;
        return reject(s);
}

static int do_negotiate(struct sasl_server *s, const char *arguments)
{
        (void)arguments;
        if (!s->fd_passing_possible)
                return reply_error(s, "Unix FD passing not supported, not authenticated or "
                                      "otherwise not possible");
        s->fd_passing = true;
        return reply(s, (const char *[]){"AGREE_UNIX_FD"}, 1);
}

static int do_begin(struct sasl_server *s, const char *arguments)
{
        /* EXTERNAL over TCP ends without a user, but is not what allow_anonymous is about. */
        bool anonymous = s->mechanism == SASL_ANONYMOUS && s->allow_anonymous;

        (void)arguments;
        s->state = s->exchange.has_uid || anonymous ? AUTHENTICATED : BROKEN;
        return 0;
}

static int do_disconnect(struct sasl_server *s, const char *arguments)
{
        (void)arguments;
        s->state = BROKEN;
        return 0;
}

static const char *const command_names[] = {
        [COMMAND_AUTH] = "AUTH",   [COMMAND_CANCEL] = "CANCEL",
        [COMMAND_BEGIN] = "BEGIN", [COMMAND_DATA] = "DATA",
        [COMMAND_ERROR] = "ERROR", [COMMAND_NEGOTIATE_UNIX_FD] = "NEGOTIATE_UNIX_FD",
};

#define UNKNOWN_COMMAND    "Unknown command"
#define NOT_IN_PROGRESS    "Not currently in an auth conversation"
#define NOT_AUTHENTICATED  "Need to authenticate first"
#define AUTH_IN_PROGRESS   "Sent AUTH while another AUTH in progress"
#define AUTH_AFTER_SUCCESS "Sent AUTH while expecting BEGIN"
#define DATA_AFTER_SUCCESS "Sent DATA while expecting BEGIN"

/*
 * What becomes of each command in each state, after the specification's "Server states": it is
 * carried out, or answered with ERROR and the text, and the state stays.
 */
static const struct transition {
        int (*carry_out)(struct sasl_server *s, const char *arguments);
        const char *error;
} transitions[][N_COMMANDS] = {
        [WAITING_FOR_AUTH] =
                {
                        [COMMAND_AUTH] = {do_auth, NULL},
                        [COMMAND_CANCEL] = {NULL, NOT_IN_PROGRESS},
                        [COMMAND_BEGIN] = {do_disconnect, NULL},
                        [COMMAND_DATA] = {NULL, NOT_IN_PROGRESS},
                        [COMMAND_ERROR] = {do_reject, NULL},
                        [COMMAND_NEGOTIATE_UNIX_FD] = {NULL, NOT_AUTHENTICATED},
                        [COMMAND_UNKNOWN] = {NULL, UNKNOWN_COMMAND},
                },
        [WAITING_FOR_DATA] =
                {
                        [COMMAND_AUTH] = {NULL, AUTH_IN_PROGRESS},
                        [COMMAND_CANCEL] = {do_reject, NULL},
                        [COMMAND_BEGIN] = {do_disconnect, NULL},
                        [COMMAND_DATA] = {do_data, NULL},
                        [COMMAND_ERROR] = {do_reject, NULL},
                        [COMMAND_NEGOTIATE_UNIX_FD] = {NULL, NOT_AUTHENTICATED},
                        [COMMAND_UNKNOWN] = {NULL, UNKNOWN_COMMAND},
                },
        [WAITING_FOR_BEGIN] =
                {
                        [COMMAND_AUTH] = {NULL, AUTH_AFTER_SUCCESS},
                        [COMMAND_CANCEL] = {do_reject, NULL},
                        [COMMAND_BEGIN] = {do_begin, NULL},
                        [COMMAND_DATA] = {NULL, DATA_AFTER_SUCCESS},
                        [COMMAND_ERROR] = {do_reject, NULL},
                        [COMMAND_NEGOTIATE_UNIX_FD] = {do_negotiate, NULL},
                        [COMMAND_UNKNOWN] = {NULL, UNKNOWN_COMMAND},
                },
};

static enum command find_command(const char *name, size_t n)
{
        for (unsigned c = 0; c < COMMAND_UNKNOWN; ++c) {
                if (strlen(command_names[c]) == n && memcmp(command_names[c], name, n) == 0)
                        return c;
        }
        return COMMAND_UNKNOWN;
}

static bool is_ascii(const char *text, size_t n)
{
        for (size_t i = 0; i < n; ++i) {
                if (!text[i] || (unsigned char)text[i] >= 0x80)
                        return false;
        }
        return true;
}

/* Carries out a line of `n` bytes, the CR LF behind it not counted. */
static int do_line(struct sasl_server *s, char *line, size_t n)
{
        const struct transition *t;
        size_t n_name;

        if (!is_ascii(line, n))
                return reply_error(s, "Command contained non-ASCII");
        line[n] = '\0';
        n_name = strcspn(line, BLANKS);
        t = &transitions[s->state][find_command(line, n_name)];
        if (!t->carry_out)
                return reply_error(s, t->error);
        line += n_name;
        return t->carry_out(s, line + strspn(line, BLANKS));
}

/* Finds the end of the first line. Returns its length without the CR LF, or -1. */
static ssize_t find_line(struct sasl_server *s)
{
        const char *bytes = s->input.bytes, *cr;

        while (s->scanned + 1 < s->input.n) {
                cr = memchr(bytes + s->scanned, '\r', s->input.n - s->scanned - 1);
                s->scanned = cr ? (size_t)(cr - bytes) : s->input.n - 1;
                if (cr && cr[1] == '\n')
                        return cr - bytes;
                if (cr)
                        s->scanned += 1;
        }
        return -1;
}

/* Carries out all lines that are here whole. */
static int do_lines(struct sasl_server *s)
{
        size_t output_before = s->output.n;

        while (s->state != AUTHENTICATED && s->state != BROKEN) {
                ssize_t n;
                int r;

                if (s->input.n > MAX_LINE || s->output.n - output_before > MAX_REPLIES) {
                        s->state = BROKEN;
                        break;
                }
                n = find_line(s);
                if (n < 0)
                        break;
                r = do_line(s, s->input.bytes, (size_t)n);
                if (r < 0)
                        return r;
                buffer_drop(&s->input, (size_t)n + 2);
                s->scanned = 0;
        }
        return 0;
}

/* The nul byte that goes ahead: it once carried the client's credentials. */
static size_t take_nul(struct sasl_server *s, const uint8_t *bytes, size_t n)
{
        if (s->state != WAITING_FOR_NUL || !n)
                return 0;
        s->state = *bytes ? BROKEN : WAITING_FOR_AUTH;
        return 1;
}

/* Gives back the memory of a client that has said all it had to. */
static void drop_input(struct sasl_server *s)
{
        free(s->input.bytes);
        s->input = (struct buffer){0};
        s->scanned = 0;
}

int sasl_server_feed(struct sasl_server *s, const uint8_t *bytes, size_t n, size_t *consumed)
{
        size_t at = take_nul(s, bytes, n);

        *consumed = 0;
        if (s->output.n - s->taken > MAX_REPLIES)
                s->state = BROKEN;
        /* In slices as large as the reference's reads, so that its limits are met at the same
         * points. */
        while (at < n && s->state != AUTHENTICATED && s->state != BROKEN) {
                size_t slice = n - at < SLICE ? n - at : SLICE;
                int r = buffer_append(&s->input, bytes + at, slice);

                if (!r)
                        r = do_lines(s);
                if (r < 0)
                        return r;
                at += slice;
        }
        if (s->state == BROKEN)
                return SASL_E_PROTOCOL;
        *consumed = at;
        if (s->state == AUTHENTICATED) {
                *consumed -= s->input.n;
                drop_input(s);
        }
        return 0;
}

bool sasl_server_done(const struct sasl_server *s)
{
        return s->state == AUTHENTICATED;
}

size_t sasl_server_output(struct sasl_server *s, const uint8_t **bytes)
{
        size_t n = s->output.n - s->taken;

        *bytes = n ? (const uint8_t *)s->output.bytes + s->taken : NULL;
        return n;
}

void sasl_server_output_taken(struct sasl_server *s, size_t n)
{
        s->taken += n;
        if (s->taken < s->output.n)
                return;
        free(s->output.bytes);
        s->output = (struct buffer){0};
        s->taken = 0;
}

bool sasl_server_fd_passing(const struct sasl_server *s)
{
        return s->fd_passing;
}

enum sasl_mechanism sasl_server_mechanism(const struct sasl_server *s)
{
        return s->state == AUTHENTICATED ? s->mechanism : SASL_NONE;
}

bool sasl_server_uid(const struct sasl_server *s, uid_t *uid)
{
        if (s->state != AUTHENTICATED || !s->exchange.has_uid)
                return false;
        *uid = s->exchange.uid;
        return true;
}

static unsigned allowed_mechanisms(char *const *names)
{
        unsigned set = 0;

        if (!names)
                return (1u << N_SASL_MECHANISMS) - 1;
        for (; *names; ++names) {
                enum sasl_mechanism m = sasl_mechanism_find(*names, strlen(*names));

                if (m != SASL_NONE)
                        set |= 1u << m;
        }
        return set;
}

int sasl_server_new(struct sasl_server **sp, const struct sasl_server_config *config,
                    const struct credentials *peer)
{
        const char *context =
                config->cookie_context ? config->cookie_context : KEYRING_DEFAULT_CONTEXT;
        struct sasl_server *s = calloc(1, sizeof(*s));

        if (!s)
                return -ENOMEM;
        s->state = WAITING_FOR_NUL;
        s->mechanism = SASL_NONE;
        s->allowed = allowed_mechanisms(config->mechanisms);
        s->allow_anonymous = config->allow_anonymous;
        s->fd_passing_possible = config->fd_passing_possible;
        s->exchange.peer = peer;
        s->exchange.own_uid = config->own_uid;
        snprintf(s->guid, sizeof(s->guid), "%s", config->guid);
        if (s->allowed & 1u << SASL_DBUS_COOKIE_SHA1) {
                s->cookie_context = strdup(context);
                if (config->keyring_dir)
                        s->keyring_dir = strdup(config->keyring_dir);
                if (!s->cookie_context || (config->keyring_dir && !s->keyring_dir)) {
                        sasl_server_free(s);
                        return -ENOMEM;
                }
                s->exchange.cookie_context = s->cookie_context;
                s->exchange.keyring_dir = s->keyring_dir;
        }
        *sp = s;
        return 0;
}

struct sasl_server *sasl_server_free(struct sasl_server *s)
{
        if (!s)
                return NULL;
        sasl_exchange_reset(&s->exchange);
        drop_input(s);
        free(s->output.bytes);
        free(s->cookie_context);
        free(s->keyring_dir);
        free(s);
        return NULL;
}
