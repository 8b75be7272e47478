/* SPDX-License-Identifier: MIT */
/* What a connection says of itself and of the other end, its limits, and who may connect. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness.h"
#include "peers.h"
#include "raw.h"

static void note_state(const char *what, DBusConnection *c)
{
        unsigned long uid = 4711, pid = 4711;
        dbus_bool_t has_uid = dbus_connection_get_unix_user(c, &uid);
        dbus_bool_t has_pid = dbus_connection_get_unix_process_id(c, &pid);
        char *id = dbus_connection_get_server_id(c);

        note("%s: connected %d, authenticated %d, anonymous %d", what,
             dbus_connection_get_is_connected(c), dbus_connection_get_is_authenticated(c),
             dbus_connection_get_is_anonymous(c));
        note("%s: user %d %s, process %d %s", what, has_uid,
             uid == getuid() ? "mine" : (uid == 4711 ? "untouched" : "other"), has_pid,
             pid == (unsigned long)getpid() ? "mine" : (pid == 4711 ? "untouched" : "other"));
        note_text(what, id);
        dbus_free(id);
}

static void authenticated(void)
{
        struct peers *p = peers_new(NULL);

        g_assert_true(dbus_connection_get_is_connected(p->client));
        g_assert_true(dbus_connection_get_is_authenticated(p->client));
        g_assert_false(dbus_connection_get_is_anonymous(p->service));
        note_state("client", p->client);
        note_state("service", p->service);
        peers_free(p);
}

static void before(void)
{
        struct raw *r = raw_listen();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);

        g_assert_false(dbus_connection_get_is_authenticated(c));
        g_assert_true(dbus_connection_get_is_anonymous(c));
        note_state("client", c);
        connection_end(c);
        raw_free(r);
}

static void before_with_guid(void)
{
        struct raw *r = raw_listen();
        g_autofree char *address =
                g_strdup_printf("%s,guid=00112233445566778899aabbccddeeff", r->address);
        DBusConnection *c = dbus_connection_open_private(address, NULL);

        note_state("client", c);
        connection_end(c);
        raw_free(r);
}

static void after(void)
{
        struct peers *p = peers_new(NULL);

        dbus_connection_close(p->client);
        loop_settle(p->loop);
        g_assert_true(dbus_connection_get_is_authenticated(p->client));
        g_assert_true(dbus_connection_get_is_authenticated(p->service));
        g_assert_false(dbus_connection_get_is_connected(p->service));
        note_state("client", p->client);
        note_state("service", p->service);
        peers_free(p);
}

static void when_accepted(DBusServer *server, DBusConnection *connection, void *data)
{
        (void)server;
        note_state("service", connection);
        *(bool *)data = true;
}

static void new_connection(void)
{
        struct peers *p = peers_listen();
        bool accepted = false;
        DBusConnection *c;

        dbus_server_set_new_connection_function(p->server, when_accepted, &accepted, NULL);
        c = dbus_connection_open_private(p->address, NULL);
        loop_until_true(p->loop, &accepted);
        connection_end(c);
        peers_free(p);
}

static void server_id(void)
{
        struct peers *p = peers_new(NULL);
        char *of_server = dbus_server_get_id(p->server);
        char *of_client = dbus_connection_get_server_id(p->client);
        char *of_service = dbus_connection_get_server_id(p->service);

        g_assert_cmpstr(of_client, ==, of_server);
        g_assert_null(of_service);
        g_assert_cmpuint(strlen(of_server), ==, 32);
        dbus_free(of_server);
        dbus_free(of_client);
        peers_free(p);
}

static const int all_types[] = {
        DBUS_TYPE_INVALID,
        DBUS_TYPE_BYTE,
        DBUS_TYPE_BOOLEAN,
        DBUS_TYPE_INT16,
        DBUS_TYPE_UINT16,
        DBUS_TYPE_INT32,
        DBUS_TYPE_UINT32,
        DBUS_TYPE_INT64,
        DBUS_TYPE_UINT64,
        DBUS_TYPE_DOUBLE,
        DBUS_TYPE_STRING,
        DBUS_TYPE_OBJECT_PATH,
        DBUS_TYPE_SIGNATURE,
        DBUS_TYPE_UNIX_FD,
        DBUS_TYPE_ARRAY,
        DBUS_TYPE_VARIANT,
        DBUS_TYPE_STRUCT,
        DBUS_TYPE_DICT_ENTRY,
        DBUS_STRUCT_BEGIN_CHAR,
        DBUS_DICT_ENTRY_END_CHAR,
        'm',
        '*',
        '?',
        '@',
        '&',
        '^',
        'z',
        1,
        255,
        -1,
        1000,
};

static void note_types(const char *what, DBusConnection *c)
{
        for (size_t i = 0; i < G_N_ELEMENTS(all_types); i++)
                note("%s: %d: %d", what, all_types[i],
                     dbus_connection_can_send_type(c, all_types[i]));
}

static void types_with_fds(void)
{
        struct peers *p = peers_new(NULL);

        g_assert_true(dbus_connection_can_send_type(p->client, DBUS_TYPE_UNIX_FD));
        g_assert_true(dbus_connection_can_send_type(p->service, DBUS_TYPE_UNIX_FD));
        note_types("client", p->client);
        peers_free(p);
}

static void types_without_fds(void)
{
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);

        loop_add(l, c, NULL);
        raw_accept(r, l);
        raw_welcome(r, l, false);
        g_assert_true(dbus_connection_get_is_authenticated(c));
        g_assert_false(dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD));
        note_types("client", c);
        loop_free(l);
        connection_end(c);
        raw_free(r);
}

static void types_before(void)
{
        struct raw *r = raw_listen();
        DBusConnection *c = dbus_connection_open_private(r->address, NULL);

        g_assert_false(dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD));
        connection_end(c);
        raw_free(r);
}

static void no_audit_data(void)
{
        struct peers *p = peers_new(NULL);
        DBusConnection *ends[] = {p->client, p->service};

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                int x;
                void *data = &x;
                dbus_int32_t n = 4711;

                g_assert_false(dbus_connection_get_adt_audit_session_data(ends[i], &data, &n));
                note("data %s, size %d", data ? (data == &x ? "untouched" : "other") : "NULL", n);
        }
        peers_free(p);
}

static void no_windows_user(void)
{
        struct peers *p = peers_new(NULL);
        DBusConnection *ends[] = {p->client, p->service};

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                char text[] = "text", *sid = text;

                g_assert_false(dbus_connection_get_windows_user(ends[i], &sid));
                note("sid %s", sid ? (sid == text ? "untouched" : "other") : "NULL");
        }
        peers_free(p);
}

static void descriptor(void)
{
        struct peers *p = peers_new(NULL);
        DBusConnection *ends[] = {p->client, p->service};

        for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
                int fd = -1, same = -1;
                struct stat s;

                g_assert_true(dbus_connection_get_unix_fd(ends[i], &fd));
                g_assert_true(dbus_connection_get_socket(ends[i], &same));
                g_assert_cmpint(fd, ==, same);
                g_assert_cmpint(fstat(fd, &s), ==, 0);
                g_assert_true(S_ISSOCK(s.st_mode));
        }
        peers_free(p);
}

static void descriptor_after(void)
{
        struct peers *p = peers_new(NULL);
        int fd = -7, same = -7;
        dbus_bool_t has;

        dbus_connection_close(p->client);
        has = dbus_connection_get_unix_fd(p->client, &fd);
        note("fd %d %d", has, fd == -7 || fd == -1 ? fd : 0);
        has = dbus_connection_get_socket(p->client, &same);
        note("socket %d %d", has, same == -7 || same == -1 ? same : 0);
        peers_free(p);
}

static const struct limit {
        const char *name;
        long (*get)(DBusConnection *);
        void (*set)(DBusConnection *, long);
} limits[] = {
        {"message-size", dbus_connection_get_max_message_size,
         dbus_connection_set_max_message_size},
        {"received-size", dbus_connection_get_max_received_size,
         dbus_connection_set_max_received_size},
        {"message-fds", dbus_connection_get_max_message_unix_fds,
         dbus_connection_set_max_message_unix_fds},
        {"received-fds", dbus_connection_get_max_received_unix_fds,
         dbus_connection_set_max_received_unix_fds},
};

/* The one of the other connections is not changed. */
static void limit(gconstpointer data)
{
        static const long values[] = {0, 1, 1000, 1 << 20, 1 << 27, (1 << 27) + 1, 1l << 40, -1};
        const struct limit *limit = data;
        struct peers *p = peers_new(NULL);
        long normal = limit->get(p->service);

        note("default %ld", limit->get(p->client));
        g_assert_cmpint(limit->get(p->client), ==, normal);
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                limit->set(p->client, values[i]);
                note("%ld: %ld", values[i], limit->get(p->client));
                if (values[i] > 0 && values[i] < 1 << 27)
                        g_assert_cmpint(limit->get(p->client), ==, values[i]);
                g_assert_cmpint(limit->get(p->service), ==, normal);
        }
        peers_free(p);
}

