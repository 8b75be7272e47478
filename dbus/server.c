/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "check.h"
#include "connection-private.h"
#include "core/address.h"
#include "core/guid.h"
#include "core/listen.h"
#include "data-slot.h"
#include "engine.h"
#include "timeout.h"
#include "watch.h"

/* One of the sockets, for its watch. */
struct server_socket {
        DBusServer *server;
        size_t index; /* in the listener */
        DBusWatch *watch;
};

struct DBusServer {
        atomic_uint refs;
        pthread_mutex_t lock;

        bool is_connected;
        struct listener *listener; /* until its watches are gone from the main loop */
        struct server_socket *sockets;
        size_t n_sockets;
        char *address;
        char guid[GUID_SIZE];

        /* The lists call the application, which must not happen with the lock held: they belong to
         * the thread that is telling a main loop something. Others wait for `told`. */
        bool is_telling;
        pthread_t teller;
        pthread_cond_t told;
        struct watch_list watches;
        struct timeout_list timeouts;

        DBusNewConnectionFunction new_connection;
        struct slot_value new_connection_data;
        char **mechanisms; /* NULL: all */
        struct slot_values slots;
};

static struct slot_space slots = SLOT_SPACE_INIT;

static void set_no_memory(DBusError *error)
{
        dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
}

static void strings_free(char **strings)
{
        for (size_t i = 0; strings && strings[i]; ++i)
                free(strings[i]);
        free(strings);
}

/* Telling main loops */

/* Makes the lists this thread's. Returns false if they were: the application was told something,
 * and has called back. */
static bool begin_telling(DBusServer *s)
{
        bool is_new;

        pthread_mutex_lock(&s->lock);
        is_new = !s->is_telling || !pthread_equal(s->teller, pthread_self());
        while (is_new && s->is_telling)
                pthread_cond_wait(&s->told, &s->lock);
        if (is_new) {
                s->is_telling = true;
                s->teller = pthread_self();
        }
        pthread_mutex_unlock(&s->lock);
        return is_new;
}

/* Takes all watches from the main loop, and then closes the sockets. */
static void close_sockets(DBusServer *s)
{
        struct listener *l;

        for (size_t i = 0; i < s->n_sockets; ++i) {
                watch_list_remove(&s->watches, s->sockets[i].watch);
                s->sockets[i].watch = watch_free(s->sockets[i].watch);
        }
        pthread_mutex_lock(&s->lock);
        l = s->listener;
        s->listener = NULL;
        s->n_sockets = 0;
        pthread_mutex_unlock(&s->lock);
        listener_free(l);
}

/* True if the server was disconnected and its sockets are still to be closed. */
static bool is_to_be_closed(DBusServer *s)
{
        bool is;

        pthread_mutex_lock(&s->lock);
        is = !s->is_connected && s->listener;
        pthread_mutex_unlock(&s->lock);
        return is;
}

/* Gives the lists back. An application that disconnected the server when it was told something
 * could not have it closed there and then. */
static void end_telling(DBusServer *s)
{
        if (is_to_be_closed(s))
                close_sockets(s);
        pthread_mutex_lock(&s->lock);
        s->is_telling = false;
        pthread_cond_broadcast(&s->told);
        pthread_mutex_unlock(&s->lock);
}

/* Life */

static void finalize(DBusServer *s)
{
        slot_values_deinit(&s->slots);
        slot_value_free(&s->new_connection_data);
        watch_list_set(&s->watches, NULL, NULL, NULL, NULL, NULL);
        timeout_list_set(&s->timeouts, NULL, NULL, NULL, NULL, NULL);
        strings_free(s->mechanisms);
        pthread_cond_destroy(&s->told);
        pthread_mutex_destroy(&s->lock);
        free(s->sockets);
        free(s->address);
        free(s);
}

DBusServer *dbus_server_ref(DBusServer *server)
{
        if (!CHECK(server != NULL))
                return NULL;
        atomic_fetch_add_explicit(&server->refs, 1, memory_order_relaxed);
        return server;
}

static void disconnect(DBusServer *s)
{
        pthread_mutex_lock(&s->lock);
        s->is_connected = false;
        pthread_mutex_unlock(&s->lock);
        if (begin_telling(s))
                end_telling(s);
}

void dbus_server_unref(DBusServer *server)
{
        if (!CHECK(server != NULL))
                return;
        if (atomic_fetch_sub_explicit(&server->refs, 1, memory_order_acq_rel) != 1)
                return;
        if (server->is_connected) {
                warn("this watch should have been invalidated");
                disconnect(server);
        }
        finalize(server);
}

void dbus_server_disconnect(DBusServer *server)
{
        if (!CHECK(server != NULL))
                return;
        /* The application may drop its reference when it is told. */
        dbus_server_ref(server);
        disconnect(server);
        dbus_server_unref(server);
}

