/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/bytes.h"
#include "message-edit.h"

/* Where the length of the body and that of the array of fields stand ("Message Format"). */
#define AT_BODY_SIZE   4
#define AT_FIELDS_SIZE 12

/* Kept in front of a header whenever the message moves anyway: names fit in. */
#define SLACK 128

bool message_make_room(DBusMessage *m, uint32_t slack, uint64_t capacity)
{
        uint32_t header_size = m->wire.header.size, used = header_size + m->wire.header.body_size;
        uint8_t *allocation;

        if (m->slack >= slack && m->capacity >= capacity)
                return true;
        /* Twice the size each time, so that the bytes are moved a bounded number of times. */
        if (capacity > m->capacity && capacity < 2 * (uint64_t)m->capacity)
                capacity = 2 * (uint64_t)m->capacity;
        if (capacity < m->capacity)
                capacity = m->capacity;
        if (capacity > MESSAGE_ROOM_MAX)
                return false;

        if (m->slack >= slack && m->wire.allocation) {
                size_t at = (size_t)(m->wire.bytes - (uint8_t *)m->wire.allocation);

                allocation = realloc(m->wire.allocation, at + header_size + capacity);
                if (!allocation)
                        return false;
                m->wire.bytes = allocation + at;
        } else {
                slack = align_up(slack > SLACK ? slack : SLACK, 8);
                allocation = malloc(slack + header_size + capacity);
                if (!allocation)
                        return false;
                memcpy(allocation + slack, m->wire.bytes, used);
                free(m->wire.allocation);
                m->wire.bytes = allocation + slack;
                m->slack = slack;
        }
        m->wire.allocation = allocation;
        m->capacity = (uint32_t)capacity;
        return true;
}

void header_store_sizes(const struct header *h, uint8_t *bytes)
{
        store_u32(bytes + AT_BODY_SIZE, h->body_size, h->order);
        store_u32(bytes + AT_FIELDS_SIZE, h->fields_size, h->order);
}

void message_settle(DBusMessage *m)
{
        header_store_sizes(&m->wire.header, m->wire.bytes);
        m->wire.size = m->wire.header.size + m->wire.header.body_size;
}
