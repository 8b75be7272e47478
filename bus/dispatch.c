/* SPDX-License-Identifier: MIT */
#include "bus/dispatch.h"

#include <string.h>

#include "bus/activation.h"
#include "bus/announce.h"
#include "bus/bus.h"
#include "bus/complaint.h"
#include "bus/driver.h"
#include "bus/log.h"
#include "bus/route.h"
#include "bus/unaddressed.h"
#include "link/link.h"

static const char *or_none(const char *text)
{
        return text ? text : "(unset)";
}

/* A monitor only listens; it may ask whether the connection is alive, though. */
static void refuse_monitor(struct peer *p, const struct message *m)
{
        const char *destination = message_text(m, FIELD_DESTINATION);

        log_line(LOG_LEVEL_WARNING,
                 "Monitoring connection %s (%s) is not allowed to send messages; closing it. "
                 "Please fix the monitor to not do that. (message type=\"%s\" interface=\"%s\" "
                 "member=\"%s\" error name=\"%s\" destination=\"%s\")",
                 p->name, peer_description(p), complaint_type_name(m->header.type),
                 or_none(message_text(m, FIELD_INTERFACE)), or_none(message_text(m, FIELD_MEMBER)),
                 or_none(message_text(m, FIELD_ERROR_NAME)), destination ? destination : BUS_NAME);
        peer_disconnect(p);
}

static int to_bus(struct bus *bus, struct peer *from, struct message *m, struct fault *fault)
{
        bool first = !from->name_length, is_signal = m->header.type == MESSAGE_SIGNAL;
        int r;

        /* A Hello is shown to monitors by the driver, when it has a sender; and a signal after what
         * it leads to, as with the reference. */
        if (!first && !is_signal)
                route_capture(bus, from, NULL, m);
        r = route_check_to_bus(bus, from, m, fault);
        if (!r)
                r = driver_handle(bus, from, m, fault);
        if (first ? r < 0 : is_signal)
                route_capture(bus, from, NULL, m);
        if (!r && !first)
                route_passed_to_bus(bus, from, m);
        /* Who waits for it hears so after those who see the call that made it one. */
        if (from->state == PEER_MONITOR)
                route_forget_replies(bus, from);
        return r;
}

static int to_name(struct bus *bus, struct peer *from, const char *name, struct message *m,
                   struct fault *fault)
{
        size_t length = m->header.text[FIELD_DESTINATION].length;
        struct peer *to = bus_find_owner(bus, name, length);
        int r;

        if (to) {
                route_capture(bus, from, to, m);
                return route_unicast(bus, from, to, m, fault);
        }
        if (m->header.flags & MESSAGE_NO_AUTO_START)
                r = fault_set(fault, ERROR_NAME_HAS_NO_OWNER, "Name \"%s\" does not exist", name);
        else
                r = activation_hold(bus, from, name, m, fault);
        /* With the reference a monitor sees what systemd is asked for before it sees why. */
        route_capture(bus, from, NULL, m);
        return r;
}

static int to_everyone(struct bus *bus, struct peer *from, struct message *m, struct fault *fault)
{
        route_capture(bus, from, NULL, m);
        return route_broadcast(bus, from, m, fault);
}

static bool unaddressed(const struct message *m)
{
        return !m->header.text[FIELD_DESTINATION].at && m->header.type != MESSAGE_SIGNAL;
}

/* What clients that take part in peer links say to the bus. It can be no part of any policy, which
 * was written before there were links; it gives nobody any right, and nobody is shown it. */
static bool is_about_links(const struct peer *from, const struct message *m)
{
        const char *destination = message_text(m, FIELD_DESTINATION);
        const char *interface = message_text(m, FIELD_INTERFACE);

        return from->name_length && m->header.type == MESSAGE_METHOD_CALL && destination &&
               interface && !strcmp(interface, LINK_INTERFACE) && !strcmp(destination, BUS_NAME);
}

static void dispatch_message(struct peer *from, struct message *m)
{
        const char *destination = message_text(m, FIELD_DESTINATION);
        struct bus *bus = peer_bus(from);
        struct fault fault = {0};
        int r;

        if (is_about_links(from, m)) {
                /* One that became a monitor may still say that its links have ended. */
                if (from->state == PEER_ACTIVE && driver_handle(bus, from, m, &fault) < 0 &&
                    !(m->header.flags & MESSAGE_NO_REPLY_EXPECTED))
                        route_error(bus, from, m->header.serial, &fault);
                fault_clear(&fault);
                return;
        }
        if (from->state == PEER_MONITOR && !(unaddressed(m) && unaddressed_is_for_peer(m))) {
                refuse_monitor(from, m);
                return;
        }
        if (unaddressed(m)) {
                unaddressed_handle(bus, from, m);
                return;
        }
        if (destination && !strcmp(destination, BUS_NAME)) {
                r = to_bus(bus, from, m, &fault);
        } else if (from->state == PEER_NAMELESS) {
                /* Whoever has not said Hello can only talk to the bus. */
                route_capture(bus, from, NULL, m);
                peer_disconnect(from);
                return;
        } else if (destination) {
                r = to_name(bus, from, destination, m, &fault);
        } else {
                r = to_everyone(bus, from, m, &fault);
        }
        if (r < 0)
                route_error(bus, from, m->header.serial, &fault);
        fault_clear(&fault);
}

static bool dispatch_authenticated(struct peer *p)
{
        struct bus *bus = peer_bus(p);
        struct credentials who = bus_proven_identity(p);

        if (!p->has_uid) {
                /* ANONYMOUS, or TCP: rules about users say nothing of nobody. */
                if (!bus->allow_anonymous)
                        return false;
        } else if (!policy_may_connect(bus->config->policy, &who, bus->uid)) {
                return false;
        }
        return lsm_admit(bus, p) == 0 && bus_assign_policy(bus, p) == 0;
}

static void dispatch_closed(struct peer *p)
{
        struct bus *bus = peer_bus(p);

        if (p->was == PEER_MONITOR)
                log_line(LOG_LEVEL_INFO, "Monitoring connection %s closed.", p->name);
        links_leave(bus, p);
        /* The reference looks for rules about who goes if he has some himself: others have to find
         * theirs, or not, when they remove them. */
        if (p->rules.n_rules + p->eavesdrop_rules.n_rules + p->monitor_rules.n_rules)
                bus_drop_rules(bus, p);
        match_remove_all(bus->monitors, &p->monitor_rules);
        if (p->was == PEER_ACTIVE)
                announce_departure(bus, p);
        route_forget_replies(bus, p);
}

static void dispatch_complaint(struct peer *p, const char *text)
{
        log_line(LOG_LEVEL_WARNING, "Connection \"%s\" (%s) %s",
                 p->name_length ? p->name : "(inactive)", peer_description(p), text);
}

const struct peer_handler dispatch_handler = {
        .authenticated = dispatch_authenticated,
        .message = dispatch_message,
        .closed = dispatch_closed,
        .complaint = dispatch_complaint,
};
