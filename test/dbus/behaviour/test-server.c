/* SPDX-License-Identifier: MIT */
/* Servers: where they listen, what they are called, whom they hand out, and how they end. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"

static char *address_of(DBusServer *server)
{
        char *address = dbus_server_get_address(server), *copy = g_strdup(address);

        dbus_free(address);
        return copy;
}

static char *value_in(const char *address, const char *key)
{
        g_autofree char *with_equals = g_strdup_printf("%s=", key);
        const char *at = strstr(address, with_equals);

        return at ? g_strndup(at + strlen(with_equals), strcspn(at + strlen(with_equals), ",;"))
                  : NULL;
}

/* Without what is different every time, and run.py does not know. */
static void note_address(const char *address)
{
        g_autofree char *nonce = value_in(address, "noncefile");
        g_autoptr(GString) s = g_string_new(address);

        if (nonce) {
                g_assert_true(g_str_has_suffix(nonce, "/nonce"));
                g_string_replace(s, nonce, "<nonce>", 1);
        }
        note_text("address", s->str);
}

/* The stock library leaves it behind. */
static void remove_nonce(const char *address)
{
        g_autofree char *nonce = value_in(address, "noncefile");
        g_autofree char *directory = nonce ? g_path_get_dirname(nonce) : NULL;

        if (!nonce)
                return;
        unlink(nonce);
        rmdir(directory);
}

static const struct {
        const char *name, *address;
} useless[] = {
        {"empty", ""},
        {"no-colon", "unix"},
        {"unknown-type", "foo:bar=1"},
        {"launchd", "launchd:env=DISPLAY"},
        {"autolaunch", "autolaunch:"},
        {"unixexec", "unixexec:path=/bin/true"},
        {"systemd", "systemd:"},
        {"unix/nothing", "unix:"},
        {"unix/missing-directory", "unix:path=/nonexistent/a/socket"},
        {"unix/missing-tmpdir", "unix:tmpdir=/nonexistent/a"},
        {"unix/missing-dir", "unix:dir=/nonexistent/a"},
        {"unix/path-and-abstract", "unix:path=/a,abstract=b"},
        {"unix/path-and-tmpdir", "unix:path=/a,tmpdir=/tmp"},
        {"unix/dir-and-runtime", "unix:dir=/tmp,runtime=yes"},
        {"unix/runtime-no", "unix:runtime=no"},
        {"unix/runtime-unset", "unix:runtime=yes"},
        {"unix/over-directory", "unix:path=/"},
        {"tcp/bad-family", "tcp:host=127.0.0.1,family=ipv9"},
        {"tcp/bad-port", "tcp:host=127.0.0.1,port=x"},
        {"nonce-tcp/bad-family", "nonce-tcp:host=127.0.0.1,family=ipv9"},
        {"several/all", "unix:path=/nonexistent/a/socket;foo:;tcp:family=ipv9"},
        {"several/unparsable", "unix:tmpdir=/tmp;unix"},
};

static void no_use(gconstpointer data)
{
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_server_listen(data, &error));
        g_assert_true(dbus_error_is_set(&error));
        note_error("listen", &error);
        g_assert_null(dbus_server_listen(data, NULL));
}

/* Over every transport: somebody connects, calls, sends and gets fds if it can. */
static void round_trip(const char *address, bool has_fds)
{
        struct helper *h = helper_new(address);
        DBusConnection *c = helper_connect(h);
        DBusMessage *m = call_new("/a", "Echo"), *reply;
        DBusError error = DBUS_ERROR_INIT;
        const char *text = "text", *got = NULL;
        char *id = NULL;
        g_autofree char *at = g_strdup(helper_address(h));
        g_autofree char *guid = value_in(at, "guid");
        int fd = -1;

        note_address(at);
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        if (reply) {
                dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &got, DBUS_TYPE_INVALID);
                g_assert_cmpstr(got, ==, text);
                dbus_message_unref(reply);
        }
        id = dbus_connection_get_server_id(c);
        g_assert_cmpstr(id, ==, guid);
        dbus_free(id);
        g_assert_true(dbus_connection_get_socket(c, &fd));
        g_assert_cmpint(dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD), ==, has_fds);
        dbus_message_unref(m);
        m = call_new("/a", "Descriptor");
        if (has_fds) {
                char buffer[6] = {0};

                reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
                expect_no_error(&error);
                g_assert_true(dbus_message_get_args(reply, &error, DBUS_TYPE_UNIX_FD, &fd,
                                                    DBUS_TYPE_INVALID));
                g_assert_cmpint(read(fd, buffer, 5), ==, 5);
                g_assert_cmpstr(buffer, ==, "piped");
                close(fd);
                dbus_message_unref(reply);
        }
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
        remove_nonce(at);
}

