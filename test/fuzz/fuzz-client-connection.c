/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes a client's connection: what a hostile bus says, and what the application does with its
 * connection meanwhile, from outside and from inside of what the library calls. Nothing crashes or
 * leaks, what the client says is valid, and what belongs together happens once.
 *
 * The first byte of the input is about the connection; then there are steps: a byte that says who
 * does what, and what that takes.
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

#define MAX_STEPS   400u
#define MAX_PENDING 8u
#define MAX_NESTED  3u
#define MAX_FILTERS 4u
#define N_TALKS     40u

static struct {
        DBusConnection *c;
        struct main_loop loop;
        struct hostile bus;
        struct input_bytes in;
        unsigned n_nested; /* callbacks that are being called */
        unsigned n_disconnected;
        unsigned n_filters;
        DBusPendingCall *pending[MAX_PENDING];
        unsigned n_paths; /* that are registered */
        unsigned n_data;  /* that is to be freed */
} t;

static const char *const paths[] = {"/", "/test", "/test/a", "/test/a/b"};
#define N_PATHS (sizeof(paths) / sizeof(*paths))

/* A bit for each that is registered. */
static unsigned registered;

static void step(void);

static void free_data(void *data)
{
        (void)data;
        require(t.n_data);
        t.n_data -= 1;
}

/* Callbacks do something, too. */
static void step_inside(void)
{
        if (t.n_nested == MAX_NESTED)
                return;
        t.n_nested += 1;
        step();
        t.n_nested -= 1;
}

static DBusHandlerResult handle(uint8_t choice)
{
        static const DBusHandlerResult results[] = {
                DBUS_HANDLER_RESULT_HANDLED,
                DBUS_HANDLER_RESULT_NOT_YET_HANDLED,
                DBUS_HANDLER_RESULT_NOT_YET_HANDLED,
                DBUS_HANDLER_RESULT_NEED_MEMORY,
        };

        if (choice & 0x80)
                step_inside();
        return results[choice % 4];
}

static DBusHandlerResult filter(DBusConnection *c, DBusMessage *m, void *data)
{
        require(c == t.c && data == &t);
        read_message(m);
        if (dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected")) {
                require(!dbus_connection_get_is_connected(c));
                t.n_disconnected += 1;
                /* Not for want of memory: then it would come again. */
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        }
        return handle(take_byte(&t.in));
}

static void answer(DBusConnection *c, DBusMessage *call, uint8_t choice)
{
        DBusMessage *reply = choice & 4 ? dbus_message_new_error(call, "test.Error", "text")
                                        : dbus_message_new_method_return(call);

        require(reply != NULL);
        require(dbus_connection_send(c, reply, NULL));
        dbus_message_unref(reply);
}

static DBusHandlerResult object(DBusConnection *c, DBusMessage *m, void *data)
{
        uint8_t choice = take_byte(&t.in);

        require(c == t.c && data == &t);
        require(dbus_message_get_path(m) != NULL);
        if (dbus_message_has_path(m, DBUS_PATH_LOCAL))
                return DBUS_HANDLER_RESULT_HANDLED;
        if (choice & 0x40 && dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_CALL)
                answer(c, m, choice);
        return handle(choice);
}

static void unregister(DBusConnection *c, void *data)
{
        require(c == t.c && data == &t);
        require(t.n_paths);
        t.n_paths -= 1;
}

static const DBusObjectPathVTable vtable = {.unregister_function = unregister,
                                            .message_function = object};

static void notify(DBusPendingCall *p, void *data)
{
        (void)data;
        require(dbus_pending_call_get_completed(p));
        if (take_byte(&t.in) & 0x80)
                step_inside();
}

/* What the application does */

static void dispatch(void)
{
        dbus_connection_dispatch(t.c);
}

static void read_write(void)
{
        dbus_connection_read_write(t.c, 0);
}

static void read_write_dispatch(void)
{
        dbus_connection_read_write_dispatch(t.c, 0);
}

static void turn(void)
{
        main_loop_turn(&t.loop);
}

