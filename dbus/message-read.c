/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/body.h"
#include "core/bytes.h"
#include "message-edit.h"
#include "message-iter.h"
#include "type.h"

_Static_assert(sizeof(struct reading) <= sizeof(DBusMessageIter), "has to fit in");

/* What is read here was validated when it came, or is what we have written: it is not looked at
 * again. All of it is in native byte order. */

static inline uint32_t load(const uint8_t *at)
{
        return load_u32(at, ORDER_NATIVE);
}

/* Sets the type of the value at `types`, and goes over the padding in front of it. */
static inline void enter(struct reading *r, char type)
{
        r->type = (uint8_t)type_of(type);
        if (r->type)
                r->at = align_up(r->at, signature_alignment(type));
}

bool reading_init(struct reading *r, DBusMessage *m)
{
        message_make_native(m);
        *r = (struct reading){.iter = {.message = m, .kind = ITER_READER}};
        enter(r, *message_signature(&m->wire));
        return r->type;
}

void reading_recurse(const struct reading *r, struct reading *sub)
{
        struct reading into = {.iter = r->iter};

        into.iter.container = r->type;
        switch (r->type) {
        case DBUS_TYPE_ARRAY:
                into.type_at = r->type_at + 1;
                into.at = align_up(r->at + 4, signature_alignment(*reading_types(&into)));
                into.first_at = into.at;
                into.end = into.at + load(reading_body(r) + r->at);
                if (into.at < into.end)
                        into.type = (uint8_t)type_of(*reading_types(&into));
                break;
        case DBUS_TYPE_VARIANT:
                into.iter.in_body = true;
                into.type_at = r->at + 1;
                into.at = into.type_at + reading_body(r)[r->at] + 1;
                enter(&into, *reading_types(&into));
                break;
        default:
                into.type_at = r->type_at + 1;
                into.at = r->at;
                enter(&into, *reading_types(&into));
        }
        *sub = into;
}

/* The offset behind the current value. */
static inline uint32_t behind(const struct reading *r)
{
        const uint8_t *value = reading_body(r) + r->at;

        switch (r->type) {
        case DBUS_TYPE_STRING:
        case DBUS_TYPE_OBJECT_PATH:
                return r->at + 4 + load(value) + 1;
        case DBUS_TYPE_SIGNATURE:
                return r->at + 1 + *value + 1;
        case DBUS_TYPE_ARRAY:
                return align_up(r->at + 4, signature_alignment(reading_types(r)[1])) + load(value);
        case DBUS_TYPE_STRUCT:
        case DBUS_TYPE_DICT_ENTRY:
        case DBUS_TYPE_VARIANT:
                return (uint32_t)body_skip(reading_body(r), r->at, reading_types(r), ORDER_NATIVE);
        default:
                return r->at + signature_fixed_size((char)r->type);
        }
}

/* Where the type behind the current one is. */
static inline uint32_t next_type_at(const struct reading *r)
{
        const char *types;

        if (r->type == DBUS_TYPE_VARIANT || type_basic(r->type))
                return r->type_at + 1;
        types = reading_types(r);
        /* Most arrays are of something simple. */
        if (r->type == DBUS_TYPE_ARRAY && type_basic(types[1]))
                return r->type_at + 2;
        return r->type_at + (uint32_t)signature_next(types);
}

bool reading_next(struct reading *r)
{
        if (!r->type)
                return false;
        r->at = behind(r);
        if (r->iter.container == DBUS_TYPE_ARRAY) {
                if (r->at >= r->end)
                        r->type = DBUS_TYPE_INVALID;
                else
                        r->at = align_up(r->at, signature_alignment(*reading_types(r)));
        } else {
                r->type_at = next_type_at(r);
                enter(r, *reading_types(r));
        }
        return r->type;
}

static const char *text_of(const struct reading *r)
{
        return (const char *)reading_body(r) + r->at + (r->type == DBUS_TYPE_SIGNATURE ? 1 : 4);
}

const char *reading_next_text(struct reading *r, size_t *length)
{
        const char *text = text_of(r);

        r->at = behind(r);
        *length = (size_t)((const char *)reading_body(r) + r->at - 1 - text);
        /* Behind the last one there is no other to be aligned for. */
        if (r->at < r->end && r->type != DBUS_TYPE_SIGNATURE)
                r->at = align_up(r->at, 4);
        return text;
}

unsigned reading_count(const struct reading *r)
{
        struct reading element;
        unsigned size, n = 0;
        size_t length;

        reading_recurse(r, &element);
        size = signature_fixed_size(*reading_types(&element));
        if (size)
                return (element.end - element.at) / size;
        if (type_basic(element.type)) {
                for (; element.at < element.end; ++n)
                        reading_next_text(&element, &length);
                return n;
        }
        if (element.type)
                do
                        ++n;
                while (reading_next(&element));
        return n;
}

void reading_basic(const struct reading *r, void *value)
{
        const char *text;

        switch (r->type) {
        case DBUS_TYPE_STRING:
        case DBUS_TYPE_OBJECT_PATH:
        case DBUS_TYPE_SIGNATURE:
                text = text_of(r);
                memcpy(value, &text, sizeof(text));
                break;
        case DBUS_TYPE_BYTE:
                memcpy(value, reading_body(r) + r->at, 1);
                break;
        case DBUS_TYPE_INT16:
        case DBUS_TYPE_UINT16:
                memcpy(value, reading_body(r) + r->at, 2);
                break;
        case DBUS_TYPE_BOOLEAN:
        case DBUS_TYPE_INT32:
        case DBUS_TYPE_UINT32:
                memcpy(value, reading_body(r) + r->at, 4);
                break;
        default:
                memcpy(value, reading_body(r) + r->at, 8);
        }
}

