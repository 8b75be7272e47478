/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Reads the values of a *valid* body one after the other, in either byte order. The body has been
 * validated before, so a read can only fail because the next value is of another type.
 * Nothing is copied: strings are borrowed from the message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

struct reader {
        const uint8_t *base; /* start of the body */
        uint32_t at, end;    /* offsets from base */
        const char *type;    /* what is left of the signature */
        const char *element; /* in an array: the type that repeats, else NULL */
        char order;
};

void reader_init(struct reader *r, const struct message *m);

/* The type code of the next value, '\0' at the end. A dict entry's is '{'. */
char reader_type(const struct reader *r);

/* Each stores the next value and returns true, or returns false if it is of another type. */
bool reader_string(struct reader *r, const char **value, uint32_t *length); /* s, o or g */
bool reader_u32(struct reader *r, uint32_t *value);                         /* u, i, b or h */
bool reader_u64(struct reader *r, uint64_t *value);                         /* t, x or d */
bool reader_byte(struct reader *r, uint8_t *value);

/*
 * Enters the array, struct, dict entry or variant that is next: `inner` reads its contents (an
 * array's element type is repeated until `inner->at == inner->end`; ask reader_more), and `r` goes
 * on behind it. Returns false if the next value is no container.
 */
bool reader_enter(struct reader *r, struct reader *inner);

/* True if there is another value (of an array: another element). */
bool reader_more(const struct reader *r);

/* Skips one complete value of any type. Returns false at the end. */
bool reader_skip(struct reader *r);
