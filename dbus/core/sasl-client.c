/* SPDX-License-Identifier: MIT */
#include "core/sasl-client.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/guid.h"
#include "core/sasl-cookie.h"
#include "core/sasl-mechanism.h"
#include "core/sasl-stream.h"

/* What ANONYMOUS tells for the server's log (RFC 4505): servers know the library by it. */
#define TRACE "libdbus 1.14.10"

/* The client states of the specification. It takes the reference's view that a server may accept
 * us before it has asked all it could: WaitingForData and WaitingForOK are one. */
enum state {
        WAITING_FOR_DATA,
        WAITING_FOR_REJECT,
        WAITING_FOR_AGREE_UNIX_FD,
        N_STATES,
};

enum command {
        COMMAND_REJECTED,
        COMMAND_OK,
        COMMAND_DATA,
        COMMAND_ERROR,
        COMMAND_AGREE_UNIX_FD,
        COMMAND_UNKNOWN,
        N_COMMANDS,
};

struct sasl_client {
        enum state state;
        bool negotiate_fds, fd_passing;

        /* What to try after `mechanism`: the server's list, in its order. */
        enum sasl_mechanism mechanism;
        enum sasl_mechanism offers[N_SASL_MECHANISMS];
        unsigned n_offers, n_tried;
        bool has_offers;

        struct sasl_stream stream;

        char uid[16]; /* in decimal digits */
        uid_t uid_number;
        char *keyring_dir;
        char *wanted_guid;
        char guid[GUID_SIZE];
};

/* Mechanisms */

static int answer_cookie(struct sasl_client *c, const char *challenge, size_t n)
{
        const char *error;
        char *answer;
        int r = sasl_cookie_answer(challenge, n, c->uid_number, c->keyring_dir, &answer, &error);

        /* It is for the server to give up. */
        if (r == SASL_COOKIE_E_CHALLENGE)
                return sasl_stream_say_error(&c->stream, error);
        if (r < 0)
                return r;
        r = sasl_stream_say_data(&c->stream, (const char *const[]){"DATA", NULL}, answer);
        free(answer);
        return r;
}

/* The other two have said all with AUTH: the reference leaves a challenge unanswered. */
static int answer_nothing(struct sasl_client *c, const char *challenge, size_t n)
{
        (void)c;
        (void)challenge;
        (void)n;
        return 0;
}

static int (*const answers[N_SASL_MECHANISMS])(struct sasl_client *c, const char *challenge,
                                               size_t n) = {
        [SASL_EXTERNAL] = answer_nothing,
        [SASL_DBUS_COOKIE_SHA1] = answer_cookie,
        [SASL_ANONYMOUS] = answer_nothing,
};

static int say_auth(struct sasl_client *c, enum sasl_mechanism mechanism)
{
        const char *const words[] = {"AUTH", sasl_mechanism_name(mechanism), NULL};

        c->mechanism = mechanism;
        c->state = WAITING_FOR_DATA;
        return sasl_stream_say_data(&c->stream, words,
                                    mechanism == SASL_ANONYMOUS ? TRACE : c->uid);
}

/* Commands */

static int say_begin(struct sasl_client *c)
{
        c->stream.state = SASL_STREAM_OVER;
        return sasl_stream_say(&c->stream, (const char *const[]){"BEGIN", NULL});
}

static int do_disconnect(struct sasl_client *c, const char *arguments)
{
        (void)arguments;
        c->stream.state = SASL_STREAM_BROKEN;
        return 0;
}

static void add_offer(struct sasl_client *c, enum sasl_mechanism mechanism)
{
        /* EXTERNAL is what we tried before we were told. */
        if (mechanism == SASL_NONE || mechanism == SASL_EXTERNAL)
                return;
        for (unsigned i = 0; i < c->n_offers; ++i) {
                if (c->offers[i] == mechanism)
                        return;
        }
        c->offers[c->n_offers++] = mechanism;
}

/* Tries the next mechanism of the list that came with the first rejection. */
static int do_rejected(struct sasl_client *c, const char *arguments)
{
        while (!c->has_offers && *arguments) {
                size_t n = strcspn(arguments, SASL_BLANKS);

                add_offer(c, sasl_mechanism_find(arguments, n));
                arguments += n;
                arguments += strspn(arguments, SASL_BLANKS);
        }
        c->has_offers = true;
        if (c->n_tried == c->n_offers)
                return do_disconnect(c, arguments);
        return say_auth(c, c->offers[c->n_tried++]);
}

static int do_data(struct sasl_client *c, const char *arguments)
{
        char *challenge;
        ssize_t n = sasl_data_decode(arguments, &challenge);
        int r;

        if (n == -EINVAL)
                return sasl_stream_say_error(&c->stream, SASL_INVALID_HEX);
        if (n < 0)
                return (int)n;
        r = answers[c->mechanism](c, challenge, (size_t)n);
        free(challenge);
        return r;
}

static int do_cancel(struct sasl_client *c, const char *arguments)
{
        (void)arguments;
        c->state = WAITING_FOR_REJECT;
        return sasl_stream_say(&c->stream, (const char *const[]){"CANCEL", NULL});
}

