/* SPDX-License-Identifier: MIT */

/*
 * Every allocation of what connections do fails in turn. The call says so as documented; then
 * either all is as it was and the connection works, or it has been closed at both ends; and all is
 * freed in the end.
 *
 * And what many threads do to a connection that they share by its address, where the stock library
 * is no measure.
 */

#include <dirent.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "fail-alloc.h"

#define ADDRESS   "unix:path=socket"
#define MOST      500 /* a walk that is longer has no end */
#define N_THREADS 8

static char *directory;

static void enter(void)
{
        directory = g_dir_make_tmp("connection-XXXXXX", NULL);
        g_assert_cmpint(g_chdir(directory), ==, 0);
}

static void leave(void)
{
        g_assert_cmpint(g_chdir("/"), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        g_free(directory);
}

/* Both ends of a connection. Without a main loop, but for the server's watch. */
struct pair {
        DBusServer *server;
        DBusWatch *watch;
        DBusConnection *client, *service;
        DBusMessage *message; /* made before anything fails */
        DBusPendingCall *pending;
        DBusPreallocatedSend *place;
        GThread *thread; /* that serves the service's end */
        gint stop, n_seen;
        char *address;
};

static int n_freed;
static dbus_int32_t slot = -1;

static void count_free(void *data)
{
        (void)data;
        g_atomic_int_inc(&n_freed);
}

static dbus_bool_t keep_watch(DBusWatch *watch, void *data)
{
        struct pair *p = data;

        p->watch = watch;
        return TRUE;
}

static void drop_watch(DBusWatch *watch, void *data)
{
        struct pair *p = data;

        (void)watch;
        p->watch = NULL;
}

static void take_service(DBusServer *server, DBusConnection *connection, void *data)
{
        struct pair *p = data;

        (void)server;
        p->service = dbus_connection_ref(connection);
}

static void listen_for(struct pair *p)
{
        char *address;

        *p = (struct pair){0};
        p->server = dbus_server_listen(ADDRESS, NULL);
        g_assert_nonnull(p->server);
        address = dbus_server_get_address(p->server);
        p->address = g_strdup(address);
        dbus_free(address);
        dbus_server_set_new_connection_function(p->server, take_service, p, NULL);
        g_assert_true(
                dbus_server_set_watch_functions(p->server, keep_watch, drop_watch, NULL, p, NULL));
}

/* Lets both ends do what they have to do, until they have settled. */
static void settle(struct pair *p)
{
        for (int i = 0; i < 20; i++) {
                dbus_connection_read_write(p->client, 0);
                dbus_connection_read_write(p->service, 0);
        }
}

static void pair_new(struct pair *p)
{
        listen_for(p);
        p->client = dbus_connection_open_private(p->address, NULL);
        g_assert_nonnull(p->client);
        g_assert_true(dbus_watch_handle(p->watch, DBUS_WATCH_READABLE));
        g_assert_nonnull(p->service);
        settle(p);
        g_assert_true(dbus_connection_get_is_authenticated(p->service));
        g_assert_true(dbus_connection_set_data(p->client, slot, p, count_free));
        g_assert_true(dbus_connection_set_data(p->service, slot, p, count_free));
}

static void end(DBusConnection *c)
{
        if (!c)
                return;
        dbus_connection_close(c);
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        dbus_connection_unref(c);
}

static void pair_free(struct pair *p)
{
        int ends = (p->client != NULL) + (p->service != NULL);

        if (p->thread) {
                g_atomic_int_set(&p->stop, 1);
                g_thread_join(p->thread);
        }
        n_freed = 0;
        if (p->place)
                dbus_connection_free_preallocated_send(p->client, p->place);
        if (p->message)
                dbus_message_unref(p->message);
        if (p->pending) {
                dbus_pending_call_cancel(p->pending);
                dbus_pending_call_unref(p->pending);
        }
        end(p->client);
        end(p->service);
        /* Nothing else keeps them. */
        g_assert_cmpint(n_freed, ==, ends);
        dbus_server_disconnect(p->server);
        dbus_server_unref(p->server);
        g_free(p->address);
}

static DBusMessage *new_call(const char *interface, const char *member)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/a/b", interface, member);

        g_assert_nonnull(m);
        return m;
}

static DBusMessage *ping(void)
{
        return new_call(DBUS_INTERFACE_PEER, "Ping");
}

