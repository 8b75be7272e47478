/* SPDX-License-Identifier: MIT */
#include "bus/links.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/bus.h"
#include "bus/link-offer.h"
#include "bus/loop.h"
#include "bus/route.h"

void link_registry_init(struct link_registry *r)
{
        *r = (struct link_registry){0};
        list_init(&r->all);
}

static struct link_end *end_of(struct list *l)
{
        return container_of(l, struct link_end, of_linked);
}

static void linked_free(struct linked *l)
{
        link_page_unmap(l->tallies);
        link_page_unmap(l->clock);
        close(l->clock_fd);
        message_unref(l->skipped);
        free(l);
}

int links_join(struct bus *bus, struct peer *p)
{
        struct linked *l = calloc(1, sizeof(*l));
        int tally_fd, r;

        if (!l)
                return -ENOMEM;
        l->peer = p;
        list_init(&l->ends);
        l->decayed = loop_now();
        l->clock_fd = link_clock_new(&l->clock);
        if (l->clock_fd < 0) {
                r = l->clock_fd;
                free(l);
                return r;
        }
        r = link_offer_make_skipped(bus, l);
        tally_fd = r < 0 ? r : link_tallies_new(&l->tallies);
        r = tally_fd < 0 ? tally_fd : link_offer_joined(bus, l, tally_fd);
        if (r < 0) {
                linked_free(l);
                return r;
        }
        p->linked = l;
        p->output.substitute = l->skipped;
        p->replies.told = &l->clock->calls;
        link_counter_store(&l->clock->calls, p->replies.n_made);
        linked_tell_limit(bus, l);
        bus->links.n_joined += 1;
        return 0;
}

void linked_tell_limit(const struct bus *bus, struct linked *l)
{
        link_counter_store(&l->clock->max_calls,
                           (uint64_t)bus->config->limits.max_replies_per_connection);
}

uint32_t links_calls_awaited(const struct peer *p)
{
        return p->linked && p->linked->n_calls_at == p->n_routed + 1 ? p->linked->n_calls : 0;
}

static void serials_deinit(struct serials *s)
{
        free(s->serials);
        *s = (struct serials){0};
}

static int serials_add(struct serials *s, uint32_t serial)
{
        if (s->n == s->room) {
                size_t room = s->room ? 2 * s->room : 16;
                uint32_t *p = realloc(s->serials, room * sizeof(*p));

                if (!p)
                        return -ENOMEM;
                s->serials = p;
                s->room = room;
        }
        s->serials[s->n++] = serial;
        return 0;
}

static bool serials_have(const struct serials *s, uint32_t serial)
{
        for (size_t i = 0; i < s->n; ++i) {
                if (s->serials[i] == serial)
                        return true;
        }
        return false;
}

static void link_free(struct link *l)
{
        list_remove(&l->of_all);
        for (size_t i = 0; i < 2; ++i) {
                list_remove(&l->ends[i].of_linked);
                link_rules_deinit(&l->ends[i].may_send[0]);
                link_rules_deinit(&l->ends[i].may_send[1]);
                serials_deinit(&l->ends[i].replied);
        }
        free(l);
}

/* An end has one link less. What it said that it sent still counts. */
static void close_end(struct bus *bus, struct link_end *e)
{
        uint64_t messages, bytes, time;

        if (!e->linked)
                return;
        link_end_tally(e, &messages, &bytes, &time);
        e->linked->messages += messages;
        e->linked->bytes += bytes;
        bus->links.messages += messages;
        bus->links.bytes += bytes;
        e->linked->n_open -= 1;
        e->linked->peer->user->n_links -= 1;
}

void link_close(struct bus *bus, struct link *l, enum link_reason reason)
{
        if (!link_is_open(l))
                return;
        /* At once, for both, and so that what was sent can still be read (unix(7)). */
        shutdown(l->fd, SHUT_RDWR);
        close(l->fd);
        l->fd = -1;
        bus->links.n_open -= 1;
        for (size_t i = 0; i < 2; ++i)
                close_end(bus, &l->ends[i]);
        if (l->ends[0].linked && l->ends[1].linked)
                link_offer_set_reason(l->ends[0].linked, l->ends[1].linked, reason);
}

