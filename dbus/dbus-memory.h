/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_MEMORY_H
#define DBUS_MEMORY_H

#include <stddef.h>

#include <dbus/dbus-macros.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusMemory Memory
 * @ingroup DBus
 * @brief Allocating, and freeing what the library gave.
 *
 * Memory that the library hands over to a program is freed with dbus_free(), arrays of strings with
 * dbus_free_string_array(). These functions may be called by any number of threads at a time.
 *
 * @{
 */

/**
 * Frees something that an application left with the library.
 *
 * It is called when the library needs that no more, with no lock held: it may call any function,
 * except on the object that is just going.
 *
 * @param memory What was left.
 */
typedef void (*DBusFreeFunction)(void *memory);

/**
 * Allocates memory, with anything in it.
 *
 * @param bytes How much.
 * @return The memory, for dbus_free(). `NULL` if `bytes` is 0, or there is none.
 */
DBUS_EXPORT DBUS_MALLOC DBUS_ALLOC_SIZE(1) void *dbus_malloc(size_t bytes);

/**
 * Allocates memory that is all zeros.
 *
 * @param bytes How much.
 * @return The memory, for dbus_free(). `NULL` if `bytes` is 0, or there is none.
 */
DBUS_EXPORT DBUS_MALLOC DBUS_ALLOC_SIZE(1) void *dbus_malloc0(size_t bytes);

/**
 * Changes the size of memory, which may move.
 *
 * @param memory From these functions; or `NULL`, to allocate.
 * @param bytes How much it shall be. 0: it is freed.
 * @return The memory, for dbus_free(). `NULL` if `bytes` is 0; or if there is none, and then
 *         `memory` stays as it is.
 */
DBUS_EXPORT DBUS_ALLOC_SIZE(2) void *dbus_realloc(void *memory, size_t bytes);

/**
 * Frees memory.
 *
 * @param memory From these functions, or from any that says so. `NULL`: nothing is done.
 */
DBUS_EXPORT void dbus_free(void *memory);

/**
 * Frees an array of strings that ends with `NULL`, and each of the strings.
 *
 * @param str_array The array. `NULL`: nothing is done.
 */
DBUS_EXPORT void dbus_free_string_array(char **str_array);

/** Allocates an array of `count` elements of a type, with anything in them. See dbus_malloc(). */
#define dbus_new(type, count) ((type *)dbus_malloc(sizeof(type) * (count)))

/** Allocates an array of `count` elements of a type, all zeros. See dbus_malloc0(). */
#define dbus_new0(type, count) ((type *)dbus_malloc0(sizeof(type) * (count)))

/**
 * Frees what the library keeps for itself, so that whatever looks for leaks finds none.
 *
 * The program has given up everything it had from the library before, and no other thread uses it.
 * Shared connections that are still open are closed: what they have received is dropped, their
 * `Disconnected` signals, too, which end the program if it has not said otherwise with
 * dbus_connection_set_exit_on_disconnect().
 *
 * The library may be used again afterwards. No program needs to call this, and no library should:
 * it cannot know who else uses D-Bus.
 */
DBUS_EXPORT void dbus_shutdown(void);

/** @} */

DBUS_END_DECLS

#endif