static DBusHandlerResult see(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct pair *p = data;

        (void)connection;
        (void)message;
        g_atomic_int_inc(&p->n_seen);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static const DBusObjectPathVTable seeing = {.message_function = see};

static gpointer serve(gpointer data)
{
        struct pair *p = data;

        while (!g_atomic_int_get(&p->stop) && dbus_connection_read_write_dispatch(p->service, 10))
                continue;
        return NULL;
}

/* Dispatches all there is at the service's end. */
static void serve_now(struct pair *p)
{
        settle(p);
        while (dbus_connection_dispatch(p->service) == DBUS_DISPATCH_DATA_REMAINS)
                settle(p);
        settle(p);
}

static void check_works(struct pair *p)
{
        DBusPendingCall *pending;
        DBusMessage *m = ping();

        g_assert_true(dbus_connection_send_with_reply(p->client, m, &pending, 10000));
        dbus_message_unref(m);
        if (!p->thread)
                serve_now(p);
        dbus_pending_call_block(pending);
        m = dbus_pending_call_steal_reply(pending);
        g_assert_cmpint(dbus_message_get_type(m), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        dbus_message_unref(m);
        dbus_pending_call_unref(pending);
}

/* It works, or both ends know that it does not. */
static void check(struct pair *p)
{
        settle(p);
        if (dbus_connection_get_is_connected(p->client) &&
            dbus_connection_get_is_connected(p->service)) {
                check_works(p);
                return;
        }
        settle(p);
        g_assert_false(dbus_connection_get_is_connected(p->client));
        if (!p->thread)
                g_assert_false(dbus_connection_get_is_connected(p->service));
}

struct walk {
        const char *name;
        void (*prepare)(struct pair *p); /* or NULL */
        bool (*run)(struct pair *p);     /* true: it has done what it is to do */
        bool never_fails;
        bool is_served;
};

static void walk(gconstpointer data)
{
        const struct walk *w = data;

        enter();
        for (unsigned n = 0;; n++) {
                struct pair p;
                bool done, failed;

                g_assert_cmpuint(n, <, MOST);
                pair_new(&p);
                if (w->prepare)
                        w->prepare(&p);
                if (w->is_served)
                        p.thread = g_thread_new("serve", serve, &p);
                fail_alloc_after(n);
                done = w->run(&p);
                failed = fail_alloc_end();
                g_assert_true(done || (failed && !w->never_fails));
                check(&p);
                pair_free(&p);
                if (!failed)
                        break;
        }
        leave();
}

/* Settings and registrations */

static bool add_filter(struct pair *p)
{
        return dbus_connection_add_filter(p->client, see, p, NULL);
}

static bool register_path(struct pair *p)
{
        return dbus_connection_register_object_path(p->client, "/some/where/far", &seeing, p);
}

static bool register_fallback(struct pair *p)
{
        DBusError error = DBUS_ERROR_INIT;
        bool done =
                dbus_connection_try_register_fallback(p->client, "/some/where", &seeing, p, &error);

        if (!done)
                g_assert_true(dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY));
        dbus_error_free(&error);
        return done;
}

static void prepare_paths(struct pair *p)
{
        g_assert_true(register_path(p));
        g_assert_true(dbus_connection_register_object_path(p->client, "/some/other", &seeing, p));
}

static bool list_registered(struct pair *p)
{
        char **names = NULL;
        bool done = dbus_connection_list_registered(p->client, "/some", &names);

        dbus_free_string_array(names);
        return done;
}

static bool set_data(struct pair *p)
{
        dbus_int32_t other = -1;
        bool done = dbus_connection_allocate_data_slot(&other);

        if (done && !dbus_connection_set_data(p->client, other, p, NULL))
                done = false;
        if (other >= 0)
                dbus_connection_free_data_slot(&other);
        return done;
}

static bool get_server_id(struct pair *p)
{
        char *id = dbus_connection_get_server_id(p->client);

        dbus_free(id);
        return id != NULL;
}

static dbus_bool_t add_nothing(DBusWatch *watch, void *data)
{
        (void)watch;
        (void)data;
        return TRUE;
}

static void remove_nothing(DBusWatch *watch, void *data)
{
        (void)watch;
        (void)data;
}

static bool set_watch_functions(struct pair *p)
{
        return dbus_connection_set_watch_functions(p->client, add_nothing, remove_nothing, NULL,
                                                   NULL, NULL);
}

/* Sending */

static void prepare_message(struct pair *p)
{
        p->message = ping();
}

static bool send_it(struct pair *p)
{
        return dbus_connection_send(p->client, p->message, NULL);
}

/* As many as have no room in the socket, nor in the first ring. */
static void prepare_full(struct pair *p)
{
        g_autofree char *text = g_strnfill(1 << 20, 'x');

        prepare_message(p);
        for (int i = 0; i < 8; i++) {
                DBusMessage *m = dbus_message_new_signal("/a", "a.b", "C");

                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                g_assert_true(dbus_connection_send(p->client, m, NULL));
                dbus_message_unref(m);
        }
}

static bool preallocate(struct pair *p)
{
        p->place = dbus_connection_preallocate_send(p->client);
        return p->place != NULL;
}

/* A long queue that has been flushed since. */
static void prepare_promise(struct pair *p)
{
        DBusMessage *m;

        prepare_full(p);
        p->place = dbus_connection_preallocate_send(p->client);
        for (int i = 0; i < 100; i++) {
                m = dbus_message_new_signal("/a", "a.b", "C");
                g_assert_true(dbus_connection_send(p->client, m, NULL));
                dbus_message_unref(m);
        }
        while (dbus_connection_has_messages_to_send(p->client))
                settle(p);
        while ((m = dbus_connection_pop_message(p->service)))
                dbus_message_unref(m);
}

static bool send_promised(struct pair *p)
{
        DBusMessage *m;

        dbus_connection_send_preallocated(p->client, g_steal_pointer(&p->place), p->message, NULL);
        settle(p);
        m = dbus_connection_pop_message(p->service);
        if (m)
                dbus_message_unref(m);
        return m != NULL;
}

static bool send_with_reply(struct pair *p)
{
        return dbus_connection_send_with_reply(p->client, p->message, &p->pending, 10000);
}

/* Calls */

static bool call_and_block(struct pair *p)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *reply =
                dbus_connection_send_with_reply_and_block(p->client, p->message, 10000, &error);

        if (reply)
                dbus_message_unref(reply);
        else
                g_assert_true(dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY) ||
                              dbus_error_has_name(&error, DBUS_ERROR_NO_REPLY));
        dbus_error_free(&error);
        return reply;
}

