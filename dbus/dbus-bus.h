/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_BUS_H
#define DBUS_BUS_H

#include <dbus/dbus-connection.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusBus Message buses
 * @ingroup DBus
 * @brief Connecting to a message bus, and what one asks of it.
 *
 * Functions that ask the bus send a call, and block until the reply is there, as
 * dbus_connection_send_with_reply_and_block() does, with the default timeout: what that sets the
 * error to, they set it to as well. Programs that must not block send the calls themselves.
 *
 * @{
 */

/**
 * Gives the connection to a bus that all parts of the program share. Makes it, if there is none
 * that is open, and registers it: then it blocks. A new one ends the program when it is lost; see
 * dbus_connection_set_exit_on_disconnect().
 *
 * The addresses come from the environment variables `DBUS_SESSION_BUS_ADDRESS`,
 * `DBUS_SYSTEM_BUS_ADDRESS` and `DBUS_STARTER_ADDRESS`, unless the program runs with the rights of
 * somebody else than who started it. `DBUS_STARTER_BUS_TYPE` tells which of the others
 * #DBUS_BUS_STARTER is. The session bus is looked for in `XDG_RUNTIME_DIR`, or started, if its
 * variable is not set; the system bus is at its default address.
 *
 * @param type Which bus.
 * @param error As dbus_connection_open() and dbus_bus_register() set it. Or `NULL`.
 * @return The connection, with a reference that is the caller's; `NULL` if the error is set. It is
 *         shared: not to be closed.
 */
DBUS_EXPORT DBusConnection *dbus_bus_get(DBusBusType type, DBusError *error);

/**
 * Connects to a bus as dbus_bus_get() does; always anew. Blocks.
 *
 * @param type Which bus.
 * @param error As dbus_bus_get() sets it. Or `NULL`.
 * @return The connection, with a reference that is the caller's; `NULL` if the error is set. It is
 *         private: to be closed.
 */
DBUS_EXPORT DBusConnection *dbus_bus_get_private(DBusBusType type, DBusError *error);

/**
 * Says Hello to the bus, which gives the connection its unique name. Everything else comes after
 * it. Blocks. Does nothing if it was done before. If more than one thread does it, one waits for
 * the other.
 *
 * @param connection The connection, made with dbus_connection_open() or
 *        dbus_connection_open_private().
 * @param error What went wrong. Or `NULL`.
 * @return #FALSE if the error is set.
 */
DBUS_EXPORT dbus_bool_t dbus_bus_register(DBusConnection *connection, DBusError *error);

/**
 * Tells the library the unique name, if the program said Hello itself. Once for a connection.
 *
 * @param connection The connection.
 * @param unique_name From the reply; copied.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_bus_set_unique_name(DBusConnection *connection,
                                                 const char *unique_name);

/**
 * Gives the unique name.
 *
 * @param connection The connection.
 * @return The name, which is the connection's; `NULL` if it is not registered.
 */
DBUS_EXPORT const char *dbus_bus_get_unique_name(DBusConnection *connection);

/**
 * Asks which user owns a name. Blocks.
 *
 * @param connection The connection.
 * @param name A bus name.
 * @param error #DBUS_ERROR_NAME_HAS_NO_OWNER, and others. Or `NULL`.
 * @return The user's number; `(unsigned long)-1` if the error is set.
 */
DBUS_EXPORT unsigned long dbus_bus_get_unix_user(DBusConnection *connection, const char *name,
                                                 DBusError *error);

/**
 * Asks for the identifier of the bus, which it has from its start to its end, at whichever address.
 * Blocks.
 *
 * @param connection The connection.
 * @param error What went wrong. Or `NULL`.
 * @return 32 hexadecimal digits, for dbus_free(); `NULL` if the error is set.
 */
DBUS_EXPORT char *dbus_bus_get_id(DBusConnection *connection, DBusError *error);

/**
 * Asks for a name. If somebody else owns it, and does not have to give it up, the connection waits
 * in a queue for it, unless the flags say otherwise. Blocks until the bus has answered.
 *
 * @param connection The connection.
 * @param name A well-known bus name.
 * @param flags `DBUS_NAME_FLAG_ALLOW_REPLACEMENT` and others. They stay with the connection and the
 *        name until it asks again, but for `DBUS_NAME_FLAG_REPLACE_EXISTING`.
 * @param error #DBUS_ERROR_ACCESS_DENIED, #DBUS_ERROR_LIMITS_EXCEEDED, #DBUS_ERROR_INVALID_ARGS,
 * and others. Or `NULL`.
 * @return `DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER` and others; -1 if the error is set.
 */
DBUS_EXPORT int dbus_bus_request_name(DBusConnection *connection, const char *name,
                                      unsigned int flags, DBusError *error);

/**
 * Gives up a name, or a place in the queue for it. Blocks.
 *
 * @param connection The connection.
 * @param name A well-known bus name.
 * @param error What went wrong. Or `NULL`.
 * @return `DBUS_RELEASE_NAME_REPLY_RELEASED` and others; -1 if the error is set.
 */
DBUS_EXPORT int dbus_bus_release_name(DBusConnection *connection, const char *name,
                                      DBusError *error);

/**
 * Asks whether a name has an owner, which may not be true any more when the reply is there. Blocks.
 *
 * @param connection The connection.
 * @param name A bus name.
 * @param error What went wrong. Or `NULL`.
 * @return #TRUE if it has; #FALSE if not, or the error is set.
 */
DBUS_EXPORT dbus_bool_t dbus_bus_name_has_owner(DBusConnection *connection, const char *name,
                                                DBusError *error);

/**
 * Has a service started that will own a name. A call to a name does so, too. Blocks.
 *
 * @param connection The connection.
 * @param name The name.
 * @param flags 0.
 * @param reply Set to `DBUS_START_REPLY_SUCCESS` or `DBUS_START_REPLY_ALREADY_RUNNING`. Or `NULL`.
 * @param error #DBUS_ERROR_SERVICE_UNKNOWN, `DBUS_ERROR_SPAWN_...`, and others. Or `NULL`.
 * @return #FALSE if the error is set.
 */
DBUS_EXPORT dbus_bool_t dbus_bus_start_service_by_name(DBusConnection *connection, const char *name,
                                                       dbus_uint32_t flags, dbus_uint32_t *reply,
                                                       DBusError *error);

/**
 * Adds a match rule: messages that match it, and are not meant for somebody, come here, too. What a
 * rule is, the specification says. Blocks only if somebody wants to know whether it went well.
 *
 * @param connection The connection.
 * @param rule The rule.
 * @param error #DBUS_ERROR_MATCH_RULE_INVALID, #DBUS_ERROR_LIMITS_EXCEEDED, and others. `NULL`: the
 *        call is only sent.
 */
DBUS_EXPORT void dbus_bus_add_match(DBusConnection *connection, const char *rule, DBusError *error);

/**
 * Removes a match rule that is equal to one that was added, if not in its text. Blocks only if
 * somebody wants to know whether it went well.
 *
 * @param connection The connection.
 * @param rule The rule.
 * @param error #DBUS_ERROR_MATCH_RULE_NOT_FOUND, #DBUS_ERROR_MATCH_RULE_INVALID, and others.
 * `NULL`: the call is only sent.
 */
DBUS_EXPORT void dbus_bus_remove_match(DBusConnection *connection, const char *rule,
                                       DBusError *error);

/** @} */

DBUS_END_DECLS

#endif
