/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/body.h"
#include "core/bytes.h"
#include "message-edit.h"
#include "message-problem.h"

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

/* Makes a message of bytes that are valid; a positive enum message_problem if they are not. */
static int demarshal(DBusMessage **mp, const uint8_t *bytes, size_t size)
{
        struct header h;
        struct message *m;
        int r = header_parse(&h, bytes, size);

        if (!r)
                r = body_validate(bytes + h.size, h.body_size,
                                  h.text[FIELD_SIGNATURE].at
                                          ? (const char *)bytes + h.text[FIELD_SIGNATURE].at
                                          : "",
                                  h.order);
        if (!r && h.n_fds)
                r = MESSAGE_BAD_FD_COUNT; /* none can come with bytes */
        if (!r)
                r = message_copy(&m, bytes, &h, NULL, 0, NULL, 0, &dbus_message_class);
        if (!r)
                *mp = message_of(m);
        return r;
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

DBusMessage *dbus_message_demarshal(const char *str, int len, DBusError *error)
{
        const uint8_t *bytes = (const uint8_t *)str;
        DBusMessage *m;
        uint64_t size;
        int r;

        if (!CHECK(str != NULL))
                return NULL;
        if (len < HEADER_FIXED_SIZE || (!peek(bytes, &size) && size > (uint64_t)len)) {
                /* This is how libdbus says that there is not all of a message. */
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
                return NULL;
        }
        r = demarshal(&m, bytes, (size_t)len);
        if (!r)
                return m;
        if (r < 0)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
        else
                dbus_set_error(error, DBUS_ERROR_INVALID_ARGS, "Message is corrupted (%s)",
                               corruption_text(r, bytes, (size_t)len));
        return NULL;
}

int dbus_message_demarshal_bytes_needed(const char *str, int len)
{
        uint64_t size;

        if (!str || len < HEADER_FIXED_SIZE)
                return 0;
        return peek((const uint8_t *)str, &size) < 0 ? -1 : (int)size;
}
