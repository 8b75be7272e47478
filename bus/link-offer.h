/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Which pairs get a link, and what the bus tells clients of links: Enabled, LinkOffered, LinkNames.
 */

#include "bus/bus.h"
#include "bus/links.h"
#include "core/writer.h"

/*
 * Tells a connection that it has joined in. `tally_fd` is given away, on failure too. Returns 0 or
 * -errno.
 */
int link_offer_joined(struct bus *bus, struct linked *l, int tally_fd);

/* Makes the message that takes the place of one that cannot be sent. Returns 0 or -ENOMEM. */
int link_offer_make_skipped(struct bus *bus, struct linked *l);

/* Counts a message between two that have no link. True: they are busy enough for one. */
bool link_offer_is_due(struct linked *a, struct linked *b);

/* Makes a link, if it may be. Why not is kept with the busy pair. */
void link_offer(struct bus *bus, struct linked *a, struct linked *b);

/* Keeps why a pair has no link. */
void link_offer_set_reason(struct linked *a, struct linked *b, enum link_reason reason);

/* Works out what may cross a link, for both directions. Returns 0, 1 if nothing may, or -ENOMEM. */
int link_offer_rules(struct bus *bus, struct linked *a, struct linked *b,
                     struct link_rules (*may_send)[2]);

/* Writes the well-known names that a peer is the primary owner of, an `as`. */
void link_offer_write_names(struct writer *w, const struct peer *p);

/* Tells the other end of a link which names this one owns. */
void link_offer_tell_names(struct bus *bus, struct link_end *e);
