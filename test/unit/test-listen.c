/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/listen.h"
#include "fail-alloc.h"

#define GUID "0123456789abcdef0123456789abcdef"

#define BAD_ADDRESS "org.freedesktop.DBus.Error.BadAddress"
#define NOT_FOUND   "org.freedesktop.DBus.Error.FileNotFound"
#define IN_USE      "org.freedesktop.DBus.Error.AddressInUse"
#define FAILED      "org.freedesktop.DBus.Error.Failed"

/* Each test has a directory of its own, which has to be empty in the end. It is the current one, so
 * that names are short enough for sockets. */
static char *directory;

static void enter(void)
{
        directory = g_dir_make_tmp("listen-XXXXXX", NULL);
        g_assert_cmpint(g_chdir(directory), ==, 0);
}

static void leave(void)
{
        g_assert_cmpint(g_chdir("/"), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        g_free(directory);
}

/* Gives a variable of the environment the value back that it had; NULL: none. */
static void restore_variable(const char *name, char *old)
{
        if (old)
                g_setenv(name, old, TRUE);
        else
                g_unsetenv(name);
        g_free(old);
}

/* Listens on the first of the addresses that works. @D@ is the directory. */
static int try_listen(const char *text, struct listener **l, char **error)
{
        char **parts = g_strsplit(text, "@D@", -1), *expanded = g_strjoinv(directory, parts);
        struct address *list;
        size_t n;
        int r;

        g_assert_cmpint(addresses_parse(expanded, &list, &n, error), ==, 0);
        r = listen_on_first(list, n, GUID, l, error);
        addresses_free(list, n);
        g_free(expanded);
        g_strfreev(parts);
        return r;
}

static struct listener *must_listen(const char *text)
{
        struct listener *l = NULL;
        char *error;
        int r = try_listen(text, &l, &error);

        g_assert_cmpstr(error, ==, NULL);
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpstr(l->guid, ==, GUID);
        g_assert_cmpuint(l->n_sockets, >=, 1);
        g_assert_true(g_str_has_suffix(l->connectable, ",guid=" GUID));
        for (size_t i = 0; i < l->n_sockets; i++) {
                g_assert_cmpint(fcntl(l->sockets[i].fd, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
                g_assert_cmpint(fcntl(l->sockets[i].fd, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
                g_assert_cmpint(listener_accept(l, i), ==, -EAGAIN);
        }
        return l;
}

/* `expected` may hold a '?' in the place of any text. */
static void must_fail(const char *text, const char *name, const char *expected)
{
        struct listener *l = NULL;
        char *error, **parts = g_strsplit(expected, "?", 2);
        int r = try_listen(text, &l, &error);

        g_assert_cmpint(r, !=, 0);
        g_assert_null(l);
        if (parts[1]) {
                g_assert_nonnull(error);
                g_assert_true(g_str_has_prefix(error, parts[0]));
                g_assert_true(g_str_has_suffix(error, parts[1]));
        } else {
                g_assert_cmpstr(error, ==, expected);
        }
        g_assert_cmpstr(listen_error_name(r), ==, name);
        g_strfreev(parts);
        free(error);
}

/* Connects to the first of the addresses that a listener tells. Returns a descriptor. */
static int connect_to(const char *connectable)
{
        union {
                struct sockaddr any;
                struct sockaddr_un un;
                struct sockaddr_in in;
                struct sockaddr_in6 in6;
        } address = {0};
        const char *path, *name, *port;
        struct address *list;
        socklen_t size;
        size_t n;
        int fd;

        g_assert_cmpint(addresses_parse(connectable, &list, &n, NULL), ==, 0);
        path = address_get(list, "path");
        name = address_get(list, "abstract");
        port = address_get(list, "port");
        if (path || name) {
                address.un.sun_family = AF_UNIX;
                strcpy(address.un.sun_path + !path, path ? path : name);
                size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                                   (path ? strlen(path) + 1 : 1 + strlen(name)));
        } else if (g_strcmp0(address_get(list, "family"), "ipv6") == 0) {
                address.in6 = (struct sockaddr_in6){.sin6_family = AF_INET6,
                                                    .sin6_port = htons((in_port_t)atoi(port)),
                                                    .sin6_addr = IN6ADDR_LOOPBACK_INIT};
                size = sizeof(address.in6);
        } else {
                address.in = (struct sockaddr_in){.sin_family = AF_INET,
                                                  .sin_port = htons((in_port_t)atoi(port)),
                                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
                size = sizeof(address.in);
        }
        fd = socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(fd, >=, 0);
        if (connect(fd, &address.any, size) < 0) {
                close(fd);
                fd = -errno;
        }
        addresses_free(list, n);
        return fd;
}

/* A client gets in, and bytes through. Returns our end. */
static int accept_one(const struct listener *l, size_t index)
{
        int client = connect_to(l->connectable), server;
        char c = 0;

        g_assert_cmpint(client, >=, 0);
        server = listener_accept(l, index);
        g_assert_cmpint(server, >=, 0);
        g_assert_cmpint(fcntl(server, F_GETFD) & FD_CLOEXEC, ==, FD_CLOEXEC);
        g_assert_cmpint(fcntl(server, F_GETFL) & O_NONBLOCK, ==, O_NONBLOCK);
        g_assert_cmpint(read(server, &c, 1), ==, -1);
        g_assert_cmpint(errno, ==, EAGAIN);
        g_assert_cmpint(write(server, "x", 1), ==, 1);
        g_assert_cmpint(read(client, &c, 1), ==, 1);
        g_assert_cmpint(listener_accept(l, index), ==, -EAGAIN);
        close(client);
        return server;
}

static void test_path(void)
{
        struct listener *l;
        struct stat st;
        char *expected, *path;
        mode_t old;

        enter();
        old = umask(077);
        path = g_strconcat(directory, "/a b,c", NULL);
        expected = g_strconcat("unix:path=", directory, "/a%20b%2cc,guid=" GUID, NULL);
        l = must_listen("unix:path=@D@/a%20b%2Cc,guid=ours,foo=bar");
        umask(old);
        g_assert_cmpstr(l->connectable, ==, expected);
        g_assert_cmpuint(l->n_sockets, ==, 1);
        g_assert_true(l->sockets[0].is_unix);
        g_assert_null(l->sockets[0].nonce);
        g_assert_cmpint(lstat(path, &st), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFSOCK | 0777);
        close(accept_one(l, 0));
        g_assert_null(listener_free(l));
        g_assert_cmpint(lstat(path, &st), ==, -1);
        g_assert_null(listener_free(NULL));
        g_free(expected);
        g_free(path);
        leave();
}

static void test_relative_path(void)
{
        struct listener *l;

        enter();
        l = must_listen("unix:path=bus");
        g_assert_cmpstr(l->connectable, ==, "unix:path=bus,guid=" GUID);
        close(accept_one(l, 0));
        listener_free(l);
        leave();
}

static int stale_socket(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        strcpy(address.sun_path, path);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
        return fd;
}

/* What is in the way: a socket is replaced, other files are not. */
static void test_existing(void)
{
        struct listener *l, *second;
        struct stat st;

        enter();
        close(stale_socket("s"));
        l = must_listen("unix:path=s");
        close(accept_one(l, 0));

        /* Even one that has a server. Who was replaced does not remove what is not his. */
        second = must_listen("unix:path=s");
        close(accept_one(second, 0));
        listener_free(l);
        close(accept_one(second, 0));
        listener_free(second);
        g_assert_cmpint(lstat("s", &st), ==, -1);

        /* The link to a socket goes, not the socket. */
        close(stale_socket("s"));
        g_assert_cmpint(symlink("s", "link"), ==, 0);
        l = must_listen("unix:path=link");
        listener_free(l);
        g_assert_cmpint(lstat("link", &st), ==, -1);
        g_assert_cmpint(g_unlink("s"), ==, 0);

        g_assert_true(g_file_set_contents("file", "", 0, NULL));
        must_fail("unix:path=file", IN_USE,
                  "Failed to bind socket \"file\": Address already in use");
        g_assert_cmpint(g_unlink("file"), ==, 0);
        g_mkdir("file", 0700);
        must_fail("unix:path=file", IN_USE,
                  "Failed to bind socket \"file\": Address already in use");
        g_assert_cmpint(g_rmdir("file"), ==, 0);
        g_assert_cmpint(symlink("nowhere", "link"), ==, 0);
        must_fail("unix:path=link", IN_USE,
                  "Failed to bind socket \"link\": Address already in use");
        g_assert_cmpint(g_unlink("link"), ==, 0);
        leave();
}

static void test_abstract(void)
{
        struct listener *l;
        char *text, *expected;

        enter();
        text = g_strdup_printf("unix:abstract=/test%%20listen/%d", getpid());
        expected = g_strconcat(text, ",guid=" GUID, NULL);
        l = must_listen(text);
        g_assert_cmpstr(l->connectable, ==, expected);
        g_assert_true(l->sockets[0].is_unix);
        close(accept_one(l, 0));
        g_free(expected);
        expected = g_strdup_printf(
                "Failed to bind socket \"/test listen/%d\": Address already in use", getpid());
        must_fail(text, IN_USE, expected);
        listener_free(l);
        listener_free(must_listen(text));
        g_free(expected);
        g_free(text);
        leave();
}

/* dir and tmpdir are the same. */
static void test_directories(void)
{
        static const char *const texts[] = {"unix:dir=@D@", "unix:tmpdir=@D@", "unix:dir=@D@/"};

        enter();
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct listener *l = must_listen(texts[i]), *second = must_listen(texts[i]);
                char *prefix = g_strconcat("unix:path=", directory, "/dbus-", NULL);
                const char *name = l->connectable + strlen(prefix);

                g_assert_true(g_str_has_prefix(l->connectable, prefix));
                g_assert_cmpstr(name + 10, ==, ",guid=" GUID);
                for (unsigned k = 0; k < 10; k++)
                        g_assert_true(g_ascii_isalnum(name[k]));
                g_assert_cmpstr(l->connectable, !=, second->connectable);
                close(accept_one(l, 0));
                close(accept_one(second, 0));
                listener_free(l);
                listener_free(second);
                g_free(prefix);
        }
        leave();
}

static void test_runtime(void)
{
        char *old = g_strdup(g_getenv("XDG_RUNTIME_DIR")), *expected;
        struct listener *l;

        enter();
        g_setenv("XDG_RUNTIME_DIR", directory, TRUE);
        expected = g_strconcat("unix:path=", directory, "/bus,guid=" GUID, NULL);
        l = must_listen("unix:runtime=yes");
        g_assert_cmpstr(l->connectable, ==, expected);
        close(accept_one(l, 0));
        listener_free(l);
        g_free(expected);

        g_setenv("XDG_RUNTIME_DIR", "/nonexistent", TRUE);
        must_fail("unix:runtime=yes", NOT_FOUND,
                  "Failed to bind socket \"/nonexistent/bus\": No such file or directory");
        g_unsetenv("XDG_RUNTIME_DIR");
        must_fail("unix:runtime=yes", "org.freedesktop.DBus.Error.NotSupported",
                  "\"XDG_RUNTIME_DIR\" is not set");
        l = must_listen("unix:runtime=yes;unix:tmpdir=@D@");
        listener_free(l);
        restore_variable("XDG_RUNTIME_DIR", old);
        leave();
}

static void test_lengths(void)
{
        char name[101];

        enter();
        for (size_t n = 97; n <= 100; n++) {
                char *path, *abstract;

                memset(name, 'x', n);
                name[n] = '\0';
                path = g_strconcat("unix:path=", name, NULL);
                g_snprintf(name, sizeof(name), "%d-", getpid());
                name[strlen(name)] = 'x';
                abstract = g_strconcat("unix:abstract=", name, NULL);
                if (n <= 99)
                        listener_free(must_listen(path));
                else
                        must_fail(path, BAD_ADDRESS, "Socket name too long\n");
                if (n <= 98)
                        listener_free(must_listen(abstract));
                else
                        must_fail(abstract, BAD_ADDRESS, "Abstract socket name too long\n");
                g_free(abstract);
                g_free(path);
        }
        leave();
}

/* Texts and names that the reference gives for these. */
static void test_errors(void)
{
#define MISSING                                                                                    \
        "Server address of type unix was missing argument path or tmpdir or abstract or runtime "  \
        "or dir"
#define TWO                                                                                        \
        "Could not parse server address: cannot specify two of \"path\", \"tmpdir\", "             \
        "\"abstract\", \"runtime\" and \"dir\" at the same time"
#define ONLY_YES                                                                                   \
        "Could not parse server address: if given, the only value allowed for \"runtime\" is "     \
        "\"yes\""
#define NO_A "Failed to bind socket \"/nonexistent/a\": No such file or directory"
        static const struct {
                const char *text, *name, *error;
        } cases[] = {
                {"unix:", BAD_ADDRESS, MISSING},
                {"unix:foo=bar", BAD_ADDRESS, MISSING},
                {"unix:path=x,abstract=y", BAD_ADDRESS, TWO},
                {"unix:tmpdir=x,dir=y", BAD_ADDRESS, TWO},
                {"unix:runtime=yes,path=x", BAD_ADDRESS, TWO},
                {"unix:runtime=no", BAD_ADDRESS, ONLY_YES},
                {"unix:path=/nonexistent/a", NOT_FOUND, NO_A},
                {"unix:path=%00x", FAILED, "Failed to bind socket \"\": Invalid argument"},
                {"unix:dir=/nonexistent", NOT_FOUND,
                 "Failed to bind socket \"/nonexistent/dbus-?\": No such file or directory"},
                {"unixexec:path=/nonexistent/program", BAD_ADDRESS,
                 "Unknown address type 'unixexec'"},
                {"autolaunch:", BAD_ADDRESS, "Unknown address type 'autolaunch'"},
                {"UNIX:path=x", BAD_ADDRESS, "Unknown address type 'UNIX'"},
                {":a=b", BAD_ADDRESS, "Unknown address type ''"},
                {"tcp:family=foo", BAD_ADDRESS, "Unknown address family foo"},
                {"tcp:family=IPv4", BAD_ADDRESS, "Unknown address family IPv4"},
                {"tcp:host=127.0.0.1,port=abc", FAILED,
                 "Failed to lookup host/port: \"127.0.0.1:abc\": "
                 "Servname not supported for ai_socktype (-8)"},
                {"tcp:host=127.0.0.1,family=ipv6", FAILED,
                 "Failed to lookup host/port: \"127.0.0.1:0\": "
                 "Address family for hostname not supported (-9)"},
                {"tcp:host=127.0.0.1,bind=203.0.113.1", FAILED,
                 "Failed to bind socket \"203.0.113.1\" port 0: Cannot assign requested address"},
                /* Of alternatives the first error counts, except of transports we do not have. */
                {"unix:path=/nonexistent/a;unix:path=/nonexistent/b", NOT_FOUND, NO_A},
                {"unix:path=/nonexistent/a;foo:", NOT_FOUND, NO_A},
                {"foo:;unix:path=/nonexistent/a", NOT_FOUND, NO_A},
                {"foo:;bar:", BAD_ADDRESS, "Unknown address type 'foo'"},
                {"tcp:family=foo;bar:", BAD_ADDRESS, "Unknown address family foo"},
                /* One that makes no sense ends the search. */
                {"unix:runtime=no;unix:path=@D@/never", BAD_ADDRESS, ONLY_YES},
                {"unix:path=/nonexistent/a;unix:runtime=no", BAD_ADDRESS, ONLY_YES},
                {"foo:;unix:;unix:path=@D@/never", BAD_ADDRESS, MISSING},
        };

        enter();
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                g_test_message("%s", cases[i].text);
                must_fail(cases[i].text, cases[i].name, cases[i].error);
        }
        leave();
}

static void test_alternatives(void)
{
        static const char *const texts[] = {"unix:path=a;unix:path=b", "foo:;unix:path=a",
                                            "unix:path=/nonexistent/x;unix:path=a",
                                            "tcp:family=foo;unix:path=a",
                                            "tcp:host=127.0.0.1,port=abc;unix:path=a"};

        enter();
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                struct listener *l = must_listen(texts[i]);

                g_assert_cmpstr(l->connectable, ==, "unix:path=a,guid=" GUID);
                listener_free(l);
        }
        leave();
}

static bool has_ipv6(void)
{
        struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
        int fd = socket(AF_INET6, SOCK_STREAM, 0);
        bool ok = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;

        if (fd >= 0)
                close(fd);
        return ok;
}

/* "@" stands for the port. */
static void test_tcp(void)
{
        static const struct {
                const char *text, *connectable;
                bool ipv6;
        } cases[] = {
                {"tcp:host=127.0.0.1", "tcp:host=127.0.0.1,port=@,family=ipv4", false},
                {"tcp:host=127.0.0.1,port=0", "tcp:host=127.0.0.1,port=@,family=ipv4", false},
                {"tcp:host=127.0.0.1,port=00", "tcp:host=127.0.0.1,port=@,family=ipv4", false},
                {"tcp:bind=127.0.0.1", "tcp:host=localhost,port=@,family=ipv4", false},
                {"tcp:host=a%20b,bind=127.0.0.1", "tcp:host=a%20b,port=@,family=ipv4", false},
                {"tcp:bind=*,family=ipv4", "tcp:host=localhost,port=@,family=ipv4", false},
                {"tcp:host=*,family=ipv4", "tcp:host=*,port=@,family=ipv4", false},
                {"tcp:host=%3a%3a1", "tcp:host=%3a%3a1,port=@,family=ipv6", true},
                {"tcp:bind=%3a%3a1,family=ipv6", "tcp:host=localhost,port=@,family=ipv6", true},
        };

        enter();
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                union {
                        struct sockaddr any;
                        struct sockaddr_in in;
                        struct sockaddr_in6 in6;
                } address;
                socklen_t n = sizeof(address), on_size = sizeof(int);
                struct listener *l;
                char *port, **parts, *expected, *again;
                int on, server, client;

                if (cases[i].ipv6 && !has_ipv6())
                        continue;
                l = must_listen(cases[i].text);
                g_assert_false(l->sockets[0].is_unix);
                g_assert_null(l->sockets[0].nonce);
                g_assert_cmpint(getsockname(l->sockets[0].fd, &address.any, &n), ==, 0);
                port = g_strdup_printf("%u", ntohs(address.any.sa_family == AF_INET6
                                                           ? address.in6.sin6_port
                                                           : address.in.sin_port));
                parts = g_strsplit(cases[i].connectable, "@", 2);
                expected = g_strconcat(parts[0], port, parts[1], ",guid=" GUID, NULL);
                g_assert_cmpstr(l->connectable, ==, expected);
                server = accept_one(l, 0);
                g_assert_cmpint(getsockopt(server, IPPROTO_TCP, TCP_NODELAY, &on, &on_size), ==, 0);
                g_assert_cmpint(on, ==, 1);
                close(server);
                /* Who closes first has a connection that lingers. */
                client = connect_to(l->connectable);
                server = listener_accept(l, 0);
                g_assert_cmpint(server, >=, 0);
                close(server);
                close(client);
                listener_free(l);

                /* At once again on the port, which the address now tells: connections that linger
                 * do not matter. */
                again = g_strconcat(cases[i].text, ",port=", port, NULL);
                if (!strstr(cases[i].text, "port=")) {
                        l = must_listen(again);
                        g_assert_cmpstr(l->connectable, ==, expected);
                        listener_free(l);
                }
                g_free(again);
                g_free(expected);
                g_strfreev(parts);
                g_free(port);
        }
        leave();
}

static unsigned port_of(const struct listener *l)
{
        return (unsigned)atoi(strstr(l->connectable, "port=") + 5);
}

static void test_tcp_in_use(void)
{
        struct listener *l, *wide = NULL;
        char *text, *expected, *error;
        int r;

        enter();
        l = must_listen("tcp:host=127.0.0.1");
        text = g_strdup_printf("tcp:host=127.0.0.1,port=%u", port_of(l));
        expected = g_strdup_printf(
                "Failed to bind socket \"127.0.0.1\" port %u: Address already in use", port_of(l));
        must_fail(text, IN_USE, expected);
        g_free(expected);
        g_free(text);

        /* With several addresses, one that works is enough; else all errors are told. */
        text = g_strdup_printf("tcp:bind=*,port=%u", port_of(l));
        r = try_listen(text, &wide, &error);
        if (r) {
                g_assert_cmpint(r, ==, -EADDRINUSE);
                g_free(text);
                text = g_strdup_printf("Failed to bind to \"*\":%u (Failed to bind socket \"",
                                       port_of(l));
                if (strstr(error, "; "))
                        g_assert_true(g_str_has_prefix(error, text));
                free(error);
        }
        listener_free(wide);
        g_free(text);
        listener_free(l);
        leave();
}

/* Several sockets have the same port. */
static void check_ports(const char *text)
{
        struct listener *l;

        l = must_listen(text);
        for (size_t i = 0; i < l->n_sockets; i++) {
                union {
                        struct sockaddr any;
                        struct sockaddr_in in;
                        struct sockaddr_in6 in6;
                } address;
                socklen_t n = sizeof(address);

                g_assert_cmpint(getsockname(l->sockets[i].fd, &address.any, &n), ==, 0);
                g_assert_cmpuint(ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port
                                                                         : address.in.sin_port),
                                 ==, port_of(l));
        }
        listener_free(l);
}

