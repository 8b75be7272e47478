/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/body.h"
#include "core/bytes.h"
#include "message-edit.h"
#include "problem.h"

dbus_bool_t dbus_message_marshal(DBusMessage *msg, char **marshalled_data_p, int *len_p)
{
        const struct header *h;
        size_t size;
        char *bytes;

        if (!CHECK(msg != NULL) || !CHECK(marshalled_data_p != NULL) || !CHECK(len_p != NULL))
                return FALSE;
        h = &msg->wire.header;
        size = (size_t)h->size + h->body_size;
        bytes = dbus_malloc(size);
        if (!bytes)
                return FALSE;
        memcpy(bytes, msg->wire.bytes, size);
        /* The message is only looked at, by any number of threads: it need not be settled. */
        header_store_sizes(h, (uint8_t *)bytes);
        *marshalled_data_p = bytes;
        *len_p = (int)size;
        return TRUE;
}

/* Looks at bytes of which the first message is all there, with no descriptors. Returns 0, or a
 * positive enum message_problem. */
static int validate(struct header *h, const uint8_t *bytes, size_t size)
{
        int r = header_parse(h, bytes, size);

        if (!r)
                r = body_validate(bytes + h->size, h->body_size,
                                  h->text[FIELD_SIGNATURE].at
                                          ? (const char *)bytes + h->text[FIELD_SIGNATURE].at
                                          : "",
                                  h->order);
        return r ? r : h->n_fds ? MESSAGE_BAD_FD_COUNT : 0;
}

/* Sizes as header_peek() tells them, but with the limits that libdbus has for a header alone.
 * Returns 0, or -1 for what no message begins with. */
static int peek(const uint8_t *bytes, uint64_t *size)
{
        char order = (char)bytes[0];
        uint64_t fields_size, body_size;

        if (order != ORDER_LITTLE && order != ORDER_BIG)
                return -1;
        body_size = load_u32(bytes + 4, order);
        fields_size = load_u32(bytes + 12, order);
        *size = ((HEADER_FIXED_SIZE + fields_size + 7) & ~UINT64_C(7)) + body_size;
        return *size > DBUS_MAXIMUM_MESSAGE_LENGTH ? -1 : 0;
}

/* True if there is all of the message that these bytes begin with, or something that is none. */
static bool is_complete(const uint8_t *bytes, size_t size)
{
        uint64_t message_size;

        return size >= HEADER_FIXED_SIZE && (peek(bytes, &message_size) || message_size <= size);
}

DBusMessage *dbus_message_demarshal(const char *str, int len, DBusError *error)
{
        const uint8_t *bytes = (const uint8_t *)str, *at = bytes;
        size_t left = len > 0 ? (size_t)len : 0;
        struct header first, h;
        struct message *m;
        int r = 0;

        if (!CHECK(str != NULL))
                return NULL;
        if (!is_complete(at, left)) {
                /* This is how libdbus says that a part of the message is missing. */
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
                return NULL;
        }
        /* To libdbus the bytes are a stream: what follows the message is ignored only if it is the
         * beginning of another. */
        while (!r && is_complete(at, left)) {
                r = validate(&h, at, left);
                if (r)
                        break;
                if (at == bytes)
                        first = h;
                left -= (size_t)h.size + h.body_size;
                at += (size_t)h.size + h.body_size;
        }
        if (r) {
                dbus_set_error(error, DBUS_ERROR_INVALID_ARGS, "Message is corrupted (%s)",
                               corruption_text(r, at, left));
                return NULL;
        }
        if (message_copy(&m, bytes, &first, NULL, 0, NULL, 0, &dbus_message_class) < 0) {
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
                return NULL;
        }
        return message_of(m);
}

int dbus_message_demarshal_bytes_needed(const char *str, int len)
{
        uint64_t size;

        if (!str || len < HEADER_FIXED_SIZE)
                return 0;
        return peek((const uint8_t *)str, &size) < 0 ? -1 : (int)size;
}
