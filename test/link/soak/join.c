/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <stdio.h>
#include <string.h>

#include "worker.h"

DBusConnection *connect_to(const char *address)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = dbus_connection_open_private(address, &error);

        if (!c || !dbus_bus_register(c, &error))
                errx(1, "%s: %s", error.name, error.message);
        dbus_connection_set_exit_on_disconnect(c, FALSE);
        return c;
}

void note_owner(struct worker *w, const char *name, const char *owner)
{
        unsigned slot;

        if (sscanf(name, WORKER_NAME, &slot) == 1 && slot < N_WORKERS)
                snprintf(w->peers[slot].unique, sizeof(w->peers[slot].unique), "%s", owner);
}

static void match(struct worker *w, const char *rule)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_bus_add_match(w->connection, rule, &error);
        if (dbus_error_is_set(&error))
                errx(1, "%s: %s", error.name, error.message);
}

static void learn_owner(struct worker *w, unsigned slot)
{
        DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                         DBUS_INTERFACE_DBUS, "GetNameOwner");
        char text[32];
        const char *name = text, *owner;
        DBusMessage *reply;

        snprintf(text, sizeof(text), WORKER_NAME, slot);
        if (!call || !dbus_message_append_args(call, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
                errx(1, "no memory");
        reply = dbus_connection_send_with_reply_and_block(w->connection, call,
                                                          DBUS_TIMEOUT_INFINITE, NULL);
        dbus_message_unref(call);
        if (!reply)
                return;
        if (dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
                note_owner(w, name, owner);
        dbus_message_unref(reply);
}

void join(struct worker *w, const char *address)
{
        struct record r = {.event = EVENT_STARTED};
        char name[32];

        w->connection = connect_to(address);
        if (!dbus_connection_add_filter(w->connection, hear, w, NULL))
                errx(1, "no memory");
        match(w, "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'");
        match(w, "type='signal',path='" SOAK_PATH "',member='Cast'");
        log_add(&w->log, &r, dbus_bus_get_unique_name(w->connection), NULL);
        for (unsigned i = 0; i < N_WORKERS; ++i)
                learn_owner(w, i);
        /* Who had the slot before may not be gone yet for the bus. */
        snprintf(name, sizeof(name), WORKER_NAME, w->slot);
        if (dbus_bus_request_name(w->connection, name,
                                  DBUS_NAME_FLAG_ALLOW_REPLACEMENT |
                                          DBUS_NAME_FLAG_REPLACE_EXISTING |
                                          DBUS_NAME_FLAG_DO_NOT_QUEUE,
                                  NULL) != DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER)
                errx(1, "no name");
}

static void passed(DBusPendingCall *pending, void *data)
{
        struct worker *w = data;

        w->log.header->barrier = w->barrier_asked;
        w->barrier_pending = false;
        dbus_pending_call_unref(pending);
}

/* What the bus answers after everything that we said before it, and behind everything for us. */
void pass_barrier(struct worker *w)
{
        uint32_t phase = w->control->phase;
        DBusPendingCall *pending = NULL;
        DBusMessage *m;

        if (!phase || phase == PHASE_END || w->barrier_pending || w->barrier_asked == phase ||
            w->held || w->log.header->awaited)
                return;
        m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
                                         "GetId");
        if (!m ||
            !dbus_connection_send_with_reply(w->connection, m, &pending, DBUS_TIMEOUT_INFINITE))
                errx(1, "no memory");
        dbus_message_unref(m);
        if (!pending)
                return;
        w->barrier_asked = phase;
        w->barrier_pending = true;
        if (!dbus_pending_call_set_notify(pending, passed, w, NULL))
                errx(1, "no memory");
}
