/* SPDX-License-Identifier: MIT */
#include "core/sasl-stream.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hex.h"

/*
 * Limits of the reference: bytes that wait for the end of their line, bytes of replies to what was
 * read at once, and bytes that are read at once.
 */
#define MAX_LINE    16384u
#define MAX_REPLIES 16384u
#define SLICE       2048u

static int buffer_reserve(struct sasl_buffer *b, size_t more)
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

static int buffer_append(struct sasl_buffer *b, const void *bytes, size_t n)
{
        int r = buffer_reserve(b, n);

        if (r < 0)
                return r;
        memcpy(b->bytes + b->n, bytes, n);
        b->n += n;
        return 0;
}

static void buffer_drop(struct sasl_buffer *b, size_t n)
{
        b->n -= n;
        memmove(b->bytes, b->bytes + n, b->n);
}

static void buffer_deinit(struct sasl_buffer *b)
{
        free(b->bytes);
        *b = (struct sasl_buffer){0};
}

/* Saying */

static int say_words(struct sasl_stream *s, const char *const *words)
{
        int r = 0;

        for (size_t i = 0; words[i] && !r; ++i) {
                if (i)
                        r = buffer_append(&s->output, " ", 1);
                if (!r)
                        r = buffer_append(&s->output, words[i], strlen(words[i]));
        }
        return r;
}

static int say_end(struct sasl_stream *s)
{
        return buffer_append(&s->output, "\r\n", 2);
}

int sasl_stream_say_nul(struct sasl_stream *s)
{
        return buffer_append(&s->output, "", 1);
}

int sasl_stream_say(struct sasl_stream *s, const char *const *words)
{
        int r = say_words(s, words);

        return r ? r : say_end(s);
}

int sasl_stream_say_error(struct sasl_stream *s, const char *text)
{
        int r = buffer_append(&s->output, "ERROR \"", 7);

        if (!r)
                r = buffer_append(&s->output, text, strlen(text));
        return r ? r : buffer_append(&s->output, "\"\r\n", 3);
}

int sasl_stream_say_data(struct sasl_stream *s, const char *const *words, const char *data)
{
        size_t n = strlen(data);
        int r = say_words(s, words);

        if (n && !r)
                r = buffer_append(&s->output, " ", 1);
        /* The NUL behind the digits is none of them. */
        if (n && !r)
                r = buffer_reserve(&s->output, 2 * n + 1);
        if (r < 0)
                return r;
        if (n)
                hex_encode(data, n, s->output.bytes + s->output.n);
        s->output.n += 2 * n;
        return say_end(s);
}

size_t sasl_stream_output(const struct sasl_stream *s, const uint8_t **bytes)
{
        size_t n = s->output.n - s->taken;

        *bytes = n ? (const uint8_t *)s->output.bytes + s->taken : NULL;
        return n;
}

void sasl_stream_output_taken(struct sasl_stream *s, size_t n)
{
        s->taken += n;
        if (s->taken < s->output.n)
                return;
        buffer_deinit(&s->output);
        s->taken = 0;
}

/* Hearing */

size_t sasl_command_find(const char *const *names, size_t n_names, const char *name, size_t n)
{
        size_t i = 0;

        while (i < n_names && (strlen(names[i]) != n || memcmp(names[i], name, n) != 0))
                i += 1;
        return i;
}

ssize_t sasl_data_decode(const char *hex, char **data)
{
        size_t n_hex = strlen(hex);
        char *bytes = malloc((n_hex + 1) / 2 + 1);
        ssize_t n;

        if (!bytes)
                return -ENOMEM;
        n = hex_decode(hex, n_hex, (uint8_t *)bytes);
        if (n < 0) {
                free(bytes);
                return n;
        }
        bytes[n] = '\0';
        *data = bytes;
        return n;
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
static int do_line(struct sasl_stream *s, char *line, size_t n, sasl_command command, void *data)
{
        const char *arguments;
        size_t n_name;

        if (!is_ascii(line, n))
                return sasl_stream_say_error(s, "Command contained non-ASCII");
        line[n] = '\0';
        n_name = strcspn(line, SASL_BLANKS);
        arguments = line + n_name;
        return command(data, line, n_name, arguments + strspn(arguments, SASL_BLANKS));
}

/* Finds the end of the first line. Returns its length without the CR LF, or -1. */
static ssize_t find_line(struct sasl_stream *s)
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
static int do_lines(struct sasl_stream *s, sasl_command command, void *data)
{
        size_t output_before = s->output.n;

        while (s->state == SASL_STREAM_OPEN) {
                ssize_t n;
                int r;

                if (s->input.n > MAX_LINE || s->output.n - output_before > MAX_REPLIES) {
                        s->state = SASL_STREAM_BROKEN;
                        break;
                }
                n = find_line(s);
                if (n < 0)
                        break;
                r = do_line(s, s->input.bytes, (size_t)n, command, data);
                if (r < 0)
                        return r;
                buffer_drop(&s->input, (size_t)n + 2);
                s->scanned = 0;
        }
        return 0;
}

/* Gives back the memory of a peer that has said all it had to. */
static void drop_input(struct sasl_stream *s)
{
        buffer_deinit(&s->input);
        s->scanned = 0;
}

int sasl_stream_feed(struct sasl_stream *s, const uint8_t *bytes, size_t n, size_t *consumed,
                     sasl_command command, void *data)
{
        size_t at = 0;

        *consumed = 0;
        if (s->output.n - s->taken > MAX_REPLIES)
                s->state = SASL_STREAM_BROKEN;
        /* In slices as large as the reference's reads, so that its limits are met at the same
         * points. */
        while (at < n && s->state == SASL_STREAM_OPEN) {
                size_t slice = n - at < SLICE ? n - at : SLICE;
                int r = buffer_append(&s->input, bytes + at, slice);

                if (!r)
                        r = do_lines(s, command, data);
                if (r < 0)
                        return r;
                at += slice;
        }
        if (s->state == SASL_STREAM_BROKEN)
                return SASL_E_PROTOCOL;
        *consumed = at;
        if (s->state == SASL_STREAM_OVER) {
                *consumed -= s->input.n;
                drop_input(s);
        }
        return 0;
}

void sasl_stream_deinit(struct sasl_stream *s)
{
        drop_input(s);
        buffer_deinit(&s->output);
        s->taken = 0;
}
