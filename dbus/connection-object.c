/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* The type of the document that introspection answers with (specification, "Introspection Data
 * Format"). */
#define INTROSPECT_START                                                                           \
        "<!DOCTYPE node PUBLIC \"-//freedesktop//DTD D-BUS Object Introspection 1.0//EN\"\n"       \
        "\"http://www.freedesktop.org/standards/dbus/1.0/introspect.dtd\">\n<node>\n"
#define INTROSPECT_END "</node>\n"

/* Asks one handler, unless it has been unregistered since it was found. */
static DBusHandlerResult ask(DBusConnection *c, const struct object_node *node, DBusMessage *m)
{
        DBusObjectPathMessageFunction function;
        DBusHandlerResult result;
        void *data;

        function = object_handler(node, &data);
        if (!function)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        connection_unlock(c);
        result = function(c, m, data);
        connection_lock(c);
        return result;
}

static bool is_introspect(const DBusMessage *m)
{
        const char *interface = message_text(&m->wire, FIELD_INTERFACE);
        const char *member = message_text(&m->wire, FIELD_MEMBER);

        return m->wire.header.type == MESSAGE_METHOD_CALL && member &&
               !strcmp(member, "Introspect") &&
               (!interface || !strcmp(interface, DBUS_INTERFACE_INTROSPECTABLE));
}

DBusHandlerResult connection_answer(DBusConnection *c, DBusMessage *reply)
{
        int r;

        if (!reply)
                return DBUS_HANDLER_RESULT_NEED_MEMORY;
        r = connection_send(c, reply, NULL);
        connection_unlock(c);
        dbus_message_unref(reply);
        connection_lock(c);
        return r < 0 ? DBUS_HANDLER_RESULT_NEED_MEMORY : DBUS_HANDLER_RESULT_HANDLED;
}

/* What is registered below a path, as XML. Returns text to be freed, or NULL. */
static char *describe_children(char *const *children)
{
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);
        bool failed;

        if (!f)
                return NULL;
        fputs(INTROSPECT_START, f);
        for (; *children; ++children)
                fprintf(f, "  <node name=\"%s\"/>\n", *children);
        fputs(INTROSPECT_END, f);
        failed = ferror(f);
        if (fclose(f) || failed) {
                free(text);
                return NULL;
        }
        return text;
}

/* An application that does not describe its objects itself has at least their paths shown. */
static DBusMessage *introspection(DBusConnection *c, DBusMessage *m)
{
        DBusMessage *reply = NULL;
        char **children, *text;

        if (object_tree_children(&c->objects, message_text(&m->wire, FIELD_PATH), &children) < 0)
                return NULL;
        text = describe_children(children);
        dbus_free_string_array(children);
        if (text)
                reply = dbus_message_new_method_return(m);
        if (reply && !dbus_message_append_args(reply, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID)) {
                dbus_message_unref(reply);
                reply = NULL;
        }
        free(text);
        return reply;
}

DBusHandlerResult objects_run(DBusConnection *c, DBusMessage *m, bool *is_object)
{
        const char *path = message_text(&m->wire, FIELD_PATH);
        DBusHandlerResult result = DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        struct object_handlers handlers;

        if (!path)
                return result;
        if (object_tree_find(&c->objects, path, &handlers) < 0)
                return DBUS_HANDLER_RESULT_NEED_MEMORY;
        for (size_t i = 0; i < handlers.n && result == DBUS_HANDLER_RESULT_NOT_YET_HANDLED; ++i)
                result = ask(c, handlers.nodes[i], m);
        *is_object = handlers.is_object;
        object_handlers_free(&handlers);
        if (result == DBUS_HANDLER_RESULT_NOT_YET_HANDLED && is_introspect(m))
                result = connection_answer(c, introspection(c, m));
        return result;
}

/* Registers, and says in *error, or on stderr if nobody asked, what went wrong. */
static dbus_bool_t register_path(DBusConnection *c, const char *path,
                                 const struct object_registration *registration, DBusError *error)
{
        int r;

        connection_lock(c);
        r = object_tree_register(&c->objects, path, registration);
        connection_unlock(c);
        if (r == -ENOMEM)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        else if (r < 0)
                dbus_set_error(error, DBUS_ERROR_OBJECT_PATH_IN_USE,
                               "A handler is already registered for %s", path);
        return !r;
}

