/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdlib.h>

#include "check.h"

static struct filter *filter_of(struct list *l)
{
        return container_of(l, struct filter, of_all);
}

/* Drops a reference; returns the filter if it was the last, for filter_free() without the lock. */
static struct filter *filter_unref(struct filter *f)
{
        if (--f->refs)
                return NULL;
        list_remove(&f->of_all);
        return f;
}

static void filter_free(struct filter *f)
{
        if (!f)
                return;
        slot_value_free(&f->data);
        free(f);
}

dbus_bool_t dbus_connection_add_filter(DBusConnection *connection,
                                       DBusHandleMessageFunction function, void *user_data,
                                       DBusFreeFunction free_data_function)
{
        struct filter *f;

        if (!CHECK(connection != NULL) || !CHECK(function != NULL))
                return FALSE;
        f = malloc(sizeof(*f));
        if (!f)
                return FALSE;
        *f = (struct filter){
                .refs = 1, .function = function, .data = {user_data, free_data_function}};
        connection_lock(connection);
        f->number = connection->n_filters_ever++;
        list_append(&connection->filters, &f->of_all);
        connection_unlock(connection);
        return TRUE;
}

void dbus_connection_remove_filter(DBusConnection *connection, DBusHandleMessageFunction function,
                                   void *user_data)
{
        struct filter *gone = NULL;
        struct list *l;

        if (!CHECK(connection != NULL) || !CHECK(function != NULL))
                return;
        connection_lock(connection);
        for (l = connection->filters.prev; l != &connection->filters; l = l->prev) {
                struct filter *f = filter_of(l);

                if (f->function == function && f->data.data == user_data) {
                        /* It stays in its place while somebody stands there. */
                        f->function = NULL;
                        gone = filter_unref(f);
                        break;
                }
        }
        connection_unlock(connection);
        if (l == &connection->filters)
                warn_misuse("Attempt to remove filter function %p user data %p, but no such filter "
                            "has been added",
                            (void *)(uintptr_t)function, user_data);
        filter_free(gone);
}

/* The first filter with a number of `from` or more, and below `limit`, or NULL. */
static struct filter *next_filter(DBusConnection *c, uint64_t from, uint64_t limit)
{
        for (struct list *l = c->filters.next; l != &c->filters; l = l->next) {
                struct filter *f = filter_of(l);

                if (f->number >= limit)
                        return NULL;
                if (f->number >= from && f->function)
                        return f;
        }
        return NULL;
}

DBusHandlerResult filters_run(DBusConnection *c, DBusMessage *m)
{
        DBusHandlerResult result = DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        uint64_t limit = c->n_filters_ever; /* those added meanwhile are for later messages */
        uint64_t from = 0;

        /* Filters come and go while one is called: only their numbers can be relied on. */
        while (result == DBUS_HANDLER_RESULT_NOT_YET_HANDLED) {
                struct filter *f = next_filter(c, from, limit), *gone;
                DBusHandleMessageFunction function;

                if (!f)
                        break;
                function = f->function;
                from = f->number + 1;
                f->refs += 1;
                connection_unlock(c);
                result = function(c, m, f->data.data);
                connection_lock(c);
                gone = filter_unref(f);
                if (gone) {
                        connection_unlock(c);
                        filter_free(gone);
                        connection_lock(c);
                }
        }
        return result;
}

void filters_deinit(DBusConnection *c)
{
        while (!list_empty(&c->filters))
                filter_free(filter_unref(filter_of(c->filters.next)));
}
