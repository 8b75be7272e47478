/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/connect.h"
#include "core/listen.h"
#include "core/tcp-address.h"
#include "fail-alloc.h"

#define GUID "0123456789abcdef0123456789abcdef"

#define BAD_ADDRESS   "org.freedesktop.DBus.Error.BadAddress"
#define NOT_FOUND     "org.freedesktop.DBus.Error.FileNotFound"
#define NO_SERVER     "org.freedesktop.DBus.Error.NoServer"
#define NOT_SUPPORTED "org.freedesktop.DBus.Error.NotSupported"
#define LIMITS        "org.freedesktop.DBus.Error.LimitsExceeded"
#define FAILED        "org.freedesktop.DBus.Error.Failed"

/* How long something may take that happens at once, in milliseconds. */
#define PATIENCE 10000

/* Each test has a directory of its own, which has to be empty in the end. It is the current one, so
 * that names are short enough for sockets. */
static char *directory;

static void enter(void)
{
        directory = g_dir_make_tmp("connect-XXXXXX", NULL);
        g_assert_cmpint(g_chdir(directory), ==, 0);
}

static void leave(void)
{
        g_assert_cmpint(g_chdir("/"), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        g_free(directory);
}

static int try_connect(const char *text, struct connected *c, char **error)
{
        struct address *list;
        size_t n;
        int r;

        g_assert_cmpint(addresses_parse(text, &list, &n, error), ==, 0);
        g_assert_cmpuint(n, ==, 1);
        r = connect_to(&list[0], c, error);
        addresses_free(list, n);
        return r;
}

/* Connects to an address; what all connections have in common is so. */
static struct connected must_connect(const char *text, bool is_unix)
{
        struct connected c;
        char *error;
        int r = try_connect(text, &c, &error);

        g_assert_cmpstr(error, ==, NULL);
        g_assert_cmpint(r, ==, 0);
        g_assert_cmpint(c.is_unix, ==, is_unix);
        g_assert_true(fcntl(c.fd, F_GETFD) & FD_CLOEXEC);
        g_assert_true(fcntl(c.fd, F_GETFL) & O_NONBLOCK);
        return c;
}

static void must_fail(const char *text, const char *name, const char *message)
{
        struct connected c;
        char *error;
        int r = try_connect(text, &c, &error);

        g_test_message("%s", text);
        g_assert_cmpint(r, !=, 0);
        g_assert_cmpint(c.fd, ==, -1);
        g_assert_cmpstr(error, ==, message);
        g_assert_cmpstr(connect_error_name(r), ==, name);
        free(error);
}

static struct listener *must_listen(const char *text)
{
        struct address *list;
        struct listener *l;
        size_t n;

        g_assert_cmpint(addresses_parse(text, &list, &n, NULL), ==, 0);
        g_assert_cmpint(listen_on_first(list, n, GUID, &l, NULL), ==, 0);
        addresses_free(list, n);
        return l;
}

/* Reads all until the other end is closed, of at most 255 bytes. */
static void read_all(int fd, char *text)
{
        size_t n = 0;

        for (;;) {
                struct pollfd p = {fd, POLLIN, 0};
                ssize_t got;

                g_assert_cmpint(poll(&p, 1, PATIENCE), ==, 1);
                got = read(fd, text + n, 255 - n);
                g_assert_cmpint(got, >=, 0);
                n += (size_t)got;
                if (!got)
                        break;
        }
        text[n] = '\0';
}

/* What a client writes arrives at one of the listener's sockets. */
static void check_arrives(const struct listener *l, struct connected *c)
{
        int fd = -EAGAIN;
        char text[256];

        g_assert_cmpint(c->child, ==, -1);
        g_assert_cmpint(write(c->fd, "hello", 5), ==, 5);
        close(c->fd);
        for (size_t i = 0; i < l->n_sockets && fd < 0; i++)
                fd = listener_accept(l, i);
        g_assert_cmpint(fd, >=, 0);
        read_all(fd, text);
        g_assert_cmpstr(text, ==, "hello");
        close(fd);
}

static void test_unix(void)
{
        static const char *const addresses[] = {"unix:path=socket", "unix:abstract=connect-test",
                                                "unix:tmpdir=."};

        enter();
        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                char *own = g_strdup_printf("%s%s", addresses[i],
                                            i == 1 ? strrchr(directory, '-') : "");
                struct listener *l = must_listen(own);
                struct connected c = must_connect(l->connectable, true);

                check_arrives(l, &c);
                listener_free(l);
                g_free(own);
        }
        leave();
}

