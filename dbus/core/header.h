/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The header of a message: a parsed and validated view of bytes that lie elsewhere
 * (specification: "Message Format", "Header Fields").
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest whole message in bytes ("Message Format"). */
#define MESSAGE_MAX_SIZE (128u * 1024 * 1024)
/* Bytes up to and including the length of the array of header fields: fixed part of a header. */
#define HEADER_FIXED_SIZE 16

enum message_type {
        MESSAGE_INVALID,
        MESSAGE_METHOD_CALL,
        MESSAGE_METHOD_RETURN,
        MESSAGE_ERROR,
        MESSAGE_SIGNAL,
};

enum message_flag {
        MESSAGE_NO_REPLY_EXPECTED = 1,
        MESSAGE_NO_AUTO_START = 2,
        MESSAGE_ALLOW_INTERACTIVE_AUTHORIZATION = 4,
};

enum header_field {
        FIELD_INVALID,
        FIELD_PATH,
        FIELD_INTERFACE,
        FIELD_MEMBER,
        FIELD_ERROR_NAME,
        FIELD_REPLY_SERIAL,
        FIELD_DESTINATION,
        FIELD_SENDER,
        FIELD_SIGNATURE,
        FIELD_UNIX_FDS,
        FIELD_CONTAINER_INSTANCE, /* known to 1.13+; only a bus may set it */
        N_HEADER_FIELDS,
};

/* Why bytes are not a valid message: the sender's fault. 0 is "valid". */
enum message_problem {
        MESSAGE_OK,
        MESSAGE_BAD_ORDER,     /* first byte neither 'l' nor 'B' */
        MESSAGE_BAD_TYPE,      /* type 0 */
        MESSAGE_BAD_VERSION,   /* protocol version not 1 */
        MESSAGE_BAD_SERIAL,    /* serial 0 */
        MESSAGE_BAD_LENGTH,    /* header, body or array too long, or not what it announces */
        MESSAGE_BAD_FIELD,     /* header field of wrong type, twice, code 0, or with a bad value */
        MESSAGE_MISSING_FIELD, /* one that the message type requires */
        MESSAGE_BAD_PADDING,   /* alignment bytes that are not zero */
        MESSAGE_BAD_SIGNATURE,
        MESSAGE_BAD_STRING, /* invalid UTF-8, NUL inside, no NUL at the end */
        MESSAGE_BAD_PATH,
        MESSAGE_BAD_BOOLEAN,
        MESSAGE_BAD_VARIANT,
        MESSAGE_BAD_DEPTH,
        MESSAGE_BAD_FD_COUNT, /* fewer fds came than the header announces */
};

/* Where the text of a string-like field lies: offset from the start of the message and length
 * without the NUL that follows it. `at` 0: the field is absent (offset 0 is never a field). */
struct header_text {
        uint32_t at;
        uint32_t length;
};

struct header {
        char order; /* ORDER_LITTLE or ORDER_BIG */
        uint8_t type;
        uint8_t flags;
        bool has_unknown_fields; /* with codes >= N_HEADER_FIELDS */
        uint32_t serial;
        uint32_t reply_serial; /* 0: absent */
        uint32_t n_fds;        /* 0: absent or zero */
        uint32_t fields_size;  /* bytes of the array of fields, without padding behind it */
        uint32_t size;         /* bytes of the whole header, padded to 8: where the body starts */
        uint32_t body_size;
        struct header_text text[N_HEADER_FIELDS]; /* indexed by field; only those of string type */
};

/* Is it the answer to a call? */
static inline bool header_is_reply(const struct header *h)
{
        return h->type == MESSAGE_METHOD_RETURN || h->type == MESSAGE_ERROR;
}

/* Is it a call whose sender waits for a reply? */
static inline bool header_wants_reply(const struct header *h)
{
        return h->type == MESSAGE_METHOD_CALL && !(h->flags & MESSAGE_NO_REPLY_EXPECTED);
}

/*
 * Reads the sizes of a message off its first HEADER_FIXED_SIZE bytes.
 * Stores the size of the padded header and of the whole message.
 * Returns 0 or a positive enum message_problem (order, length).
 */
int header_peek(const uint8_t *bytes, uint32_t *header_size, uint64_t *message_size);

/*
 * Parses and validates a whole header; `bytes` holds `size` bytes, at least the header.
 * Fields with unknown codes are skipped but must be well formed. Message types, flags and fields
 * unknown to us are valid.
 * Returns 0 and fills `h`, or a positive enum message_problem.
 */
int header_parse(struct header *h, const uint8_t *bytes, size_t size);

/* The name of a problem for logs: "bad padding". Never NULL. */
const char *message_problem_text(int problem);
