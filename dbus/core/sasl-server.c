/* SPDX-License-Identifier: MIT */
#include "core/sasl-server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/guid.h"
#include "core/keyring.h"
#include "core/sasl-stream.h"

/* As many rejections as the reference bears. */
#define MAX_REJECTED 6u

/* The server states of the specification, and what is before them. */
enum state {
        WAITING_FOR_NUL,
        WAITING_FOR_AUTH,
        WAITING_FOR_DATA,
        WAITING_FOR_BEGIN,
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

        struct sasl_stream stream;

        char guid[GUID_SIZE];
        char *cookie_context;
        char *keyring_dir;
};

/* Commands */

static int reject(struct sasl_server *s)
{
        const char *words[1 + N_SASL_MECHANISMS + 1] = {"REJECTED"};
        size_t n = 1;

        for (unsigned m = 0; m < N_SASL_MECHANISMS; ++m) {
                if (s->allowed & 1u << m)
                        words[n++] = sasl_mechanism_name(m);
        }
        sasl_exchange_reset(&s->exchange);
        s->mechanism = SASL_NONE;
        s->n_rejected += 1;
        s->state = WAITING_FOR_AUTH;
        if (s->n_rejected == MAX_REJECTED)
                s->stream.state = SASL_STREAM_BROKEN;
        return sasl_stream_say(&s->stream, words);
}

static int follow_verdict(struct sasl_server *s, int verdict, const char *challenge)
{
        switch (verdict) {
        case SASL_CONTINUE:
                s->state = WAITING_FOR_DATA;
                return sasl_stream_say_data(&s->stream, (const char *const[]){"DATA", NULL},
                                            challenge ? challenge : "");
        case SASL_OK:
                s->state = WAITING_FOR_BEGIN;
                return sasl_stream_say(&s->stream, (const char *const[]){"OK", s->guid, NULL});
        case SASL_REJECTED:
                return reject(s);
        default:
                return verdict;
        }
}

/* Hands a response to the mechanism, once it is decoded. */
static int respond(struct sasl_server *s, enum sasl_mechanism mechanism, const char *hex)
{
        char *response, *challenge;
        ssize_t n = sasl_data_decode(hex, &response);
        int r;

        if (n == -EINVAL)
                return sasl_stream_say_error(&s->stream, SASL_INVALID_HEX);
        if (n < 0)
                return (int)n;
        s->mechanism = mechanism;
        r = sasl_mechanism_respond(mechanism, &s->exchange, response, (size_t)n, &challenge);
        free(response);
        r = follow_verdict(s, r, challenge);
        free(challenge);
        return r;
}

static int do_auth(struct sasl_server *s, const char *arguments)
{
        size_t n = strcspn(arguments, SASL_BLANKS);
        enum sasl_mechanism mechanism = sasl_mechanism_find(arguments, n);

        if (mechanism == SASL_NONE || !(s->allowed & 1u << mechanism))
                return reject(s);
        arguments += n;
        return respond(s, mechanism, arguments + strspn(arguments, SASL_BLANKS));
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
                return sasl_stream_say_error(&s->stream,
                                             "Unix FD passing not supported, not authenticated or "
                                             "otherwise not possible");
        s->fd_passing = true;
        return sasl_stream_say(&s->stream, (const char *const[]){"AGREE_UNIX_FD", NULL});
}

static int do_begin(struct sasl_server *s, const char *arguments)
{
        /* EXTERNAL over TCP ends without a user, but is not what allow_anonymous is about. */
        bool anonymous = s->mechanism == SASL_ANONYMOUS && s->allow_anonymous;

        (void)arguments;
        s->stream.state = s->exchange.has_uid || anonymous ? SASL_STREAM_OVER : SASL_STREAM_BROKEN;
        return 0;
}

static int do_disconnect(struct sasl_server *s, const char *arguments)
{
        (void)arguments;
        s->stream.state = SASL_STREAM_BROKEN;
        return 0;
}

