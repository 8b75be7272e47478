/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define METHOD_CALL_FIELDS "f:1:o o:/a f:3:s s:M"
#define MOST_NESTED        256

/* Arrays that have begun. */
struct open_array {
        guint length_at; /* where the length is written */
        guint start;
        char mark; /* '+': the number is an offset, '=': it is the length; 0: neither */
        long number;
};

struct nest {
        unsigned depth;
        struct open_array open[MOST_NESTED];
};

struct wire wire_new(char order)
{
        return (struct wire){.order = order, .bytes = g_byte_array_new()};
}

void wire_free(struct wire *w)
{
        g_byte_array_unref(w->bytes);
        w->bytes = NULL;
}

static void put(struct wire *w, const void *bytes, size_t n)
{
        g_byte_array_append(w->bytes, bytes, (guint)n);
}

static void align(struct wire *w, unsigned alignment)
{
        while (w->bytes->len % alignment)
                put(w, "", 1);
}

static void put_integer_at(struct wire *w, guint at, uint64_t value, unsigned size)
{
        for (unsigned i = 0; i < size; i++) {
                unsigned place = w->order == 'l' ? i : size - 1 - i;

                w->bytes->data[at + i] = (uint8_t)(value >> 8 * place);
        }
}

static void put_integer(struct wire *w, uint64_t value, unsigned size)
{
        guint at;

        align(w, size);
        at = w->bytes->len;
        g_byte_array_set_size(w->bytes, at + size);
        put_integer_at(w, at, value, size);
}

static void put_hex(struct wire *w, const char *hex)
{
        for (; hex[0] && hex[1]; hex += 2) {
                uint8_t byte =
                        (uint8_t)(g_ascii_xdigit_value(hex[0]) << 4 | g_ascii_xdigit_value(hex[1]));

                put(w, &byte, 1);
        }
}

/* What the text stands for; the result may hold nuls. */
static GByteArray *unescaped(const char *text)
{
        GByteArray *bytes = g_byte_array_new();

        for (; *text; text++) {
                uint8_t byte = (uint8_t)*text;

                if (text[0] == '\\' && text[1] == 's') {
                        byte = ' ';
                        text += 1;
                } else if (text[0] == '\\' && text[1] == 'x') {
                        byte = (uint8_t)(g_ascii_xdigit_value(text[2]) << 4 |
                                         g_ascii_xdigit_value(text[3]));
                        text += 3;
                }
                g_byte_array_append(bytes, &byte, 1);
        }
        return bytes;
}

static void put_string(struct wire *w, const char *text, unsigned length_size)
{
        g_autoptr(GByteArray) bytes = unescaped(text);

        put_integer(w, bytes->len, length_size);
        put(w, bytes->data, bytes->len);
        put(w, "", 1);
}

static void open_array(struct wire *w, struct nest *nest, const char *word)
{
        struct open_array *a = &nest->open[nest->depth++];
        char *end;
        unsigned alignment = (unsigned)strtoul(word + 1, &end, 10);

        g_assert_cmpuint(nest->depth, <, MOST_NESTED);
        a->mark = *end == '[' ? '\0' : *end;
        a->number = a->mark ? strtol(end + 1, NULL, 10) : 0;
        align(w, 4);
        a->length_at = w->bytes->len;
        put_integer(w, 0, 4);
        align(w, alignment);
        a->start = w->bytes->len;
}

static void close_array(struct wire *w, struct nest *nest)
{
        struct open_array *a = &nest->open[--nest->depth];
        long length = (long)(w->bytes->len - a->start) + a->number;

        if (a->mark == '=')
                length = a->number;
        put_integer_at(w, a->length_at, (uint64_t)length, 4);
}

static const struct {
        char type;
        unsigned size;
} integers[] = {
        {'y', 1}, {'b', 4}, {'n', 2}, {'q', 2}, {'i', 4}, {'u', 4}, {'x', 8}, {'t', 8}, {'h', 4},
};

