/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "check.h"
#include "core/error-text.h"
#include "core/guid.h"

/* The beginning is what people search for. */
#define TEXT_NO_MACHINE_ID                                                                         \
        "D-Bus library appears to be incorrectly set up: see the manual page for dbus-uuidgen to " \
        "correct this issue. (%s; %s)"

/* Why there is none in that file, which whoever has to set it up wants to know by its name. */
static char *reason(const char *path, int problem)
{
        char *text = NULL;
        int n = problem == -EBADMSG
                        ? asprintf(&text,
                                   "UUID file '%s' should contain a hex string of length %d, with "
                                   "no other text",
                                   path, GUID_SIZE - 1)
                        : asprintf(&text, "Failed to open \"%s\": %s", path, strerror(-problem));

        return n < 0 ? NULL : text;
}

/* The last of the files is the one that decides on the error's name. */
static void explain(DBusError *error, const int problems[MACHINE_ID_FILES])
{
        int last = problems[MACHINE_ID_FILES - 1];
        char *reasons[MACHINE_ID_FILES];
        bool short_of_memory = false;

        for (size_t i = 0; i < MACHINE_ID_FILES; ++i) {
                reasons[i] = reason(machine_id_files[i], problems[i]);
                short_of_memory |= !reasons[i];
        }
        if (short_of_memory)
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
        else
                dbus_set_error(error,
                               last == -EBADMSG ? DBUS_ERROR_INVALID_FILE_CONTENT
                                                : error_name_of(-last),
                               TEXT_NO_MACHINE_ID, reasons[0], reasons[1]);
        for (size_t i = 0; i < MACHINE_ID_FILES; ++i)
                free(reasons[i]);
}

char *dbus_try_get_local_machine_id(DBusError *error)
{
        char id[GUID_SIZE], *copy;
        int problems[MACHINE_ID_FILES];
        size_t i = 0;

        while (i < MACHINE_ID_FILES &&
               (problems[i] = machine_id_read_from(machine_id_files[i], id)))
                i += 1;
        if (i == MACHINE_ID_FILES) {
                explain(error, problems);
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
