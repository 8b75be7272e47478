/* SPDX-License-Identifier: MIT */
#include "timeout.h"

#include <stdlib.h>

#include "check.h"

static DBusTimeout *timeout_of_all(struct list *l)
{
        return container_of(l, DBusTimeout, of_all);
}

DBusTimeout *timeout_new(int interval, timeout_handler handler, void *data)
{
        DBusTimeout *t = malloc(sizeof(*t));

        if (!t)
                return NULL;
        *t = (DBusTimeout){
                .interval = interval,
                .enabled = true,
                .handler = handler,
                .handler_data = data,
        };
        list_init(&t->of_all);
        return t;
}

DBusTimeout *timeout_free(DBusTimeout *t)
{
        if (t) {
                slot_value_free(&t->data);
                free(t);
        }
        return NULL;
}

void timeout_list_init(struct timeout_list *l)
{
        *l = (struct timeout_list){0};
        list_init(&l->timeouts);
}

dbus_bool_t timeout_list_add(struct timeout_list *l, DBusTimeout *t)
{
        list_append(&l->timeouts, &t->of_all);
        if (!l->add || l->add(t, l->data.data))
                return TRUE;
        list_remove(&t->of_all);
        return FALSE;
}

void timeout_list_remove(struct timeout_list *l, DBusTimeout *t)
{
        list_remove(&t->of_all);
        if (l->remove)
                l->remove(t, l->data.data);
}

dbus_bool_t timeout_list_set(struct timeout_list *l, DBusAddTimeoutFunction add,
                             DBusRemoveTimeoutFunction remove, DBusTimeoutToggledFunction toggled,
                             void *data, DBusFreeFunction free_data)
{
        struct slot_value old = l->data;
        struct list *i;

        /* In the order of watch_list_set(). */
        for (i = l->timeouts.next; add && i != &l->timeouts; i = i->next) {
                if (add(timeout_of_all(i), data))
                        continue;
                while ((i = i->prev) != &l->timeouts)
                        if (remove)
                                remove(timeout_of_all(i), data);
                return FALSE;
        }
        for (i = l->timeouts.next; l->remove && i != &l->timeouts; i = i->next)
                l->remove(timeout_of_all(i), old.data);
        l->add = add;
        l->remove = remove;
        l->toggled = toggled;
        l->data = (struct slot_value){data, free_data};
        slot_value_free(&old);
        return TRUE;
}

int dbus_timeout_get_interval(DBusTimeout *timeout)
{
        if (!CHECK(timeout != NULL))
                return 0;
        return timeout->interval;
}

void *dbus_timeout_get_data(DBusTimeout *timeout)
{
        if (!CHECK(timeout != NULL))
                return NULL;
        return timeout->data.data;
}

void dbus_timeout_set_data(DBusTimeout *timeout, void *data, DBusFreeFunction free_data_function)
{
        struct slot_value old;

        if (!CHECK(timeout != NULL))
                return;
        old = timeout->data;
        timeout->data = (struct slot_value){data, free_data_function};
        slot_value_free(&old);
}

dbus_bool_t dbus_timeout_handle(DBusTimeout *timeout)
{
        if (!CHECK(timeout != NULL))
                return FALSE;
        return timeout->handler(timeout->handler_data);
}

dbus_bool_t dbus_timeout_get_enabled(DBusTimeout *timeout)
{
        if (!CHECK(timeout != NULL))
                return FALSE;
        return timeout->enabled;
}