void links_close_all(struct bus *bus, enum link_reason reason)
{
        for (struct list *l = bus->links.all.next; l != &bus->links.all; l = l->next)
                link_close(bus, container_of(l, struct link, of_all), reason);
}

struct link_end *links_find(struct linked *l, uint32_t id)
{
        for (struct list *i = l->ends.next; i != &l->ends; i = i->next) {
                if (end_of(i)->link->id == id)
                        return end_of(i);
        }
        return NULL;
}

struct link_end *links_between(const struct linked *from, const struct linked *to)
{
        for (struct list *i = from->ends.next; i != &from->ends; i = i->next) {
                if (link_other_end(end_of(i))->linked == to)
                        return end_of(i);
        }
        return NULL;
}

/* The bus waits for a reply with a caller that cannot wait at the link any more. */
static void adopt(struct bus *bus, struct link_end *e, uint32_t serial)
{
        struct linked *other = link_other_end(e)->linked;

        if (!serials_have(&e->replied, serial))
                route_adopt_call(bus, e->linked->peer, other ? other->peer : NULL, serial);
}

static void end_left(struct link_end *e)
{
        struct link *l = e->link;

        e->has_left = true;
        if (link_other_end(e)->has_left)
                link_free(l);
}

void link_end_left(struct bus *bus, struct link_end *e, const uint32_t *serials, size_t n)
{
        if (e->has_left)
                return;
        link_close(bus, e->link, LINK_LEFT);
        for (size_t i = 0; i < n; ++i)
                adopt(bus, e, serials[i]);
        end_left(e);
}

void links_leave(struct bus *bus, struct peer *p)
{
        struct linked *l = p->linked;

        if (!l)
                return;
        l->declines = true;
        for (struct list *i = l->ends.next, *next; i != &l->ends; i = next) {
                struct link_end *e = end_of(i);

                next = i->next;
                link_close(bus, e->link, LINK_LEFT);
                if (peer_connected(p))
                        continue;
                list_remove(&e->of_linked);
                e->linked = NULL;
                if (!e->has_left)
                        end_left(e);
        }
        if (peer_connected(p))
                return;
        p->linked = NULL;
        p->output.substitute = NULL;
        p->replies.told = NULL;
        bus->links.n_joined -= 1;
        linked_free(l);
}

void links_retire(struct bus *bus, struct peer *p)
{
        struct linked *l = p->linked;

        if (!l)
                return;
        for (struct list *i = l->ends.next, *next; i != &l->ends; i = next) {
                next = i->next;
                link_end_left(bus, end_of(i), NULL, 0);
        }
}

bool links_reply_may_pass(struct bus *bus, struct peer *from, struct peer *to, uint32_t serial)
{
        struct link_end *caller;

        if (!from->linked || !to->linked)
                return false;
        caller = links_between(to->linked, from->linked);
        if (!caller || caller->has_left || reply_find_by_caller(&to->replies, serial))
                return false;
        /* Without memory to note it, the caller may be told of a reply that is not coming: it
         * ignores that, as it will have had it. */
        serials_add(&caller->replied, serial);
        (void)bus;
        return true;
}

void link_end_tally(const struct link_end *e, uint64_t *messages, uint64_t *bytes, uint64_t *time)
{
        const struct link_tally *t;

        *messages = *bytes = *time = 0;
        if (!e->linked)
                return;
        t = &e->linked->tallies->of[e->link->id % LINK_N_TALLIES];
        /* A client can write what it likes there, also about another link. */
        if (atomic_load_explicit(&t->link, memory_order_relaxed) != e->link->id)
                return;
        *messages = atomic_load_explicit(&t->messages, memory_order_relaxed);
        *bytes = atomic_load_explicit(&t->bytes, memory_order_relaxed);
        *time = atomic_load_explicit(&t->time, memory_order_relaxed);
}

void linked_tally(const struct linked *l, uint64_t *messages, uint64_t *bytes)
{
        *messages = l->messages;
        *bytes = l->bytes;
        for (const struct list *i = l->ends.next; i != &l->ends; i = i->next) {
                const struct link_end *e = container_of(i, const struct link_end, of_linked);
                uint64_t n, size, time;

                if (!link_is_open(e->link))
                        continue;
                link_end_tally(e, &n, &size, &time);
                *messages += n;
                *bytes += size;
        }
}

