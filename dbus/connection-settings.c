/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <string.h>

#include "check.h"

/* What stands for a user or a process that is not known. */
#define UID_UNSET ((unsigned long)-1)
#define PID_UNSET 0ul

static struct slot_space slots = SLOT_SPACE_INIT;

/* A limit as streams have it: applications may set anything. */
static uint32_t clamp(long value, uint32_t max)
{
        if (value < 0)
                return 0;
        return value > (long)max ? max : (uint32_t)value;
}

void dbus_connection_set_max_message_size(DBusConnection *connection, long size)
{
        if (!CHECK(connection != NULL))
                return;
        connection_lock(connection);
        if (size > DBUS_MAXIMUM_MESSAGE_LENGTH)
                size = DBUS_MAXIMUM_MESSAGE_LENGTH;
        connection->max_message_size = size;
        connection->transport.limits.message_size = clamp(size, DBUS_MAXIMUM_MESSAGE_LENGTH);
        connection_unlock(connection);
}

void dbus_connection_set_max_message_unix_fds(DBusConnection *connection, long n)
{
        if (!CHECK(connection != NULL))
                return;
        /* As many as a message of the greatest length has room for. */
        if (n > DBUS_MAXIMUM_MESSAGE_UNIX_FDS)
                n = DBUS_MAXIMUM_MESSAGE_UNIX_FDS;
        connection_lock(connection);
        connection->max_message_fds = n;
        transport_set_message_fds(&connection->transport, clamp(n, INPUT_MAX_FDS));
        connection_unlock(connection);
}

static void set_locked(DBusConnection *c, long *limit, long value)
{
        connection_lock(c);
        *limit = value;
        /* Threads that wait may have more to read now. */
        connection_changed(c);
        connection_unlock(c);
}

void dbus_connection_set_max_received_size(DBusConnection *connection, long size)
{
        if (CHECK(connection != NULL))
                set_locked(connection, &connection->max_received_size, size);
}

void dbus_connection_set_max_received_unix_fds(DBusConnection *connection, long n)
{
        if (CHECK(connection != NULL))
                set_locked(connection, &connection->max_received_fds, n);
}

static long get_locked(DBusConnection *c, const long *limit)
{
        long value;

        connection_lock(c);
        value = *limit;
        connection_unlock(c);
        return value;
}

long dbus_connection_get_max_message_size(DBusConnection *connection)
{
        return CHECK(connection != NULL) ? get_locked(connection, &connection->max_message_size)
                                         : 0;
}

long dbus_connection_get_max_message_unix_fds(DBusConnection *connection)
{
        return CHECK(connection != NULL) ? get_locked(connection, &connection->max_message_fds) : 0;
}

long dbus_connection_get_max_received_size(DBusConnection *connection)
{
        return CHECK(connection != NULL) ? get_locked(connection, &connection->max_received_size)
                                         : 0;
}

long dbus_connection_get_max_received_unix_fds(DBusConnection *connection)
{
        return CHECK(connection != NULL) ? get_locked(connection, &connection->max_received_fds)
                                         : 0;
}

long dbus_connection_get_outgoing_size(DBusConnection *connection)
{
        long size;

        if (!CHECK(connection != NULL))
                return 0;
        connection_lock(connection);
        size = (long)(connection->transport.out.bytes + connection->unsent);
        connection_unlock(connection);
        return size;
}

long dbus_connection_get_outgoing_unix_fds(DBusConnection *connection)
{
        long n;

        if (!CHECK(connection != NULL))
                return 0;
        connection_lock(connection);
        n = (long)connection->transport.out.n_fds;
        connection_unlock(connection);
        return n;
}

static void set_flag(DBusConnection *c, bool *flag, dbus_bool_t value)
{
        connection_lock(c);
        *flag = value != FALSE;
        connection_unlock(c);
}

void dbus_connection_set_exit_on_disconnect(DBusConnection *connection,
                                            dbus_bool_t exit_on_disconnect)
{
        if (CHECK(connection != NULL))
                set_flag(connection, &connection->exit_on_disconnect, exit_on_disconnect);
}

void dbus_connection_set_allow_anonymous(DBusConnection *connection, dbus_bool_t value)
{
        if (CHECK(connection != NULL))
                set_flag(connection, &connection->allow_anonymous, value);
}

void dbus_connection_set_route_peer_messages(DBusConnection *connection, dbus_bool_t value)
{
        if (CHECK(connection != NULL))
                set_flag(connection, &connection->route_peer_messages, value);
}

dbus_bool_t dbus_connection_get_is_connected(DBusConnection *connection)
{
        bool is_open;

        if (!CHECK(connection != NULL))
                return FALSE;
        connection_lock(connection);
        is_open = connection_is_open(connection);
        connection_unlock(connection);
        return is_open;
}

/* True once the authentication has ended well, also after the connection has been closed. */
static bool is_authenticated(const DBusConnection *c)
{
        const struct transport *t = &c->transport;

        return t->state == TRANSPORT_OPEN ||
               (t->state == TRANSPORT_CLOSED && !t->client && !t->server);
}

