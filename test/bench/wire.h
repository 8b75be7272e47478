/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The least of the D-Bus wire format that a load generator needs: building a message from its
 * header fields and a ready-made body, and finding the fields of a received one. Native byte order
 * only, and no validation: what arrives comes from a daemon on this machine.
 * See "Message Protocol" in the D-Bus specification.
 */
#include <stddef.h>
#include <stdint.h>

enum wire_type {
        WIRE_CALL = 1,
        WIRE_RETURN = 2,
        WIRE_ERROR = 3,
        WIRE_SIGNAL = 4,
};

enum {
        WIRE_NO_REPLY = 1, /* flag NO_REPLY_EXPECTED */
};

/* What goes into a header. A NULL string or a zero reply_serial leaves the field out. */
struct wire_head {
        uint8_t type;
        uint8_t flags;
        uint32_t serial;
        uint32_t reply_serial;
        const char *path;
        const char *interface;
        const char *member;
        const char *destination;
        const char *signature;
};

/* What was found in a received message. Pointers are into the buffer it was parsed from. */
struct wire_view {
        uint8_t type;
        uint8_t flags;
        uint32_t serial;
        uint32_t reply_serial;
        const char *member;
        const char *error;
        const char *sender;
        const char *signature;
        const uint8_t *body;
        size_t n_body;
};

/* A growing buffer that owns its bytes. All zero is an empty one. */
struct wire_buf {
        uint8_t *data;
        size_t len;
        size_t cap;
};

void wire_buf_deinit(struct wire_buf *buf);

/* Makes room for @n more bytes. 0 or -ENOMEM. */
int wire_buf_reserve(struct wire_buf *buf, size_t n);

/* Appends a STRING, aligned within @buf (which holds a body only). 0 or -ENOMEM. */
int wire_put_string(struct wire_buf *buf, const char *string);

/* Appends an ARRAY of @n BYTEs of arbitrary content, aligned within @buf. 0 or -ENOMEM. */
int wire_put_bytes(struct wire_buf *buf, size_t n);

/*
 * Appends to @buf the header of a message whose body has @n_body bytes; the caller sends the body
 * behind it. 0 or -ENOMEM.
 */
int wire_put_header(struct wire_buf *buf, const struct wire_head *head, size_t n_body);

/* Appends a whole message, header and body. 0 or -ENOMEM. */
int wire_put_message(struct wire_buf *buf, const struct wire_head *head,
                     const struct wire_buf *body);

/* Overwrites the serial of the message that starts at @message. */
void wire_set_serial(uint8_t *message, uint32_t serial);

/*
 * The size of the message that starts at @data, of which @n bytes are there: a positive number
 * when it is known, 0 when more bytes are needed to tell, -EBADMSG when it is no message.
 */
int64_t wire_size(const uint8_t *data, size_t n);

/* Finds the fields of the complete message of @n bytes at @data. 0 or -EBADMSG. */
int wire_parse(struct wire_view *view, const uint8_t *data, size_t n);
