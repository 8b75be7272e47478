/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"

/* Calls of a message bus's own methods. */

/* What stands for a user that is not known. */
#define UID_UNSET ((unsigned long)-1)

/*
 * Makes a call of a method, with arguments as dbus_message_append_args_valist() takes them.
 * Returns NULL, with the error set if it is not NULL, without memory.
 */
static DBusMessage *make_call(const char *member, DBusError *error, int first_type, va_list args)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_DBUS, member);

        if (m && first_type != DBUS_TYPE_INVALID &&
            !dbus_message_append_args_valist(m, first_type, args)) {
                dbus_message_unref(m);
                m = NULL;
        }
        if (!m)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        return m;
}

/* Calls a method and waits for the reply. Returns NULL with the error set. */
static DBusMessage *call(DBusConnection *c, DBusError *error, const char *member, int first_type,
                         ...)
{
        DBusMessage *m, *reply;
        va_list args;

        va_start(args, first_type);
        m = make_call(member, error, first_type, args);
        va_end(args);
        if (!m)
                return NULL;
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, error);
        dbus_message_unref(m);
        return reply;
}

/* Takes the one value of a reply, and the reply's reference. Returns FALSE with the error set. */
static dbus_bool_t take(DBusMessage *reply, DBusError *error, int type, void *value)
{
        dbus_bool_t taken;

        if (!reply)
                return FALSE;
        taken = dbus_message_get_args(reply, error, type, value, DBUS_TYPE_INVALID);
        dbus_message_unref(reply);
        return taken;
}

static bool check_name(const char *function, DBusConnection *connection, const char *name,
                       const DBusError *error)
{
        return CHECK_FOR(function, connection != NULL) && CHECK_FOR(function, name != NULL) &&
               CHECK_FOR(function, dbus_validate_bus_name(name, NULL)) &&
               CHECK_NO_ERROR(function, error);
}

unsigned long dbus_bus_get_unix_user(DBusConnection *connection, const char *name, DBusError *error)
{
        dbus_uint32_t uid;

        if (!check_name(__func__, connection, name, error) ||
            !take(call(connection, error, "GetConnectionUnixUser", DBUS_TYPE_STRING, &name,
                       DBUS_TYPE_INVALID),
                  error, DBUS_TYPE_UINT32, &uid))
                return UID_UNSET;
        return uid;
}

char *dbus_bus_get_id(DBusConnection *connection, DBusError *error)
{
        const char *id;
        DBusMessage *reply;
        char *copy = NULL;

        if (!CHECK(connection != NULL) || !CHECK_NO_ERROR(__func__, error))
                return NULL;
        reply = call(connection, error, "GetId", DBUS_TYPE_INVALID);
        if (!reply)
                return NULL;
        if (dbus_message_get_args(reply, error, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID)) {
                size_t size = strlen(id) + 1;

                copy = dbus_malloc(size);
                if (copy)
                        memcpy(copy, id, size);
                else
                        dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        }
        dbus_message_unref(reply);
        return copy;
}

int dbus_bus_request_name(DBusConnection *connection, const char *name, unsigned int flags,
                          DBusError *error)
{
        dbus_uint32_t result, wire_flags = flags;

        if (!check_name(__func__, connection, name, error))
                return 0;
        if (!take(call(connection, error, "RequestName", DBUS_TYPE_STRING, &name, DBUS_TYPE_UINT32,
                       &wire_flags, DBUS_TYPE_INVALID),
                  error, DBUS_TYPE_UINT32, &result))
                return -1;
        return (int)result;
}

int dbus_bus_release_name(DBusConnection *connection, const char *name, DBusError *error)
{
        dbus_uint32_t result;

        if (!check_name(__func__, connection, name, error))
                return 0;
        if (!take(call(connection, error, "ReleaseName", DBUS_TYPE_STRING, &name,
                       DBUS_TYPE_INVALID),
                  error, DBUS_TYPE_UINT32, &result))
                return -1;
        return (int)result;
}

dbus_bool_t dbus_bus_name_has_owner(DBusConnection *connection, const char *name, DBusError *error)
{
        dbus_bool_t has_owner;

        if (!check_name(__func__, connection, name, error) ||
            !take(call(connection, error, "NameHasOwner", DBUS_TYPE_STRING, &name,
                       DBUS_TYPE_INVALID),
                  error, DBUS_TYPE_BOOLEAN, &has_owner))
                return FALSE;
        return has_owner;
}

dbus_bool_t dbus_bus_start_service_by_name(DBusConnection *connection, const char *name,
                                           dbus_uint32_t flags, dbus_uint32_t *result,
                                           DBusError *error)
{
        dbus_uint32_t started;

        if (!CHECK(connection != NULL) || !CHECK(dbus_validate_bus_name(name, NULL)) ||
            !take(call(connection, error, "StartServiceByName", DBUS_TYPE_STRING, &name,
                       DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID),
                  error, DBUS_TYPE_UINT32, &started))
                return FALSE;
        if (result)
                *result = started;
        return TRUE;
}

/* Without an error to set, nobody waits for the answer. */
static void send_match(DBusConnection *c, const char *member, const char *rule, ...)
{
        DBusMessage *m;
        va_list args;

        va_start(args, rule);
        m = make_call(member, NULL, DBUS_TYPE_STRING, args);
        va_end(args);
        if (!m)
                return;
        dbus_message_set_no_reply(m, TRUE);
        dbus_connection_send(c, m, NULL);
        dbus_message_unref(m);
}

static void change_match(DBusConnection *c, const char *member, const char *rule, DBusError *error)
{
        DBusMessage *reply;

        if (!error) {
                send_match(c, member, rule, &rule, DBUS_TYPE_INVALID);
                return;
        }
        reply = call(c, error, member, DBUS_TYPE_STRING, &rule, DBUS_TYPE_INVALID);
        if (reply)
                dbus_message_unref(reply);
}

void dbus_bus_add_match(DBusConnection *connection, const char *rule, DBusError *error)
{
        if (CHECK(rule != NULL))
                change_match(connection, "AddMatch", rule, error);
}

void dbus_bus_remove_match(DBusConnection *connection, const char *rule, DBusError *error)
{
        if (CHECK(rule != NULL))
                change_match(connection, "RemoveMatch", rule, error);
}
