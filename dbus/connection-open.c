/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "core/address.h"
#include "open.h"

/* Connections that were opened to be shared, and one at a time that is being opened. A server is
 * known by its guid, wherever it listens. */
static pthread_mutex_t sharing = PTHREAD_MUTEX_INITIALIZER;
static struct list shared = {&shared, &shared};

static DBusConnection *shared_of(struct list *l)
{
        return container_of(l, DBusConnection, of_shared);
}

static bool is_connected_to(DBusConnection *c, const char *guid)
{
        bool is;

        connection_lock(c);
        is = c->is_known && connection_is_open(c) && !strcmp(c->transport.guid, guid);
        /* `sharing` is locked: not the moment for the application to hear of anything. */
        pthread_mutex_unlock(&c->lock);
        return is;
}

/* The connection to the server with this guid, with a new reference, or NULL. */
static DBusConnection *shared_find(const char *guid)
{
        for (struct list *l = shared.next; l != &shared; l = l->next) {
                if (is_connected_to(shared_of(l), guid))
                        return dbus_connection_ref(shared_of(l));
        }
        return NULL;
}

static void shared_add(DBusConnection *c, bool is_known)
{
        c->is_shared = c->is_found = true;
        c->is_known = is_known;
        list_append(&shared, &dbus_connection_ref(c)->of_shared);
}

void shared_forget(DBusConnection *c)
{
        pthread_mutex_lock(&sharing);
        list_remove(&c->of_shared);
        pthread_mutex_unlock(&sharing);
        dbus_connection_unref(c);
}

/* Any of those that are kept, taken off the list, with a reference besides the list's; or NULL. */
static DBusConnection *take_shared(void)
{
        DBusConnection *c = NULL;

        pthread_mutex_lock(&sharing);
        if (!list_empty(&shared)) {
                c = dbus_connection_ref(shared_of(shared.next));
                list_remove(&c->of_shared);
        }
        pthread_mutex_unlock(&sharing);
        return c;
}

void connections_shutdown(void)
{
        DBusConnection *c;

        while ((c = take_shared())) {
                DBusMessage *m;

                connection_close_unwanted(c);
                /* The last one ends the program, unless it has said otherwise. */
                while ((m = dbus_connection_pop_message(c)))
                        dbus_message_unref(m);
                dbus_connection_unref(c);
        }
}

/* Opens a connection to one address. Returns NULL with the error set. */
static DBusConnection *open_one(const struct address *a, const char *guid, DBusError *error)
{
        struct connected socket;
        DBusConnection *c;

        if (!open_address(a, &socket, error))
                return NULL;
        if (connection_new(&c, &socket, guid, NULL) < 0) {
                close(socket.fd);
                dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
                return NULL;
        }
        return c;
}

/* The connection that an address means: one that is there, if it may be, or a new one. */
static DBusConnection *find_or_open(const struct address *a, bool may_share, DBusError *error)
{
        const char *guid = address_get(a, "guid");
        DBusConnection *c = NULL;

        if (may_share && guid)
                c = shared_find(guid);
        if (c)
                return c;
        c = open_one(a, guid, error);
        if (c && may_share)
                shared_add(c, guid);
        return c;
}

/* Tries the addresses in their order. What is wrong with the first is what the caller hears. */
static DBusConnection *open_first(const struct address *list, size_t n, bool may_share,
                                  DBusError *error)
{
        DBusError first = DBUS_ERROR_INIT;
        DBusConnection *c = NULL;

        for (size_t i = 0; i < n && !c; ++i) {
                DBusError this = DBUS_ERROR_INIT;

                c = find_or_open(&list[i], may_share, &this);
                if (dbus_error_is_set(&first))
                        dbus_error_free(&this);
                else
                        dbus_move_error(&this, &first);
        }
        if (c)
                dbus_error_free(&first);
        else
                dbus_move_error(&first, error);
        return c;
}

static DBusConnection *open_text(const char *text, bool may_share, DBusError *error)
{
        struct address *list;
        DBusConnection *c;
        char *why;
        size_t n;
        int r;

        r = addresses_parse(text, &list, &n, &why);
        if (r) {
                if (r == ADDRESS_E_BAD)
                        dbus_set_error(error, DBUS_ERROR_BAD_ADDRESS, "%s", why ? why : "");
                else
                        dbus_set_error_const(error, DBUS_ERROR_NO_MEMORY, NULL);
                free(why);
                return NULL;
        }
        if (may_share)
                pthread_mutex_lock(&sharing);
        c = open_first(list, n, may_share, error);
        if (may_share)
                pthread_mutex_unlock(&sharing);
        addresses_free(list, n);
        return c;
}

DBusConnection *dbus_connection_open(const char *address, DBusError *error)
{
        if (!CHECK(address != NULL) || !CHECK_NO_ERROR(__func__, error))
                return NULL;
        return open_text(address, true, error);
}

DBusConnection *dbus_connection_open_private(const char *address, DBusError *error)
{
        if (!CHECK(address != NULL) || !CHECK_NO_ERROR(__func__, error))
                return NULL;
        return open_text(address, false, error);
}
