/* SPDX-License-Identifier: MIT */
#include "core/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/body.h"
#include "core/bytes.h"
#include "core/signature.h"

/* Room for most messages of a bus: a header of 150 to 250 bytes and a few short values. */
#define FIRST_CAPACITY 448u

#define AT_BODY_SIZE   4
#define AT_FIELDS_SIZE 12

static uint8_t *bytes_of(const struct writer *w)
{
        return w->buffer + MESSAGE_HEADROOM;
}

static void reserve(struct writer *w, uint32_t size)
{
        uint32_t capacity = w->capacity ? w->capacity : FIRST_CAPACITY;
        uint8_t *p;

        while (capacity < size)
                capacity *= 2;
        p = realloc(w->buffer, MESSAGE_HEADROOM + capacity);
        if (!p) {
                w->error = -ENOMEM;
                return;
        }
        w->buffer = p;
        w->capacity = capacity;
}

/* Aligns with zeros, then adds `n` bytes. Returns where they start, or NULL after an error. */
static uint8_t *extend(struct writer *w, uint32_t alignment, size_t n)
{
        uint32_t start = align_up(w->size, alignment);

        if (w->error)
                return NULL;
        if (n > MESSAGE_MAX_SIZE - start) {
                w->error = -EMSGSIZE;
                return NULL;
        }
        if (start + (uint32_t)n > w->capacity)
                reserve(w, start + (uint32_t)n);
        if (w->error)
                return NULL;
        memset(bytes_of(w) + w->size, 0, start - w->size);
        w->size = start + (uint32_t)n;
        return bytes_of(w) + start;
}

static void put_text(struct writer *w, const char *text, size_t length)
{
        uint8_t *at = extend(w, 4, 4 + length + 1);

        if (!at)
                return;
        store_u32(at, (uint32_t)length, ORDER_NATIVE);
        memcpy(at + 4, text, length + 1);
}

static void put_signature(struct writer *w, const char *text, size_t length)
{
        uint8_t *at;

        if (length > SIGNATURE_MAX_LENGTH) {
                if (!w->error)
                        w->error = -EINVAL;
                return;
        }
        at = extend(w, 1, 1 + length + 1);
        if (!at)
                return;
        *at = (uint8_t)length;
        memcpy(at + 1, text, length + 1);
}

/* Starts a header field: its value, of the type `code`, is written next. */
static void begin_field(struct writer *w, enum header_field field, char code)
{
        uint8_t *at = extend(w, 8, 4);

        if (at)
                memcpy(at, (uint8_t[]){(uint8_t)field, 1, (uint8_t)code, 0}, 4);
}

static void text_field(struct writer *w, enum header_field field, char code, const char *text)
{
        size_t length;

        if (!text)
                return;
        length = strlen(text);
        begin_field(w, field, code);
        if (code == 'g')
                put_signature(w, text, length);
        else
                put_text(w, text, length);
        if (!w->error)
                w->header.text[field] =
                        (struct header_text){w->size - (uint32_t)length - 1, (uint32_t)length};
}

static void number_field(struct writer *w, enum header_field field, uint32_t value)
{
        if (!value)
                return;
        begin_field(w, field, 'u');
        writer_u32(w, value);
}

/* All of the fixed part but the sizes, which are not known yet. */
static void fixed_part(struct writer *w, const struct message_spec *spec)
{
        uint8_t *at = extend(w, 1, HEADER_FIXED_SIZE);

        if (!at)
                return;
        memset(at, 0, HEADER_FIXED_SIZE);
        memcpy(at, (uint8_t[]){ORDER_NATIVE, (uint8_t)spec->type, spec->flags, 1}, 4);
        store_u32(at + 8, spec->serial, ORDER_NATIVE);
}

