/* SPDX-License-Identifier: MIT */
#include "message-private.h"

#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/bytes.h"
#include "core/signature.h"
#include "message-edit.h"

/* Where type, flags, protocol version and serial stand ("Message Format"). */
enum {
        AT_ORDER = 0,
        AT_TYPE = 1,
        AT_FLAGS = 2,
        AT_VERSION = 3,
        AT_SERIAL = 8,
};

#define SIGNATURE_ROOM (SIGNATURE_MAX_LENGTH + 1)

/* Bytes behind a new message, for header and body: with the struct and the signature it is one
 * block of the size that malloc() hands out fastest. */
#define ROOM 512

/* Of these kept in front of the header, for the signature and what else is added. */
#define SLACK 64

/* Where messages of this thread go whose owner wants to free them later, or NULL. */
static _Thread_local struct list *collection;

static void free_message(DBusMessage *m)
{
        if (m->received)
                m->received->release(m->received, m->received_size, m->received_n_fds);
        slot_values_deinit(&m->slots);
        if (m->signature != (char *)(m + 1))
                free(m->signature);
        free(m->own_fds);
        free(m);
}

/* The class: what is behind `wire`. */
static void class_init(struct message *wire)
{
        DBusMessage *m = message_of(wire);

        *m = (DBusMessage){
                .wire = *wire,
                .received_size = wire->header.size + wire->header.body_size,
                .received_n_fds = wire->n_fds,
                .capacity = wire->header.body_size,
        };
        list_init(&m->queued);
}

static void class_free(struct message *wire)
{
        DBusMessage *m = message_of(wire);

        if (collection && (m->slots.n || m->received))
                list_append(collection, &m->queued);
        else
                free_message(m);
}

const struct message_class dbus_message_class = {
        .size = sizeof(DBusMessage),
        .init = class_init,
        .free = class_free,
};

void message_collect_begin(struct list *messages)
{
        collection = messages;
}

void message_collect_end(void)
{
        collection = NULL;
}

void message_collected_free(struct list *messages)
{
        while (!list_empty(messages)) {
                DBusMessage *m = container_of(messages->next, DBusMessage, queued);

                list_remove(&m->queued);
                free_message(m);
        }
}

DBusMessage *message_new(int type, unsigned flags, size_t header_size, size_t body_size)
{
        size_t body_at = SLACK + header_size, room = ROOM;
        DBusMessage *m;
        uint8_t *bytes;

        if (header_size > MESSAGE_ROOM_MAX || body_size > MESSAGE_ROOM_MAX)
                return NULL;
        if (room < body_at + body_size)
                room = body_at + body_size;
        m = malloc(sizeof(*m) + SIGNATURE_ROOM + room);
        if (!m)
                return NULL;
        bytes = (uint8_t *)(m + 1) + SIGNATURE_ROOM + SLACK;
        *m = (DBusMessage){
                .wire = {.refs = 1,
                         .bytes = bytes,
                         .header = {.order = ORDER_NATIVE,
                                    .type = (uint8_t)type,
                                    .flags = (uint8_t)flags,
                                    .size = (uint32_t)header_size},
                         .class = &dbus_message_class},
                .slack = SLACK,
                .capacity = (uint32_t)(room - body_at),
                .signature = (char *)(m + 1),
        };
        list_init(&m->queued);
        memset(bytes, 0, HEADER_FIXED_SIZE);
        bytes[AT_ORDER] = ORDER_NATIVE;
        bytes[AT_TYPE] = (uint8_t)type;
        bytes[AT_FLAGS] = (uint8_t)flags;
        bytes[AT_VERSION] = DBUS_MAJOR_PROTOCOL_VERSION;
        return m;
}

DBusMessage *dbus_message_new(int message_type)
{
        if (!CHECK(message_type != DBUS_MESSAGE_TYPE_INVALID))
                return NULL;
        return message_new(message_type, 0, HEADER_FIXED_SIZE, 0);
}

DBusMessage *dbus_message_copy(const DBusMessage *message)
{
        const struct header *h;
        DBusMessage *m;

        if (!CHECK(message != NULL))
                return NULL;
        h = &message->wire.header;
        m = message_new(h->type, h->flags, h->size, h->body_size);
        if (!m)
                return NULL;
        m->wire.header = *h;
        memcpy(m->wire.bytes, message->wire.bytes, (size_t)h->size + h->body_size);
        m->signature_length = (uint8_t)h->text[FIELD_SIGNATURE].length;
        memcpy(m->signature, message_signature(&m->wire), m->signature_length);
        message_set_serial(m, 0);
        if (message->wire.n_fds && !message_copy_fds(m, message->wire.fds, message->wire.n_fds))
                return message_unref(&m->wire), NULL;
        return m;
}