static int do_ok(struct sasl_client *c, const char *arguments)
{
        size_t n = strspn(arguments, "0123456789abcdefABCDEF");

        if (!n || arguments[n] || (c->wanted_guid && strcmp(c->wanted_guid, arguments) != 0))
                return do_disconnect(c, arguments);
        /* The reference does not ask for 32 digits, so there are servers that send others. */
        if (guid_valid(arguments))
                memcpy(c->guid, arguments, sizeof(c->guid));
        if (!c->negotiate_fds)
                return say_begin(c);
        c->state = WAITING_FOR_AGREE_UNIX_FD;
        return sasl_stream_say(&c->stream, (const char *const[]){"NEGOTIATE_UNIX_FD", NULL});
}

static int do_agreed(struct sasl_client *c, const char *arguments)
{
        (void)arguments;
        c->fd_passing = true;
        return say_begin(c);
}

static int do_not_agreed(struct sasl_client *c, const char *arguments)
{
        (void)arguments;
        return say_begin(c);
}

static int do_unknown(struct sasl_client *c, const char *arguments)
{
        (void)arguments;
        return sasl_stream_say_error(&c->stream, SASL_UNKNOWN_COMMAND);
}

static const char *const command_names[] = {
        [COMMAND_REJECTED] = "REJECTED",
        [COMMAND_OK] = "OK",
        [COMMAND_DATA] = "DATA",
        [COMMAND_ERROR] = "ERROR",
        [COMMAND_AGREE_UNIX_FD] = "AGREE_UNIX_FD",
};

/* What becomes of each command in each state, after the specification's "Client states". */
static int (*const transitions[N_STATES][N_COMMANDS])(struct sasl_client *c,
                                                      const char *arguments) = {
        [WAITING_FOR_DATA] =
                {
                        [COMMAND_REJECTED] = do_rejected,
                        [COMMAND_OK] = do_ok,
                        [COMMAND_DATA] = do_data,
                        [COMMAND_ERROR] = do_cancel,
                        [COMMAND_AGREE_UNIX_FD] = do_unknown,
                        [COMMAND_UNKNOWN] = do_unknown,
                },
        [WAITING_FOR_REJECT] =
                {
                        [COMMAND_REJECTED] = do_rejected,
                        [COMMAND_OK] = do_disconnect,
                        [COMMAND_DATA] = do_disconnect,
                        [COMMAND_ERROR] = do_disconnect,
                        [COMMAND_AGREE_UNIX_FD] = do_disconnect,
                        [COMMAND_UNKNOWN] = do_disconnect,
                },
        [WAITING_FOR_AGREE_UNIX_FD] =
                {
                        [COMMAND_REJECTED] = do_unknown,
                        [COMMAND_OK] = do_unknown,
                        [COMMAND_DATA] = do_unknown,
                        [COMMAND_ERROR] = do_not_agreed,
                        [COMMAND_AGREE_UNIX_FD] = do_agreed,
                        [COMMAND_UNKNOWN] = do_unknown,
                },
};

static int do_command(void *data, const char *name, size_t n_name, const char *arguments)
{
        struct sasl_client *c = data;
        size_t command = sasl_command_find(command_names, COMMAND_UNKNOWN, name, n_name);

        return transitions[c->state][command](c, arguments);
}

int sasl_client_feed(struct sasl_client *c, const uint8_t *bytes, size_t n, size_t *consumed)
{
        return sasl_stream_feed(&c->stream, bytes, n, consumed, do_command, c);
}

bool sasl_client_done(const struct sasl_client *c)
{
        return c->stream.state == SASL_STREAM_OVER;
}

size_t sasl_client_output(struct sasl_client *c, const uint8_t **bytes)
{
        return sasl_stream_output(&c->stream, bytes);
}

void sasl_client_output_taken(struct sasl_client *c, size_t n)
{
        sasl_stream_output_taken(&c->stream, n);
}

bool sasl_client_fd_passing(const struct sasl_client *c)
{
        return c->fd_passing;
}

const char *sasl_client_guid(const struct sasl_client *c)
{
        return c->guid;
}

static int configure(struct sasl_client *c, const struct sasl_client_config *config)
{
        c->negotiate_fds = config->negotiate_fds;
        c->uid_number = config->uid;
        snprintf(c->uid, sizeof(c->uid), "%" PRIu32, (uint32_t)config->uid);
        if (config->keyring_dir)
                c->keyring_dir = strdup(config->keyring_dir);
        if (config->guid)
                c->wanted_guid = strdup(config->guid);
        if ((config->keyring_dir && !c->keyring_dir) || (config->guid && !c->wanted_guid))
                return -ENOMEM;
        return 0;
}

int sasl_client_new(struct sasl_client **cp, const struct sasl_client_config *config)
{
        struct sasl_client *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        r = configure(c, config);
        if (!r)
                r = sasl_stream_say_nul(&c->stream);
        if (!r)
                r = say_auth(c, SASL_EXTERNAL);
        if (r < 0) {
                sasl_client_free(c);
                return r;
        }
        *cp = c;
        return 0;
}

struct sasl_client *sasl_client_free(struct sasl_client *c)
{
        if (!c)
                return NULL;
        sasl_stream_deinit(&c->stream);
        free(c->keyring_dir);
        free(c->wanted_guid);
        free(c);
        return NULL;
}
