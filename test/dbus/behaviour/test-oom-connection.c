/* SPDX-License-Identifier: MIT */
/*
 * Every allocation fails in turn: connections and servers (oom.h). What is called when there is no
 * memory for it says so, and does what it is for when it is called again; what arrives or has to be
 * written meanwhile is neither lost nor there twice.
 */

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "oom.h"
#include "peers.h"

/* More than enough for two ends that need nothing but a few turns each. */
#define MOST_PUMPS 200

/* A server without a main loop, one that would need memory itself, and up to two ends of a
 * connection to it. */
struct scene {
        char *directory, *address;
        DBusServer *server;
        DBusWatch *accepts;
        DBusConnection *client, *service;
        DBusMessage *message;
        DBusPreallocatedSend *preallocated;
        DBusPendingCall *pending;
        dbus_int32_t slot;
        int seen; /* messages by a filter or a handler, watches and timeouts by a main loop */
        DBusError error;
};

static dbus_bool_t keep_watch(DBusWatch *watch, void *data)
{
        struct scene *s = data;

        s->accepts = watch;
        return TRUE;
}

static void drop_watch(DBusWatch *watch, void *data)
{
        struct scene *s = data;

        (void)watch;
        s->accepts = NULL;
}

static void keep_connection(DBusServer *server, DBusConnection *connection, void *data)
{
        struct scene *s = data;

        (void)server;
        s->service = dbus_connection_ref(connection);
}

static void listen_in(struct scene *s)
{
        g_autofree char *wanted = g_strdup_printf("unix:path=%s/socket", s->directory);
        char *address;

        s->server = dbus_server_listen(wanted, &s->error);
        g_assert_nonnull(s->server);
        address = dbus_server_get_address(s->server);
        s->address = g_strdup(address);
        dbus_free(address);
        dbus_server_set_new_connection_function(s->server, keep_connection, s, NULL);
        g_assert_true(
                dbus_server_set_watch_functions(s->server, keep_watch, drop_watch, NULL, s, NULL));
}

static bool open_client(struct scene *s)
{
        s->client = dbus_connection_open_private(s->address, &s->error);
        if (s->client)
                dbus_connection_set_exit_on_disconnect(s->client, FALSE);
        return s->client != NULL;
}

static bool accept_client(struct scene *s)
{
        dbus_watch_handle(s->accepts, DBUS_WATCH_READABLE);
        return s->service != NULL;
}

static void pump(struct scene *s)
{
        dbus_connection_read_write(s->client, 0);
        dbus_connection_read_write(s->service, 0);
}

static bool authenticate(struct scene *s)
{
        for (int i = 0; i < MOST_PUMPS; i++) {
                pump(s);
                if (dbus_connection_get_is_authenticated(s->client) &&
                    dbus_connection_get_is_authenticated(s->service))
                        return true;
        }
        return false;
}

/* Those who cannot go on with it have hung up: the client may come again. */
static bool authenticate_anew(struct scene *s)
{
        if (dbus_connection_get_is_connected(s->client) &&
            dbus_connection_get_is_connected(s->service))
                return authenticate(s);
        s->client = connection_end(s->client);
        s->service = connection_end(s->service);
        return open_client(s) && accept_client(s) && authenticate(s);
}

static void connect_both(struct scene *s)
{
        listen_in(s);
        g_assert_true(open_client(s));
        g_assert_true(accept_client(s));
        g_assert_true(authenticate(s));
        s->message = call_new("/object", "Method");
}

static struct scene scene_new(void)
{
        struct scene s = {.directory = directory_new(), .slot = -1, .error = DBUS_ERROR_INIT};

        return s;
}

static void scene_end(struct scene *s)
{
        if (s->pending)
                dbus_pending_call_unref(s->pending);
        if (s->preallocated)
                dbus_connection_free_preallocated_send(s->client, s->preallocated);
        if (s->message)
                dbus_message_unref(s->message);
        connection_end(s->client);
        connection_end(s->service);
        if (s->server) {
                dbus_server_disconnect(s->server);
                dbus_server_unref(s->server);
        }
        if (s->slot >= 0)
                dbus_connection_free_data_slot(&s->slot);
        g_free(s->address);
        directory_free(s->directory);
}

/* What is tried: it returns false when there is not enough memory, and may be tried again then. */
struct attempt {
        const char *name;
        void (*before)(struct scene *s);
        bool (*run)(struct scene *s);
        void (*after)(struct scene *s); /* checks what has come of it */
};

