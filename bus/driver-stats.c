/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>

#include "bus/driver-call.h"
#include "bus/match-rule.h"

int driver_get_stats(struct driver_call *c)
{
        const struct bus *bus = c->bus;
        struct writer_array entries;
        struct writer w;

        driver_reply_begin(c, &w, "a{sv}");
        writer_open_array(&w, &entries, "{sv}");
        driver_entry_u32(&w, "Serial", bus->last_serial);
        /* The reference keeps a pool of list links. There is none here, so it is empty. */
        driver_entry_u32(&w, "ListMemPoolUsedBytes", 0);
        driver_entry_u32(&w, "ListMemPoolCachedBytes", 0);
        driver_entry_u32(&w, "ListMemPoolAllocatedBytes", 0);
        driver_entry_u32(&w, "ActiveConnections", bus->peers.n_complete);
        driver_entry_u32(&w, "IncompleteConnections", bus->peers.n_incomplete);
        driver_entry_u32(&w, "MatchRules", (uint32_t)bus_count_rules(bus));
        driver_entry_u32(&w, "PeakMatchRules", bus->peaks.rules);
        driver_entry_u32(&w, "PeakMatchRulesPerConnection", bus->peaks.rules_per_connection);
        driver_entry_u32(&w, "BusNames", bus_count_names(bus));
        driver_entry_u32(&w, "PeakBusNames", bus->peaks.names);
        driver_entry_u32(&w, "PeakBusNamesPerConnection", bus->peaks.names_per_connection);
        driver_entry_u32(&w, "PeerLinks", bus->links.n_open);
        driver_entry_u32(&w, "PeakPeerLinks", bus->links.peak_open);
        driver_entry_u32(&w, "PeakPeerLinksPerConnection", bus->links.peak_per_connection);
        driver_entry_u32(&w, "PeerLinkConnections", bus->links.n_joined);
        writer_close_array(&w, &entries);
        return driver_reply_end(c, &w);
}

/* Of one that has not joined in, there are none. */
static void write_link_stats(struct writer *w, const struct linked *l)
{
        uint64_t messages = 0, bytes = 0;

        if (l)
                linked_tally(l, &messages, &bytes);
        driver_entry_u32(w, "PeerLinks", l ? l->n_open : 0);
        driver_entry_u32(w, "PeakPeerLinks", l ? l->peak_open : 0);
        driver_entry_u64(w, "PeerLinkMessages", messages);
        driver_entry_u64(w, "PeerLinkBytes", bytes);
}

int driver_get_connection_stats(struct driver_call *c)
{
        struct writer_array entries;
        const char *name;
        struct writer w;
        struct peer *p;
        bool is_bus;

        if (driver_read_owner(c, "statistics", &name, &p, &is_bus) < 0)
                return -1;
        if (is_bus)
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "GetConnectionStats is not meaningful for the message bus \"%s\" "
                                 "itself",
                                 name);
        driver_reply_begin(c, &w, "a{sv}");
        writer_open_array(&w, &entries, "{sv}");
        driver_entry_u32(&w, "Serial", c->bus->last_serial);
        driver_entry_u32(&w, "MatchRules", p->rules.n_rules + p->eavesdrop_rules.n_rules);
        driver_entry_u32(&w, "PeakMatchRules", p->peak_rules);
        driver_entry_u32(&w, "BusNames", p->names.n_names + 1);
        driver_entry_u32(&w, "PeakBusNames", p->peak_names);
        driver_entry_string(&w, "UniqueName", p->name);
        driver_entry_u32(&w, "IncomingMessages", p->live_messages);
        driver_entry_u32(&w, "IncomingBytes", (uint32_t)p->live_bytes);
        driver_entry_u32(&w, "IncomingFDs", (uint32_t)p->live_fds);
        driver_entry_u32(&w, "PeakIncomingBytes", (uint32_t)p->peak_in_bytes);
        driver_entry_u32(&w, "PeakIncomingFDs", (uint32_t)p->peak_in_fds);
        driver_entry_u32(&w, "OutgoingMessages", p->output.n);
        driver_entry_u32(&w, "OutgoingBytes", (uint32_t)p->output.bytes);
        driver_entry_u32(&w, "OutgoingFDs", p->output.n_fds);
        driver_entry_u32(&w, "PeakOutgoingBytes", (uint32_t)p->peak_out_bytes);
        driver_entry_u32(&w, "PeakOutgoingFDs", (uint32_t)p->peak_out_fds);
        write_link_stats(&w, p->linked);
        writer_close_array(&w, &entries);
        return driver_reply_end(c, &w);
}

static void write_rules(struct writer *w, const struct match_owner *o)
{
        for (const struct list *l = o->rules.next; l != &o->rules; l = l->next) {
                char *text = match_rule_text(container_of(l, struct match_rule, of_owner));

                if (text)
                        writer_string(w, text);
                else if (!w->error)
                        w->error = -ENOMEM;
                free(text);
        }
}

int driver_get_all_match_rules(struct driver_call *c)
{
        struct list *l, *all = &c->bus->peers.all;
        struct writer_array entries, rules;
        struct writer w;

        driver_reply_begin(c, &w, "a{sas}");
        writer_open_array(&w, &entries, "{sas}");
        for (l = all->next; l != all; l = l->next) {
                const struct peer *p = container_of(l, struct peer, of_all);

                if (p->state != PEER_ACTIVE)
                        continue;
                writer_struct(&w);
                writer_string(&w, p->name);
                writer_open_array(&w, &rules, "s");
                write_rules(&w, &p->rules);
                write_rules(&w, &p->eavesdrop_rules);
                writer_close_array(&w, &rules);
        }
        writer_close_array(&w, &entries);
        return driver_reply_end(c, &w);
}
