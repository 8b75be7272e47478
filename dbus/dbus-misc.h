/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_MISC_H
#define DBUS_MISC_H

#include <dbus/dbus-errors.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusMisc This machine, this version
 * @ingroup DBus
 * @brief What belongs nowhere else.
 *
 * @{
 */

/**
 * Gives the identifier of the machine that the program runs on: the same for all processes that
 * share its kernel, until it is started again at least. A peer tells its own when it is called
 * `org.freedesktop.DBus.Peer.GetMachineId`.
 *
 * It is read from the files that the specification names, which may block as reading files does.
 * Any thread may call it.
 *
 * @param error #DBUS_ERROR_NO_MEMORY, #DBUS_ERROR_FILE_NOT_FOUND, #DBUS_ERROR_INVALID_FILE_CONTENT,
 *        or another that tells why no file could be read. Or `NULL`.
 * @return 32 hexadecimal digits, for dbus_free(); or `NULL`.
 */
DBUS_EXPORT char *dbus_try_get_local_machine_id(DBusError *error);

/**
 * As dbus_try_get_local_machine_id(), but takes a machine without an identifier for one that is set
 * up wrongly: it warns, as of a bug, and so aborts by default.
 *
 * @return 32 hexadecimal digits, for dbus_free(); or `NULL` if there is no memory, or no
 * identifier.
 */
DBUS_EXPORT char *dbus_get_local_machine_id(void);

/**
 * Tells the version of the library that the program runs with. `DBUS_VERSION` is that of the one it
 * was compiled with.
 *
 * @param major_version_p Set to the first part. Or `NULL`.
 * @param minor_version_p Set to the second part. Or `NULL`.
 * @param micro_version_p Set to the third part. Or `NULL`.
 */
DBUS_EXPORT void dbus_get_version(int *major_version_p, int *minor_version_p, int *micro_version_p);

/**
 * Sets or removes an environment variable. No other thread may look at the environment meanwhile.
 *
 * @param variable Its name.
 * @param value Its value, which is copied. `NULL`: the variable is removed.
 * @return #FALSE if there is no memory, or the name has a `=` in it or is empty.
 */
DBUS_EXPORT dbus_bool_t dbus_setenv(const char *variable, const char *value);

/** @} */

DBUS_END_DECLS

#endif
