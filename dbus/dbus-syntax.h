/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_SYNTAX_H
#define DBUS_SYNTAX_H

#include <dbus/dbus-errors.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusSyntax Syntax
 * @ingroup DBus
 * @brief Whether a text is what it is meant to be.
 *
 * Whatever a program got from somewhere else has to be looked at with these functions before it is
 * passed to others, for which wrong syntax is a bug in the program.
 *
 * They all take a string that ends with its first NUL, and set #DBUS_ERROR_INVALID_ARGS if it is
 * not valid. Any number of threads may call them.
 *
 * @{
 */

/**
 * Checks an object path ("/com/example/Thing").
 *
 * @param path The text.
 * @param error Set if it is not valid, or `NULL`.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_validate_path(const char *path, DBusError *error);

/**
 * Checks the name of an interface ("com.example.Thing").
 *
 * @param name The text.
 * @param error Set if it is not valid, or `NULL`.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_validate_interface(const char *name, DBusError *error);

/**
 * Checks the name of a method or signal ("Frobnicate").
 *
 * @param name The text.
 * @param error Set if it is not valid, or `NULL`.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_validate_member(const char *name, DBusError *error);

/**
 * Checks the name of an error ("com.example.Error.Broken").
 *
 * @param name The text.
 * @param error Set if it is not valid, or `NULL`.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_validate_error_name(const char *name, DBusError *error);

/**
 * Checks a bus name, unique (":1.42") or well-known ("com.example.Service").
 *
 * @param name The text.
 * @param error Set if it is not valid, or `NULL`.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_validate_bus_name(const char *name, DBusError *error);

/**
 * Checks whether a text can be a STRING in a message, that is UTF-8.
 *
 * @param alleged_utf8 The text.
 * @param error Set if it is not valid, or `NULL`.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_validate_utf8(const char *alleged_utf8, DBusError *error);

/** @} */

DBUS_END_DECLS

#endif
