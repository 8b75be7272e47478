/* SPDX-License-Identifier: MIT */
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/syntax.h"
#include "message-edit.h"

typedef bool syntax_function(const char *text, size_t length);

/* Sets a text for the public function of that name; `condition` is what it says of a wrong one. */
static dbus_bool_t set_text(const char *function, DBusMessage *m, enum header_field field,
                            const char *text, syntax_function *valid, const char *condition)
{
        size_t length = text ? strlen(text) : 0;
        const char *wrong = !m                             ? "message != NULL"
                            : m->locked                    ? "!message->locked"
                            : text && !valid(text, length) ? condition
                                                           : NULL;

        if (wrong)
                return check_failed(function, wrong, __FILE__, __LINE__);
        return message_put_text(m, field, text, length);
}

/* Gets a text for the public function of that name. */
static const char *get_text(const char *function, const DBusMessage *m, enum header_field field)
{
        if (!m && !check_failed(function, "message != NULL", __FILE__, __LINE__))
                return NULL;
        return message_text(&m->wire, field);
}

static bool same(const char *a, const char *b)
{
        return a && b ? !strcmp(a, b) : a == b;
}

dbus_bool_t dbus_message_set_path(DBusMessage *message, const char *object_path)
{
        return set_text(__func__, message, FIELD_PATH, object_path, syntax_path,
                        "object_path == NULL || _dbus_check_is_valid_path (object_path)");
}

const char *dbus_message_get_path(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_PATH);
}

dbus_bool_t dbus_message_has_path(DBusMessage *message, const char *path)
{
        return same(dbus_message_get_path(message), path);
}

dbus_bool_t dbus_message_set_interface(DBusMessage *message, const char *iface)
{
        return set_text(__func__, message, FIELD_INTERFACE, iface, syntax_interface,
                        "iface == NULL || _dbus_check_is_valid_interface (iface)");
}

const char *dbus_message_get_interface(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_INTERFACE);
}

dbus_bool_t dbus_message_has_interface(DBusMessage *message, const char *iface)
{
        return same(dbus_message_get_interface(message), iface);
}

dbus_bool_t dbus_message_set_member(DBusMessage *message, const char *member)
{
        return set_text(__func__, message, FIELD_MEMBER, member, syntax_member,
                        "member == NULL || _dbus_check_is_valid_member (member)");
}

const char *dbus_message_get_member(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_MEMBER);
}

dbus_bool_t dbus_message_has_member(DBusMessage *message, const char *member)
{
        return same(dbus_message_get_member(message), member);
}

dbus_bool_t dbus_message_set_error_name(DBusMessage *message, const char *name)
{
        return set_text(__func__, message, FIELD_ERROR_NAME, name, syntax_error_name,
                        "error_name == NULL || _dbus_check_is_valid_error_name (error_name)");
}

const char *dbus_message_get_error_name(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_ERROR_NAME);
}

dbus_bool_t dbus_message_set_destination(DBusMessage *message, const char *destination)
{
        return set_text(__func__, message, FIELD_DESTINATION, destination, syntax_bus_name,
                        "destination == NULL || _dbus_check_is_valid_bus_name (destination)");
}

const char *dbus_message_get_destination(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_DESTINATION);
}

dbus_bool_t dbus_message_has_destination(DBusMessage *message, const char *name)
{
        return CHECK(message != NULL) && CHECK(name != NULL) &&
               same(dbus_message_get_destination(message), name);
}

dbus_bool_t dbus_message_set_sender(DBusMessage *message, const char *sender)
{
        return set_text(__func__, message, FIELD_SENDER, sender, syntax_bus_name,
                        "sender == NULL || _dbus_check_is_valid_bus_name (sender)");
}

const char *dbus_message_get_sender(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_SENDER);
}

dbus_bool_t dbus_message_has_sender(DBusMessage *message, const char *name)
{
        return CHECK(message != NULL) && CHECK(name != NULL) &&
               same(dbus_message_get_sender(message), name);
}

