/* SPDX-License-Identifier: MIT */
#ifndef DBUS_SHARED_H
#define DBUS_SHARED_H

/* Like <dbus/dbus-protocol.h>, this needs nothing of the library and may be included alone. */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * @defgroup DBusShared Names, flags and replies
 * @ingroup DBus
 * @brief Constants of the message bus, for any implementation of D-Bus.
 *
 * @{
 */

/** The message buses that everybody knows. */
typedef enum {
        DBUS_BUS_SESSION, /**< Of the user's login session. */
        DBUS_BUS_SYSTEM,  /**< Of the machine. */
        DBUS_BUS_STARTER  /**< The one that started this program, if one did. */
} DBusBusType;

/** What a function that is shown a message makes of it. */
typedef enum {
        DBUS_HANDLER_RESULT_HANDLED,         /**< It is dealt with; nobody else needs to see it. */
        DBUS_HANDLER_RESULT_NOT_YET_HANDLED, /**< Somebody else may see to it. */
        DBUS_HANDLER_RESULT_NEED_MEMORY      /**< Nothing was done: try again with more memory. */
} DBusHandlerResult;

/** @name The message bus */
/** @{ */
/** Its name. */
#define DBUS_SERVICE_DBUS "org.freedesktop.DBus"
/** The path of its object. */
#define DBUS_PATH_DBUS "/org/freedesktop/DBus"
/** The interface of that object. */
#define DBUS_INTERFACE_DBUS "org.freedesktop.DBus"
/** The one for seeing all messages. */
#define DBUS_INTERFACE_MONITORING "org.freedesktop.DBus.Monitoring"
/** The one that a bus built for debugging has, for being talkative. */
#define DBUS_INTERFACE_VERBOSE "org.freedesktop.DBus.Verbose"
/** @} */

/** @name Interfaces of any object */
/** @{ */
/** Tells what the object has. */
#define DBUS_INTERFACE_INTROSPECTABLE "org.freedesktop.DBus.Introspectable"
/** Has the object's properties. */
#define DBUS_INTERFACE_PROPERTIES "org.freedesktop.DBus.Properties"
/** Answered by every connection. */
#define DBUS_INTERFACE_PEER "org.freedesktop.DBus.Peer"
/** @} */

/** @name Within a process */
/** @{ */
/** The path of messages that the library makes for its own program. */
#define DBUS_PATH_LOCAL "/org/freedesktop/DBus/Local"
/** Their interface. Its signal `Disconnected` is the last message of every connection. */
#define DBUS_INTERFACE_LOCAL "org.freedesktop.DBus.Local"
/** @} */

/** @name Flags of RequestName */
/** @{ */
/** Others who ask to replace the owner may have the name. */
#define DBUS_NAME_FLAG_ALLOW_REPLACEMENT 0x1
/** Asks to replace the owner, if that allows it. */
#define DBUS_NAME_FLAG_REPLACE_EXISTING 0x2
/** Does not wait in the queue for the name if somebody else owns it. */
#define DBUS_NAME_FLAG_DO_NOT_QUEUE 0x4
/** @} */

/** @name Replies to RequestName */
/** @{ */
/** The caller now owns the name. */
#define DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER 1
/** Somebody else does; the caller waits in the queue. */
#define DBUS_REQUEST_NAME_REPLY_IN_QUEUE 2
/** Somebody else does; the caller does not wait. */
#define DBUS_REQUEST_NAME_REPLY_EXISTS 3
/** The caller did already. */
#define DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER 4
/** @} */

/** @name Replies to ReleaseName */
/** @{ */
/** The caller neither owns the name any more, nor waits for it. */
#define DBUS_RELEASE_NAME_REPLY_RELEASED 1
/** Nobody owns it. */
#define DBUS_RELEASE_NAME_REPLY_NON_EXISTENT 2
/** Somebody else owns it, and the caller did not wait for it. */
#define DBUS_RELEASE_NAME_REPLY_NOT_OWNER 3
/** @} */

/** @name Replies to StartServiceByName */
/** @{ */
/** The service was started. */
#define DBUS_START_REPLY_SUCCESS 1
/** It was running. */
#define DBUS_START_REPLY_ALREADY_RUNNING 2
/** @} */

/** @} */

#ifdef __cplusplus
}
#endif

#endif
