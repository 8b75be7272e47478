/* SPDX-License-Identifier: MIT */
/* GDBus at the other end: as a client and as a server, over a bus and without one. */

#include <fcntl.h>
#include <gio/gio.h>
#include <gio/gunixfdlist.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dump.h"
#include "harness.h"
#include "peers.h"

/* Values of all types, in GVariant's text format. */
static const char *const bodies[] = {
        "()",
        "(byte 1, true, int16 -2, uint16 3, -4, uint32 5, int64 -6, uint64 7, 8.5)",
        "('text', objectpath '/a/b', signature 'a{sv}')",
        "([1, 2, 3], ['a', '', 'b'], @ai [], @a{sv} {})",
        "({'one': <1>, 'two': <'zwei'>, 'three': <[3.0]>}, <<<'deep'>>>)",
        "([('a', 1), ('b', 2)], {uint32 7: ['x']}, b'bytes')",
        "((1, ('two', (true, <@as []>))), [[[1], @ai []], @aai []])",
        "('\\u00e4\\u20ac', [objectpath '/'], [signature '', 'ai'])",
};

/* The caller owns it. */
static GVariant *body(size_t i)
{
        g_autoptr(GError) error = NULL;
        GVariant *v = g_variant_parse(NULL, bodies[i], NULL, NULL, &error);

        g_assert_no_error(error);
        return v;
}

/* GDBus's side of a service: runs in a thread of GDBus's. */
static GDBusMessage *gdbus_filter(GDBusConnection *connection, GDBusMessage *message,
                                  gboolean incoming, gpointer data)
{
        g_autoptr(GDBusMessage) reply = NULL;
        const char *member = g_dbus_message_get_member(message);

        (void)data;
        if (!incoming ||
            g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL ||
            g_strcmp0(g_dbus_message_get_interface(message), "com.example.Test") != 0)
                return message;
        if (g_str_equal(member, "Echo")) {
                reply = g_dbus_message_new_method_reply(message);
                if (g_dbus_message_get_body(message))
                        g_dbus_message_set_body(reply, g_dbus_message_get_body(message));
                if (g_dbus_message_get_unix_fd_list(message))
                        g_dbus_message_set_unix_fd_list(reply,
                                                        g_dbus_message_get_unix_fd_list(message));
        } else if (g_str_equal(member, "Fail")) {
                reply = g_dbus_message_new_method_error(message, "com.example.Error.Failed",
                                                        "as %s", "wanted");
        } else if (g_str_equal(member, "Shout")) {
                guint32 n;

                g_variant_get(g_dbus_message_get_body(message), "(u)", &n);
                for (guint32 i = 0; i < n; i++) {
                        g_autoptr(GDBusMessage) m =
                                g_dbus_message_new_signal("/shout", "com.example.Test", "Shouted");

                        g_dbus_message_set_body(m, g_variant_new("(u)", i));
                        g_dbus_connection_send_message(connection, m,
                                                       G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL, NULL);
                }
                reply = g_dbus_message_new_method_reply(message);
        } else {
                return message;
        }
        g_dbus_connection_send_message(connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL,
                                       NULL);
        g_object_unref(message);
        return NULL;
}

/* A client of GDBus's, of whatever is at that address. */
static GDBusConnection *gdbus_client(const char *address, GDBusConnectionFlags flags)
{
        g_autoptr(GError) error = NULL;
        GDBusConnection *c = g_dbus_connection_new_for_address_sync(
                address, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT | flags, NULL, NULL, &error);

        g_assert_no_error(error);
        return c;
}

static void gdbus_end(GDBusConnection *c)
{
        g_dbus_connection_close_sync(c, NULL, NULL);
        g_object_unref(c);
}

/* Calls Echo with everything, at the name or without one. */
static void gdbus_calls(GDBusConnection *c, const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
                g_autoptr(GVariant) sent = body(i), got = NULL;
                g_autoptr(GError) error = NULL;

                got = g_dbus_connection_call_sync(c, name, "/a", "com.example.Test", "Echo", sent,
                                                  NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
                g_assert_no_error(error);
                g_assert_true(got && g_variant_equal(got, sent));
        }
}

