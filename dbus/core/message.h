/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A message: one reference-counted allocation with the wire bytes, the parsed view of its header,
 * and the file descriptors that travel with it. Immutable once made, so one message stands in any
 * number of queues.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/header.h"

struct message;

/* What a message costs is charged to whoever sent it, until the last reference is gone. */
struct message_charge {
        /* Called once, when the message is freed; gets the sums that were charged. */
        void (*release)(struct message_charge *charge, size_t bytes, unsigned n_fds);
};

/*
 * A struct of a user's that starts with a struct message, so that each message carries what the
 * user needs of it in the same allocation. NULL stands for messages that are no more than that.
 */
struct message_class {
        size_t size;                     /* of the user's struct, in bytes */
        void (*init)(struct message *m); /* sets what is behind the struct message */
        /* Frees the struct, whose last reference is gone. Its descriptors, its `allocation` and
         * what it was charged with are gone already. */
        void (*free)(struct message *m);
};

struct message {
        atomic_uint refs;
        uint32_t size;  /* of the whole message in bytes */
        uint8_t *bytes; /* header and body, contiguous */
        struct header header;
        unsigned n_fds; /* in `fds`; owned, closed with the message */
        int *fds;
        struct message_charge *charge; /* NULL: charged to nobody */
        void *allocation; /* of `bytes` when they are not behind this struct, else NULL */
        const struct message_class *class;
};

/*
 * Room that has to be kept in front of a message read in place, so that message_adopt() can put a
 * sender field of the longest unique name into its header without moving the body.
 */
#define MESSAGE_HEADROOM 64

/*
 * Makes a message of a copy of `bytes`: a whole message as it came, whose header `h` is parsed
 * and valid. The copy is what a bus passes on: `sender` (a unique name or the bus's name; NULL:
 * leave the header alone) takes the place of any sender field in it, fields unknown to us and the
 * container instance are left out, everything else is as it was.
 * `fds` (n_fds of them) become the message's, on success only. The bytes of the message lie at a
 * multiple of 8.
 * Returns 0 or -ENOMEM.
 */
int message_copy(struct message **mp, const uint8_t *bytes, const struct header *h,
                 const char *sender, size_t sender_length, const int *fds, unsigned n_fds,
                 const struct message_class *class);

/*
 * The same for a large message that was read into a buffer of its own: `allocation` (from
 * malloc) holds MESSAGE_HEADROOM bytes of room and then the message. The body is not copied.
 * The sender field has to fit into the headroom: no names of more than 55 bytes.
 * `allocation` and the fds become the message's, on success only.
 * Returns 0 or -ENOMEM.
 */
int message_adopt(struct message **mp, uint8_t *allocation, const struct header *h,
                  const char *sender, size_t sender_length, const int *fds, unsigned n_fds,
                  const struct message_class *class);

struct message *message_ref(struct message *m);

/* Changes the flags of a message that nobody else has a reference of yet. */
void message_set_flags(struct message *m, uint8_t flags);

/* Drops a reference; the last one closes the fds and frees. Returns NULL. NULL is fine. */
struct message *message_unref(struct message *m);

/* The text of a header field, NUL-terminated in place; NULL if it is absent. Borrowed. */
static inline const char *message_text(const struct message *m, enum header_field field)
{
        uint32_t at = m->header.text[field].at;

        return at ? (const char *)m->bytes + at : NULL;
}

/* The signature of the body, "" if there is none. */
static inline const char *message_signature(const struct message *m)
{
        const char *s = message_text(m, FIELD_SIGNATURE);

        return s ? s : "";
}

static inline const uint8_t *message_body(const struct message *m)
{
        return m->bytes + m->header.size;
}
