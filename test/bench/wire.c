/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE 'l'
#else
#define NATIVE 'B'
#endif

/* Offsets in the fixed part of a header. */
enum {
        AT_ENDIAN = 0,
        AT_TYPE = 1,
        AT_FLAGS = 2,
        AT_VERSION = 3,
        AT_BODY = 4,
        AT_SERIAL = 8,
        AT_FIELDS = 12,
        FIXED_SIZE = 16,
};

/* Header field codes. */
enum {
        FIELD_PATH = 1,
        FIELD_INTERFACE,
        FIELD_MEMBER,
        FIELD_ERROR,
        FIELD_REPLY_SERIAL,
        FIELD_DESTINATION,
        FIELD_SENDER,
        FIELD_SIGNATURE,
};

static size_t align_up(size_t n, size_t to)
{
        return (n + to - 1) & ~(to - 1);
}

static uint32_t get_u32(const uint8_t *at)
{
        uint32_t v;

        memcpy(&v, at, sizeof(v));
        return v;
}

static void put_u32_at(uint8_t *at, uint32_t v)
{
        memcpy(at, &v, sizeof(v));
}

void wire_buf_deinit(struct wire_buf *buf)
{
        free(buf->data);
        *buf = (struct wire_buf){0};
}

int wire_buf_reserve(struct wire_buf *buf, size_t n)
{
        size_t cap = buf->cap ? buf->cap : 256;
        uint8_t *data;

        if (buf->len + n <= buf->cap)
                return 0;
        while (cap < buf->len + n)
                cap *= 2;
        data = realloc(buf->data, cap);
        if (!data)
                return -ENOMEM;
        buf->data = data;
        buf->cap = cap;
        return 0;
}

/* The put_ functions below write into room that was reserved before. */

static void put_padding(struct wire_buf *buf, size_t start, size_t to)
{
        size_t end = start + align_up(buf->len - start, to);

        memset(buf->data + buf->len, 0, end - buf->len);
        buf->len = end;
}

static void put_u32(struct wire_buf *buf, size_t start, uint32_t v)
{
        put_padding(buf, start, 4);
        put_u32_at(buf->data + buf->len, v);
        buf->len += 4;
}

static void put_chars(struct wire_buf *buf, const char *string, size_t n)
{
        memcpy(buf->data + buf->len, string, n + 1);
        buf->len += n + 1;
}

static void put_field(struct wire_buf *buf, size_t start, uint8_t code, char type)
{
        put_padding(buf, start, 8);
        buf->data[buf->len++] = code;
        buf->data[buf->len++] = 1;
        buf->data[buf->len++] = (uint8_t)type;
        buf->data[buf->len++] = 0;
}

static void put_string_field(struct wire_buf *buf, size_t start, uint8_t code, char type,
                             const char *string)
{
        size_t n;

        if (!string)
                return;
        n = strlen(string);
        put_field(buf, start, code, type);
        if (type == 'g')
                buf->data[buf->len++] = (uint8_t)n;
        else
                put_u32(buf, start, (uint32_t)n);
        put_chars(buf, string, n);
}

int wire_put_string(struct wire_buf *buf, const char *string)
{
        size_t n = strlen(string);
        int r = wire_buf_reserve(buf, n + 8);

        if (r < 0)
                return r;
        put_u32(buf, 0, (uint32_t)n);
        put_chars(buf, string, n);
        return 0;
}

int wire_put_bytes(struct wire_buf *buf, size_t n)
{
        int r = wire_buf_reserve(buf, n + 8);

        if (r < 0)
                return r;
        put_u32(buf, 0, (uint32_t)n);
        memset(buf->data + buf->len, 'x', n);
        buf->len += n;
        return 0;
}

static size_t optional_length(const char *string)
{
        return string ? strlen(string) : 0;
}

