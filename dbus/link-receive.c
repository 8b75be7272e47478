/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/body.h"
#include "core/socket.h"
#include "link/frame.h"
#include "link/link.h"

/* Most that is read of one link before others have their turn: about a full socket. */
#define SHARE (256u * 1024)
/* Reads of a link that are for many packets, after there were several. */
#define BURST 8
/* One read in so many packets is for many, to see whether there are. */
#define LOOK_FOR_BURST 16
/* Cuts that follow each other before somebody else has a turn. */
#define MAX_CUTS 4
/* Links that are asked for at once, of those that have something. */
#define MAX_READY 32
/* What the epoll set says of itself, in the place of a link's number. */
#define NO_LINK UINT64_MAX

/* A message that was read and has not its place yet. */
struct held {
        struct link_arrival arrival;
        struct client_link *link;
        DBusMessage *message;
};

static void close_descriptors(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; ++i)
                close(fds[i]);
}

static bool is_for_us(const DBusConnection *c, const char *destination)
{
        if (!destination)
                return false;
        if (destination[0] == ':')
                return !strcmp(destination, c->unique_name);
        for (char **name = c->links->own_names; *name; ++name) {
                if (!strcmp(*name, destination))
                        return true;
        }
        return false;
}

/* Did as many descriptors come as it says, as far as there was room for them? */
static bool has_its_fds(const struct header *h, const struct socket_packet *p)
{
        return p->is_cut ? h->n_fds > p->n_fds : h->n_fds == p->n_fds;
}

/* Is it what the peer may send, said as the protocol wants it? */
static bool is_right(const DBusConnection *c, const struct client_link *link,
                     const struct link_frame *frame, const struct header *h, const uint8_t *bytes)
{
        /* Of types that it does not know, the bus passes none on. */
        return frame->stamp <= link_counter_load(&c->links->clock->queued) &&
               h->type <= MESSAGE_SIGNAL && !h->text[FIELD_SENDER].at &&
               link_direction_allows(&link->may_receive, h, bytes);
}

/*
 * Makes a message of a packet, stamped with the peer's name; the descriptors become its own.
 * Returns 0; -ENOMEM; -EMFILE if there was no room for all of them; or -EBADMSG if it is nothing
 * that may come.
 */
static int make_message(const DBusConnection *c, const struct client_link *link,
                        const struct socket_packet *p, struct link_frame *frame, DBusMessage **m)
{
        const uint8_t *bytes = p->bytes + LINK_FRAME_SIZE;
        const char *signature;
        struct message *made;
        struct header h;

        if (link_frame_read(frame, p->bytes, p->size) || header_parse(&h, bytes, frame->size) ||
            h.size + h.body_size != frame->size || !has_its_fds(&h, p) ||
            !is_right(c, link, frame, &h, bytes))
                return -EBADMSG;
        signature =
                h.text[FIELD_SIGNATURE].at ? (const char *)bytes + h.text[FIELD_SIGNATURE].at : "";
        if (body_validate(bytes + h.size, h.body_size, signature, h.order))
                return -EBADMSG;
        if (p->is_cut)
                return -EMFILE;
        if (message_copy(&made, bytes, &h, link->peer->name, strlen(link->peer->name), p->fds,
                         (unsigned)p->n_fds, &dbus_message_class) < 0)
                return -ENOMEM;
        *m = message_of(made);
        return 0;
}

static void owe(struct client_link *link, const DBusMessage *m)
{
        if (header_wants_reply(&m->wire.header) && link->n_owed < LINK_MAX_OWED)
                link->owed[link->n_owed++] = m->wire.header.serial;
}

/* The bus lets it pass, and what comes by the bus ends the connection if it is more than that. */
static bool is_within_limits(const DBusConnection *c, const DBusMessage *m)
{
        const struct input_limits *limits = &c->transport.limits;

        return m->wire.size <= limits->message_size && m->wire.n_fds <= limits->message_fds;
}

/* What waits for a reply with this serial. NULL: nothing does, or not any more. */
static const struct awaited *unanswered(const DBusConnection *c, uint32_t serial)
{
        const struct awaited *a = awaited_find(c, serial);

        return a && !a->reply ? a : NULL;
}

/* What becomes of a message is a matter of its place: which names are ours, what the application
 * wants, which calls we wait for. Returns true if it is to be received. */
static bool is_taken(DBusConnection *c, struct client_link *link, const DBusMessage *m)
{
        uint32_t serial = m->wire.header.reply_serial;
        const struct awaited *a = serial ? unanswered(c, serial) : NULL;

        if (c->links->is_over || link->is_refused)
                return false;
        if (!is_for_us(c, message_text(&m->wire, FIELD_DESTINATION))) {
                link->is_refused = true;
                link_close(c, link);
                return false;
        }
        if (!is_within_limits(c, m)) {
                c->links->is_over = true;
                return false;
        }
        /* A reply has to be one that we wait for, from there. */
        return !serial || (a && a->peer == link->peer);
}