static void try_all(gconstpointer data)
{
        const struct attempt *a = data;
        struct oom oom = {0};

        while (oom_next(&oom)) {
                struct scene s = scene_new();
                bool ok;

                a->before(&s);
                oom_begin(&oom);
                ok = a->run(&s);
                oom_end(&oom, ok);
                if (!ok) {
                        if (dbus_error_is_set(&s.error))
                                g_assert_cmpstr(s.error.name, ==, DBUS_ERROR_NO_MEMORY);
                        dbus_error_free(&s.error);
                        g_assert_true(a->run(&s));
                }
                g_assert_false(dbus_error_is_set(&s.error));
                if (a->after)
                        a->after(&s);
                scene_end(&s);
        }
}

/* Servers */

static void nothing(struct scene *s)
{
        s->address = g_strdup_printf("unix:path=%s/socket", s->directory);
}

static bool server_listen(struct scene *s)
{
        s->server = dbus_server_listen(s->address, &s->error);
        return s->server != NULL;
}

static bool server_text(struct scene *s)
{
        char *address = dbus_server_get_address(s->server);
        char *id = address ? dbus_server_get_id(s->server) : NULL;

        dbus_free(address);
        dbus_free(id);
        return id != NULL;
}

static bool server_mechanisms(struct scene *s)
{
        const char *mechanisms[] = {"EXTERNAL", "DBUS_COOKIE_SHA1", NULL};

        return dbus_server_set_auth_mechanisms(s->server, mechanisms);
}

static bool server_data(struct scene *s)
{
        dbus_int32_t slot = -1;
        bool ok = dbus_server_allocate_data_slot(&slot);

        if (ok) {
                ok = dbus_server_set_data(s->server, slot, s, NULL);
                dbus_server_free_data_slot(&slot);
        }
        return ok;
}

static void two_sides(struct scene *s)
{
        listen_in(s);
        g_assert_true(open_client(s));
}

/* What there is no memory for is hung up on: the client may come again. */
static bool server_accept(struct scene *s)
{
        if (accept_client(s))
                return true;
        s->client = connection_end(s->client);
        return open_client(s) && accept_client(s);
}

static void accepted(struct scene *s)
{
        two_sides(s);
        g_assert_true(accept_client(s));
}

static void is_authenticated(struct scene *s)
{
        g_assert_true(authenticate(s));
}

/* Connections */

static bool set_watches(struct scene *s)
{
        return dbus_connection_set_watch_functions(s->client, keep_watch, drop_watch, NULL, s,
                                                   NULL);
}

static dbus_bool_t keep_timeout(DBusTimeout *timeout, void *data)
{
        struct scene *s = data;

        (void)timeout;
        s->seen += 1;
        return TRUE;
}

static void drop_timeout(DBusTimeout *timeout, void *data)
{
        struct scene *s = data;

        (void)timeout;
        s->seen -= 1;
}

static bool set_timeouts(struct scene *s)
{
        return dbus_connection_set_timeout_functions(s->client, keep_timeout, drop_timeout, NULL, s,
                                                     NULL);
}

static bool connection_text(struct scene *s)
{
        char *id = dbus_connection_get_server_id(s->client);

        dbus_free(id);
        return id != NULL;
}

static bool connection_data(struct scene *s)
{
        return (s->slot >= 0 || dbus_connection_allocate_data_slot(&s->slot)) &&
               dbus_connection_set_data(s->client, s->slot, s, NULL);
}

static DBusHandlerResult count_call(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct scene *s = data;

        (void)connection;
        if (!dbus_message_is_method_call(message, "com.example.Test", "Method"))
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        s->seen += 1;
        return DBUS_HANDLER_RESULT_HANDLED;
}

static bool add_filter(struct scene *s)
{
        return dbus_connection_add_filter(s->service, count_call, s, NULL);
}

static const DBusObjectPathVTable counts = {.message_function = count_call};

static bool register_path(struct scene *s)
{
        return dbus_connection_try_register_object_path(s->service, "/object", &counts, s,
                                                        &s->error);
}

static bool register_fallback(struct scene *s)
{
        return dbus_connection_try_register_fallback(s->service, "/", &counts, s, &s->error);
}

/* One call has come to the handler, and is gone. */
static void receive_one(struct scene *s)
{
        g_assert_true(dbus_connection_send(s->client, s->message, NULL));
        for (int i = 0; i < MOST_PUMPS && !s->seen; i++) {
                pump(s);
                dbus_connection_dispatch(s->service);
        }
        g_assert_cmpint(s->seen, ==, 1);
}

static void registered(struct scene *s)
{
        connect_both(s);
        g_assert_true(register_path(s));
}

static bool unregister_path(struct scene *s)
{
        return dbus_connection_unregister_object_path(s->service, "/object");
}

static bool path_data(struct scene *s)
{
        void *data = NULL;
        bool ok = dbus_connection_get_object_path_data(s->service, "/object", &data);

        if (ok)
                g_assert_true(data == s);
        return ok;
}

