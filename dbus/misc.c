/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/error-text.h"
#include "core/guid.h"

/* The beginning is what people search for. */
#define TEXT_NO_MACHINE_ID                                                                         \
        "D-Bus library appears to be incorrectly set up: see the manual page for dbus-uuidgen to " \
        "correct this issue. (%s)"

char *dbus_try_get_local_machine_id(DBusError *error)
{
        char id[GUID_SIZE], *copy;
        int r = machine_id_read(id);

        if (r == -EBADMSG) {
                dbus_set_error(error, DBUS_ERROR_INVALID_FILE_CONTENT, TEXT_NO_MACHINE_ID,
                               "the file should contain a hex string of length 32, with no other "
                               "text");
                return NULL;
        }
        if (r < 0) {
                dbus_set_error(error, error_name_of(-r), TEXT_NO_MACHINE_ID, strerror(-r));
                return NULL;
        }
        copy = strdup(id);
        if (!copy)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        return copy;
}

char *dbus_get_local_machine_id(void)
{
        DBusError error = DBUS_ERROR_INIT;
        char *id = dbus_try_get_local_machine_id(&error);

        if (!id && !dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY))
                warn_misuse("%s", error.message);
        dbus_error_free(&error);
        return id;
}

void dbus_get_version(int *major_version_p, int *minor_version_p, int *micro_version_p)
{
        if (major_version_p)
                *major_version_p = DBUS_MAJOR_VERSION;
        if (minor_version_p)
                *minor_version_p = DBUS_MINOR_VERSION;
        if (micro_version_p)
                *micro_version_p = DBUS_MICRO_VERSION;
}

dbus_bool_t dbus_setenv(const char *variable, const char *value)
{
        if (value)
                return setenv(variable, value, 1) == 0;
        /* Programs that remove what cannot be there are none the wiser with the reference. */
        unsetenv(variable);
        return TRUE;
}
