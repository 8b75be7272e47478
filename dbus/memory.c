/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include <dbus/dbus.h>

#include "connection-private.h"

/* What other parts of the library allocate with malloc() themselves is freed by dbus_free(), too.
 */

void *dbus_malloc(size_t bytes)
{
        return bytes ? malloc(bytes) : NULL;
}

void *dbus_malloc0(size_t bytes)
{
        return bytes ? calloc(1, bytes) : NULL;
}

void *dbus_realloc(void *memory, size_t bytes)
{
        if (bytes)
                return realloc(memory, bytes);
        free(memory);
        return NULL;
}

void dbus_free(void *memory)
{
        free(memory);
}

void dbus_free_string_array(char **str_array)
{
        if (!str_array)
                return;
        for (char **s = str_array; *s; s++)
                free(*s);
        free(str_array);
}

void dbus_shutdown(void)
{
        connections_shutdown();
        buses_shutdown();
}
