/* SPDX-License-Identifier: MIT */
#include "peers.h"

#include <errno.h>
#include <glib.h>
#include <unistd.h>

#include "harness.h"

DBusMessage *call_new(const char *path, const char *member)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, path, "com.example.Test", member);

        g_assert_nonnull(m);
        return m;
}

DBusMessage *signal_new(const char *path, const char *member)
{
        DBusMessage *m = dbus_message_new_signal(path, "com.example.Test", member);

        g_assert_nonnull(m);
        return m;
}

void send_away(DBusConnection *connection, DBusMessage *message)
{
        g_assert_true(dbus_connection_send(connection, message, NULL));
        dbus_message_unref(message);
}

char *message_line(DBusMessage *message)
{
        const char *type, *path, *name;

        if (!message)
                return g_strdup("no message");
        type = dbus_message_type_to_string(dbus_message_get_type(message));
        path = dbus_message_get_path(message);
        name = dbus_message_get_error_name(message);
        if (name) {
                const char *text = NULL;

                dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                return g_strdup_printf("%s %s: %s", type, name, text ? text : "(no text)");
        }
        if (!path)
                return g_strdup_printf("%s (%s)", type, dbus_message_get_signature(message));
        name = dbus_message_get_interface(message);
        return g_strdup_printf("%s %s.%s (%s) at %s", type, name ? name : "(none)",
                               dbus_message_get_member(message),
                               dbus_message_get_signature(message), path);
}

void note_message(const char *what, DBusMessage *message)
{
        g_autofree char *line = message_line(message);

        note("%s: %s", what, line);
}

DBusConnection *connection_end(DBusConnection *connection)
{
        if (connection) {
                dbus_connection_close(connection);
                dbus_connection_unref(connection);
        }
        return NULL;
}

static void new_service(DBusServer *server, DBusConnection *connection, void *data)
{
        struct peers *p = data;

        g_assert_true(server == p->server);
        p->service = dbus_connection_ref(connection);
        loop_add(p->loop, connection, NULL);
}

struct peers *peers_listen(void)
{
        struct peers *p = g_new0(struct peers, 1);
        DBusError error = DBUS_ERROR_INIT;
        g_autofree char *wanted = NULL;
        char *address;

        p->directory = directory_new();
        p->loop = loop_new();
        wanted = g_strdup_printf("unix:path=%s/socket", p->directory);
        p->server = dbus_server_listen(wanted, &error);
        if (!p->server)
                g_error("%s: %s", wanted, error.message);
        address = dbus_server_get_address(p->server);
        p->address = g_strdup(address);
        dbus_free(address);
        dbus_server_set_new_connection_function(p->server, new_service, p, NULL);
        loop_add_server(p->loop, p->server, NULL);
        return p;
}

static bool are_authenticated(void *data)
{
        const struct peers *p = data;

        return p->service && dbus_connection_get_is_authenticated(p->client) &&
               dbus_connection_get_is_authenticated(p->service);
}

DBusConnection *peers_connect(struct peers *p, const char *name)
{
        DBusError error = DBUS_ERROR_INIT;

        p->service = NULL;
        p->client = dbus_connection_open_private(p->address, &error);
        if (!p->client)
                g_error("%s: %s", p->address, error.message);
        loop_add(p->loop, p->client, name);
        loop_until(p->loop, are_authenticated, p);
        loop_settle(p->loop);
        return p->client;
}

struct peers *peers_new(const char *name)
{
        struct peers *p = peers_listen();

        peers_connect(p, name);
        return p;
}

struct peers *peers_free(struct peers *p)
{
        if (!p)
                return NULL;
        p->loop = loop_free(p->loop);
        connection_end(p->client);
        connection_end(p->service);
        dbus_server_disconnect(p->server);
        dbus_server_unref(p->server);
        directory_free(p->directory);
        g_free(p->address);
        g_free(p);
        return NULL;
}

struct helper {
        GThread *thread;
        struct loop *loop;
        DBusServer *server;
        char *directory, *address;
        GPtrArray *connections;
        gint stopped; /* atomic */
};

/* All that is left in the one goes to the end of the other. */
static void copy_values(DBusMessageIter *from, DBusMessageIter *to)
{
        int type;

        for (; (type = dbus_message_iter_get_arg_type(from)) != DBUS_TYPE_INVALID;
             dbus_message_iter_next(from)) {
                DBusMessageIter inner, copy;
                DBusBasicValue value;
                char *signature = NULL;

                if (dbus_type_is_basic(type)) {
                        dbus_message_iter_get_basic(from, &value);
                        dbus_message_iter_append_basic(to, type, &value);
                        if (type == DBUS_TYPE_UNIX_FD)
                                close(value.fd);
                        continue;
                }
                dbus_message_iter_recurse(from, &inner);
                if (type == DBUS_TYPE_VARIANT)
                        signature = dbus_message_iter_get_signature(&inner);
                if (type == DBUS_TYPE_ARRAY)
                        signature = dbus_message_iter_get_signature(from);
                /* An array's is that of its elements. */
                g_assert_true(dbus_message_iter_open_container(
                        to, type, signature ? signature + (type == DBUS_TYPE_ARRAY) : NULL, &copy));
                copy_values(&inner, &copy);
                g_assert_true(dbus_message_iter_close_container(to, &copy));
                dbus_free(signature);
        }
}