static void test_tcp_all(void)
{
        enter();
        check_ports("tcp:host=localhost");
        check_ports("tcp:bind=*");
        leave();
}

static void test_nonce_tcp(void)
{
        char *old = g_strdup(g_getenv("TMPDIR")), *nonce;
        struct listener *l, *second;
        struct address *list;
        struct stat st;
        const char *file;
        size_t n, n_addresses;

        enter();
        g_setenv("TMPDIR", directory, TRUE);
        l = must_listen("nonce-tcp:host=127.0.0.1,noncefile=/ignored");
        second = must_listen("nonce-tcp:host=127.0.0.1");
        g_assert_true(g_str_has_prefix(l->connectable, "nonce-tcp:host=127.0.0.1,port="));
        g_assert_cmpint(addresses_parse(l->connectable, &list, &n_addresses, NULL), ==, 0);
        file = address_get(list, "noncefile");
        g_assert_true(g_str_has_prefix(file, directory));
        g_assert_true(g_str_has_prefix(file + strlen(directory), "/dbus_nonce-"));
        g_assert_true(g_str_has_suffix(file, "/nonce"));
        g_assert_cmpint(stat(file, &st), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFREG | 0600);
        g_assert_cmpint(stat(l->nonce_directory, &st), ==, 0);
        g_assert_cmpint(st.st_mode, ==, S_IFDIR | 0700);
        g_assert_true(g_file_get_contents(file, &nonce, &n, NULL));
        g_assert_cmpmem(nonce, n, l->sockets[0].nonce, LISTEN_NONCE_SIZE);
        g_assert_cmpint(memcmp(nonce, second->sockets[0].nonce, LISTEN_NONCE_SIZE), !=, 0);
        g_free(nonce);
        close(accept_one(l, 0));
        listener_free(l);
        listener_free(second);
        addresses_free(list, n_addresses);

        g_setenv("TMPDIR", "/nonexistent", TRUE);
        must_fail("nonce-tcp:host=127.0.0.1", FAILED,
                  "Failed to create directory /nonexistent/dbus_nonce-?: No such file or "
                  "directory\n");
        restore_variable("TMPDIR", old);
        leave();
}

