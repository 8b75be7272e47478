/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A connected client: its socket, its authentication, its two message streams, and what the
 * tables of the bus know it by.
 *
 * A peer reads, validates and stamps; what a message means is its handler's business. Closing is
 * in three steps: peer_disconnect() ends all traffic at once; when whatever led to it has returned
 * to the loop the handler is told, before another message is read; at the end of the turn the peer
 * is freed. So no one holds a dangling peer while a message is being routed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "bus/limits.h"
#include "bus/link-reason.h"
#include "bus/loop.h"
#include "bus/match.h"
#include "bus/names.h"
#include "bus/policy.h"
#include "bus/reply.h"
#include "core/credentials.h"
#include "core/input.h"
#include "core/list.h"
#include "core/message.h"
#include "core/nonce.h"
#include "core/output.h"
#include "core/sasl-server.h"

/* ":1." and the decimal digits of a 64-bit number. */
#define PEER_NAME_SIZE 24

enum peer_state {
        PEER_AUTHENTICATING,
        PEER_NAMELESS, /* authenticated, has not said Hello */
        PEER_ACTIVE,
        PEER_MONITOR,
        PEER_CLOSED, /* waits for the end of the turn */
        N_PEER_STATES,
};

struct peer;
struct peer_user;
struct linked;
struct lsm_labels;

/* What a peer reports to the layer above. */
struct peer_handler {
        /* BEGIN was received. Returns false if the peer may not connect. */
        bool (*authenticated)(struct peer *p);
        /* A valid message, stamped with the peer's unique name; borrowed. */
        void (*message)(struct peer *p, struct message *m);
        /* The peer is gone; called once, if `authenticated` was. */
        void (*closed)(struct peer *p);
        /* For the log, about a peer that is being disconnected: what follows its name. */
        void (*complaint)(struct peer *p, const char *text);
};

/* What all peers of a bus share; lives in struct peers. */
struct peer_context {
        struct loop *loop;
        const struct limits *limits;
        const struct peer_handler *handler;
        void *data;                 /* of the handler */
        struct input_buffer buffer; /* all reads go through it */
        struct list to_flush;       /* struct peer.of_flush: something was queued in this turn */
        struct list closed;         /* struct peer.of_all: disconnected, nobody knows yet */
        void (*part)(struct peer_context *context); /* tells of those; by bus/peers.c */
};

struct peer {
        struct peer_context *context;
        enum peer_state state;
        enum peer_state was; /* before PEER_CLOSED */
        struct loop_source source;
        uint64_t since;               /* when it connected, as loop_now() */
        struct loop_timer auth_timer; /* until Hello */
        struct loop_timer fds_timer;  /* while descriptors wait for their message */

        uint64_t id; /* the number of the unique name */
        struct hash_link by_id;
        char name[PEER_NAME_SIZE]; /* "" before Hello */
        uint8_t name_length;

        bool buried;      /* peers_settle() is done with it: freed with the last message it sent */
        bool fd_passing;  /* negotiated */
        bool write_ended; /* the other end reads no more; it may have written, though */
        bool has_uid;     /* the authenticated identity, which `uid` is then */
        uid_t uid;
        struct credentials credentials;
        char *description; /* for texts: uid, pid, comm, label; made at the first need */

        const uint8_t *nonce; /* what has to come before the authentication */
        struct nonce_check nonce_check;
        struct sasl_server *sasl; /* NULL once authenticated */
        struct input input;
        struct input_limits input_limits; /* of when it connected: reloading does not change them */
        struct output output;
        struct message_charge charge; /* of the messages it sent that are still in memory: */
        uint64_t live_bytes, live_fds;
        unsigned live_messages;

        struct policy_view *policy;
        struct lsm_labels *lsm; /* NULL: no security module mediates */
        struct peer_user *user;
        struct name_owner names;
        struct match_owner rules, eavesdrop_rules, monitor_rules;
        struct reply_owner replies;
        uint64_t copied; /* the last message it got a copy of: it gets each once */

        /* Messages since the authentication, as peer links count them: read and wholly routed; and
         * put on the way to it. */
        uint64_t n_routed, n_queued;
        struct linked *linked;     /* NULL: it has not asked for links */
        enum link_reason no_links; /* why it has not got what it asked for */

        /* The highest values so far, for Debug.Stats. */
        uint64_t peak_out_bytes, peak_out_fds, peak_in_bytes, peak_in_fds;
        unsigned peak_rules, peak_names;
        struct list of_all, of_flush;
};

/*
 * Takes over a connected socket (also on failure: it is closed then) and starts to authenticate, as
 * `sasl` says. `nonce`: LISTEN_NONCE_SIZE bytes that have to come first (nonce-tcp), or NULL;
 * borrowed while the peer authenticates.
 * Returns 0 and the peer, or -errno.
 */
int peer_new(struct peer **pp, struct peer_context *context, int fd,
             const struct sasl_server_config *sasl, const uint8_t *nonce);

/* Ends all traffic. What was queued for it is dropped; peers_settle() does the rest. */
void peer_disconnect(struct peer *p);

/* True until peer_disconnect(). */
static inline bool peer_connected(const struct peer *p)
{
        return p->state != PEER_CLOSED;
}

/*
 * Queues a message; it is written at the end of the turn. A peer for which there is no memory is
 * disconnected: it would otherwise go on without knowing that it missed a message.
 */
void peer_send(struct peer *p, struct message *m);

/* Only for peers_settle(): writes what was queued in this turn; frees, now or with the last
 * message. */
void peer_settle_output(struct peer *p);
void peer_bury(struct peer *p);

/* Takes over another auth_timeout, counted from when it connected; nothing if it has said Hello. */
void peer_retime(struct peer *p);

/* Gives the peer its unique name, of this number, and makes it active. */
void peer_activate(struct peer *p, uint64_t id);

/* "uid=0 pid=7 comm=\"...\"", as error texts and the log have it. Borrowed. */
const char *peer_description(struct peer *p);

/* The unique name, or what the reference calls one that has none yet. */
static inline const char *peer_name(const struct peer *p)
{
        return p->name_length ? p->name : ":not.active.yet";
}

/* The peer that one of its table entries belongs to. NULL stays NULL. */
static inline struct peer *peer_of_names(const struct name_owner *o)
{
        return o ? container_of(o, struct peer, names) : NULL;
}