DBusMessage *dbus_message_ref(DBusMessage *message)
{
        if (!CHECK(message != NULL))
                return NULL;
        message_ref(&message->wire);
        return message;
}

void dbus_message_unref(DBusMessage *message)
{
        if (CHECK(message != NULL))
                message_unref(&message->wire);
}

int message_seal(DBusMessage *m)
{
        if (!m->locked)
                message_settle(m);
        m->locked = true;
        return 0;
}

void dbus_message_lock(DBusMessage *message)
{
        if (CHECK(message != NULL))
                message_seal(message);
}

void message_set_serial(DBusMessage *m, uint32_t serial)
{
        m->wire.header.serial = serial;
        store_u32(m->wire.bytes + AT_SERIAL, serial, m->wire.header.order);
}

void dbus_message_set_serial(DBusMessage *message, dbus_uint32_t serial)
{
        if (CHECK(message != NULL) && CHECK(!message->locked))
                message_set_serial(message, serial);
}

dbus_uint32_t dbus_message_get_serial(DBusMessage *message)
{
        return CHECK(message != NULL) ? message_serial(message) : 0;
}

int dbus_message_get_type(DBusMessage *message)
{
        return CHECK(message != NULL) ? message->wire.header.type : DBUS_MESSAGE_TYPE_INVALID;
}

/* A locked message that is being written has its flags set already: nobody changes it. */
static void set_flag(DBusMessage *m, unsigned flag, bool set)
{
        struct header *h = &m->wire.header;

        h->flags = (uint8_t)(set ? h->flags | flag : h->flags & ~flag);
        m->wire.bytes[AT_FLAGS] = h->flags;
}

void dbus_message_set_no_reply(DBusMessage *message, dbus_bool_t no_reply)
{
        if (CHECK(message != NULL) && CHECK(!message->locked))
                set_flag(message, MESSAGE_NO_REPLY_EXPECTED, no_reply);
}

dbus_bool_t dbus_message_get_no_reply(DBusMessage *message)
{
        return CHECK(message != NULL) && message->wire.header.flags & MESSAGE_NO_REPLY_EXPECTED;
}

void dbus_message_set_auto_start(DBusMessage *message, dbus_bool_t auto_start)
{
        if (CHECK(message != NULL) && CHECK(!message->locked))
                set_flag(message, MESSAGE_NO_AUTO_START, !auto_start);
}

dbus_bool_t dbus_message_get_auto_start(DBusMessage *message)
{
        return CHECK(message != NULL) && !(message->wire.header.flags & MESSAGE_NO_AUTO_START);
}

void dbus_message_set_allow_interactive_authorization(DBusMessage *message, dbus_bool_t allow)
{
        if (CHECK(message != NULL) && CHECK(!message->locked))
                set_flag(message, MESSAGE_ALLOW_INTERACTIVE_AUTHORIZATION, allow);
}

dbus_bool_t dbus_message_get_allow_interactive_authorization(DBusMessage *message)
{
        return CHECK(message != NULL) &&
               message->wire.header.flags & MESSAGE_ALLOW_INTERACTIVE_AUTHORIZATION;
}

static const char *const type_texts[] = {
        [DBUS_MESSAGE_TYPE_INVALID] = "invalid",
        [DBUS_MESSAGE_TYPE_METHOD_CALL] = "method_call",
        [DBUS_MESSAGE_TYPE_METHOD_RETURN] = "method_return",
        [DBUS_MESSAGE_TYPE_ERROR] = "error",
        [DBUS_MESSAGE_TYPE_SIGNAL] = "signal",
};

int dbus_message_type_from_string(const char *type_str)
{
        for (int type = DBUS_NUM_MESSAGE_TYPES - 1; type > 0; --type)
                if (!strcmp(type_str, type_texts[type]))
                        return type;
        return DBUS_MESSAGE_TYPE_INVALID;
}

const char *dbus_message_type_to_string(int type)
{
        return type_texts[type > 0 && type < DBUS_NUM_MESSAGE_TYPES ? type : 0];
}
