/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <unistd.h>

#include "check.h"

void queue_remove(DBusConnection *c, DBusMessage *m)
{
        if (list_empty(&m->queued))
                return;
        list_remove(&m->queued);
        c->n_incoming -= 1;
}

void queue_put_back(DBusConnection *c, DBusMessage *m)
{
        list_prepend(&c->incoming, &m->queued);
        c->n_incoming += 1;
}

static DBusMessage *queue_first(const DBusConnection *c)
{
        return list_empty(&c->incoming) ? NULL
                                        : container_of(c->incoming.next, DBusMessage, queued);
}

/* A closed connection ends with the signal that says so, behind all that was received. */
static bool queue_disconnected(DBusConnection *c)
{
        DBusMessage *m;

        if (c->disconnected)
                return true;
        if (awaited_fail_all(c) < 0)
                return false;
        m = dbus_message_new_signal(DBUS_PATH_LOCAL, DBUS_INTERFACE_LOCAL, "Disconnected");
        if (!m)
                return false;
        c->disconnected = m;
        connection_receive(c, dbus_message_ref(m));
        return true;
}

DBusDispatchStatus dispatch_status(DBusConnection *c)
{
        if (!connection_is_open(c) && !queue_disconnected(c))
                return c->n_incoming ? DBUS_DISPATCH_DATA_REMAINS : DBUS_DISPATCH_NEED_MEMORY;
        /* Who waits until all is sent has seen by now that nothing will be. */
        if (!connection_is_open(c) && !c->n_incoming)
                c->unsent = 0;
        return c->n_incoming ? DBUS_DISPATCH_DATA_REMAINS : DBUS_DISPATCH_COMPLETE;
}

void dispatch_status_tell_and_unlock(DBusConnection *c, DBusDispatchStatus status)
{
        DBusDispatchStatusFunction function = c->dispatch_status.dispatch_status;
        void *data = c->dispatch_status.data.data;

        if (c->disconnected_processed && c->exit_on_disconnect)
                _exit(1);
        if (status == c->last_status) {
                connection_unlock(c);
                return;
        }
        c->last_status = status;
        dbus_connection_ref(c);
        connection_unlock(c);
        if (function)
                function(c, status, data);
        dbus_connection_unref(c);
}

DBusDispatchStatus dbus_connection_get_dispatch_status(DBusConnection *connection)
{
        DBusDispatchStatus status;

        if (!CHECK(connection != NULL))
                return DBUS_DISPATCH_COMPLETE;
        connection_lock(connection);
        status = dispatch_status(connection);
        connection_unlock(connection);
        return status;
}

void dispatch_acquire(DBusConnection *c)
{
        pthread_t self = pthread_self();

        /* A handler may run a main loop of its own, and dispatch again. */
        while (c->is_dispatching && !pthread_equal(c->dispatcher, self)) {
                c->n_waiting += 1;
                pthread_cond_wait(&c->changed, &c->lock);
                c->n_waiting -= 1;
        }
        c->is_dispatching = true;
        c->dispatcher = self;
        c->dispatch_depth += 1;
}

void dispatch_release(DBusConnection *c)
{
        c->dispatch_depth -= 1;
        if (c->dispatch_depth)
                return;
        c->is_dispatching = false;
        connection_changed(c);
}

/* The application takes a message out of the queue: a reply is for no pending call any more. */
static void take_out(DBusConnection *c, DBusMessage *m)
{
        struct awaited *a = awaited_find(c, m->wire.header.reply_serial);

        if (a && a->reply == m) {
                a->reply = NULL;
                /* All others were given up when the connection was closed. */
                if (c->disconnected)
                        pending_call_give_up(pending_of(a));
        }
        queue_remove(c, m);
        if (m == c->disconnected)
                c->disconnected_processed = true;
}

DBusMessage *dbus_connection_borrow_message(DBusConnection *connection)
{
        DBusMessage *m;

        if (!CHECK(connection != NULL))
                return NULL;
        connection_lock(connection);
        dispatch_status(connection);
        dispatch_acquire(connection);
        m = connection->borrowed ? NULL : queue_first(connection);
        connection->borrowed = m;
        if (!m)
                dispatch_release(connection);
        connection_unlock(connection);
        return m;
}

/* Ends borrowing; the message leaves the queue if it is stolen. */
static void end_borrowing(DBusConnection *c, DBusMessage *message, bool stolen)
{
        connection_lock(c);
        if (CHECK(message == c->borrowed)) {
                c->borrowed = NULL;
                if (stolen)
                        take_out(c, message);
                dispatch_release(c);
        }
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
}

void dbus_connection_return_message(DBusConnection *connection, DBusMessage *message)
{
        if (!CHECK(connection != NULL) || !CHECK(message != NULL))
                return;
        end_borrowing(connection, message, false);
}

void dbus_connection_steal_borrowed_message(DBusConnection *connection, DBusMessage *message)
{
        if (!CHECK(connection != NULL) || !CHECK(message != NULL))
                return;
        end_borrowing(connection, message, true);
}

DBusMessage *dbus_connection_pop_message(DBusConnection *connection)
{
        DBusMessage *m;

        /* Programs have seen the name of the function that is asked first. */
        if (!CHECK_FOR("dbus_connection_get_dispatch_status", connection != NULL))
                return NULL;
        connection_lock(connection);
        dispatch_status(connection);
        dispatch_acquire(connection);
        m = connection->borrowed ? NULL : queue_first(connection);
        if (m)
                take_out(connection, m);
        dispatch_release(connection);
        dispatch_status_tell_and_unlock(connection, dispatch_status(connection));
        return m;
}
