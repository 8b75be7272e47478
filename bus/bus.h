/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The state of a message bus: its tables, its peers, its configuration. No behaviour: that is in
 * route (how a message gets to its receivers), driver (what the bus answers itself), dispatch (what
 * happens with a message from a peer) and server (listening, accepting, reloading).
 */

#include <sys/types.h>

#include "bus/activation-queue.h"
#include "bus/config.h"
#include "bus/environment.h"
#include "bus/fault.h"
#include "bus/links.h"
#include "bus/loop.h"
#include "bus/lsm.h"
#include "bus/match.h"
#include "bus/names.h"
#include "bus/peers.h"
#include "bus/reply.h"
#include "bus/service-dirs.h"
#include "bus/spawn.h"

/* The name and the path of the bus itself, and of its main interface ("Message Bus Messages"). */
#define BUS_NAME      "org.freedesktop.DBus"
#define BUS_PATH      "/org/freedesktop/DBus"
#define BUS_INTERFACE "org.freedesktop.DBus"

/* The highest numbers there have been, for Debug.Stats. */
struct bus_peaks {
        unsigned rules, rules_per_connection;
        unsigned names, names_per_connection;
};

struct bus {
        struct loop *loop;
        struct config *config;
        struct peers peers;
        struct name_registry names;
        unsigned n_names;                 /* well-known ones with an owner */
        struct match_registry *rules;     /* of ordinary rules: broadcasts are looked up here */
        struct match_registry *eavesdrop; /* of rules with eavesdrop='true': everything is */
        struct match_registry *monitors;  /* of BecomeMonitor: everything is */
        struct match_found found;         /* receivers of the message under way */
        struct match_found watching;      /* monitors of the same: both are looked up at once */
        uint64_t n_copied; /* messages that went to found receivers; see peer.copied */
        struct reply_registry replies;
        struct loop_timer reply_timer;  /* for the reply that waits no longer first */
        int64_t reply_timeout;          /* ms, -1: for ever; reloading does not change it */
        struct activations activations; /* services on their way up */
        struct service_dirs *services;  /* that can be started; put in by the server */
        struct environment environment; /* that they are started with */
        struct spawner spawner;
        const char *address; /* of all that the server listens on; borrowed from it */
        struct bus_peaks peaks;
        struct link_registry links;
        struct lsm *lsm;         /* NULL: no security module mediates */
        uint32_t last_serial;    /* of the messages that the bus itself makes */
        uid_t uid;               /* whom the daemon runs as */
        bool systemd_activation; /* --systemd-activation: systemd starts services */
        bool allow_anonymous;    /* reloading does not change it */
        char guid[33];           /* of the bus: what GetId answers */

        /* What the driver can ask of the layer above. */
        int (*reload)(struct bus *bus, struct fault *fault);
};

/*
 * `config` becomes the bus's on success. `handler` hears of the peers; its data is the bus.
 * Returns 0 or -errno.
 */
int bus_init(struct bus *bus, struct loop *loop, struct config *config,
             const struct peer_handler *handler);
void bus_deinit(struct bus *bus); /* disconnects every peer first */

static inline struct bus *peer_bus(const struct peer *p)
{
        return p->context->data;
}

/* Names that have an owner, the unique ones included. */
static inline unsigned bus_count_names(const struct bus *bus)
{
        return bus->n_names + bus->peers.n_complete;
}

/* Match rules but for those of monitors. */
static inline size_t bus_count_rules(const struct bus *bus)
{
        return bus->rules->n_rules + bus->eavesdrop->n_rules;
}

/* Removes a peer's rules, and those of others about its unique name, which nobody will have again.
 */
void bus_drop_rules(struct bus *bus, struct peer *p);

/* The serial of the next message that the bus makes. Never 0. */
uint32_t bus_next_serial(struct bus *bus);

/* Puts another configuration into force for everyone who is connected: limits, and policy.
 * Returns 0, or -ENOMEM and everything is as it was. `config` becomes the bus's on success. */
int bus_set_config(struct bus *bus, struct config *config);

/* Puts other services (from malloc) in the place of those that could be started. */
void bus_set_services(struct bus *bus, struct service_dirs *services);

/* The peer that owns a name, unique or well-known; NULL if there is none. */
struct peer *bus_find_owner(struct bus *bus, const char *name, size_t length);

/* Whom policy takes a peer for: the user that it proved to be. Borrows from the peer. */
struct credentials bus_proven_identity(const struct peer *p);

/* Gives a peer the policy that its credentials call for. Returns 0 or -ENOMEM. */
int bus_assign_policy(struct bus *bus, struct peer *p);
