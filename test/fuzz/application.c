/* SPDX-License-Identifier: MIT */
#include "application.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "fuzz.h"

/* Main loop */

static dbus_bool_t add(void *listp, void *element)
{
        void **list = listp;

        for (unsigned i = 0; i < MAX_LOOPED; ++i) {
                require(list[i] != element);
                if (!list[i]) {
                        list[i] = element;
                        return TRUE;
                }
        }
        return FALSE;
}

static void take(void *listp, void *element)
{
        void **list = listp;
        unsigned i = 0;

        while (i < MAX_LOOPED && list[i] != element)
                i += 1;
        require(i < MAX_LOOPED);
        list[i] = NULL;
}

dbus_bool_t main_loop_add_watch(DBusWatch *watch, void *loop)
{
        require(dbus_watch_get_unix_fd(watch) >= 0);
        return add(((struct main_loop *)loop)->watches, watch);
}

void main_loop_remove_watch(DBusWatch *watch, void *loop)
{
        /* The descriptor is still what it was: it may be in an epoll set. */
        require(dbus_watch_get_unix_fd(watch) >= 0);
        take(((struct main_loop *)loop)->watches, watch);
}

dbus_bool_t main_loop_add_timeout(DBusTimeout *timeout, void *loop)
{
        require(dbus_timeout_get_interval(timeout) >= 0);
        return add(((struct main_loop *)loop)->timeouts, timeout);
}

void main_loop_remove_timeout(DBusTimeout *timeout, void *loop)
{
        take(((struct main_loop *)loop)->timeouts, timeout);
}

/* What poll() says about a watch, in libdbus's words. */
static unsigned ready_flags(DBusWatch *watch)
{
        unsigned wanted = dbus_watch_get_flags(watch);
        struct pollfd polled = {.fd = dbus_watch_get_unix_fd(watch)};

        if (wanted & DBUS_WATCH_READABLE)
                polled.events |= POLLIN;
        if (wanted & DBUS_WATCH_WRITABLE)
                polled.events |= POLLOUT;
        if (poll(&polled, 1, 0) <= 0)
                return 0;
        require(!(polled.revents & POLLNVAL));
        return (polled.revents & POLLIN ? DBUS_WATCH_READABLE : 0u) |
               (polled.revents & POLLOUT ? DBUS_WATCH_WRITABLE : 0u) |
               (polled.revents & POLLHUP ? DBUS_WATCH_HANGUP : 0u) |
               (polled.revents & POLLERR ? DBUS_WATCH_ERROR : 0u);
}

dbus_bool_t main_loop_turn(struct main_loop *loop)
{
        dbus_bool_t any = FALSE;

        for (unsigned i = 0; i < MAX_LOOPED; ++i) {
                DBusWatch *watch = loop->watches[i];
                unsigned flags;

                if (!watch || !dbus_watch_get_enabled(watch))
                        continue;
                flags = ready_flags(watch);
                if (!flags)
                        continue;
                dbus_watch_handle(watch, flags);
                any = TRUE;
        }
        return any;
}

void main_loop_pass_time(struct main_loop *loop)
{
        for (unsigned i = 0; i < MAX_LOOPED; ++i) {
                if (loop->timeouts[i] && dbus_timeout_get_enabled(loop->timeouts[i]))
                        dbus_timeout_handle(loop->timeouts[i]);
        }
}

dbus_bool_t main_loop_is_empty(const struct main_loop *loop)
{
        for (unsigned i = 0; i < MAX_LOOPED; ++i) {
                if (loop->watches[i] || loop->timeouts[i])
                        return FALSE;
        }
        return TRUE;
}

/* Messages */

static void read_values(DBusMessageIter *i);

static void read_value(DBusMessageIter *i, int type)
{
        DBusMessageIter inside;
        DBusBasicValue value;

        if (type == DBUS_TYPE_UNIX_FD) {
                dbus_message_iter_get_basic(i, &value);
                if (value.fd >= 0)
                        close(value.fd);
        } else if (dbus_type_is_basic(type)) {
                dbus_message_iter_get_basic(i, &value);
                require(dbus_type_is_fixed(type) ||
                        strlen(value.str) < DBUS_MAXIMUM_MESSAGE_LENGTH);
        } else {
                dbus_message_iter_recurse(i, &inside);
                read_values(&inside);
        }
}

static void read_values(DBusMessageIter *i)
{
        int type;

        while ((type = dbus_message_iter_get_arg_type(i)) != DBUS_TYPE_INVALID) {
                read_value(i, type);
                dbus_message_iter_next(i);
        }
}

void read_message(DBusMessage *m)
{
        DBusMessageIter i;
        DBusMessage *again;
        char *bytes;
        int n;

        if (dbus_message_iter_init(m, &i))
                read_values(&i);
        /* What the library itself has to say has no serial, and would not be a message elsewhere.
         */
        if (!dbus_message_get_serial(m) || dbus_message_has_path(m, DBUS_PATH_LOCAL))
                return;
        require(dbus_message_marshal(m, &bytes, &n));
        require(dbus_message_demarshal_bytes_needed(bytes, n) == n);
        again = dbus_message_demarshal(bytes, n, NULL);
        require(again || dbus_message_contains_unix_fds(m));
        if (again)
                dbus_message_unref(again);
        dbus_free(bytes);
}
