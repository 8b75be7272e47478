/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Writes a new message in native byte order: the header, from a description, then the values of
 * the body one after the other, into the one buffer that becomes the message.
 *
 * The first error (-ENOMEM, -EMSGSIZE, -EINVAL) sticks: later calls do nothing and writer_end()
 * returns it, so callers append without looking and check once. The writer puts the alignment
 * where each value needs it; that the values are those of the signature, and that texts are valid,
 * is the caller's word. -EINVAL is for what no header can hold: type or serial 0, long signatures.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

/* What stands in the header. NULL or 0: no such field. */
struct message_spec {
        enum message_type type;
        uint8_t flags;
        uint32_t serial; /* not 0 */
        uint32_t reply_serial;
        const char *path, *interface, *member, *error_name;
        const char *destination, *sender;
        const char *signature;
        /* Descriptors that travel with it, for `h` values; they become the message's in
         * writer_end(), on success only. */
        const int *fds;
        uint32_t n_fds;
};

struct writer {
        uint8_t *buffer;         /* MESSAGE_HEADROOM free bytes, then the message */
        uint32_t size, capacity; /* of the message, and how far it may grow */
        struct header header;    /* of the message */
        const int *fds;          /* of the spec */
        uint32_t n_fds;
        int error;
};

/* An open array: where its length stands and where its first element starts. */
struct writer_array {
        uint32_t length_at, first_at;
};

void writer_begin(struct writer *w, const struct message_spec *spec);

void writer_byte(struct writer *w, uint8_t value);
void writer_bool(struct writer *w, int value);
void writer_u32(struct writer *w, uint32_t value);
void writer_u64(struct writer *w, uint64_t value);
void writer_string(struct writer *w, const char *value);               /* s and o */
void writer_signature(struct writer *w, const char *value);            /* g */
void writer_bytes(struct writer *w, const void *bytes, uint32_t n);    /* a whole `ay` */
void writer_strings(struct writer *w, const char *const *strings, size_t n); /* a whole `as` */

/* `element` is the type of the elements: it decides the padding before the first one. */
void writer_open_array(struct writer *w, struct writer_array *array, const char *element);
void writer_close_array(struct writer *w, const struct writer_array *array);
void writer_struct(struct writer *w); /* start of a struct or dict entry: aligns to 8 */
void writer_variant(struct writer *w, const char *type); /* the value is written next */

/*
 * Ends the message; the writer's buffer becomes the message's, or is freed on failure.
 * Returns 0 and a message with one reference, or the first error.
 */
int writer_end(struct writer *w, struct message **mp);