static void gdbus_gets_error(GDBusConnection *c, const char *name)
{
        g_autoptr(GError) error = NULL;
        g_autofree char *remote = NULL;

        g_assert_null(g_dbus_connection_call_sync(c, name, "/a", "com.example.Test", "Fail", NULL,
                                                  NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error));
        remote = g_dbus_error_get_remote_error(error);
        g_assert_cmpstr(remote, ==, "com.example.Error.Failed");
        g_dbus_error_strip_remote_error(error);
        g_assert_cmpstr(error->message, ==, "as wanted");
        g_clear_error(&error);
        g_assert_null(g_dbus_connection_call_sync(c, name, "/a", "com.example.Test", "NoSuch", NULL,
                                                  NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error));
        g_assert_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_METHOD);
}

static void gdbus_passes_fds(GDBusConnection *c, const char *name)
{
        g_autoptr(GUnixFDList) sent = g_unix_fd_list_new(), got = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) result = NULL;
        struct stat mine, theirs;
        int fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY), back;

        g_assert_cmpint(g_unix_fd_list_append(sent, fd, &error), ==, 0);
        g_assert_cmpint(g_unix_fd_list_append(sent, fd, &error), ==, 1);
        result = g_dbus_connection_call_with_unix_fd_list_sync(
                c, name, "/a", "com.example.Test", "Echo", g_variant_new("(hsh)", 0, "between", 1),
                NULL, G_DBUS_CALL_FLAGS_NONE, -1, sent, &got, NULL, &error);
        g_assert_no_error(error);
        g_assert_cmpint(g_unix_fd_list_get_length(got), ==, 2);
        back = g_unix_fd_list_get(got, 1, &error);
        g_assert_cmpint(fstat(fd, &mine), ==, 0);
        g_assert_cmpint(fstat(back, &theirs), ==, 0);
        g_assert_cmpuint(mine.st_ino, ==, theirs.st_ino);
        close(fd);
        close(back);
}

static void gdbus_gets_descriptor(GDBusConnection *c, const char *name)
{
        g_autoptr(GUnixFDList) got = NULL;
        g_autoptr(GError) error = NULL;
        g_autoptr(GVariant) reply = g_dbus_connection_call_with_unix_fd_list_sync(
                c, name, "/a", "com.example.Test", "Descriptor", NULL, NULL, G_DBUS_CALL_FLAGS_NONE,
                -1, NULL, &got, NULL, &error);
        char buffer[6] = {0};
        int fd;

        g_assert_no_error(error);
        g_assert_nonnull(reply);
        fd = g_unix_fd_list_get(got, 0, &error);
        g_assert_cmpint(read(fd, buffer, 5), ==, 5);
        g_assert_cmpstr(buffer, ==, "piped");
        close(fd);
}

/* The library's client, of a service of GDBus's. The message's fields come from GDBus's types. */
static DBusMessage *message_of(const char *name, const char *member, GVariant *v)
{
        g_autoptr(GDBusMessage) m =
                g_dbus_message_new_method_call(name, "/a", "com.example.Test", member);
        g_autofree guchar *bytes = NULL;
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *result;
        gsize n;

        g_dbus_message_set_serial(m, 1);
        if (v)
                g_dbus_message_set_body(m, v);
        bytes = g_dbus_message_to_blob(m, &n, G_DBUS_CAPABILITY_FLAGS_UNIX_FD_PASSING, NULL);
        result = dbus_message_demarshal((const char *)bytes, (int)n, &error);
        expect_no_error(&error);
        return result;
}

static void library_calls(DBusConnection *c, const char *name)
{
        for (size_t i = 0; i < G_N_ELEMENTS(bodies); i++) {
                g_autoptr(GVariant) v = body(i);
                DBusMessage *read = message_of(name, "Echo", v), *m = dbus_message_copy(read),
                            *reply;
                DBusError error = DBUS_ERROR_INIT;
                DBusMessageIter sent, got;
                g_autofree char *before = NULL, *after = NULL;

                reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
                expect_no_error(&error);
                if (reply) {
                        dbus_message_iter_init(m, &sent);
                        dbus_message_iter_init(reply, &got);
                        before = dump_iter(&sent);
                        after = dump_iter(&got);
                        g_assert_cmpstr(before, ==, after);
                        note("%s", after);
                        dbus_message_unref(reply);
                }
                dbus_message_unref(m);
                dbus_message_unref(read);
        }
}

