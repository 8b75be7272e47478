/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes a program's server: what a few hostile clients say, in which order, and when they go. The
 * program answers calls, refuses clients, closes connections and stops listening meanwhile. Nothing
 * crashes or leaks, what the server says is valid, and nobody is heard who was not let in.
 *
 * The first byte of the input is about the server; then there are steps: a byte that says who does
 * what, and what that takes.
 */

#include <dbus/dbus.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "application.h"
#include "fuzz.h"
#include "hostile.h"

#define N_CLIENTS       3u
#define MAX_CONNECTIONS 8u
#define MAX_STEPS       400u

static struct {
        DBusServer *server;
        struct main_loop loop;
        struct sockaddr_un address;
        socklen_t address_size;
        struct hostile clients[N_CLIENTS];
        DBusConnection *connections[MAX_CONNECTIONS]; /* that the program keeps */
        struct input_bytes in;
        unsigned n_data; /* that is to be freed */
        bool is_anyone_welcome;
} t;

static void free_data(void *data)
{
        (void)data;
        require(t.n_data);
        t.n_data -= 1;
}

/* Gives up a connection that has come to its end. */
static void forget(DBusConnection *c)
{
        for (unsigned i = 0; i < MAX_CONNECTIONS; ++i) {
                if (t.connections[i] != c)
                        continue;
                t.connections[i] = NULL;
                dbus_connection_unref(c);
        }
}

static void answer(DBusConnection *c, DBusMessage *call, uint8_t choice)
{
        DBusMessage *reply = choice & 4 ? dbus_message_new_error(call, "test.Error", "text")
                                        : dbus_message_new_method_return(call);

        require(reply != NULL);
        require(dbus_connection_send(c, reply, NULL));
        dbus_message_unref(reply);
}