static void test_unix_errors(void)
{
        struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "deaf"};
        int fd;

        enter();
        must_fail("unix:path=none", NOT_FOUND,
                  "Failed to connect to socket none: No such file or directory");
        must_fail("unix:path=%00", FAILED, "Failed to connect to socket : Invalid argument");
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        g_assert_cmpint(bind(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
        must_fail("unix:path=deaf", NO_SERVER,
                  "Failed to connect to socket deaf: Connection refused");
        close(fd);
        g_unlink("deaf");
        must_fail("unix:abstract=%00", NO_SERVER,
                  "Failed to connect to socket : Connection refused");
        must_fail("unix:", BAD_ADDRESS,
                  "Server address of type unix was missing argument path or abstract");
        must_fail("unix:dir=/tmp", BAD_ADDRESS,
                  "Server address of type unix was missing argument path or abstract");
        must_fail("unix:runtime=yes", BAD_ADDRESS,
                  "Server address of type unix was missing argument path or abstract");
        must_fail("unix:path=a,abstract=b", BAD_ADDRESS,
                  "Could not parse server address: can't specify both \"path\" and \"abstract\" "
                  "options in an address");
        must_fail("unix:path=a,tmpdir=b", BAD_ADDRESS,
                  "Could not parse server address: cannot use the \"tmpdir\" option for an address "
                  "to connect to, only in an address to listen on");
        leave();
}

/* Paths of 99 bytes, and abstract names of 98, are the longest. */
static void test_unix_lengths(void)
{
        char *name = g_strnfill(100, 'x'), *address, *error;

        address = g_strconcat("unix:path=", name, NULL);
        must_fail(address, BAD_ADDRESS, "Socket name too long\n");
        g_free(address);
        name[99] = '\0';
        address = g_strconcat("unix:path=", name, NULL);
        error = g_strdup_printf("Failed to connect to socket %s: No such file or directory", name);
        must_fail(address, NOT_FOUND, error);
        g_free(address);
        g_free(error);
        address = g_strconcat("unix:abstract=", name, NULL);
        must_fail(address, BAD_ADDRESS, "Abstract socket name too long\n");
        g_free(address);
        name[98] = '\0';
        address = g_strconcat("unix:abstract=", name, NULL);
        error = g_strdup_printf("Failed to connect to socket %s: Connection refused", name);
        must_fail(address, NO_SERVER, error);
        g_free(address);
        g_free(error);
        g_free(name);
}

static void test_unknown(void)
{
        static const char *const addresses[] = {
                "foo:",        "foo:a=b",      ":",          "systemd:", "launchd:env=X",
                "autolaunch:", "unix2:path=a", "Unix:path=a"};

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++)
                must_fail(addresses[i], BAD_ADDRESS,
                          "Could not parse server address: Unknown address type (examples of valid "
                          "types are \"tcp\" and on UNIX \"unix\")");
}

static void test_tcp(void)
{
        static const char *const addresses[] = {"tcp:host=127.0.0.1",
                                                "tcp:host=localhost,family=ipv4", "tcp:bind=*"};
        int on = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                struct listener *l = must_listen(addresses[i]);
                struct connected c = must_connect(l->connectable, false);
                socklen_t n = sizeof(on);

                g_assert_cmpint(getsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, &n), ==, 0);
                g_assert_cmpint(on, !=, 0);
                check_arrives(l, &c);
                listener_free(l);
        }
}

