/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/*
 * What the reference's own dbus-send, dbus-monitor, dbus-test-tool and dbus-run-session ask of the
 * library beyond its API: so that those of a distribution go on running when this library takes
 * the place of theirs. They find it under the version of the reference that they were built with
 * (libdbus-1.map). Nothing here calls any of it.
 */

void _dbus_get_real_time(long *tv_sec, long *tv_usec);
void _dbus_sleep_milliseconds(int milliseconds);
void _dbus_fd_clear_close_on_exec(int fd);
void _dbus_fd_set_all_close_on_exec(void);
void _dbus_connection_set_builtin_filters_enabled(DBusConnection *connection, dbus_bool_t value);

/* The time of day. Either result may be NULL. */
void _dbus_get_real_time(long *tv_sec, long *tv_usec)
{
        struct timespec t;

        clock_gettime(CLOCK_REALTIME, &t);
        if (tv_sec)
                *tv_sec = t.tv_sec;
        if (tv_usec)
                *tv_usec = t.tv_nsec / 1000;
}

void _dbus_sleep_milliseconds(int milliseconds)
{
        struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000L};

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

void _dbus_fd_clear_close_on_exec(int fd)
{
        int flags = fcntl(fd, F_GETFD);

        if (flags >= 0)
                fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC);
}

/* All but standard input, output and error are closed in programs that this one becomes. */
void _dbus_fd_set_all_close_on_exec(void)
{
        close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
}

/* Without built-in filters, calls of org.freedesktop.DBus.Peer go to the application like others:
 * a monitor sees those that were not for it. */
void _dbus_connection_set_builtin_filters_enabled(DBusConnection *connection, dbus_bool_t value)
{
        connection_lock(connection);
        connection->no_builtin_filters = !value;
        connection_unlock(connection);
}
