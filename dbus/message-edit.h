/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Changing the bytes of a message: room for its body, and the fields of its header.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "message-private.h"

/* message.c */

/*
 * Makes an empty message, of one allocation. Room for a header of `header_size` bytes in all is
 * kept for message_add_text() and message_add_number(), which have to use exactly that much; and
 * for `body_size` bytes of body at least. NULL: no memory.
 */
DBusMessage *message_new(int type, unsigned flags, size_t header_size, size_t body_size);

/* message-room.c */

/*
 * The largest message that can be made here. What is longer than the specification allows
 * (MESSAGE_MAX_SIZE) is for the receiver to refuse, as ever.
 */
#define MESSAGE_ROOM_MAX (UINT32_C(1) << 30)

/*
 * Makes sure that `slack` bytes are free in front of the header, and `capacity` bytes for the body.
 * The message moves to a larger place if need be. Returns false without memory.
 */
bool message_make_room(DBusMessage *m, uint32_t slack, uint64_t capacity);

static inline uint8_t *message_body_bytes(const DBusMessage *m)
{
        return m->wire.bytes + m->wire.header.size;
}

/* Stores the lengths that are kept aside in the fixed part of a header. */
void header_store_sizes(const struct header *h, uint8_t *bytes);

/* Stores them in the message, and sets wire.size. */
void message_settle(DBusMessage *m);

/* message-header.c */

/* The bytes that a field takes in a header, with the padding behind it. */
size_t message_text_size(enum header_field field, size_t length);
size_t message_number_size(void);

/* Add a field behind the others, in the room kept by message_new(): there is no such field yet. */
void message_add_text(DBusMessage *m, enum header_field field, const char *text, size_t length);
void message_add_number(DBusMessage *m, enum header_field field, uint32_t value);

/*
 * Give a field another value, in its place, or add it behind the others. A text of NULL removes the
 * field. Return false without memory, when the message is as it was.
 */
bool message_put_text(DBusMessage *m, enum header_field field, const char *text, size_t length);
bool message_put_number(DBusMessage *m, enum header_field field, uint32_t value);

/* message-fds.c */

/* A copy of a descriptor, closed on exec; -1: errno says why. */
int message_dup_fd(int fd);

/* Adds copies of descriptors to a message that has none. False if there are no more to be had. */
bool message_copy_fds(DBusMessage *m, const int *fds, unsigned n);

/* Adds a copy of a descriptor, and counts it in the header. False leaves all as it was. */
bool message_add_fd(DBusMessage *m, int fd, uint32_t *index);

/* message-swap.c: turns all of a message into this machine's byte order, if it is not. */
void message_make_native(DBusMessage *m);
