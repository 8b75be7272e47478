/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Watches: descriptors that a connection or server wants its application's main loop to poll, and
 * the functions by which that main loop hears of them.
 */

#include <stdatomic.h>
#include <stdbool.h>

#include <dbus/dbus.h>

#include "core/list.h"
#include "data-slot.h"

/* What a watch is for: called with the ready conditions (DBUS_WATCH_*), no lock held. Returns FALSE
 * if there was no memory. */
typedef dbus_bool_t (*watch_handler)(DBusWatch *watch, unsigned flags, void *data);

struct DBusWatch {
        int fd; /* -1 once the object that has the watch has dropped it */
        unsigned flags;
        atomic_bool enabled; /* main loops look at it whenever they like */
        watch_handler handler;
        void *handler_data;
        struct slot_value data; /* of dbus_watch_set_data() */
        struct list of_all;     /* in watch_list.watches */
};

struct watch_list {
        struct list watches;
        DBusAddWatchFunction add; /* NULL: no main loop */
        DBusRemoveWatchFunction remove;
        DBusWatchToggledFunction toggled; /* or NULL */
        struct slot_value data;           /* for the three functions */
};

/* Returns NULL if there is no memory. The watch is on no list. */
DBusWatch *watch_new(int fd, unsigned flags, bool enabled, watch_handler handler, void *data);

/* Frees a watch that is on no list. NULL is fine. Returns NULL. */
DBusWatch *watch_free(DBusWatch *w);

void watch_list_init(struct watch_list *l);

/*
 * These call the functions of the main loop, if there are any: with no lock held.
 * watch_list_add() and watch_list_set() return FALSE if the main loop did (no memory); then
 * nothing is changed, and watch_list_set() has removed again what it had added.
 */
dbus_bool_t watch_list_add(struct watch_list *l, DBusWatch *w);
void watch_list_remove(struct watch_list *l, DBusWatch *w);
void watch_list_toggle(struct watch_list *l, DBusWatch *w, bool enabled);
dbus_bool_t watch_list_set(struct watch_list *l, DBusAddWatchFunction add,
                           DBusRemoveWatchFunction remove, DBusWatchToggledFunction toggled,
                           void *data, DBusFreeFunction free_data);
