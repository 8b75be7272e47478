/* SPDX-License-Identifier: MIT */
/* Opening connections: addresses that are no use, which of several is taken, who shares one. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

static const struct {
        const char *name, *address;
} useless[] = {
        {"empty", ""},
        {"no-colon", "unix"},
        {"no-type", ":"},
        {"unknown-type", "foo:bar=1"},
        {"launchd", "launchd:env=DISPLAY"},
        {"systemd", "systemd:"},
        {"key-without-value", "unix:path"},
        {"empty-value", "unix:path="},
        {"value-without-key", "unix:=x"},
        {"bad-escape", "unix:path=/a%zz"},
        {"half-escape", "unix:path=/a%4"},
        {"unescaped", "unix:path=/a b"},
        {"empty-first", ";unix:path=/nonexistent/a"},
        {"unix/nothing", "unix:"},
        {"unix/missing", "unix:path=/nonexistent/socket"},
        {"unix/no-socket", "unix:path=/etc/passwd"},
        {"unix/directory", "unix:path=/"},
        {"unix/key-twice", "unix:path=/nonexistent/a,path=/nonexistent/b"},
        {"unix/path-and-abstract", "unix:path=/a,abstract=b"},
        {"unix/abstract-missing", "unix:abstract=dbus-behaviour-nobody-listens"},
        {"unix/tmpdir", "unix:tmpdir=/tmp"},
        {"unix/dir", "unix:dir=/tmp"},
        {"unix/runtime", "unix:runtime=yes"},
        {"unix/other-key", "unix:colour=blue"},
        {"unix/missing-with-guid", "unix:path=/nonexistent/a,guid=nonsense"},
        {"tcp/nothing", "tcp:"},
        {"tcp/no-port", "tcp:host=127.0.0.1"},
        {"tcp/refused", "tcp:host=127.0.0.1,port=1"},
        {"tcp/no-host", "tcp:port=1"},
        {"tcp/port-no-number", "tcp:host=127.0.0.1,port=x"},
        {"tcp/bad-family", "tcp:host=127.0.0.1,port=1,family=ipv9"},
        {"tcp/family-ipv4", "tcp:host=127.0.0.1,port=1,family=ipv4"},
        {"nonce-tcp/no-file", "nonce-tcp:host=127.0.0.1,port=1"},
        {"nonce-tcp/refused", "nonce-tcp:host=127.0.0.1,port=1,noncefile=/nonexistent/nonce"},
        {"unixexec/nothing", "unixexec:"},
        {"unixexec/no-path", "unixexec:argv1=x"},
        {"autolaunch/no-display", "autolaunch:"},
        {"autolaunch/scope", "autolaunch:scope=*user"},
        {"several/all-missing", "unix:path=/nonexistent/a;unix:path=/nonexistent/b"},
        {"several/refused-last", "unix:path=/nonexistent/a;tcp:host=127.0.0.1,port=1"},
        {"several/refused-first", "tcp:host=127.0.0.1,port=1;unix:path=/nonexistent/a"},
        {"several/unknown-first", "foo:bar=1;unix:path=/nonexistent/a"},
        {"several/bad-last", "unix:path=/nonexistent/a;unix"},
        {"several/ends-with-semicolon", "unix:path=/nonexistent/a;"},
};

/* Both functions say the same, and nothing when nobody wants to know. */
static void no_use(gconstpointer data)
{
        const char *address = data;
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_connection_open_private(address, &error));
        g_assert_true(dbus_error_is_set(&error));
        note_error("private", &error);
        g_assert_null(dbus_connection_open(address, &error));
        g_assert_true(dbus_error_is_set(&error));
        note_error("shared", &error);
        g_assert_null(dbus_connection_open_private(address, NULL));
}

static void path_too_long(void)
{
        g_autofree char *long_name = g_strnfill(200, 'x');
        const char *const keys[] = {"path=/tmp/", "abstract="};
        DBusError error = DBUS_ERROR_INIT;

        for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
                g_autofree char *address = g_strdup_printf("unix:%s%s", keys[i], long_name);

                g_assert_null(dbus_connection_open_private(address, &error));
                g_assert_true(dbus_error_is_set(&error));
                note_error(keys[i], &error);
        }
}

static void first_that_works(void)
{
        struct raw *first = raw_listen(), *second = raw_listen();
        g_autofree char *address = g_strdup_printf("unix:path=/nonexistent/a;%s;%s;foo:bar=1",
                                                   first->address, second->address);
        DBusConnection *c = dbus_connection_open_private(address, NULL);

        g_assert_nonnull(c);
        raw_accept(first, NULL);
        connection_end(c);
        raw_wait_end(first, NULL);
        raw_free(first);
        raw_free(second);
}

