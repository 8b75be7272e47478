/* SPDX-License-Identifier: MIT */
#include "open.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "autolaunch.h"

static void set_no_memory(DBusError *error)
{
        dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, "Not enough memory");
}

static dbus_bool_t open_socket(const struct address *a, struct connected *c, DBusError *error)
{
        char *text;
        int r = connect_to(a, c, &text);

        if (!r)
                return TRUE;
        if (text)
                dbus_set_error(error, connect_error_name(r), "%s", text);
        else
                set_no_memory(error);
        free(text);
        return FALSE;
}

static dbus_bool_t open_first(const char *addresses, struct connected *c, DBusError *error)
{
        struct address *list;
        dbus_bool_t ok = FALSE;
        char *text;
        size_t n;
        int r = addresses_parse(addresses, &list, &n, &text);

        if (r) {
                if (r == ADDRESS_E_BAD && text)
                        dbus_set_error(error, DBUS_ERROR_BAD_ADDRESS, "%s", text);
                else
                        set_no_memory(error);
                free(text);
                return FALSE;
        }
        /* The last error is the one to report, as the reference does. An address among these that
         * is to be launched is of no transport. */
        for (size_t i = 0; i < n && !ok; ++i) {
                if (i && error)
                        dbus_error_free(error);
                ok = open_socket(&list[i], c, error);
        }
        addresses_free(list, n);
        return ok;
}

static dbus_bool_t open_launched(struct connected *c, DBusError *error)
{
        char *addresses = autolaunch(error);
        dbus_bool_t ok = addresses && open_first(addresses, c, error);

        free(addresses);
        return ok;
}

dbus_bool_t open_address(const struct address *a, struct connected *c, DBusError *error)
{
        if (strcmp(a->transport, "autolaunch") == 0)
                return open_launched(c, error);
        return open_socket(a, c, error);
}
