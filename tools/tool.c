/* SPDX-License-Identifier: MIT */
#include "tool.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dbus/dbus.h>

const char *tool_value(const char *argument, const char *name)
{
        size_t n = strlen(name);

        return strncmp(argument, name, n) == 0 && argument[n] == '=' ? argument + n + 1 : NULL;
}

bool tool_wants_help(const char *argument)
{
        return strcmp(argument, "--help") == 0 || strcmp(argument, "-h") == 0 ||
               strcmp(argument, "-?") == 0;
}

void tool_print_version(const char *title)
{
        int major, minor, micro;

        dbus_get_version(&major, &minor, &micro);
        printf("%s %d.%d.%d\n"
               "dbus-direct " PROJECT_VERSION ", copyright (C) 2026 the dbus-direct authors\n"
               "An independent implementation, under the MIT licence; it comes with no warranty.\n",
               title, major, minor, micro);
}

void tool_out_of_memory(const char *doing)
{
        fprintf(stderr, "OOM while %s\n", doing);
        exit(EXIT_FAILURE);
}

int tool_write_all(int fd, const void *data, size_t n)
{
        const char *p = data;

        while (n) {
                ssize_t r = write(fd, p, n);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0)
                        return -errno;
                p += r;
                n -= (size_t)r;
        }
        return 0;
}

char *tool_read_all(int fd, size_t *n)
{
        size_t size = 0, room = 4096;
        char *data = malloc(room);

        while (data) {
                ssize_t r = read(fd, data + size, room - size - 1);

                if (r < 0 && errno == EINTR)
                        continue;
                if (r < 0) {
                        int error = errno;

                        free(data);
                        errno = error;
                        return NULL;
                }
                if (!r)
                        break;
                size += (size_t)r;
                if (size == room - 1) {
                        char *more = realloc(data, room * 2);

                        if (!more)
                                free(data);
                        data = more;
                        room *= 2;
                }
        }
        if (data) {
                data[size] = '\0';
                *n = size;
        }
        return data;
}