#if HAVE_SYSTEMD
/* Runs a test in a process of its own, which is given some sockets as its descriptors from 3 on. */
static void with_sockets(const int *fds, size_t n, void (*test)(void))
{
        pid_t pid = fork();
        int status;

        if (!pid) {
                char *text;

                for (size_t i = 0; i < n; i++)
                        g_assert_cmpint(dup2(fds[i], 100 + (int)i), ==, 100 + (int)i);
                for (size_t i = 0; i < n; i++)
                        g_assert_cmpint(dup2(100 + (int)i, 3 + (int)i), ==, 3 + (int)i);
                text = g_strdup_printf("%d", getpid());
                g_setenv("LISTEN_PID", text, TRUE);
                g_free(text);
                text = g_strdup_printf("%zu", n);
                g_setenv("LISTEN_FDS", text, TRUE);
                g_free(text);
                test();
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_cmpint(status, ==, 0);
}

static int tcp_socket(void)
{
        struct sockaddr_in address = {.sin_family = AF_INET,
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);

        g_assert_cmpint(bind(fd, (struct sockaddr *)&address, sizeof(address)), ==, 0);
        g_assert_cmpint(listen(fd, 5), ==, 0);
        return fd;
}

static int abstract_socket(void)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        int n = g_snprintf(address.sun_path + 1, 50, "a b%d", getpid());

        g_assert_cmpint(bind(fd, (struct sockaddr *)&address,
                             (socklen_t)offsetof(struct sockaddr_un, sun_path) + 1 + (socklen_t)n),
                        ==, 0);
        g_assert_cmpint(listen(fd, 5), ==, 0);
        return fd;
}