/* Receives a message that has its place now. */
static void take_in(DBusConnection *c, struct client_link *link, DBusMessage *m)
{
        if (!is_taken(c, link, m)) {
                dbus_message_unref(m);
                return;
        }
        owe(link, m);
        received_add(c->received, m);
        connection_receive(c, m);
}

/* Has a message wait for its place. Returns false without memory for that. */
static bool hold(DBusConnection *c, struct client_link *link, DBusMessage *m,
                 const struct link_frame *frame)
{
        struct held *h = malloc(sizeof(*h));

        if (!h)
                return false;
        *h = (struct held){{.stamp = frame->stamp, .time = frame->time}, link, m};
        list_init(&h->arrival.in_order);
        link_merge_add(&c->links->merge, &h->arrival, monotonic_now());
        link->n_held += 1;
        return true;
}

/* True if what one link has can be received as it is read: nothing else has to be waited for. */
static bool is_in_place(const DBusConnection *c, const struct link_frame *frame)
{
        return c->links->n_open == 1 && !link_merge_has_more(&c->links->merge) &&
               frame->stamp <= c->n_taken;
}

/* Does with a packet what has to be done. Returns 0, or -errno: the link is to be ended. */
static int take_packet(DBusConnection *c, struct client_link *link, const struct socket_packet *p)
{
        struct link_frame frame;
        DBusMessage *m;
        int r = p->size ? make_message(c, link, p, &frame, &m) : -EPIPE;

        for (unsigned i = 0; r == -ENOMEM && memory_pause(i); ++i)
                r = make_message(c, link, p, &frame, &m);
        if (r < 0) {
                close_descriptors(p->fds, p->n_fds);
                return r;
        }
        if (m->wire.header.reply_serial)
                link_count_reply(c->links, link);
        if (is_in_place(c, &frame)) {
                take_in(c, link, m);
        } else if (!hold(c, link, m, &frame)) {
                dbus_message_unref(m);
                return -ENOMEM;
        }
        return 0;
}

/* Nothing is read of a link any more. What was sent over it and cannot be kept, its sender hears of
 * only if the connection ends. */
static void give_up(DBusConnection *c, struct client_link *link, int why)
{
        c->links->is_over |= why == -ENOMEM || why == -EMFILE;
        link_close(c, link);
}

/* Reads up to @room packets with one system call. Returns how many, 0 if there were none but may be
 * others, or -EAGAIN. */
static int read_packets(DBusConnection *c, struct client_link *link, size_t *left, size_t room)
{
        struct socket_packet packets[LINK_PACKETS];
        int n;

        for (size_t i = 0; i < room; ++i) {
                packets[i].bytes = c->links->packets + i * LINK_MAX_PACKET;
                packets[i].size = LINK_MAX_PACKET;
        }
        n = socket_recv_packets(link->fd, packets, room);
        c->links->n_found += n != -EAGAIN;
        /* A peer that went without having read everything: what it had sent is still to come. */
        if (n == -ECONNRESET)
                return 0;
        if (n < 0 && n != -EAGAIN)
                give_up(c, link, n);
        for (int i = 0; i < n; ++i) {
                int r = 0;

                /* Behind a packet that is not right, nothing is. */
                if (link->fd < 0)
                        close_descriptors(packets[i].fds, packets[i].n_fds);
                else
                        r = take_packet(c, link, &packets[i]);
                if (r < 0)
                        give_up(c, link, r);
                *left -= packets[i].size < *left ? packets[i].size : *left;
        }
        if (n > 0)
                link->n_read += (unsigned)n;
        if (n > 1)
                link->burst = BURST;
        return n;
}

/* Reads of a link until it has nothing more, or one read had fewer packets than @least. */
static void read_share(DBusConnection *c, struct client_link *link, int least)
{
        size_t left = SHARE;

        while (link->fd >= 0 && left && read_packets(c, link, &left, LINK_PACKETS) >= least)
                ;
}

/* Fewer packets than there is room for need not be all: ECONNRESET, too, ends a read. */
static void drain_link(DBusConnection *c, struct client_link *link)
{
        read_share(c, link, 0);
}

static void drain_all(DBusConnection *c)
{
        struct client_links *links = c->links;

        for (struct list *l = links->all.next; l != &links->all; l = l->next)
                drain_link(c, container_of(l, struct client_link, of_all));
}

/* Most links have nothing, and one question tells which have. Those that it had no room for come
 * first when it is asked again. */
