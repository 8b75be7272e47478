/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdarg.h>

#include "link/link.h"

/* What the bus is told about links: calls of its link interface, none of which wants a reply. */

static DBusMessage *call_new(const char *member)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      LINK_INTERFACE, member);

        if (m)
                dbus_message_set_no_reply(m, TRUE);
        return m;
}

/* Calls with arguments as for dbus_message_append_args(). Returns false if it was not sent. */
static bool tell(DBusConnection *c, const char *member, int first_type, ...)
{
        DBusMessage *m = call_new(member);
        va_list arguments;
        bool is_sent;

        if (!m)
                return false;
        va_start(arguments, first_type);
        is_sent = dbus_message_append_args_valist(m, first_type, arguments) &&
                  !connection_send(c, m, NULL);
        va_end(arguments);
        dbus_message_unref(m);
        return is_sent;
}

bool links_tell_enable(DBusConnection *c)
{
        dbus_uint32_t version = LINK_VERSION;
        dbus_uint64_t now = monotonic_now();

        return tell(c, "EnableLinks", DBUS_TYPE_UINT32, &version, DBUS_TYPE_UINT64, &now,
                    DBUS_TYPE_INVALID);
}

void links_tell_disable(DBusConnection *c)
{
        tell(c, "DisableLinks", DBUS_TYPE_INVALID);
}

void links_tell_calls(DBusConnection *c)
{
        struct output *out = &c->transport.out;
        dbus_uint32_t n = c->links->n_unanswered;

        /* There is room for one already: that is the next one's. */
        if (output_reserve(out, out->promised + 2) < 0)
                return;
        tell(c, "CallsAwaited", DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID);
}

/* Appends the serials of calls that wait for a reply. */
static dbus_bool_t append_awaited(DBusMessageIter *iter, const struct list *calls)
{
        DBusMessageIter array;
        dbus_bool_t done = dbus_message_iter_open_container(iter, DBUS_TYPE_ARRAY, "u", &array);

        for (const struct list *l = calls->next; done && l != calls; l = l->next) {
                const struct awaited *a = container_of(l, const struct awaited, of_link);

                if (!a->reply)
                        done = dbus_message_iter_append_basic(&array, DBUS_TYPE_UINT32, &a->serial);
        }
        return done && dbus_message_iter_close_container(iter, &array);
}

void links_tell_closed(DBusConnection *c, const struct client_link *link)
{
        DBusMessage *m = call_new("LinkClosed");
        DBusMessageIter iter;

        if (!m)
                return;
        dbus_message_iter_init_append(m, &iter);
        if (dbus_message_iter_append_basic(&iter, DBUS_TYPE_UINT32, &link->id) &&
            append_awaited(&iter, &link->calls))
                connection_send(c, m, NULL);
        dbus_message_unref(m);
}