static void pass_time(void)
{
        main_loop_pass_time(&t.loop);
}

static DBusMessage *new_message(uint8_t choice)
{
        const char *text = "text";
        DBusMessage *m = choice & 1
                                 ? dbus_message_new_signal("/test", "test.I", "S")
                                 : dbus_message_new_method_call(choice & 128 ? ":1.2" : "test.Name",
                                                                "/test", "test.I", "M");

        require(m != NULL);
        if (choice & 2)
                require(dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        if ((choice & 12) == 12 && dbus_connection_can_send_type(t.c, DBUS_TYPE_UNIX_FD)) {
                int fd = STDERR_FILENO;

                require(dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID));
        }
        return m;
}

static void send_message(void)
{
        uint8_t choice = take_byte(&t.in);
        DBusMessage *m = new_message(choice);
        DBusPreallocatedSend *promised;

        if (choice & 16) {
                promised = dbus_connection_preallocate_send(t.c);
                require(promised != NULL);
                if (choice & 32)
                        dbus_connection_send_preallocated(t.c, promised, m, NULL);
                else
                        dbus_connection_free_preallocated_send(t.c, promised);
        } else {
                require(dbus_connection_send(t.c, m, NULL));
        }
        dbus_message_unref(m);
}

static void call(void)
{
        static const int timeouts[] = {-1, 0, 1, DBUS_TIMEOUT_INFINITE};
        uint8_t choice = take_byte(&t.in);
        DBusPendingCall **place = &t.pending[choice % MAX_PENDING];
        DBusMessage *m;

        if (*place)
                return;
        m = new_message(choice & 0xfe);
        /* The main loop has only room for so many timeouts. */
        dbus_connection_send_with_reply(t.c, m, place, timeouts[choice / 64]);
        dbus_message_unref(m);
        if (*place && choice & 16) {
                require(dbus_pending_call_set_notify(*place, notify, &t, free_data));
                t.n_data += 1;
        }
}

/* Waits for no room. */
static void receive_all(void)
{
        dbus_connection_set_max_received_size(t.c, 1 << 30);
        dbus_connection_set_max_received_unix_fds(t.c, 1 << 20);
}

/* Takes the reply, cancels, or blocks if something will end that. */
static void use_pending(void)
{
        uint8_t choice = take_byte(&t.in);
        DBusPendingCall *p = t.pending[choice % MAX_PENDING];
        DBusMessage *reply;

        if (!p)
                return;
        t.pending[choice % MAX_PENDING] = NULL;
        if (dbus_pending_call_get_completed(p)) {
                reply = dbus_pending_call_steal_reply(p);
                if (reply) {
                        read_message(reply);
                        dbus_message_unref(reply);
                }
        } else if (choice & 8) {
                dbus_pending_call_cancel(p);
        } else if (choice & 16 && t.bus.fd >= 0) {
                /* With the bus gone, there is an end to it. */
                hostile_hang_up(&t.bus);
                receive_all();
                dbus_pending_call_block(p);
                require(dbus_pending_call_get_completed(p));
        }
        dbus_pending_call_unref(p);
}

static void call_blocking(void)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = new_message(take_byte(&t.in) & 0xfe), *reply;

        reply = dbus_connection_send_with_reply_and_block(t.c, m, take_byte(&t.in) % 2, &error);
        require((reply == NULL) == dbus_error_is_set(&error));
        dbus_message_unref(m);
        if (reply) {
                require(dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR);
                read_message(reply);
                dbus_message_unref(reply);
        }
        dbus_error_free(&error);
}

