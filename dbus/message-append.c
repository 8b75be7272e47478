/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/body.h"
#include "core/bytes.h"
#include "core/syntax.h"
#include "message-edit.h"
#include "message-iter.h"
#include "type.h"

_Static_assert(sizeof(struct appender) <= sizeof(DBusMessageIter), "has to fit in");

/* Gives a received message what it takes to append to it. */
static bool begin_signature(DBusMessage *m)
{
        const char *signature = message_signature(&m->wire);

        if (!m->signature)
                m->signature = malloc(SIGNATURE_MAX_LENGTH + 1);
        if (!m->signature)
                return false;
        m->signature_length = (uint8_t)strlen(signature);
        memcpy(m->signature, signature, m->signature_length);
        return true;
}

bool appender_init(struct appender *a, DBusMessage *m)
{
        message_make_native(m);
        /* Containers that were left open, neither closed nor abandoned, are forgotten. */
        if (!begin_signature(m))
                return false;
        *a = (struct appender){.iter = {.message = m, .kind = ITER_APPENDER}};
        return true;
}

/* Takes `size` bytes of the body at the next multiple of the alignment; NULL without memory. */
static inline uint8_t *take(DBusMessage *m, uint32_t alignment, size_t size)
{
        uint32_t old = m->wire.header.body_size, at = align_up(old, alignment);
        uint64_t end = (uint64_t)at + size;
        uint8_t *body;

        /* There is always room for 8 bytes more, so that padding is one store of as many. */
        if (__builtin_expect(end + 8 > m->capacity, 0) && !message_make_room(m, 0, end + 8))
                return NULL;
        body = message_body_bytes(m);
        memset(body + old, 0, 8);
        m->wire.header.body_size = (uint32_t)end;
        return body + at;
}

/* The types that are given, from the next one on. */
static const char *expected(const struct appender *a)
{
        const DBusMessage *m = a->iter.message;

        return (a->iter.in_body ? (const char *)message_body_bytes(m) : m->signature) + a->type_at;
}

/* True if nothing more is expected, in signatures that end with NUL or where they are written. */
static bool is_at_end(const struct appender *a)
{
        return !a->iter.in_body && a->type_at >= a->iter.message->signature_length;
}

/* Goes to the type at an offset from where it is. */
static void expect(struct appender *a, uint32_t offset)
{
        a->type_at += offset;
        a->due = is_at_end(a) ? '\0' : *expected(a);
}

/* Says where in which signature something else was expected. */
static void warn_of_types(const struct appender *a, const char *what, const char *first,
                          const char *second)
{
        const DBusMessage *m = a->iter.message;
        /* Libdbus counts, and shows, the length in front of a variant's signature, too. */
        const char *types = a->iter.in_body ? (const char *)message_body_bytes(m) + a->types_at - 1
                                            : m->signature;
        int length = a->iter.in_body ? 1 + *types : m->signature_length;
        int byte = (int)(a->type_at - a->types_at) + a->iter.in_body;

        warn_misuse(what, first, second, length, types, byte);
}

#define IN_SIGNATURE                                                                               \
        "\nThe overall signature expected here was '%.*s' and we are on byte %d of that "          \
        "signature."

/* Complains of a value whose type starts with `c`. */
static void warn_unexpected(const struct appender *a, char c)
{
        char type = a->due;

        if (type)
                warn_of_types(a,
                              "Array or variant type requires that type %s be written, but %s was "
                              "written." IN_SIGNATURE,
                              type_name(type), type_name(c));
        else
                warn_of_types(
                        a,
                        "Array or variant type wasn't expecting any more values to be written "
                        "into it, but a value %s%s was written." IN_SIGNATURE,
                        type_name(c), "");
}

/* Sees that a value whose type starts with `c` may be appended; complains if not. */
static inline void check_expected(const struct appender *a, char c)
{
        if (__builtin_expect(a->due != c, 0))
                warn_unexpected(a, c);
}

/* The same for a container. */
static void check_expected_container(const struct appender *a, int type)
{
        char c = a->due;

        if (type_of(c) == type && c != ')' && c != '}')
                return;
        if (c)
                warn_of_types(a,
                              "Writing an element of type %s, but the expected type here is "
                              "%s" IN_SIGNATURE,
                              type_name(type), type_name(type_of(c)));
        else
                warn_of_types(a,
                              "Writing an element of type %s, but no value is expected "
                              "here%s" IN_SIGNATURE,
                              type_name(type), "");
}

