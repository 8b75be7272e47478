/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_ADDRESS_H
#define DBUS_ADDRESS_H

#include <dbus/dbus-errors.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusAddress Addresses
 * @ingroup DBus
 * @brief Taking addresses of servers apart, and putting them together.
 *
 * An address is text: entries with a semicolon between them, each of which is a method, a colon,
 * and keys with values, as in `tcp:host=localhost,port=1234;unix:path=/run/bus`. Whoever connects
 * tries one entry after the other.
 *
 * @{
 */

/** One entry of an address. */
typedef struct DBusAddressEntry DBusAddressEntry;

/**
 * Takes an address apart. Which methods and keys there are makes no difference.
 *
 * @param address The text.
 * @param entry_result Set to an array of the entries, in their order, and `NULL` after the last
 * one. For dbus_address_entries_free().
 * @param array_len Set to their number, which is at least 1.
 * @param error #DBUS_ERROR_BAD_ADDRESS, #DBUS_ERROR_NO_MEMORY. Or `NULL`.
 * @return #FALSE if the error is set; nothing else is then.
 */
DBUS_EXPORT dbus_bool_t dbus_parse_address(const char *address, DBusAddressEntry ***entry_result,
                                           int *array_len, DBusError *error);

/**
 * Gives the value of a key.
 *
 * @param entry The entry.
 * @param key The key.
 * @return The value, unescaped, which is the entry's; `NULL` if it has no such key.
 */
DBUS_EXPORT const char *dbus_address_entry_get_value(DBusAddressEntry *entry, const char *key);

/**
 * Gives the method of an entry: what stands before its colon.
 *
 * @param entry The entry.
 * @return The method, which is the entry's.
 */
DBUS_EXPORT const char *dbus_address_entry_get_method(DBusAddressEntry *entry);

/**
 * Frees entries and their array.
 *
 * @param entries From dbus_parse_address().
 */
DBUS_EXPORT void dbus_address_entries_free(DBusAddressEntry **entries);

/**
 * Escapes a value so that it can stand in an address.
 *
 * @param value Any text.
 * @return The escaped text, for dbus_free(); `NULL` if there is no memory.
 */
DBUS_EXPORT char *dbus_address_escape_value(const char *value);

/**
 * Undoes dbus_address_escape_value(). Values from dbus_address_entry_get_value() need no more of
 * it.
 *
 * @param value An escaped text.
 * @param error #DBUS_ERROR_BAD_ADDRESS, #DBUS_ERROR_NO_MEMORY. Or `NULL`.
 * @return The text, for dbus_free(); `NULL` if the error is set.
 */
DBUS_EXPORT char *dbus_address_unescape_value(const char *value, DBusError *error);

/**
 * Frees entries that a variable points to, if it does, and makes it `NULL`.
 *
 * @param pointer_to_entries The variable.
 */
static inline void dbus_clear_address_entries(DBusAddressEntry ***pointer_to_entries)
{
        _dbus_clear_pointer_impl(DBusAddressEntry *, pointer_to_entries, dbus_address_entries_free);
}

/** @} */

DBUS_END_DECLS

#endif
