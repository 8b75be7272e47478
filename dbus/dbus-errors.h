/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_ERROR_H
#define DBUS_ERROR_H

#include <dbus/dbus-macros.h>
#include <dbus/dbus-protocol.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusErrors Errors
 * @ingroup DBus
 * @brief How a function says what went wrong.
 *
 * A function that can fail in more than one way takes a DBusError, as its last argument. The caller
 * provides it, initialized and not set, and owns it:
 *
 * @code
 * DBusError error = DBUS_ERROR_INIT;
 *
 * if (!dbus_parse_address(text, &entries, &n, &error)) {
 *         fprintf(stderr, "%s: %s\n", error.name, error.message);
 *         dbus_error_free(&error);
 * }
 * @endcode
 *
 * A function sets the error if and only if its result says that it failed. Everywhere, `NULL` in
 * its place means that the caller does not want to know. To pass an error that is set already is a
 * bug in the program.
 *
 * An error belongs to one thread at a time.
 *
 * @{
 */

/** See struct DBusError. */
typedef struct DBusError DBusError;

/**
 * An error, or none. The fields `name` and `message` are for reading only, and valid until the
 * error is freed or moved.
 */
struct DBusError {
        const char *name;    /**< Of the error, as in #DBUS_ERROR_FAILED; `NULL`: it is not set. */
        const char *message; /**< For people; `NULL`: it is not set. */

        unsigned int dummy1 : 1; /**< The library's. */
        unsigned int dummy2 : 1; /**< The library's. */
        unsigned int dummy3 : 1; /**< The library's. */
        unsigned int dummy4 : 1; /**< The library's. */
        unsigned int dummy5 : 1; /**< The library's. */

        void *padding1; /**< The library's. */
};

/** Initializes a variable, as dbus_error_init() does. */
#define DBUS_ERROR_INIT                                                                            \
        {                                                                                          \
                NULL, NULL, TRUE, 0, 0, 0, 0, NULL                                                 \
        }

/**
 * Makes an error that is not set. Allocates nothing: one that is never set needs no
 * dbus_error_free().
 *
 * @param error Any memory; what was in it is not looked at.
 */
DBUS_EXPORT void dbus_error_init(DBusError *error);

/**
 * Frees what an error has, and makes it one that is not set, ready to be used again.
 *
 * @param error An initialized error, set or not.
 */
DBUS_EXPORT void dbus_error_free(DBusError *error);

/**
 * Sets an error. If there is no memory for its text, it becomes #DBUS_ERROR_NO_MEMORY.
 *
 * @param error An error that is not set; `NULL`: nothing is done.
 * @param name The name, which is copied.
 * @param message Format of the text, as for printf(); `NULL`: the name is the text.
 * @param ... What the format asks for.
 */
DBUS_EXPORT void dbus_set_error(DBusError *error, const char *name, const char *message, ...)
        _DBUS_GNUC_PRINTF(3, 4);

/**
 * Sets an error from strings that stay: neither is copied, or ever freed.
 *
 * @param error An error that is not set; `NULL`: nothing is done.
 * @param name The name.
 * @param message The text, as it is; `NULL`: the name is the text.
 */
DBUS_EXPORT void dbus_set_error_const(DBusError *error, const char *name, const char *message);

/**
 * Hands an error on. The first one is not set any more afterwards.
 *
 * @param src An initialized error, set or not.
 * @param dest One that is not set, and takes over what the first one was; `NULL`: it is freed.
 */
DBUS_EXPORT void dbus_move_error(DBusError *src, DBusError *dest);

/**
 * Tells one error from others.
 *
 * @param error An initialized error.
 * @param name The name to compare with.
 * @return #TRUE if the error is set and has this name.
 */
DBUS_EXPORT dbus_bool_t dbus_error_has_name(const DBusError *error, const char *name);

/**
 * Tells whether something went wrong.
 *
 * @param error An initialized error.
 * @return #TRUE if it is set.
 */
DBUS_EXPORT dbus_bool_t dbus_error_is_set(const DBusError *error);

/** @} */

DBUS_END_DECLS

#endif