/* Goes behind the type of a container that was appended, unless the next value has it, too. */
static void advance(struct appender *a)
{
        if (a->iter.container != DBUS_TYPE_ARRAY && type_of(a->due))
                expect(a, (uint32_t)signature_next(expected(a)));
}

/* Writes types behind those of the message. They fit: has_room() says so. */
static void write_types(DBusMessage *m, const char *types, size_t n)
{
        memcpy(m->signature + m->signature_length, types, n);
        m->signature_length = (uint8_t)(m->signature_length + n);
}

/* A signature that gets too long could not be put into a header. */
static bool has_room(const struct appender *a, size_t n)
{
        return a->expects || a->iter.message->signature_length + n <= SIGNATURE_MAX_LENGTH;
}

/* Puts the types into the header if what was appended is a whole value of the message. */
static bool commit(const struct appender *a)
{
        DBusMessage *m = a->iter.message;

        return a->iter.container ||
               message_put_text(m, FIELD_SIGNATURE, m->signature, m->signature_length);
}

/* Has appended a value of a basic type, to a body that had `old_size` before. */
static bool finish_basic(struct appender *a, char type, uint32_t old_size)
{
        DBusMessage *m = a->iter.message;

        if (a->expects) {
                if (a->iter.container != DBUS_TYPE_ARRAY && a->due)
                        expect(a, 1);
                return true;
        }
        write_types(m, &type, 1);
        if (commit(a))
                return true;
        m->signature_length -= 1;
        m->wire.header.body_size = old_size;
        return false;
}

static bool append_text(DBusMessage *m, const char *text, size_t length)
{
        uint32_t n = (uint32_t)length;
        uint8_t *to;

        if (length > MESSAGE_ROOM_MAX)
                return false;
        to = take(m, 4, 4 + length + 1);
        if (!to)
                return false;
        memcpy(to, &n, 4);
        memcpy(to + 4, text, length + 1);
        return true;
}

static bool append_string(DBusMessage *m, const void *value, const char *function)
{
        const char *text = *(const char *const *)value;
        size_t length = text ? strlen(text) : 0;

        if (__builtin_expect(!text || !syntax_utf8(text, length), 0))
                return check_failed(function, "_dbus_check_is_valid_utf8 (*string_p)", __FILE__,
                                    __LINE__);
        return append_text(m, text, length);
}

static bool append_path(DBusMessage *m, const void *value, const char *function)
{
        const char *text = *(const char *const *)value;
        size_t length = text ? strlen(text) : 0;

        if (!syntax_path(text, length))
                return check_failed(function, "_dbus_check_is_valid_path (*string_p)", __FILE__,
                                    __LINE__);
        return append_text(m, text, length);
}

static bool append_signature(DBusMessage *m, const void *value, const char *function)
{
        const char *text = *(const char *const *)value;
        size_t length = text ? strlen(text) : 0;
        uint8_t *to;

        if (!text || !signature_valid(text, length))
                return check_failed(function, "signature_validity == DBUS_VALID", __FILE__,
                                    __LINE__);
        to = take(m, 1, 1 + length + 1);
        if (!to)
                return false;
        to[0] = (uint8_t)length;
        memcpy(to + 1, text, length + 1);
        return true;
}

static bool append_fixed(DBusMessage *m, unsigned size, const void *value)
{
        uint8_t *to = take(m, size, size);

        if (!to)
                return false;
        memcpy(to, value, size);
        return true;
}

static bool append_fd(DBusMessage *m, const void *value)
{
        uint32_t old_size = m->wire.header.body_size, index;
        uint8_t *to = take(m, 4, 4);
        ptrdiff_t at;

        if (!to)
                return false;
        at = to - message_body_bytes(m);
        if (!message_add_fd(m, *(const int *)value, &index)) {
                m->wire.header.body_size = old_size;
                return false;
        }
        memcpy(message_body_bytes(m) + at, &index, 4);
        return true;
}

static bool append_value(DBusMessage *m, int type, const void *value, const char *function)
{
        switch (type) {
        case DBUS_TYPE_STRING:
                return append_string(m, value, function);
        case DBUS_TYPE_OBJECT_PATH:
                return append_path(m, value, function);
        case DBUS_TYPE_SIGNATURE:
                return append_signature(m, value, function);
        case DBUS_TYPE_UNIX_FD:
                return append_fd(m, value);
        case DBUS_TYPE_BOOLEAN:
                if (*(const dbus_bool_t *)value > 1)
                        return check_failed(function, "*bool_p == 0 || *bool_p == 1", __FILE__,
                                            __LINE__);
                return append_fixed(m, 4, value);
        case DBUS_TYPE_BYTE:
                return append_fixed(m, 1, value);
        case DBUS_TYPE_INT16:
        case DBUS_TYPE_UINT16:
                return append_fixed(m, 2, value);
        case DBUS_TYPE_INT32:
        case DBUS_TYPE_UINT32:
                return append_fixed(m, 4, value);
        default:
                return append_fixed(m, 8, value);
        }
}

