/* SPDX-License-Identifier: MIT */
/* Misuse of connections, pending calls, servers and the bus: what must not be NULL, and the like.
 */

#include <stdio.h>

#include "harness.h"
#include "misuse.h"
#include "peers.h"

/* Volatile, so that no compiler knows better. */
static DBusConnection *volatile no_connection;
static DBusServer *volatile no_server;
static DBusPendingCall *volatile no_pending;
static DBusWatch *volatile no_watch;
static void *volatile nothing;

static DBusConnection *a_connection(void)
{
        return peers_new(NULL)->client;
}

static void references(void)
{
        printf("%d\n", dbus_connection_ref(no_connection) != NULL);
        dbus_connection_unref(no_connection);
        dbus_connection_close(no_connection);
}

static void open_null(void)
{
        printf("%d\n", dbus_connection_open(null_text, NULL) != NULL);
        printf("%d\n", dbus_connection_open_private(null_text, NULL) != NULL);
}

static void open_error_set(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, "a.b", "text");
        printf("%d\n", dbus_connection_open_private("foo:", &error) != NULL);
        printf("%s\n", error.name);
}

static void state(void)
{
        unsigned long number = 0;
        char *id;

        printf("%d\n", dbus_connection_get_is_connected(no_connection));
        printf("%d\n", dbus_connection_get_is_authenticated(no_connection));
        printf("%d\n", dbus_connection_get_is_anonymous(no_connection));
        id = dbus_connection_get_server_id(no_connection);
        printf("%d\n", id != NULL);
        printf("%d\n", dbus_connection_can_send_type(no_connection, DBUS_TYPE_BYTE));
        printf("%d\n", dbus_connection_get_unix_user(no_connection, &number));
        printf("%d\n", dbus_connection_get_unix_process_id(no_connection, &number));
}

static void state_results(void)
{
        DBusConnection *c = a_connection();

        printf("%d\n", dbus_connection_get_unix_user(c, nothing));
        printf("%d\n", dbus_connection_get_unix_process_id(c, nothing));
        printf("%d\n", dbus_connection_get_windows_user(c, nothing));
        printf("%d\n", dbus_connection_get_adt_audit_session_data(c, nothing, nothing));
}

static void descriptor(void)
{
        int fd = -7;

        printf("%d\n", dbus_connection_get_unix_fd(no_connection, &fd));
        printf("%d\n", dbus_connection_get_socket(no_connection, &fd));
        printf("%d\n", fd);
}

static void send(void)
{
        DBusConnection *c = a_connection();

        printf("%d\n", dbus_connection_send(no_connection, misuse_call(), NULL));
        printf("%d\n", dbus_connection_send(c, null_message, NULL));
}

static void send_with_reply(void)
{
        DBusConnection *c = a_connection();
        DBusPendingCall *pending = NULL;

        printf("%d\n", dbus_connection_send_with_reply(no_connection, misuse_call(), &pending, -1));
        printf("%d\n", dbus_connection_send_with_reply(c, null_message, &pending, -1));
        printf("%d\n", dbus_connection_send_with_reply(c, misuse_call(), &pending, -7));
        printf("%d\n", pending != NULL);
}

static void send_and_block(void)
{
        DBusConnection *c = a_connection();
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m = misuse_call();

        printf("%d\n",
               dbus_connection_send_with_reply_and_block(no_connection, m, 1, &error) != NULL);
        printf("%d\n",
               dbus_connection_send_with_reply_and_block(c, null_message, 1, &error) != NULL);
        printf("%d\n", dbus_connection_send_with_reply_and_block(c, m, -7, &error) != NULL);
        printf("%d\n", dbus_error_is_set(&error));
}

static void send_and_block_error_set(void)
{
        DBusConnection *c = a_connection();
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, "a.b", "text");
        printf("%d\n",
               dbus_connection_send_with_reply_and_block(c, misuse_call(), 1, &error) != NULL);
        printf("%s\n", error.name);
}

