/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>

#include "check.h"

uint32_t connection_next_serial(DBusConnection *c)
{
        c->last_serial += 1;
        if (!c->last_serial) /* "Message Format": a serial is not zero */
                c->last_serial = 1;
        return c->last_serial;
}

bool connection_can_send_fds(const DBusConnection *c)
{
        return c->transport.passes_fds;
}

static bool has_fds_in_vain(const DBusConnection *c, const DBusMessage *m)
{
        return m->wire.n_fds && !connection_can_send_fds(c);
}

int connection_send(DBusConnection *c, DBusMessage *m, uint32_t *serial)
{
        int r = 0;

        if (connection_is_open(c))
                r = output_reserve(&c->transport.out, 1 + c->transport.out.promised);
        if (!r)
                r = message_seal(m);
        if (r < 0)
                return r;
        if (!message_serial(m))
                message_set_serial(m, connection_next_serial(c));
        if (serial)
                *serial = message_serial(m);
        if (!connection_is_open(c)) {
                c->unsent += m->wire.size;
                return 0;
        }
        if (c->links && links_send(c, m))
                return 0;
        output_push(&c->transport.out, &m->wire);
        c->n_sent += 1;
        if (!c->transport.is_full)
                connection_write(c);
        if (transport_has_output(&c->transport) || c->transport.state != TRANSPORT_OPEN)
                connection_wake_main(c);
        links_note_sent(c, m);
        return 0;
}

dbus_bool_t dbus_connection_send(DBusConnection *connection, DBusMessage *message,
                                 dbus_uint32_t *serial)
{
        int r;

        if (!CHECK(connection != NULL) || !CHECK(message != NULL))
                return FALSE;
        connection_lock(connection);
        /* It could never be sent, and nobody would hear of that. */
        r = has_fds_in_vain(connection, message) ? -EINVAL
                                                 : connection_send(connection, message, serial);
        dispatch_status_tell_and_unlock(connection, dispatch_status(connection));
        return !r;
}

dbus_bool_t dbus_connection_has_messages_to_send(DBusConnection *connection)
{
        bool has;

        if (!CHECK(connection != NULL))
                return FALSE;
        connection_lock(connection);
        has = connection->unsent || !output_empty(&connection->transport.out);
        connection_unlock(connection);
        return has;
}

void dbus_connection_flush(DBusConnection *connection)
{
        if (!CHECK(connection != NULL))
                return;
        connection_lock(connection);
        while (!output_empty(&connection->transport.out) && connection_is_open(connection))
                connection_wait(connection, IO_WRITE, DEADLINE_NEVER);
        dispatch_status_tell_and_unlock(connection, dispatch_status(connection));
}

/* Waits for a direct reply. Returns it, or NULL when the time is over or the connection closed. */
static DBusMessage *wait_for_reply(DBusConnection *c, struct awaited *a, int64_t deadline)
{
        while (!a->reply && connection_is_open(c)) {
                if (!connection_wait(c, IO_READ, deadline) && !a->reply)
                        break;
        }
        return a->reply;
}

/* Sends a call, and waits for the reply past the queue. Returns NULL with the error set. */
static DBusMessage *call(DBusConnection *c, DBusMessage *message, int timeout, DBusError *error)
{
        struct awaited a = {.is_direct = true};
        struct awaited_end end;
        DBusMessage *reply = NULL;
        uint32_t serial;
        int r;

        connection_lock(c);
        if (has_fds_in_vain(c, message)) {
                connection_unlock(c);
                dbus_set_error_const(error, DBUS_ERROR_FAILED,
                                     "Cannot send file descriptors on this connection.");
                return NULL;
        }
        if (!connection_is_open(c)) {
                connection_unlock(c);
                dbus_set_error_const(error, DBUS_ERROR_DISCONNECTED, "Connection is closed");
                return NULL;
        }
        if (!message_serial(message))
                message_set_serial(message, connection_next_serial(c));
        r = awaited_add(c, &a, message_serial(message));
        if (!r) {
                r = connection_send(c, message, &serial);
                if (!r)
                        reply = wait_for_reply(c, &a, deadline_in(timeout));
                awaited_remove(c, &a);
        }
        end = awaited_end(c);
        if (!r && !reply)
                dbus_set_error_const(error, end.name, end.text);
        else if (r < 0)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
        return reply;
}

/* The default, and the one that means for ever (DBUS_TIMEOUT_USE_DEFAULT and _INFINITE). */
int timeout_of_call(int milliseconds)
{
        if (milliseconds == DBUS_TIMEOUT_USE_DEFAULT)
                return DEFAULT_CALL_TIMEOUT;
        return milliseconds == DBUS_TIMEOUT_INFINITE ? -1 : milliseconds;
}

DBusMessage *dbus_connection_send_with_reply_and_block(DBusConnection *connection,
                                                       DBusMessage *message,
                                                       int timeout_milliseconds, DBusError *error)
{
        DBusMessage *reply;

        if (!CHECK(connection != NULL) || !CHECK(message != NULL) ||
            !CHECK(timeout_milliseconds >= 0 || timeout_milliseconds == -1) ||
            !CHECK_NO_ERROR(__func__, error))
                return NULL;
        reply = call(connection, message, timeout_of_call(timeout_milliseconds), error);
        if (reply && dbus_set_error_from_message(error, reply)) {
                dbus_message_unref(reply);
                return NULL;
        }
        return reply;
}

DBusPreallocatedSend *dbus_connection_preallocate_send(DBusConnection *connection)
{
        DBusPreallocatedSend *p;
        struct output *out;

        if (!CHECK(connection != NULL))
                return NULL;
        p = malloc(sizeof(*p));
        if (!p)
                return NULL;
        p->connection = connection;
        out = &connection->transport.out;
        connection_lock(connection);
        if (output_reserve(out, out->promised + 1) < 0) {
                free(p);
                p = NULL;
        } else {
                out->promised += 1;
        }
        connection_unlock(connection);
        return p;
}

void dbus_connection_free_preallocated_send(DBusConnection *connection,
                                            DBusPreallocatedSend *preallocated)
{
        if (!CHECK(connection != NULL) || !CHECK(preallocated != NULL) ||
            !CHECK(connection == preallocated->connection))
                return;
        connection_lock(connection);
        connection->transport.out.promised -= 1;
        connection_unlock(connection);
        free(preallocated);
}

void dbus_connection_send_preallocated(DBusConnection *connection,
                                       DBusPreallocatedSend *preallocated, DBusMessage *message,
                                       dbus_uint32_t *serial)
{
        if (!CHECK(connection != NULL) || !CHECK(preallocated != NULL) || !CHECK(message != NULL) ||
            !CHECK(preallocated->connection == connection))
                return;
        connection_lock(connection);
        /* That place is free now: nothing can fail. */
        connection->transport.out.promised -= 1;
        connection_send(connection, message, serial);
        dispatch_status_tell_and_unlock(connection, dispatch_status(connection));
        free(preallocated);
}
