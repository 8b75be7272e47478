/* SPDX-License-Identifier: MIT */
#include "bus/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/console.h"
#include "bus/log.h"
#include "core/guid.h"

int bus_init(struct bus *bus, struct loop *loop, struct config *config,
             const struct peer_handler *handler)
{
        int r;

        *bus = (struct bus){.loop = loop, .uid = getuid()};
        name_registry_init(&bus->names);
        reply_registry_init(&bus->replies);
        link_registry_init(&bus->links);
        activations_init(&bus->activations);
        spawner_init(&bus->spawner, loop);
        r = peers_init(&bus->peers, loop, &config->limits, handler, bus);
        if (!r)
                r = match_registry_new(&bus->rules, &bus->names);
        if (!r)
                r = match_registry_new(&bus->eavesdrop, &bus->names);
        if (!r)
                r = match_registry_new(&bus->monitors, &bus->names);
        if (!r)
                r = guid_new(bus->guid);
        if (!r)
                r = environment_init(&bus->environment, environ);
        if (r < 0) {
                bus_deinit(bus);
                return r;
        }
        bus->config = config;
        bus->reply_timeout = config->limits.reply_timeout;
        bus->allow_anonymous = config->allow_anonymous;
        return 0;
}

void bus_set_services(struct bus *bus, struct service_dirs *services)
{
        if (bus->services)
                service_dirs_deinit(bus->services);
        free(bus->services);
        bus->services = services;
}

void bus_deinit(struct bus *bus)
{
        activations_deinit(&bus->activations);
        spawner_deinit(&bus->spawner);
        peers_deinit(&bus->peers);
        lsm_stop(bus);
        bus->rules = match_registry_free(bus->rules);
        bus->eavesdrop = match_registry_free(bus->eavesdrop);
        bus->monitors = match_registry_free(bus->monitors);
        free(bus->found.owners);
        free(bus->watching.owners);
        reply_registry_deinit(&bus->replies);
        name_registry_deinit(&bus->names);
        bus_set_services(bus, NULL);
        environment_deinit(&bus->environment);
        bus->config = config_free(bus->config);
}

void bus_drop_rules(struct bus *bus, struct peer *p)
{
        match_remove_all(bus->rules, &p->rules);
        match_remove_all(bus->eavesdrop, &p->eavesdrop_rules);
        match_remove_unique(bus->rules, p->name, p->name_length);
        match_remove_unique(bus->eavesdrop, p->name, p->name_length);
}

uint32_t bus_next_serial(struct bus *bus)
{
        bus->last_serial += 1;
        if (!bus->last_serial)
                bus->last_serial = 1;
        return bus->last_serial;
}

struct credentials bus_proven_identity(const struct peer *p)
{
        struct credentials who = p->credentials;

        /* With DBUS_COOKIE_SHA1 that need not be whom the socket belongs to. */
        who.has_uid = p->has_uid;
        who.uid = p->uid;
        return who;
}

/* The view of `policy` for a peer. Whoever might be at the console gets none while that cannot be
 * told: rules that deny would be passed by. */
static int view_for(struct policy *policy, const struct peer *p, struct policy_view **vp)
{
        struct credentials who = bus_proven_identity(p);
        bool at_console = false;
        int r = 0;

        if (p->has_uid && policy_asks_console(policy))
                r = console_has_user(p->uid, &at_console);
        if (r < 0) {
                log_line(LOG_LEVEL_WARNING, "Failed to determine seats of user \"%lu\": %s",
                         (unsigned long)p->uid, strerror(-r));
                return r;
        }
        return policy_view_get(policy, &who, at_console, vp);
}

int bus_assign_policy(struct bus *bus, struct peer *p)
{
        return view_for(bus->config->policy, p, &p->policy);
}

/* A peer and the view it is to have. */
struct new_view {
        struct peer *peer;
        struct policy_view *view;
};

/* Finds the views of all peers on a list that have one now; appends them to `new_views`. */
static int find_views(struct policy *policy, const struct list *peers, struct new_view *new_views,
                      size_t *n)
{
        for (const struct list *l = peers->next; l != peers; l = l->next) {
                struct peer *p = container_of(l, struct peer, of_all);
                int r;

                if (!p->policy)
                        continue;
                r = view_for(policy, p, &new_views[*n].view);
                if (r < 0)
                        return r;
                new_views[(*n)++].peer = p;
        }
        return 0;
}

static size_t list_length(const struct list *head)
{
        size_t n = 0;

        for (const struct list *l = head->next; l != head; l = l->next)
                n += 1;
        return n;
}

int bus_set_config(struct bus *bus, struct config *config)
{
        /* Those that were closed in this turn may still be asked for their policy. */
        struct list *all = &bus->peers.all, *closed = &bus->peers.context.closed;
        struct list *parted = &bus->peers.parted;
        struct new_view *new_views;
        size_t n = 0;
        int r;

        new_views = calloc(list_length(all) + list_length(closed) + list_length(parted) + 1,
                           sizeof(*new_views));
        if (!new_views)
                return -ENOMEM;
        r = find_views(config->policy, all, new_views, &n);
        if (!r)
                r = find_views(config->policy, closed, new_views, &n);
        if (!r)
                r = find_views(config->policy, parted, new_views, &n);
        for (size_t i = 0; i < n; ++i) {
                struct policy_view **current = &new_views[i].peer->policy, *old = *current;

                /* On failure it is the new one that is not needed. */
                if (!r)
                        *current = new_views[i].view;
                policy_view_unref(r ? new_views[i].view : old);
        }
        free(new_views);
        if (r < 0)
                return r;
        config_free(bus->config);
        bus->config = config;
        peers_set_limits(&bus->peers, &config->limits);
        links_policy_changed(bus);
        return 0;
}

struct peer *bus_find_owner(struct bus *bus, const char *name, size_t length)
{
        if (name[0] == ':')
                return peers_find(&bus->peers, name, length);
        return peer_of_names(name_primary(name_find(&bus->names, name, length)));
}