/* A port of this machine that nobody listens on; somebody else might, but rarely. */
static unsigned free_port(void)
{
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t n = sizeof(in);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(bind(fd, (struct sockaddr *)&in, n), ==, 0);
        g_assert_cmpint(getsockname(fd, (struct sockaddr *)&in, &n), ==, 0);
        close(fd);
        return ntohs(in.sin_port);
}

static void test_tcp_errors(void)
{
        unsigned port = free_port();
        char *address = g_strdup_printf("tcp:host=127.0.0.1,port=%u", port);
        char *error = g_strdup_printf(
                "Failed to connect to socket \"127.0.0.1\" port %u: Connection refused", port);

        must_fail(address, NO_SERVER, error);
        must_fail("tcp:", BAD_ADDRESS, "Server address of type tcp was missing argument port");
        must_fail("tcp:host=localhost", BAD_ADDRESS,
                  "Server address of type tcp was missing argument port");
        must_fail("tcp:host=localhost,port=1,family=ipv5", BAD_ADDRESS,
                  "Unknown address family ipv5");
        must_fail("tcp:host=127.0.0.1,port=1,family=ipv6", FAILED,
                  "Failed to lookup host/port: \"127.0.0.1:1\": Address family for hostname not "
                  "supported (-9)");
        must_fail("tcp:host=127.0.0.1,port=x", FAILED,
                  "Failed to lookup host/port: \"127.0.0.1:x\": Servname not supported for "
                  "ai_socktype (-8)");
        must_fail("nonce-tcp:host=127.0.0.1,port=1", BAD_ADDRESS,
                  "Server address of type nonce-tcp was missing argument noncefile");
        must_fail("nonce-tcp:", BAD_ADDRESS,
                  "Server address of type nonce-tcp was missing argument noncefile");
        must_fail("nonce-tcp:noncefile=x", BAD_ADDRESS,
                  "Server address of type nonce-tcp was missing argument port");
        g_free(address);
        g_free(error);
}

static void test_nonce(void)
{
        static const struct {
                const char *content; /* NULL: no file */
                const char *sent;    /* NULL: none */
        } cases[] = {
                {"0123456789abcdef", "0123456789abcdef"},
                {"0123456789abcdef0", "0123456789abcdef"},
                {"0123", "0123"},
                {"", NULL},
                {NULL, NULL},
        };
        struct listener *l;
        char *address;
        unsigned port;

        enter();
        l = must_listen("tcp:host=127.0.0.1");
        port = (unsigned)atoi(strstr(l->connectable, "port=") + 5);
        address = g_strdup_printf("nonce-tcp:host=127.0.0.1,port=%u,noncefile=nonce", port);
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char text[256];
                int fd;

                if (cases[i].content)
                        g_assert_true(g_file_set_contents("nonce", cases[i].content, -1, NULL));
                if (cases[i].sent)
                        close(must_connect(address, false).fd);
                else if (cases[i].content)
                        must_fail(address, NOT_FOUND, "Could not read nonce from file nonce");
                else
                        must_fail(address, NOT_FOUND,
                                  "Failed to open nonce for read: No such file or directory");
                fd = listener_accept(l, 0);
                g_assert_cmpint(fd, >=, 0);
                read_all(fd, text);
                g_assert_cmpstr(text, ==, cases[i].sent ? cases[i].sent : "");
                close(fd);
                g_unlink("nonce");
        }
        g_free(address);
        listener_free(l);
        leave();
}

/* Programs */

static void wait_for(pid_t child, int status)
{
        int got;

        g_assert_cmpint(waitpid(child, &got, 0), ==, child);
        g_assert_cmpint(got, ==, status);
}

/* Lets /bin/sh run a script, with this behind its arguments in the address. Returns what it says.
 */
static char *run_script(const char *script, const char *more)
{
        char *escaped, *address, text[256];
        struct connected c;

        g_assert_cmpint(address_escape(script, &escaped), ==, 0);
        address = g_strdup_printf("unixexec:path=sh,argv1=-c,argv2=%s%s", escaped, more);
        c = must_connect(address, true);
        g_assert_cmpint(c.child, >, 0);
        read_all(c.fd, text);
        close(c.fd);
        wait_for(c.child, 0);
        free(escaped);
        g_free(address);
        return g_strdup(text);
}

