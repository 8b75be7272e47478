/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <sys/epoll.h>

#include "link/link.h"

/*
 * How many calls may wait for their replies at a time is a matter of the bus, which does not see
 * those that go over links: here they are counted, and the bus is told when it has to know.
 */

void link_count_call(struct client_links *links, struct client_link *link, const DBusMessage *m)
{
        if (!header_wants_reply(&m->wire.header))
                return;
        link->n_unanswered += 1;
        links->n_unanswered += 1;
}

void link_count_reply(struct client_links *links, struct client_link *link)
{
        if (!link->n_unanswered)
                return;
        link->n_unanswered -= 1;
        links->n_unanswered -= 1;
}

void links_count_let_through(struct client_links *links, const DBusMessage *m)
{
        struct client_link *link = link_of_peer(links, message_text(&m->wire, FIELD_SENDER));

        if (link)
                link_count_reply(links, link);
}

/* Are as many calls under way as may be? What the bus has not seen yet may be calls. */
static bool is_at_limit(const DBusConnection *c)
{
        const struct link_clock *clock = c->links->clock;
        uint64_t unseen = c->n_sent - link_counter_load(&clock->routed);

        return c->links->n_unanswered + unseen + link_counter_load(&clock->calls) >=
               link_counter_load(&clock->max_calls);
}

/* A reply counts from when it was sent, and not from when it is read. */
static bool may_have_replies(const DBusConnection *c)
{
        struct epoll_event event;

        return links_bus_is_ahead(c) || epoll_wait(c->links_fd, &event, 1, 0);
}

bool links_may_call(const DBusConnection *c, const DBusMessage *m)
{
        return !header_wants_reply(&m->wire.header) || !is_at_limit(c) || may_have_replies(c);
}
