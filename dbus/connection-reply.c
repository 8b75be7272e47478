/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>

/* Serials are given in order: their low bits spread them as well as any hash would. */

int awaited_add(DBusConnection *c, struct awaited *a, uint32_t serial)
{
        a->serial = serial;
        a->reply = NULL;
        a->peer = NULL;
        list_init(&a->of_link);
        return hash_insert(&c->awaited, &a->link, serial);
}

void awaited_remove(DBusConnection *c, struct awaited *a)
{
        hash_remove(&c->awaited, &a->link);
        list_remove(&a->of_link);
        a->peer = linked_peer_unref(a->peer);
}

struct awaited *awaited_find(const DBusConnection *c, uint32_t serial)
{
        for (struct hash_link *l = hash_first(&c->awaited, serial); l; l = l->next) {
                struct awaited *a = container_of(l, struct awaited, link);

                if (a->serial == serial)
                        return a;
        }
        return NULL;
}

/* What callers are told when no reply came: programs know these texts. */
static const struct awaited_end no_reply = {
        DBUS_ERROR_NO_REPLY,
        "Did not receive a reply. Possible causes include: the remote application did not send a "
        "reply, the message bus security policy blocked the reply, the reply timeout expired, or "
        "the network connection was broken.",
};
static const struct awaited_end disconnected = {
        DBUS_ERROR_DISCONNECTED,
        "Connection was disconnected before a reply was received",
};

struct awaited_end awaited_end(const DBusConnection *c)
{
        return !connection_is_open(c) && c->n_incoming && !c->disconnected ? disconnected
                                                                           : no_reply;
}

static DBusMessage *error_of(struct awaited_end end, uint32_t serial)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR);

        if (!m)
                return NULL;
        dbus_message_set_no_reply(m, TRUE);
        if (dbus_message_set_reply_serial(m, serial) && dbus_message_set_error_name(m, end.name) &&
            dbus_message_append_args(m, DBUS_TYPE_STRING, &end.text, DBUS_TYPE_INVALID) &&
            !message_seal(m))
                return m;
        dbus_message_unref(m);
        return NULL;
}

DBusMessage *awaited_no_reply(uint32_t serial)
{
        return error_of(no_reply, serial);
}

DBusMessage *awaited_ended(const DBusConnection *c, uint32_t serial)
{
        return error_of(awaited_end(c), serial);
}

/* A pending call without a reply, or NULL. */
static struct awaited *unanswered(const DBusConnection *c)
{
        for (size_t i = 0; i < c->awaited.n_buckets; ++i) {
                for (struct hash_link *l = c->awaited.buckets[i]; l; l = l->next) {
                        struct awaited *a = container_of(l, struct awaited, link);

                        if (!a->reply && !a->is_direct)
                                return a;
                }
        }
        return NULL;
}

int awaited_fail_all(DBusConnection *c)
{
        struct awaited *a;

        /* From the start each time: the table shrinks as they are taken out of it. */
        while ((a = unanswered(c))) {
                DBusMessage *m = awaited_no_reply(a->serial);

                if (!m)
                        return -ENOMEM;
                pending_call_give_up(pending_of(a));
                connection_receive(c, m);
        }
        return 0;
}
