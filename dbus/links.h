/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Peer links of a connection (doc/peer-links.md): what goes over them in place of the bus, and in
 * which order what comes over them is received. All of it is called with the connection's lock.
 */

#include <stdbool.h>
#include <stdint.h>

#include <dbus/dbus.h>

#include "core/list.h"
#include "link-spin.h"
#include "link/merge.h"
#include "link/page.h"
#include "link/rules.h"

struct awaited;

/* The peer at the other end. Calls that were sent to it know it for longer than the link lives. */
struct linked_peer {
        unsigned refs;
        char name[]; /* unique */
};

/* Rules of one direction: all lists have to allow a message. */
struct link_direction {
        struct link_rules *lists;
        size_t n;
};

/* Serials of calls that came over a link and wait for a reply. Bounded: replies to those that did
 * not find room go by the bus, which lets them pass. */
#define LINK_MAX_OWED 256

struct client_link {
        struct list of_all;
        uint32_t id;
        int fd; /* -1: read to its end, and closed */
        struct linked_peer *peer;
        char **names; /* that the peer owns, NULL-terminated; to be dbus_free_string_array()ed */
        const struct link_clock *clock; /* the peer's */
        struct link_direction may_send, may_receive;
        struct list calls; /* struct awaited.of_link: sent over it */
        unsigned n_held;   /* messages that were read and wait for their place */
        unsigned n_read;   /* packets */
        unsigned burst;    /* reads to come that are for many packets: there were several at once */
        bool is_refused; /* a message was wrong at its place: what was read behind it is dropped */
        uint32_t owed[LINK_MAX_OWED];
        unsigned n_owed;
        unsigned n_unanswered; /* calls that were sent over it, and want a reply */
};

/* Packets that are read with one system call. */
#define LINK_PACKETS 4

struct client_links {
        const struct link_clock *clock; /* ours */
        struct link_tallies *tallies;
        uint64_t names_epoch; /* that we were told of last */
        char **own_names;     /* well-known names that we own, NULL-terminated */
        struct list all;      /* struct client_link.of_all */
        unsigned used_in;     /* process_number() of who read them last */
        unsigned n_open;
        unsigned n_unanswered; /* sum of those of all links */
        uint64_t n_found;      /* packets and ends that were read, of all links */
        struct link_spin spin;
        struct link_merge merge;
        int knock; /* readable, in the epoll set while something waits for a cut; -1: not made yet
                    */
        bool is_knocking;
        bool is_over; /* at the place where we are, the connection ends: nothing more is received */
        uint8_t *packets; /* where LINK_PACKETS packets are read to */
};

/* Something was sent by the bus: joins in once the connection is busy. */
void links_note_sent(DBusConnection *c, const DBusMessage *m);

/* Sends over a link, if there is one and it is the right road now. False: it has to go by the bus.
 */
bool links_send(DBusConnection *c, DBusMessage *m);

/*
 * Takes a message of the bus about links. False: it is none. True: the reference is taken.
 */
bool links_take_control(DBusConnection *c, DBusMessage *m);

/* Reads what the links have: before a batch of the bus is accepted, or when one of them is ready.
 */
void links_drain(DBusConnection *c);

/*
 * Receives what goes ahead of the next message of the bus. Returns false if the connection has to
 * be closed: what a link has is more than the application wants, or there is no memory for it.
 */
bool links_deliver(DBusConnection *c);

/*
 * Sees to it that what was read and waits for a cut gets one: its socket may have nothing more, and
 * so would wake nobody. To be called when a batch has been received.
 */
void links_knock(DBusConnection *c);

/* What to poll for the links; -1: nothing. */
int links_poll_fd(const DBusConnection *c);

/* Reads and receives, when only links are ready. It may close the connection. */
void links_read(DBusConnection *c);

/* The same, if one of them is. Returns false if there was nothing to read. */
bool links_try(DBusConnection *c);

/* The bus has sent something that was not taken off the socket yet, or is about to. */
bool links_bus_is_ahead(const DBusConnection *c);

/* A call has gone over a link; a reply to one has come over it; or by the bus, which let it pass.
 */
void link_count_call(struct client_links *links, struct client_link *link, const DBusMessage *m);
void link_count_reply(struct client_links *links, struct client_link *link);
void links_count_let_through(struct client_links *links, const DBusMessage *m);

/* False if it is a call that the bus would refuse, for the number of those that wait. */
bool links_may_call(const DBusConnection *c, const DBusMessage *m);

/* Tell the bus: that links are wanted (false if it was not told), or no longer are; how many calls
 * wait at links, so that it judges the message that is sent next; that everything has been read out
 * of a link, and which replies are awaited. */
bool links_tell_enable(DBusConnection *c);
void links_tell_disable(DBusConnection *c);
void links_tell_calls(DBusConnection *c);
void links_tell_closed(DBusConnection *c, const struct client_link *link);

/* False if a reply that came by the bus is from a peer of whom we do not await it. */
bool links_accept_reply(const DBusConnection *c, const DBusMessage *m);

/* The link with this number, or NULL. */
struct client_link *link_find(const struct client_links *links, uint64_t id);

/* The link to the peer with this unique name, or NULL. */
struct client_link *link_of_peer(const struct client_links *links, const char *name);

/* Closes this end, if it is not closed: no more comes over the link. */
void link_close(DBusConnection *c, struct client_link *link);

/* Tells the bus of links that have been read to their end. */
void links_bury(DBusConnection *c);

bool link_direction_allows(const struct link_direction *d, const struct header *h,
                           const uint8_t *bytes);

/* The application looks at the bus's descriptor alone from now on: no links. */
void links_disable(DBusConnection *c);

/* The connection is closed, or goes. */
void links_end(DBusConnection *c);

struct linked_peer *linked_peer_unref(struct linked_peer *p);