static void print_sigpipe(void *data)
{
        struct sigaction now;
        DBusConnection *c = dbus_connection_open_private(data, NULL);

        sigaction(SIGPIPE, NULL, &now);
        printf("SIGPIPE: %s\n", now.sa_handler == SIG_IGN   ? "ignored"
                                : now.sa_handler == SIG_DFL ? "default"
                                                            : "handled");
        connection_end(c);
}

static void leave_sigpipe(void *data)
{
        signal(SIGPIPE, SIG_DFL);
        dbus_connection_set_change_sigpipe(FALSE);
        print_sigpipe(data);
}

static void change_sigpipe(void *data)
{
        signal(SIGPIPE, SIG_DFL);
        dbus_connection_set_change_sigpipe(TRUE);
        print_sigpipe(data);
}

static void normal_sigpipe(void *data)
{
        signal(SIGPIPE, SIG_DFL);
        print_sigpipe(data);
}

static void sigpipe(void)
{
        struct peers *p = peers_listen();
        void (*const runs[])(void *) = {normal_sigpipe, change_sigpipe, leave_sigpipe};
        const char *const wanted[] = {"default", "ignored", "default"};

        for (size_t i = 0; i < G_N_ELEMENTS(runs); i++) {
                struct captured *c = capture(runs[i], p->address, NULL);

                g_assert_nonnull(strstr(c->out, wanted[i]));
                note_captured("sigpipe", c);
                captured_free(c);
        }
        peers_free(p);
}