static void check_systemd(void)
{
        struct listener *l = must_listen("systemd:");
        struct sockaddr_in address;
        socklen_t n = sizeof(address);
        char *expected;

        g_assert_cmpuint(l->n_sockets, ==, 3);
        g_assert_cmpint(l->sockets[0].fd, ==, 3);
        g_assert_true(l->sockets[0].is_unix);
        g_assert_false(l->sockets[1].is_unix);
        g_assert_true(l->sockets[2].is_unix);
        g_assert_cmpint(getsockname(4, (struct sockaddr *)&address, &n), ==, 0);
        expected = g_strdup_printf("unix:path=s;tcp:family=ipv4,port=%u,host=127.0.0.1;"
                                   "unix:abstract=a%%20b%d,guid=" GUID,
                                   ntohs(address.sin_port), getppid());
        g_assert_cmpstr(l->connectable, ==, expected);
        g_free(expected);
        close(accept_one(l, 0));
        listener_free(l);
        /* What was passed is neither removed nor there a second time. */
        g_assert_true(g_file_test("s", G_FILE_TEST_EXISTS));
        g_assert_cmpint(fcntl(3, F_GETFD), ==, -1);
        must_fail("systemd:", BAD_ADDRESS, "No socket received.");
}

static void check_wrong_type(void)
{
        must_fail("systemd:", BAD_ADDRESS, "Passed socket has wrong type.");
        g_assert_cmpint(fcntl(3, F_GETFD), ==, -1);
        g_assert_cmpint(fcntl(4, F_GETFD), ==, -1);
}