static const char *const command_names[] = {
        [COMMAND_AUTH] = "AUTH",   [COMMAND_CANCEL] = "CANCEL",
        [COMMAND_BEGIN] = "BEGIN", [COMMAND_DATA] = "DATA",
        [COMMAND_ERROR] = "ERROR", [COMMAND_NEGOTIATE_UNIX_FD] = "NEGOTIATE_UNIX_FD",
};

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
                        [COMMAND_UNKNOWN] = {NULL, SASL_UNKNOWN_COMMAND},
                },
        [WAITING_FOR_DATA] =
                {
                        [COMMAND_AUTH] = {NULL, AUTH_IN_PROGRESS},
                        [COMMAND_CANCEL] = {do_reject, NULL},
                        [COMMAND_BEGIN] = {do_disconnect, NULL},
                        [COMMAND_DATA] = {do_data, NULL},
                        [COMMAND_ERROR] = {do_reject, NULL},
                        [COMMAND_NEGOTIATE_UNIX_FD] = {NULL, NOT_AUTHENTICATED},
                        [COMMAND_UNKNOWN] = {NULL, SASL_UNKNOWN_COMMAND},
                },
        [WAITING_FOR_BEGIN] =
                {
                        [COMMAND_AUTH] = {NULL, AUTH_AFTER_SUCCESS},
                        [COMMAND_CANCEL] = {do_reject, NULL},
                        [COMMAND_BEGIN] = {do_begin, NULL},
                        [COMMAND_DATA] = {NULL, DATA_AFTER_SUCCESS},
                        [COMMAND_ERROR] = {do_reject, NULL},
                        [COMMAND_NEGOTIATE_UNIX_FD] = {do_negotiate, NULL},
                        [COMMAND_UNKNOWN] = {NULL, SASL_UNKNOWN_COMMAND},
                },
};

static int do_command(void *data, const char *name, size_t n_name, const char *arguments)
{
        struct sasl_server *s = data;
        size_t command = sasl_command_find(command_names, COMMAND_UNKNOWN, name, n_name);
        const struct transition *t = &transitions[s->state][command];

        if (!t->carry_out)
                return sasl_stream_say_error(&s->stream, t->error);
        return t->carry_out(s, arguments);
}

/* The nul byte that goes ahead: it once carried the client's credentials. */
static size_t take_nul(struct sasl_server *s, const uint8_t *bytes, size_t n)
{
        if (s->state != WAITING_FOR_NUL || !n)
                return 0;
        s->state = WAITING_FOR_AUTH;
        if (*bytes)
                s->stream.state = SASL_STREAM_BROKEN;
        return 1;
}

int sasl_server_feed(struct sasl_server *s, const uint8_t *bytes, size_t n, size_t *consumed)
{
        size_t nul = take_nul(s, bytes, n);
        int r = sasl_stream_feed(&s->stream, bytes + nul, n - nul, consumed, do_command, s);

        if (!r)
                *consumed += nul;
        return r;
}

bool sasl_server_done(const struct sasl_server *s)
{
        return s->stream.state == SASL_STREAM_OVER;
}

size_t sasl_server_output(struct sasl_server *s, const uint8_t **bytes)
{
        return sasl_stream_output(&s->stream, bytes);
}

void sasl_server_output_taken(struct sasl_server *s, size_t n)
{
        sasl_stream_output_taken(&s->stream, n);
}

bool sasl_server_fd_passing(const struct sasl_server *s)
{
        return s->fd_passing;
}

enum sasl_mechanism sasl_server_mechanism(const struct sasl_server *s)
{
        return sasl_server_done(s) ? s->mechanism : SASL_NONE;
}

bool sasl_server_uid(const struct sasl_server *s, uid_t *uid)
{
        if (!sasl_server_done(s) || !s->exchange.has_uid)
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
        sasl_stream_deinit(&s->stream);
        free(s->cookie_context);
        free(s->keyring_dir);
        free(s);
        return NULL;
}