bool appender_basic(struct appender *a, int type, const void *value, const char *function)
{
        uint32_t old_size = a->iter.message->wire.header.body_size;

        if (a->expects)
                check_expected(a, (char)type);
        return has_room(a, 1) && append_value(a->iter.message, type, value, function) &&
               finish_basic(a, (char)type, old_size);
}

bool appender_block(struct appender *a, int type, const void *elements, int n, const char *function)
{
        unsigned size = signature_fixed_size((char)type);
        const dbus_bool_t *booleans = elements;
        uint8_t *to;

        if (n < 0)
                return check_failed(function, "n_elements >= 0", __FILE__, __LINE__);
        if ((unsigned)n > DBUS_MAXIMUM_ARRAY_LENGTH / size)
                return check_failed(function,
                                    "n_elements <= DBUS_MAXIMUM_ARRAY_LENGTH / "
                                    "_dbus_type_get_alignment (element_type)",
                                    __FILE__, __LINE__);
        for (int i = 0; type == DBUS_TYPE_BOOLEAN && i < n; ++i)
                if (booleans[i] > 1)
                        return check_failed(function, "(*bools)[i] == 0 || (*bools)[i] == 1",
                                            __FILE__, __LINE__);
        check_expected(a, (char)type);
        to = take(a->iter.message, size, (size_t)n * size);
        if (!to)
                return false;
        if (n)
                memcpy(to, elements, (size_t)n * size);
        return true;
}

/* True if a container may hold values of these types. A dict entry stands in an array only. */
static bool may_contain(int type, const char *types, size_t n)
{
        char array[SIGNATURE_MAX_LENGTH + 1] = "a";

        if (n == 1)
                return signature_alignment(*types) && *types != '(' && *types != '{' &&
                       *types != 'a';
        if (type != DBUS_TYPE_ARRAY || *types != '{')
                return n && signature_valid(types, n);
        if (n >= SIGNATURE_MAX_LENGTH)
                return false;
        memcpy(array + 1, types, n);
        return signature_valid_single(array, n + 1);
}

static bool open_array(struct appender *a, const char *contained, size_t length,
                       struct appender *sub)
{
        DBusMessage *m = a->iter.message;
        uint8_t *to;

        if (a->expects) {
                check_expected_container(a, DBUS_TYPE_ARRAY);
                if (a->due == 'a' && strncmp(contained, expected(a) + 1, length))
                        warn_misuse("Writing an array of '%s' but this is incompatible with the "
                                    "expected type of elements in the parent array",
                                    contained);
        }
        if (!has_room(a, 1 + length))
                return false;
        to = take(m, 4, 4);
        if (!to)
                return false;
        memset(to, 0, 4);
        sub->length_at = (uint32_t)(to - message_body_bytes(m));
        if (!take(m, signature_alignment(*contained), 0))
                return false;
        sub->first_at = m->wire.header.body_size;
        sub->type_at = a->expects ? a->type_at : m->signature_length;
        if (!a->expects) {
                write_types(m, "a", 1);
                write_types(m, contained, length);
        }
        sub->expects = true;
        expect(sub, !a->expects || a->due);
        return true;
}

static bool open_variant(struct appender *a, const char *contained, size_t length,
                         struct appender *sub)
{
        DBusMessage *m = a->iter.message;
        uint8_t *to;

        if (a->expects) {
                check_expected_container(a, DBUS_TYPE_VARIANT);
                check_expected(a, 'v');
        }
        if (!has_room(a, 1))
                return false;
        to = take(m, 1, 1 + length + 1);
        if (!to)
                return false;
        to[0] = (uint8_t)length;
        memcpy(to + 1, contained, length + 1);
        sub->type_at = sub->types_at = (uint32_t)(to + 1 - message_body_bytes(m));
        if (!take(m, signature_alignment(*contained), 0))
                return false;
        if (!a->expects)
                write_types(m, "v", 1);
        sub->expects = sub->iter.in_body = true;
        expect(sub, 0);
        return true;
}