static void drain_ready(DBusConnection *c)
{
        struct epoll_event ready[MAX_READY];
        unsigned again = c->links->n_open / MAX_READY;
        int n;

        do {
                n = epoll_wait(c->links_fd, ready, MAX_READY, 0);
                for (int i = 0; i < n; ++i) {
                        struct client_link *link = link_find(c->links, ready[i].data.u64);

                        if (link)
                                drain_link(c, link);
                }
        } while (n == MAX_READY && again--);
        if (n < 0)
                drain_all(c);
}

/* The only link, if what it has goes nowhere but behind what was read of it before; or NULL. */
static struct client_link *only_link(const struct client_links *links)
{
        struct list *first = links->all.next;

        if (links->n_open != 1 || first->next != &links->all || links->is_knocking)
                return NULL;
        return container_of(first, struct client_link, of_all);
}

/*
 * A peer that waits for its answer sends one packet: to ask the kernel for more is dearer, and what
 * there is beyond that is no less ready a moment later. Where there were several, there may be
 * again.
 */
static void read_only_link(DBusConnection *c, struct client_link *link)
{
        size_t left = SHARE;

        c->links->used_in = process_number();
        if (!link->burst && link->n_read % LOOK_FOR_BURST) {
                read_packets(c, link, &left, 1);
        } else {
                link->burst -= link->burst > 0;
                read_share(c, link, LINK_PACKETS);
        }
        link_merge_cut(&c->links->merge, UINT64_MAX);
}

void links_drain(DBusConnection *c)
{
        struct client_links *links = c->links;
        uint64_t cut = links->n_open > 1 ? monotonic_now() : UINT64_MAX;

        links->used_in = process_number();
        if (links->n_open > 1)
                drain_ready(c);
        else
                drain_all(c);
        link_merge_cut(&links->merge, cut);
}

bool links_deliver(DBusConnection *c)
{
        struct link_arrival *a;

        while ((a = link_merge_next(&c->links->merge, c->n_taken))) {
                struct held *h = container_of(a, struct held, arrival);

                h->link->n_held -= 1;
                take_in(c, h->link, h->message);
                free(h);
        }
        return !c->links->is_over;
}

bool links_accept_reply(const DBusConnection *c, const DBusMessage *m)
{
        const char *sender = message_text(&m->wire, FIELD_SENDER);
        const struct awaited *a = unanswered(c, m->wire.header.reply_serial);

        if (!sender || !strcmp(sender, DBUS_SERVICE_DBUS))
                return true;
        if (a && a->peer)
                return !strcmp(sender, a->peer->name);
        /* The bus had a call for it: the application may know of what we do not. */
        if (!(m->wire.header.flags & LINK_FLAG_LET_THROUGH))
                return true;
        /* It had none, so it is to one that went over a link, unless anything goes. */
        return !a && m->wire.header.flags & LINK_FLAG_UNASKED;
}

static bool set_knocking(DBusConnection *c, bool knocks)
{
        struct client_links *links = c->links;
        struct epoll_event event = {.events = EPOLLIN, .data.u64 = NO_LINK};

        if (links->knock < 0)
                links->knock = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        if (epoll_ctl(c->links_fd, knocks ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, links->knock, &event) <
            0)
                return false;
        links->is_knocking = knocks;
        return true;
}

void links_knock(DBusConnection *c)
{
        bool waits = !list_empty(&c->links->merge.waiting);

        if (waits == c->links->is_knocking || set_knocking(c, waits))
                return;
        /* Without a descriptor for it: the order may suffer, but nothing is forgotten. */
        if (waits) {
                link_merge_cut(&c->links->merge, UINT64_MAX);
                links_deliver(c);
        }
}

int links_poll_fd(const DBusConnection *c)
{
        const struct client_link *only = c->links ? only_link(c->links) : NULL;

        /* A set of descriptors is dearer to poll than one. */
        if (only)
                return only->fd;
        return c->links && (c->links->n_open || c->links->is_knocking) ? c->links_fd : -1;
}

void links_read(DBusConnection *c)
{
        struct client_link *only = only_link(c->links);

        for (unsigned i = 0; i < MAX_CUTS; ++i) {
                if (only)
                        read_only_link(c, only);
                else
                        links_drain(c);
                if (!links_deliver(c))
                        break;
                links_bury(c);
                /* What was sent after the cut is for the next, which need not wait for anything. */
                if (only || list_empty(&c->links->merge.waiting))
                        break;
        }
        if (c->links->is_over)
                connection_disconnect(c);
        else
                links_knock(c);
        connection_changed(c);
}

bool links_try(DBusConnection *c)
{
        struct client_links *links = c->links;
        uint64_t before = links->n_found;
        struct epoll_event event;

        if (!only_link(links) && epoll_wait(c->links_fd, &event, 1, 0) <= 0)
                return false;
        links_read(c);
        return !c->links || links->n_found != before;
}

bool links_bus_is_ahead(const DBusConnection *c)
{
        return link_counter_load(&c->links->clock->queued) > c->n_taken;
}
