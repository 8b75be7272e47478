/* SPDX-License-Identifier: MIT */
#include "watches.h"

#include <glib.h>
#include <poll.h>

struct watches {
        DBusConnection *connection;
        GPtrArray *all; /* DBusWatch */
};

static dbus_bool_t add(DBusWatch *watch, void *data)
{
        g_ptr_array_add(data, watch);
        return TRUE;
}

static void take_away(DBusWatch *watch, void *data)
{
        g_ptr_array_remove(data, watch);
}

/* Each is asked whether it is enabled whenever that matters. */
static void toggle(DBusWatch *watch, void *data)
{
        (void)watch;
        (void)data;
}

struct watches *watches_new(DBusConnection *c)
{
        struct watches *w = g_new0(struct watches, 1);

        w->connection = dbus_connection_ref(c);
        w->all = g_ptr_array_new();
        g_assert_true(dbus_connection_set_watch_functions(c, add, take_away, toggle, w->all, NULL));
        return w;
}

struct watches *watches_free(struct watches *w)
{
        g_assert_true(
                dbus_connection_set_watch_functions(w->connection, NULL, NULL, NULL, NULL, NULL));
        dbus_connection_unref(w->connection);
        g_ptr_array_unref(w->all);
        g_free(w);
        return NULL;
}

unsigned watches_count(const struct watches *w)
{
        return w->all->len;
}

static DBusWatch *find_ready(const struct watches *w)
{
        for (guint i = 0; i < w->all->len; ++i) {
                DBusWatch *watch = g_ptr_array_index(w->all, i);
                struct pollfd p = {.fd = dbus_watch_get_unix_fd(watch), .events = POLLIN};

                if (dbus_watch_get_enabled(watch) &&
                    (dbus_watch_get_flags(watch) & DBUS_WATCH_READABLE) && poll(&p, 1, 0) > 0)
                        return watch;
        }
        return NULL;
}

bool watches_ready(const struct watches *w)
{
        return find_ready(w);
}

bool watches_turn(struct watches *w)
{
        DBusWatch *watch = find_ready(w);

        if (watch)
                dbus_watch_handle(watch, DBUS_WATCH_READABLE);
        while (dbus_connection_dispatch(w->connection) == DBUS_DISPATCH_DATA_REMAINS)
                ;
        return watch;
}
