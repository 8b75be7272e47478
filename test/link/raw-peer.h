/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A peer that speaks the protocol of links by hand, and can send over its link whatever it wants
 * (doc/peer-links.md). Little-endian only.
 */

#include "client.h"
#include "scene.h"

#define RAW_FRAME_SIZE 24

struct raw_peer {
        struct client *client;
        int clock, tally;  /* its own pages */
        int link;          /* its end; -1: no link */
        int victims_clock; /* the other's page */
        uint32_t id;
};

/* Joins in by hand. Fails the test if the bus does not let it. */
struct raw_peer *raw_peer_new(struct scene *s);
/* Talks to another, which has joined in, until the bus offers a link. */
void raw_peer_link(struct raw_peer *r, struct party *victim);
/* Hangs up. Returns NULL. */
struct raw_peer *raw_peer_free(struct raw_peer *r);

/* Calls a method of PeerLinks1. The reply, if there is to be one, is the caller's to free. */
struct incoming *raw_peer_call(struct raw_peer *r, const char *member, const char *signature,
                               GByteArray *body, bool wants_reply);
GByteArray *enable_links_body(uint32_t version, uint64_t now);
uint64_t clock_now(void);

/* How many messages the victim was sent by the bus. */
uint64_t raw_peer_queued(const struct raw_peer *r);

/* What to say in a frame. */
struct raw_frame {
        uint32_t version, size;
        uint64_t stamp, time;
};

/* As it has to be for a message of so many bytes, now. */
struct raw_frame raw_frame_right(const struct raw_peer *r, size_t size);
/* False if the socket is full, or closed. */
bool raw_peer_send(struct raw_peer *r, const struct raw_frame *frame, const void *bytes,
                   size_t size, const int *fds, unsigned n_fds);
/* Sends a message, which is unreferenced, in a right frame. */
bool raw_peer_say(struct raw_peer *r, DBusMessage *m);
/* A message as bytes, to be freed with dbus_free(). It is unreferenced. */
char *marshalled(DBusMessage *m, int *size);
