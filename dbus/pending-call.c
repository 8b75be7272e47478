/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "check.h"

static struct slot_space slots = SLOT_SPACE_INIT;

/* The call timed out: an error takes the place of the reply, in the queue. */
static dbus_bool_t time_out(void *data)
{
        DBusPendingCall *p = data;
        DBusConnection *c = p->connection;
        DBusDispatchStatus status;
        DBusMessage *m;

        connection_lock(c);
        if (!p->is_attached || p->awaited.reply) {
                connection_unlock(c);
                return TRUE;
        }
        m = awaited_no_reply(p->awaited.serial);
        if (!m) {
                connection_unlock(c);
                return FALSE;
        }
        connection_receive(c, m);
        status = dispatch_status(c);
        dispatch_status_tell_and_unlock(c, status);
        return TRUE;
}

static DBusPendingCall *pending_call_new(DBusConnection *c, int timeout)
{
        DBusPendingCall *p = calloc(1, sizeof(*p));

        if (!p)
                return NULL;
        atomic_init(&p->refs, 1);
        p->connection = dbus_connection_ref(c);
        list_init(&p->timeout_over);
        p->timeout = (struct DBusTimeout){
                .interval = timeout, .enabled = true, .handler = time_out, .handler_data = p};
        list_init(&p->timeout.of_all);
        return p;
}

static void pending_call_ref(DBusPendingCall *p)
{
        atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
}

DBusPendingCall *dbus_pending_call_ref(DBusPendingCall *pending)
{
        if (!CHECK(pending != NULL))
                return NULL;
        pending_call_ref(pending);
        return pending;
}

/* With no lock held: application data is freed. */
static void pending_call_unref(DBusPendingCall *p)
{
        if (atomic_fetch_sub_explicit(&p->refs, 1, memory_order_acq_rel) != 1)
                return;
        slot_value_free(&p->notify_data);
        slot_values_deinit(&p->slots);
        slot_value_free(&p->timeout.data);
        if (p->reply)
                dbus_message_unref(p->reply);
        dbus_connection_unref(p->connection);
        free(p);
}

void dbus_pending_call_unref(DBusPendingCall *pending)
{
        if (!CHECK(pending != NULL))
                return;
        pending_call_unref(pending);
}

/* Has the timeout removed when the lock is given up next. Locked. */
static void timeout_is_over(DBusPendingCall *p)
{
        if (p->has_timeout && list_empty(&p->timeout_over))
                list_append(&p->connection->timeouts_over, &p->timeout_over);
}

void pending_call_replied(DBusPendingCall *p)
{
        timeout_is_over(p);
}

void pending_calls_drop_timeouts(DBusConnection *c)
{
        while (!list_empty(&c->timeouts_over)) {
                DBusPendingCall *p =
                        container_of(c->timeouts_over.next, DBusPendingCall, timeout_over);

                bool had_timeout = p->has_timeout, was_given_up = p->is_given_up;

                list_remove(&p->timeout_over);
                p->has_timeout = p->is_given_up = false;
                if (had_timeout) {
                        main_loop_enter(c);
                        timeout_list_remove(&c->timeouts, &p->timeout);
                        main_loop_leave(c);
                }
                pthread_mutex_unlock(&c->lock);
                if (had_timeout)
                        pending_call_unref(p);
                if (was_given_up)
                        pending_call_unref(p);
                pthread_mutex_lock(&c->lock);
        }
}

/* Takes a call out of the table. Locked; the caller gives up the table's reference later. */
static void detach(DBusPendingCall *p)
{
        awaited_remove(p->connection, &p->awaited);
        p->is_attached = false;
        timeout_is_over(p);
}

void pending_call_give_up(DBusPendingCall *p)
{
        detach(p);
        p->is_given_up = true;
        if (list_empty(&p->timeout_over))
                list_append(&p->connection->timeouts_over, &p->timeout_over);
}

void pending_call_complete_and_unlock(DBusPendingCall *p)
{
        DBusConnection *c = p->connection;
        DBusPendingCallNotifyFunction notify = p->notify;
        void *data = p->notify_data.data;

        p->reply = p->awaited.reply;
        p->is_completed = true;
        detach(p);
        connection_changed(c);
        connection_unlock(c);
        if (notify)
                notify(p, data);
        pending_call_unref(p); /* the table's */
}

