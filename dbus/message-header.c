/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "core/body.h"
#include "core/bytes.h"
#include "message-edit.h"

/* A field: its code, the signature of its value, the value ("Header Fields"). */
struct field {
        uint8_t code;
        char type;
        const char *text;
        uint32_t length; /* of the text */
        uint32_t number;
};

/* Bytes of a field in front of its text or number: code, signature, length. */
static uint32_t prefix_size(char type)
{
        return type == 's' || type == 'o' ? 8 : type == 'g' ? 5 : 4;
}

static uint32_t field_size(const struct field *f)
{
        return prefix_size(f->type) + (f->type == 'u' ? 4 : f->length + 1);
}

static char text_type(enum header_field field)
{
        return field == FIELD_PATH || field == FIELD_CONTAINER_INSTANCE ? 'o'
               : field == FIELD_SIGNATURE                               ? 'g'
                                                                        : 's';
}

static struct field text_field(enum header_field field, const char *text, size_t length)
{
        return (struct field){(uint8_t)field, text_type(field), text, (uint32_t)length, 0};
}

static struct field number_field(enum header_field field, uint32_t value)
{
        return (struct field){.code = (uint8_t)field, .type = 'u', .number = value};
}

size_t message_text_size(enum header_field field, size_t length)
{
        return (prefix_size(text_type(field)) + length + 1 + 7) & ~(size_t)7;
}

size_t message_number_size(void)
{
        return 8;
}

/* Writes a field at an offset, and the padding up to the next multiple of 8. */
static void write_field(DBusMessage *m, uint32_t at, const struct field *f)
{
        struct header *h = &m->wire.header;
        uint8_t *to = m->wire.bytes + at;
        uint32_t prefix = prefix_size(f->type), size = field_size(f);

        memset(to + align_up(size, 8) - 8, 0, 8);
        memcpy(to, (const uint8_t[]){f->code, 1, (uint8_t)f->type, 0}, 4);
        if (f->type == 'u') {
                store_u32(to + prefix, f->number, h->order);
                *(f->code == FIELD_REPLY_SERIAL ? &h->reply_serial : &h->n_fds) = f->number;
                return;
        }
        if (f->type == 'g')
                to[4] = (uint8_t)f->length;
        else
                store_u32(to + 4, f->length, h->order);
        memcpy(to + prefix, f->text, f->length);
        h->text[f->code] = (struct header_text){at + prefix, f->length};
}

static void add_field(DBusMessage *m, const struct field *f)
{
        struct header *h = &m->wire.header;
        uint32_t at = align_up(HEADER_FIXED_SIZE + h->fields_size, 8);

        write_field(m, at, f);
        h->fields_size = at + field_size(f) - HEADER_FIXED_SIZE;
}

void message_add_text(DBusMessage *m, enum header_field field, const char *text, size_t length)
{
        struct field f = text_field(field, text, length);

        add_field(m, &f);
}

void message_add_number(DBusMessage *m, enum header_field field, uint32_t value)
{
        struct field f = number_field(field, value);

        add_field(m, &f);
}

/* The end of the last field that starts before the one at `start`; where fields begin if there is
 * none. */
static uint32_t end_before(const DBusMessage *m, uint32_t start)
{
        uint32_t end = HEADER_FIXED_SIZE;

        for (uint32_t at; (at = align_up(end, 8)) < start;)
                end = (uint32_t)body_skip(m->wire.bytes, at + 1, "v", m->wire.header.order);
        return end;
}

/* Where a field with that code starts, and where its value ends; false if there is none. */
static bool find_field(const DBusMessage *m, const struct field *f, uint32_t *start, uint32_t *end)
{
        const struct header *h = &m->wire.header;
        uint32_t fields_end = HEADER_FIXED_SIZE + h->fields_size;

        if (f->type != 'u') {
                const struct header_text *text = &h->text[f->code];

                *start = text->at - prefix_size(f->type);
                *end = text->at + text->length + 1;
                return text->at;
        }
        for (uint32_t at = HEADER_FIXED_SIZE; at < fields_end;) {
                *start = align_up(at, 8);
                *end = at = (uint32_t)body_skip(m->wire.bytes, *start + 1, "v", h->order);
                if (m->wire.bytes[*start] == f->code)
                        return true;
        }
        return false;
}

/* Replaces the bytes from `start`, whose value ended at `end`, by a field; NULL: by nothing. */
static bool replace(DBusMessage *m, uint32_t start, uint32_t end, const struct field *f)
{
        struct header *h = &m->wire.header;
        bool is_last = end == HEADER_FIXED_SIZE + h->fields_size;
        uint32_t new_end = start + (f ? field_size(f) : 0);
        uint32_t old_next = align_up(end, 8), new_next = align_up(new_end, 8);
        uint32_t shift = new_next - old_next; /* modulo 2^32: may be negative */

        if (new_next > old_next && !message_make_room(m, shift, 0))
                return false;
        if (shift) {
                /* What follows stays where it is; what is in front makes room, or closes the gap.
                 */
                uint8_t *to = m->wire.bytes + old_next - new_next;

                memmove(to, m->wire.bytes, start);
                m->wire.bytes = to;
                m->slack -= shift;
                h->size += shift;
                for (unsigned i = 0; i < N_HEADER_FIELDS; ++i)
                        if (h->text[i].at > start)
                                h->text[i].at += shift;
        }
        if (f)
                write_field(m, start, f);
        if (!is_last)
                h->fields_size += shift;
        else
                h->fields_size = (f ? new_end : end_before(m, start)) - HEADER_FIXED_SIZE;
        return true;
}

static bool put_field(DBusMessage *m, const struct field *f)
{
        uint32_t start, end;

        if (find_field(m, f, &start, &end))
                return replace(m, start, end, f);
        /* Where it goes, an empty one ends. */
        end = HEADER_FIXED_SIZE + m->wire.header.fields_size;
        start = align_up(end, 8);
        if (!message_make_room(m, align_up(field_size(f), 8), 0))
                return false;
        memmove(m->wire.bytes - align_up(field_size(f), 8), m->wire.bytes, start);
        m->wire.bytes -= align_up(field_size(f), 8);
        m->slack -= align_up(field_size(f), 8);
        m->wire.header.size += align_up(field_size(f), 8);
        add_field(m, f);
        return true;
}

static bool is_inside(const DBusMessage *m, const char *text)
{
        const char *bytes = (const char *)m->wire.bytes;

        return text >= bytes && text < bytes + m->wire.header.size;
}

/* A text that a getter returned of this very message would move under our hands. */
static bool put_copy(DBusMessage *m, struct field *f)
{
        char *copy = strndup(f->text, f->length);
        bool ok;

        f->text = copy;
        ok = copy && put_field(m, f);
        free(copy);
        return ok;
}

bool message_put_text(DBusMessage *m, enum header_field field, const char *text, size_t length)
{
        struct field f = text_field(field, text, length);
        uint32_t start, end;

        /* Longer than any message: no text of a valid name, but of a path. */
        if (length > MESSAGE_ROOM_MAX)
                return false;
        if (text)
                return is_inside(m, text) ? put_copy(m, &f) : put_field(m, &f);
        if (!find_field(m, &f, &start, &end))
                return true;
        m->wire.header.text[field].at = 0;
        return replace(m, start, end, NULL);
}

bool message_put_number(DBusMessage *m, enum header_field field, uint32_t value)
{
        struct field f = number_field(field, value);

        return put_field(m, &f);
}
