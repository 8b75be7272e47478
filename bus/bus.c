/* SPDX-License-Identifier: MIT */
#include "bus/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/console.h"
#include "core/guid.h"

int bus_init(struct bus *bus, struct loop *loop, struct config *config,
             const struct peer_handler *handler)
{
        int r;

        *bus = (struct bus){.loop = loop, .uid = getuid()};
        name_registry_init(&bus->names);
        reply_registry_init(&bus->replies);
        r = peers_init(&bus->peers, loop, &config->limits, handler, bus);
        if (!r)
                r = match_registry_new(&bus->rules, &bus->names);
        if (!r)
                r = match_registry_new(&bus->eavesdrop, &bus->names);
        if (!r)
                r = match_registry_new(&bus->monitors, &bus->names);
        if (!r)
                r = guid_new(bus->guid);
        if (r < 0) {
                bus_deinit(bus);
                return r;
        }
        bus->config = config;
        return 0;
}

void bus_deinit(struct bus *bus)
{
        peers_deinit(&bus->peers);
        bus->rules = match_registry_free(bus->rules);
        bus->eavesdrop = match_registry_free(bus->eavesdrop);
        bus->monitors = match_registry_free(bus->monitors);
        free(bus->found.owners);
        free(bus->watching.owners);
        reply_registry_deinit(&bus->replies);
        name_registry_deinit(&bus->names);
        bus->config = config_free(bus->config);
}

uint32_t bus_next_serial(struct bus *bus)
{
        bus->last_serial += 1;
        if (!bus->last_serial)
                bus->last_serial = 1;
        return bus->last_serial;
}

/* The view of `policy` for a peer. */
static int view_for(struct policy *policy, const struct peer *p, struct policy_view **vp)
{
        struct credentials who = p->credentials;

        /* What counts is whom the peer proved to be, which with DBUS_COOKIE_SHA1 need not be whom
         * the socket belongs to. */
        who.has_uid = p->has_uid;
        who.uid = p->uid;
        return policy_view_get(policy, &who, p->has_uid && console_has_user(p->uid), vp);
}

int bus_assign_policy(struct bus *bus, struct peer *p)
{
        return view_for(bus->config->policy, p, &p->policy);
}

int bus_set_config(struct bus *bus, struct config *config)
{
        struct list *l, *all = &bus->peers.all;
        struct policy_view **views;
        size_t n = 0, i = 0;
        int r = 0;

        for (l = all->next; l != all; l = l->next)
                n += 1;
        views = calloc(n + 1, sizeof(*views));
        if (!views)
                return -ENOMEM;
        for (l = all->next; l != all && !r; l = l->next, ++i) {
                struct peer *p = container_of(l, struct peer, of_all);

                if (p->policy)
                        r = view_for(config->policy, p, &views[i]);
        }
        if (!r) {
                for (l = all->next, i = 0; l != all; l = l->next, ++i) {
                        struct peer *p = container_of(l, struct peer, of_all);
                        struct policy_view *old = p->policy;

                        p->policy = views[i];
                        views[i] = old;
                }
        }
        for (i = 0; i < n; ++i)
                policy_view_unref(views[i]);
        free(views);
        if (r < 0)
                return r;
        config_free(bus->config);
        bus->config = config;
        bus->peers.context.limits = &config->limits;
        return 0;
}

struct peer *bus_find_owner(struct bus *bus, const char *name, size_t length)
{
        if (name[0] == ':')
                return peers_find(&bus->peers, name, length);
        return peer_of_names(name_primary(name_find(&bus->names, name, length)));
}