dbus_bool_t dbus_message_set_container_instance(DBusMessage *message, const char *object_path)
{
        return set_text(__func__, message, FIELD_CONTAINER_INSTANCE, object_path, syntax_path,
                        "object_path == NULL || _dbus_check_is_valid_path (object_path)");
}

const char *dbus_message_get_container_instance(DBusMessage *message)
{
        return get_text(__func__, message, FIELD_CONTAINER_INSTANCE);
}

const char *dbus_message_get_signature(DBusMessage *message)
{
        return CHECK(message != NULL) ? message_signature(&message->wire) : NULL;
}

dbus_bool_t dbus_message_has_signature(DBusMessage *message, const char *signature)
{
        return CHECK(message != NULL) && CHECK(signature != NULL) &&
               same(message_signature(&message->wire), signature);
}

dbus_bool_t dbus_message_set_reply_serial(DBusMessage *message, dbus_uint32_t reply_serial)
{
        return CHECK(message != NULL) && CHECK(!message->locked) && CHECK(reply_serial != 0) &&
               message_put_number(message, FIELD_REPLY_SERIAL, reply_serial);
}

dbus_uint32_t dbus_message_get_reply_serial(DBusMessage *message)
{
        return CHECK(message != NULL) ? message->wire.header.reply_serial : 0;
}

/* True if a message has the type, the member, and that or no interface. */
static bool is_of(const DBusMessage *m, int type, const char *interface, const char *member)
{
        const char *has = message_text(&m->wire, FIELD_INTERFACE);

        return m->wire.header.type == type && (!has || !strcmp(has, interface)) &&
               same(message_text(&m->wire, FIELD_MEMBER), member);
}

dbus_bool_t dbus_message_is_method_call(DBusMessage *message, const char *iface, const char *method)
{
        return CHECK(message != NULL) && CHECK(iface != NULL) && CHECK(method != NULL) &&
               is_of(message, DBUS_MESSAGE_TYPE_METHOD_CALL, iface, method);
}

dbus_bool_t dbus_message_is_signal(DBusMessage *message, const char *iface, const char *signal_name)
{
        return CHECK(message != NULL) && CHECK(iface != NULL) && CHECK(signal_name != NULL) &&
               is_of(message, DBUS_MESSAGE_TYPE_SIGNAL, iface, signal_name);
}

dbus_bool_t dbus_message_is_error(DBusMessage *message, const char *error_name)
{
        return CHECK(message != NULL) && CHECK(error_name != NULL) &&
               message->wire.header.type == DBUS_MESSAGE_TYPE_ERROR &&
               same(message_text(&message->wire, FIELD_ERROR_NAME), error_name);
}

/* A copy of `length` characters that dbus_free() frees. */
static char *copy_text(const char *text, size_t length)
{
        char *copy = dbus_malloc(length + 1);

        if (copy) {
                memcpy(copy, text, length);
                copy[length] = '\0';
        }
        return copy;
}

/* Splits an object path; "/" has no elements. Returns NULL without memory. */
static char **split_path(const char *path)
{
        size_t n = 0, i = 0;
        char **elements;

        for (const char *c = path; *c; ++c)
                n += *c == '/';
        if (!path[1])
                n = 0;
        elements = dbus_malloc0((n + 1) * sizeof(*elements));
        while (elements && i < n) {
                const char *element = path + 1, *end = strchrnul(element, '/');

                elements[i] = copy_text(element, (size_t)(end - element));
                if (!elements[i]) {
                        dbus_free_string_array(elements);
                        return NULL;
                }
                path = end;
                i += 1;
        }
        return elements;
}

dbus_bool_t dbus_message_get_path_decomposed(DBusMessage *message, char ***path)
{
        const char *text;

        if (!CHECK(message != NULL) || !CHECK(path != NULL))
                return FALSE;
        text = message_text(&message->wire, FIELD_PATH);
        *path = text ? split_path(text) : NULL;
        return *path || !text;
}
