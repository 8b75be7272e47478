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
 * The signature is kept aside while values are appended, and put into the header when somebody
 * looks: a getter, a copy, or the lock.
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
        struct message wire; /* bytes, size and header are right when `locked` */

        struct list queued; /* the connection's: place in its queue of incoming messages */
        bool locked;        /* queued to be sent, or received: its header and body are final */

        struct slot_values slots;

        /* Of a received message: told by dbus_message_class.free, with no lock held, that it is
         * gone; NULL: nobody counts it. Not `wire.charge`, which is told at once, whatever locks
         * are held. */
        struct message_charge *received;

        /* ... the fields of a message under construction ... */
};

static inline DBusMessage *message_of(struct message *m)
{
        return (DBusMessage *)(void *)m; /* `wire` is the first member */
}

/* For streams that make DBusMessages of what comes in: they are locked. */
extern const struct message_class dbus_message_class;

/*
 * Makes header and bytes final, and locks: dbus_message_lock() that can fail.
 * Returns 0 or -ENOMEM, after which the message is as it was.
 */
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
 * goes in this thread are collected, so that the connection's lock can be held; then
 * message_collected_free() frees them with no lock held. Not nested.
 */
struct message_collection {
        struct list messages;
};
void message_collect_begin(struct message_collection *c);
void message_collect_end(struct message_collection *c);
void message_collected_free(struct message_collection *c);
