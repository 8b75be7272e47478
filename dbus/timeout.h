/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Timeouts that a connection or server wants its application's main loop to keep, and the
 * functions by which that main loop hears of them.
 */

#include <stdbool.h>

#include <dbus/dbus.h>

#include "core/list.h"
#include "data-slot.h"

/* Called when the interval is over, with no lock held. Returns FALSE if there was no memory. */
typedef dbus_bool_t (*timeout_handler)(void *data);

struct DBusTimeout {
        int interval; /* milliseconds */
        bool enabled;
        timeout_handler handler;
        void *handler_data;
        struct slot_value data; /* of dbus_timeout_set_data() */
        struct list of_all;     /* in timeout_list.timeouts */
};

struct timeout_list {
        struct list timeouts;
        DBusAddTimeoutFunction add; /* NULL: no main loop */
        DBusRemoveTimeoutFunction remove;
        DBusTimeoutToggledFunction toggled; /* or NULL */
        struct slot_value data;             /* for the three functions */
};

/* As those of watches (watch.h). */
DBusTimeout *timeout_new(int interval, timeout_handler handler, void *data);
DBusTimeout *timeout_free(DBusTimeout *t);
void timeout_list_init(struct timeout_list *l);
dbus_bool_t timeout_list_add(struct timeout_list *l, DBusTimeout *t);
void timeout_list_remove(struct timeout_list *l, DBusTimeout *t);
dbus_bool_t timeout_list_set(struct timeout_list *l, DBusAddTimeoutFunction add,
                             DBusRemoveTimeoutFunction remove, DBusTimeoutToggledFunction toggled,
                             void *data, DBusFreeFunction free_data);
