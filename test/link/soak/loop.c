/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <poll.h>

#include "worker.h"

/* A main loop as an application may have it, with watches and nothing else. */

#define MAX_WATCHES 8

static DBusWatch *watches[MAX_WATCHES];

static dbus_bool_t add_watch(DBusWatch *watch, void *data)
{
        (void)data;
        for (unsigned i = 0; i < MAX_WATCHES; ++i) {
                if (!watches[i]) {
                        watches[i] = watch;
                        return TRUE;
                }
        }
        return FALSE;
}

static void remove_watch(DBusWatch *watch, void *data)
{
        (void)data;
        for (unsigned i = 0; i < MAX_WATCHES; ++i) {
                if (watches[i] == watch)
                        watches[i] = NULL;
        }
}

void loop_attach(DBusConnection *c)
{
        if (!dbus_connection_set_watch_functions(c, add_watch, remove_watch, NULL, NULL, NULL))
                errx(1, "no memory");
}

static short to_poll(unsigned flags)
{
        return (short)((flags & DBUS_WATCH_READABLE ? POLLIN : 0) |
                       (flags & DBUS_WATCH_WRITABLE ? POLLOUT : 0));
}

static unsigned from_poll(short events)
{
        return (events & POLLIN ? DBUS_WATCH_READABLE : 0u) |
               (events & POLLOUT ? DBUS_WATCH_WRITABLE : 0u) |
               (events & POLLERR ? DBUS_WATCH_ERROR : 0u) |
               (events & POLLHUP ? DBUS_WATCH_HANGUP : 0u);
}

static void handle_watches(int timeout_ms)
{
        struct pollfd fds[MAX_WATCHES];
        DBusWatch *of[MAX_WATCHES];
        nfds_t n = 0;

        for (unsigned i = 0; i < MAX_WATCHES; ++i) {
                if (!watches[i] || !dbus_watch_get_enabled(watches[i]))
                        continue;
                of[n] = watches[i];
                fds[n++] = (struct pollfd){.fd = dbus_watch_get_unix_fd(watches[i]),
                                           .events = to_poll(dbus_watch_get_flags(watches[i]))};
        }
        if (poll(fds, n, timeout_ms) <= 0)
                return;
        for (nfds_t i = 0; i < n; ++i) {
                bool is_there = false;

                /* Handling one may have removed another. */
                for (unsigned j = 0; j < MAX_WATCHES; ++j)
                        is_there |= watches[j] == of[i];
                if (is_there && fds[i].revents)
                        dbus_watch_handle(of[i], from_poll(fds[i].revents));
        }
}

void loop_turn(DBusConnection *c, bool own, int timeout_ms)
{
        if (own)
                handle_watches(timeout_ms);
        else
                dbus_connection_read_write(c, timeout_ms);
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                ;
}