static void prepare_pending(struct pair *p)
{
        prepare_message(p);
        g_assert_true(dbus_connection_send_with_reply(p->client, p->message, &p->pending, 10000));
}

static bool block(struct pair *p)
{
        DBusMessage *reply;

        dbus_pending_call_block(p->pending);
        g_assert_true(dbus_pending_call_get_completed(p->pending));
        reply = dbus_pending_call_steal_reply(p->pending);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        return true;
}

/* The time is over before there is a reply. */
static void prepare_late(struct pair *p)
{
        prepare_message(p);
        g_assert_true(dbus_connection_send_with_reply(p->client, p->message, &p->pending, 1));
}

/* The other end goes. */
static void prepare_lost(struct pair *p)
{
        prepare_pending(p);
        dbus_connection_close(p->service);
}

/* Dispatching at the service's end, of what the client asks. */

static bool dispatch(struct pair *p)
{
        DBusDispatchStatus status;

        for (int i = 0; i < 10; i++) {
                status = dbus_connection_dispatch(p->service);
                if (status == DBUS_DISPATCH_COMPLETE)
                        break;
        }
        return status == DBUS_DISPATCH_COMPLETE;
}

static void prepare_dispatch(struct pair *p, DBusMessage *call)
{
        g_assert_true(dbus_connection_add_filter(p->service, see, p, NULL));
        g_assert_true(dbus_connection_register_object_path(p->service, "/a/b/c", &seeing, p));
        g_assert_true(dbus_connection_register_object_path(p->service, "/a/b", &seeing, p));
        g_assert_true(dbus_connection_register_fallback(p->service, "/a", &seeing, p));
        g_assert_true(dbus_connection_register_fallback(p->service, "/", &seeing, p));
        g_assert_true(dbus_connection_send(p->client, call, NULL));
        dbus_message_unref(call);
        settle(p);
}

static void prepare_ping(struct pair *p)
{
        prepare_dispatch(p, ping());
}

static void prepare_machine_id(struct pair *p)
{
        prepare_dispatch(p, new_call(DBUS_INTERFACE_PEER, "GetMachineId"));
}

static void prepare_introspect(struct pair *p)
{
        prepare_dispatch(p, new_call(DBUS_INTERFACE_INTROSPECTABLE, "Introspect"));
}

static void prepare_unknown(struct pair *p)
{
        prepare_dispatch(p, new_call("a.b", "C"));
}

