/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The bus's signals about names: NameLost, NameOwnerChanged, NameAcquired, in this order
 * (specification: "Message Bus Messages").
 */

#include "bus/bus.h"

/* A name has passed from `old` to `new`; NULL is nobody. The same peer twice: nothing to tell. */
void announce_owner(struct bus *bus, const char *name, struct peer *old_owner,
                    struct peer *new_owner);

/* The same for what a verb of the registry did; ends the change, and keeps the bus's count. */
void announce_change(struct bus *bus, struct name_change *change);

/* The set of names that can be started may have changed. */
void announce_activatable(struct bus *bus);

/* Takes all its names from a peer that is gone: the latest first, the unique one last. */
void announce_departure(struct bus *bus, struct peer *p);

/* The same for one that stays, as a monitor: in the order in which it got them. */
void announce_withdrawal(struct bus *bus, struct peer *p);
