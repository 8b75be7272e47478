/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages put together byte by byte, right or wrong, in either byte order.
 */

#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "core/bytes.h"
#include "core/header.h"

struct raw {
        char order;
        uint32_t size;
        uint8_t bytes[8192];
};

static inline void raw_put(struct raw *r, const void *bytes, size_t n)
{
        g_assert_cmpuint(n, <=, sizeof(r->bytes) - r->size);
        if (n)
                memcpy(r->bytes + r->size, bytes, n);
        r->size += (uint32_t)n;
}

static inline void raw_byte(struct raw *r, uint8_t value)
{
        raw_put(r, &value, 1);
}

static inline void raw_align(struct raw *r, uint32_t alignment)
{
        while (r->size % alignment)
                raw_byte(r, 0);
}

static inline void raw_u32(struct raw *r, uint32_t value)
{
        uint8_t bytes[4];

        raw_align(r, 4);
        store_u32(bytes, value, r->order);
        raw_put(r, bytes, sizeof(bytes));
}

/* A string or object path. */
static inline void raw_text(struct raw *r, const char *text)
{
        raw_u32(r, (uint32_t)strlen(text));
        raw_put(r, text, strlen(text) + 1);
}

static inline void raw_signature(struct raw *r, const char *text)
{
        raw_byte(r, (uint8_t)strlen(text));
        raw_put(r, text, strlen(text) + 1);
}

/* Starts a message of serial 7. */
static inline void raw_begin(struct raw *r, char order, uint8_t type)
{
        r->order = order;
        r->size = 0;
        raw_put(r, (uint8_t[]){(uint8_t)order, type, 0, 1}, 4);
        raw_u32(r, 0);
        raw_u32(r, 7);
        raw_u32(r, 0);
}

/* Starts a header field; its value is put next. */
static inline void raw_field(struct raw *r, uint8_t code, const char *signature)
{
        raw_align(r, 8);
        raw_byte(r, code);
        raw_signature(r, signature);
}

static inline void raw_text_field(struct raw *r, uint8_t code, const char *text)
{
        raw_field(r, code,
                  code == FIELD_PATH || code == FIELD_CONTAINER_INSTANCE ? "o"
                  : code == FIELD_SIGNATURE                              ? "g"
                                                                         : "s");
        if (code == FIELD_SIGNATURE)
                raw_signature(r, text);
        else
                raw_text(r, text);
}

static inline void raw_u32_field(struct raw *r, uint8_t code, uint32_t value)
{
        raw_field(r, code, "u");
        raw_u32(r, value);
}

/* Ends the fields, and puts the body. */
static inline void raw_end(struct raw *r, const void *body, uint32_t body_size)
{
        store_u32(r->bytes + 12, r->size - HEADER_FIXED_SIZE, r->order);
        store_u32(r->bytes + 4, body_size, r->order);
        raw_align(r, 8);
        raw_put(r, body, body_size);
}