static void check_fallback(void)
{
        listener_free(must_listen("systemd:;unix:path=fallback"));
        g_setenv("LISTEN_PID", "x", TRUE);
        must_fail("systemd:", FAILED, "Failed to acquire systemd socket: Invalid argument");
}

static void test_systemd(void)
{
        int good[3], bad[2];

        enter();
        good[0] = stale_socket("s");
        g_assert_cmpint(listen(good[0], 5), ==, 0);
        good[1] = tcp_socket();
        good[2] = abstract_socket();
        with_sockets(good, 3, check_systemd);
        bad[0] = good[0];
        bad[1] = socket(AF_UNIX, SOCK_DGRAM, 0);
        with_sockets(bad, 2, check_wrong_type);
        with_sockets(bad + 1, 1, check_fallback);
        with_sockets(NULL, 0, check_fallback);
        close(bad[1]);
        /* One that does not listen yet will not do. */
        bad[0] = bad[1] = socket(AF_UNIX, SOCK_STREAM, 0);
        with_sockets(bad, 2, check_wrong_type);
        close(bad[0]);
        for (unsigned i = 0; i < 3; i++)
                close(good[i]);
        g_unlink("s");
        leave();
}
#else
static void test_systemd(void)
{
        must_fail("systemd:", BAD_ADDRESS, "Unknown address type 'systemd'");
}
#endif

