/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

/* Nobody knew what to do with a call. */
static DBusMessage *unknown_method(DBusMessage *call, bool is_object)
{
        const char *interface = message_text(&call->wire, FIELD_INTERFACE);
        DBusMessage *error = NULL;
        char *text;

        if (asprintf(&text,
                     "Method \"%s\" with signature \"%s\" on interface \"%s\" doesn't exist\n",
                     message_text(&call->wire, FIELD_MEMBER), message_signature(&call->wire),
                     interface ? interface : "(null)") < 0)
                return NULL;
        error = dbus_message_new_error(
                call, is_object ? DBUS_ERROR_UNKNOWN_METHOD : DBUS_ERROR_UNKNOWN_OBJECT, text);
        free(text);
        return error;
}

/* Whoever comes first and knows what to do with a message. Locked. */
static DBusHandlerResult handle(DBusConnection *c, DBusMessage *m)
{
        DBusHandlerResult result = DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        bool is_object = false;

        if (!c->no_builtin_filters)
                result = peer_interface_run(c, m);
        if (result == DBUS_HANDLER_RESULT_NOT_YET_HANDLED)
                result = filters_run(c, m);
        if (result == DBUS_HANDLER_RESULT_NOT_YET_HANDLED)
                result = objects_run(c, m, &is_object);
        if (result == DBUS_HANDLER_RESULT_NOT_YET_HANDLED &&
            m->wire.header.type == MESSAGE_METHOD_CALL)
                result = connection_answer(c, unknown_method(m, is_object));
        return result;
}

/* Has the first message dispatched, and ends dispatching. Unlocks. Returns what is left to do. */
static DBusDispatchStatus dispatch_first(DBusConnection *c)
{
        DBusMessage *m = container_of(c->incoming.next, DBusMessage, queued);
        struct awaited *a = awaited_find(c, m->wire.header.reply_serial);
        DBusHandlerResult result = DBUS_HANDLER_RESULT_HANDLED;
        DBusDispatchStatus status;

        queue_remove(c, m);
        if (a && a->reply == m) {
                pending_call_complete_and_unlock(pending_of(a));
                connection_lock(c);
                m = NULL; /* the pending call has it */
        } else {
                result = handle(c, m);
        }
        if (result == DBUS_HANDLER_RESULT_NEED_MEMORY) {
                queue_put_back(c, m);
                m = NULL;
        }
        dispatch_release(c);
        if (m && m == c->disconnected)
                c->disconnected_processed = true;
        status = dispatch_status(c);
        dispatch_status_tell_and_unlock(c, status);
        if (m)
                dbus_message_unref(m);
        return status;
}

DBusDispatchStatus dbus_connection_dispatch(DBusConnection *connection)
{
        DBusDispatchStatus status;

        if (!CHECK(connection != NULL))
                return DBUS_DISPATCH_COMPLETE;
        connection_lock(connection);
        status = dispatch_status(connection);
        if (status != DBUS_DISPATCH_DATA_REMAINS) {
                dispatch_status_tell_and_unlock(connection, status);
                return status;
        }
        dbus_connection_ref(connection);
        dispatch_acquire(connection);
        /* Another thread may have dispatched it, or this one borrowed it. */
        if (!connection->n_incoming || connection->borrowed) {
                dispatch_release(connection);
                status = dispatch_status(connection);
                dispatch_status_tell_and_unlock(connection, status);
        } else {
                status = dispatch_first(connection);
        }
        dbus_connection_unref(connection);
        return status;
}

/* Waits for something to read, or for all to be written; then reads or writes. Locked. */
static void iterate(DBusConnection *c, int timeout)
{
        if (connection_is_open(c))
                connection_wait(c, IO_READ | IO_WRITE, deadline_in(timeout));
}

static void pause_for_memory(int timeout)
{
        int milliseconds = timeout < 0 || timeout > MEMORY_PAUSE ? MEMORY_PAUSE : timeout;

        usleep((useconds_t)milliseconds * 1000);
}

dbus_bool_t dbus_connection_read_write_dispatch(DBusConnection *connection,
                                                int timeout_milliseconds)
{
        DBusDispatchStatus status;
        dbus_bool_t goes_on;

        if (!CHECK(connection != NULL) ||
            !CHECK(timeout_milliseconds >= 0 || timeout_milliseconds == -1))
                return FALSE;
        dbus_connection_ref(connection);
        status = dbus_connection_get_dispatch_status(connection);
        if (status == DBUS_DISPATCH_DATA_REMAINS)
                dbus_connection_dispatch(connection);
        else if (status == DBUS_DISPATCH_NEED_MEMORY)
                pause_for_memory(timeout_milliseconds);
        connection_lock(connection);
        if (status == DBUS_DISPATCH_COMPLETE)
                iterate(connection, timeout_milliseconds);
        goes_on = connection->n_incoming || !connection->disconnected;
        connection_unlock(connection);
        dbus_connection_unref(connection);
        return goes_on;
}

dbus_bool_t dbus_connection_read_write(DBusConnection *connection, int timeout_milliseconds)
{
        dbus_bool_t is_open;

        if (!CHECK(connection != NULL) ||
            !CHECK(timeout_milliseconds >= 0 || timeout_milliseconds == -1))
                return FALSE;
        dbus_connection_ref(connection);
        connection_lock(connection);
        iterate(connection, timeout_milliseconds);
        is_open = connection_is_open(connection);
        connection_unlock(connection);
        dbus_connection_unref(connection);
        return is_open;
}
