/* SPDX-License-Identifier: MIT */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "worker.h"

#define NS_PER_MS 1000000u

static void hold(struct worker *w, DBusMessage *call, uint64_t due)
{
        struct held *h = malloc(sizeof(*h));

        if (!h)
                err(1, "malloc");
        *h = (struct held){w->held, dbus_message_ref(call), due};
        w->held = h;
}

void answer_held(struct worker *w, bool all)
{
        struct held **h = &w->held;
        uint64_t now = monotonic_now();

        while (*h) {
                struct held *one = *h;

                if (!all && one->due > now) {
                        h = &one->next;
                        continue;
                }
                *h = one->next;
                say_reply(w, one->call, false);
                dbus_message_unref(one->call);
                free(one);
        }
}

static void tell(struct worker *w, const char *destination)
{
        struct saying s = {.type = DBUS_MESSAGE_TYPE_SIGNAL, .destination = destination, .size = 8};

        say(w, &s, NULL);
}

static void relay(struct worker *w, uint32_t slot)
{
        if (slot != w->slot && w->peers[slot].unique[0])
                tell(w, w->peers[slot].unique);
}

/* Calls another peer for a caller. False: there is none to call. */
static bool call_on(struct worker *w, DBusMessage *call, bool blocks)
{
        struct saying s = {.type = DBUS_MESSAGE_TYPE_METHOD_CALL, .size = 16};
        char name[32];

        s.destination = choose_peer(w, name, blocks);
        if (!s.destination)
                return false;
        if (!blocks) {
                say(w, &s, call);
                return true;
        }
        say_blocking(w, &s, DBUS_TIMEOUT_INFINITE);
        return false;
}

/* True: the call is answered later. */
static bool fulfil(struct worker *w, DBusMessage *m, enum wish wish, uint32_t third)
{
        bool is_call = dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_CALL;

        switch (wish) {
        case WISH_HOLD:
                if (is_call)
                        hold(w, m, monotonic_now() + (1 + random_below(w, 60)) * NS_PER_MS);
                return is_call;
        case WISH_SIGNAL:
                tell(w, dbus_message_get_sender(m));
                return false;
        case WISH_CAST:
                tell(w, NULL);
                return false;
        case WISH_RELAY:
                relay(w, third);
                return false;
        case WISH_CALL:
        case WISH_BLOCK:
                return is_call && call_on(w, m, wish == WISH_BLOCK);
        default:
                return false;
        }
}

static void hear_saying(struct worker *w, DBusMessage *m)
{
        struct record r = {.event = EVENT_SEEN};
        enum wish wish = WISH_NOTHING;
        uint32_t third = 0;
        uint64_t time;

        r.type = (uint8_t)dbus_message_get_type(m);
        r.id = saying_read(w, m, &wish, &third, &time);
        log_add(&w->log, &r, dbus_message_get_sender(m), dbus_message_get_destination(m));
        /* Nobody starts anything new when all is to come to an end. */
        if (w->control->phase)
                wish = wish == WISH_ERROR ? WISH_ERROR : WISH_NOTHING;
        if (!fulfil(w, m, wish, third) && r.type == DBUS_MESSAGE_TYPE_METHOD_CALL)
                say_reply(w, m, wish == WISH_ERROR);
}

/* A reply that is for no pending call: to a call that we gave up, or that wants none. */
static void hear_stray(struct worker *w, DBusMessage *m)
{
        struct record r = {.event = EVENT_SEEN};

        r.type = (uint8_t)dbus_message_get_type(m);
        r.id = saying_id(m);
        r.about = serial_to_id(w, dbus_message_get_reply_serial(m));
        log_add(&w->log, &r, dbus_message_get_sender(m), dbus_message_get_error_name(m));
}

static void hear_of_names(struct worker *w, DBusMessage *m)
{
        const char *name = NULL, *before = NULL, *after = NULL;
        struct record r = {.event = EVENT_OWNER};
        char owners[56];

        if (dbus_message_has_member(m, "NameOwnerChanged")) {
                if (!dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_STRING,
                                           &before, DBUS_TYPE_STRING, &after, DBUS_TYPE_INVALID))
                        return;
                snprintf(owners, sizeof(owners), "%s %s", before, after);
                log_add(&w->log, &r, name, owners);
                note_owner(w, name, after);
                return;
        }
        if (!dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &name, DBUS_TYPE_INVALID))
                return;
        if (dbus_message_has_member(m, "NameAcquired"))
                r.event = EVENT_ACQUIRED;
        else if (dbus_message_has_member(m, "NameLost"))
                r.event = EVENT_LOST;
        else
                return;
        log_add(&w->log, &r, name, NULL);
}

DBusHandlerResult hear(DBusConnection *c, DBusMessage *m, void *worker)
{
        struct worker *w = worker;
        int type = dbus_message_get_type(m);

        (void)c;
        if (dbus_message_is_signal(m, DBUS_INTERFACE_LOCAL, "Disconnected"))
                w->lost_bus = true;
        else if (type == DBUS_MESSAGE_TYPE_METHOD_RETURN || type == DBUS_MESSAGE_TYPE_ERROR)
                hear_stray(w, m);
        else if (dbus_message_has_sender(m, DBUS_SERVICE_DBUS))
                hear_of_names(w, m);
        else
                hear_saying(w, m);
        return DBUS_HANDLER_RESULT_HANDLED;
}