static void unix_path(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:path=%s/socket", directory);

        round_trip(address, true);
        directory_free(g_steal_pointer(&directory));
}

static void unix_abstract(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:abstract=%s/socket", directory);
        g_autofree char *path = g_strdup_printf("%s/socket", directory);

        round_trip(address, true);
        g_assert_false(g_file_test(path, G_FILE_TEST_EXISTS));
        directory_free(g_steal_pointer(&directory));
}

static void unix_tmpdir(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:tmpdir=%s", directory);

        round_trip(address, true);
        directory_free(g_steal_pointer(&directory));
}

static void unix_dir(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:dir=%s", directory);

        round_trip(address, true);
        directory_free(g_steal_pointer(&directory));
}

static void listen_at_runtime(void *data)
{
        DBusServer *s;
        char *address;

        (void)data;
        s = dbus_server_listen("unix:runtime=yes", NULL);
        address = dbus_server_get_address(s);
        puts(address);
        dbus_free(address);
        dbus_server_disconnect(s);
        dbus_server_unref(s);
}

static void unix_runtime(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *variable = g_strdup_printf("XDG_RUNTIME_DIR=%s", directory);
        const char *const environment[] = {variable, NULL};
        struct captured *c = capture(listen_at_runtime, NULL, environment);
        g_autofree char *wanted = g_strdup_printf("unix:path=%s/bus,guid=", directory);

        g_assert_true(g_str_has_prefix(c->out, wanted));
        note_captured("runtime", c);
        captured_free(c);
        directory_free(g_steal_pointer(&directory));
}

static void tcp(void)
{
        round_trip("tcp:host=127.0.0.1", false);
        round_trip("tcp:host=127.0.0.1,port=0,family=ipv4", false);
        round_trip("tcp:host=localhost,bind=127.0.0.1", false);
        round_trip("tcp:", false);
}

static void nonce_tcp(void)
{
        round_trip("nonce-tcp:host=127.0.0.1", false);
}

/* The file belongs to the server, and to nobody else. */
static void nonce_file(void)
{
        DBusServer *s = dbus_server_listen("nonce-tcp:host=127.0.0.1", NULL);
        g_autofree char *address = address_of(s);
        g_autofree char *file = value_in(address, "noncefile");
        g_autofree char *text = NULL;
        gsize n = 0;
        struct stat about;

        g_assert_true(g_file_get_contents(file, &text, &n, NULL));
        g_assert_cmpuint(n, ==, 16);
        g_assert_cmpint(stat(file, &about), ==, 0);
        g_assert_cmpint(about.st_mode & 0777, ==, 0600);
        dbus_server_disconnect(s);
        dbus_server_unref(s);
        remove_nonce(address);
}

static void nonce_file_after_end(void)
{
        DBusServer *s = dbus_server_listen("nonce-tcp:host=127.0.0.1", NULL);
        g_autofree char *address = address_of(s);
        g_autofree char *file = value_in(address, "noncefile");

        dbus_server_disconnect(s);
        dbus_server_unref(s);
        note("file there: %d", g_file_test(file, G_FILE_TEST_EXISTS));
        remove_nonce(address);
}

