/* SPDX-License-Identifier: MIT */
#include "bus-choice.h"

DBusConnection *bus_choice_open_peer(const char *address, DBusError *error)
{
        return dbus_connection_open(address, error);
}

DBusConnection *bus_choice_open(const struct bus_choice *c, DBusError *error, enum bus_step *step)
{
        DBusConnection *connection;

        if (step)
                *step = BUS_STEP_OPEN;
        connection =
                c->address ? dbus_connection_open(c->address, error) : dbus_bus_get(c->type, error);
        if (!connection)
                return NULL;
        if (step)
                *step = BUS_STEP_REGISTER;
        if (c->address && !dbus_bus_register(connection, error)) {
                dbus_connection_unref(connection);
                return NULL;
        }
        /* Each tool says by its own exit status what the loss means to it. */
        dbus_connection_set_exit_on_disconnect(connection, FALSE);
        return connection;
}