void echo(DBusConnection *connection, DBusMessage *call)
{
        DBusMessage *reply = dbus_message_new_method_return(call);
        DBusMessageIter from, to;

        dbus_message_iter_init(call, &from);
        dbus_message_iter_init_append(reply, &to);
        copy_values(&from, &to);
        send_away(connection, reply);
}

static DBusHandlerResult on_echo(DBusConnection *connection, DBusMessage *call)
{
        echo(connection, call);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult on_nothing(DBusConnection *connection, DBusMessage *call)
{
        (void)connection;
        (void)call;
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult on_fail(DBusConnection *connection, DBusMessage *call)
{
        send_away(connection,
                  dbus_message_new_error(call, "com.example.Error.Failed", "as wanted"));
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult on_close(DBusConnection *connection, DBusMessage *call)
{
        (void)call;
        dbus_connection_close(connection);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult on_shout(DBusConnection *connection, DBusMessage *call)
{
        dbus_uint32_t n = 0;

        dbus_message_get_args(call, NULL, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        for (dbus_uint32_t i = 0; i < n; i++) {
                DBusMessage *m = signal_new("/shout", "Shouted");

                dbus_message_append_args(m, DBUS_TYPE_UINT32, &i, DBUS_TYPE_INVALID);
                send_away(connection, m);
        }
        send_away(connection, dbus_message_new_method_return(call));
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult on_twice(DBusConnection *connection, DBusMessage *call)
{
        send_away(connection, dbus_message_new_method_return(call));
        send_away(connection, dbus_message_new_method_return(call));
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult on_descriptor(DBusConnection *connection, DBusMessage *call)
{
        DBusMessage *reply = dbus_message_new_method_return(call);
        int ends[2];

        if (pipe(ends) < 0 || write(ends[1], "piped", 5) != 5)
                g_error("pipe: %s", g_strerror(errno));
        dbus_message_append_args(reply, DBUS_TYPE_UNIX_FD, &ends[0], DBUS_TYPE_INVALID);
        close(ends[0]);
        close(ends[1]);
        send_away(connection, reply);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static const struct {
        const char *member;
        DBusHandlerResult (*run)(DBusConnection *connection, DBusMessage *call);
} methods[] = {
        {"Echo", on_echo},
        {"Nothing", on_nothing},
        {"Fail", on_fail},
        {"Close", on_close},
        {"Shout", on_shout},
        {"Twice", on_twice},
        {"Descriptor", on_descriptor},
};

static DBusHandlerResult on_call(DBusConnection *connection, DBusMessage *call, void *data)
{
        const char *member = dbus_message_get_member(call);

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(methods); i++) {
                if (g_str_equal(member, methods[i].member))
                        return methods[i].run(connection, call);
        }
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void new_caller(DBusServer *server, DBusConnection *connection, void *data)
{
        static const DBusObjectPathVTable vtable = {.message_function = on_call};
        struct helper *h = data;

        (void)server;
        dbus_connection_register_fallback(connection, "/", &vtable, NULL);
        g_ptr_array_add(h->connections, dbus_connection_ref(connection));
        loop_add(h->loop, connection, NULL);
}

static gpointer helper_thread(gpointer data)
{
        struct helper *h = data;

        while (!g_atomic_int_get(&h->stopped))
                loop_turn(h->loop, -1);
        return NULL;
}

struct helper *helper_new(const char *address)
{
        struct helper *h = g_new0(struct helper, 1);
        DBusError error = DBUS_ERROR_INIT;
        g_autofree char *wanted = NULL;
        char *text;

        h->directory = directory_new();
        h->loop = loop_new();
        h->connections = g_ptr_array_new();
        wanted = address ? g_strdup(address) : g_strdup_printf("unix:path=%s/socket", h->directory);
        h->server = dbus_server_listen(wanted, &error);
        if (!h->server)
                g_error("%s: %s", wanted, error.message);
        text = dbus_server_get_address(h->server);
        h->address = g_strdup(text);
        dbus_free(text);
        dbus_server_set_new_connection_function(h->server, new_caller, h, NULL);
        loop_add_server(h->loop, h->server, NULL);
        h->thread = g_thread_new("helper", helper_thread, h);
        return h;
}

struct helper *helper_free(struct helper *h)
{
        if (!h)
                return NULL;
        g_atomic_int_set(&h->stopped, 1);
        loop_wake(h->loop);
        g_thread_join(h->thread);
        loop_free(h->loop);
        for (guint i = 0; i < h->connections->len; i++)
                connection_end(h->connections->pdata[i]);
        g_ptr_array_unref(h->connections);
        dbus_server_disconnect(h->server);
        dbus_server_unref(h->server);
        directory_free(h->directory);
        g_free(h->address);
        g_free(h);
        return NULL;
}

const char *helper_address(const struct helper *h)
{
        return h->address;
}

DBusConnection *helper_connect(const struct helper *h)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *connection = dbus_connection_open_private(h->address, &error);

        if (!connection)
                g_error("%s: %s", h->address, error.message);
        return connection;
}