/* Writing to who has gone must not kill, even if the signal was left alone. */
static void write_to_nobody(void *data)
{
        struct raw *r = raw_listen();
        struct loop *l = loop_new();
        DBusConnection *c;

        (void)data;
        signal(SIGPIPE, SIG_DFL);
        dbus_connection_set_change_sigpipe(FALSE);
        c = dbus_connection_open_private(r->address, NULL);
        loop_add(l, c, NULL);
        raw_accept(r, l);
        raw_welcome(r, l, true);
        raw_close(r);
        send_away(c, signal_new("/a", "S"));
        dbus_connection_flush(c);
        puts("alive");
}

static void no_sigpipe(void)
{
        struct captured *c = capture(write_to_nobody, NULL, NULL);

        g_assert_nonnull(strstr(c->out, "alive"));
        note_captured("child", c);
        captured_free(c);
}

/* What waits is counted, as long as it waits. */
static void outgoing(void)
{
        enum { N = 8, SIZE = 1 << 20 };
        struct peers *p = peers_new(NULL);
        g_autofree char *payload = g_strnfill(SIZE, 'x');

        g_assert_cmpint(dbus_connection_get_outgoing_size(p->client), ==, 0);
        g_assert_cmpint(dbus_connection_get_outgoing_unix_fds(p->client), ==, 0);
        g_assert_false(dbus_connection_has_messages_to_send(p->client));
        for (int i = 0; i < N; i++) {
                DBusMessage *m = signal_new("/a", "S");

                dbus_message_append_args(m, DBUS_TYPE_STRING, &payload, DBUS_TYPE_INVALID);
                send_away(p->client, m);
        }
        /* The socket takes some, but not that much. */
        g_assert_true(dbus_connection_has_messages_to_send(p->client));
        g_assert_cmpint(dbus_connection_get_outgoing_size(p->client), >, (N - 4) * SIZE);
        g_assert_cmpint(dbus_connection_get_outgoing_size(p->client), <, (N + 1) * SIZE);
        loop_settle(p->loop);
        g_assert_false(dbus_connection_has_messages_to_send(p->client));
        g_assert_cmpint(dbus_connection_get_outgoing_size(p->client), ==, 0);
        peers_free(p);
}

