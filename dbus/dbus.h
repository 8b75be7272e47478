/* SPDX-License-Identifier: MIT */
#ifndef DBUS_H
#define DBUS_H

/**
 * @mainpage
 *
 * libdbus-1 is the small library below the bindings that most applications use D-Bus through. It
 * gives them messages, connections that carry messages, and servers that accept connections, and
 * fits into any main loop. It has no main loop, objects or types of its own.
 *
 * Where to begin:
 * - @ref DBusMessage : making, filling and reading messages.
 * - @ref DBusConnection : sending and receiving them, calling methods, answering calls.
 * - @ref DBusBus : connecting to a message bus, and what one asks of it.
 * - @ref DBusServer : accepting connections without a bus.
 * - @ref DBusErrors : how functions say what went wrong.
 * - @ref DBusMemory : who frees what.
 * - @ref DBusThreads : what threads may do.
 *
 * Words are used as in the D-Bus specification. In all of this manual:
 * - A function that fails for want of memory says so in the way that its description tells; it
 *   leaves its arguments as they were.
 * - A pointer argument must not be `NULL` unless its description allows it. A wrong argument is a
 *   bug in the program: the library writes a warning about it to standard error, and aborts, unless
 *   the environment variable `DBUS_FATAL_WARNINGS` is `0`. Then the call does nothing and returns
 *   as if it had failed, as far as it can. It sets no DBusError. Texts, names, paths and signatures
 *   that are passed have to be valid, too.
 * - Strings are UTF-8 and end with a NUL.
 * - No function blocks unless its description says that it does.
 */

/**
 * @defgroup DBus D-Bus client library
 * @brief What programs that include <dbus/dbus.h> may use.
 */

/* Each of these headers belongs to the whole: they refuse to be included alone. */
#define DBUS_INSIDE_DBUS_H 1

#include <dbus/dbus-arch-deps.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-types.h>

#include <dbus/dbus-protocol.h>
#include <dbus/dbus-shared.h>

#include <dbus/dbus-errors.h>
#include <dbus/dbus-memory.h>
#include <dbus/dbus-misc.h>
#include <dbus/dbus-syntax.h>
#include <dbus/dbus-threads.h>

#include <dbus/dbus-message.h>
#include <dbus/dbus-signature.h>

#include <dbus/dbus-address.h>
#include <dbus/dbus-bus.h>
#include <dbus/dbus-connection.h>
#include <dbus/dbus-pending-call.h>
#include <dbus/dbus-server.h>

#undef DBUS_INSIDE_DBUS_H

#endif
