/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

/* What the driver has to ask the bus: it has no connection of its own. */

static DBusMessage *ask(const char *address, const char *interface, const char *member)
{
        DBusConnection *c = connect_to(address);
        DBusMessage *m =
                dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, interface, member);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *reply;

        if (!m)
                errx(1, "no memory");
        reply = dbus_connection_send_with_reply_and_block(c, m, DBUS_TIMEOUT_INFINITE, &error);
        if (!reply)
                errx(1, "%s: %s", error.name, error.message);
        return reply;
}

int errand_reload(const char *address)
{
        return !ask(address, DBUS_INTERFACE_DBUS, "ReloadConfig");
}

/* Prints one of the totals, if it is a number. */
static void print_total(DBusMessageIter *entry)
{
        DBusMessageIter pair, value;
        dbus_uint64_t t;
        dbus_uint32_t u;
        const char *key;

        dbus_message_iter_recurse(entry, &pair);
        dbus_message_iter_get_basic(&pair, &key);
        dbus_message_iter_next(&pair);
        dbus_message_iter_recurse(&pair, &value);
        if (dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_UINT64) {
                dbus_message_iter_get_basic(&value, &t);
        } else if (dbus_message_iter_get_arg_type(&value) == DBUS_TYPE_UINT32) {
                dbus_message_iter_get_basic(&value, &u);
                t = u;
        } else {
                return;
        }
        printf("%s %llu\n", key, (unsigned long long)t);
}

int errand_totals(const char *address)
{
        DBusMessageIter i, entry;

        if (!dbus_message_iter_init(ask(address, "org.freedesktop.DBus.PeerLinks1", "ListLinks"),
                                    &i))
                return 1;
        /* They come last, behind the links, the pairs and the connections. */
        while (dbus_message_iter_has_next(&i))
                dbus_message_iter_next(&i);
        if (dbus_message_iter_get_arg_type(&i) != DBUS_TYPE_ARRAY)
                return 1;
        dbus_message_iter_recurse(&i, &entry);
        for (; dbus_message_iter_get_arg_type(&entry) == DBUS_TYPE_DICT_ENTRY;
             dbus_message_iter_next(&entry))
                print_total(&entry);
        return 0;
}