/* A struct, or a dict entry. */
static bool open_struct(struct appender *a, int type, struct appender *sub)
{
        DBusMessage *m = a->iter.message;
        char begin = type == DBUS_TYPE_STRUCT ? '(' : '{';

        if (a->expects) {
                check_expected_container(a, type);
                check_expected(a, begin);
        }
        if (!has_room(a, 2) || !take(m, 8, 0))
                return false;
        if (!a->expects)
                write_types(m, &begin, 1);
        sub->expects = a->expects;
        sub->type_at = a->type_at;
        if (a->expects)
                expect(sub, a->due == begin);
        return true;
}

bool appender_open(struct appender *a, int type, const char *contained, struct appender *sub,
                   const char *function)
{
        uint32_t old_size = a->iter.message->wire.header.body_size;
        size_t length = contained ? strlen(contained) : 0;
        struct appender opened = {.iter = a->iter, .types_at = a->types_at};
        bool ok;

        if (contained && !may_contain(type, contained, length))
                return check_failed(function,
                                    "(type == DBUS_TYPE_ARRAY && contained_signature && "
                                    "*contained_signature == DBUS_DICT_ENTRY_BEGIN_CHAR) || "
                                    "contained_signature == NULL || "
                                    "contained_signature_validity == DBUS_VALID",
                                    __FILE__, __LINE__);
        opened.iter.container = (uint8_t)type;
        ok = type == DBUS_TYPE_ARRAY     ? open_array(a, contained, length, &opened)
             : type == DBUS_TYPE_VARIANT ? open_variant(a, contained, length, &opened)
                                         : open_struct(a, type, &opened);
        if (!ok) {
                a->iter.message->wire.header.body_size = old_size;
                return false;
        }
        *sub = opened;
        return true;
}

/* Ends a struct or a dict entry. False if the message's signature gets too long. */
static bool end_struct(struct appender *sub)
{
        char end = sub->iter.container == DBUS_TYPE_STRUCT ? ')' : '}';

        if (sub->expects)
                check_expected(sub, end);
        else if (!has_room(sub, 1))
                return false;
        else
                write_types(sub->iter.message, &end, 1);
        return true;
}

bool appender_close(struct appender *a, struct appender *sub)
{
        DBusMessage *m = a->iter.message;
        bool ok = true;

        if (sub->iter.container == DBUS_TYPE_ARRAY) {
                uint32_t size = m->wire.header.body_size - sub->first_at;

                memcpy(message_body_bytes(m) + sub->length_at, &size, 4);
        } else if (sub->iter.container != DBUS_TYPE_VARIANT) {
                ok = end_struct(sub);
        }
        iter_close(&sub->iter);
        if (a->expects)
                advance(a);
        return ok && commit(a);
}

void appender_abandon(const struct appender *a, struct appender *sub)
{
        iter_close(&sub->iter);
        if (!a->iter.container)
                begin_signature(a->iter.message);
}

bool iter_unusable(const struct iter *i, const char *function, const char *check)
{
        if (i && i->message && (i->kind == ITER_READER || i->kind == ITER_APPENDER))
                return check_failed(function,
                                    i->kind == ITER_READER
                                            ? "real->iter_type == DBUS_MESSAGE_ITER_TYPE_WRITER"
                                            : "real->iter_type == DBUS_MESSAGE_ITER_TYPE_READER",
                                    __FILE__, __LINE__);
        if (!i)
                warn_misuse("dbus message iterator is NULL");
        else if (!i->message || i->kind == ITER_CLOSED)
                warn_misuse("dbus message iterator has already been closed, or is uninitialized or "
                            "corrupt");
        else
                warn_misuse("dbus message iterator looks uninitialized or corrupted");
        return check_failed(function, check, __FILE__, __LINE__);
}

/* The appender behind an iterator, to be used; NULL, after a complaint, if it may not be. */
static struct appender *appender_of(DBusMessageIter *iter, const char *function, const char *check)
{
        struct appender *a = (struct appender *)(void *)iter;

        if (__builtin_expect(!a || !a->iter.message || a->iter.kind != ITER_APPENDER, 0) &&
            (!a || !a->iter.message || a->iter.kind != ITER_READER || !a->iter.message->locked)) {
                iter_unusable((const struct iter *)(const void *)iter, function, check);
                return NULL;
        }
        if (a->iter.message->locked) {
                warn_misuse("dbus append iterator can't be used: message is locked (has already "
                            "been sent)");
                check_failed(function, check, __FILE__, __LINE__);
                return NULL;
        }
        return a;
}