/* An address that cannot be parsed spoils those before it, one of an unknown type does not. */
static void parsed_as_a_whole(void)
{
        struct raw *r = raw_listen();
        g_autofree char *bad = g_strdup_printf("%s;unix:path=%%zz", r->address);
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_connection_open_private(bad, &error));
        expect_error(&error, DBUS_ERROR_BAD_ADDRESS);
        raw_free(r);
}

/* Connecting alone does neither wait for the server nor write anything but what begins it. */
static void does_not_wait(void)
{
        struct raw *r = raw_listen();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);

        g_assert_true(dbus_connection_get_is_connected(c));
        g_assert_false(dbus_connection_get_is_authenticated(c));
        connection_end(c);
        raw_free(r);
}

static void first_words(void)
{
        struct raw *r = raw_listen();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);
        struct loop *l = loop_new();
        char *line;

        loop_add(l, c, NULL);
        raw_accept(r, l);
        /* The first byte carries credentials. */
        line = raw_line(r, l);
        g_assert_nonnull(line);
        g_assert_cmpint(line[0], ==, '\0');
        note("line: \\0%s", line + 1);
        g_free(line);
        raw_print(r, "OK 1234deadbeef1234deadbeef12345678\r\n");
        line = raw_line(r, l);
        note_text("line", line);
        g_free(line);
        raw_print(r, "AGREE_UNIX_FD\r\n");
        line = raw_line(r, l);
        note_text("line", line);
        g_free(line);
        g_assert_true(dbus_connection_get_is_authenticated(c));
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

static void private_ones_differ(void)
{
        struct peers *p = peers_listen();
        DBusConnection *one = dbus_connection_open_private(p->address, NULL);
        DBusConnection *two = dbus_connection_open_private(p->address, NULL);
        DBusConnection *shared = dbus_connection_open(p->address, NULL);

        g_assert_nonnull(one);
        g_assert_nonnull(two);
        g_assert_true(one != two);
        g_assert_true(one != shared);
        g_assert_true(two != shared);
        connection_end(one);
        connection_end(two);
        dbus_connection_unref(shared);
        peers_free(p);
}

static void shared_is_same(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *one = dbus_connection_open(helper_address(h), NULL);
        DBusConnection *two = dbus_connection_open(helper_address(h), NULL);

        g_assert_nonnull(one);
        g_assert_true(one == two);
        dbus_connection_unref(two);
        g_assert_true(dbus_connection_get_is_connected(one));
        dbus_connection_unref(one);
        /* The library has kept it, open. */
        two = dbus_connection_open(helper_address(h), NULL);
        g_assert_true(two == one);
        g_assert_true(dbus_connection_get_is_connected(two));
        dbus_connection_unref(two);
        helper_free(h);
}

/* The guid is the key, the rest of the address does not count. */
static void shared_by_guid(void)
{
        struct helper *h = helper_new(NULL);
        const char *guid = strstr(helper_address(h), "guid=");
        g_autofree char *other = g_strdup_printf("unix:path=/nonexistent/a,%s", guid);
        DBusConnection *one = dbus_connection_open(helper_address(h), NULL);
        DBusConnection *two = dbus_connection_open(other, NULL);
        DBusConnection *private = dbus_connection_open_private(other, NULL);

        g_assert_nonnull(guid);
        g_assert_true(one == two);
        g_assert_null(private);
        if (two)
                dbus_connection_unref(two);
        dbus_connection_unref(one);
        helper_free(h);
}

/* Without a guid there is nothing to know it by. */
static void no_guid_not_shared(void)
{
        struct helper *h = helper_new(NULL);
        g_autofree char *address = g_strdup(helper_address(h));
        DBusConnection *one, *two;

        *strstr(address, ",guid=") = '\0';
        one = dbus_connection_open(address, NULL);
        two = dbus_connection_open(address, NULL);
        g_assert_nonnull(one);
        g_assert_nonnull(two);
        note("same: %d", one == two);
        dbus_connection_unref(one);
        dbus_connection_unref(two);
        helper_free(h);
}

/* Once the authentication has told the guid, it can be shared by an address that has it. */
static void guid_learned(void)
{
        struct helper *h = helper_new(NULL);
        g_autofree char *address = g_strdup(helper_address(h));
        DBusConnection *one, *two;
        DBusMessage *m = call_new("/", "Echo"), *reply;

        *strstr(address, ",guid=") = '\0';
        one = dbus_connection_open(address, NULL);
        reply = dbus_connection_send_with_reply_and_block(one, m, -1, NULL);
        g_assert_nonnull(reply);
        two = dbus_connection_open(helper_address(h), NULL);
        note("same: %d", one == two);
        dbus_message_unref(m);
        dbus_message_unref(reply);
        dbus_connection_unref(one);
        dbus_connection_unref(two);
        helper_free(h);
}

