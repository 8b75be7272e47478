/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/syntax.h"
#include "message-edit.h"

/* A text of the header to be; NULL: no such field. */
struct text {
        enum header_field field;
        const char *text;
        size_t length;
};

static struct text text_of(enum header_field field, const char *text)
{
        return (struct text){field, text, text ? strlen(text) : 0};
}

/* Makes a message with the texts, in that order, and with a reply serial if that is not 0. */
static DBusMessage *new_with_texts(int type, unsigned flags, const struct text *texts, size_t n,
                                   uint32_t reply_serial)
{
        size_t size = HEADER_FIXED_SIZE + (reply_serial ? message_number_size() : 0);
        DBusMessage *m;

        for (size_t i = 0; i < n; ++i)
                if (texts[i].text)
                        size += message_text_size(texts[i].field, texts[i].length);
        m = message_new(type, flags, size, 0);
        if (!m)
                return NULL;
        for (size_t i = 0; i < n; ++i)
                if (texts[i].text)
                        message_add_text(m, texts[i].field, texts[i].text, texts[i].length);
        if (reply_serial)
                message_add_number(m, FIELD_REPLY_SERIAL, reply_serial);
        return m;
}

DBusMessage *dbus_message_new_method_call(const char *destination, const char *path,
                                          const char *iface, const char *method)
{
        const struct text texts[] = {
                text_of(FIELD_PATH, path),
                text_of(FIELD_DESTINATION, destination),
                text_of(FIELD_INTERFACE, iface),
                text_of(FIELD_MEMBER, method),
        };

        if (!CHECK(path != NULL) || !CHECK(method != NULL) ||
            !CHECK_AS(!destination || syntax_bus_name(destination, texts[1].length),
                      "destination == NULL || _dbus_check_is_valid_bus_name (destination)") ||
            !CHECK_AS(syntax_path(path, texts[0].length), "_dbus_check_is_valid_path (path)") ||
            !CHECK_AS(!iface || syntax_interface(iface, texts[2].length),
                      "iface == NULL || _dbus_check_is_valid_interface (iface)") ||
            !CHECK_AS(syntax_member(method, texts[3].length),
                      "_dbus_check_is_valid_member (method)"))
                return NULL;
        return new_with_texts(DBUS_MESSAGE_TYPE_METHOD_CALL, 0, texts, 4, 0);
}

DBusMessage *dbus_message_new_signal(const char *path, const char *iface, const char *name)
{
        const struct text texts[] = {
                text_of(FIELD_PATH, path),
                text_of(FIELD_INTERFACE, iface),
                text_of(FIELD_MEMBER, name),
        };

        if (!CHECK(path != NULL) || !CHECK(iface != NULL) || !CHECK(name != NULL) ||
            !CHECK_AS(syntax_path(path, texts[0].length), "_dbus_check_is_valid_path (path)") ||
            !CHECK_AS(syntax_interface(iface, texts[1].length),
                      "_dbus_check_is_valid_interface (iface)") ||
            !CHECK_AS(syntax_member(name, texts[2].length), "_dbus_check_is_valid_member (name)"))
                return NULL;
        return new_with_texts(DBUS_MESSAGE_TYPE_SIGNAL, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, texts,
                              3, 0);
}

/* The answer to a message goes where that came from. */
static DBusMessage *new_reply(int type, const DBusMessage *to, const char *error_name)
{
        const struct header_text *sender = &to->wire.header.text[FIELD_SENDER];
        const struct text texts[] = {
                {FIELD_DESTINATION, message_text(&to->wire, FIELD_SENDER), sender->length},
                text_of(FIELD_ERROR_NAME, error_name),
        };

        /* What libdbus says when it makes one of a message that never was sent. */
        if (!message_serial(to) &&
            !check_failed("dbus_message_set_reply_serial", "reply_serial != 0", __FILE__, __LINE__))
                return NULL;
        return new_with_texts(type, DBUS_HEADER_FLAG_NO_REPLY_EXPECTED, texts, 2,
                              message_serial(to));
}

DBusMessage *dbus_message_new_method_return(DBusMessage *method_call)
{
        return CHECK(method_call != NULL)
                       ? new_reply(DBUS_MESSAGE_TYPE_METHOD_RETURN, method_call, NULL)
                       : NULL;
}

static bool is_error_name(const char *name)
{
        return syntax_error_name(name, strlen(name));
}

DBusMessage *dbus_message_new_error(DBusMessage *reply_to, const char *error_name,
                                    const char *error_message)
{
        DBusMessage *m;

        if (!CHECK(reply_to != NULL) || !CHECK(error_name != NULL) ||
            !CHECK_AS(is_error_name(error_name), "_dbus_check_is_valid_error_name (error_name)"))
                return NULL;
        m = new_reply(DBUS_MESSAGE_TYPE_ERROR, reply_to, error_name);
        if (m && error_message &&
            !dbus_message_append_args(m, DBUS_TYPE_STRING, &error_message, DBUS_TYPE_INVALID)) {
                dbus_message_unref(m);
                return NULL;
        }
        return m;
}

DBusMessage *dbus_message_new_error_printf(DBusMessage *reply_to, const char *error_name,
                                           const char *error_format, ...)
{
        DBusMessage *m = NULL;
        va_list arguments;
        char *text;
        int r;

        if (!CHECK(reply_to != NULL) || !CHECK(error_name != NULL) ||
            !CHECK_AS(is_error_name(error_name), "_dbus_check_is_valid_error_name (error_name)"))
                return NULL;
        va_start(arguments, error_format);
        r = vasprintf(&text, error_format, arguments);
        va_end(arguments);
        if (r >= 0) {
                m = dbus_message_new_error(reply_to, error_name, text);
                free(text);
        }
        return m;
}