/* What memory was missing for is tried again: the answer comes. */
static bool dispatch_and_answer(struct pair *p)
{
        DBusMessage *m;
        bool answered;

        if (!dispatch(p))
                return false;
        settle(p);
        m = dbus_connection_pop_message(p->client);
        answered = m && dbus_message_get_reply_serial(m);
        if (m)
                dbus_message_unref(m);
        return answered || !dbus_connection_get_is_connected(p->client);
}

/* Reading: a connection without memory for what comes is closed. */
static void prepare_unread(struct pair *p)
{
        prepare_message(p);
        g_assert_true(dbus_connection_send(p->client, p->message, NULL));
}

static bool read_it(struct pair *p)
{
        dbus_connection_read_write(p->service, 0);
        return dbus_connection_get_dispatch_status(p->service) == DBUS_DISPATCH_DATA_REMAINS;
}

/* The end is told, once there is memory for it. */
static bool close_and_hear(struct pair *p)
{
        DBusMessage *m;
        bool heard = false;

        dbus_connection_close(p->client);
        for (int i = 0; i < 3 && !heard; i++) {
                m = dbus_connection_pop_message(p->client);
                heard = m && dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected");
                if (m)
                        dbus_message_unref(m);
        }
        return heard;
}

static const struct walk walks[] = {
        {.name = "add-filter", .run = add_filter},
        {.name = "register/path", .run = register_path},
        {.name = "register/fallback", .run = register_fallback},
        {.name = "register/list", .prepare = prepare_paths, .run = list_registered},
        {.name = "set-data", .run = set_data},
        {.name = "get-server-id", .run = get_server_id},
        {.name = "set-watch-functions", .run = set_watch_functions},
        {.name = "send/plain", .prepare = prepare_message, .run = send_it},
        {.name = "send/queued", .prepare = prepare_full, .run = send_it},
        {.name = "send/preallocate", .prepare = prepare_full, .run = preallocate},
        {.name = "send/promised", .prepare = prepare_promise, .run = send_promised},
        {.name = "send/with-reply", .prepare = prepare_message, .run = send_with_reply},
        {.name = "call/block",
         .prepare = prepare_message,
         .run = call_and_block,
         .is_served = true},
        {.name = "call/pending",
         .prepare = prepare_pending,
         .run = block,
         .never_fails = true,
         .is_served = true},
        {.name = "call/late", .prepare = prepare_late, .run = block, .never_fails = true},
        {.name = "call/lost", .prepare = prepare_lost, .run = block, .never_fails = true},
        {.name = "dispatch/ping", .prepare = prepare_ping, .run = dispatch_and_answer},
        {.name = "dispatch/machine-id", .prepare = prepare_machine_id, .run = dispatch_and_answer},
        {.name = "dispatch/introspect", .prepare = prepare_introspect, .run = dispatch_and_answer},
        {.name = "dispatch/unknown", .prepare = prepare_unknown, .run = dispatch_and_answer},
        {.name = "read", .prepare = prepare_unread, .run = read_it},
        {.name = "close", .run = close_and_hear, .never_fails = true},
};

/* Opening, in one go with the authentication. */
static void test_open(void)
{
        enter();
        for (unsigned n = 0;; n++) {
                DBusError error = DBUS_ERROR_INIT;
                struct pair p;
                bool failed;

                g_assert_cmpuint(n, <, MOST);
                listen_for(&p);
                fail_alloc_after(n);
                p.client = dbus_connection_open_private(p.address, &error);
                if (p.client)
                        dbus_watch_handle(p.watch, DBUS_WATCH_READABLE);
                if (p.service)
                        settle(&p);
                failed = fail_alloc_end();
                g_assert_true(failed || p.service);
                if (!p.client)
                        g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&error);
                if (p.service) {
                        g_assert_true(dbus_connection_set_data(p.client, slot, &p, count_free));
                        g_assert_true(dbus_connection_set_data(p.service, slot, &p, count_free));
                        check(&p);
                } else if (p.client) {
                        g_assert_true(dbus_connection_set_data(p.client, slot, &p, count_free));
                }
                pair_free(&p);
                if (!failed)
                        break;
        }
        leave();
}

/* A server is asked whether a client may enter, and gives it up instead: the last reference goes.
 */
static dbus_bool_t give_up(DBusConnection *connection, unsigned long uid, void *data)
{
        struct pair *p = data;

        (void)uid;
        g_assert_true(connection == p->service);
        dbus_connection_close(connection);
        dbus_connection_unref(connection);
        p->service = NULL;
        return TRUE;
}

static DBusWatch *read_watch;

static dbus_bool_t keep_read_watch(DBusWatch *watch, void *data)
{
        (void)data;
        if (dbus_watch_get_flags(watch) & DBUS_WATCH_READABLE)
                read_watch = watch;
        return TRUE;
}