static bool check_registration(const char *function, DBusConnection *connection, const char *path,
                               const DBusObjectPathVTable *vtable)
{
        return CHECK_FOR(function, connection != NULL) && CHECK_FOR(function, path != NULL) &&
               CHECK_FOR(function, path[0] == '/') && CHECK_FOR(function, vtable != NULL);
}

/* The older functions have nowhere to say what went wrong. */
static dbus_bool_t register_or_warn(DBusConnection *c, const char *path,
                                    const struct object_registration *registration)
{
        DBusError error = DBUS_ERROR_INIT;
        dbus_bool_t done = register_path(c, path, registration, &error);

        if (dbus_error_has_name(&error, DBUS_ERROR_OBJECT_PATH_IN_USE))
                warn("%s", error.message);
        dbus_error_free(&error);
        return done;
}

dbus_bool_t dbus_connection_try_register_object_path(DBusConnection *connection, const char *path,
                                                     const DBusObjectPathVTable *vtable,
                                                     void *user_data, DBusError *error)
{
        struct object_registration r = {vtable, user_data, false};

        return check_registration(__func__, connection, path, vtable) &&
               register_path(connection, path, &r, error);
}

dbus_bool_t dbus_connection_register_object_path(DBusConnection *connection, const char *path,
                                                 const DBusObjectPathVTable *vtable,
                                                 void *user_data)
{
        struct object_registration r = {vtable, user_data, false};

        return check_registration(__func__, connection, path, vtable) &&
               register_or_warn(connection, path, &r);
}

dbus_bool_t dbus_connection_try_register_fallback(DBusConnection *connection, const char *path,
                                                  const DBusObjectPathVTable *vtable,
                                                  void *user_data, DBusError *error)
{
        struct object_registration r = {vtable, user_data, true};

        return check_registration(__func__, connection, path, vtable) &&
               register_path(connection, path, &r, error);
}

dbus_bool_t dbus_connection_register_fallback(DBusConnection *connection, const char *path,
                                              const DBusObjectPathVTable *vtable, void *user_data)
{
        struct object_registration r = {vtable, user_data, true};

        return check_registration(__func__, connection, path, vtable) &&
               register_or_warn(connection, path, &r);
}

/* "a", or "null" past the end of a path: how a warning names the elements of one. */
static void element_text(const char *path, unsigned index, char *out, size_t size)
{
        while (index-- && *path)
                path += 1 + strcspn(path + 1, "/");
        if (path[0] && path[1])
                snprintf(out, size, "%.*s", (int)strcspn(path + 1, "/"), path + 1);
        else
                snprintf(out, size, "null");
}

dbus_bool_t dbus_connection_unregister_object_path(DBusConnection *connection, const char *path)
{
        DBusObjectPathUnregisterFunction function = NULL;
        char first[64], second[64];
        void *data;
        int r;

        if (!CHECK(connection != NULL) || !CHECK(path != NULL) || !CHECK(path[0] == '/'))
                return FALSE;
        connection_lock(connection);
        r = object_tree_unregister(&connection->objects, path, &function, &data);
        connection_unlock(connection);
        if (!r && function)
                function(connection, data);
        if (r) {
                element_text(path, 0, first, sizeof(first));
                element_text(path, 1, second, sizeof(second));
                warn("Attempted to unregister path (path[0] = %s path[1] = %s) which isn't "
                     "registered",
                     first, second);
        }
        return TRUE;
}

dbus_bool_t dbus_connection_get_object_path_data(DBusConnection *connection, const char *path,
                                                 void **data_p)
{
        if (!CHECK(connection != NULL) || !CHECK(path != NULL) || !CHECK(data_p != NULL))
                return FALSE;
        connection_lock(connection);
        *data_p = object_tree_data(&connection->objects, path);
        connection_unlock(connection);
        return TRUE;
}

dbus_bool_t dbus_connection_list_registered(DBusConnection *connection, const char *parent_path,
                                            char ***child_entries)
{
        int r;

        if (!CHECK(connection != NULL) || !CHECK(parent_path != NULL) ||
            !CHECK(parent_path[0] == '/') || !CHECK(child_entries != NULL))
                return FALSE;
        connection_lock(connection);
        r = object_tree_children(&connection->objects, parent_path, child_entries);
        connection_unlock(connection);
        return !r;
}