static void not_shared_when_gone(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *one = dbus_connection_open(helper_address(h), NULL), *two;
        DBusMessage *m = call_new("/", "Close");
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_connection_send_with_reply_and_block(one, m, -1, &error));
        expect_error(&error, DBUS_ERROR_NO_REPLY);
        dbus_message_unref(m);
        g_assert_false(dbus_connection_get_is_connected(one));
        while (dbus_connection_dispatch(one) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        two = dbus_connection_open(helper_address(h), NULL);
        g_assert_nonnull(two);
        g_assert_true(two != one);
        g_assert_true(dbus_connection_get_is_connected(two));
        dbus_connection_unref(one);
        dbus_connection_unref(two);
        helper_free(h);
}

static void references(void)
{
        struct peers *p = peers_new(NULL);

        g_assert_true(dbus_connection_ref(p->client) == p->client);
        dbus_connection_unref(p->client);
        g_assert_true(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

static void cleared(void)
{
        struct peers *p = peers_new(NULL);
        DBusConnection *c = dbus_connection_ref(p->client);

        dbus_clear_connection(&c);
        g_assert_null(c);
        dbus_clear_connection(&c);
        g_assert_true(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

static void close_twice(void)
{
        struct peers *p = peers_new(NULL);

        dbus_connection_close(p->client);
        g_assert_false(dbus_connection_get_is_connected(p->client));
        dbus_connection_close(p->client);
        g_assert_false(dbus_connection_get_is_connected(p->client));
        peers_free(p);
}

static void other_end_sees_close(void)
{
        struct peers *p = peers_new(NULL);

        dbus_connection_close(p->client);
        loop_settle(p->loop);
        g_assert_false(dbus_connection_get_is_connected(p->service));
        peers_free(p);
}

static void close_shared(void *data)
{
        DBusConnection *c = dbus_connection_open(data, NULL);

        dbus_connection_close(c);
        printf("connected: %d\n", dbus_connection_get_is_connected(c));
}

static void unref_open(void *data)
{
        DBusConnection *c = dbus_connection_open_private(data, NULL);

        dbus_connection_unref(c);
        puts("after");
}

static void unref_shared_too_often(void *data)
{
        DBusConnection *c = dbus_connection_open(data, NULL);

        dbus_connection_unref(c);
        dbus_connection_unref(c);
        puts("after");
}

static const struct {
        const char *name;
        void (*run)(void *);
} misuses[] = {
        {"close-shared", close_shared},
        {"unref-open", unref_open},
        {"unref-shared-too-often", unref_shared_too_often},
};

/* What is said about it, and whether that is the end, for each value of the variable. */
static void misuse(gconstpointer data)
{
        static const char *const values[] = {"DBUS_FATAL_WARNINGS", "DBUS_FATAL_WARNINGS=0",
                                             "DBUS_FATAL_WARNINGS=1"};
        void (*const *run)(void *) = data;
        struct peers *p = peers_listen();
        g_autofree char *address = g_strdup_printf("%s", p->address);

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                const char *const environment[] = {values[i], NULL};
                struct captured *c = capture(*run, address, environment);

                note_captured(values[i], c);
                captured_free(c);
        }
        peers_free(p);
}

/* The guid in the address is what the server has to be, or that is the end. */
static void wrong_guid(void)
{
        struct helper *h = helper_new(NULL);
        g_autofree char *address = g_strdup(helper_address(h));
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/", "Echo");
        DBusConnection *c;

        memcpy(strstr(address, "guid=") + 5, "0123456789abcdef", 16);
        c = dbus_connection_open_private(address, &error);
        expect_no_error(&error);
        g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
        note_error("call", &error);
        g_assert_false(dbus_connection_get_is_connected(c));
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

static void guid_no_hex(void)
{
        struct helper *h = helper_new(NULL);
        g_autofree char *address = g_strdup(helper_address(h));
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/", "Echo"), *reply;
        DBusConnection *c;

        strcpy(strstr(address, "guid=") + 5, "tooshort");
        c = dbus_connection_open_private(address, &error);
        expect_no_error(&error);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        note_error("call", &error);
        if (reply)
                dbus_message_unref(reply);
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

/* The program speaks to the service on its standard output and input, which are one socket. */
static void unixexec(void)
{
        struct helper *h = helper_new(NULL);
        g_autofree char *path = g_strdup(strstr(helper_address(h), "path=") + 5);
        g_autofree char *script = NULL, *escaped_script = NULL, *address = NULL;
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = call_new("/", "Echo"), *reply;
        DBusConnection *c;
        int number = 17;

        path[strcspn(path, ",")] = '\0';
        script = g_strdup_printf("import socket,threading,os\n"
                                 "a=socket.socket(fileno=0)\n"
                                 "b=socket.socket(socket.AF_UNIX)\n"
                                 "b.connect('%s')\n"
                                 "def copy(x,y):\n"
                                 "  while (d:=x.recv(4096)): y.sendall(d)\n"
                                 "  os._exit(0)\n"
                                 "threading.Thread(target=copy,args=(b,a),daemon=True).start()\n"
                                 "copy(a,b)\n",
                                 path);
        escaped_script = dbus_address_escape_value(script);
        address =
                g_strdup_printf("unixexec:path=/usr/bin/python3,argv1=-c,argv2=%s", escaped_script);
        c = dbus_connection_open_private(address, &error);
        expect_no_error(&error);
        dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, &error);
        expect_no_error(&error);
        if (reply) {
                int got = 0;

                dbus_message_get_args(reply, NULL, DBUS_TYPE_INT32, &got, DBUS_TYPE_INVALID);
                g_assert_cmpint(got, ==, 17);
                dbus_message_unref(reply);
        }
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
}

/* That it could not be run is seen only when nothing comes back. */
static void unixexec_missing(void)
{
        static const char *const addresses[] = {
                "unixexec:path=/nonexistent/program",
                "unixexec:path=true",
                "unixexec:path=/bin/true,argv0=false,argv1=x",
        };

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                DBusError error = DBUS_ERROR_INIT;
                DBusConnection *c = dbus_connection_open_private(addresses[i], &error);
                DBusMessage *m = call_new("/", "Echo");

                note_error(addresses[i], &error);
                if (c)
                        g_assert_null(dbus_connection_send_with_reply_and_block(c, m, -1, &error));
                g_assert_true(!c || dbus_error_is_set(&error));
                if (c)
                        g_assert_false(dbus_connection_get_is_connected(c));
                dbus_error_free(&error);
                dbus_message_unref(m);
                connection_end(c);
        }
}

static void escaped_path(void)
{
        g_autofree char *directory = directory_new(), *path = NULL, *value = NULL, *address = NULL;
        struct helper *h;
        DBusConnection *c;
        DBusMessage *m = call_new("/", "Echo"), *reply;

        path = g_strdup_printf("%s/a b,c;d=e%%\xc3\xa4", directory);
        value = dbus_address_escape_value(path);
        address = g_strdup_printf("unix:path=%s", value);
        h = helper_new(address);
        c = helper_connect(h);
        reply = dbus_connection_send_with_reply_and_block(c, m, -1, NULL);
        g_assert_nonnull(reply);
        if (reply)
                dbus_message_unref(reply);
        g_assert_true(g_file_test(path, G_FILE_TEST_EXISTS));
        dbus_message_unref(m);
        connection_end(c);
        helper_free(h);
        directory_free(g_steal_pointer(&directory));
}

static void close_on_exec(void)
{
        struct peers *p = peers_new(NULL);
        DBusConnection *ends[] = {p->client, p->service};

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                int fd = -1;

                g_assert_true(dbus_connection_get_unix_fd(ends[i], &fd));
                g_assert_cmpint(fcntl(fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
                g_assert_cmpint(fcntl(fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
        }
        peers_free(p);
}

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(useless); i++) {
                g_autofree char *path = g_strdup_printf("/open/useless/%s", useless[i].name);

                g_test_add_data_func(path, useless[i].address, no_use);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(misuses); i++) {
                g_autofree char *path = g_strdup_printf("/open/misuse/%s", misuses[i].name);

                g_test_add_data_func(path, &misuses[i].run, misuse);
        }
        g_test_add_func("/open/path-too-long", path_too_long);
        g_test_add_func("/open/first-that-works", first_that_works);
        g_test_add_func("/open/parsed-as-a-whole", parsed_as_a_whole);
        g_test_add_func("/open/does-not-wait", does_not_wait);
        g_test_add_func("/open/first-words", first_words);
        g_test_add_func("/open/private-ones-differ", private_ones_differ);
        g_test_add_func("/open/shared/same", shared_is_same);
        g_test_add_func("/open/shared/by-guid", shared_by_guid);
        g_test_add_func("/open/shared/no-guid", no_guid_not_shared);
        g_test_add_func("/open/shared/guid-learned", guid_learned);
        g_test_add_func("/open/shared/not-when-gone", not_shared_when_gone);
        g_test_add_func("/open/references", references);
        g_test_add_func("/open/cleared", cleared);
        g_test_add_func("/open/close-twice", close_twice);
        g_test_add_func("/open/other-end-sees-close", other_end_sees_close);
        g_test_add_func("/open/guid/wrong", wrong_guid);
        g_test_add_func("/open/guid/no-hex", guid_no_hex);
        g_test_add_func("/open/unixexec/works", unixexec);
        g_test_add_func("/open/unixexec/missing", unixexec_missing);
        g_test_add_func("/open/escaped-path", escaped_path);
        g_test_add_func("/open/close-on-exec", close_on_exec);
        return g_test_run();
}
