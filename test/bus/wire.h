/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages as bytes (specification: "Message Format", "Marshaling"). It shares nothing with the
 * code of the daemon, so that the two cannot be wrong in the same way, and it lets a caller write
 * what no well-behaved client would. Little-endian only.
 */

#include <glib.h>
#include <stdint.h>

enum wire_type {
        WIRE_CALL = 1,
        WIRE_RETURN = 2,
        WIRE_ERROR = 3,
        WIRE_SIGNAL = 4,
};

#define WIRE_NO_REPLY      1
#define WIRE_NO_AUTO_START 2

/* Offset of the body's length, the serial, and the length of the array of fields. */
#define WIRE_AT_BODY_SIZE   4
#define WIRE_AT_SERIAL      8
#define WIRE_AT_FIELDS_SIZE 12
#define WIRE_FIXED_SIZE     16

#define WIRE_BUS       "org.freedesktop.DBus"
#define WIRE_BUS_PATH  "/org/freedesktop/DBus"
#define WIRE_ERROR_(x) "org.freedesktop.DBus.Error." x

/* What stands in the header. NULL or 0: no such field. */
struct wire_head {
        uint8_t type, flags;
        uint32_t serial, reply_serial, n_fds;
        const char *path, *interface, *member, *error_name, *destination, *signature;
};

/* What was found in a message. The texts lie in its bytes. */
struct wire_view {
        uint8_t type, flags;
        uint32_t serial, reply_serial, n_fds;
        const char *path, *interface, *member, *error_name, *destination, *sender, *signature;
        const uint8_t *body;
        uint32_t n_body;
};

/* Values of a body; each aligns itself. An array `b` is a body from its start. */
void wire_put_u32(GByteArray *b, uint32_t value);
void wire_put_string(GByteArray *b, const char *value);     /* s and o */
void wire_put_signature(GByteArray *b, const char *value);  /* g */
void wire_put_ay(GByteArray *b, uint8_t value, uint32_t n); /* an array of n equal bytes */

/* A whole message. `body` (NULL: empty) stays the caller's. The result is the caller's. */
GByteArray *wire_message(const struct wire_head *head, const GByteArray *body);

/* Bodies and messages that many tests send. */
GByteArray *wire_body_u32(uint32_t value);
GByteArray *wire_body_string(const char *value);

/* Overwrites a 32-bit number in a message. */

void wire_set_u32(uint8_t *at, uint32_t value);
uint32_t wire_get_u32(const uint8_t *at);

/* The size of the message that starts at `bytes`; 0: that needs more than `n` bytes to tell. */
uint64_t wire_size(const uint8_t *bytes, size_t n);

/* Finds the fields of a whole message. Fails the test if it makes no sense. */
void wire_parse(struct wire_view *v, const uint8_t *bytes, size_t n);

/* Values of a body: `*at` is where the next one may start, and moves on. */
uint32_t wire_read_u32(const struct wire_view *v, uint32_t *at);
const char *wire_read_string(const struct wire_view *v, uint32_t *at);
