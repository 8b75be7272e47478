/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <stdlib.h>
#include <string.h>

#include "core/socket.h"
#include "link/frame.h"
#include "link/link.h"

/* A connection that has sent so many messages to other peers is busy: joining in costs it two
 * messages, and the bus some memory. */
#define BUSY_AFTER 32

/* Links can be switched off for a process, whoever started it. Looked up once. */
static bool process_wants_links(void)
{
        static atomic_int wants = -1;
        int w = atomic_load_explicit(&wants, memory_order_relaxed);

        if (w < 0) {
                const char *value = getenv("DBUS_PEER_LINKS");

                w = !value || strcmp(value, "0") != 0;
                atomic_store_explicit(&wants, w, memory_order_relaxed);
        }
        return w;
}

static bool is_to_peer(const DBusMessage *m)
{
        const char *destination = message_text(&m->wire, FIELD_DESTINATION);

        return destination && strcmp(destination, DBUS_SERVICE_DBUS) != 0;
}

void links_note_sent(DBusConnection *c, const DBusMessage *m)
{
        if (c->n_to_peers >= BUSY_AFTER || !is_to_peer(m))
                return;
        c->n_to_peers += 1;
        /* Only a message bus has unique names, and only one that passes descriptors has links. */
        if (c->n_to_peers == BUSY_AFTER && c->unique_name && !c->wants_no_links &&
            connection_can_send_fds(c) && process_wants_links())
                c->has_joined = links_tell_enable(c);
}

static bool is_in(char *const *names, const char *name)
{
        for (; *names; ++names) {
                if (!strcmp(*names, name))
                        return true;
        }
        return false;
}

/* The link to whoever has this name. *by_name: it is a well-known one. */
static struct client_link *link_to(const struct client_links *links, const char *name,
                                   bool *by_name)
{
        *by_name = name[0] != ':';
        for (struct list *l = links->all.next; l != &links->all; l = l->next) {
                struct client_link *link = container_of(l, struct client_link, of_all);

                if (link->fd < 0)
                        continue;
                if (*by_name ? is_in(link->names, name) : !strcmp(link->peer->name, name))
                        return link;
        }
        return NULL;
}

/* Takes a serial out of those that a link owes a reply to. False: it is not there. */
static bool owes(const struct client_link *link, uint32_t serial)
{
        for (unsigned i = 0; i < link->n_owed; ++i) {
                if (link->owed[i] == serial)
                        return true;
        }
        return false;
}

static void forget_owed(struct client_link *link, uint32_t serial)
{
        for (unsigned i = 0; i < link->n_owed; ++i) {
                if (link->owed[i] == serial) {
                        link->owed[i] = link->owed[--link->n_owed];
                        return;
                }
        }
}

/* A reply over a link is taken if it is known who waits for it. Whoever sends a call without a
 * pending call, and looks for the reply himself, has the bus know that. */
static bool reply_is_awaited(const DBusConnection *c, const struct header *h)
{
        return !header_wants_reply(h) || awaited_find(c, h->serial);
}

/* Calls and signals, and replies to calls that came over the link: others the bus waits for. */
static bool is_of_link(const DBusConnection *c, const struct client_link *link,
                       const struct header *h)
{
        if (h->text[FIELD_SENDER].at)
                return false;
        switch (h->type) {
        case MESSAGE_METHOD_CALL:
                /* Each that waits for a reply has a reference, and so does the link. */
                return !h->reply_serial && link->peer->refs <= LINK_MAX_AWAITED &&
                       reply_is_awaited(c, h);
        case MESSAGE_SIGNAL:
                return !h->reply_serial;
        case MESSAGE_METHOD_RETURN:
        case MESSAGE_ERROR:
                return owes(link, h->reply_serial);
        default:
                return false;
        }
}

bool link_direction_allows(const struct link_direction *d, const struct header *h,
                           const uint8_t *bytes)
{
        for (size_t i = 0; i < d->n; ++i) {
                if (!link_rules_allow(&d->lists[i], h, bytes))
                        return false;
        }
        return true;
}

static bool fits(const DBusMessage *m)
{
        return m->wire.size <= LINK_MAX_PACKET - LINK_FRAME_SIZE && m->wire.n_fds <= SOCKET_MAX_FDS;
}

