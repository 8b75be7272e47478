/* SPDX-License-Identifier: MIT */
/* sd-bus at the other end: as a client and as a server, over a bus and without one. */

#include "harness.h"

#ifdef HAVE_SD_BUS

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "dump.h"
#include "peers.h"

#define NAME "com.example.Service"

/* What each side fills a message with: something of every kind, nested. */
static void fill_sd(sd_bus_message *m)
{
        static const uint8_t bytes[] = {0, 1, 254, 255};

        g_assert_cmpint(sd_bus_message_append(m, "ybnqiuxtd", 1, 1, -2, 3, -4, 5u, (int64_t)-6,
                                              (uint64_t)7, 8.5),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "sog", "t\xc3\xa4xt", "/a/b", "a{sv}"), >=, 0);
        g_assert_cmpint(sd_bus_message_append_array(m, 'y', bytes, sizeof bytes), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "asai", 2, "one", "", 0), >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "a{sv}", 2, "one", "i", 1, "list", "as", 1, "x"),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_append(m, "(i(sb))v", 1, "in", 1, "v", "s", "deep"), >=, 0);
}

#define SIGNATURE "ybnqiuxtdsogayasaia{sv}(i(sb))v"

/* sd-bus's side of a service: a thread that processes one bus object. */
struct sd_service {
        sd_bus *bus;
        GThread *thread;
        gint stop;
};

static int sd_handle(sd_bus_message *m, void *data, sd_bus_error *error)
{
        const char *member = sd_bus_message_get_member(m);
        sd_bus_message *reply = NULL;
        uint8_t type;
        int r = 0;

        (void)data;
        sd_bus_message_get_type(m, &type);
        if (type != SD_BUS_MESSAGE_METHOD_CALL ||
            g_strcmp0(sd_bus_message_get_interface(m), "com.example.Test") != 0)
                return 0;
        if (g_str_equal(member, "Echo")) {
                r = sd_bus_message_new_method_return(m, &reply);
                if (r >= 0)
                        r = sd_bus_message_copy(reply, m, 1);
                if (r >= 0)
                        r = sd_bus_send(NULL, reply, NULL);
        } else if (g_str_equal(member, "Fail")) {
                r = sd_bus_error_set(error, "com.example.Error.Failed", "as wanted");
        } else if (g_str_equal(member, "Shout")) {
                uint32_t n = 0;

                sd_bus_message_read(m, "u", &n);
                for (uint32_t i = 0; i < n; i++)
                        sd_bus_emit_signal(sd_bus_message_get_bus(m), "/shout", "com.example.Test",
                                           "Shouted", "u", i);
                r = sd_bus_reply_method_return(m, "");
        } else {
                return 0;
        }
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

static gpointer sd_run(gpointer data)
{
        struct sd_service *s = data;

        while (!g_atomic_int_get(&s->stop)) {
                int r = sd_bus_process(s->bus, NULL);

                if (r < 0)
                        break;
                if (r == 0)
                        sd_bus_wait(s->bus, 10 * 1000);
        }
        return NULL;
}

static void sd_serve(struct sd_service *s, sd_bus *bus)
{
        g_assert_cmpint(sd_bus_add_filter(bus, NULL, sd_handle, NULL), >=, 0);
        s->bus = bus;
        s->stop = 0;
        s->thread = g_thread_new("sd-bus", sd_run, s);
}

static void sd_end(struct sd_service *s)
{
        g_atomic_int_set(&s->stop, 1);
        g_thread_join(s->thread);
        s->bus = sd_bus_flush_close_unref(s->bus);
}

static sd_bus *sd_client(const char *address, bool is_bus)
{
        sd_bus *bus = NULL;

        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_address(bus, address), >=, 0);
        g_assert_cmpint(sd_bus_set_bus_client(bus, is_bus), >=, 0);
        g_assert_cmpint(sd_bus_negotiate_fds(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        return bus;
}

static sd_bus_message *sd_call_new(sd_bus *bus, const char *name, const char *member)
{
        sd_bus_message *m = NULL;

        g_assert_cmpint(
                sd_bus_message_new_method_call(bus, &m, name, "/a", "com.example.Test", member), >=,
                0);
        return m;
}

static void sd_calls(sd_bus *bus, const char *name)
{
        sd_bus_message *m = sd_call_new(bus, name, "Echo"), *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *text = NULL, *inner = NULL, *deep = NULL;
        int32_t number = 0, truth = 0;
        const uint8_t *bytes = NULL;
        const void *array = NULL;
        size_t n = 0;

        fill_sd(m);
        g_assert_cmpint(sd_bus_call(bus, m, 0, &error, &reply), >=, 0);
        g_assert_cmpstr(error.message, ==, NULL);
        g_assert_cmpstr(sd_bus_message_get_signature(reply, 1), ==, SIGNATURE);
        g_assert_cmpint(sd_bus_message_skip(reply, "ybnqiuxtd"), >=, 0);
        g_assert_cmpint(sd_bus_message_read(reply, "sog", &text, NULL, NULL), >=, 0);
        g_assert_cmpstr(text, ==, "t\xc3\xa4xt");
        g_assert_cmpint(sd_bus_message_read_array(reply, 'y', &array, &n), >=, 0);
        bytes = array;
        g_assert_cmpuint(n, ==, 4);
        g_assert_cmpuint(bytes[3], ==, 255);
        g_assert_cmpint(sd_bus_message_skip(reply, "asaia{sv}"), >=, 0);
        g_assert_cmpint(
                sd_bus_message_read(reply, "(i(sb))v", &number, &inner, &truth, "v", "s", &deep),
                >=, 0);
        g_assert_cmpint(number, ==, 1);
        g_assert_cmpstr(inner, ==, "in");
        g_assert_cmpstr(deep, ==, "deep");
        g_assert_cmpint(sd_bus_message_at_end(reply, 1), >, 0);
        sd_bus_message_unref(reply);
        sd_bus_message_unref(m);
        sd_bus_error_free(&error);
}

static void sd_gets_error(sd_bus *bus, const char *name)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;

        g_assert_cmpint(
                sd_bus_call_method(bus, name, "/a", "com.example.Test", "Fail", &error, NULL, ""),
                <, 0);
        g_assert_cmpstr(error.name, ==, "com.example.Error.Failed");
        g_assert_cmpstr(error.message, ==, "as wanted");
        sd_bus_error_free(&error);
        g_assert_cmpint(
                sd_bus_call_method(bus, name, "/a", "com.example.Test", "NoSuch", &error, NULL, ""),
                <, 0);
        g_assert_cmpstr(error.name, ==, SD_BUS_ERROR_UNKNOWN_METHOD);
        sd_bus_error_free(&error);
}

static void same_file(int fd, int other)
{
        struct stat one, two;

        g_assert_cmpint(fstat(fd, &one), ==, 0);
        g_assert_cmpint(fstat(other, &two), ==, 0);
        g_assert_cmpuint(one.st_ino, ==, two.st_ino);
}

static void sd_passes_fds(sd_bus *bus, const char *name)
{
        sd_bus_message *reply = NULL;
        sd_bus_error error = SD_BUS_ERROR_NULL;
        const char *text = NULL;
        int fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY), one = -1, two = -1;

        g_assert_cmpint(sd_bus_call_method(bus, name, "/a", "com.example.Test", "Echo", &error,
                                           &reply, "hsh", fd, "between", fd),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_read(reply, "hsh", &one, &text, &two), >=, 0);
        g_assert_cmpstr(text, ==, "between");
        same_file(fd, one);
        same_file(fd, two);
        close(fd);
        sd_bus_message_unref(reply);
        sd_bus_error_free(&error);
}