static void drop_read_watch(DBusWatch *watch, void *data)
{
        (void)data;
        if (watch == read_watch)
                read_watch = NULL;
}

static void test_given_up_when_asked(void)
{
        struct pair p;

        enter();
        listen_for(&p);
        p.client = dbus_connection_open_private(p.address, NULL);
        g_assert_true(dbus_watch_handle(p.watch, DBUS_WATCH_READABLE));
        dbus_connection_set_unix_user_function(p.service, give_up, &p, NULL);
        g_assert_true(dbus_connection_set_watch_functions(p.service, keep_read_watch,
                                                          drop_read_watch, NULL, NULL, NULL));
        for (int i = 0; i < 20 && read_watch; i++) {
                dbus_connection_read_write(p.client, 0);
                dbus_watch_handle(read_watch, DBUS_WATCH_READABLE);
        }
        g_assert_null(p.service);
        g_assert_null(read_watch);
        g_assert_true(dbus_connection_set_data(p.client, slot, &p, count_free));
        pair_free(&p);
        leave();
}

/* A connection that threads share by its address, and that goes again and again. */

static gpointer open_and_lose(gpointer data)
{
        const char *address = data;

        for (int i = 0; i < 100; i++) {
                DBusConnection *c = dbus_connection_open(address, NULL);
                DBusMessage *m = new_call("a.b", i % 3 ? "Call" : "Close"), *reply;

                g_assert_nonnull(c);
                reply = dbus_connection_send_with_reply_and_block(c, m, 10000, NULL);
                dbus_message_unref(m);
                if (reply)
                        dbus_message_unref(reply);
                dbus_connection_unref(c);
        }
        return NULL;
}

/* A server's end that closes when it is told to; others are told that there is no such method. */
static DBusHandlerResult close_if_told(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)data;
        if (!dbus_message_is_method_call(message, "a.b", "Close"))
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        dbus_connection_close(connection);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static gpointer serve_until_closed(gpointer data)
{
        while (dbus_connection_read_write_dispatch(data, -1))
                continue;
        dbus_connection_unref(data);
        return NULL;
}

static void serve_in_thread(DBusServer *server, DBusConnection *connection, void *data)
{
        GPtrArray *threads = data;

        (void)server;
        dbus_connection_add_filter(connection, close_if_told, NULL, NULL);
        dbus_connection_ref(connection);
        g_ptr_array_add(threads, g_thread_new("serve", serve_until_closed, connection));
}

static gpointer accept_all(gpointer data)
{
        struct pair *p = data;

        while (!g_atomic_int_get(&p->stop)) {
                GPollFD fd = {.fd = dbus_watch_get_unix_fd(p->watch), .events = G_IO_IN};

                if (g_poll(&fd, 1, 10) > 0)
                        dbus_watch_handle(p->watch, DBUS_WATCH_READABLE);
        }
        return NULL;
}

static void test_shared_and_lost(void)
{
        g_autoptr(GPtrArray) serving = g_ptr_array_new();
        GThread *threads[N_THREADS], *accepting;
        struct pair p;

        enter();
        listen_for(&p);
        dbus_server_set_new_connection_function(p.server, serve_in_thread, serving, NULL);
        accepting = g_thread_new("accept", accept_all, &p);
        for (int i = 0; i < N_THREADS; i++)
                threads[i] = g_thread_new("share", open_and_lose, p.address);
        for (int i = 0; i < N_THREADS; i++)
                g_thread_join(threads[i]);
        dbus_shutdown();
        g_atomic_int_set(&p.stop, 1);
        g_thread_join(accepting);
        for (guint i = 0; i < serving->len; i++)
                g_thread_join(serving->pdata[i]);
        g_assert_cmpuint(serving->len, >, 1);
        pair_free(&p);
        leave();
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_assert_true(dbus_connection_allocate_data_slot(&slot));
        for (size_t i = 0; i < G_N_ELEMENTS(walks) && FAIL_ALLOC_WORKS; i++) {
                g_autofree char *path = g_strdup_printf("/connection/no-memory/%s", walks[i].name);

                g_test_add_data_func(path, &walks[i], walk);
        }
        if (FAIL_ALLOC_WORKS)
                g_test_add_func("/connection/no-memory/open", test_open);
        g_test_add_func("/connection/given-up-when-asked", test_given_up_when_asked);
        g_test_add_func("/connection/shared-and-lost", test_shared_and_lost);
        return g_test_run();
}
