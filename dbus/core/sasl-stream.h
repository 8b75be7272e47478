/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The lines of an authentication (specification, "Protocol Overview"), as both sides read and write
 * them: bytes of the peer in, one command after the other out of them, and what there is to say.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The peer is to be disconnected, once what there is to write has been written. */
#define SASL_E_PROTOCOL 1

/* What separates words. */
#define SASL_BLANKS " \t"

/* Both sides say these to lines that they cannot make anything of. */
#define SASL_UNKNOWN_COMMAND "Unknown command"
#define SASL_INVALID_HEX     "Invalid hex encoding"

/* Bytes in a growing allocation. */
struct sasl_buffer {
        char *bytes;
        size_t n, room;
};

enum sasl_stream_state {
        SASL_STREAM_OPEN,
        SASL_STREAM_OVER, /* what comes now are messages */
        SASL_STREAM_BROKEN,
};

/* Zero is a new one. */
struct sasl_stream {
        enum sasl_stream_state state; /* whoever carries out a line may end it */
        struct sasl_buffer input;     /* the lines that have not been carried out */
        size_t scanned;               /* bytes of it in which no line ends */
        struct sasl_buffer output;
        size_t taken; /* bytes of it that were written */
};

/* Carries out a command of `n_name` bytes; the arguments have no blanks ahead and end with a NUL.
 * Returns 0 or -errno. */
typedef int (*sasl_command)(void *data, const char *name, size_t n_name, const char *arguments);

/*
 * Takes bytes of the peer up to the line that ends the stream, and has each line carried out that
 * is whole. Answers those that are not ASCII itself.
 * Returns 0 with what was taken in *consumed: all unless the stream is over; SASL_E_PROTOCOL if the
 * stream is broken, which it also is if a line or the replies are too long; or what the command
 * returned, or -ENOMEM. *consumed is 0 then.
 */
int sasl_stream_feed(struct sasl_stream *s, const uint8_t *bytes, size_t n, size_t *consumed,
                     sasl_command command, void *data);
void sasl_stream_deinit(struct sasl_stream *s);

/* These have something to say. They return 0 or -ENOMEM. */

int sasl_stream_say_nul(struct sasl_stream *s); /* the byte ahead of all lines */
/* Words, with blanks between them, up to a NULL. */
int sasl_stream_say(struct sasl_stream *s, const char *const *words);
int sasl_stream_say_error(struct sasl_stream *s, const char *text);
/* Words, and behind them data in hexadecimal digits, if it is not empty. */
int sasl_stream_say_data(struct sasl_stream *s, const char *const *words, const char *data);

/* The index of a command among `n_names`, or `n_names` if it is none of them. */
size_t sasl_command_find(const char *const *names, size_t n_names, const char *name, size_t n);

/*
 * Decodes data that came with a command: `hex` without blanks ahead. Returns its length, with a NUL
 * behind *data, which is to be freed; -EINVAL if these are no digits; or -ENOMEM.
 */
ssize_t sasl_data_decode(const char *hex, char **data);

/* What is to be written: the number of bytes, which stay valid until something is said or fed. Call
 * sasl_stream_output_taken() with the number that was written. */
size_t sasl_stream_output(const struct sasl_stream *s, const uint8_t **bytes);
void sasl_stream_output_taken(struct sasl_stream *s, size_t n);
