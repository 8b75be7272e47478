/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * How a message gets to those who receive it: policy, limits, replies, match rules and monitors.
 */

#include <stdbool.h>

#include "bus/bus.h"
#include "bus/fault.h"

/*
 * Shows a message to the monitors that match it. `from`: NULL for the bus itself; `to`: NULL for a
 * broadcast, for the bus itself, or where nobody owns the destination.
 */
void route_capture(struct bus *bus, const struct peer *from, const struct peer *to,
                   struct message *m);

/*
 * Delivers a peer's message to the one it is addressed to, and to eavesdroppers. Takes note of a
 * call that expects a reply, and crosses off the call that a reply is for.
 * Returns 0, or -1 and why not.
 */
int route_unicast(struct bus *bus, struct peer *from, struct peer *to, struct message *m,
                  struct fault *fault);

/* Delivers a message without destination to all that have a rule for it. `from` NULL: the bus
 * itself. Returns 0, or -1 for lack of memory, when nobody got it. */
int route_broadcast(struct bus *bus, struct peer *from, struct message *m, struct fault *fault);

/* May this peer send this to the bus itself? Before Hello that is Hello, whatever policy says.
 * Returns 0, or -1 and why not. */
int route_check_to_bus(struct bus *bus, struct peer *from, struct message *m, struct fault *fault);

/* May this peer send this to whoever will own its destination, which nobody does yet? `label`: what
 * AppArmor will call that one; NULL: it is not known. Returns 0, or -1 and why not. */
int route_check_to_nobody(struct bus *bus, struct peer *from, struct message *m, const char *label,
                          struct fault *fault);

/* A peer's message to the bus itself has been dealt with: eavesdroppers see it, too. */
void route_passed_to_bus(struct bus *bus, struct peer *from, struct message *m);

/* Delivers a message that the bus made to one peer. Policy may drop it; monitors see it, but, as
 * with the reference, eavesdroppers do not. */
void route_from_bus(struct bus *bus, struct peer *to, struct message *m);

/* The same for one that was made, and shown to monitors, when nobody owned its destination. */
void route_held_from_bus(struct bus *bus, struct peer *to, struct message *m);

/* Tells a peer that something it sent came to nothing. Never fails for good: a peer that cannot
 * even be told of an error is disconnected. */
void route_error(struct bus *bus, struct peer *to, uint32_t reply_serial,
                 const struct fault *fault);

/* Waits with `caller` for the reply to a call that went from it to `callee` by another road; NULL:
 * that peer is gone, and the caller gets NoReply. */
void route_adopt_call(struct bus *bus, struct peer *caller, struct peer *callee, uint32_t serial);

/* The calls that a peer which is gone had under way, either way: those that waited for it get
 * NoReply. */
void route_forget_replies(struct bus *bus, struct peer *gone);

/* For bus.reply_timer: answers the calls that have waited for too long. */
void route_reply_expired(struct loop_timer *timer);
