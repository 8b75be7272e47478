/* SPDX-License-Identifier: MIT */

/*
 * What the public functions of servers do when memory is short, when they are called by what they
 * call, and by several threads at a time.
 */

#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "fail-alloc.h"

#define PATH    "socket"
#define ADDRESS "unix:path=" PATH

/* Each test has a directory of its own, which has to be empty in the end. */
static char *directory;

static void enter(void)
{
        directory = g_dir_make_tmp("server-XXXXXX", NULL);
        g_assert_cmpint(g_chdir(directory), ==, 0);
}

static void leave(void)
{
        g_assert_cmpint(g_chdir("/"), ==, 0);
        g_assert_cmpint(g_rmdir(directory), ==, 0);
        g_free(directory);
}

/* An application with a main loop, which knows one watch. */
struct app {
        DBusServer *server;
        DBusWatch *watch;
        unsigned n_adds, n_removes, n_frees, n_connections;
        bool disconnects_when_added, keeps;
        DBusConnection *kept;
};

static dbus_bool_t add_watch(DBusWatch *watch, void *data)
{
        struct app *app = data;

        g_assert_cmpuint(dbus_watch_get_flags(watch), ==, DBUS_WATCH_READABLE);
        g_assert_true(dbus_watch_get_enabled(watch));
        app->n_adds++;
        app->watch = watch;
        if (app->disconnects_when_added) {
                dbus_server_disconnect(app->server);
                g_assert_false(dbus_server_get_is_connected(app->server));
                /* The main loop still has the descriptor. */
                g_assert_cmpint(fcntl(dbus_watch_get_unix_fd(watch), F_GETFD), !=, -1);
                dbus_server_unref(app->server);
        }
        return TRUE;
}

static void remove_watch(DBusWatch *watch, void *data)
{
        struct app *app = data;

        g_assert_true(watch == app->watch);
        g_assert_cmpint(fcntl(dbus_watch_get_unix_fd(watch), F_GETFD), !=, -1);
        app->n_removes++;
        app->watch = NULL;
}

static void count_free(void *data)
{
        struct app *app = data;

        app->n_frees++;
}

static void on_connection(DBusServer *server, DBusConnection *connection, void *data)
{
        struct app *app = data;

        g_assert_true(server == app->server);
        app->n_connections++;
        if (app->keeps)
                app->kept = dbus_connection_ref(connection);
}

static DBusServer *must_listen(void)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusServer *server = dbus_server_listen(ADDRESS, &error);

        g_assert_cmpstr(error.message, ==, NULL);
        g_assert_nonnull(server);
        return server;
}

static int connect_client(void)
{
        struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = PATH};
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        g_assert_cmpint(connect(fd, (struct sockaddr *)&un, sizeof(un)), ==, 0);
        return fd;
}

