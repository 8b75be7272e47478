/* SPDX-License-Identifier: MIT */
#include <dbus/dbus.h>

/* Every lock of the library is there from the start: nothing has to be initialized. */

dbus_bool_t dbus_threads_init(const DBusThreadFunctions *functions)
{
        (void)functions;
        return TRUE;
}

dbus_bool_t dbus_threads_init_default(void)
{
        return TRUE;
}