static void preallocated(void)
{
        DBusConnection *c = a_connection(), *other = a_connection();
        DBusPreallocatedSend *one = dbus_connection_preallocate_send(c);

        printf("%d\n", dbus_connection_preallocate_send(no_connection) != NULL);
        dbus_connection_free_preallocated_send(c, nothing);
        dbus_connection_send_preallocated(c, nothing, misuse_call(), NULL);
        dbus_connection_send_preallocated(c, one, null_message, NULL);
        dbus_connection_send_preallocated(other, one, misuse_call(), NULL);
        dbus_connection_free_preallocated_send(other, one);
}

static void loops(void)
{
        printf("%d\n", dbus_connection_read_write(no_connection, 0));
        printf("%d\n", dbus_connection_read_write_dispatch(no_connection, 0));
        dbus_connection_flush(no_connection);
        printf("%d\n", dbus_connection_get_dispatch_status(no_connection));
        printf("%d\n", dbus_connection_dispatch(no_connection));
        printf("%d\n", dbus_connection_has_messages_to_send(no_connection));
}

static void loops_timeout(void)
{
        DBusConnection *c = a_connection();

        printf("%d\n", dbus_connection_read_write(c, -2));
        printf("%d\n", dbus_connection_read_write_dispatch(c, -2));
}

static void queue(void)
{
        printf("%d\n", dbus_connection_borrow_message(no_connection) != NULL);
        printf("%d\n", dbus_connection_pop_message(no_connection) != NULL);
        dbus_connection_return_message(no_connection, misuse_call());
        dbus_connection_steal_borrowed_message(no_connection, misuse_call());
}

static void main_loop(void)
{
        printf("%d\n",
               dbus_connection_set_watch_functions(no_connection, NULL, NULL, NULL, NULL, NULL));
        printf("%d\n",
               dbus_connection_set_timeout_functions(no_connection, NULL, NULL, NULL, NULL, NULL));
        dbus_connection_set_wakeup_main_function(no_connection, NULL, NULL, NULL);
        dbus_connection_set_dispatch_status_function(no_connection, NULL, NULL, NULL);
        dbus_connection_set_exit_on_disconnect(no_connection, TRUE);
}

static void users(void)
{
        dbus_connection_set_unix_user_function(no_connection, NULL, NULL, NULL);
        dbus_connection_set_windows_user_function(no_connection, NULL, NULL, NULL);
        dbus_connection_set_allow_anonymous(no_connection, TRUE);
        dbus_connection_set_route_peer_messages(no_connection, TRUE);
}

