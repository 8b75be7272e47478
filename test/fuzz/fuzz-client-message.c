/* SPDX-License-Identifier: MIT */

/*
 * Bytes that a program may have been given as a message. If they are one, all of it can be read;
 * what is read makes the same message again, value by value, and so do its own bytes.
 */

#include <dbus/dbus.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "fuzz.h"

static void copy_values(DBusMessageIter *from, DBusMessageIter *to);

static void copy_container(DBusMessageIter *from, DBusMessageIter *to, int type)
{
        DBusMessageIter inside, copy = DBUS_MESSAGE_ITER_INIT_CLOSED;
        char *types = NULL;

        dbus_message_iter_recurse(from, &inside);
        if (type == DBUS_TYPE_ARRAY || type == DBUS_TYPE_VARIANT) {
                types = dbus_message_iter_get_signature(&inside);
                require(types && *types);
        }
        require(dbus_message_iter_open_container(to, type, types, &copy));
        copy_values(&inside, &copy);
        require(dbus_message_iter_close_container(to, &copy));
        dbus_free(types);
}

/* Copies what is left of an array at once, which has to be as much as was counted. */
static void copy_block(DBusMessageIter *from, DBusMessageIter *to, int type, int n)
{
        const void *elements;
        int n_elements;

        dbus_message_iter_get_fixed_array(from, &elements, &n_elements);
        require(n_elements == n);
        require(dbus_message_iter_append_fixed_array(to, type, &elements, n_elements));
}

static void copy_fixed_array(DBusMessageIter *from, DBusMessageIter *to, int type)
{
        DBusMessageIter inside, copy = DBUS_MESSAGE_ITER_INIT_CLOSED;
        const char types[] = {(char)type, '\0'};

        dbus_message_iter_recurse(from, &inside);
        require(dbus_message_iter_open_container(to, DBUS_TYPE_ARRAY, types, &copy));
        copy_block(&inside, &copy, type, dbus_message_iter_get_element_count(from));
        require(dbus_message_iter_close_container(to, &copy));
}

static void copy_values(DBusMessageIter *from, DBusMessageIter *to)
{
        int type;

        while ((type = dbus_message_iter_get_arg_type(from)) != DBUS_TYPE_INVALID) {
                int element = type == DBUS_TYPE_ARRAY ? dbus_message_iter_get_element_type(from)
                                                      : DBUS_TYPE_INVALID;
                dbus_bool_t has_next = dbus_message_iter_has_next(from);
                DBusBasicValue value;

                if (dbus_type_is_fixed(element) && element != DBUS_TYPE_UNIX_FD) {
                        copy_fixed_array(from, to, element);
                } else if (dbus_type_is_container(type)) {
                        copy_container(from, to, type);
                } else {
                        dbus_message_iter_get_basic(from, &value);
                        require(dbus_message_iter_append_basic(to, type, &value));
                }
                require(dbus_message_iter_next(from) == has_next);
        }
}

static const struct {
        const char *(*get)(DBusMessage *m);
        dbus_bool_t (*set)(DBusMessage *m, const char *text);
} fields[] = {
        {dbus_message_get_path, dbus_message_set_path},
        {dbus_message_get_interface, dbus_message_set_interface},
        {dbus_message_get_member, dbus_message_set_member},
        {dbus_message_get_error_name, dbus_message_set_error_name},
        {dbus_message_get_destination, dbus_message_set_destination},
        {dbus_message_get_sender, dbus_message_set_sender},
        {dbus_message_get_container_instance, dbus_message_set_container_instance},
};

/* A message with the same fields, without arguments. */
static DBusMessage *copy_header(DBusMessage *m)
{
        DBusMessage *copy = dbus_message_new(dbus_message_get_type(m));

        require(copy != NULL);
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); ++i)
                require(fields[i].set(copy, fields[i].get(m)));
        if (dbus_message_get_reply_serial(m))
                require(dbus_message_set_reply_serial(copy, dbus_message_get_reply_serial(m)));
        dbus_message_set_serial(copy, dbus_message_get_serial(m));
        dbus_message_set_no_reply(copy, dbus_message_get_no_reply(m));
        dbus_message_set_auto_start(copy, dbus_message_get_auto_start(m));
        dbus_message_set_allow_interactive_authorization(
                copy, dbus_message_get_allow_interactive_authorization(m));
        return copy;
}