/* Asks the bus for what programs begin with. The bus says what it has to say, and no more. */
static void call_bus(void)
{
        DBusError error = DBUS_ERROR_INIT;

        hostile_act(&t.bus, &t.in);
        if (t.bus.fd >= 0)
                shutdown(t.bus.fd, SHUT_WR);
        receive_all();
        switch (take_byte(&t.in) % 4) {
        case 0:
                require(dbus_bus_register(t.c, &error) ? dbus_bus_get_unique_name(t.c) != NULL
                                                       : dbus_error_is_set(&error));
                break;
        case 1:
                dbus_bus_request_name(t.c, "test.Name", 0, &error);
                break;
        case 2:
                dbus_bus_add_match(t.c, "type='signal'", &error);
                break;
        default:
                dbus_bus_name_has_owner(t.c, "test.Name", &error);
        }
        dbus_error_free(&error);
}

static void add_or_remove_filter(void)
{
        if (take_byte(&t.in) % 2 && t.n_filters) {
                t.n_filters -= 1;
                dbus_connection_remove_filter(t.c, filter, &t);
        } else if (t.n_filters < MAX_FILTERS) {
                t.n_filters += 1;
                t.n_data += 1;
                require(dbus_connection_add_filter(t.c, filter, &t, free_data));
        }
}

static void register_or_unregister(void)
{
        uint8_t choice = take_byte(&t.in);
        unsigned i = choice % N_PATHS;
        char **children;

        if (registered & (1u << i)) {
                registered &= ~(1u << i);
                require(dbus_connection_unregister_object_path(t.c, paths[i]));
        } else {
                registered |= 1u << i;
                t.n_paths += 1;
                require(choice & 16
                                ? dbus_connection_register_fallback(t.c, paths[i], &vtable, &t)
                                : dbus_connection_register_object_path(t.c, paths[i], &vtable, &t));
        }
        require(dbus_connection_list_registered(t.c, paths[choice / 64], &children));
        dbus_free_string_array(children);
}

/* Looks at the first message itself. */
static void borrow(void)
{
        DBusMessage *m = dbus_connection_borrow_message(t.c);

        if (!m)
                return;
        read_message(m);
        if (take_byte(&t.in) % 2) {
                dbus_connection_return_message(t.c, m);
        } else {
                dbus_connection_steal_borrowed_message(t.c, m);
                dbus_message_unref(m);
        }
}

static void pop(void)
{
        DBusMessage *m = dbus_connection_pop_message(t.c);

        if (m)
                dbus_message_unref(m);
}

static void watch(dbus_bool_t watches, dbus_bool_t timeouts)
{
        require(dbus_connection_set_watch_functions(t.c, watches ? main_loop_add_watch : NULL,
                                                    watches ? main_loop_remove_watch : NULL, NULL,
                                                    &t.loop, NULL));
        require(dbus_connection_set_timeout_functions(t.c, timeouts ? main_loop_add_timeout : NULL,
                                                      timeouts ? main_loop_remove_timeout : NULL,
                                                      NULL, &t.loop, NULL));
}

static void change_main_loop(void)
{
        uint8_t choice = take_byte(&t.in);

        watch(FALSE, FALSE);
        watch(choice & 1, choice & 2);
}

static void limit(void)
{
        static const long sizes[] = {1, 100, 1000, 100000};
        uint8_t choice = take_byte(&t.in);

        switch (choice / 64) {
        case 0:
                dbus_connection_set_max_message_size(t.c, sizes[choice % 4]);
                break;
        case 1:
                dbus_connection_set_max_received_size(t.c, sizes[choice % 4]);
                break;
        case 2:
                dbus_connection_set_max_message_unix_fds(t.c, choice % 4);
                break;
        default:
                dbus_connection_set_max_received_unix_fds(t.c, choice % 4);
        }
}

static void close_connection(void)
{
        /* Most conversations are more interesting if they go on. */
        if (take_byte(&t.in) % 8 == 0)
                dbus_connection_close(t.c);
}

static void ask(void)
{
        unsigned long number;
        char *guid;
        int fd;

        dbus_connection_get_unix_user(t.c, &number);
        dbus_connection_get_unix_process_id(t.c, &number);
        guid = dbus_connection_get_server_id(t.c);
        dbus_free(guid);
        if (dbus_connection_get_unix_fd(t.c, &fd))
                require(fd >= 0);
        dbus_connection_get_outgoing_size(t.c);
        dbus_connection_has_messages_to_send(t.c);
        if (dbus_connection_get_dispatch_status(t.c) == DBUS_DISPATCH_DATA_REMAINS)
                return;
        /* All was dispatched, so nothing is there to be borrowed. */
        require(!dbus_connection_borrow_message(t.c));
}