static DBusHandlerResult unused(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        (void)message;
        (void)data;
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static void filters(void)
{
        DBusConnection *c = a_connection();

        printf("%d\n", dbus_connection_add_filter(no_connection, unused, NULL, NULL));
        printf("%d\n", dbus_connection_add_filter(c, NULL, NULL, NULL));
        dbus_connection_remove_filter(no_connection, unused, NULL);
        dbus_connection_remove_filter(c, NULL, NULL);
}

static const DBusObjectPathVTable vtable = {.message_function = unused};

static void objects(void)
{
        DBusConnection *c = a_connection();
        DBusError error = DBUS_ERROR_INIT;

        printf("%d\n", dbus_connection_register_object_path(no_connection, "/", &vtable, NULL));
        printf("%d\n", dbus_connection_register_object_path(c, null_text, &vtable, NULL));
        printf("%d\n", dbus_connection_register_object_path(c, "/", nothing, NULL));
        printf("%d\n", dbus_connection_register_fallback(no_connection, "/", &vtable, NULL));
        printf("%d\n", dbus_connection_register_fallback(c, null_text, &vtable, NULL));
        printf("%d\n", dbus_connection_register_fallback(c, "a", &vtable, NULL));
        printf("%d\n", dbus_connection_register_fallback(c, "/", nothing, NULL));
        printf("%d\n",
               dbus_connection_try_register_object_path(c, null_text, &vtable, NULL, &error));
        printf("%d\n", dbus_connection_try_register_object_path(c, "a", &vtable, NULL, &error));
        printf("%d\n", dbus_connection_try_register_fallback(c, null_text, &vtable, NULL, &error));
        printf("%d\n", dbus_connection_try_register_fallback(c, "", &vtable, NULL, &error));
        printf("%d\n", dbus_error_is_set(&error));
}

static void objects_asked(void)
{
        DBusConnection *c = a_connection();
        char **children = NULL;
        void *data = NULL;

        printf("%d\n", dbus_connection_unregister_object_path(no_connection, "/"));
        printf("%d\n", dbus_connection_unregister_object_path(c, null_text));
        printf("%d\n", dbus_connection_unregister_object_path(c, "a"));
        printf("%d\n", dbus_connection_get_object_path_data(no_connection, "/", &data));
        printf("%d\n", dbus_connection_get_object_path_data(c, null_text, &data));
        printf("%d\n", dbus_connection_get_object_path_data(c, "/", nothing));
        printf("%d\n", dbus_connection_list_registered(no_connection, "/", &children));
        printf("%d\n", dbus_connection_list_registered(c, null_text, &children));
        printf("%d\n", dbus_connection_list_registered(c, "a", &children));
        printf("%d\n", dbus_connection_list_registered(c, "/", nothing));
}

static void limits(void)
{
        dbus_connection_set_max_message_size(no_connection, 1);
        dbus_connection_set_max_received_size(no_connection, 1);
        dbus_connection_set_max_message_unix_fds(no_connection, 1);
        dbus_connection_set_max_received_unix_fds(no_connection, 1);
        printf("%ld\n", dbus_connection_get_max_message_size(no_connection));
        printf("%ld\n", dbus_connection_get_max_received_size(no_connection));
        printf("%ld\n", dbus_connection_get_max_message_unix_fds(no_connection));
        printf("%ld\n", dbus_connection_get_max_received_unix_fds(no_connection));
        printf("%ld\n", dbus_connection_get_outgoing_size(no_connection));
        printf("%ld\n", dbus_connection_get_outgoing_unix_fds(no_connection));
}

static void pending(void)
{
        printf("%d\n", dbus_pending_call_ref(no_pending) != NULL);
        dbus_pending_call_unref(no_pending);
        printf("%d\n", dbus_pending_call_set_notify(no_pending, NULL, NULL, NULL));
        dbus_pending_call_cancel(no_pending);
        printf("%d\n", dbus_pending_call_get_completed(no_pending));
        printf("%d\n", dbus_pending_call_steal_reply(no_pending) != NULL);
        dbus_pending_call_block(no_pending);
        printf("%d\n", dbus_pending_call_set_data(no_pending, 0, NULL, NULL));
        printf("%d\n", dbus_pending_call_get_data(no_pending, 0) != NULL);
}

static void pending_slots(void)
{
        printf("%d\n", dbus_pending_call_allocate_data_slot(nothing));
        dbus_pending_call_free_data_slot(nothing);
}

static void server(void)
{
        printf("%d\n", dbus_server_listen(null_text, NULL) != NULL);
        printf("%d\n", dbus_server_ref(no_server) != NULL);
        dbus_server_unref(no_server);
        dbus_server_disconnect(no_server);
        printf("%d\n", dbus_server_get_is_connected(no_server));
        printf("%d\n", dbus_server_get_address(no_server) != NULL);
        printf("%d\n", dbus_server_get_id(no_server) != NULL);
        dbus_server_set_new_connection_function(no_server, NULL, NULL, NULL);
        printf("%d\n", dbus_server_set_watch_functions(no_server, NULL, NULL, NULL, NULL, NULL));
        printf("%d\n", dbus_server_set_timeout_functions(no_server, NULL, NULL, NULL, NULL, NULL));
        printf("%d\n", dbus_server_set_auth_mechanisms(no_server, NULL));
        printf("%d\n", dbus_server_set_data(no_server, 0, NULL, NULL));
        printf("%d\n", dbus_server_get_data(no_server, 0) != NULL);
}

static void bus_names(void)
{
        DBusConnection *c = a_connection();
        DBusError error = DBUS_ERROR_INIT;

        printf("%d\n", dbus_bus_request_name(no_connection, "a.b", 0, &error));
        printf("%d\n", dbus_bus_request_name(c, null_text, 0, &error));
        printf("%d\n", dbus_bus_request_name(c, "nodot", 0, &error));
        printf("%d\n", dbus_bus_release_name(no_connection, "a.b", &error));
        printf("%d\n", dbus_bus_release_name(c, null_text, &error));
        printf("%d\n", dbus_bus_release_name(c, "nodot", &error));
        printf("%d\n", dbus_bus_name_has_owner(no_connection, "a.b", &error));
        printf("%d\n", dbus_bus_name_has_owner(c, null_text, &error));
        printf("%d\n", dbus_bus_name_has_owner(c, "nodot", &error));
        printf("%d\n", dbus_error_is_set(&error));
}

static void bus_asked(void)
{
        DBusConnection *c = a_connection();
        DBusError error = DBUS_ERROR_INIT;

        printf("%d\n", dbus_bus_register(no_connection, &error));
        printf("%d\n", dbus_bus_set_unique_name(no_connection, ":1.1"));
        printf("%d\n", dbus_bus_set_unique_name(c, null_text));
        printf("%d\n", dbus_bus_get_unique_name(no_connection) != NULL);
        printf("%d\n", dbus_bus_get_unix_user(no_connection, "a.b", &error) == (unsigned long)-1);
        printf("%d\n", dbus_bus_get_unix_user(c, null_text, &error) == (unsigned long)-1);
        printf("%d\n", dbus_bus_get_unix_user(c, "nodot", &error) == (unsigned long)-1);
        printf("%d\n", dbus_bus_get_id(no_connection, &error) != NULL);
        dbus_bus_add_match(no_connection, "type='signal'", &error);
        dbus_bus_add_match(c, null_text, &error);
        dbus_bus_remove_match(no_connection, "type='signal'", &error);
        dbus_bus_remove_match(c, null_text, &error);
        printf("%d\n", dbus_error_is_set(&error));
}

static void bus_set_name_twice(void)
{
        DBusConnection *c = a_connection();

        printf("%d\n", dbus_bus_set_unique_name(c, ":1.1"));
        printf("%d\n", dbus_bus_set_unique_name(c, ":1.2"));
        printf("%s\n", dbus_bus_get_unique_name(c));
}

static void bus_type(void)
{
        printf("%d\n", dbus_bus_get((DBusBusType)7, NULL) != NULL);
        printf("%d\n", dbus_bus_get_private((DBusBusType)-1, NULL) != NULL);
}

static void watch(void)
{
        printf("%d\n", dbus_watch_get_unix_fd(no_watch));
        printf("%d\n", dbus_watch_get_socket(no_watch));
        printf("%d\n", dbus_watch_get_data(no_watch) != NULL);
        dbus_watch_set_data(no_watch, NULL, NULL);
        printf("%d\n", dbus_watch_get_enabled(no_watch));
        printf("%d\n", dbus_watch_handle(no_watch, 0));
}

static void shutdown_with_shared(void)
{
        struct peers *p = peers_listen();

        printf("%d\n", dbus_connection_open(p->address, NULL) != NULL);
        dbus_shutdown();
}

int main(int argc, char **argv)
{
        static const struct misuse misuses[] = {
                {"connection/references", references},
                {"connection/open-null", open_null},
                {"connection/open-error-set", open_error_set},
                {"connection/state", state},
                {"connection/state-results", state_results},
                {"connection/descriptor", descriptor},
                {"connection/send", send},
                {"connection/send-with-reply", send_with_reply},
                {"connection/send-and-block", send_and_block},
                {"connection/send-and-block-error-set", send_and_block_error_set},
                {"connection/preallocated", preallocated},
                {"connection/loops", loops},
                {"connection/loops-timeout", loops_timeout},
                {"connection/queue", queue},
                {"connection/main-loop", main_loop},
                {"connection/users", users},
                {"connection/filters", filters},
                {"connection/objects", objects},
                {"connection/objects-asked", objects_asked},
                {"connection/limits", limits},
                {"connection/shutdown-with-shared", shutdown_with_shared},
                {"pending-call/null", pending},
                {"pending-call/slots", pending_slots},
                {"server/null", server},
                {"bus/names", bus_names},
                {"bus/asked", bus_asked},
                {"bus/set-name-twice", bus_set_name_twice},
                {"bus/type", bus_type},
                {"watch/null", watch},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        misuse_add(misuses);
        return g_test_run();
}
