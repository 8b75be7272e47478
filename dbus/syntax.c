/* SPDX-License-Identifier: MIT */
#include "core/syntax.h"

#include <string.h>

#include <dbus/dbus.h>

#include "check.h"

/* A kind of text, with what it is called in errors. */
struct kind {
        const char *name;
        bool (*is_valid)(const char *text, size_t length);
};

static dbus_bool_t validate(const struct kind *kind, const char *text, DBusError *error)
{
        size_t length = strlen(text);

        /* Text that is not even UTF-8 is not repeated: who shows the error could not. */
        if (!syntax_utf8(text, length)) {
                dbus_set_error(error, DBUS_ERROR_INVALID_ARGS, "%s was not valid UTF-8",
                               kind->name);
                return FALSE;
        }
        if (!kind->is_valid(text, length)) {
                dbus_set_error(error, DBUS_ERROR_INVALID_ARGS, "%s was not valid: '%s'", kind->name,
                               text);
                return FALSE;
        }
        return TRUE;
}

dbus_bool_t dbus_validate_path(const char *path, DBusError *error)
{
        static const struct kind kind = {"Object path", syntax_path};

        return CHECK(path != NULL) && validate(&kind, path, error);
}

dbus_bool_t dbus_validate_interface(const char *name, DBusError *error)
{
        static const struct kind kind = {"Interface name", syntax_interface};

        return CHECK(name != NULL) && validate(&kind, name, error);
}

dbus_bool_t dbus_validate_member(const char *name, DBusError *error)
{
        static const struct kind kind = {"Member name", syntax_member};

        return CHECK(name != NULL) && validate(&kind, name, error);
}

dbus_bool_t dbus_validate_error_name(const char *name, DBusError *error)
{
        static const struct kind kind = {"Error name", syntax_error_name};

        return CHECK(name != NULL) && validate(&kind, name, error);
}

dbus_bool_t dbus_validate_bus_name(const char *name, DBusError *error)
{
        static const struct kind kind = {"Bus name", syntax_bus_name};

        return CHECK(name != NULL) && validate(&kind, name, error);
}

dbus_bool_t dbus_validate_utf8(const char *alleged_utf8, DBusError *error)
{
        static const struct kind kind = {"String", syntax_utf8};

        return CHECK(alleged_utf8 != NULL) && validate(&kind, alleged_utf8, error);
}