dbus_bool_t dbus_server_get_is_connected(DBusServer *server)
{
        dbus_bool_t is;

        if (!CHECK(server != NULL))
                return FALSE;
        pthread_mutex_lock(&server->lock);
        is = server->is_connected;
        pthread_mutex_unlock(&server->lock);
        return is;
}

/* Clients */

/* Accepts a client, if one waits. Returns 0 with a connection or NULL, or -ENOMEM. */
static int accept_client(DBusServer *s, size_t index, DBusConnection **c)
{
        struct acceptance how = {.guid = s->guid};
        int r = 0;

        *c = NULL;
        pthread_mutex_lock(&s->lock);
        how.fd = s->is_connected ? listener_accept(s->listener, index) : -EAGAIN;
        if (how.fd >= 0) {
                how.is_unix = s->listener->sockets[index].is_unix;
                how.nonce = s->listener->sockets[index].nonce;
                how.mechanisms = s->mechanisms;
                r = connection_new_accepted(c, &how);
        }
        pthread_mutex_unlock(&s->lock);
        if (r < 0)
                close(how.fd);
        /* There may be nobody any more: a client that has gone again is no error of the server. */
        return r;
}

/* Hands a connection to the application, and closes it if that does not want it. */
static void hand_over(DBusServer *s, DBusConnection *c)
{
        DBusNewConnectionFunction function;
        void *data;

        pthread_mutex_lock(&s->lock);
        function = s->new_connection;
        data = s->new_connection_data.data;
        pthread_mutex_unlock(&s->lock);
        if (function)
                function(s, c, data);
        if (atomic_load(&c->refs) == 1)
                connection_close_unwanted(c);
        dbus_connection_unref(c);
}

static dbus_bool_t handle_socket(DBusWatch *watch, unsigned flags, void *data)
{
        struct server_socket *socket = data;
        DBusServer *s = socket->server;
        DBusConnection *c;
        int r;

        (void)watch;
        /* A listening socket has no errors that closing it would mend. */
        if (!(flags & DBUS_WATCH_READABLE))
                return TRUE;
        dbus_server_ref(s);
        r = accept_client(s, socket->index, &c);
        if (c)
                hand_over(s, c);
        dbus_server_unref(s);
        return r == 0;
}

/* Listening */

static int add_sockets(DBusServer *s)
{
        s->sockets = calloc(s->listener->n_sockets, sizeof(*s->sockets));
        if (!s->sockets)
                return -ENOMEM;
        for (size_t i = 0; i < s->listener->n_sockets; ++i) {
                struct server_socket *socket = &s->sockets[i];

                *socket = (struct server_socket){.server = s, .index = i};
                socket->watch = watch_new(s->listener->sockets[i].fd, DBUS_WATCH_READABLE, true,
                                          handle_socket, socket);
                if (!socket->watch)
                        return -ENOMEM;
                s->n_sockets += 1;
                watch_list_add(&s->watches, socket->watch);
        }
        return 0;
}

/* Makes a server of what listens. Takes the listener over. */
static DBusServer *server_new(struct listener *l)
{
        DBusServer *s = calloc(1, sizeof(*s));

        if (!s) {
                listener_free(l);
                return NULL;
        }
        atomic_init(&s->refs, 1);
        pthread_mutex_init(&s->lock, NULL);
        pthread_cond_init(&s->told, NULL);
        watch_list_init(&s->watches);
        timeout_list_init(&s->timeouts);
        s->listener = l;
        memcpy(s->guid, l->guid, sizeof(s->guid));
        s->address = strdup(l->connectable);
        if (!s->address || add_sockets(s) < 0) {
                close_sockets(s);
                finalize(s);
                return NULL;
        }
        s->is_connected = true;
        return s;
}

/* Listens on one of the addresses. Returns NULL with the error set. */
static struct listener *listen_at(const struct address *list, size_t n, DBusError *error)
{
        char guid[GUID_SIZE], *text = NULL;
        struct listener *l;
        int r = guid_new(guid);

        if (!r)
                r = listen_on_first(list, n, guid, &l, &text);
        if (!r)
                return l;
        if (text)
                dbus_set_error(error, listen_error_name(r), "%s", text);
        else if (r == -ENOMEM)
                set_no_memory(error);
        else
                dbus_set_error(error, listen_error_name(r), "%s", strerror(-r));
        free(text);
        return NULL;
}

DBusServer *dbus_server_listen(const char *address, DBusError *error)
{
        struct address *list;
        struct listener *l;
        DBusServer *s;
        char *text;
        size_t n;
        int r;

        if (!CHECK(address != NULL) || !CHECK_AS(error == NULL || !dbus_error_is_set(error),
                                                 "(error) == NULL || !dbus_error_is_set ((error))"))
                return NULL;
        r = addresses_parse(address, &list, &n, &text);
        if (r) {
                if (text)
                        dbus_set_error(error, DBUS_ERROR_BAD_ADDRESS, "%s", text);
                else
                        set_no_memory(error);
                free(text);
                return NULL;
        }
        l = listen_at(list, n, error);
        addresses_free(list, n);
        if (!l)
                return NULL;
        s = server_new(l);
        if (!s)
                set_no_memory(error);
        return s;
}