static void test_exec_arguments(void)
{
        static const struct {
                const char *more, *said;
        } cases[] = {
                {"", "sh:"},
                {",argv3=a,argv4=b", "a:b "},
                {",argv4=b,argv3=a", "a:b "},
                {",argv3=a,argv5=c", "a:"},
                {",argv3=a,argv3=b", "a:"},
                {",argv3=a,argv04=b", "a:"},
                {",argv3=%20,argv4=%22,argv5=x%3by", " :\" x;y "},
                {",argv0=zero", "zero:"},
                {",argv0=zero,argv3=a", "a:"},
                {",argv=q,argvx=r,foo=s,argv3=a,guid=" GUID, "a:"},
                {",argv12=j,argv11=i,argv10=h,argv9=g,argv8=f,argv7=e,argv6=d,argv5=c,argv4=b,"
                 "argv3=a",
                 "a:b c d e f g h i j "},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                char *said = run_script("printf %s: \"$0\"; [ $# -eq 0 ] || printf '%s ' \"$@\"",
                                        cases[i].more);

                g_test_message("%s", cases[i].more);
                g_assert_cmpstr(said, ==, cases[i].said);
                g_free(said);
        }
}

/* The program talks to us both ways. */
static void test_exec_echo(void)
{
        struct connected c = must_connect("unixexec:path=/bin/cat", true);
        char text[256];

        g_assert_cmpint(write(c.fd, "hello", 5), ==, 5);
        g_assert_cmpint(shutdown(c.fd, SHUT_WR), ==, 0);
        read_all(c.fd, text);
        g_assert_cmpstr(text, ==, "hello");
        close(c.fd);
        wait_for(c.child, 0);
}

/* The program gets no descriptors of ours, no blocked signals, and dies of SIGPIPE as usual. */
static void test_exec_clean(void)
{
        int extra = fcntl(STDERR_FILENO, F_DUPFD, 100); /* not close-on-exec */
        struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
        sigset_t all, mask, after;
        char *said;

        g_assert_cmpint(extra, >=, 100);
        sigfillset(&all);
        g_assert_cmpint(pthread_sigmask(SIG_SETMASK, &all, &mask), ==, 0);
        g_assert_cmpint(sigaction(SIGPIPE, &ignore, &before), ==, 0);
        /* It names descriptors above the standard ones, other than that of the list of them. */
        said = run_script("for f in /proc/self/fd/*; do case ${f##*/} in [0-2]) ;; "
                          "*) [ ! -e /proc/$$/fd/${f##*/} ] || echo $f;; esac; done; "
                          "exec grep -E '^Sig(Blk|Ign):' /proc/self/status",
                          "");
        g_assert_cmpint(sigaction(SIGPIPE, &before, NULL), ==, 0);
        g_assert_cmpint(pthread_sigmask(SIG_SETMASK, &mask, &after), ==, 0);
        g_assert_cmpint(sigismember(&after, SIGTERM), ==, 1);
        g_assert_true(g_str_has_prefix(said, "SigBlk:\t0000000000000000\nSigIgn:\t"));
        g_assert_cmpuint(strtoull(strrchr(said, '\t'), NULL, 16) & 1ull << (SIGPIPE - 1), ==, 0);
        g_free(said);
        close(extra);
}

/* A program that cannot be started is one that ends at once. */
static void test_exec_none(void)
{
        int saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3), ends[2];
        char text[256];

        g_assert_cmpint(pipe2(ends, O_CLOEXEC), ==, 0);
        g_assert_cmpint(dup2(ends[1], STDERR_FILENO), ==, STDERR_FILENO);
        close(ends[1]);
        {
                struct connected c = must_connect("unixexec:path=/nonexistent", true);

                dup2(saved, STDERR_FILENO);
                close(saved);
                read_all(c.fd, text);
                g_assert_cmpstr(text, ==, "");
                close(c.fd);
                wait_for(c.child, 1 << 8);
        }
        read_all(ends[0], text);
        g_assert_cmpstr(text, ==,
                        "Failed to execute process /nonexistent: No such file or directory\n");
        close(ends[0]);
}