/* Adds the timeout to the application's main loop, which is asked without the lock. */
static dbus_bool_t add_timeout(DBusConnection *c, DBusPendingCall *p)
{
        dbus_bool_t added;

        if (p->timeout.interval < 0)
                return TRUE;
        main_loop_enter(c);
        added = timeout_list_add(&c->timeouts, &p->timeout);
        main_loop_leave(c);
        if (added)
                pending_call_ref(p);
        p->has_timeout = added;
        return added;
}

/* Puts a call into the table, sends the message, and takes it out again if that fails. Returns 0,
 * -ENOMEM, or -ENOTCONN if there is no connection any more. Locked. */
static int attach_and_send(DBusConnection *c, DBusPendingCall *p, DBusMessage *message)
{
        uint32_t serial;
        int r;

        if (!add_timeout(c, p))
                return -ENOMEM;
        /* Closed meanwhile: whoever did that knew nothing of this call. */
        if (!connection_is_open(c)) {
                timeout_is_over(p);
                return -ENOTCONN;
        }
        if (!message_serial(message))
                message_set_serial(message, connection_next_serial(c));
        r = awaited_add(c, &p->awaited, message_serial(message));
        if (!r) {
                p->is_attached = true;
                pending_call_ref(p);
                r = connection_send(c, message, &serial);
                if (r < 0) {
                        detach(p);
                        atomic_fetch_sub(&p->refs, 1); /* the table's; the caller has one */
                }
        } else {
                timeout_is_over(p);
        }
        return r;
}

dbus_bool_t dbus_connection_send_with_reply(DBusConnection *connection, DBusMessage *message,
                                            DBusPendingCall **pending_return,
                                            int timeout_milliseconds)
{
        DBusPendingCall *p;
        int r;

        if (!CHECK(connection != NULL) || !CHECK(message != NULL) ||
            !CHECK(timeout_milliseconds >= 0 || timeout_milliseconds == -1))
                return FALSE;
        if (pending_return)
                *pending_return = NULL;
        connection_lock(connection);
        /* One with descriptors that could never be sent is as good as one on a closed connection:
         * there is nothing to wait for. */
        if (!connection_is_open(connection) ||
            (message->wire.n_fds && !connection_can_send_fds(connection))) {
                connection_unlock(connection);
                return TRUE;
        }
        if (!pending_return) {
                /* Nobody could ever hear of the reply, but filters. */
                r = connection_send(connection, message, NULL);
                dispatch_status_tell_and_unlock(connection, dispatch_status(connection));
                return !r;
        }
        p = pending_call_new(connection, timeout_of_call(timeout_milliseconds));
        if (!p) {
                connection_unlock(connection);
                return FALSE;
        }
        r = attach_and_send(connection, p, message);
        dispatch_status_tell_and_unlock(connection, dispatch_status(connection));
        if (!r)
                *pending_return = p;
        else
                pending_call_unref(p);
        return !r || r == -ENOTCONN;
}

dbus_bool_t dbus_pending_call_set_notify(DBusPendingCall *pending,
                                         DBusPendingCallNotifyFunction function, void *user_data,
                                         DBusFreeFunction free_user_data)
{
        struct slot_value old;

        if (!CHECK(pending != NULL))
                return FALSE;
        connection_lock(pending->connection);
        old = pending->notify_data;
        pending->notify = function;
        pending->notify_data = (struct slot_value){user_data, free_user_data};
        connection_unlock(pending->connection);
        slot_value_free(&old);
        return TRUE;
}

void dbus_pending_call_cancel(DBusPendingCall *pending)
{
        bool was_attached;

        if (!CHECK(pending != NULL))
                return;
        connection_lock(pending->connection);
        was_attached = pending->is_attached;
        if (was_attached)
                detach(pending);
        connection_unlock(pending->connection);
        if (was_attached)
                pending_call_unref(pending);
}

dbus_bool_t dbus_pending_call_get_completed(DBusPendingCall *pending)
{
        bool is_completed;

        if (!CHECK(pending != NULL))
                return FALSE;
        connection_lock(pending->connection);
        is_completed = pending->is_completed;
        connection_unlock(pending->connection);
        return is_completed;
}

