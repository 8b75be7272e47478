/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include <stdbool.h>
#include <string.h>

enum field {
        FIELD_PATH = 1,
        FIELD_INTERFACE,
        FIELD_MEMBER,
        FIELD_ERROR_NAME,
        FIELD_REPLY_SERIAL,
        FIELD_DESTINATION,
        FIELD_SENDER,
        FIELD_SIGNATURE,
        FIELD_UNIX_FDS,
        N_FIELDS,
};

static const char field_types[N_FIELDS] = {
        [FIELD_PATH] = 'o',       [FIELD_INTERFACE] = 's',    [FIELD_MEMBER] = 's',
        [FIELD_ERROR_NAME] = 's', [FIELD_REPLY_SERIAL] = 'u', [FIELD_DESTINATION] = 's',
        [FIELD_SENDER] = 's',     [FIELD_SIGNATURE] = 'g',    [FIELD_UNIX_FDS] = 'u',
};

static void align(GByteArray *b, guint alignment)
{
        static const uint8_t zeros[8];

        g_byte_array_append(b, zeros, -b->len & (alignment - 1));
}

void wire_set_u32(uint8_t *at, uint32_t value)
{
        value = GUINT32_TO_LE(value);
        memcpy(at, &value, sizeof(value));
}

uint32_t wire_get_u32(const uint8_t *at)
{
        uint32_t value;

        memcpy(&value, at, sizeof(value));
        return GUINT32_FROM_LE(value);
}

void wire_put_u32(GByteArray *b, uint32_t value)
{
        uint8_t bytes[4];

        align(b, 4);
        wire_set_u32(bytes, value);
        g_byte_array_append(b, bytes, sizeof(bytes));
}

void wire_put_string(GByteArray *b, const char *value)
{
        guint n = (guint)strlen(value);

        wire_put_u32(b, n);
        g_byte_array_append(b, (const guint8 *)value, n + 1);
}

void wire_put_signature(GByteArray *b, const char *value)
{
        uint8_t n = (uint8_t)strlen(value);

        g_byte_array_append(b, &n, 1);
        g_byte_array_append(b, (const guint8 *)value, n + 1u);
}

void wire_put_ay(GByteArray *b, uint8_t value, uint32_t n)
{
        guint at;

        wire_put_u32(b, n);
        at = b->len;
        g_byte_array_set_size(b, at + n);
        memset(b->data + at, value, n);
}

static void put_field_start(GByteArray *b, enum field field)
{
        uint8_t code = (uint8_t)field;
        char type[2] = {field_types[field]};

        align(b, 8);
        g_byte_array_append(b, &code, 1);
        wire_put_signature(b, type);
}

static void put_text(GByteArray *b, enum field field, const char *text)
{
        if (!text)
                return;
        put_field_start(b, field);
        if (field_types[field] == 'g')
                wire_put_signature(b, text);
        else
                wire_put_string(b, text);
}

static void put_number(GByteArray *b, enum field field, uint32_t number)
{
        if (!number)
                return;
        put_field_start(b, field);
        wire_put_u32(b, number);
}

GByteArray *wire_message(const struct wire_head *head, const GByteArray *body)
{
        const uint8_t start[4] = {'l', head->type, head->flags, 1};
        GByteArray *b = g_byte_array_new();

        g_byte_array_append(b, start, sizeof(start));
        wire_put_u32(b, body ? body->len : 0);
        wire_put_u32(b, head->serial);
        wire_put_u32(b, 0);
        put_text(b, FIELD_PATH, head->path);
        put_text(b, FIELD_INTERFACE, head->interface);
        put_text(b, FIELD_MEMBER, head->member);
        put_text(b, FIELD_ERROR_NAME, head->error_name);
        put_number(b, FIELD_REPLY_SERIAL, head->reply_serial);
        put_text(b, FIELD_DESTINATION, head->destination);
        put_text(b, FIELD_SIGNATURE, head->signature);
        put_number(b, FIELD_UNIX_FDS, head->n_fds);
        wire_set_u32(b->data + WIRE_AT_FIELDS_SIZE, b->len - WIRE_FIXED_SIZE);
        align(b, 8);
        if (body)
                g_byte_array_append(b, body->data, body->len);
        return b;
}