/* Is the link the right road for a message, now that all before it has arrived where it matters? */
static bool is_right_road(const DBusConnection *c, const struct client_link *link,
                          const DBusMessage *m, bool by_name)
{
        const struct client_links *links = c->links;

        return link_counter_load(&links->clock->routed) == c->n_sent &&
               (!by_name || link_counter_load(&links->clock->names) == links->names_epoch) &&
               is_of_link(c, link, &m->wire.header) && fits(m) &&
               link_direction_allows(&link->may_send, &m->wire.header, m->wire.bytes);
}

static void tally(const struct client_links *links, const struct client_link *link, uint32_t size,
                  uint64_t now)
{
        struct link_tally *t = &links->tallies->of[link->id % LINK_N_TALLIES];
        uint64_t messages = 0, bytes = 0;

        if (atomic_load_explicit(&t->link, memory_order_relaxed) == link->id) {
                messages = atomic_load_explicit(&t->messages, memory_order_relaxed);
                bytes = atomic_load_explicit(&t->bytes, memory_order_relaxed);
        }
        atomic_store_explicit(&t->link, link->id, memory_order_relaxed);
        atomic_store_explicit(&t->messages, messages + 1, memory_order_relaxed);
        atomic_store_explicit(&t->bytes, bytes + size, memory_order_relaxed);
        atomic_store_explicit(&t->time, now, memory_order_relaxed);
}

/* Packets up to this size are put together: a copy is less than what the kernel asks for looking
 * at two pieces. */
#define SMALL_PACKET 1024

static ssize_t send_bytes(int fd, uint8_t *head, const DBusMessage *m)
{
        struct iovec iov[] = {{head, LINK_FRAME_SIZE}, {m->wire.bytes, m->wire.size}};
        uint8_t packet[SMALL_PACKET];

        if (m->wire.size > SMALL_PACKET - LINK_FRAME_SIZE || m->wire.n_fds)
                return socket_send(fd, iov, 2, m->wire.fds, m->wire.n_fds);
        memcpy(packet, head, LINK_FRAME_SIZE);
        memcpy(packet + LINK_FRAME_SIZE, m->wire.bytes, m->wire.size);
        iov[0] = (struct iovec){packet, LINK_FRAME_SIZE + m->wire.size};
        return socket_send(fd, iov, 1, NULL, 0);
}

/* Sends one packet, whole or not at all. */
static bool send_packet(const struct client_links *links, const struct client_link *link,
                        const DBusMessage *m)
{
        struct link_frame frame = {.size = m->wire.size};
        uint8_t head[LINK_FRAME_SIZE];

        frame.stamp = link_counter_load(&link->clock->queued);
        frame.time = monotonic_now();
        link_frame_write(&frame, head);
        if (send_bytes(link->fd, head, m) < 0)
                return false;
        tally(links, link, m->wire.size, frame.time);
        return true;
}

/* The reply to a call is to come from the peer that it went to. */
static void note_call(DBusConnection *c, struct client_link *link, const DBusMessage *m)
{
        struct awaited *a = awaited_find(c, message_serial(m));

        if (!a || a->peer)
                return;
        a->peer = link->peer;
        a->peer->refs += 1;
        list_append(&link->calls, &a->of_link);
}

/* Sends over the link of whoever the message is for. False: there is none, or it is not the way. */
static bool send_by_link(DBusConnection *c, DBusMessage *m, const char *destination)
{
        struct client_link *link;
        bool by_name;

        if (!c->links->n_open)
                return false;
        link = link_to(c->links, destination, &by_name);
        if (!link || !is_right_road(c, link, m, by_name) || !links_may_call(c, m) ||
            !send_packet(c->links, link, m))
                return false;
        if (m->wire.header.reply_serial) {
                forget_owed(link, m->wire.header.reply_serial);
        } else if (m->wire.header.type == MESSAGE_METHOD_CALL) {
                link_count_call(c->links, link, m);
                note_call(c, link, m);
        }
        return true;
}

bool links_send(DBusConnection *c, DBusMessage *m)
{
        const char *destination = message_text(&m->wire, FIELD_DESTINATION);

        if (!destination || !strcmp(destination, DBUS_SERVICE_DBUS))
                return false;
        if (send_by_link(c, m, destination))
                return true;
        if (c->links->n_unanswered && !links_may_call(c, m))
                links_tell_calls(c);
        return false;
}