/* A client that has read the wrong file. */
static void wrong_nonce(gconstpointer data)
{
        const char *nonce = data;
        struct helper *h = helper_new("nonce-tcp:host=127.0.0.1");
        g_autofree char *directory = directory_new(),
                        *mine = g_strdup_printf("%s/nonce", directory),
                        *theirs = value_in(helper_address(h), "noncefile");
        g_autofree char *at = g_strdup(helper_address(h));
        g_autoptr(GString) address = g_string_new(at);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/a", "Echo");
        DBusConnection *c;

        if (nonce)
                g_assert_true(g_file_set_contents(mine, nonce, -1, NULL));
        g_string_replace(address, theirs, mine, 1);
        c = dbus_connection_open_private(address->str, &error);
        note("open: %d", c != NULL);
        note_error("open", &error);
        if (c)
                g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
        note_error("call", &error);
        if (c)
                g_assert_false(dbus_connection_get_is_connected(c));
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
        remove_nonce(at);
        directory_free(g_steal_pointer(&directory));
}

static void first_that_works(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *wanted =
                g_strdup_printf("unix:path=/nonexistent/a/socket;unix:path=%s/one;unix:path=%s/two",
                                directory, directory);
        g_autofree char *two = g_strdup_printf("%s/two", directory);
        DBusServer *s = dbus_server_listen(wanted, NULL);
        g_autofree char *address = address_of(s);

        note_address(address);
        g_assert_nonnull(strstr(address, "/one"));
        g_assert_false(g_file_test(two, G_FILE_TEST_EXISTS));
        dbus_server_disconnect(s);
        dbus_server_unref(s);
        directory_free(g_steal_pointer(&directory));
}

static void in_use(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *unix_address = g_strdup_printf("unix:path=%s/socket", directory);
        g_autofree char *abstract = g_strdup_printf("unix:abstract=%s/socket", directory);
        const char *const addresses[] = {unix_address, abstract};

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                DBusError error = DBUS_ERROR_INIT;
                DBusServer *one = dbus_server_listen(addresses[i], &error), *two;

                expect_no_error(&error);
                two = dbus_server_listen(addresses[i], &error);
                note("%s: %s", i ? "abstract" : "path", two ? "listens" : "does not");
                note_error("error", &error);
                if (two) {
                        dbus_server_disconnect(two);
                        dbus_server_unref(two);
                }
                dbus_server_disconnect(one);
                dbus_server_unref(one);
        }
        directory_free(g_steal_pointer(&directory));
}

static void tcp_in_use(void)
{
        DBusServer *one = dbus_server_listen("tcp:host=127.0.0.1,port=0", NULL), *two;
        g_autofree char *address = address_of(one);
        DBusError error = DBUS_ERROR_INIT;

        *strstr(address, ",guid=") = '\0';
        two = dbus_server_listen(address, &error);
        g_assert_null(two);
        if (dbus_error_is_set(&error)) {
                g_autofree char *port = value_in(address, "port");
                g_autoptr(GString) text = g_string_new(error.message);

                g_string_replace(text, port, "<port>", 0);
                note("%s: %s", error.name, text->str);
        }
        dbus_error_free(&error);
        dbus_server_disconnect(one);
        dbus_server_unref(one);
}

/* A socket that a server left behind is no obstacle; a file that is none is. */
static void stale(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:path=%s/socket", directory);
        g_autofree char *path = g_strdup_printf("%s/socket", directory);
        DBusError error = DBUS_ERROR_INIT;
        DBusServer *s = dbus_server_listen(address, NULL);
        struct stat about;

        g_assert_cmpint(stat(path, &about), ==, 0);
        note("mode %o", about.st_mode & 07777);
        dbus_server_disconnect(s);
        dbus_server_unref(s);
        note("socket there after the end: %d", g_file_test(path, G_FILE_TEST_EXISTS));
        s = dbus_server_listen(address, &error);
        expect_no_error(&error);
        dbus_server_disconnect(s);
        dbus_server_unref(s);
        unlink(path);
        g_assert_true(g_file_set_contents(path, "text", 4, NULL));
        g_assert_null(dbus_server_listen(address, &error));
        note_error("over a file", &error);
        directory_free(g_steal_pointer(&directory));
}

