/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"

/*
 * The fields that programs may not touch. `dummy1` is set while the name and the message are
 * somebody else's: so it is in an error that DBUS_ERROR_INIT makes.
 */
#define IS_BORROWED dummy1

/* What stands for a text that the caller did not give. Programs know these. */
static const struct {
        const char *name, *message;
} default_messages[] = {
        {DBUS_ERROR_FAILED, "Unknown error"},
        {DBUS_ERROR_NO_MEMORY, "Not enough memory available"},
        {DBUS_ERROR_NO_REPLY, "Did not get a reply message."},
        {DBUS_ERROR_IO_ERROR, "Error reading or writing data"},
        {DBUS_ERROR_BAD_ADDRESS, "Could not parse address"},
        {DBUS_ERROR_NOT_SUPPORTED, "Feature not supported"},
        {DBUS_ERROR_LIMITS_EXCEEDED, "Resource limits exceeded"},
        {DBUS_ERROR_ACCESS_DENIED, "Permission denied"},
        {DBUS_ERROR_AUTH_FAILED, "Could not authenticate to server"},
        {DBUS_ERROR_NO_SERVER, "No server available at address"},
        {DBUS_ERROR_TIMEOUT, "Connection timed out"},
        {DBUS_ERROR_NO_NETWORK, "Network unavailable"},
        {DBUS_ERROR_ADDRESS_IN_USE, "Address already in use"},
        {DBUS_ERROR_DISCONNECTED, "Disconnected."},
        {DBUS_ERROR_INVALID_ARGS, "Invalid arguments."},
        {DBUS_ERROR_FILE_NOT_FOUND, "File doesn't exist."},
        {DBUS_ERROR_OBJECT_PATH_IN_USE, "Object path already in use"},
};

static const char *default_message(const char *name)
{
        for (size_t i = 0; i < sizeof(default_messages) / sizeof(*default_messages); i++)
                if (strcmp(default_messages[i].name, name) == 0)
                        return default_messages[i].message;
        return name;
}

/* The library's own strings lose their const where they are freed, and nowhere else. */
static void free_string(const char *s)
{
        free((void *)(uintptr_t)s);
}

void dbus_error_init(DBusError *error)
{
        static const DBusError none = DBUS_ERROR_INIT;

        if (!CHECK(error != NULL))
                return;
        *error = none;
}

void dbus_error_free(DBusError *error)
{
        if (!CHECK(error != NULL))
                return;
        if (!error->IS_BORROWED) {
                free_string(error->name);
                free_string(error->message);
        }
        dbus_error_init(error);
}

void dbus_set_error_const(DBusError *error, const char *name, const char *message)
{
        if (!CHECK_NO_ERROR(__func__, error) || !CHECK(name != NULL))
                return;
        if (!error)
                return;
        dbus_error_init(error);
        error->name = name;
        error->message = message ? message : default_message(name);
}

void dbus_set_error(DBusError *error, const char *name, const char *message, ...)
{
        char *own_name, *own_message;
        va_list arguments;

        if (!error)
                return;
        if (!CHECK_NO_ERROR(__func__, error) || !CHECK(name != NULL))
                return;
        own_name = strdup(name);
        if (message) {
                va_start(arguments, message);
                if (vasprintf(&own_message, message, arguments) < 0)
                        own_message = NULL;
                va_end(arguments);
        } else {
                own_message = strdup(default_message(name));
        }
        if (!own_name || !own_message) {
                free(own_name);
                free(own_message);
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
                return;
        }
        error->name = own_name;
        error->message = own_message;
        error->IS_BORROWED = FALSE;
}

void dbus_move_error(DBusError *src, DBusError *dest)
{
        if (!CHECK(src != NULL) || !CHECK_AS(!dest || !dbus_error_is_set(dest),
                                             "(dest) == NULL || !dbus_error_is_set ((dest))"))
                return;
        if (!dest) {
                dbus_error_free(src);
                return;
        }
        *dest = *src;
        dbus_error_init(src);
}

dbus_bool_t dbus_error_has_name(const DBusError *error, const char *name)
{
        if (!CHECK(error != NULL) || !CHECK(name != NULL))
                return FALSE;
        return error->name && strcmp(error->name, name) == 0;
}

dbus_bool_t dbus_error_is_set(const DBusError *error)
{
        if (!CHECK(error != NULL))
                return FALSE;
        return error->name != NULL;
}