DBusMessage *dbus_pending_call_steal_reply(DBusPendingCall *pending)
{
        DBusMessage *reply;

        if (!CHECK(pending != NULL) || !CHECK(pending->is_completed) ||
            !CHECK(pending->reply != NULL))
                return NULL;
        connection_lock(pending->connection);
        reply = pending->reply;
        pending->reply = NULL;
        connection_unlock(pending->connection);
        return reply;
}

/* Calls the application for a call that has been completed. Unlocks, and locks again. */
static void notify(DBusPendingCall *p)
{
        DBusPendingCallNotifyFunction function = p->notify;
        void *data = p->notify_data.data;

        connection_unlock(p->connection);
        if (function)
                function(p, data);
        connection_lock(p->connection);
}

/* Who blocks cannot be told that there is no memory for the error that ends it. */
static void wait_for_memory(DBusConnection *c)
{
        pthread_mutex_unlock(&c->lock);
        usleep(MEMORY_PAUSE * 1000);
        pthread_mutex_lock(&c->lock);
}

/* Waits for the reply of an attached call, or for its time to be over. Locked. */
static void wait_for_reply(DBusConnection *c, DBusPendingCall *p)
{
        int64_t deadline = deadline_in(p->timeout.interval);

        while (p->is_attached && !p->awaited.reply) {
                DBusMessage *m;

                if (!connection_is_open(c))
                        return;
                if (connection_wait(c, IO_READ, deadline) || !p->is_attached || p->awaited.reply ||
                    deadline == DEADLINE_NEVER)
                        continue;
                m = awaited_no_reply(p->awaited.serial);
                if (m)
                        connection_receive(c, m);
                else
                        wait_for_memory(c);
        }
}

/* Completes a call for which no reply can come any more, and calls the application. Returns false
 * without memory. Unlocks, and locks again. */
static bool complete_at_end(DBusPendingCall *p)
{
        DBusMessage *m = awaited_ended(p->connection, p->awaited.serial);

        if (!m)
                return false;
        p->reply = m;
        p->is_completed = true;
        if (p->is_attached)
                pending_call_give_up(p);
        notify(p);
        return true;
}

void dbus_pending_call_block(DBusPendingCall *pending)
{
        DBusConnection *c;

        if (!CHECK(pending != NULL))
                return;
        c = pending->connection;
        pending_call_ref(pending);
        connection_lock(c);
        connection_write(c);
        for (;;) {
                wait_for_reply(c, pending);
                if (pending->is_attached && pending->awaited.reply) {
                        queue_remove(c, pending->awaited.reply);
                        pending_call_complete_and_unlock(pending);
                        connection_lock(c);
                        break;
                }
                if (pending->is_completed || connection_is_open(c) || complete_at_end(pending))
                        break;
                wait_for_memory(c);
        }
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
        pending_call_unref(pending);
}

dbus_bool_t dbus_pending_call_allocate_data_slot(dbus_int32_t *slot_p)
{
        return CHECK(slot_p != NULL) ? slot_allocate(&slots, slot_p) : FALSE;
}

void dbus_pending_call_free_data_slot(dbus_int32_t *slot_p)
{
        if (CHECK(slot_p != NULL) && CHECK(*slot_p >= 0))
                slot_free(&slots, slot_p);
}

dbus_bool_t dbus_pending_call_set_data(DBusPendingCall *pending, dbus_int32_t slot, void *data,
                                       DBusFreeFunction free_data_func)
{
        struct slot_value old;
        dbus_bool_t done;

        if (!CHECK(pending != NULL) || !CHECK(slot >= 0))
                return FALSE;
        connection_lock(pending->connection);
        done = slot_set(&pending->slots, slot, data, free_data_func, &old);
        connection_unlock(pending->connection);
        if (done)
                slot_value_free(&old);
        return done;
}

void *dbus_pending_call_get_data(DBusPendingCall *pending, dbus_int32_t slot)
{
        void *data;

        if (!CHECK(pending != NULL))
                return NULL;
        connection_lock(pending->connection);
        data = slot_get(&pending->slots, slot);
        connection_unlock(pending->connection);
        return data;
}
