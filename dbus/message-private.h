/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages as applications have them. DBusMessage starts with the struct message that streams and
 * queues carry, so a message is received and sent without being turned into anything else.
 *
 * A message under construction is one buffer from the first appended value to sendmsg(): the body
 * grows at its end, the header lies right-aligned in the room in front of the body, and grows to
 * the front. A field that is added or changed moves the header's bytes only. As the offsets in
 * `wire.header` count from the start of the message, they stay what they are.
 *
 * The header is changed only by whom the application asks to: pointers into a message stay valid
 * until the application modifies it. What is left to the lock are the two lengths in the fixed part
 * of the header, whose place never moves a byte.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dbus/dbus.h>

#include "core/list.h"
#include "core/message.h"
#include "data-slot.h"

/* Everything behind `wire` that the engine looks at comes first; the rest is message*.c's own. */
struct DBusMessage {
        /* `header` is always right. `size`, and the lengths that stand in the bytes, are so in a
         * message that is locked, or received and not modified. */
        struct message wire;

        struct list queued; /* the connection's: place in its queue of incoming messages */
        bool locked;        /* has been queued to be sent: the application may not change it */

        struct slot_values slots;

        /* Of a received message: told by dbus_message_class.free, with no lock held, that it is
         * gone; NULL: nobody counts it. Not `wire.charge`, which is told at once, whatever locks
         * are held. */
        struct message_charge *received;

        /* What `received` is told: what the message was before anybody modified it. */
        uint32_t received_size, received_n_fds;

        uint32_t slack;    /* bytes free in front of the header */
        uint32_t capacity; /* how many bytes of body have room */
        int *own_fds;      /* wire.fds if allocated for itself, else NULL */
        unsigned max_fds;  /* how many have room in own_fds */

        /* The types of what was appended, in a buffer of SIGNATURE_MAX_LENGTH + 1 bytes, and those
         * of containers that are still open. NULL until something is appended to a received
         * message. Not terminated. */
        char *signature;
        uint8_t signature_length;
};

static inline DBusMessage *message_of(struct message *m)
{
        return (DBusMessage *)(void *)m; /* `wire` is the first member */
}

/* For streams that make DBusMessages of what comes in. */
extern const struct message_class dbus_message_class;

/* Makes the bytes final, and locks: dbus_message_lock(). Returns 0. */
int message_seal(DBusMessage *m);

/* Stores the serial, also in a locked message: it has to have none (0) yet. */
void message_set_serial(DBusMessage *m, uint32_t serial);

static inline uint32_t message_serial(const DBusMessage *m)
{
        return m->wire.header.serial;
}

/*
 * Application data of messages is freed by functions of the application, which may call anything.
 * Between these two calls, messages with data, or with somebody in `received`, whose last reference
 * goes in this thread are added to a list, so that a lock can be held; then
 * message_collected_free() frees them with no lock held. Not nested.
 */
void message_collect_begin(struct list *messages);
void message_collect_end(void);
void message_collected_free(struct list *messages);