char *dbus_server_get_address(DBusServer *server)
{
        if (!CHECK(server != NULL))
                return NULL;
        return strdup(server->address);
}

char *dbus_server_get_id(DBusServer *server)
{
        if (!CHECK(server != NULL))
                return NULL;
        return strdup(server->guid);
}

/* Settings */

void dbus_server_set_new_connection_function(DBusServer *server, DBusNewConnectionFunction function,
                                             void *data, DBusFreeFunction free_data_function)
{
        struct slot_value old;

        if (!CHECK(server != NULL))
                return;
        pthread_mutex_lock(&server->lock);
        old = server->new_connection_data;
        server->new_connection = function;
        server->new_connection_data = (struct slot_value){data, free_data_function};
        pthread_mutex_unlock(&server->lock);
        slot_value_free(&old);
}

/* As begin_telling() for a public function: warns of one that is called by what it calls. The
 * application may drop its reference meanwhile. */
static bool begin_setting(DBusServer *s, const char *function)
{
        if (begin_telling(s)) {
                dbus_server_ref(s);
                return true;
        }
        warn_misuse("Re-entrant call to %s", function);
        return false;
}

static void end_setting(DBusServer *s)
{
        end_telling(s);
        dbus_server_unref(s);
}

dbus_bool_t dbus_server_set_watch_functions(DBusServer *server, DBusAddWatchFunction add_function,
                                            DBusRemoveWatchFunction remove_function,
                                            DBusWatchToggledFunction toggled_function, void *data,
                                            DBusFreeFunction free_data_function)
{
        dbus_bool_t ok;

        if (!CHECK(server != NULL) || !begin_setting(server, __func__))
                return FALSE;
        ok = watch_list_set(&server->watches, add_function, remove_function, toggled_function, data,
                            free_data_function);
        end_setting(server);
        return ok;
}

dbus_bool_t dbus_server_set_timeout_functions(DBusServer *server,
                                              DBusAddTimeoutFunction add_function,
                                              DBusRemoveTimeoutFunction remove_function,
                                              DBusTimeoutToggledFunction toggled_function,
                                              void *data, DBusFreeFunction free_data_function)
{
        dbus_bool_t ok;

        if (!CHECK(server != NULL) || !begin_setting(server, __func__))
                return FALSE;
        ok = timeout_list_set(&server->timeouts, add_function, remove_function, toggled_function,
                              data, free_data_function);
        end_setting(server);
        return ok;
}

/* Returns NULL if there is no memory. */
static char **strings_copy(const char **strings)
{
        size_t n = 0;
        char **copy;

        while (strings[n])
                n += 1;
        copy = calloc(n + 1, sizeof(*copy));
        for (size_t i = 0; copy && i < n; ++i) {
                copy[i] = strdup(strings[i]);
                if (!copy[i]) {
                        strings_free(copy);
                        return NULL;
                }
        }
        return copy;
}

dbus_bool_t dbus_server_set_auth_mechanisms(DBusServer *server, const char **mechanisms)
{
        char **copy = NULL, **old;

        if (!CHECK(server != NULL))
                return FALSE;
        if (mechanisms) {
                copy = strings_copy(mechanisms);
                if (!copy)
                        return FALSE;
        }
        pthread_mutex_lock(&server->lock);
        old = server->mechanisms;
        server->mechanisms = copy;
        pthread_mutex_unlock(&server->lock);
        strings_free(old);
        return TRUE;
}

/* Data of applications */

dbus_bool_t dbus_server_allocate_data_slot(dbus_int32_t *slot_p)
{
        return slot_allocate(&slots, slot_p);
}

void dbus_server_free_data_slot(dbus_int32_t *slot_p)
{
        slot_free(&slots, slot_p);
}

dbus_bool_t dbus_server_set_data(DBusServer *server, int slot, void *data,
                                 DBusFreeFunction free_data_func)
{
        struct slot_value old;
        dbus_bool_t ok;

        if (!CHECK(server != NULL) || !slot_is_allocated(&slots, slot))
                return FALSE;
        pthread_mutex_lock(&server->lock);
        ok = slot_set(&server->slots, slot, data, free_data_func, &old);
        pthread_mutex_unlock(&server->lock);
        slot_value_free(&old);
        return ok;
}

void *dbus_server_get_data(DBusServer *server, int slot)
{
        void *data;

        if (!CHECK(server != NULL))
                return NULL;
        pthread_mutex_lock(&server->lock);
        data = slot_get(&server->slots, slot);
        pthread_mutex_unlock(&server->lock);
        return data;
}