static DBusHandlerResult filter(DBusConnection *c, DBusMessage *m, void *data)
{
        uint8_t choice = take_byte(&t.in);

        require(data == &t);
        read_message(m);
        if (dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected")) {
                require(!dbus_connection_get_is_connected(c));
                forget(c);
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        }
        /* What the library itself has to say has no serial. */
        if (dbus_message_get_serial(m)) {
                require(dbus_connection_get_is_authenticated(c));
                require(t.is_anyone_welcome || !dbus_connection_get_is_anonymous(c));
        }
        if (choice & 0x40 && dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_CALL)
                answer(c, m, choice);
        if (choice > 0xf0)
                dbus_connection_close(c);
        return choice & 1 ? DBUS_HANDLER_RESULT_HANDLED : DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static dbus_bool_t let_in(DBusConnection *c, unsigned long uid, void *data)
{
        require(data == &t && uid == getuid());
        require(!dbus_connection_get_is_authenticated(c));
        return take_byte(&t.in) % 4 != 3;
}

/* A client has connected. The program keeps the connection, or forgets it. */
static void connected(DBusServer *server, DBusConnection *c, void *data)
{
        uint8_t choice = take_byte(&t.in);
        unsigned i = 0;

        require(server == t.server && data == &t);
        while (i < MAX_CONNECTIONS && t.connections[i])
                i += 1;
        if (i == MAX_CONNECTIONS || choice == 0xff)
                return;
        t.connections[i] = dbus_connection_ref(c);
        t.n_data += 1;
        require(dbus_connection_add_filter(c, filter, &t, free_data));
        require(dbus_connection_set_watch_functions(c, main_loop_add_watch, main_loop_remove_watch,
                                                    NULL, &t.loop, NULL));
        require(dbus_connection_set_timeout_functions(
                c, main_loop_add_timeout, main_loop_remove_timeout, NULL, &t.loop, NULL));
        if (t.is_anyone_welcome)
                dbus_connection_set_allow_anonymous(c, TRUE);
        if (choice & 1) {
                t.n_data += 1;
                dbus_connection_set_unix_user_function(c, let_in, &t, free_data);
        }
        if (choice & 2)
                dbus_connection_set_max_message_size(c, 200);
        if (choice & 4)
                dbus_connection_set_max_received_size(c, 300);
        if (choice & 8)
                dbus_connection_set_route_peer_messages(c, TRUE);
}

/* The program's part */

static void dispatch(DBusConnection *c)
{
        dbus_connection_ref(c);
        dbus_connection_dispatch(c);
        dbus_connection_unref(c);
}

static void read_write_dispatch(DBusConnection *c)
{
        dbus_connection_ref(c);
        dbus_connection_read_write_dispatch(c, 0);
        dbus_connection_unref(c);
}

static void send_signal(DBusConnection *c)
{
        DBusMessage *m = dbus_message_new_signal("/test", "test.I", "S");
        int fd = STDERR_FILENO;

        require(m != NULL);
        if (dbus_connection_can_send_type(c, DBUS_TYPE_UNIX_FD))
                require(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
        require(dbus_connection_send(c, m, NULL));
        dbus_message_unref(m);
}

static void call(DBusConnection *c)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/test", "test.I", "M");
        DBusPendingCall *pending = NULL;

        require(m != NULL);
        /* The main loop has only room for so many timeouts. */
        dbus_connection_send_with_reply(c, m, &pending, take_byte(&t.in));
        if (pending)
                dbus_pending_call_unref(pending);
        dbus_message_unref(m);
}

static void ask(DBusConnection *c)
{
        unsigned long number;
        char *text;
        void *bytes;
        int n;

        if (dbus_connection_get_unix_user(c, &number))
                require(dbus_connection_get_is_authenticated(c) && number == getuid());
        dbus_connection_get_unix_process_id(c, &number);
        dbus_connection_get_adt_audit_session_data(c, &bytes, &n);
        if (dbus_connection_get_windows_user(c, &text))
                dbus_free(text);
        text = dbus_connection_get_server_id(c);
        dbus_free(text);
}

static void use_connection(void)
{
        static void (*const actions[])(DBusConnection * c) = {
                dispatch, read_write_dispatch, send_signal, call, ask, dbus_connection_close,
        };
        uint8_t choice = take_byte(&t.in);
        DBusConnection *c = t.connections[choice % MAX_CONNECTIONS];

        if (c)
                actions[choice / 8 % (sizeof(actions) / sizeof(*actions))](c);
}

static void dispatch_all(void)
{
        for (unsigned i = 0; i < MAX_CONNECTIONS; ++i) {
                while (t.connections[i] && dbus_connection_get_dispatch_status(t.connections[i]) ==
                                                   DBUS_DISPATCH_DATA_REMAINS)
                        dispatch(t.connections[i]);
        }
}

static void change_server(void)
{
        static const char *mechanisms[] = {"EXTERNAL", NULL};

        switch (take_byte(&t.in)) {
        case 1:
                dbus_server_disconnect(t.server);
                break;
        case 2:
                require(dbus_server_set_auth_mechanisms(t.server, mechanisms));
                break;
        case 3:
                require(dbus_server_set_auth_mechanisms(t.server, NULL));
                break;
        }
}

/* What is ready is handled, and what that brought. */
static void settle(void)
{
        /* What the input makes the program say may go on for ever. */
        for (unsigned i = 0; i < 20 && main_loop_turn(&t.loop); ++i)
                dispatch_all();
        for (unsigned i = 0; i < N_CLIENTS; ++i)
                hostile_hear(&t.clients[i]);
}

static void connect_client(struct hostile *client)
{
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

        require(fd >= 0);
        hostile_hang_up(client);
        if (connect(fd, (const struct sockaddr *)&t.address, t.address_size) < 0) {
                close(fd);
                return;
        }
        hostile_init(client, fd, false);
}

static void step(void)
{
        uint8_t choice = take_byte(&t.in);
        struct hostile *client = &t.clients[choice % N_CLIENTS];

        if (choice < 160) {
                if (client->fd < 0)
                        connect_client(client);
                hostile_act(client, &t.in);
                /* Some steps are taken before the server hears of them. */
                if (choice < 96)
                        settle();
        } else if (choice < 224) {
                use_connection();
        } else if (choice < 240) {
                main_loop_pass_time(&t.loop);
        } else if (choice < 244) {
                change_server();
        } else {
                settle();
        }
}

static void start_server(void)
{
        DBusError error = DBUS_ERROR_INIT;
        char address[64];
        int n = snprintf(t.address.sun_path + 1, sizeof(t.address.sun_path) - 1, "fuzz-server-%ld",
                         (long)getpid());

        t.address.sun_family = AF_UNIX;
        t.address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
        snprintf(address, sizeof(address), "unix:abstract=%s", t.address.sun_path + 1);
        t.server = dbus_server_listen(address, &error);
        require(t.server != NULL);
        require(dbus_server_set_watch_functions(t.server, main_loop_add_watch,
                                                main_loop_remove_watch, NULL, &t.loop, NULL));
        require(dbus_server_set_timeout_functions(t.server, main_loop_add_timeout,
                                                  main_loop_remove_timeout, NULL, &t.loop, NULL));
        t.n_data = 1;
        dbus_server_set_new_connection_function(t.server, connected, &t, free_data);
}

static void stop_server(void)
{
        t.in.size = 0; /* nobody does any more than has to be */
        for (unsigned i = 0; i < N_CLIENTS; ++i)
                hostile_hang_up(&t.clients[i]);
        dbus_server_disconnect(t.server);
        dbus_server_unref(t.server);
        for (unsigned i = 0; i < MAX_CONNECTIONS; ++i) {
                if (t.connections[i])
                        dbus_connection_close(t.connections[i]);
        }
        /* Replies that came for calls are kept until they are dispatched, with their connections.
         */
        dispatch_all();
        for (unsigned i = 0; i < MAX_CONNECTIONS; ++i)
                require(!t.connections[i]);
        require(main_loop_is_empty(&t.loop));
        require(!t.n_data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        uint8_t start;

        t.in = (struct input_bytes){data, size};
        start = take_byte(&t.in);
        t.is_anyone_welcome = start & 0x80;
        start_server();
        for (unsigned i = 0; i < N_CLIENTS; ++i) {
                hostile_init(&t.clients[i], -1, false);
                if (start >> i & 1)
                        connect_client(&t.clients[i]);
                if (start >> i & 8)
                        hostile_greet(&t.clients[i]);
        }
        settle();
        for (unsigned n = 0; n < MAX_STEPS && t.in.size; ++n)
                step();
        stop_server();
        return 0;
}