#define APPENDER(iter)    appender_of(iter, __func__, "_dbus_message_iter_append_check (real)")
#define SUB_APPENDER(sub) appender_of(sub, __func__, "_dbus_message_iter_append_check (real_sub)")

void dbus_message_iter_init_append(DBusMessage *message, DBusMessageIter *iter)
{
        struct appender *a = (struct appender *)(void *)iter;

        if (!CHECK(message != NULL) || !CHECK(iter != NULL))
                return;
        if (message->locked)
                *a = (struct appender){.iter = {.message = message, .kind = ITER_APPENDER}};
        else if (!appender_init(a, message))
                iter_close(&a->iter);
}

dbus_bool_t dbus_message_iter_append_basic(DBusMessageIter *iter, int type, const void *value)
{
        struct appender *a = APPENDER(iter);

        if (!a ||
            !CHECK_AS(type_basic(type) || dbus_type_is_basic(type), "dbus_type_is_basic (type)") ||
            !CHECK(value != NULL))
                return FALSE;
        return appender_basic(a, type, value, __func__);
}

dbus_bool_t dbus_message_iter_append_fixed_array(DBusMessageIter *iter, int element_type,
                                                 const void *value, int n_elements)
{
        struct appender *a = APPENDER(iter);

        if (!a ||
            !CHECK_AS((type_fixed(element_type) || dbus_type_is_fixed(element_type)) &&
                              element_type != DBUS_TYPE_UNIX_FD,
                      "dbus_type_is_fixed (element_type) && element_type != DBUS_TYPE_UNIX_FD") ||
            !CHECK_AS(a->iter.container == DBUS_TYPE_ARRAY,
                      "real->u.writer.container_type == DBUS_TYPE_ARRAY") ||
            !CHECK(value != NULL))
                return FALSE;
        return appender_block(a, element_type, *(const void *const *)value, n_elements, __func__);
}

dbus_bool_t dbus_message_iter_open_container(DBusMessageIter *iter, int type,
                                             const char *contained_signature, DBusMessageIter *sub)
{
        struct appender *a = APPENDER(iter);

        if (!a)
                return FALSE;
        if (!CHECK_AS(dbus_type_is_container(type), "dbus_type_is_container (type)") ||
            !CHECK(sub != NULL))
                return FALSE;
        iter_close((struct iter *)(void *)sub);
        if (!CHECK_AS((type == DBUS_TYPE_ARRAY || type == DBUS_TYPE_VARIANT) ==
                              (contained_signature != NULL),
                      "(type == DBUS_TYPE_STRUCT && contained_signature == NULL) || "
                      "(type == DBUS_TYPE_DICT_ENTRY && contained_signature == NULL) || "
                      "(type == DBUS_TYPE_VARIANT && contained_signature != NULL) || "
                      "(type == DBUS_TYPE_ARRAY && contained_signature != NULL)"))
                return FALSE;
        return appender_open(a, type, contained_signature, (struct appender *)(void *)sub,
                             __func__);
}

dbus_bool_t dbus_message_iter_close_container(DBusMessageIter *iter, DBusMessageIter *sub)
{
        struct appender *a = APPENDER(iter), *s = a ? SUB_APPENDER(sub) : NULL;

        return s && appender_close(a, s);
}

void dbus_message_iter_abandon_container(DBusMessageIter *iter, DBusMessageIter *sub)
{
        struct appender *a = APPENDER(iter), *s = a ? SUB_APPENDER(sub) : NULL;

        if (s)
                appender_abandon(a, s);
}

void dbus_message_iter_abandon_container_if_open(DBusMessageIter *iter, DBusMessageIter *sub)
{
        const struct iter *i = (const struct iter *)(const void *)iter;
        const struct iter *s = (const struct iter *)(const void *)sub;

        /* Closed as DBUS_MESSAGE_ITER_INIT_CLOSED does it, or because that was done before. */
        if (i && s && !s->message && s->kind == ITER_CLOSED)
                return;
        if (APPENDER(iter) && SUB_APPENDER(sub))
                appender_abandon((const struct appender *)(const void *)iter,
                                 (struct appender *)(void *)sub);
}

void dbus_message_iter_init_closed(DBusMessageIter *iter)
{
        if (CHECK(iter != NULL))
                *iter = (DBusMessageIter)DBUS_MESSAGE_ITER_INIT_CLOSED;
}
