/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include "check.h"

/* The functions by which an application's main loop serves a connection. */

/* Waits until no other thread calls the functions of the main loop. Locked. */
static void wait_for_main_loop(DBusConnection *c)
{
        while (c->main_loop_depth && !pthread_equal(c->main_loop_user, pthread_self())) {
                c->n_waiting += 1;
                pthread_cond_wait(&c->changed, &c->lock);
                c->n_waiting -= 1;
        }
}

void main_loop_enter(DBusConnection *c)
{
        wait_for_main_loop(c);
        c->main_loop_user = pthread_self();
        c->main_loop_depth += 1;
        pthread_mutex_unlock(&c->lock);
}

void main_loop_leave(DBusConnection *c)
{
        pthread_mutex_lock(&c->lock);
        c->main_loop_depth -= 1;
        if (!c->main_loop_depth)
                connection_changed(c);
}

/* The other end is gone: takes what it has left, and closes. */
static void read_to_end(DBusConnection *c)
{
        while (connection_is_open(c) && connection_read(c))
                ;
        connection_disconnect(c);
}

static dbus_bool_t handle_read(DBusWatch *w, unsigned flags, void *data)
{
        DBusConnection *c = data;

        (void)w;
        dbus_connection_ref(c); /* the application may drop its own when it is asked something */
        connection_lock(c);
        /* A thread that sleeps until it can read would sleep on if this one took all there is. */
        if (!c->is_reader_asleep && (flags & (DBUS_WATCH_HANGUP | DBUS_WATCH_ERROR)))
                read_to_end(c);
        else if (!c->is_reader_asleep)
                connection_read(c);
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
        dbus_connection_unref(c);
        return TRUE;
}

static dbus_bool_t handle_write(DBusWatch *w, unsigned flags, void *data)
{
        DBusConnection *c = data;

        (void)w;
        dbus_connection_ref(c);
        connection_lock(c);
        connection_write(c);
        if ((flags & (DBUS_WATCH_HANGUP | DBUS_WATCH_ERROR)) && !c->is_reader_asleep)
                read_to_end(c);
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
        dbus_connection_unref(c);
        return TRUE;
}

dbus_bool_t connection_handle_links(DBusWatch *w, unsigned flags, void *data)
{
        DBusConnection *c = data;

        (void)w;
        (void)flags;
        connection_lock(c);
        if (c->links && !c->is_reader_asleep && connection_may_read(c))
                links_read(c);
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
        return TRUE;
}

/* Makes the watches when they are wanted for the first time: connections without a main loop have
 * none. Locked, and the lists are nobody else's; returns FALSE without memory. */
static dbus_bool_t make_watches(DBusConnection *c)
{
        DBusWatch *r, *w;

        if (c->read_watch || !connection_is_open(c))
                return TRUE;
        w = watch_new(c->transport.fd, DBUS_WATCH_WRITABLE, transport_has_output(&c->transport),
                      handle_write, c);
        r = watch_new(c->transport.fd, DBUS_WATCH_READABLE, !transport_has_output(&c->transport),
                      handle_read, c);
        if (!r || !w) {
                watch_free(r);
                watch_free(w);
                return FALSE;
        }
        /* No main loop yet that could refuse. */
        list_append(&c->watches.watches, &w->of_all);
        list_append(&c->watches.watches, &r->of_all);
        c->read_watch = r;
        c->write_watch = w;
        return TRUE;
}

/* Has the watches made if they are wanted, and makes the lists this thread's. Returns FALSE without
 * memory. Unlocks. */
static dbus_bool_t enter_with_watches(DBusConnection *c, bool wanted)
{
        dbus_bool_t made = TRUE;

        main_loop_enter(c);
        if (!wanted)
                return TRUE;
        pthread_mutex_lock(&c->lock);
        made = make_watches(c);
        pthread_mutex_unlock(&c->lock);
        return made;
}

dbus_bool_t dbus_connection_set_watch_functions(DBusConnection *connection,
                                                DBusAddWatchFunction add_function,
                                                DBusRemoveWatchFunction remove_function,
                                                DBusWatchToggledFunction toggled_function,
                                                void *data, DBusFreeFunction free_data_function)
{
        dbus_bool_t done;

        if (!CHECK(connection != NULL))
                return FALSE;
        connection_lock(connection);
        done = enter_with_watches(connection, add_function != NULL) &&
               watch_list_set(&connection->watches, add_function, remove_function, toggled_function,
                              data, free_data_function);
        main_loop_leave(connection);
        if (done)
                connection->has_main_loop = add_function != NULL;
        connection_unlock(connection);
        return done;
}

dbus_bool_t dbus_connection_set_timeout_functions(DBusConnection *connection,
                                                  DBusAddTimeoutFunction add_function,
                                                  DBusRemoveTimeoutFunction remove_function,
                                                  DBusTimeoutToggledFunction toggled_function,
                                                  void *data, DBusFreeFunction free_data_function)
{
        dbus_bool_t done;

        if (!CHECK(connection != NULL))
                return FALSE;
        connection_lock(connection);
        main_loop_enter(connection);
        done = timeout_list_set(&connection->timeouts, add_function, remove_function,
                                toggled_function, data, free_data_function);
        main_loop_leave(connection);
        connection_unlock(connection);
        return done;
}

/* Puts a function in the place of another. What the old one's data needs is called unlocked. */
static void replace(DBusConnection *c, struct callback *where, struct callback with)
{
        struct slot_value old;

        connection_lock(c);
        old = where->data;
        *where = with;
        connection_unlock(c);
        slot_value_free(&old);
}

void dbus_connection_set_wakeup_main_function(DBusConnection *connection,
                                              DBusWakeupMainFunction wakeup_main_function,
                                              void *data, DBusFreeFunction free_data_function)
{
        struct slot_value old;

        if (!CHECK(connection != NULL))
                return;
        connection_lock(connection);
        wait_for_main_loop(connection);
        old = connection->wakeup_main.data;
        connection->wakeup_main = (struct callback){.wakeup_main = wakeup_main_function,
                                                    .data = {data, free_data_function}};
        connection_unlock(connection);
        slot_value_free(&old);
}

void dbus_connection_set_dispatch_status_function(DBusConnection *connection,
                                                  DBusDispatchStatusFunction function, void *data,
                                                  DBusFreeFunction free_data_function)
{
        if (!CHECK(connection != NULL))
                return;
        replace(connection, &connection->dispatch_status,
                (struct callback){.dispatch_status = function, .data = {data, free_data_function}});
}

void dbus_connection_set_unix_user_function(DBusConnection *connection,
                                            DBusAllowUnixUserFunction function, void *data,
                                            DBusFreeFunction free_data_function)
{
        if (!CHECK(connection != NULL))
                return;
        replace(connection, &connection->unix_user,
                (struct callback){.unix_user = function, .data = {data, free_data_function}});
}

void dbus_connection_set_windows_user_function(DBusConnection *connection,
                                               DBusAllowWindowsUserFunction function, void *data,
                                               DBusFreeFunction free_data_function)
{
        if (!CHECK(connection != NULL))
                return;
        replace(connection, &connection->windows_user,
                (struct callback){.windows_user = function, .data = {data, free_data_function}});
}
