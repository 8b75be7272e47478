/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"

/* What the messages that an application keeps may add up to before no more are read: libdbus's
 * defaults. */
#define MAX_RECEIVED_SIZE (63L * 1024 * 1024)
#define MAX_RECEIVED_FDS  4096L

/* Nothing here raises SIGPIPE, as every write says MSG_NOSIGNAL; but who asks for it has the signal
 * ignored in the whole process once there is a connection. */
static atomic_bool changes_sigpipe;

void dbus_connection_set_change_sigpipe(dbus_bool_t will_modify_sigpipe)
{
        atomic_store(&changes_sigpipe, will_modify_sigpipe != FALSE);
}

static void init_lists(DBusConnection *c)
{
        list_init(&c->incoming);
        list_init(&c->filters);
        list_init(&c->timeouts_over);
        list_init(&c->gone);
        list_init(&c->of_shared);
        watch_list_init(&c->watches);
        timeout_list_init(&c->timeouts);
}

static void init_locks(DBusConnection *c)
{
        pthread_condattr_t attributes;

        pthread_mutex_init(&c->lock, NULL);
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&c->changed, &attributes);
        pthread_condattr_destroy(&attributes);
}

int connection_new(DBusConnection **cp, const struct connected *client, const char *guid,
                   const struct acceptance *server)
{
        DBusConnection *c = calloc(1, sizeof(*c));
        int r;

        if (!c)
                return -ENOMEM;
        r = received_new(&c->received, c);
        if (!r) {
                r = client ? transport_init_client(&c->transport, client, guid)
                           : transport_init_server(&c->transport, server);
                if (r < 0)
                        received_abandon(c->received);
        }
        if (r < 0) {
                free(c);
                return r;
        }
        atomic_init(&c->refs, 1);
        init_locks(c);
        init_lists(c);
        c->max_message_size = (long)c->transport.limits.message_size;
        c->max_message_fds = (long)c->transport.limits.message_fds;
        c->max_received_size = MAX_RECEIVED_SIZE;
        c->max_received_fds = MAX_RECEIVED_FDS;
        c->last_status = DBUS_DISPATCH_COMPLETE;
        c->links_fd = -1;
        if (atomic_load(&changes_sigpipe))
                signal(SIGPIPE, SIG_IGN);
        *cp = c;
        return 0;
}

int connection_new_accepted(DBusConnection **cp, const struct acceptance *how)
{
        return connection_new(cp, NULL, NULL, how);
}

DBusConnection *dbus_connection_ref(DBusConnection *connection)
{
        if (!CHECK(connection != NULL))
                return NULL;
        atomic_fetch_add_explicit(&connection->refs, 1, memory_order_relaxed);
        return connection;
}

/* Drops what waits, without the lock: no one else is left who could see it. */
static void drop_incoming(DBusConnection *c)
{
        while (!list_empty(&c->incoming)) {
                DBusMessage *m = container_of(c->incoming.next, DBusMessage, queued);

                queue_remove(c, m);
                dbus_message_unref(m);
        }
}

static void drop_callbacks(DBusConnection *c)
{
        struct callback *const all[] = {&c->dispatch_status, &c->wakeup_main, &c->unix_user,
                                        &c->windows_user};

        for (size_t i = 0; i < sizeof(all) / sizeof(*all); ++i)
                slot_value_free(&all[i]->data);
}

static void finalize(DBusConnection *c)
{
        received_abandon(c->received);
        watch_list_set(&c->watches, NULL, NULL, NULL, NULL, NULL);
        timeout_list_set(&c->timeouts, NULL, NULL, NULL, NULL, NULL);
        object_tree_deinit(&c->objects, c);
        filters_deinit(c);
        drop_callbacks(c);
        drop_incoming(c);
        message_collected_free(&c->gone);
        slot_values_deinit(&c->slots);
        free(c->unique_name);
        if (c->disconnected)
                dbus_message_unref(c->disconnected);
        if (c->read_watch) {
                list_remove(&c->read_watch->of_all);
                list_remove(&c->write_watch->of_all);
        }
        watch_free(c->read_watch);
        watch_free(c->write_watch);
        transport_deinit(&c->transport);
        if (c->links_fd >= 0)
                close(c->links_fd);
        hash_deinit(&c->awaited);
        pthread_cond_destroy(&c->changed);
        pthread_mutex_destroy(&c->lock);
        free(c);
}

void dbus_connection_unref(DBusConnection *connection)
{
        if (!CHECK(connection != NULL))
                return;
        if (atomic_fetch_sub_explicit(&connection->refs, 1, memory_order_acq_rel) != 1)
                return;
        if (connection_is_open(connection)) {
                warn_misuse("The last reference on a connection was dropped without closing the "
                            "connection. This is a bug in an application. See "
                            "dbus_connection_unref() documentation for details.\n%s",
                            connection->is_shared
                                    ? "Most likely, the application called unref() too many times "
                                      "and removed a reference belonging to libdbus, since this "
                                      "is a shared connection."
                                    : "Most likely, the application was supposed to call "
                                      "dbus_connection_close(), since this is a private "
                                      "connection.");
                return;
        }
        finalize(connection);
}

void connection_disconnect(DBusConnection *c)
{
        if (!connection_is_open(c))
                return;
        forget_sleepers(c);
        /* A thread that sleeps on the descriptor has to notice. Nobody else may: a process that
         * was forked has the same socket. */
        if (c->is_reader_asleep || c->is_writer_asleep)
                shutdown(c->transport.fd, SHUT_RDWR);
        message_collect_begin(&c->gone);
        transport_close(&c->transport);
        links_end(c);
        message_collect_end();
        bus_forget(c);
        connection_changed(c);
}

