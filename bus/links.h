/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Peer links (doc/peer-links.md): which connections have joined in, the links there are between
 * them, and what the bus does when one begins and ends.
 *
 * The registry knows all links of a bus, `struct linked` is what a connection that joined in has,
 * and pays for, and a link has an end at each of two of those. A link that has been shut down stays
 * in the registry until both ends have said that they have read everything out of it.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bus/link-limits.h"
#include "bus/link-reason.h"
#include "bus/link-unjoined.h"
#include "core/list.h"
#include "core/message.h"
#include "link/page.h"
#include "link/rules.h"

struct bus;
struct peer;

struct link_registry {
        struct list all; /* struct link.of_all, oldest first */
        unsigned n_open, n_joined;
        unsigned peak_open, peak_per_connection;
        uint32_t last_id;
        uint64_t n_ever;          /* that have been opened */
        uint64_t messages, bytes; /* that went over those that are closed */
        struct unjoined_pairs unjoined;
};

void link_registry_init(struct link_registry *r);

/* Busy pairs are counted by the peer with the lower number, these many of each. */
#define LINK_BUSY_PAIRS 8

struct busy_pair {
        uint64_t other;    /* struct peer.id; 0: nobody */
        uint32_t count;    /* of messages either way; halved every second */
        uint64_t messages; /* that went by the bus */
        enum link_reason why_not;
};

/* What a connection that joined in has. */
struct linked {
        struct peer *peer;
        struct link_clock *clock; /* written here alone */
        int clock_fd;             /* to be passed to those it is linked with */
        const struct link_tallies *tallies;
        struct message *skipped; /* stands for a message that it cannot be sent: it counts them */
        struct list ends;        /* struct link_end.of_linked */
        unsigned n_open, peak_open;
        bool declines;            /* it wants no links any more */
        uint32_t n_calls;         /* that it awaits over its links, it says */
        uint64_t n_calls_at;      /* it said so of this message, counted from its first; 0: never */
        uint64_t messages, bytes; /* that it sent over links that are closed */
        struct busy_pair busy[LINK_BUSY_PAIRS];
        uint64_t decayed; /* when the counts were halved last: ns of CLOCK_MONOTONIC */
};

/* Serials of calls. */
struct serials {
        uint32_t *serials;
        size_t n, room;
};

struct link_end {
        struct link *link;
        struct linked *linked; /* NULL: the connection has gone */
        struct list of_linked;
        bool has_left; /* it said LinkClosed, or has gone */
        /* What it may send: a list of the sender's policy and one of the receiver's. */
        struct link_rules may_send[2];
        /* Replies to its calls that came by the bus, untracked: when it says which calls it still
         * waits for, these are on their way to it. */
        struct serials replied;
};

struct link {
        uint32_t id;
        struct list of_all;
        int fd; /* a duplicate of one end, by which both are shut down; -1: it has been */
        uint64_t since;
        struct link_end ends[2];
};

static inline struct link_end *link_other_end(struct link_end *e)
{
        return &e->link->ends[e == &e->link->ends[0]];
}

static inline bool link_is_open(const struct link *l)
{
        return l->fd >= 0;
}

/*
 * A connection joins in: it gets its pages. Returns 0, or -errno and it has not joined.
 */
int links_join(struct bus *bus, struct peer *p);

/* A connection is told how many calls the bus waits for with it, at most. */
void linked_tell_limit(const struct bus *bus, struct linked *l);

/* How many calls the sender of the message that is being routed awaits over its links, as it says.
 */
uint32_t links_calls_awaited(const struct peer *p);

/* A connection wants no links any more, or has gone: those that it has are closed. */
void links_leave(struct bus *bus, struct peer *p);

/* A connection has become a monitor: it says nothing any more, not even LinkClosed. */
void links_retire(struct bus *bus, struct peer *p);

/* A message has gone from one to the other. If they are busy enough, they get a link. */
void links_note_message(struct bus *bus, struct peer *from, struct peer *to);

/* Closes all links: somebody listens in from now on. */
void links_close_all(struct bus *bus, enum link_reason reason);

/*
 * Names have a new owner (NULL: nobody), which nobody has been told of yet: clocks and names are
 * set right, and links whose rules are others now are closed.
 */
void links_names_changed(struct bus *bus, struct peer *old_owner, struct peer *new_owner);

/* The configuration has changed: links whose rules are others now are closed. */
void links_policy_changed(struct bus *bus);

/* Likewise if what a peer waits for in queues of names may have changed: to policy, it has these
 * names. */
void links_queues_changed(struct bus *bus, struct peer *p);

/* Closes a link, at once and for both. Both have to say LinkClosed. */
void link_close(struct bus *bus, struct link *l, enum link_reason reason);

/* The link of a peer with this number, or NULL. */
struct link_end *links_find(struct linked *l, uint32_t id);

/* The link between two peers, open or being closed, from the first one's side; or NULL. */
struct link_end *links_between(const struct linked *from, const struct linked *to);

/* An end has read everything out of a link, and waits for replies to these calls that it had sent
 * over it: the bus waits with it. */
void link_end_left(struct bus *bus, struct link_end *e, const uint32_t *serials, size_t n);

/*
 * May a reply pass that the bus has seen no call for? It may between peers with a link, unless the
 * bus knows of a call with that serial to somebody else. Notes that it did.
 */
bool links_reply_may_pass(struct bus *bus, struct peer *from, struct peer *to, uint32_t serial);

/* Milliseconds for which nothing has gone over a link, as far as its ends say. */
uint64_t link_idle_ms(const struct link *l);

/* What a connection says that it sent over all links that it has had. */
void linked_tally(const struct linked *l, uint64_t *messages, uint64_t *bytes);

/* What an end says that it sent. */
void link_end_tally(const struct link_end *e, uint64_t *messages, uint64_t *bytes, uint64_t *time);