static void outgoing_fds(void)
{
        struct peers *p = peers_new(NULL);
        g_autofree char *payload = g_strnfill(1 << 22, 'x');
        DBusMessage *big = signal_new("/a", "S"), *m = signal_new("/a", "S");
        int in = STDIN_FILENO;

        dbus_message_append_args(big, DBUS_TYPE_STRING, &payload, DBUS_TYPE_INVALID);
        dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &in, DBUS_TYPE_UNIX_FD, &in,
                                 DBUS_TYPE_INVALID);
        send_away(p->client, big);
        send_away(p->client, m);
        g_assert_cmpint(dbus_connection_get_outgoing_unix_fds(p->client), ==, 2);
        loop_settle(p->loop);
        g_assert_cmpint(dbus_connection_get_outgoing_unix_fds(p->client), ==, 0);
        peers_free(p);
}

static void outgoing_after_close(void)
{
        struct peers *p = peers_new(NULL);
        g_autofree char *payload = g_strnfill(1 << 22, 'x');
        DBusMessage *m = signal_new("/a", "S");

        dbus_message_append_args(m, DBUS_TYPE_STRING, &payload, DBUS_TYPE_INVALID);
        send_away(p->client, m);
        g_assert_true(dbus_connection_has_messages_to_send(p->client));
        dbus_connection_close(p->client);
        note("messages to send: %d", dbus_connection_has_messages_to_send(p->client));
        note("size: %ld", dbus_connection_get_outgoing_size(p->client));
        loop_settle(p->loop);
        note("messages to send: %d", dbus_connection_has_messages_to_send(p->client));
        note("size: %ld", dbus_connection_get_outgoing_size(p->client));
        peers_free(p);
}

/* Who may connect. */
struct gate {
        struct peers *peers;
        dbus_bool_t allow;
        int asked, freed;
        bool wrong_uid;
};

static dbus_bool_t ask_gate(DBusConnection *connection, unsigned long uid, void *data)
{
        struct gate *g = data;

        (void)connection;
        g->asked++;
        g->wrong_uid |= uid != getuid();
        return g->allow;
}

static dbus_bool_t ask_windows_gate(DBusConnection *connection, const char *sid, void *data)
{
        struct gate *g = data;

        (void)connection;
        (void)sid;
        g->asked++;
        return FALSE;
}

static void free_gate(void *data)
{
        struct gate *g = data;

        g->freed++;
}

static void guarded(DBusServer *server, DBusConnection *connection, void *data)
{
        struct gate *g = data;

        (void)server;
        dbus_connection_set_unix_user_function(connection, ask_gate, g, free_gate);
        g->peers->service = dbus_connection_ref(connection);
        loop_add(g->peers->loop, connection, NULL);
}

static void guarded_windows(DBusServer *server, DBusConnection *connection, void *data)
{
        struct gate *g = data;

        (void)server;
        dbus_connection_set_windows_user_function(connection, ask_windows_gate, g, free_gate);
        g->peers->service = dbus_connection_ref(connection);
        loop_add(g->peers->loop, connection, NULL);
}

static void user_allowed(void)
{
        struct gate g = {peers_listen(), TRUE, 0, 0, false};

        dbus_server_set_new_connection_function(g.peers->server, guarded, &g, NULL);
        peers_connect(g.peers, NULL);
        g_assert_cmpint(g.asked, ==, 1);
        g_assert_false(g.wrong_uid);
        g_assert_cmpint(g.freed, ==, 0);
        peers_free(g.peers);
        g_assert_cmpint(g.freed, ==, 1);
}