GByteArray *wire_body_u32(uint32_t value)
{
        GByteArray *b = g_byte_array_new();

        wire_put_u32(b, value);
        return b;
}

GByteArray *wire_body_string(const char *value)
{
        GByteArray *b = g_byte_array_new();

        wire_put_string(b, value);
        return b;
}

static uint64_t header_size(const uint8_t *bytes)
{
        return (WIRE_FIXED_SIZE + (uint64_t)wire_get_u32(bytes + WIRE_AT_FIELDS_SIZE) + 7) &
               ~(uint64_t)7;
}

uint64_t wire_size(const uint8_t *bytes, size_t n)
{
        if (n < WIRE_FIXED_SIZE)
                return 0;
        g_assert_cmpint(bytes[0], ==, 'l');
        return header_size(bytes) + wire_get_u32(bytes + WIRE_AT_BODY_SIZE);
}

/* Takes the text at *at, which is of n_length bytes of length, n bytes, and a NUL. */
static const char *take_text(const uint8_t *bytes, size_t end, size_t *at, bool is_signature)
{
        const char *text;
        size_t n;

        if (is_signature) {
                g_assert_cmpuint(*at, <, end);
                n = bytes[*at];
                *at += 1;
        } else {
                *at = (*at + 3) & ~(size_t)3;
                g_assert_cmpuint(*at + 4, <=, end);
                n = wire_get_u32(bytes + *at);
                *at += 4;
        }
        g_assert_cmpuint(*at + n, <, end);
        text = (const char *)bytes + *at;
        g_assert_cmpuint(strlen(text), ==, n);
        *at += n + 1;
        return text;
}

static void parse_field(struct wire_view *v, const uint8_t *bytes, size_t end, size_t *at)
{
        const char **texts[N_FIELDS] = {
                [FIELD_PATH] = &v->path,
                [FIELD_INTERFACE] = &v->interface,
                [FIELD_MEMBER] = &v->member,
                [FIELD_ERROR_NAME] = &v->error_name,
                [FIELD_DESTINATION] = &v->destination,
                [FIELD_SENDER] = &v->sender,
                [FIELD_SIGNATURE] = &v->signature,
        };
        const char *type;
        uint8_t code;

        *at = (*at + 7) & ~(size_t)7;
        g_assert_cmpuint(*at, <, end);
        code = bytes[*at];
        *at += 1;
        type = take_text(bytes, end, at, true);
        g_assert_cmpuint(code, <, N_FIELDS);
        g_assert_cmpint(type[0], ==, field_types[code]);
        if (texts[code]) {
                *texts[code] = take_text(bytes, end, at, type[0] == 'g');
                return;
        }
        *at = (*at + 3) & ~(size_t)3;
        g_assert_cmpuint(*at + 4, <=, end);
        *(code == FIELD_UNIX_FDS ? &v->n_fds : &v->reply_serial) = wire_get_u32(bytes + *at);
        *at += 4;
}

void wire_parse(struct wire_view *v, const uint8_t *bytes, size_t n)
{
        size_t at = WIRE_FIXED_SIZE, end;

        g_assert_cmpuint(wire_size(bytes, n), ==, n);
        *v = (struct wire_view){
                .type = bytes[1],
                .flags = bytes[2],
                .serial = wire_get_u32(bytes + WIRE_AT_SERIAL),
                .body = bytes + header_size(bytes),
                .n_body = wire_get_u32(bytes + WIRE_AT_BODY_SIZE),
        };
        end = at + wire_get_u32(bytes + WIRE_AT_FIELDS_SIZE);
        while (at < end)
                parse_field(v, bytes, end, &at);
}

uint32_t wire_read_u32(const struct wire_view *v, uint32_t *at)
{
        uint32_t value;

        *at = (*at + 3) & ~3u;
        g_assert_cmpuint(*at + 4, <=, v->n_body);
        value = wire_get_u32(v->body + *at);
        *at += 4;
        return value;
}

const char *wire_read_string(const struct wire_view *v, uint32_t *at)
{
        size_t where = *at;
        const char *text = take_text(v->body, v->n_body, &where, false);

        *at = (uint32_t)where;
        return text;
}