/* True if the descriptor of a closed connection is of no use to anybody any more. */
static bool has_idle_descriptor(const DBusConnection *c)
{
        return !connection_is_open(c) && c->transport.fd >= 0 && !c->read_watch &&
               !c->write_watch && !c->is_reader_asleep && !c->is_writer_asleep;
}

static void close_now(DBusConnection *c)
{
        connection_lock(c);
        connection_disconnect(c);
        dispatch_status_tell_and_unlock(c, dispatch_status(c));
}

void connection_close_unwanted(DBusConnection *c)
{
        close_now(c);
}

void dbus_connection_close(DBusConnection *connection)
{
        if (!CHECK(connection != NULL))
                return;
        if (connection->is_shared) {
                warn_misuse("Applications must not close shared connections - see "
                            "dbus_connection_close() docs. This is a bug in the application.");
                return;
        }
        close_now(connection);
}

/* True if the read watch should be polled now. */
static bool wants_to_read(DBusConnection *c)
{
        if (c->transport.state == TRANSPORT_AUTHENTICATING)
                return !transport_has_output(&c->transport);
        return connection_may_read(c);
}

/* Each tells the application one thing that it does not know yet, without the lock, and returns
 * true; false if there is no such thing. */

static bool tell_watch(DBusConnection *c, DBusWatch *w, bool enabled)
{
        if (w->enabled == enabled)
                return false;
        main_loop_enter(c);
        watch_list_toggle(&c->watches, w, enabled);
        main_loop_leave(c);
        return true;
}

static bool tell_watch_gone(DBusConnection *c, DBusWatch **wp)
{
        DBusWatch *w = *wp;

        *wp = NULL;
        main_loop_enter(c);
        watch_list_remove(&c->watches, w);
        watch_free(w);
        main_loop_leave(c);
        return true;
}

/* The links are one more descriptor for the main loop to poll. */
static bool tell_links_watch(DBusConnection *c)
{
        DBusWatch *w;
        dbus_bool_t added;

        if (c->links_watch && !c->links)
                return tell_watch_gone(c, &c->links_watch);
        if (c->links_watch)
                return tell_watch(c, c->links_watch, connection_may_read(c));
        if (!c->links || !c->has_main_loop || c->wants_no_links)
                return false;
        w = watch_new(c->links_fd, DBUS_WATCH_READABLE, true, connection_handle_links, c);
        c->links_watch = w;
        main_loop_enter(c);
        added = w && watch_list_add(&c->watches, w);
        main_loop_leave(c);
        if (!added) {
                /* A main loop that cannot poll them would sleep while they have something. */
                c->links_watch = watch_free(w);
                links_disable(c);
        }
        return true;
}

static bool tell_watches(DBusConnection *c)
{
        if (!connection_is_open(c)) {
                if (c->read_watch)
                        return tell_watch_gone(c, &c->read_watch);
                return c->write_watch && tell_watch_gone(c, &c->write_watch);
        }
        if (!c->read_watch)
                return false;
        return tell_watch(c, c->read_watch, wants_to_read(c)) ||
               tell_watch(c, c->write_watch, transport_has_output(&c->transport));
}

static bool tell_timeouts(DBusConnection *c)
{
        if (list_empty(&c->timeouts_over))
                return false;
        pending_calls_drop_timeouts(c);
        return true;
}

/* Its data, and who counts it, hear that a message is gone. */
static bool tell_messages_gone(DBusConnection *c)
{
        struct list gone;

        if (list_empty(&c->gone))
                return false;
        list_insert_before(&c->gone, &gone);
        list_remove(&c->gone);
        pthread_mutex_unlock(&c->lock);
        message_collected_free(&gone);
        pthread_mutex_lock(&c->lock);
        return true;
}

static bool tell_wakeup(DBusConnection *c)
{
        if (!c->wakeups)
                return false;
        c->wakeups -= 1;
        main_loop_enter(c);
        if (c->wakeup_main.wakeup_main)
                c->wakeup_main.wakeup_main(c->wakeup_main.data.data);
        main_loop_leave(c);
        return true;
}

/* What is closed is not to be found by those who want to share a connection. */
static bool stop_sharing(DBusConnection *c)
{
        if (!c->is_found || connection_is_open(c))
                return false;
        c->is_found = false;
        pthread_mutex_unlock(&c->lock);
        shared_forget(c);
        pthread_mutex_lock(&c->lock);
        return true;
}

/* True if there is nothing to tell: the way of most calls. */
static bool knows_all(const DBusConnection *c)
{
        if (!connection_is_open(c) && (c->is_found || has_idle_descriptor(c)))
                return false;
        return !c->read_watch && !c->write_watch && !c->links_watch &&
               list_empty(&c->timeouts_over) && list_empty(&c->gone) && !c->wakeups;
}

/* Tells the application all that it does not know. Returns false if there is nothing, or somebody
 * is at it: one thread at a time tells, so that the last word it says is the newest. The caller, or
 * somebody it relies on, has a reference. */
bool connection_tell(DBusConnection *c)
{
        bool told = false;

        if (knows_all(c) || c->is_telling)
                return false;
        c->is_telling = true;
        while (tell_timeouts(c) || tell_messages_gone(c) || tell_watches(c) ||
               tell_links_watch(c) || tell_wakeup(c) || stop_sharing(c))
                told = true;
        c->is_telling = false;
        if (has_idle_descriptor(c))
                transport_release(&c->transport);
        return told;
}

void connection_unlock(DBusConnection *c)
{
        if (knows_all(c) || c->is_telling) {
                pthread_mutex_unlock(&c->lock);
                return;
        }
        dbus_connection_ref(c); /* the application may drop its own */
        connection_tell(c);
        pthread_mutex_unlock(&c->lock);
        dbus_connection_unref(c);
}