static bool list_children(struct scene *s)
{
        char **children = NULL;
        bool ok = dbus_connection_list_registered(s->service, "/", &children);

        if (ok)
                g_assert_cmpstr(children[0], ==, "object");
        dbus_free_string_array(children);
        return ok;
}

/* Sending */

static bool send_one(struct scene *s)
{
        return dbus_connection_send(s->client, s->message, NULL);
}

static bool preallocate(struct scene *s)
{
        s->preallocated = dbus_connection_preallocate_send(s->client);
        return s->preallocated != NULL;
}

static void preallocated(struct scene *s)
{
        connect_both(s);
        g_assert_true(preallocate(s));
}

/* For which everything is there. */
static bool send_preallocated(struct scene *s)
{
        if (s->preallocated)
                dbus_connection_send_preallocated(s->client, s->preallocated, s->message, NULL);
        s->preallocated = NULL;
        return true;
}

/* All of them arrive, in order, and nothing else. */
static void receives(struct scene *s, int n)
{
        dbus_uint32_t last = 0;
        int found = 0;

        for (int i = 0; i < MOST_PUMPS; i++) {
                DBusMessage *m;

                pump(s);
                while ((m = dbus_connection_pop_message(s->service))) {
                        g_assert_cmpuint(dbus_message_get_serial(m), >, last);
                        g_assert_cmpstr(dbus_message_get_member(m), ==, "Method");
                        last = dbus_message_get_serial(m);
                        found += 1;
                        dbus_message_unref(m);
                }
        }
        g_assert_cmpint(found, ==, n);
}

static void receives_one(struct scene *s)
{
        receives(s, 1);
}

static void large(struct scene *s)
{
        size_t size = 300000;
        g_autofree char *text = g_malloc(size);
        const char *c = text;

        memset(text, 'x', size - 1);
        text[size - 1] = '\0';
        connect_both(s);
        g_assert_true(
                dbus_message_append_args(s->message, DBUS_TYPE_STRING, &c, DBUS_TYPE_INVALID));
}