static bool same_texts(const char *a, const char *b)
{
        return a && b ? !strcmp(a, b) : a == b;
}

/* Marshals a message, and makes one of that, which has to be the same. */
static DBusMessage *through_bytes(DBusMessage *m)
{
        DBusMessage *again;
        char *bytes, *bytes_again;
        int n, n_again;

        require(dbus_message_marshal(m, &bytes, &n));
        require(dbus_message_demarshal_bytes_needed(bytes, n) == n);
        again = dbus_message_demarshal(bytes, n, NULL);
        require(again != NULL);
        require(dbus_message_marshal(again, &bytes_again, &n_again));
        require(n == n_again && !memcmp(bytes, bytes_again, (size_t)n));
        dbus_free(bytes);
        dbus_free(bytes_again);
        return again;
}

/* Both have the same header. */
static void check_same(DBusMessage *a, DBusMessage *b)
{
        for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); ++i)
                require(same_texts(fields[i].get(a), fields[i].get(b)));
        require(same_texts(dbus_message_get_signature(a), dbus_message_get_signature(b)));
        require(dbus_message_get_type(a) == dbus_message_get_type(b));
        require(dbus_message_get_serial(a) == dbus_message_get_serial(b));
        require(dbus_message_get_reply_serial(a) == dbus_message_get_reply_serial(b));
}

/* Where the body starts in the bytes of a message in native order ("Message Format"). */
static size_t body_at(const char *bytes)
{
        uint32_t fields_size;

        memcpy(&fields_size, bytes + 12, sizeof(fields_size));
        return (16 + (size_t)fields_size + 7) & ~(size_t)7;
}

/* There is one way only to marshal values. */
static void check_same_body(DBusMessage *a, DBusMessage *b)
{
        char *bytes_a, *bytes_b;
        int n_a, n_b;
        size_t size;

        require(dbus_message_marshal(a, &bytes_a, &n_a));
        require(dbus_message_marshal(b, &bytes_b, &n_b));
        size = (size_t)n_a - body_at(bytes_a);
        require((size_t)n_b - body_at(bytes_b) == size);
        require(!memcmp(bytes_a + body_at(bytes_a), bytes_b + body_at(bytes_b), size));
        dbus_free(bytes_a);
        dbus_free(bytes_b);
}

/* Variants may hold descriptors that no signature tells of: there are none to be duplicated. */
static bool can_be_copied(DBusMessageIter *iter)
{
        int type;

        for (; (type = dbus_message_iter_get_arg_type(iter)); dbus_message_iter_next(iter)) {
                DBusMessageIter inside;

                if (type == DBUS_TYPE_UNIX_FD)
                        return false;
                if (!dbus_type_is_container(type))
                        continue;
                dbus_message_iter_recurse(iter, &inside);
                if (!can_be_copied(&inside))
                        return false;
        }
        return true;
}

static void check_message(DBusMessage *m)
{
        DBusMessageIter from, to;
        DBusMessage *again = through_bytes(m), *copy;
        dbus_bool_t has_arguments;

        check_same(m, again);
        dbus_message_unref(again);

        has_arguments = dbus_message_iter_init(m, &from);
        require(has_arguments == (*dbus_message_get_signature(m) != '\0'));
        if (!can_be_copied(&from))
                return;
        copy = copy_header(m);
        dbus_message_iter_init(m, &from);
        dbus_message_iter_init_append(copy, &to);
        copy_values(&from, &to);
        check_same(m, copy);
        check_same_body(m, copy);

        /* What was read and written is good for another to read; and so on. */
        again = through_bytes(copy);
        check_same(copy, again);
        dbus_message_unref(again);
        dbus_message_unref(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m;

        if (size > INT_MAX)
                return 0;
        m = dbus_message_demarshal((const char *)data, (int)size, &error);
        require((m == NULL) == (bool)dbus_error_is_set(&error));
        dbus_error_free(&error);
        if (m) {
                check_message(m);
                dbus_message_unref(m);
        }
        return 0;
}
