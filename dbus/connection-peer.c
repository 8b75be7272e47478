/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <string.h>

/* The methods that every connection answers (specification, "org.freedesktop.DBus.Peer"). */

static DBusMessage *ping(DBusMessage *call)
{
        return dbus_message_new_method_return(call);
}

static DBusMessage *get_machine_id(DBusMessage *call)
{
        DBusError error = DBUS_ERROR_INIT;
        char *id = dbus_try_get_local_machine_id(&error);
        DBusMessage *reply;

        if (!id) {
                reply = dbus_message_new_error(call, error.name, error.message);
                dbus_error_free(&error);
                return reply;
        }
        reply = dbus_message_new_method_return(call);
        if (reply && !dbus_message_append_args(reply, DBUS_TYPE_STRING, &id, DBUS_TYPE_INVALID)) {
                dbus_message_unref(reply);
                reply = NULL;
        }
        dbus_free(id);
        return reply;
}

static DBusMessage *unknown_method(DBusMessage *call)
{
        return dbus_message_new_error(
                call, DBUS_ERROR_UNKNOWN_METHOD,
                "Unknown method invoked on org.freedesktop.DBus.Peer interface");
}

typedef DBusMessage *method(DBusMessage *call);

static const struct {
        const char *member;
        method *run;
} methods[] = {
        {"Ping", ping},
        {"GetMachineId", get_machine_id},
};

/* What answers a message of the interface: whatever is no call of a method is told so, too. */
static method *find_method(const DBusMessage *m)
{
        const char *member = message_text(&m->wire, FIELD_MEMBER);

        if (m->wire.header.type != MESSAGE_METHOD_CALL || !member)
                return unknown_method;
        for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); ++i) {
                if (!strcmp(member, methods[i].member))
                        return methods[i].run;
        }
        return unknown_method;
}

DBusHandlerResult peer_interface_run(DBusConnection *c, DBusMessage *m)
{
        const char *interface = message_text(&m->wire, FIELD_INTERFACE);

        /* One that is to be routed is for another peer. */
        if (c->route_peer_messages && message_text(&m->wire, FIELD_DESTINATION))
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        if (!interface || strcmp(interface, DBUS_INTERFACE_PEER) != 0)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        return connection_answer(c, find_method(m)(m));
}
