/* SPDX-License-Identifier: MIT */
#include "bus/driver-call.h"
#include "bus/driver-links.h"
#include "bus/link-offer.h"
#include "bus/links.h"
#include "bus/loop.h"
#include "link/link.h"

/* ListLinks: what administrators are shown of peer links (doc/peer-links.md). */

static void write_end(struct writer *w, const struct link_end *e)
{
        uint64_t messages, bytes, time;

        link_end_tally(e, &messages, &bytes, &time);
        writer_struct(w);
        writer_string(w, e->linked->peer->name);
        writer_u64(w, messages);
        writer_u64(w, bytes);
}

static void write_links(const struct bus *bus, struct writer *w)
{
        struct writer_array array;

        writer_open_array(w, &array, LINK_LISTED_TYPE);
        for (const struct list *i = bus->links.all.next; i != &bus->links.all; i = i->next) {
                const struct link *l = container_of(i, const struct link, of_all);

                if (!link_is_open(l))
                        continue;
                writer_struct(w);
                writer_u32(w, l->id);
                writer_u64(w, (loop_now() - l->since) / NS_PER_MS);
                writer_u64(w, link_idle_ms(l));
                write_end(w, &l->ends[0]);
                write_end(w, &l->ends[1]);
        }
        writer_close_array(w, &array);
}

/* NULL if it has gone, or listens only. */
static const struct peer *talker(const struct bus *bus, uint64_t id)
{
        const struct peer *p = peers_find_id(&bus->peers, id);

        return p && p->state == PEER_ACTIVE ? p : NULL;
}

static void write_pair(struct writer *w, const struct peer *a, const struct peer *b,
                       uint64_t messages, enum link_reason reason)
{
        writer_struct(w);
        writer_string(w, a->name);
        writer_string(w, b->name);
        writer_u64(w, messages);
        writer_string(w, link_reason_text(reason));
}

static void write_joined_pairs(const struct bus *bus, struct writer *w, const struct peer *p)
{
        for (size_t i = 0; i < LINK_BUSY_PAIRS; ++i) {
                const struct busy_pair *pair = &p->linked->busy[i];
                const struct peer *other = pair->other ? talker(bus, pair->other) : NULL;

                if (other && pair->why_not != LINK_NONE)
                        write_pair(w, p, other, pair->messages, pair->why_not);
        }
}

/* The pair of a slot, unless there is none or both have joined in by now. */
static bool find_unjoined(const struct bus *bus, const struct unjoined_pair *u,
                          const struct peer *pair[2])
{
        if (!u->second)
                return false;
        pair[0] = talker(bus, u->first);
        pair[1] = talker(bus, u->second);
        return pair[0] && pair[1] && !(pair[0]->linked && pair[1]->linked);
}

static void write_unjoined_pairs(const struct bus *bus, struct writer *w)
{
        const struct peer *pair[2];

        for (size_t i = 0; i < UNJOINED_PAIRS; ++i) {
                const struct unjoined_pair *u = &bus->links.unjoined.slots[i];

                if (find_unjoined(bus, u, pair))
                        write_pair(w, pair[0], pair[1], u->messages,
                                   driver_links_reason(bus, pair[pair[0]->linked != NULL]));
        }
}

/* Pairs that talk, and have no link for some reason. */
static void write_pairs(const struct bus *bus, struct writer *w)
{
        const struct list *all = &bus->peers.all;
        struct writer_array array;

        writer_open_array(w, &array, LINK_PAIR_TYPE);
        for (const struct list *i = all->next; i != all; i = i->next) {
                const struct peer *p = container_of(i, const struct peer, of_all);

                if (p->linked && p->state == PEER_ACTIVE)
                        write_joined_pairs(bus, w, p);
        }
        write_unjoined_pairs(bus, w);
        writer_close_array(w, &array);
}

static bool is_in_unjoined_pair(const struct bus *bus, const struct peer *p)
{
        const struct peer *pair[2];

        for (size_t i = 0; i < UNJOINED_PAIRS; ++i) {
                const struct unjoined_pair *u = &bus->links.unjoined.slots[i];

                if ((u->first == p->id || u->second == p->id) && find_unjoined(bus, u, pair))
                        return true;
        }
        return false;
}

/* Who is behind the unique names: those that joined in, and those that talk to somebody. */
static void write_connections(const struct bus *bus, struct writer *w)
{
        const struct list *all = &bus->peers.all;
        struct writer_array array;

        writer_open_array(w, &array, LINK_CONNECTION_TYPE);
        for (const struct list *i = all->next; i != all; i = i->next) {
                const struct peer *p = container_of(i, const struct peer, of_all);

                if (p->state != PEER_ACTIVE || !(p->linked || is_in_unjoined_pair(bus, p)))
                        continue;
                writer_struct(w);
                writer_string(w, p->name);
                writer_u32(w, p->credentials.has_pid ? (uint32_t)p->credentials.pid : 0);
                writer_u32(w, p->has_uid ? (uint32_t)p->uid : UINT32_MAX);
                link_offer_write_names(w, p);
        }
        writer_close_array(w, &array);
}

/* Of all links there have been. */
static void count_traffic(const struct bus *bus, uint64_t *messages, uint64_t *bytes)
{
        *messages = bus->links.messages;
        *bytes = bus->links.bytes;
        for (const struct list *i = bus->links.all.next; i != &bus->links.all; i = i->next) {
                const struct link *l = container_of(i, const struct link, of_all);

                for (size_t end = 0; link_is_open(l) && end < 2; ++end) {
                        uint64_t n, size, time;

                        link_end_tally(&l->ends[end], &n, &size, &time);
                        *messages += n;
                        *bytes += size;
                }
        }
}

static void write_totals(const struct bus *bus, struct writer *w)
{
        struct writer_array array;
        uint64_t messages, bytes;

        count_traffic(bus, &messages, &bytes);
        writer_open_array(w, &array, "{sv}");
        driver_entry_u32(w, "Links", bus->links.n_open);
        driver_entry_u64(w, "LinksEver", bus->links.n_ever);
        driver_entry_u64(w, "Messages", messages);
        driver_entry_u64(w, "Bytes", bytes);
        driver_entry_u32(w, "Connections", bus->peers.n_complete);
        driver_entry_u32(w, "ConnectionsWithLinks", bus->links.n_joined);
        driver_entry_u32(w, "MaxLinks", bus->config->links.enabled ? bus->config->links.max : 0);
        writer_close_array(w, &array);
}

int driver_list_links(struct driver_call *c)
{
        const struct lsm_message asked = {.message = c->message, .from = c->caller};
        struct writer w;

        /* Calls about links are not mediated, as they tell nothing. This one does. */
        if (c->bus->lsm && lsm_may_send(c->bus, &asked, c->fault) < 0)
                return -1;
        driver_reply_begin(c, &w, LINK_LIST_TYPE);
        write_links(c->bus, &w);
        write_pairs(c->bus, &w);
        write_connections(c->bus, &w);
        write_totals(c->bus, &w);
        return driver_reply_end(c, &w);
}