uint64_t link_idle_ms(const struct link *l)
{
        uint64_t now = loop_now(), last = l->since;

        for (size_t i = 0; i < 2; ++i) {
                uint64_t messages, bytes, time;

                link_end_tally(&l->ends[i], &messages, &bytes, &time);
                if (time > last && time <= now)
                        last = time;
        }
        return (now - last) / NS_PER_MS;
}

void links_note_message(struct bus *bus, struct peer *from, struct peer *to)
{
        struct linked *a = from->linked, *b = to->linked;

        if (!a || !b) {
                if (from != to)
                        unjoined_note(&bus->links.unjoined, from->id, to->id);
                return;
        }
        if (a == b || links_between(a, b))
                return;
        if (link_offer_is_due(a, b))
                link_offer(bus, a, b);
}

/* The link stays if its rules are what they would be now. */
static void check_rules(struct bus *bus, struct link *l)
{
        struct link_rules now[2][2];
        bool same;
        int r;

        if (!link_is_open(l))
                return;
        r = link_offer_rules(bus, l->ends[0].linked, l->ends[1].linked, now);
        same = !r;
        for (size_t i = 0; !r && i < 4; ++i) {
                same &= link_rules_equal(&now[i / 2][i % 2], &l->ends[i / 2].may_send[i % 2]);
                link_rules_deinit(&now[i / 2][i % 2]);
        }
        if (!same)
                link_close(bus, l, LINK_POLICY);
}

void links_policy_changed(struct bus *bus)
{
        if (!bus->config->links.enabled)
                links_close_all(bus, LINK_OFF);
        for (struct list *i = bus->links.all.next; i != &bus->links.all; i = i->next) {
                struct link *l = container_of(i, struct link, of_all);

                for (size_t j = 0; j < 2; ++j) {
                        if (l->ends[j].linked)
                                linked_tell_limit(bus, l->ends[j].linked);
                }
                check_rules(bus, l);
        }
}

void links_queues_changed(struct bus *bus, struct peer *p)
{
        if (!p->linked)
                return;
        for (struct list *i = p->linked->ends.next; i != &p->linked->ends; i = i->next)
                check_rules(bus, end_of(i)->link);
}

/* Those that are linked with a peer must not use what they know of its names, from now on. */
static void bump_clocks(const struct linked *l)
{
        for (struct list *i = l->ends.next; i != &l->ends; i = i->next) {
                struct linked *other = link_other_end(end_of(i))->linked;

                if (other)
                        link_counter_store(&other->clock->names,
                                           link_counter_load(&other->clock->names) + 1);
        }
}

/* All that are linked with a peer hear of its names: also those of which only the clock went on,
 * as theirs is one for all their links. */
static void tell_names(struct bus *bus, struct linked *l)
{
        for (struct list *i = l->ends.next; i != &l->ends; i = i->next)
                link_offer_tell_names(bus, end_of(i));
}

/* What has been sent to a name that is lost can still be read; nothing more can be sent. */
static void close_links_of(struct bus *bus, struct linked *l)
{
        for (struct list *i = l->ends.next; i != &l->ends; i = i->next)
                link_close(bus, end_of(i)->link, LINK_NAMES);
}

void links_names_changed(struct bus *bus, struct peer *old_owner, struct peer *new_owner)
{
        struct peer *const both[] = {old_owner, new_owner};

        if (old_owner == new_owner)
                return;
        /* A look at the clock and the sending after it are two steps: only the end of the link
         * comes between neither. */
        if (old_owner && old_owner->linked)
                close_links_of(bus, old_owner->linked);
        for (size_t i = 0; i < 2; ++i) {
                if (both[i] && both[i]->linked)
                        bump_clocks(both[i]->linked);
        }
        for (size_t i = 0; i < 2; ++i) {
                if (!both[i] || !both[i]->linked)
                        continue;
                links_queues_changed(bus, both[i]);
                tell_names(bus, both[i]->linked);
        }
}
