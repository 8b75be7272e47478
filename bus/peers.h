/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All the peers of a bus: found by unique name, counted by user, and settled at the end of each
 * turn of the loop.
 */

#include "bus/peer.h"

/* What a user has: complete connections, and what they hold. */
struct peer_user {
        struct hash_link link;
        uid_t uid;
        unsigned n_peers;
        unsigned n_links; /* ends of peer links that these have */
};

struct peers {
        struct peer_context context;
        struct hash_table by_id;   /* struct peer.by_id: all that have a unique name */
        struct hash_table by_user; /* struct peer_user */
        struct list all;           /* struct peer.of_all, oldest first */
        unsigned n_incomplete, n_complete;
        struct list parted; /* struct peer.of_all: gone, freed at the end of the turn */
        uint64_t next_id;
};

int peers_init(struct peers *peers, struct loop *loop, const struct limits *limits,
               const struct peer_handler *handler, void *data);
/* Disconnects all. The handler is told. */
void peers_deinit(struct peers *peers);

/* Takes over a connected socket, on failure too; see peer_new(). Returns 0 or -errno. */
int peers_add(struct peers *peers, int fd, const struct sasl_server_config *sasl,
              const uint8_t *nonce);

/* The limits are others now, in the place where they were or in another. */
void peers_set_limits(struct peers *peers, const struct limits *limits);

/* Gives a peer that said Hello its unique name. Returns 0 or -ENOMEM. */
int peers_activate(struct peers *peers, struct peer *p);

/* The peer with this unique name; NULL if nobody has it (any more). One probe. */
struct peer *peers_find(const struct peers *peers, const char *name, size_t length);

/* The same by the number in the name. */
struct peer *peers_find_id(const struct peers *peers, uint64_t id);

/* Complete connections of a user. */
unsigned peers_of_user(const struct peers *peers, uid_t uid);

/*
 * The end of a turn: tells of the peers that have gone, writes what was queued, frees.
 */
void peers_settle(struct peers *peers);