/* Standard streams that are closed are no harm, though the socket takes their place. */
static void test_exec_closed_streams(void)
{
        int saved[2] = {fcntl(0, F_DUPFD_CLOEXEC, 3), fcntl(1, F_DUPFD_CLOEXEC, 3)};
        struct connected c;
        char text[256];

        close(0);
        close(1);
        c = must_connect("unixexec:path=/bin/cat", true);
        g_assert_cmpint(write(c.fd, "x", 1), ==, 1);
        g_assert_cmpint(shutdown(c.fd, SHUT_WR), ==, 0);
        read_all(c.fd, text);
        close(c.fd);
        dup2(saved[0], 0);
        dup2(saved[1], 1);
        close(saved[0]);
        close(saved[1]);
        g_assert_cmpstr(text, ==, "x");
        wait_for(c.child, 0);
}

static void test_exec_errors(void)
{
        must_fail("unixexec:", BAD_ADDRESS,
                  "Could not parse server address: No process path specified");
        must_fail("unixexec:argv1=x", BAD_ADDRESS,
                  "Could not parse server address: No process path specified");
}

static void test_names(void)
{
        g_assert_cmpstr(connect_error_name(-EMFILE), ==, LIMITS);
        g_assert_cmpstr(connect_error_name(-EAFNOSUPPORT), ==, NOT_SUPPORTED);
        g_assert_cmpstr(connect_error_name(-ENETUNREACH), ==,
                        "org.freedesktop.DBus.Error.NoNetwork");
        g_assert_cmpstr(connect_error_name(-ETIMEDOUT), ==, "org.freedesktop.DBus.Error.Timeout");
        g_assert_cmpstr(connect_error_name(-EEXIST), ==, "org.freedesktop.DBus.Error.FileExists");
        g_assert_cmpstr(connect_error_name(-EACCES), ==, "org.freedesktop.DBus.Error.AccessDenied");
        g_assert_cmpstr(connect_error_name(-EADDRINUSE), ==,
                        "org.freedesktop.DBus.Error.AddressInUse");
        g_assert_cmpstr(connect_error_name(-ENOBUFS), ==, "org.freedesktop.DBus.Error.NoMemory");
        g_assert_cmpstr(connect_error_name(-EIO), ==, FAILED);
}

/* When all addresses of a host fail, one text says so of each. */
static void test_several_errors(void)
{
        struct tcp_errors e = {0};
        char *text;

        g_assert_cmpint(tcp_errors_add(&e, -ECONNREFUSED, strdup("first")), ==, 0);
        g_assert_cmpint(tcp_errors_report(&e, "connect to", "host", "5", &text), ==, -ECONNREFUSED);
        g_assert_cmpstr(text, ==, "first");
        free(text);
        g_assert_cmpint(tcp_errors_add(&e, -EACCES, strdup("second")), ==, 0);
        g_assert_cmpint(tcp_errors_report(&e, "connect to", "host", "5", &text), ==, -ECONNREFUSED);
        g_assert_cmpstr(text, ==, "Failed to connect to \"host\":5 (first; second)");
        free(text);
        tcp_errors_deinit(&e);
}

/* A server whose queue is full: signals come while its client waits. */
struct late {
        struct listener *listener;
        pthread_t waiting;
};

static volatile sig_atomic_t n_signals;

static void on_signal(int s)
{
        (void)s;
        n_signals = n_signals + 1;
}

static gpointer accept_late(gpointer data)
{
        struct late *late = data;

        /* Interrupts, and then lets the clients in. */
        for (unsigned i = 0; i < 20; i++) {
                pthread_kill(late->waiting, SIGUSR1);
                g_usleep(1000);
        }
        for (;;) {
                int fd = listener_accept(late->listener, 0);

                if (fd < 0)
                        return NULL;
                close(fd);
        }
}

