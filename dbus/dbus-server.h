/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Include <dbus/dbus.h>: this file is a part of it that may change or go."
#endif

#ifndef DBUS_SERVER_H
#define DBUS_SERVER_H

#include <dbus/dbus-connection.h>
#include <dbus/dbus-errors.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-message.h>
#include <dbus/dbus-protocol.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusServer Servers
 * @ingroup DBus
 * @brief Listening for clients that connect directly, without a message bus.
 *
 * A server listens on one address. Whenever a client connects, it makes a #DBusConnection and hands
 * that to the application's #DBusNewConnectionFunction. It does so only when one of its watches is
 * handled, so an application has to set that function and the watch functions, and run a main loop
 * that polls the watches. Authentication happens afterwards, while the new connection is read from
 * and written to.
 *
 * All functions may be called from any thread. No function of the application is called while the
 * server is locked, so all of them may call the functions of this group. Unless something else is
 * said, nothing here blocks, and passing `NULL` for a server is a mistake of the application that
 * is warned of.
 *
 * @{
 */

/** A server that listens for connections. Reference-counted. */
typedef struct DBusServer DBusServer;

/**
 * Receives a connection that a client has just made. The client is not authenticated yet.
 *
 * To keep the connection, take a reference with dbus_connection_ref(); who does so has to close it
 * with dbus_connection_close() before dropping that reference, as the connection is private. A
 * connection that nobody keeps is closed when this function returns. It may be closed here, too.
 *
 * @param server The server that the client has connected to.
 * @param new_connection The connection. The caller's reference is dropped afterwards.
 * @param data What was given to dbus_server_set_new_connection_function().
 */
typedef void (*DBusNewConnectionFunction)(DBusServer *server, DBusConnection *new_connection,
                                          void *data);

/**
 * Listens on an address. Of several, which semicolons separate, the first one is used that works.
 *
 * Addresses are described in the D-Bus specification. A server can listen on `unix:` with one of
 * the keys `path`, `dir`, `tmpdir`, `abstract` or `runtime`, on `tcp:`, `nonce`-tcp: and
 * `systemd:`. A socket that is in the way in the file system is replaced.
 *
 * May block to look up the name of a host.
 *
 * @param address One or more addresses.
 * @param error Set on failure; may be `NULL`. `DBUS_ERROR_BAD_ADDRESS` if the text is no address,
 * or none that can be listened on; `DBUS_ERROR_ADDRESS_IN_USE`, `DBUS_ERROR_FILE_NOT_FOUND`,
 * `DBUS_ERROR_ACCESS_DENIED`, `DBUS_ERROR_LIMITS_EXCEEDED` and others after the system call that
 * failed; `DBUS_ERROR_NOT_SUPPORTED` if the environment lacks what the address needs;
 * `DBUS_ERROR_NO_MEMORY`; else `DBUS_ERROR_FAILED`. If several addresses were tried it is the
 * error of the first that is of a known type.
 * @return A server, whose one reference belongs to the caller, who calls dbus_server_disconnect()
 * and then dbus_server_unref() to end it; `NULL` on failure.
 */
DBUS_EXPORT DBusServer *dbus_server_listen(const char *address, DBusError *error);

/**
 * Adds a reference.
 *
 * @param server The server.
 * @return The same server.
 */
DBUS_EXPORT DBusServer *dbus_server_ref(DBusServer *server);

/**
 * Drops a reference. With the last one the server is freed, along with all data that was attached
 * to it. It has to have been disconnected by then.
 *
 * @param server The server.
 */
DBUS_EXPORT void dbus_server_unref(DBusServer *server);

/**
 * Stops listening: removes the watches from the main loop, closes the sockets and removes the files
 * that were made for them. Connections that were made live on, and references stay what they are.
 * A second call does nothing.
 *
 * @param server The server.
 */
DBUS_EXPORT void dbus_server_disconnect(DBusServer *server);

/**
 * Tells whether a server still listens.
 *
 * @param server The server.
 * @return `TRUE` until dbus_server_disconnect() was called.
 */
DBUS_EXPORT dbus_bool_t dbus_server_get_is_connected(DBusServer *server);

/**
 * Returns the address for clients. It says what was left open in the address that was listened on,
 * such as a port, and ends with the key `guid`. Disconnecting does not change it.
 *
 * @param server The server.
 * @return Text, to be freed with dbus_free(); `NULL` if there is no memory.
 */
DBUS_EXPORT char *dbus_server_get_address(DBusServer *server);

/**
 * Returns what tells this server from all others: 32 hexadecimal digits, which are also the `guid`
 * of its address and what dbus_connection_get_server_id() returns to its clients.
 *
 * @param server The server.
 * @return Text, to be freed with dbus_free(); `NULL` if there is no memory.
 */
DBUS_EXPORT char *dbus_server_get_id(DBusServer *server);

/**
 * Sets the function that receives new connections, instead of the one that was set before. While
 * there is none, new connections are closed.
 *
 * @param server The server.
 * @param function The function, or `NULL`.
 * @param data Given to the function.
 * @param free_data_function Called with the data when another function has been set, or the server
 * is freed; or `NULL`.
 */
DBUS_EXPORT void dbus_server_set_new_connection_function(DBusServer *server,
                                                         DBusNewConnectionFunction function,
                                                         void *data,
                                                         DBusFreeFunction free_data_function);

/**
 * Sets the functions by which a main loop learns which descriptors to poll. They work as those of
 * dbus_connection_set_watch_functions(). Those watches that there are now are added at once, and
 * taken from the main loop that was set before.
 *
 * None of the functions may call this function for the same server.
 *
 * @param server The server.
 * @param add_function Starts to poll a watch; returns `FALSE` if it has no memory for that.
 * `NULL:` there is no main loop any more.
 * @param remove_function Stops polling a watch.
 * @param toggled_function Heeds that dbus_watch_get_enabled() has changed; or `NULL`.
 * @param data Given to the functions.
 * @param free_data_function Called with the data when others have been set, or the server is freed;
 * or `NULL`.
 * @return `FALSE` if `add_function` did; nothing has changed then, and `data` is not freed.
 */
DBUS_EXPORT dbus_bool_t dbus_server_set_watch_functions(DBusServer *server,
                                                        DBusAddWatchFunction add_function,
                                                        DBusRemoveWatchFunction remove_function,
                                                        DBusWatchToggledFunction toggled_function,
                                                        void *data,
                                                        DBusFreeFunction free_data_function);

/**
 * Sets the functions by which a main loop learns of timeouts. They work as those of
 * dbus_connection_set_timeout_functions(). Servers have no timeouts today, but that may change.
 *
 * None of the functions may call this function for the same server.
 *
 * @param server The server.
 * @param add_function Starts a timeout; returns `FALSE` if it has no memory for that.
 * `NULL:` there is no main loop any more.
 * @param remove_function Forgets a timeout.
 * @param toggled_function Heeds that dbus_timeout_get_enabled() or the interval has changed; or
 * `NULL`.
 * @param data Given to the functions.
 * @param free_data_function Called with the data when others have been set, or the server is freed;
 * or `NULL`.
 * @return `FALSE` if `add_function` did; nothing has changed then, and `data` is not freed.
 */
DBUS_EXPORT dbus_bool_t dbus_server_set_timeout_functions(
        DBusServer *server, DBusAddTimeoutFunction add_function,
        DBusRemoveTimeoutFunction remove_function, DBusTimeoutToggledFunction toggled_function,
        void *data, DBusFreeFunction free_data_function);

/**
 * Chooses how clients may authenticate from now on; connections that were made stay as they are.
 * The mechanisms that there are: `EXTERNAL`, `DBUS_COOKIE_SHA1`, `ANONYMOUS`. Names of others
 * are ignored.
 *
 * @param server The server.
 * @param mechanisms Names, with `NULL` behind the last, which are copied; or `NULL:` all that
 * there are, as it is at first.
 * @return `FALSE` if there is no memory; nothing has changed then.
 */
DBUS_EXPORT dbus_bool_t dbus_server_set_auth_mechanisms(DBusServer *server,
                                                        const char **mechanisms);

/**
 * Allocates a number under which applications can attach data to every server.
 *
 * @param slot_p Where the number is kept. It is set if it is -1; a slot that was allocated before
 * gets one more user instead.
 * @return `FALSE` if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_server_allocate_data_slot(dbus_int32_t *slot_p);

/**
 * Drops one use of a slot. With the last one the number is free for others, and `slot_p` is set to
 * -1. Data that servers still have there is freed when they are, or when other data is set.
 *
 * @param slot_p Where the number is kept.
 */
DBUS_EXPORT void dbus_server_free_data_slot(dbus_int32_t *slot_p);

/**
 * Attaches data to a server, instead of what was in the slot before, which is freed.
 *
 * @param server The server.
 * @param slot A slot of dbus_server_allocate_data_slot().
 * @param data The data.
 * @param free_data_func Called with the data when other data is set, or the server is freed; or
 * `NULL`.
 * @return `FALSE` if there is no memory, or the slot is not allocated; nothing has changed then.
 */
DBUS_EXPORT dbus_bool_t dbus_server_set_data(DBusServer *server, int slot, void *data,
                                             DBusFreeFunction free_data_func);

/**
 * Returns data that was attached to a server.
 *
 * @param server The server.
 * @param slot A slot of dbus_server_allocate_data_slot().
 * @return The data, or `NULL` if none was set.
 */
DBUS_EXPORT void *dbus_server_get_data(DBusServer *server, int slot);

/**
 * Sets a variable that may have a reference to a server to `NULL`, and then drops the reference.
 *
 * @param pointer_to_server The variable; it may be `NULL` already.
 */
static inline void dbus_clear_server(DBusServer **pointer_to_server)
{
        _dbus_clear_pointer_impl(DBusServer, pointer_to_server, dbus_server_unref);
}

/** @} */

DBUS_END_DECLS

#endif /* DBUS_SERVER_H */