static void id(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *one_address = g_strdup_printf("unix:tmpdir=%s", directory);
        DBusServer *one = dbus_server_listen(one_address, NULL),
                   *two = dbus_server_listen(one_address, NULL);
        g_autofree char *address = address_of(one);
        g_autofree char *guid = value_in(address, "guid");
        char *first = dbus_server_get_id(one), *second = dbus_server_get_id(two);

        g_assert_cmpuint(strlen(first), ==, 32);
        g_assert_cmpuint(strspn(first, "0123456789abcdef"), ==, 32);
        g_assert_cmpstr(first, !=, second);
        g_assert_cmpstr(first, ==, guid);
        dbus_free(first);
        dbus_free(second);
        dbus_server_disconnect(one);
        /* Both can still be asked. */
        first = dbus_server_get_id(one);
        g_assert_cmpstr(first, ==, guid);
        dbus_free(first);
        first = dbus_server_get_address(one);
        g_assert_cmpstr(first, ==, address);
        dbus_free(first);
        dbus_server_disconnect(two);
        dbus_server_unref(one);
        dbus_server_unref(two);
        directory_free(g_steal_pointer(&directory));
}

static void references(void)
{
        struct peers *p = peers_listen();
        DBusServer *s;

        g_assert_true(dbus_server_ref(p->server) == p->server);
        s = p->server;
        dbus_clear_server(&s);
        g_assert_null(s);
        g_assert_true(dbus_server_get_is_connected(p->server));
        peers_free(p);
}

static void disconnected(void)
{
        struct peers *p = peers_new(NULL);
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_server_get_is_connected(p->server));
        dbus_server_disconnect(p->server);
        g_assert_false(dbus_server_get_is_connected(p->server));
        dbus_server_disconnect(p->server);
        g_assert_null(dbus_connection_open_private(p->address, &error));
        note_error("open", &error);
        /* Whoever was there stays. */
        send_away(p->client, signal_new("/a", "S"));
        loop_settle(p->loop);
        g_assert_true(dbus_connection_get_is_connected(p->client));
        g_assert_true(dbus_connection_get_is_connected(p->service));
        peers_free(p);
}

/* New connections. */
struct door {
        int came, freed;
        bool keep, close;
        DBusConnection *kept;
};

static void at_door(DBusServer *server, DBusConnection *connection, void *data)
{
        struct door *d = data;

        (void)server;
        d->came++;
        if (d->keep)
                d->kept = dbus_connection_ref(connection);
        if (d->close)
                dbus_connection_close(connection);
}

static void free_door(void *data)
{
        ((struct door *)data)->freed++;
}

/* Who is not kept is closed. */
static void not_kept(void)
{
        for (int close_it = 0; close_it < 2; close_it++) {
                struct peers *p = peers_listen();
                struct door d = {.close = close_it};
                DBusConnection *c;

                dbus_server_set_new_connection_function(p->server, at_door, &d, free_door);
                c = dbus_connection_open_private(p->address, NULL);
                loop_settle(p->loop);
                g_assert_cmpint(d.came, ==, 1);
                g_assert_false(dbus_connection_read_write(c, -1) &&
                               dbus_connection_read_write(c, -1));
                g_assert_false(dbus_connection_get_is_connected(c));
                connection_end(c);
                peers_free(p);
                g_assert_cmpint(d.freed, ==, 1);
        }
}

static void kept(void)
{
        struct peers *p = peers_listen();
        struct door d = {.keep = true};
        DBusConnection *c;

        dbus_server_set_new_connection_function(p->server, at_door, &d, free_door);
        c = dbus_connection_open_private(p->address, NULL);
        loop_settle(p->loop);
        g_assert_cmpint(d.came, ==, 1);
        /* Two ends and no loop. */
        while (!dbus_connection_get_is_authenticated(c)) {
                g_assert_true(dbus_connection_read_write(d.kept, 0));
                g_assert_true(dbus_connection_read_write(c, 0));
        }
        connection_end(c);
        connection_end(d.kept);
        peers_free(p);
}

static void nobody_at_the_door(void)
{
        struct peers *p = peers_listen();
        DBusConnection *c;

        dbus_server_set_new_connection_function(p->server, NULL, NULL, NULL);
        c = dbus_connection_open_private(p->address, NULL);
        loop_settle(p->loop);
        while (dbus_connection_read_write(c, -1))
                continue;
        g_assert_false(dbus_connection_get_is_connected(c));
        connection_end(c);
        peers_free(p);
}

