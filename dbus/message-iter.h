/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What is behind a DBusMessageIter: a reader of a message's values, or an appender to them.
 *
 * Both keep offsets only, from the start of the body, or of the signature, so that they outlive it
 * when a message moves as it grows. Types are found in the signature of the message, or in that
 * of a variant, which is in the body.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message-private.h"

/* Nobody's memory looks like this by accident. */
enum iter_kind {
        ITER_CLOSED = 0,
        ITER_READER = 0x52656164,
        ITER_APPENDER = 0x41707064,
};

/* What both kinds start with. */
struct iter {
        DBusMessage *message; /* NULL: closed */
        uint32_t kind;        /* an enum iter_kind */
        /* DBUS_TYPE_* of the container whose values these are; DBUS_TYPE_INVALID: the message. */
        uint8_t container;
        bool in_body; /* the types are in the body */
};

struct reading {
        struct iter iter;
        uint8_t type;     /* DBUS_TYPE_* of the current value; DBUS_TYPE_INVALID: behind the last */
        uint32_t at;      /* of the current value */
        uint32_t type_at; /* of its type, among the types */
        uint32_t first_at, end; /* of the elements, in an array */
};

struct appender {
        struct iter iter;
        bool expects;      /* the types are given; else they are written, to message->signature */
        char due;          /* the character of them that is next; NUL behind the last */
        uint32_t types_at; /* where the types start that are given */
        uint32_t type_at;  /* the next of them; in an array, that of its elements */
        uint32_t length_at, first_at; /* of an array: its length, its first element */
};

/* Clears it, so that using it again is noticed. */
static inline void iter_close(struct iter *i)
{
        i->message = NULL;
        i->kind = ITER_CLOSED;
}

/*
 * Says what is wrong with an iterator that is neither kind: NULL, or closed, or never initialized.
 * For the public function of that name; `check` is the call that users of libdbus see fail. Returns
 * false if the program lives on.
 */
bool iter_unusable(const struct iter *i, const char *function, const char *check);

/* The reader behind an iterator; NULL, after a complaint, if it is none. */
static inline struct reading *reading_of(DBusMessageIter *iter, const char *function)
{
        struct reading *r = (struct reading *)(void *)iter;

        if (__builtin_expect(r && r->iter.message && r->iter.kind == ITER_READER, 1))
                return r;
        iter_unusable((const struct iter *)(const void *)iter, function,
                      "_dbus_message_iter_check (real)");
        return NULL;
}

static inline const uint8_t *reading_body(const struct reading *r)
{
        return message_body(&r->iter.message->wire);
}

/* The types of the message, or the variant, from that of the current value on. */
static inline const char *reading_types(const struct reading *r)
{
        return (r->iter.in_body ? (const char *)reading_body(r)
                                : message_signature(&r->iter.message->wire)) +
               r->type_at;
}

/* message-read.c */

/* Starts to read a message, which is turned into native byte order. False if it has no values. */
bool reading_init(struct reading *r, DBusMessage *m);

/* All of these are for the type that the current value has. */
void reading_recurse(const struct reading *r, struct reading *sub);
bool reading_next(struct reading *r);

/* The next of the texts in an array of strings, paths or signatures, and its length. */
const char *reading_next_text(struct reading *r, size_t *length);
unsigned reading_count(const struct reading *r);          /* of the elements of an array */
void reading_basic(const struct reading *r, void *value); /* not of descriptors */
int reading_fd(const struct reading *r);                  /* a copy; -1: none could be made */
uint32_t reading_fd_index(const struct reading *r);
/* What is left of an array of fixed-size elements. Returns NULL if that never had any. */
const void *reading_block(const struct reading *r, unsigned *n);

/* message-append.c */

/* Starts to append to a message that is not locked. False without memory. */
bool appender_init(struct appender *a, DBusMessage *m);

/*
 * All of these check what the API promises to check of the value, in the name of a public function,
 * and return false, with nothing appended, if it is wrong or there is no memory.
 */
bool appender_basic(struct appender *a, int type, const void *value, const char *function);
bool appender_block(struct appender *a, int type, const void *elements, int n,
                    const char *function);
bool appender_open(struct appender *a, int type, const char *contained, struct appender *sub,
                   const char *function);
bool appender_close(struct appender *a, struct appender *sub);
void appender_abandon(const struct appender *a, struct appender *sub);
