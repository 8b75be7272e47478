/* SPDX-License-Identifier: MIT */
#include "watch.h"

#include <stdlib.h>

#include "check.h"

/* Conditions that a main loop may tell of whether or not they were asked for. */
#define WATCH_ALWAYS (DBUS_WATCH_ERROR | DBUS_WATCH_HANGUP)

static DBusWatch *watch_of_all(struct list *l)
{
        return container_of(l, DBusWatch, of_all);
}

DBusWatch *watch_new(int fd, unsigned flags, bool enabled, watch_handler handler, void *data)
{
        DBusWatch *w = malloc(sizeof(*w));

        if (!w)
                return NULL;
        *w = (DBusWatch){
                .fd = fd,
                .flags = flags,
                .enabled = enabled,
                .handler = handler,
                .handler_data = data,
        };
        list_init(&w->of_all);
        return w;
}

DBusWatch *watch_free(DBusWatch *w)
{
        if (w) {
                slot_value_free(&w->data);
                free(w);
        }
        return NULL;
}

void watch_list_init(struct watch_list *l)
{
        *l = (struct watch_list){0};
        list_init(&l->watches);
}

dbus_bool_t watch_list_add(struct watch_list *l, DBusWatch *w)
{
        list_append(&l->watches, &w->of_all);
        if (!l->add || l->add(w, l->data.data))
                return TRUE;
        list_remove(&w->of_all);
        return FALSE;
}

void watch_list_remove(struct watch_list *l, DBusWatch *w)
{
        list_remove(&w->of_all);
        if (l->remove)
                l->remove(w, l->data.data);
}

void watch_list_toggle(struct watch_list *l, DBusWatch *w, bool enabled)
{
        if (w->enabled == enabled)
                return;
        w->enabled = enabled;
        if (l->toggled)
                l->toggled(w, l->data.data);
}

dbus_bool_t watch_list_set(struct watch_list *l, DBusAddWatchFunction add,
                           DBusRemoveWatchFunction remove, DBusWatchToggledFunction toggled,
                           void *data, DBusFreeFunction free_data)
{
        struct slot_value old = l->data;
        struct list *i;

        /* The new main loop hears of a watch before the old one is told to forget it: so do users
         * of the reference, whose watches keep the data of dbus_watch_set_data() between them. */
        for (i = l->watches.next; add && i != &l->watches; i = i->next) {
                if (add(watch_of_all(i), data))
                        continue;
                while ((i = i->prev) != &l->watches)
                        if (remove)
                                remove(watch_of_all(i), data);
                return FALSE;
        }
        for (i = l->watches.next; l->remove && i != &l->watches; i = i->next)
                l->remove(watch_of_all(i), old.data);
        l->add = add;
        l->remove = remove;
        l->toggled = toggled;
        l->data = (struct slot_value){data, free_data};
        slot_value_free(&old);
        return TRUE;
}

int dbus_watch_get_fd(DBusWatch *watch)
{
        return dbus_watch_get_unix_fd(watch);
}

int dbus_watch_get_unix_fd(DBusWatch *watch)
{
        if (!CHECK(watch != NULL))
                return -1;
        return watch->fd;
}

int dbus_watch_get_socket(DBusWatch *watch)
{
        if (!CHECK(watch != NULL))
                return -1;
        return watch->fd;
}

unsigned int dbus_watch_get_flags(DBusWatch *watch)
{
        if (!CHECK(watch != NULL))
                return 0;
        return watch->flags;
}

void *dbus_watch_get_data(DBusWatch *watch)
{
        if (!CHECK(watch != NULL))
                return NULL;
        return watch->data.data;
}

void dbus_watch_set_data(DBusWatch *watch, void *data, DBusFreeFunction free_data_function)
{
        struct slot_value old;

        if (!CHECK(watch != NULL))
                return;
        old = watch->data;
        watch->data = (struct slot_value){data, free_data_function};
        slot_value_free(&old);
}

dbus_bool_t dbus_watch_get_enabled(DBusWatch *watch)
{
        if (!CHECK(watch != NULL))
                return FALSE;
        return watch->enabled;
}

dbus_bool_t dbus_watch_handle(DBusWatch *watch, unsigned int flags)
{
        if (!CHECK(watch != NULL))
                return FALSE;
        if (watch->fd < 0) {
                warn_misuse("Watch is invalid, it should have been removed");
                return TRUE;
        }
        flags &= watch->flags | WATCH_ALWAYS;
        return flags == 0 || watch->handler(watch, flags, watch->handler_data);
}
