/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>

#include "bus/driver-call.h"
#include "bus/driver-links.h"
#include "bus/links.h"
#include "bus/loop.h"
#include "link/link.h"

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

/* Why a connection would be refused links, if not for what it says when it asks. */
static enum link_reason reason_against(const struct bus *bus, const struct peer *p)
{
        if (!bus->config->links.enabled)
                return LINK_OFF;
        /* Only unix sockets pass them, and proxies do not negotiate it for those behind them. */
        if (!p->fd_passing || !p->has_uid)
                return LINK_NO_FDS;
        return is_confined(p) ? LINK_CONFINED : LINK_NONE;
}

enum link_reason driver_links_reason(const struct bus *bus, const struct peer *p)
{
        enum link_reason reason = reason_against(bus, p);

        if (reason == LINK_NONE)
                reason = p->no_links;
        return reason == LINK_NONE ? LINK_NOT_ASKED : reason;
}

static enum link_reason reason_to_refuse(const struct driver_call *c, uint32_t version,
                                         uint64_t now)
{
        enum link_reason reason = reason_against(c->bus, c->caller);

        if (reason != LINK_NONE)
                return reason;
        if (version != LINK_VERSION)
                return LINK_OTHER_VERSION;
        return has_our_clock(now) ? LINK_NONE : LINK_CLOCK;
}

int driver_enable_links(struct driver_call *c)
{
        uint32_t version = 0;
        uint64_t now = 0;

        reader_u32(&c->args, &version);
        reader_u64(&c->args, &now);
        if (c->caller->linked || c->caller->state != PEER_ACTIVE)
                return fault_set(c->fault, ERROR_NOT_SUPPORTED, "No peer links: not now");
        c->caller->no_links = reason_to_refuse(c, version, now);
        if (c->caller->no_links != LINK_NONE)
                return fault_set(c->fault, ERROR_NOT_SUPPORTED, "No peer links: %s",
                                 link_reason_text(c->caller->no_links));
        if (links_join(c->bus, c->caller) < 0) {
                c->caller->no_links = LINK_NO_RESOURCES;
                return fault_no_memory(c->fault);
        }
        return driver_reply_empty(c);
}

int driver_disable_links(struct driver_call *c)
{
        links_leave(c->bus, c->caller);
        return driver_reply_empty(c);
}

/* Of the message that comes next. */
int driver_calls_awaited(struct driver_call *c)
{
        struct linked *l = c->caller->linked;

        if (!l)
                return fault_set(c->fault, ERROR_FAILED, "It has no links");
        reader_u32(&c->args, &l->n_calls);
        l->n_calls_at = c->caller->n_routed + 2;
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
        /* Nobody can have sent so many over one link, and what each costs is ours to pay. */
        if (n > LINK_MAX_AWAITED) {
                free(serials);
                peer_disconnect(c->caller);
                return fault_set(c->fault, ERROR_LIMITS_EXCEEDED, "So many calls cannot wait");
        }
        link_end_left(c->bus, e, serials, n);
        free(serials);
        return driver_reply_empty(c);
}