/* Nothing is left behind whichever allocation fails. */
static void test_no_memory(void)
{
        static const char *const texts[] = {
                "unix:path=bus",
                "unix:dir=@D@",
                "unix:path=/nonexistent/x",
                "tcp:host=127.0.0.1",
                "nonce-tcp:host=127.0.0.1",
                "foo:;unix:path=bus",
        };
        char *old = g_strdup(g_getenv("TMPDIR"));
        struct address *list;
        size_t n;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                g_free(old);
                return;
        }
        enter();
        g_setenv("TMPDIR", directory, TRUE);
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                char **parts = g_strsplit(texts[i], "@D@", -1);
                char *expanded = g_strjoinv(directory, parts);

                g_assert_cmpint(addresses_parse(expanded, &list, &n, NULL), ==, 0);
                for (unsigned k = 0;; k++) {
                        const int free_fd = dup(STDERR_FILENO);
                        struct listener *l = NULL;
                        bool failed;
                        char *error;
                        int r;

                        close(free_fd);
                        fail_alloc_after(k);
                        r = listen_on_first(list, n, GUID, &l, &error);
                        failed = fail_alloc_end();
                        listener_free(l);
                        free(error);
                        g_assert_cmpint(dup(STDERR_FILENO), ==, free_fd);
                        close(free_fd);
                        g_assert_false(g_file_test("bus", G_FILE_TEST_EXISTS));
                        if (failed)
                                continue;
                        g_assert_cmpint(r, ==, i == 2 ? -ENOENT : 0);
                        break;
                }
                addresses_free(list, n);
                g_free(expanded);
                g_strfreev(parts);
        }
        restore_variable("TMPDIR", old);
        leave();
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/listen/path", test_path);
        g_test_add_func("/listen/relative-path", test_relative_path);
        g_test_add_func("/listen/existing", test_existing);
        g_test_add_func("/listen/abstract", test_abstract);
        g_test_add_func("/listen/directories", test_directories);
        g_test_add_func("/listen/runtime", test_runtime);
        g_test_add_func("/listen/lengths", test_lengths);
        g_test_add_func("/listen/errors", test_errors);
        g_test_add_func("/listen/alternatives", test_alternatives);
        g_test_add_func("/listen/tcp", test_tcp);
        g_test_add_func("/listen/tcp-in-use", test_tcp_in_use);
        g_test_add_func("/listen/tcp-all", test_tcp_all);
        g_test_add_func("/listen/nonce-tcp", test_nonce_tcp);
        g_test_add_func("/listen/systemd", test_systemd);
        g_test_add_func("/listen/no-memory", test_no_memory);
        return g_test_run();
}