static void test_interrupted(void)
{
        struct sigaction action = {.sa_handler = on_signal}, before; /* no SA_RESTART */
        struct late late = {.waiting = pthread_self()};
        struct connected first, second;
        GThread *thread;

        enter();
        g_assert_cmpint(sigaction(SIGUSR1, &action, &before), ==, 0);
        late.listener = must_listen("unix:path=socket");
        /* This queue is full with one. */
        g_assert_cmpint(listen(late.listener->sockets[0].fd, 0), ==, 0);
        first = must_connect("unix:path=socket", true);
        thread = g_thread_new("late", accept_late, &late);
        second = must_connect("unix:path=socket", true);
        g_thread_join(thread);
        g_assert_cmpint(n_signals, >, 0);
        close(first.fd);
        close(second.fd);
        listener_free(late.listener);
        g_assert_cmpint(sigaction(SIGUSR1, &before, NULL), ==, 0);
        leave();
}

/* Every allocation fails once: no descriptor or process is left behind. */
static void test_no_memory(void)
{
        char *addresses[4];
        struct listener *l, *tcp;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                return;
        }
        enter();
        l = must_listen("unix:path=socket");
        tcp = must_listen("nonce-tcp:host=127.0.0.1");
        addresses[0] = g_strdup(l->connectable);
        addresses[1] = g_strdup(tcp->connectable);
        addresses[2] = g_strdup("unixexec:path=/bin/true,argv1=x");
        addresses[3] = g_strdup("unix:path=none");
        for (size_t i = 0; i < G_N_ELEMENTS(addresses); i++) {
                struct address *list;
                size_t n;

                g_assert_cmpint(addresses_parse(addresses[i], &list, &n, NULL), ==, 0);
                for (unsigned k = 0;; k++) {
                        int free_fd = dup(STDERR_FILENO), r, fd;
                        struct connected c;
                        bool failed;
                        char *error;

                        close(free_fd);
                        fail_alloc_after(k);
                        r = connect_to(&list[0], &c, &error);
                        failed = fail_alloc_end();
                        if (!r)
                                close(c.fd);
                        if (!r && c.child > 0)
                                g_assert_cmpint(waitpid(c.child, NULL, 0), ==, c.child);
                        free(error);
                        /* Resolvers keep descriptors; but not one for each call. */
                        fd = dup(STDERR_FILENO);
                        if (i != 1)
                                g_assert_cmpint(fd, ==, free_fd);
                        close(fd);
                        if (failed)
                                continue;
                        g_assert_cmpint(r, ==, i == 3 ? -ENOENT : 0);
                        break;
                }
                addresses_free(list, n);
                g_free(addresses[i]);
        }
        g_assert_cmpint(waitpid(-1, NULL, WNOHANG), ==, -1);
        listener_free(l);
        listener_free(tcp);
        leave();
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/connect/unix", test_unix);
        g_test_add_func("/connect/unix-errors", test_unix_errors);
        g_test_add_func("/connect/unix-lengths", test_unix_lengths);
        g_test_add_func("/connect/unknown", test_unknown);
        g_test_add_func("/connect/tcp", test_tcp);
        g_test_add_func("/connect/tcp-errors", test_tcp_errors);
        g_test_add_func("/connect/nonce", test_nonce);
        g_test_add_func("/connect/exec-arguments", test_exec_arguments);
        g_test_add_func("/connect/exec-echo", test_exec_echo);
        g_test_add_func("/connect/exec-clean", test_exec_clean);
        g_test_add_func("/connect/exec-none", test_exec_none);
        g_test_add_func("/connect/exec-closed-streams", test_exec_closed_streams);
        g_test_add_func("/connect/exec-errors", test_exec_errors);
        g_test_add_func("/connect/names", test_names);
        g_test_add_func("/connect/several-errors", test_several_errors);
        g_test_add_func("/connect/interrupted", test_interrupted);
        g_test_add_func("/connect/no-memory", test_no_memory);
        return g_test_run();
}