/* The library's client. */
static DBusMessage *call_at(const char *name, const char *member)
{
        DBusMessage *m = dbus_message_new_method_call(name, "/a", "com.example.Test", member);

        g_assert_nonnull(m);
        return m;
}

static void fill_library(DBusMessage *m)
{
        const unsigned char bytes[] = {0, 1, 254, 255}, *some = bytes;
        const char *texts[] = {"one", ""}, *const *list = texts, *text = "t\xc3\xa4xt",
                   *path = "/a/b", *signature = "a{sv}", *key = "one", *deep = "deep";
        unsigned char byte = 1;
        dbus_bool_t truth = TRUE;
        dbus_int16_t n = -2;
        dbus_uint16_t q = 3;
        dbus_int32_t i = -4;
        dbus_uint32_t u = 5;
        dbus_int64_t x = -6;
        dbus_uint64_t t = 7;
        double d = 8.5;
        DBusMessageIter iter, array, entry, variant;

        dbus_message_append_args(m, DBUS_TYPE_BYTE, &byte, DBUS_TYPE_BOOLEAN, &truth,
                                 DBUS_TYPE_INT16, &n, DBUS_TYPE_UINT16, &q, DBUS_TYPE_INT32, &i,
                                 DBUS_TYPE_UINT32, &u, DBUS_TYPE_INT64, &x, DBUS_TYPE_UINT64, &t,
                                 DBUS_TYPE_DOUBLE, &d, DBUS_TYPE_STRING, &text,
                                 DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_SIGNATURE, &signature,
                                 DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &some, 4, DBUS_TYPE_ARRAY,
                                 DBUS_TYPE_STRING, &list, 2, DBUS_TYPE_INVALID);
        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array);
        dbus_message_iter_open_container(&array, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
        dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key);
        dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant);
        dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &deep);
        dbus_message_iter_close_container(&entry, &variant);
        dbus_message_iter_close_container(&array, &entry);
        dbus_message_iter_close_container(&iter, &array);
}