dbus_bool_t dbus_connection_get_is_authenticated(DBusConnection *connection)
{
        bool result;

        if (!CHECK(connection != NULL))
                return FALSE;
        connection_lock(connection);
        result = is_authenticated(connection);
        connection_unlock(connection);
        return result;
}

dbus_bool_t dbus_connection_get_is_anonymous(DBusConnection *connection)
{
        bool result;

        if (!CHECK(connection != NULL))
                return FALSE;
        connection_lock(connection);
        result = !is_authenticated(connection) || !connection->transport.has_uid;
        connection_unlock(connection);
        return result;
}

char *dbus_connection_get_server_id(DBusConnection *connection)
{
        char *id = NULL;

        if (!CHECK(connection != NULL))
                return NULL;
        connection_lock(connection);
        if (connection->transport.guid[0]) {
                id = dbus_malloc(GUID_SIZE);
                if (id)
                        memcpy(id, connection->transport.guid, GUID_SIZE);
        }
        connection_unlock(connection);
        return id;
}

dbus_bool_t dbus_connection_can_send_type(DBusConnection *connection, int type)
{
        bool can;

        if (!CHECK(connection != NULL) || !dbus_type_is_valid(type))
                return FALSE;
        if (type != DBUS_TYPE_UNIX_FD)
                return TRUE;
        connection_lock(connection);
        can = connection_can_send_fds(connection);
        connection_unlock(connection);
        return can;
}

static dbus_bool_t get_descriptor(DBusConnection *c, int *fd)
{
        bool is_open;

        connection_lock(c);
        is_open = connection_is_open(c);
        /* Whoever polls this alone would sleep while a link has something for it. */
        if (is_open) {
                links_disable(c);
                *fd = c->transport.fd;
        }
        connection_unlock(c);
        return is_open;
}

dbus_bool_t dbus_connection_get_unix_fd(DBusConnection *connection, int *fd)
{
        return CHECK(connection != NULL) && CHECK(fd != NULL) && get_descriptor(connection, fd);
}

dbus_bool_t dbus_connection_get_socket(DBusConnection *connection, int *fd)
{
        return CHECK(connection != NULL) && CHECK(fd != NULL) && get_descriptor(connection, fd);
}

/* What a server knows of its client, once that has been authenticated. */

dbus_bool_t dbus_connection_get_unix_user(DBusConnection *connection, unsigned long *uid)
{
        bool known;

        if (!CHECK(connection != NULL) || !CHECK(uid != NULL))
                return FALSE;
        connection_lock(connection);
        known = is_authenticated(connection) && connection->transport.has_uid;
        if (is_authenticated(connection))
                *uid = known ? connection->transport.uid : UID_UNSET;
        connection_unlock(connection);
        return known;
}

dbus_bool_t dbus_connection_get_unix_process_id(DBusConnection *connection, unsigned long *pid)
{
        bool known;

        if (!CHECK(connection != NULL) || !CHECK(pid != NULL))
                return FALSE;
        connection_lock(connection);
        known = is_authenticated(connection) && connection->transport.peer.has_pid &&
                connection->transport.peer.pid > 0;
        if (is_authenticated(connection))
                *pid = known ? (unsigned long)connection->transport.peer.pid : PID_UNSET;
        connection_unlock(connection);
        return known;
}

dbus_bool_t dbus_connection_get_adt_audit_session_data(DBusConnection *connection, void **data,
                                                       dbus_int32_t *data_size)
{
        if (!CHECK(connection != NULL) || !CHECK(data != NULL) || !CHECK(data_size != NULL))
                return FALSE;
        /* Only Solaris has these. */
        *data = NULL;
        *data_size = 0;
        return FALSE;
}

dbus_bool_t dbus_connection_get_windows_user(DBusConnection *connection, char **windows_sid_p)
{
        if (!CHECK(connection != NULL) || !CHECK(windows_sid_p != NULL))
                return FALSE;
        *windows_sid_p = NULL;
        return FALSE;
}

dbus_bool_t dbus_connection_allocate_data_slot(dbus_int32_t *slot_p)
{
        return CHECK(slot_p != NULL) ? slot_allocate(&slots, slot_p) : FALSE;
}

void dbus_connection_free_data_slot(dbus_int32_t *slot_p)
{
        if (CHECK(slot_p != NULL) && CHECK(*slot_p >= 0))
                slot_free(&slots, slot_p);
}

dbus_bool_t dbus_connection_set_data(DBusConnection *connection, dbus_int32_t slot, void *data,
                                     DBusFreeFunction free_data_func)
{
        struct slot_value old;
        dbus_bool_t done;

        if (!CHECK(connection != NULL) || !CHECK(slot >= 0))
                return FALSE;
        connection_lock(connection);
        done = slot_set(&connection->slots, slot, data, free_data_func, &old);
        connection_unlock(connection);
        if (done)
                slot_value_free(&old);
        return done;
}

void *dbus_connection_get_data(DBusConnection *connection, dbus_int32_t slot)
{
        void *data;

        if (!CHECK(connection != NULL) || !CHECK(slot >= 0))
                return NULL;
        connection_lock(connection);
        data = slot_get(&connection->slots, slot);
        connection_unlock(connection);
        return data;
}
