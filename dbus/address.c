/* SPDX-License-Identifier: MIT */
#include "core/address.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/list.h"

/* The entries of one text are an array, as core makes it; applications see an array of pointers
 * to them. */
struct DBusAddressEntry {
        struct address address;
};

/* Says why a text was refused, and frees what core said about it. */
static void set_address_error(DBusError *error, int r, char *text)
{
        if (r == ADDRESS_E_BAD && text)
                dbus_set_error(error, DBUS_ERROR_BAD_ADDRESS, "%s", text);
        else
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        free(text);
}

dbus_bool_t dbus_parse_address(const char *address, DBusAddressEntry ***entry_result,
                               int *array_len, DBusError *error)
{
        DBusAddressEntry **entries;
        struct address *list;
        char *text = NULL;
        size_t n;
        int r;

        if (!CHECK(address != NULL) || !CHECK(entry_result != NULL) || !CHECK(array_len != NULL))
                return FALSE;
        r = addresses_parse(address, &list, &n, &text);
        if (r) {
                set_address_error(error, r, text);
                return FALSE;
        }
        entries = n < INT_MAX ? malloc((n + 1) * sizeof(*entries)) : NULL;
        if (!entries) {
                addresses_free(list, n);
                set_address_error(error, -ENOMEM, NULL);
                return FALSE;
        }
        for (size_t i = 0; i < n; i++)
                entries[i] = container_of(&list[i], DBusAddressEntry, address);
        entries[n] = NULL;
        *entry_result = entries;
        *array_len = (int)n;
        return TRUE;
}

void dbus_address_entries_free(DBusAddressEntry **entries)
{
        size_t n = 0;

        if (!CHECK(entries != NULL))
                return;
        while (entries[n])
                n++;
        if (n)
                addresses_free(&entries[0]->address, n);
        free(entries);
}

const char *dbus_address_entry_get_method(DBusAddressEntry *entry)
{
        if (!CHECK(entry != NULL))
                return NULL;
        return entry->address.transport;
}

const char *dbus_address_entry_get_value(DBusAddressEntry *entry, const char *key)
{
        if (!CHECK(entry != NULL) || !CHECK(key != NULL))
                return NULL;
        return address_get(&entry->address, key);
}

char *dbus_address_escape_value(const char *value)
{
        char *escaped;

        if (!CHECK(value != NULL))
                return NULL;
        return address_escape(value, &escaped) ? NULL : escaped;
}

char *dbus_address_unescape_value(const char *value, DBusError *error)
{
        char *plain, *text = NULL;
        int r;

        if (!CHECK(value != NULL))
                return NULL;
        r = address_unescape(value, &plain, &text);
        if (r) {
                set_address_error(error, r, text);
                return NULL;
        }
        return plain;
}
