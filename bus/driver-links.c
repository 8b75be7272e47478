/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus/driver-call.h"
#include "bus/links.h"
#include "bus/loop.h"
#include "link/link.h"

#define NS_PER_MS 1000000ull

/* The interface of peer links (doc/peer-links.md). */

/* A label of an LSM that confines: a link would bypass what it mediates. */
static bool is_confined(const struct peer *p)
{
        const char *label = p->credentials.security_label;

        return label && strncmp(label, "unconfined", strlen("unconfined")) != 0;
}

/* Is the clock that the peer told of ours? One of another time namespace is further away. */
static bool has_our_clock(uint64_t told)
{
        uint64_t now = loop_now();

        return told <= now && now - told <= LINK_CLOCK_TOLERANCE;
}

static int refuse(struct driver_call *c, const char *why)
{
        return fault_set(c->fault, ERROR_NOT_SUPPORTED, "No peer links: %s", why);
}

int driver_enable_links(struct driver_call *c)
{
        uint32_t version = 0;
        uint64_t now = 0;

        reader_u32(&c->args, &version);
        reader_u64(&c->args, &now);
        if (!c->bus->config->links.enabled)
                return refuse(c, "they are switched off");
        if (version != LINK_VERSION)
                return refuse(c, "another version of the protocol");
        if (c->caller->linked || c->caller->state != PEER_ACTIVE)
                return refuse(c, "not now");
        /* Only unix sockets pass them, and proxies do not negotiate it for those behind them. */
        if (!c->caller->fd_passing || !c->caller->has_uid || is_confined(c->caller) ||
            !has_our_clock(now))
                return refuse(c, "not for this connection");
        if (links_join(c->bus, c->caller) < 0)
                return fault_no_memory(c->fault);
        return driver_reply_empty(c);
}

int driver_disable_links(struct driver_call *c)
{
        links_leave(c->bus, c->caller);
        return driver_reply_empty(c);
}

/* Reads the `au` that is next. Returns 0, or -1 with the fault set; the array is to be freed. */
static int read_serials(struct driver_call *c, uint32_t **serials, size_t *n)
{
        struct reader array, count;

        reader_enter(&c->args, &array);
        *n = 0;
        for (count = array; reader_more(&count); ++*n)
                reader_skip(&count);
        *serials = malloc((*n + 1) * sizeof(**serials));
        if (!*serials)
                return fault_no_memory(c->fault);
        for (size_t i = 0; i < *n; ++i)
                reader_u32(&array, &(*serials)[i]);
        return 0;
}

int driver_link_closed(struct driver_call *c)
{
        struct link_end *e;
        uint32_t id = 0, *serials;
        size_t n;

        reader_u32(&c->args, &id);
        e = c->caller->linked ? links_find(c->caller->linked, id) : NULL;
        if (!e)
                return fault_set(c->fault, ERROR_FAILED, "There is no such link");
        if (read_serials(c, &serials, &n) < 0)
                return -1;
        link_end_left(c->bus, e, serials, n);
        free(serials);
        return driver_reply_empty(c);
}

static void write_end(struct writer *w, const struct link_end *e)
{
        uint64_t messages, bytes, time;

        link_end_tally(e, &messages, &bytes, &time);
        writer_struct(w);
        writer_string(w, e->linked->peer->name);
        writer_u32(w, e->linked->peer->credentials.has_pid
                              ? (uint32_t)e->linked->peer->credentials.pid
                              : 0);
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

/* Pairs that talk, and have no link for some reason. */
static void write_pairs(const struct bus *bus, struct writer *w)
{
        const struct list *all = &bus->peers.all;
        struct writer_array array;

        writer_open_array(w, &array, LINK_PAIR_TYPE);
        for (const struct list *i = all->next; i != all; i = i->next) {
                const struct peer *p = container_of(i, const struct peer, of_all);

                for (size_t b = 0; p->linked && b < LINK_BUSY_PAIRS; ++b) {
                        const struct busy_pair *pair = &p->linked->busy[b];
                        char other[PEER_NAME_SIZE];

                        if (!pair->other || pair->why_not == LINK_NONE)
                                continue;
                        snprintf(other, sizeof(other), ":1.%" PRIu64, pair->other);
                        writer_struct(w);
                        writer_string(w, p->name);
                        writer_string(w, other);
                        writer_u32(w, pair->count);
                        writer_string(w, link_reason_text(pair->why_not));
                }
        }
        writer_close_array(w, &array);
}

static uint32_t count_joined(const struct bus *bus)
{
        const struct list *all = &bus->peers.all;
        uint32_t n = 0;

        for (const struct list *i = all->next; i != all; i = i->next)
                n += container_of(i, const struct peer, of_all)->linked != NULL;
        return n;
}

int driver_list_links(struct driver_call *c)
{
        struct writer_array array;
        struct writer w;

        driver_reply_begin(c, &w, LINK_LIST_TYPE);
        write_links(c->bus, &w);
        write_pairs(c->bus, &w);
        writer_open_array(&w, &array, "{sv}");
        driver_entry_u32(&w, "Links", c->bus->links.n_open);
        driver_entry_u32(&w, "LinksEver", (uint32_t)c->bus->links.n_ever);
        driver_entry_u32(&w, "Connections", c->bus->peers.n_complete);
        driver_entry_u32(&w, "ConnectionsWithLinks", count_joined(c->bus));
        writer_close_array(&w, &array);
        return driver_reply_end(c, &w);
}