int wire_put_header(struct wire_buf *buf, const struct wire_head *head, size_t n_body)
{
        const struct {
                uint8_t code;
                char type;
                const char *string;
        } strings[] = {
                {FIELD_PATH, 'o', head->path},
                {FIELD_INTERFACE, 's', head->interface},
                {FIELD_MEMBER, 's', head->member},
                {FIELD_DESTINATION, 's', head->destination},
                {FIELD_SIGNATURE, 'g', head->signature},
        };
        size_t n_strings = sizeof(strings) / sizeof(strings[0]);
        size_t start = buf->len;
        size_t room = FIXED_SIZE + 24;
        int r;

        for (size_t i = 0; i < n_strings; ++i)
                room += optional_length(strings[i].string) + 24;
        r = wire_buf_reserve(buf, room);
        if (r < 0)
                return r;

        buf->data[start + AT_ENDIAN] = NATIVE;
        buf->data[start + AT_TYPE] = head->type;
        buf->data[start + AT_FLAGS] = head->flags;
        buf->data[start + AT_VERSION] = 1;
        put_u32_at(buf->data + start + AT_BODY, (uint32_t)n_body);
        put_u32_at(buf->data + start + AT_SERIAL, head->serial);
        buf->len += FIXED_SIZE;

        for (size_t i = 0; i < n_strings; ++i)
                put_string_field(buf, start, strings[i].code, strings[i].type, strings[i].string);
        if (head->reply_serial) {
                put_field(buf, start, FIELD_REPLY_SERIAL, 'u');
                put_u32(buf, start, head->reply_serial);
        }
        put_u32_at(buf->data + start + AT_FIELDS, (uint32_t)(buf->len - start - FIXED_SIZE));
        put_padding(buf, start, 8);
        return 0;
}

int wire_put_message(struct wire_buf *buf, const struct wire_head *head,
                     const struct wire_buf *body)
{
        size_t n_body = body ? body->len : 0;
        int r = wire_put_header(buf, head, n_body);

        if (r < 0)
                return r;
        r = wire_buf_reserve(buf, n_body);
        if (r < 0)
                return r;
        if (n_body)
                memcpy(buf->data + buf->len, body->data, n_body);
        buf->len += n_body;
        return 0;
}

void wire_set_serial(uint8_t *message, uint32_t serial)
{
        put_u32_at(message + AT_SERIAL, serial);
}

int64_t wire_size(const uint8_t *data, size_t n)
{
        if (n < FIXED_SIZE)
                return 0;
        if (data[AT_ENDIAN] != NATIVE || data[AT_VERSION] != 1)
                return -EBADMSG;
        return (int64_t)align_up(FIXED_SIZE + (size_t)get_u32(data + AT_FIELDS), 8) +
               get_u32(data + AT_BODY);
}

int wire_parse(struct wire_view *view, const uint8_t *data, size_t n)
{
        int64_t size = wire_size(data, n);
        size_t at = FIXED_SIZE;
        size_t end;

        if (size <= 0 || (size_t)size > n)
                return -EBADMSG;
        *view = (struct wire_view){
                .type = data[AT_TYPE],
                .flags = data[AT_FLAGS],
                .serial = get_u32(data + AT_SERIAL),
                .n_body = get_u32(data + AT_BODY),
        };
        view->body = data + size - view->n_body;
        end = FIXED_SIZE + get_u32(data + AT_FIELDS);

        while (at < end) {
                uint8_t code;
                uint8_t type;
                size_t length;
                const char *string;

                at = align_up(at, 8);
                if (at + 6 > end) /* an empty signature makes the shortest field */
                        return -EBADMSG;
                code = data[at];
                type = data[at + 2];
                at += 4; /* every standard field has a signature of one character */
                if (type != 'g' && at + 4 > end)
                        return -EBADMSG;
                if (type == 'u') {
                        if (code == FIELD_REPLY_SERIAL)
                                view->reply_serial = get_u32(data + at);
                        at += 4;
                        continue;
                }
                length = type == 'g' ? data[at] : get_u32(data + at);
                at += type == 'g' ? 1 : 4;
                if (at + length + 1 > end)
                        return -EBADMSG;
                string = (const char *)data + at;
                at += length + 1;
                switch (code) {
                case FIELD_MEMBER:
                        view->member = string;
                        break;
                case FIELD_ERROR:
                        view->error = string;
                        break;
                case FIELD_SENDER:
                        view->sender = string;
                        break;
                case FIELD_SIGNATURE:
                        view->signature = string;
                        break;
                }
        }
        return 0;
}