static bool is_closed(int fd)
{
        char byte;

        return recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

/* A connection that nobody keeps is closed; one that is kept lives on without the server. */
static void test_new_connection(void)
{
        struct app app = {0};
        int fd;

        enter();
        app.server = must_listen();
        dbus_server_set_new_connection_function(app.server, on_connection, &app, count_free);
        g_assert_true(dbus_server_set_watch_functions(app.server, add_watch, remove_watch, NULL,
                                                      &app, count_free));
        fd = connect_client();
        g_assert_true(dbus_watch_handle(app.watch, DBUS_WATCH_READABLE));
        g_assert_cmpuint(app.n_connections, ==, 1);
        g_assert_true(is_closed(fd));
        close(fd);

        app.keeps = true;
        fd = connect_client();
        g_assert_true(dbus_watch_handle(app.watch, DBUS_WATCH_READABLE));
        g_assert_true(dbus_watch_handle(app.watch, DBUS_WATCH_READABLE));
        g_assert_cmpuint(app.n_connections, ==, 2);
        dbus_server_disconnect(app.server);
        dbus_server_unref(app.server);
        g_assert_cmpuint(app.n_frees, ==, 2);
        g_assert_false(is_closed(fd));
        g_assert_true(dbus_connection_get_is_connected(app.kept));
        dbus_connection_close(app.kept);
        dbus_connection_unref(app.kept);
        g_assert_true(is_closed(fd));
        close(fd);
        leave();
}

/* A server that goes while a main loop is being told of it. */
static void test_disconnected_when_added(void)
{
        struct app app = {.disconnects_when_added = true};

        enter();
        app.server = must_listen();
        g_assert_true(dbus_server_set_watch_functions(app.server, add_watch, remove_watch, NULL,
                                                      &app, count_free));
        g_assert_cmpuint(app.n_adds, ==, 1);
        g_assert_cmpuint(app.n_removes, ==, 1);
        g_assert_cmpuint(app.n_frees, ==, 1);
        g_assert_false(g_file_test(PATH, G_FILE_TEST_EXISTS));
        leave();
}

/* All that a server does, once: FALSE if there was no memory for something. */
static bool use(struct app *app, dbus_int32_t *slot)
{
        const char *mechanisms[] = {"EXTERNAL", "ANONYMOUS", NULL};
        char *address = dbus_server_get_address(app->server), *id = dbus_server_get_id(app->server);
        bool ok = address && id;

        dbus_free(address);
        dbus_free(id);
        ok = ok && dbus_server_set_auth_mechanisms(app->server, mechanisms);
        ok = ok && dbus_server_set_data(app->server, *slot, app, count_free);
        g_assert_true(dbus_server_get_data(app->server, *slot) == (ok ? app : NULL));
        return ok && dbus_watch_handle(app->watch, DBUS_WATCH_READABLE);
}

/* Every allocation fails once: an error says so, and nothing is left behind. */
static void test_no_memory(void)
{
        dbus_int32_t slot = -1;
        unsigned n = 0;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("a sanitizer owns malloc()");
                return;
        }
        enter();
        g_assert_true(dbus_server_allocate_data_slot(&slot));
        for (bool failed = true; failed; n++) {
                DBusError error = DBUS_ERROR_INIT;
                DBusServer *server;
                int free_fd = dup(STDERR_FILENO);

                close(free_fd);
                fail_alloc_after(n);
                server = dbus_server_listen(ADDRESS, &error);
                failed = fail_alloc_end();
                if (server) {
                        dbus_server_disconnect(server);
                        dbus_server_unref(server);
                } else {
                        g_assert_true(failed);
                        g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_MEMORY);
                        dbus_error_free(&error);
                }
                g_assert_false(g_file_test(PATH, G_FILE_TEST_EXISTS));
                g_assert_cmpint(dup(STDERR_FILENO), ==, free_fd);
                close(free_fd);
        }
        g_assert_cmpuint(n, >, 8);
        n = 0;
        for (bool failed = true; failed; n++) {
                struct app app = {.server = must_listen()};
                int fd = connect_client(), free_fd = dup(STDERR_FILENO);
                bool ok;

                close(free_fd);
                dbus_server_set_new_connection_function(app.server, on_connection, &app,
                                                        count_free);
                g_assert_true(dbus_server_set_watch_functions(app.server, add_watch, remove_watch,
                                                              NULL, &app, count_free));
                fail_alloc_after(n);
                ok = use(&app, &slot);
                failed = fail_alloc_end();
                g_assert_cmpuint(app.n_connections, ==, ok ? 1 : 0);
                /* Memory that only could have been given back is no loss. */
                g_assert_true(ok || failed);
                g_assert_cmpint(dup(STDERR_FILENO), ==, free_fd);
                close(free_fd);
                dbus_server_disconnect(app.server);
                dbus_server_unref(app.server);
                close(fd);
        }
        g_assert_cmpuint(n, >, 8);
        dbus_server_free_data_slot(&slot);
        leave();
}

/* Threads that set the functions of one server, accept, and then all disconnect it. */

#define N_THREADS 4
#define N_ROUNDS  200

static struct {
        DBusServer *server;
        gint added, removed, freed;
} crowd;

static dbus_bool_t add_for_crowd(DBusWatch *watch, void *data)
{
        (void)watch;
        (void)data;
        g_atomic_int_inc(&crowd.added);
        return TRUE;
}

static void remove_for_crowd(DBusWatch *watch, void *data)
{
        (void)watch;
        (void)data;
        g_atomic_int_inc(&crowd.removed);
}

static void free_for_crowd(void *data)
{
        (void)data;
        g_atomic_int_inc(&crowd.freed);
}

static gpointer be_crowd(gpointer data)
{
        const char *mechanisms[] = {"EXTERNAL", NULL};

        for (unsigned i = 0; i < N_ROUNDS; i++) {
                char *id;

                dbus_server_ref(crowd.server);
                g_assert_true(dbus_server_set_watch_functions(
                        crowd.server, add_for_crowd, remove_for_crowd, NULL, NULL, free_for_crowd));
                dbus_server_set_new_connection_function(crowd.server, NULL, NULL, free_for_crowd);
                g_assert_true(dbus_server_set_auth_mechanisms(crowd.server, mechanisms));
                id = dbus_server_get_id(crowd.server);
                dbus_free(id);
                dbus_server_unref(crowd.server);
        }
        dbus_server_disconnect(crowd.server);
        return data;
}

static void test_threads(void)
{
        GThread *threads[N_THREADS];

        enter();
        crowd.server = must_listen();
        for (unsigned i = 0; i < N_THREADS; i++)
                threads[i] = g_thread_new("crowd", be_crowd, NULL);
        for (unsigned i = 0; i < N_THREADS; i++)
                g_thread_join(threads[i]);
        g_assert_false(dbus_server_get_is_connected(crowd.server));
        dbus_server_unref(crowd.server);
        g_assert_cmpint(crowd.added, ==, crowd.removed);
        g_assert_cmpint(crowd.freed, ==, 2 * N_THREADS * N_ROUNDS);
        leave();
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/server/new-connection", test_new_connection);
        g_test_add_func("/server/disconnected-when-added", test_disconnected_when_added);
        g_test_add_func("/server/no-memory", test_no_memory);
        g_test_add_func("/server/threads", test_threads);
        return g_test_run();
}