uint32_t reading_fd_index(const struct reading *r)
{
        return load(reading_body(r) + r->at);
}

int reading_fd(const struct reading *r)
{
        uint32_t index = reading_fd_index(r);

        return index < r->iter.message->wire.n_fds
                       ? message_dup_fd(r->iter.message->wire.fds[index])
                       : -1;
}

const void *reading_block(const struct reading *r, unsigned *n)
{
        unsigned size = signature_fixed_size(*reading_types(r));

        *n = size ? (r->end - r->at) / size : 0;
        return r->first_at < r->end ? reading_body(r) + r->at : NULL;
}

#define READER(iter) reading_of(iter, __func__)

dbus_bool_t dbus_message_iter_init(DBusMessage *message, DBusMessageIter *iter)
{
        return CHECK(message != NULL) && CHECK(iter != NULL) &&
               reading_init((struct reading *)(void *)iter, message);
}

dbus_bool_t dbus_message_iter_has_next(DBusMessageIter *iter)
{
        const struct reading *r = READER(iter);
        struct reading next;

        if (!r || !r->type)
                return FALSE;
        if (r->iter.container == DBUS_TYPE_ARRAY)
                return behind(r) < r->end;
        next = *r;
        next.type_at = next_type_at(r);
        return type_of(*reading_types(&next)) != DBUS_TYPE_INVALID;
}

dbus_bool_t dbus_message_iter_next(DBusMessageIter *iter)
{
        struct reading *r = READER(iter);

        return r && reading_next(r);
}

int dbus_message_iter_get_arg_type(DBusMessageIter *iter)
{
        const struct reading *r = READER(iter);

        return r ? r->type : DBUS_TYPE_INVALID;
}

int dbus_message_iter_get_element_type(DBusMessageIter *iter)
{
        const struct reading *r = READER(iter);

        if (!r || !CHECK_AS(r->type == DBUS_TYPE_ARRAY,
                            "dbus_message_iter_get_arg_type (iter) == DBUS_TYPE_ARRAY"))
                return DBUS_TYPE_INVALID;
        return type_of(reading_types(r)[1]);
}

void dbus_message_iter_recurse(DBusMessageIter *iter, DBusMessageIter *sub)
{
        const struct reading *r = READER(iter);

        if (!r || !CHECK(sub != NULL))
                return;
        if (dbus_type_is_container(r->type)) {
                reading_recurse(r, (struct reading *)(void *)sub);
                return;
        }
        if (r->type)
                warn_misuse("type %s %d is not a container type", type_name(r->type), r->type);
        else if (r->iter.container != DBUS_TYPE_ARRAY)
                warn_misuse("You can't recurse into an empty array or off the end of a message "
                            "body");
        /* Nothing can be read of it. Nor, without a word, of an element that is not there. */
        *(struct reading *)(void *)sub = (struct reading){.iter = r->iter, .type_at = r->type_at};
}

char *dbus_message_iter_get_signature(DBusMessageIter *iter)
{
        const struct reading *r = READER(iter);
        const char *types;
        size_t length = 0;
        char *copy;

        if (!r)
                return NULL;
        types = reading_types(r);
        /* An array has a type of elements even if it has none; other containers end with them. */
        if (type_of(*types))
                length = signature_next(types);
        copy = dbus_malloc(length + 1);
        if (copy) {
                memcpy(copy, types, length);
                copy[length] = '\0';
        }
        return copy;
}

void dbus_message_iter_get_basic(DBusMessageIter *iter, void *value)
{
        const struct reading *r = READER(iter);

        if (!r || !CHECK(value != NULL))
                return;
        if (r->type == DBUS_TYPE_UNIX_FD)
                *(int *)value = reading_fd(r);
        else if (type_basic(r->type))
                reading_basic(r, value);
        else
                warn_misuse("type %s %d not a basic type", type_name(r->type), r->type);
}

int dbus_message_iter_get_element_count(DBusMessageIter *iter)
{
        const struct reading *r = READER(iter);

        if (!r || !CHECK_AS(r->type == DBUS_TYPE_ARRAY,
                            "_dbus_type_reader_get_current_type (&real->u.reader) == "
                            "DBUS_TYPE_ARRAY"))
                return 0;
        return (int)reading_count(r);
}

int dbus_message_iter_get_array_len(DBusMessageIter *iter)
{
        const struct reading *r = READER(iter);

        return r ? (int)(r->end - r->first_at) : 0;
}

void dbus_message_iter_get_fixed_array(DBusMessageIter *iter, void *value, int *n_elements)
{
        const struct reading *r = READER(iter);
        const void *block = NULL;
        unsigned n = 0;

        if (!r || !CHECK(value != NULL) ||
            !CHECK_AS(r->type == DBUS_TYPE_INVALID ||
                              (type_fixed(r->type) && r->type != DBUS_TYPE_UNIX_FD),
                      "(subtype == DBUS_TYPE_INVALID) || (dbus_type_is_fixed (subtype) && subtype "
                      "!= DBUS_TYPE_UNIX_FD)"))
                return;
        if (r->iter.container == DBUS_TYPE_ARRAY)
                block = reading_block(r, &n);
        memcpy(value, &block, sizeof(block));
        *n_elements = (int)n;
}