static void library_calls(DBusConnection *c, const char *name)
{
        DBusMessage *m = call_at(name, "Echo"), *reply;
        DBusError error = DBUS_ERROR_INIT;
        DBusMessageIter sent, got;

        fill_library(m);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        if (reply) {
                g_autofree char *before = NULL, *after = NULL;

                dbus_message_iter_init(m, &sent);
                dbus_message_iter_init(reply, &got);
                before = dump_iter(&sent);
                after = dump_iter(&got);
                g_assert_cmpstr(before, ==, after);
                note("%s", after);
                dbus_message_unref(reply);
        }
        dbus_message_unref(m);
}

static void library_gets_errors(DBusConnection *c, const char *name)
{
        static const char *const members[] = {"Fail", "NoSuch"};

        for (size_t i = 0; i < G_N_ELEMENTS(members); i++) {
                DBusMessage *m = call_at(name, members[i]);
                DBusError error = DBUS_ERROR_INIT;

                g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
                g_assert_true(dbus_error_is_set(&error));
                note_error(members[i], &error);
                dbus_message_unref(m);
        }
}

static void library_passes_fds(DBusConnection *c, const char *name)
{
        DBusMessage *m = call_at(name, "Echo"), *reply;
        DBusError error = DBUS_ERROR_INIT;
        int fd = open("/", O_RDONLY | O_CLOEXEC | O_DIRECTORY), back[2] = {-1, -1};

        g_assert_true(dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD));
        dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_UNIX_FD, &fd,
                                 DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        g_assert_true(dbus_message_get_args(reply, &error, DBUS_TYPE_UNIX_FD, &back[0],
                                            DBUS_TYPE_UNIX_FD, &back[1], DBUS_TYPE_INVALID));
        for (int i = 0; i < 2; i++) {
                same_file(fd, back[i]);
                close(back[i]);
        }
        close(fd);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void library_hears(DBusConnection *c, const char *name)
{
        DBusMessage *m = call_at(name, "Shout"), *reply;
        dbus_uint32_t n = 20, heard = 0;

        dbus_message_append_args(m, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
        while ((m = dbus_connection_pop_message(c))) {
                heard += dbus_message_is_signal(m, "com.example.Test", "Shouted");
                dbus_message_unref(m);
        }
        g_assert_cmpuint(heard, ==, n);
}

/* Without a bus, the library serves. */
static void library_serves(void)
{
        struct helper *h = helper_new(NULL);
        sd_bus *bus = sd_client(helper_address(h), false);
        sd_bus_message *reply = NULL;
        const char *id = NULL;
        char *mine = dbus_get_local_machine_id(), buffer[6] = {0};
        int fd = -1;

        sd_calls(bus, NULL);
        sd_gets_error(bus, NULL);
        sd_passes_fds(bus, NULL);
        g_assert_cmpint(sd_bus_call_method(bus, NULL, "/", "org.freedesktop.DBus.Peer",
                                           "GetMachineId", NULL, &reply, ""),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_read(reply, "s", &id), >=, 0);
        g_assert_cmpstr(id, ==, mine);
        reply = sd_bus_message_unref(reply);
        g_assert_cmpint(sd_bus_call_method(bus, NULL, "/", "com.example.Test", "Descriptor", NULL,
                                           &reply, ""),
                        >=, 0);
        g_assert_cmpint(sd_bus_message_read(reply, "h", &fd), >=, 0);
        g_assert_cmpint(read(fd, buffer, 5), ==, 5);
        g_assert_cmpstr(buffer, ==, "piped");
        sd_bus_message_unref(reply);
        dbus_free(mine);
        sd_bus_flush_close_unref(bus);
        helper_free(h);
}

static void library_refuses(void)
{
        struct helper *h = helper_new("tcp:host=127.0.0.1");
        g_autofree char *address = g_strdup(helper_address(h));
        sd_bus *bus = NULL;

        /* It knows no DBUS_COOKIE_SHA1, so it cannot get in. */
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_address(bus, address), >=, 0);
        g_assert_cmpint(sd_bus_set_anonymous(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        g_assert_cmpint(
                sd_bus_call_method(bus, NULL, "/a", "com.example.Test", "Echo", NULL, NULL, ""), <,
                0);
        sd_bus_close_unref(bus);
        helper_free(h);
}

static void library_closes(void)
{
        struct helper *h = helper_new(NULL);
        sd_bus *bus = sd_client(helper_address(h), false);

        g_assert_cmpint(
                sd_bus_call_method(bus, NULL, "/a", "com.example.Test", "Close", NULL, NULL, ""), <,
                0);
        sd_bus_close_unref(bus);
        helper_free(h);
}

/* Without a bus, sd-bus serves. It does so on an accepted socket. */
struct acceptor {
        int listener;
        struct sd_service service;
};

static gpointer accept_one(gpointer data)
{
        struct acceptor *a = data;
        sd_id128_t id =
                SD_ID128_MAKE(00, 11, 22, 33, 44, 55, 66, 77, 88, 99, aa, bb, cc, dd, ee, ff);
        int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        sd_bus *bus = NULL;

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(sd_bus_new(&bus), >=, 0);
        g_assert_cmpint(sd_bus_set_fd(bus, fd, fd), >=, 0);
        g_assert_cmpint(sd_bus_set_server(bus, 1, id), >=, 0);
        g_assert_cmpint(sd_bus_negotiate_fds(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_set_trusted(bus, 1), >=, 0);
        g_assert_cmpint(sd_bus_start(bus), >=, 0);
        sd_serve(&a->service, bus);
        return NULL;
}

static void sd_bus_serves(void)
{
        g_autofree char *directory = directory_new(), *address = NULL;
        struct sockaddr_un at = {.sun_family = AF_UNIX};
        struct acceptor a = {.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
        DBusConnection *c;
        GThread *accepting;
        char *id;

        g_snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", directory);
        g_assert_cmpint(bind(a.listener, (struct sockaddr *)&at, sizeof at), ==, 0);
        g_assert_cmpint(listen(a.listener, 1), ==, 0);
        accepting = g_thread_new("accept", accept_one, &a);
        address = g_strdup_printf("unix:path=%s", at.sun_path);
        c = dbus_connection_open_private(address, NULL);
        g_thread_join(accepting);
        library_calls(c, NULL);
        library_gets_errors(c, NULL);
        library_passes_fds(c, NULL);
        library_hears(c, NULL);
        id = dbus_connection_get_server_id(c);
        g_assert_cmpstr(id, ==, "00112233445566778899aabbccddeeff");
        dbus_free(id);
        connection_end(c);
        sd_end(&a.service);
        close(a.listener);
        directory_free(g_steal_pointer(&directory));
}

/* Over a bus. */
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

static void bus_library_serves(void)
{
        struct bus *b = bus_new(NULL);
        struct service s = {bus_connect(b), 0};
        DBusError error = DBUS_ERROR_INIT;
        sd_bus *bus = sd_client(b->address, true);
        GThread *thread;

        dbus_bus_request_name(s.connection, NAME, 0, &error);
        expect_no_error(&error);
        dbus_connection_add_filter(s.connection, serve, NULL, NULL);
        thread = g_thread_new("service", run_service, &s);
        sd_calls(bus, NAME);
        sd_gets_error(bus, NAME);
        sd_passes_fds(bus, NAME);
        g_atomic_int_set(&s.stop, 1);
        g_thread_join(thread);
        sd_bus_flush_close_unref(bus);
        bus_disconnect(s.connection);
        bus_free(b);
}

static void bus_sd_bus_serves(void)
{
        struct bus *b = bus_new(NULL);
        DBusConnection *c = bus_connect(b);
        sd_bus *bus = sd_client(b->address, true);
        struct sd_service s;
        DBusError error = DBUS_ERROR_INIT;

        g_assert_cmpint(sd_bus_request_name(bus, NAME, 0), >=, 0);
        sd_serve(&s, bus);
        library_calls(c, NAME);
        library_gets_errors(c, NAME);
        library_passes_fds(c, NAME);
        dbus_bus_add_match(c, "type='signal',interface='com.example.Test'", &error);
        expect_no_error(&error);
        library_hears(c, NAME);
        sd_end(&s);
        bus_disconnect(c);
        bus_free(b);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/interop/sd-bus/peer/library-serves", library_serves},
                {"/interop/sd-bus/peer/library-refuses", library_refuses},
                {"/interop/sd-bus/peer/library-closes", library_closes},
                {"/interop/sd-bus/peer/sd-bus-serves", sd_bus_serves},
                {"/interop/sd-bus/bus/library-serves", bus_library_serves},
                {"/interop/sd-bus/bus/sd-bus-serves", bus_sd_bus_serves},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}

#else

static void missing(void)
{
        g_test_skip("built without libsystemd");
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {{"/interop/sd-bus", missing}, {NULL, NULL}};

        return harness_run(argc, argv, tests);
}

#endif