static void library_gets_error(DBusConnection *c, const char *name)
{
        DBusMessage *m = dbus_message_new_method_call(name, "/a", "com.example.Test", "Fail");
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
        g_assert_cmpstr(error.message, ==, "as wanted");
        expect_error(&error, "com.example.Error.Failed");
        dbus_message_unref(m);
}

static void library_passes_fds(DBusConnection *c, const char *name)
{
        DBusMessage *m = dbus_message_new_method_call(name, "/a", "com.example.Test", "Echo"),
                    *reply;
        DBusError error = DBUS_ERROR_INIT;
        const char *text = "between";
        struct stat mine, theirs;
        int fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY), back[2] = {-1, -1};

        g_assert_true(dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD));
        dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_STRING, &text,
                                 DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        g_assert_true(dbus_message_get_args(reply, &error, DBUS_TYPE_UNIX_FD, &back[0],
                                            DBUS_TYPE_STRING, &text, DBUS_TYPE_UNIX_FD, &back[1],
                                            DBUS_TYPE_INVALID));
        expect_no_error(&error);
        g_assert_cmpint(fstat(fd, &mine), ==, 0);
        for (int i = 0; i < 2; i++) {
                g_assert_cmpint(fstat(back[i], &theirs), ==, 0);
                g_assert_cmpuint(mine.st_ino, ==, theirs.st_ino);
                close(back[i]);
        }
        close(fd);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void library_hears(DBusConnection *c, const char *name)
{
        DBusMessage *m = dbus_message_new_method_call(name, "/a", "com.example.Test", "Shout"),
                    *reply;
        dbus_uint32_t n = 20, heard = 0;

        dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
        while ((m = dbus_connection_pop_message(c))) {
                dbus_uint32_t number = n;

                if (dbus_message_is_signal(m, "com.example.Test", "Shouted")) {
                        dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &number,
                                              DBUS_TYPE_INVALID);
                        g_assert_cmpuint(number, ==, heard);
                        heard++;
                }
                dbus_message_unref(m);
        }
        g_assert_cmpuint(heard, ==, n);
}

/* Without a bus, the library serves. */
static void peer_client(const char *address)
{
        struct helper *h = helper_new(address);
        GDBusConnection *c = gdbus_client(helper_address(h), G_DBUS_CONNECTION_FLAGS_NONE);
        g_autoptr(GVariant) id = NULL;
        const char *text;
        char *mine = dbus_get_local_machine_id();

        g_assert_cmpstr(g_dbus_connection_get_guid(c), ==, strstr(helper_address(h), "guid=") + 5);
        gdbus_calls(c, NULL);
        gdbus_gets_error(c, NULL);
        if (!address) {
                gdbus_passes_fds(c, NULL);
                gdbus_gets_descriptor(c, NULL);
        }
        id = g_dbus_connection_call_sync(c, NULL, "/", "org.freedesktop.DBus.Peer", "GetMachineId",
                                         NULL, G_VARIANT_TYPE("(s)"), G_DBUS_CALL_FLAGS_NONE, -1,
                                         NULL, NULL);
        g_assert_nonnull(id);
        g_variant_get(id, "(&s)", &text);
        g_assert_cmpstr(text, ==, mine);
        dbus_free(mine);
        gdbus_end(c);
        helper_free(h);
}

static void serves_gdbus(void)
{
        peer_client(NULL);
}

static void serves_gdbus_tcp(void)
{
        peer_client("tcp:host=127.0.0.1");
}

static gboolean close_seen(GDBusConnection *c)
{
        for (int i = 0; i < 6000 && !g_dbus_connection_is_closed(c); i++)
                g_usleep(10 * 1000);
        return g_dbus_connection_is_closed(c);
}

static void closes_on_gdbus(void)
{
        struct helper *h = helper_new(NULL);
        GDBusConnection *c = gdbus_client(helper_address(h), G_DBUS_CONNECTION_FLAGS_NONE);
        g_autoptr(GError) error = NULL;

        g_dbus_connection_set_exit_on_close(c, FALSE);
        g_assert_null(g_dbus_connection_call_sync(c, NULL, "/a", "com.example.Test", "Close", NULL,
                                                  NULL, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error));
        g_assert_nonnull(error);
        g_assert_true(close_seen(c));
        g_object_unref(c);
        helper_free(h);
}