static void with_descriptor(struct scene *s)
{
        int fd = STDERR_FILENO;

        connect_both(s);
        g_assert_true(
                dbus_message_append_args(s->message, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
}

/* What cannot be sent is not sent later. */
static bool send_with_reply(struct scene *s)
{
        return dbus_connection_send_with_reply(s->client, s->message, &s->pending, 60000);
}

static void awaited(struct scene *s)
{
        connect_both(s);
        g_assert_true(send_with_reply(s));
}

static void count_notification(DBusPendingCall *pending, void *data)
{
        struct scene *s = data;

        (void)pending;
        s->seen += 1;
}

static bool set_notify(struct scene *s)
{
        return dbus_pending_call_set_notify(s->pending, count_notification, s, NULL);
}

static bool pending_data(struct scene *s)
{
        dbus_int32_t slot = -1;
        bool ok = dbus_pending_call_allocate_data_slot(&slot);

        if (ok) {
                ok = dbus_pending_call_set_data(s->pending, slot, s, NULL);
                dbus_pending_call_free_data_slot(&slot);
        }
        return ok;
}

/* Receiving: whoever has no memory tries again. */

static void sent(struct scene *s, unsigned n)
{
        for (unsigned i = 0; i < n; i++) {
                DBusMessage *m = dbus_message_copy(s->message);

                g_assert_true(dbus_connection_send(s->client, m, NULL));
                dbus_message_unref(m);
        }
        dbus_connection_flush(s->client);
}

static void sent_three(struct scene *s)
{
        connect_both(s);
        sent(s, 3);
}

static void sent_descriptor(struct scene *s)
{
        with_descriptor(s);
        sent(s, 1);
}

static bool read_all(struct scene *s)
{
        for (int i = 0; i < 10; i++)
                dbus_connection_read_write(s->service, 0);
        return true;
}

static void receives_three(struct scene *s)
{
        receives(s, 3);
}

static void dispatches(struct scene *s)
{
        sent_three(s);
        g_assert_true(add_filter(s));
        g_assert_true(read_all(s));
}

static bool dispatch_all(struct scene *s)
{
        for (int i = 0; i < MOST_PUMPS; i++)
                if (dbus_connection_dispatch(s->service) == DBUS_DISPATCH_COMPLETE)
                        break;
        return true;
}

static void has_dispatched_three(struct scene *s)
{
        g_assert_cmpint(s->seen, ==, 3);
}

static void ask(struct scene *s, const char *interface, const char *member)
{
        connect_both(s);
        dbus_message_unref(s->message);
        s->message = dbus_message_new_method_call(NULL, "/", interface, member);
        g_assert_true(register_path(s));
        g_assert_true(send_with_reply(s));
        dbus_connection_flush(s->client);
        g_assert_true(read_all(s));
}

static void ask_ping(struct scene *s)
{
        ask(s, DBUS_INTERFACE_PEER, "Ping");
}

static void ask_unknown(struct scene *s)
{
        ask(s, "com.example.Test", "Unknown");
}

static void ask_children(struct scene *s)
{
        ask(s, DBUS_INTERFACE_INTROSPECTABLE, "Introspect");
}

static void answered(struct scene *s)
{
        for (int i = 0; i < MOST_PUMPS; i++) {
                pump(s);
                dbus_connection_dispatch(s->client);
        }
        g_assert_true(dbus_pending_call_get_completed(s->pending));
        dbus_message_unref(s->message);
        s->message = dbus_pending_call_steal_reply(s->pending);
}

static void reply_on_its_way(struct scene *s)
{
        ask_ping(s);
        g_assert_true(set_notify(s));
        dispatch_all(s);
        dbus_connection_flush(s->service);
}

static bool take_reply(struct scene *s)
{
        for (int i = 0; i < MOST_PUMPS && !dbus_pending_call_get_completed(s->pending); i++) {
                dbus_connection_read_write(s->client, 0);
                dbus_connection_dispatch(s->client);
        }
        return true;
}

static void notified_once(struct scene *s)
{
        g_assert_cmpint(s->seen, ==, 1);
}

static DBusHandlerResult count_end(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct scene *s = data;

        (void)connection;
        s->seen += dbus_message_is_signal(message, DBUS_INTERFACE_LOCAL, "Disconnected") ||
                   dbus_message_is_error(message, DBUS_ERROR_NO_REPLY);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void hung_up(struct scene *s)
{
        connect_both(s);
        g_assert_true(send_with_reply(s));
        g_assert_true(dbus_connection_add_filter(s->client, count_end, s, NULL));
        dbus_connection_close(s->service);
}

/* An awaited call ends with an error, and the end of the connection is told. */
static bool see_the_end(struct scene *s)
{
        for (int i = 0; i < MOST_PUMPS; i++) {
                dbus_connection_read_write(s->client, 0);
                dbus_connection_dispatch(s->client);
        }
        return true;
}

static void has_seen_the_end(struct scene *s)
{
        g_assert_false(dbus_connection_get_is_connected(s->client));
        g_assert_cmpint(s->seen, >=, 2); /* filters may be asked again */
}

static const struct attempt attempts[] = {
        {"server/listen", nothing, server_listen, NULL},
        {"server/texts", listen_in, server_text, NULL},
        {"server/mechanisms", listen_in, server_mechanisms, NULL},
        {"server/data", listen_in, server_data, NULL},
        {"server/accept", two_sides, server_accept, is_authenticated},
        {"connection/open", listen_in, open_client, NULL},
        {"connection/authenticate", accepted, authenticate_anew, NULL},
        {"connection/watches", connect_both, set_watches, NULL},
        {"connection/timeouts", awaited, set_timeouts, NULL},
        {"connection/server-id", connect_both, connection_text, NULL},
        {"connection/data", connect_both, connection_data, NULL},
        {"connection/filter", connect_both, add_filter, receive_one},
        {"connection/register", connect_both, register_path, receive_one},
        {"connection/fallback", connect_both, register_fallback, receive_one},
        {"connection/unregister", registered, unregister_path, NULL},
        {"connection/path-data", registered, path_data, NULL},
        {"connection/children", registered, list_children, NULL},
        {"send/one", connect_both, send_one, receives_one},
        {"send/large", large, send_one, receives_one},
        {"send/descriptor", with_descriptor, send_one, receives_one},
        {"send/preallocate", connect_both, preallocate, NULL},
        {"send/preallocated", preallocated, send_preallocated, receives_one},
        {"send/with-reply", connect_both, send_with_reply, receives_one},
        {"pending/notify", awaited, set_notify, NULL},
        {"pending/data", awaited, pending_data, NULL},
        {"pending/reply", reply_on_its_way, take_reply, notified_once},
        {"pending/hung-up", hung_up, see_the_end, has_seen_the_end},
        {"receive/three", sent_three, read_all, receives_three},
        {"receive/descriptor", sent_descriptor, read_all, receives_one},
        {"dispatch/filter", dispatches, dispatch_all, has_dispatched_three},
        {"dispatch/ping", ask_ping, dispatch_all, answered},
        {"dispatch/unknown", ask_unknown, dispatch_all, answered},
        {"dispatch/introspect", ask_children, dispatch_all, answered},
};

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(attempts); i++) {
                g_autofree char *path = g_strdup_printf("/oom/%s", attempts[i].name);

                g_test_add_data_func(path, &attempts[i], try_all);
        }
        return g_test_run();
}