void writer_begin(struct writer *w, const struct message_spec *spec)
{
        *w = (struct writer){.fds = spec->fds, .n_fds = spec->n_fds};
        w->header = (struct header){
                .order = ORDER_NATIVE,
                .type = (uint8_t)spec->type,
                .flags = spec->flags,
                .serial = spec->serial,
                .reply_serial = spec->reply_serial,
                .n_fds = spec->n_fds,
        };
        if (spec->type == MESSAGE_INVALID || !spec->serial)
                w->error = -EINVAL;

        fixed_part(w, spec);
        text_field(w, FIELD_PATH, 'o', spec->path);
        text_field(w, FIELD_INTERFACE, 's', spec->interface);
        text_field(w, FIELD_MEMBER, 's', spec->member);
        text_field(w, FIELD_ERROR_NAME, 's', spec->error_name);
        number_field(w, FIELD_REPLY_SERIAL, spec->reply_serial);
        text_field(w, FIELD_DESTINATION, 's', spec->destination);
        text_field(w, FIELD_SIGNATURE, 'g', spec->signature);
        number_field(w, FIELD_UNIX_FDS, spec->n_fds);
        text_field(w, FIELD_SENDER, 's', spec->sender);
        if (w->error)
                return;
        w->header.fields_size = w->size - HEADER_FIXED_SIZE;
        store_u32(bytes_of(w) + AT_FIELDS_SIZE, w->header.fields_size, ORDER_NATIVE);
        extend(w, 8, 0);
        w->header.size = w->size;
}

void writer_byte(struct writer *w, uint8_t value)
{
        uint8_t *at = extend(w, 1, 1);

        if (at)
                *at = value;
}

void writer_bool(struct writer *w, int value)
{
        writer_u32(w, !!value);
}

void writer_u32(struct writer *w, uint32_t value)
{
        uint8_t *at = extend(w, 4, sizeof(value));

        if (at)
                memcpy(at, &value, sizeof(value));
}

void writer_u64(struct writer *w, uint64_t value)
{
        uint8_t *at = extend(w, 8, sizeof(value));

        if (at)
                memcpy(at, &value, sizeof(value));
}

void writer_string(struct writer *w, const char *value)
{
        put_text(w, value, strlen(value));
}

void writer_signature(struct writer *w, const char *value)
{
        put_signature(w, value, strlen(value));
}

void writer_variant(struct writer *w, const char *type)
{
        writer_signature(w, type);
}

void writer_struct(struct writer *w)
{
        extend(w, 8, 0);
}

void writer_open_array(struct writer *w, struct writer_array *array, const char *element)
{
        *array = (struct writer_array){0};
        writer_u32(w, 0);
        array->length_at = w->size - 4;
        extend(w, signature_alignment(*element), 0);
        array->first_at = w->size;
}

void writer_close_array(struct writer *w, const struct writer_array *array)
{
        uint32_t length = w->size - array->first_at;

        if (w->error)
                return;
        if (length > BODY_MAX_ARRAY_BYTES)
                w->error = -EMSGSIZE;
        else
                store_u32(bytes_of(w) + array->length_at, length, ORDER_NATIVE);
}

void writer_bytes(struct writer *w, const void *bytes, uint32_t n)
{
        struct writer_array array;
        uint8_t *at;

        writer_open_array(w, &array, "y");
        at = extend(w, 1, n);
        if (at && n)
                memcpy(at, bytes, n);
        writer_close_array(w, &array);
}

void writer_strings(struct writer *w, const char *const *strings, size_t n)
{
        struct writer_array array;

        writer_open_array(w, &array, "s");
        for (size_t i = 0; i < n; ++i)
                writer_string(w, strings[i]);
        writer_close_array(w, &array);
}

int writer_end(struct writer *w, struct message **mp)
{
        int r = w->error;

        if (!r) {
                w->header.body_size = w->size - w->header.size;
                store_u32(bytes_of(w) + AT_BODY_SIZE, w->header.body_size, ORDER_NATIVE);
                r = message_adopt(mp, w->buffer, &w->header, NULL, 0, w->fds, w->n_fds, NULL);
        }
        if (r)
                free(w->buffer);
        w->buffer = NULL;
        return r;
}