static void door_replaced(void)
{
        struct peers *p = peers_listen();
        struct door one = {0}, two = {0};

        dbus_server_set_new_connection_function(p->server, at_door, &one, free_door);
        dbus_server_set_new_connection_function(p->server, at_door, &two, free_door);
        g_assert_cmpint(one.freed, ==, 1);
        dbus_server_disconnect(p->server);
        g_assert_cmpint(two.freed, ==, 0);
        peers_free(p);
        g_assert_cmpint(two.freed, ==, 1);
}

static void many_clients(void)
{
        enum { N = 50 };
        struct peers *p = peers_listen();
        DBusConnection *clients[N], *services[N];

        for (int i = 0; i < N; i++) {
                clients[i] = peers_connect(p, NULL);
                services[i] = p->service;
        }
        for (int i = 0; i < N; i++) {
                g_assert_true(dbus_connection_get_is_connected(clients[i]));
                g_assert_true(dbus_connection_get_is_authenticated(services[i]));
        }
        for (int i = 0; i < N - 1; i++) {
                loop_remove(p->loop, clients[i]);
                loop_remove(p->loop, services[i]);
                connection_end(clients[i]);
                connection_end(services[i]);
        }
        peers_free(p);
}

/* Watches. */
static void watches(void)
{
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:tmpdir=%s", directory);
        DBusServer *s = dbus_server_listen(address, NULL);
        struct loop *l = loop_new();

        loop_add_server(l, s, "server");
        note("disconnect");
        dbus_server_disconnect(s);
        loop_free(l);
        dbus_server_unref(s);
        directory_free(g_steal_pointer(&directory));
}

/* Misuse. */
static void unref_connected(void *data)
{
        DBusServer *s = dbus_server_listen(data, NULL);

        dbus_server_unref(s);
        puts("after");
}

static void misuse(void)
{
        static const char *const values[] = {"DBUS_FATAL_WARNINGS", "DBUS_FATAL_WARNINGS=0"};
        g_autofree char *directory = directory_new();
        g_autofree char *address = g_strdup_printf("unix:tmpdir=%s", directory);

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                const char *const environment[] = {values[i], NULL};
                struct captured *c = capture(unref_connected, address, environment);

                note_captured(values[i], c);
                captured_free(c);
        }
        directory_free(g_steal_pointer(&directory));
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/server/unix/path", unix_path},
                {"/server/unix/abstract", unix_abstract},
                {"/server/unix/tmpdir", unix_tmpdir},
                {"/server/unix/dir", unix_dir},
                {"/server/unix/runtime", unix_runtime},
                {"/server/unix/in-use", in_use},
                {"/server/unix/stale", stale},
                {"/server/tcp/plain", tcp},
                {"/server/tcp/in-use", tcp_in_use},
                {"/server/nonce-tcp/plain", nonce_tcp},
                {"/server/nonce-tcp/file", nonce_file},
                {"/server/nonce-tcp/file-after-end", nonce_file_after_end},
                {"/server/first-that-works", first_that_works},
                {"/server/id", id},
                {"/server/references", references},
                {"/server/disconnected", disconnected},
                {"/server/new/not-kept", not_kept},
                {"/server/new/kept", kept},
                {"/server/new/no-function", nobody_at_the_door},
                {"/server/new/replaced", door_replaced},
                {"/server/new/many", many_clients},
                {"/server/watches", watches},
                {"/server/misuse", misuse},
                {NULL, NULL},
        };

        /* Over TCP, users prove who they are by a file in their home. */
        g_autofree char *home = directory_new();
        int result;

        harness_init(&argc, &argv);
        g_setenv("HOME", home, TRUE);
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        for (size_t i = 0; i < G_N_ELEMENTS(useless); i++) {
                g_autofree char *path = g_strdup_printf("/server/useless/%s", useless[i].name);

                g_test_add_data_func(path, useless[i].address, no_use);
        }
        g_test_add_data_func("/server/nonce-tcp/wrong", "sixteen letters.", wrong_nonce);
        g_test_add_data_func("/server/nonce-tcp/short", "short", wrong_nonce);
        g_test_add_data_func("/server/nonce-tcp/missing", NULL, wrong_nonce);
        result = g_test_run();
        directory_free(g_steal_pointer(&home));
        return result;
}