/* Without a bus, GDBus serves. */
static gboolean gdbus_accepts(GDBusServer *server, GDBusConnection *connection, gpointer data)
{
        (void)server;
        g_dbus_connection_add_filter(connection, gdbus_filter, NULL, NULL);
        g_dbus_connection_set_exit_on_close(connection, FALSE);
        g_ptr_array_add(data, g_object_ref(connection));
        return TRUE;
}

/* GDBus accepts in the default main context. */
static gpointer run_main_loop(gpointer data)
{
        g_main_loop_run(data);
        return NULL;
}

static void gdbus_serves_at(const char *address, GDBusServerFlags flags, bool fds)
{
        g_autofree char *guid = g_dbus_generate_guid();
        g_autoptr(GError) error = NULL;
        g_autoptr(GPtrArray) accepted = g_ptr_array_new_with_free_func(g_object_unref);
        g_autoptr(GDBusServer) server = g_dbus_server_new_sync(
                address, flags | G_DBUS_SERVER_FLAGS_RUN_IN_THREAD, guid, NULL, NULL, &error);
        DBusError failed = DBUS_ERROR_INIT;
        DBusConnection *c;
        char *id;

        g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
        GThread *thread;

        g_assert_no_error(error);
        g_signal_connect(server, "new-connection", G_CALLBACK(gdbus_accepts), accepted);
        g_dbus_server_start(server);
        thread = g_thread_new("main loop", run_main_loop, loop);
        c = dbus_connection_open_private(g_dbus_server_get_client_address(server), &failed);
        expect_no_error(&failed);
        library_calls(c, NULL);
        id = dbus_connection_get_server_id(c);
        g_assert_cmpstr(id, ==, guid);
        dbus_free(id);
        library_gets_error(c, NULL);
        library_hears(c, NULL);
        if (fds)
                library_passes_fds(c, NULL);
        connection_end(c);
        g_dbus_server_stop(server);
        while (!g_main_loop_is_running(loop))
                g_usleep(1000);
        g_main_loop_quit(loop);
        g_thread_join(thread);
}

static void gdbus_serves(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:path=%s/socket", directory);

        gdbus_serves_at(address, G_DBUS_SERVER_FLAGS_NONE, true);
        directory_free(g_steal_pointer(&directory));
}

static void gdbus_serves_anonymous(void)
{
        gdbus_serves_at("tcp:host=127.0.0.1", G_DBUS_SERVER_FLAGS_AUTHENTICATION_ALLOW_ANONYMOUS,
                        false);
}

/* Over a bus: a service of the library's in a thread. */
struct service {
        DBusConnection *connection;
        gint stop;
};

static DBusHandlerResult serve(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)data;
        if (dbus_message_is_method_call(message, "com.example.Test", "Echo"))
                echo(connection, message);
        else if (dbus_message_is_method_call(message, "com.example.Test", "Fail"))
                send_away(connection,
                          dbus_message_new_error(message, "com.example.Error.Failed", "as wanted"));
        else
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        return DBUS_HANDLER_RESULT_HANDLED;
}

static gpointer run_service(gpointer data)
{
        struct service *s = data;

        while (!g_atomic_int_get(&s->stop))
                dbus_connection_read_write_dispatch(s->connection, 10);
        return NULL;
}

#define NAME "com.example.Service"