static void step(void)
{
        static void (*const actions[])(void) = {
                dispatch,
                read_write,
                turn,
                pass_time,
                send_message,
                call,
                use_pending,
                call_blocking,
                call_bus,
                add_or_remove_filter,
                register_or_unregister,
                borrow,
                pop,
                change_main_loop,
                limit,
                close_connection,
                ask,
                read_write_dispatch,
        };
        uint8_t choice = take_byte(&t.in);

        if (choice < 128) {
                hostile_act(&t.bus, &t.in);
                return;
        }
        actions[choice % (sizeof(actions) / sizeof(*actions))]();
        hostile_hear(&t.bus);
}

/* Connects to a bus of ours, as the only one that ever does. */
static void open_connection(void)
{
        static int listener = -1;
        static char address[64];
        DBusError error = DBUS_ERROR_INIT;
        int fd;

        if (listener < 0) {
                struct sockaddr_un a = {.sun_family = AF_UNIX};
                int n = snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "fuzz-client-%ld",
                                 (long)getpid());

                snprintf(address, sizeof(address), "unix:abstract=%s", a.sun_path + 1);
                listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                require(listener >= 0);
                require(bind(listener, (const struct sockaddr *)&a,
                             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) ==
                        0);
                require(listen(listener, 4) == 0);
        }
        t.c = dbus_connection_open_private(address, &error);
        require(t.c != NULL);
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        require(fd >= 0);
        hostile_init(&t.bus, fd, true);
}

/* Calls a peer so often that a link to it may be worth having. */
static void talk_to_peer(void)
{
        for (unsigned i = 0; i < 4; ++i)
                dbus_connection_read_write(t.c, 0);
        require(dbus_bus_set_unique_name(t.c, ":1.1"));
        for (unsigned i = 0; i < N_TALKS; ++i) {
                DBusMessage *m = dbus_message_new_method_call(":1.2", "/test", "test.I", "M");

                require(m && dbus_connection_send(t.c, m, NULL));
                dbus_message_unref(m);
        }
        hostile_hear(&t.bus);
}

static void configure(uint8_t choice)
{
        if (choice & 1)
                hostile_greet(&t.bus);
        watch(choice & 2, choice & 4);
        if (choice & 8)
                dbus_connection_set_route_peer_messages(t.c, TRUE);
        t.n_filters = t.n_data = 1;
        require(dbus_connection_add_filter(t.c, filter, &t, free_data));
        if (choice & 16)
                talk_to_peer();
}

/* Whatever state it is in. */
static void end_connection(void)
{
        t.in.size = 0; /* callbacks do no more */
        dbus_connection_close(t.c);
        require(!dbus_connection_get_is_connected(t.c));
        while (dbus_connection_dispatch(t.c) == DBUS_DISPATCH_DATA_REMAINS)
                ;
        /* Each filter that there was then has seen it once, unless it was taken out of the queue.
         */
        require(t.n_disconnected <= MAX_FILTERS);
        for (unsigned i = 0; i < MAX_PENDING; ++i) {
                if (t.pending[i])
                        dbus_pending_call_unref(t.pending[i]);
                t.pending[i] = NULL;
        }
        dbus_connection_unref(t.c);
        require(main_loop_is_empty(&t.loop));
        require(!t.n_data && !t.n_paths);
        hostile_hear(&t.bus);
        hostile_hang_up(&t.bus);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        t.in = (struct input_bytes){data, size};
        t.n_disconnected = t.n_nested = 0;
        registered = 0;
        open_connection();
        configure(take_byte(&t.in));
        for (unsigned n = 0; n < MAX_STEPS && t.in.size; ++n)
                step();
        end_connection();
        return 0;
}