static bool service_gone(void *data)
{
        const struct peers *p = data;

        return p->service && !dbus_connection_get_is_connected(p->service) &&
               !dbus_connection_get_is_connected(p->client);
}

static void user_refused(void)
{
        struct gate g = {peers_listen(), FALSE, 0, 0, false};
        struct peers *p = g.peers;

        dbus_server_set_new_connection_function(p->server, guarded, &g, NULL);
        p->client = dbus_connection_open_private(p->address, NULL);
        loop_add(p->loop, p->client, NULL);
        loop_until(p->loop, service_gone, p);
        g_assert_cmpint(g.asked, ==, 1);
        g_assert_false(dbus_connection_get_is_authenticated(p->service));
        note_state("client", p->client);
        note_state("service", p->service);
        peers_free(p);
        g_assert_cmpint(g.freed, ==, 1);
}

static void user_function_replaced(void)
{
        struct peers *p = peers_new(NULL);
        struct gate one = {p, TRUE, 0, 0, false}, two = one;

        dbus_connection_set_unix_user_function(p->service, ask_gate, &one, free_gate);
        dbus_connection_set_unix_user_function(p->service, ask_gate, &two, free_gate);
        g_assert_cmpint(one.freed, ==, 1);
        g_assert_cmpint(two.freed, ==, 0);
        dbus_connection_set_unix_user_function(p->service, NULL, NULL, NULL);
        g_assert_cmpint(two.freed, ==, 1);
        g_assert_cmpint(one.freed, ==, 1);
        peers_free(p);
}

static void windows_user_function(void)
{
        struct gate g = {peers_listen(), FALSE, 0, 0, false};

        dbus_server_set_new_connection_function(g.peers->server, guarded_windows, &g, NULL);
        peers_connect(g.peers, NULL);
        g_assert_cmpint(g.asked, ==, 0);
        dbus_connection_set_windows_user_function(g.peers->service, NULL, NULL, NULL);
        g_assert_cmpint(g.freed, ==, 1);
        dbus_connection_set_windows_user_function(g.peers->service, ask_windows_gate, &g,
                                                  free_gate);
        peers_free(g.peers);
        g_assert_cmpint(g.freed, ==, 2);
        g_assert_cmpint(g.asked, ==, 0);
}

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        g_test_add_func("/state/authenticated", authenticated);
        g_test_add_func("/state/before", before);
        g_test_add_func("/state/before-with-guid", before_with_guid);
        g_test_add_func("/state/after", after);
        g_test_add_func("/state/new-connection", new_connection);
        g_test_add_func("/state/server-id", server_id);
        g_test_add_func("/state/types/with-fds", types_with_fds);
        g_test_add_func("/state/types/without-fds", types_without_fds);
        g_test_add_func("/state/types/before", types_before);
        g_test_add_func("/state/no-audit-data", no_audit_data);
        g_test_add_func("/state/no-windows-user", no_windows_user);
        g_test_add_func("/state/descriptor", descriptor);
        g_test_add_func("/state/descriptor-after", descriptor_after);
        for (size_t i = 0; i < G_N_ELEMENTS(limits); i++) {
                g_autofree char *path = g_strdup_printf("/state/limit/%s", limits[i].name);

                g_test_add_data_func(path, &limits[i], limit);
        }
        g_test_add_func("/state/sigpipe/handler", sigpipe);
        g_test_add_func("/state/sigpipe/not-raised", no_sigpipe);
        g_test_add_func("/state/outgoing/size", outgoing);
        g_test_add_func("/state/outgoing/fds", outgoing_fds);
        g_test_add_func("/state/outgoing/after-close", outgoing_after_close);
        g_test_add_func("/state/user/allowed", user_allowed);
        g_test_add_func("/state/user/refused", user_refused);
        g_test_add_func("/state/user/replaced", user_function_replaced);
        g_test_add_func("/state/user/windows", windows_user_function);
        return g_test_run();
}
