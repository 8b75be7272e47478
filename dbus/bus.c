/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"
#include "core/address.h"

/* What a connection is on a message bus, and the connections to the well-known buses. */

/* Where the system bus is, unless the environment says otherwise (specification, "Well-known
 * Message Bus Instances"). */
#define SYSTEM_BUS_ADDRESS "unix:path=" DBUS_RUNSTATEDIR "/dbus/system_bus_socket"
#define N_BUSES            3

/* One for each DBusBusType. */
struct well_known_bus {
        char *address;              /* NULL: not looked up yet */
        DBusConnection *connection; /* shared; borrowed, until it has been closed */
        bool is_opening;            /* a thread is at it; others wait for what comes of that */
};

static struct {
        pthread_mutex_t lock;
        pthread_cond_t opened;
        struct well_known_bus of[N_BUSES];
        bool has_environment;
        int started_by; /* the DBusBusType that started this process, or -1 */
} buses = {.lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER, .started_by = -1};

/* A setuid program does not let its user choose whom it talks to. */
static const char *environment(const char *name)
{
        const char *value = secure_getenv(name);

        return value && *value ? value : NULL;
}

/* The socket in the user's runtime directory, if there is one and it is that user's. Returns an
 * address to be freed, or NULL. */
static char *user_bus_address(void)
{
        const char *directory = environment("XDG_RUNTIME_DIR");
        char *path = NULL, *escaped = NULL, *address = NULL;
        struct stat st;

        if (!directory || asprintf(&path, "%s/bus", directory) < 0)
                return NULL;
        if (!lstat(path, &st) && S_ISSOCK(st.st_mode) && st.st_uid == geteuid() &&
            !address_escape(path, &escaped) && asprintf(&address, "unix:path=%s", escaped) < 0)
                address = NULL;
        free(escaped);
        free(path);
        return address;
}

/* Returns text to be freed, or NULL without memory. */
static char *session_address(void)
{
        const char *given = environment("DBUS_SESSION_BUS_ADDRESS");
        char *found;

        if (given)
                return strdup(given);
        found = user_bus_address();
        return found ? found : strdup("autolaunch:");
}

static char *system_address(void)
{
        const char *given = environment("DBUS_SYSTEM_BUS_ADDRESS");

        return strdup(given ? given : SYSTEM_BUS_ADDRESS);
}

static char *starter_address(void)
{
        const char *given = environment("DBUS_STARTER_ADDRESS");

        return given ? strdup(given) : session_address();
}

/* The address of a bus: looked up once, as the environment is not to be read while others change
 * it. `buses.lock` is held. */
static const char *address_of(DBusBusType type)
{
        static char *(*const look_up[N_BUSES])(void) = {
                [DBUS_BUS_SESSION] = session_address,
                [DBUS_BUS_SYSTEM] = system_address,
                [DBUS_BUS_STARTER] = starter_address,
        };
        const char *starter;

        if (!buses.has_environment) {
                starter = environment("DBUS_STARTER_BUS_TYPE");
                if (starter && !strcmp(starter, "system"))
                        buses.started_by = DBUS_BUS_SYSTEM;
                else if (starter && !strcmp(starter, "session"))
                        buses.started_by = DBUS_BUS_SESSION;
                buses.has_environment = true;
        }
        if (!buses.of[type].address)
                buses.of[type].address = look_up[type]();
        return buses.of[type].address;
}

/* The well-known bus of which a process that was started by it is told as its starter. */
static DBusBusType same_bus(DBusBusType type)
{
        if (type == DBUS_BUS_STARTER && buses.started_by >= 0)
                return (DBusBusType)buses.started_by;
        return type;
}

/* Opens a connection and registers it. Returns NULL with the error set. */
static DBusConnection *open_registered(const char *address, bool is_private, DBusError *error)
{
        DBusConnection *c = is_private ? dbus_connection_open_private(address, error)
                                       : dbus_connection_open(address, error);

        if (!c)
                return NULL;
        if (!dbus_bus_register(c, error)) {
                connection_close_unwanted(c);
                dbus_connection_unref(c);
                return NULL;
        }
        dbus_connection_set_exit_on_disconnect(c, TRUE);
        return c;
}

/* The connection that is there already, with a new reference, or NULL: then this thread is to open
 * one. Waits for another that does. `buses.lock` is held. */
static DBusConnection *find_or_claim(struct well_known_bus *bus)
{
        while (bus->is_opening)
                pthread_cond_wait(&buses.opened, &buses.lock);
        if (bus->connection)
                return dbus_connection_ref(bus->connection);
        bus->is_opening = true;
        return NULL;
}

/* One that was closed before it was known as the bus's was not forgotten then. */
static void forget_if_closed(DBusConnection *c)
{
        connection_lock(c);
        if (!connection_is_open(c))
                bus_forget(c);
        connection_unlock(c);
}