static bool put_number(struct wire *w, char type, const char *text)
{
        for (size_t i = 0; i < G_N_ELEMENTS(integers); i++) {
                if (integers[i].type != type)
                        continue;
                put_integer(w,
                            *text == '-' ? (uint64_t)strtoll(text, NULL, 0)
                                         : strtoull(text, NULL, 0),
                            integers[i].size);
                return true;
        }
        if (type == 'd') {
                double value = strtod(text, NULL);
                uint64_t bits;

                memcpy(&bits, &value, sizeof bits);
                put_integer(w, bits, 8);
                return true;
        }
        return false;
}

static void put_word(struct wire *w, struct nest *nest, const char *word)
{
        if (g_str_equal(word, "(")) {
                align(w, 8);
        } else if (g_str_equal(word, "]")) {
                close_array(w, nest);
        } else if (*word == 'a') {
                open_array(w, nest, word);
        } else if (*word == '@') {
                align(w, (unsigned)strtoul(word + 1, NULL, 10));
        } else if (g_str_has_prefix(word, "raw:")) {
                put_hex(w, word + 4);
        } else if (g_str_has_prefix(word, "text:")) {
                g_autoptr(GByteArray) bytes = unescaped(word + 5);

                put(w, bytes->data, bytes->len);
        } else if (g_str_has_prefix(word, "f:")) {
                char *end;

                align(w, 8);
                put_integer(w, strtoul(word + 2, &end, 10), 1);
                put_string(w, end + 1, 1);
        } else if (word[1] == ':' && strchr("so", *word)) {
                put_string(w, word + 2, 4);
        } else if (word[1] == ':' && *word == 'g') {
                put_string(w, word + 2, 1);
        } else if (word[1] != ':' || !put_number(w, *word, word + 2)) {
                g_error("no such word: %s", word);
        }
}

void wire_words(struct wire *w, const char *words)
{
        g_auto(GStrv) each = g_strsplit(words, " ", -1);
        struct nest nest = {0};

        for (char **word = each; *word; word++) {
                if (**word)
                        put_word(w, &nest, *word);
        }
        g_assert_cmpuint(nest.depth, ==, 0);
}

static void put_start(struct wire *w, const struct wire_message *m)
{
        const uint8_t start[] = {
                (uint8_t)(m->order ? m->order : w->order),
                m->type || m->no_type ? m->type : 1,
                m->flags,
                m->version || m->no_version ? m->version : 1,
        };

        if (m->start)
                put_hex(w, m->start);
        else
                put(w, start, sizeof start);
}

struct wire wire_message(char order, const struct wire_message *m)
{
        struct wire w = wire_new(order), body = wire_new(order);
        guint fields_at;

        /* It begins at a multiple of 8, so that it can be aligned by itself. */
        if (m->body)
                wire_words(&body, m->body);
        put_start(&w, m);
        put_integer(&w,
                    m->body_length ? m->body_length
                                   : body.bytes->len + (uint32_t)m->body_length_off,
                    4);
        put_integer(&w, m->serial || m->no_serial ? m->serial : 1, 4);
        put_integer(&w, 0, 4);
        fields_at = w.bytes->len;
        wire_words(&w, m->fields ? m->fields : METHOD_CALL_FIELDS);
        put_integer_at(&w, fields_at - 4,
                       m->fields_length ? m->fields_length
                                        : w.bytes->len - fields_at + (uint32_t)m->fields_length_off,
                       4);
        if (m->padding)
                put_hex(&w, m->padding);
        else
                align(&w, 8);
        put(&w, body.bytes->data, body.bytes->len);
        wire_free(&body);
        if (m->cut)
                g_byte_array_set_size(w.bytes, w.bytes->len - MIN(m->cut, w.bytes->len));
        if (m->more)
                wire_words(&w, m->more);
        return w;
}