static void bus_library_serves(void)
{
        struct bus *b = bus_new(NULL);
        struct service s = {bus_connect(b), 0};
        DBusError error = DBUS_ERROR_INIT;
        GDBusConnection *c =
                gdbus_client(b->address, G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
        GThread *thread;

        dbus_bus_request_name(s.connection, NAME, 0, &error);
        expect_no_error(&error);
        dbus_connection_add_filter(s.connection, serve, NULL, NULL);
        thread = g_thread_new("service", run_service, &s);
        gdbus_calls(c, NAME);
        gdbus_gets_error(c, NAME);
        gdbus_passes_fds(c, NAME);
        g_atomic_int_set(&s.stop, 1);
        g_thread_join(thread);
        gdbus_end(c);
        bus_disconnect(s.connection);
        bus_free(b);
}

static void bus_gdbus_serves(void)
{
        struct bus *b = bus_new(NULL);
        DBusConnection *c = bus_connect(b);
        GDBusConnection *s =
                gdbus_client(b->address, G_DBUS_CONNECTION_FLAGS_MESSAGE_BUS_CONNECTION);
        const char *name = g_dbus_connection_get_unique_name(s);
        DBusError error = DBUS_ERROR_INIT;

        g_dbus_connection_add_filter(s, gdbus_filter, NULL, NULL);
        library_calls(c, name);
        library_gets_error(c, name);
        library_passes_fds(c, name);
        dbus_bus_add_match(c, "type='signal',interface='com.example.Test'", &error);
        expect_no_error(&error);
        library_hears(c, name);
        gdbus_end(s);
        bus_disconnect(c);
        bus_free(b);
}

/* Something large, both ways. */
static void large(void)
{
        struct helper *h = helper_new(NULL);
        GDBusConnection *c = gdbus_client(helper_address(h), G_DBUS_CONNECTION_FLAGS_NONE);
        g_autofree char *text = g_strnfill(8 << 20, 'x');
        g_autoptr(GVariant) sent = g_variant_ref_sink(g_variant_new("(s)", text)), got = NULL;
        g_autoptr(GError) error = NULL;

        got = g_dbus_connection_call_sync(c, NULL, "/a", "com.example.Test", "Echo", sent, NULL,
                                          G_DBUS_CALL_FLAGS_NONE, -1, NULL, &error);
        g_assert_no_error(error);
        g_assert_true(got && g_variant_equal(got, sent));
        gdbus_end(c);
        helper_free(h);
}

/* Each end reads what the other marshals, in its byte order or the other one. */
static void byte_orders(void)
{
        static const GDBusMessageByteOrder orders[] = {G_DBUS_MESSAGE_BYTE_ORDER_LITTLE_ENDIAN,
                                                       G_DBUS_MESSAGE_BYTE_ORDER_BIG_ENDIAN};
        struct helper *h = helper_new(NULL);
        GDBusConnection *c = gdbus_client(helper_address(h), G_DBUS_CONNECTION_FLAGS_NONE);

        for (size_t i = 0; i < G_N_ELEMENTS(orders) * G_N_ELEMENTS(bodies); i++) {
                g_autoptr(GVariant) sent = body(i / G_N_ELEMENTS(orders));
                g_autoptr(GDBusMessage) m =
                        g_dbus_message_new_method_call(NULL, "/a", "com.example.Test", "Echo"),
                                        reply = NULL;
                g_autoptr(GError) error = NULL;

                g_dbus_message_set_byte_order(m, orders[i % G_N_ELEMENTS(orders)]);
                g_dbus_message_set_body(m, sent);
                reply = g_dbus_connection_send_message_with_reply_sync(
                        c, m, G_DBUS_SEND_MESSAGE_FLAGS_NONE, -1, NULL, NULL, &error);
                g_assert_no_error(error);
                g_assert_true(g_variant_n_children(sent) == 0 ||
                              g_variant_equal(g_dbus_message_get_body(reply), sent));
        }
        gdbus_end(c);
        helper_free(h);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/interop/gdbus/peer/library-serves", serves_gdbus},
                {"/interop/gdbus/peer/library-serves-tcp", serves_gdbus_tcp},
                {"/interop/gdbus/peer/library-closes", closes_on_gdbus},
                {"/interop/gdbus/peer/gdbus-serves", gdbus_serves},
                {"/interop/gdbus/peer/gdbus-serves-anonymous", gdbus_serves_anonymous},
                {"/interop/gdbus/peer/large", large},
                {"/interop/gdbus/peer/byte-orders", byte_orders},
                {"/interop/gdbus/bus/library-serves", bus_library_serves},
                {"/interop/gdbus/bus/gdbus-serves", bus_gdbus_serves},
                {NULL, NULL},
        };
        g_autofree char *home = directory_new();
        int result;

        /* Over TCP, users prove who they are by a file in their home. */
        g_setenv("HOME", home, TRUE);
        result = harness_run(argc, argv, tests);
        directory_free(g_steal_pointer(&home));
        return result;
}