static DBusConnection *get_shared(DBusBusType type, DBusError *error)
{
        struct well_known_bus *bus;
        const char *address;
        DBusConnection *c;

        pthread_mutex_lock(&buses.lock);
        address = address_of(type);
        bus = &buses.of[same_bus(type)];
        c = find_or_claim(bus);
        pthread_mutex_unlock(&buses.lock);
        if (c)
                return c;
        if (address)
                c = open_registered(address, false, error);
        else
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        pthread_mutex_lock(&buses.lock);
        bus->is_opening = false;
        bus->connection = c;
        pthread_cond_broadcast(&buses.opened);
        pthread_mutex_unlock(&buses.lock);
        if (c)
                forget_if_closed(c);
        return c;
}

static bool is_bus_type(DBusBusType type)
{
        return (unsigned)type < N_BUSES;
}

DBusConnection *dbus_bus_get(DBusBusType type, DBusError *error)
{
        if (!CHECK_FOR("internal_bus_get", is_bus_type(type)) || !CHECK_NO_ERROR(__func__, error))
                return NULL;
        return get_shared(type, error);
}

DBusConnection *dbus_bus_get_private(DBusBusType type, DBusError *error)
{
        const char *address;

        if (!CHECK_FOR("internal_bus_get", is_bus_type(type)) || !CHECK_NO_ERROR(__func__, error))
                return NULL;
        pthread_mutex_lock(&buses.lock);
        address = address_of(type);
        pthread_mutex_unlock(&buses.lock);
        if (address)
                return open_registered(address, true, error);
        dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        return NULL;
}

void bus_forget(DBusConnection *c)
{
        if (!c->is_shared)
                return;
        pthread_mutex_lock(&buses.lock);
        for (size_t i = 0; i < N_BUSES; ++i) {
                if (buses.of[i].connection == c)
                        buses.of[i].connection = NULL;
        }
        pthread_mutex_unlock(&buses.lock);
}

void buses_shutdown(void)
{
        pthread_mutex_lock(&buses.lock);
        for (size_t i = 0; i < N_BUSES; ++i) {
                free(buses.of[i].address);
                buses.of[i].address = NULL;
        }
        buses.has_environment = false;
        buses.started_by = -1;
        pthread_mutex_unlock(&buses.lock);
}

/* Says Hello. Returns the unique name, to be freed, or NULL with the error set. */
static char *say_hello(DBusConnection *c, DBusError *error)
{
        DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                         DBUS_INTERFACE_DBUS, "Hello");
        DBusMessage *reply;
        const char *name;
        char *copy = NULL;

        if (!call) {
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
                return NULL;
        }
        reply = dbus_connection_send_with_reply_and_block(c, call, -1, error);
        dbus_message_unref(call);
        if (!reply)
                return NULL;
        if (dbus_message_get_args(reply, error, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID)) {
                copy = strdup(name);
                if (!copy)
                        dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        }
        dbus_message_unref(reply);
        return copy;
}

/* True if this thread is to say Hello; false if the connection has its name. Waits for another that
 * does. */
static bool claim_registration(DBusConnection *c)
{
        bool claimed;

        connection_lock(c);
        while (c->is_registering) {
                c->n_waiting += 1;
                pthread_cond_wait(&c->changed, &c->lock);
                c->n_waiting -= 1;
        }
        claimed = !c->unique_name;
        c->is_registering = claimed;
        connection_unlock(c);
        return claimed;
}

dbus_bool_t dbus_bus_register(DBusConnection *connection, DBusError *error)
{
        char *name;

        if (!CHECK(connection != NULL) || !CHECK_NO_ERROR(__func__, error))
                return FALSE;
        if (!claim_registration(connection))
                return TRUE;
        name = say_hello(connection, error);
        connection_lock(connection);
        connection->unique_name = name;
        connection->is_registering = false;
        connection_changed(connection);
        connection_unlock(connection);
        return name != NULL;
}

dbus_bool_t dbus_bus_set_unique_name(DBusConnection *connection, const char *unique_name)
{
        char *copy, *old;

        if (!CHECK(connection != NULL) || !CHECK(unique_name != NULL))
                return FALSE;
        copy = strdup(unique_name);
        if (!copy)
                return FALSE;
        connection_lock(connection);
        old = connection->unique_name;
        connection->unique_name = copy;
        connection_unlock(connection);
        free(old);
        return TRUE;
}

const char *dbus_bus_get_unique_name(DBusConnection *connection)
{
        const char *name;

        if (!CHECK(connection != NULL))
                return NULL;
        connection_lock(connection);
        name = connection->unique_name;
        connection_unlock(connection);
        return name;
}
