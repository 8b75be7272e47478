/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/syntax.h"
#include "link/frame.h"
#include "link/link.h"

/* What the bus tells of links, and the beginning and the end of each. */

struct linked_peer *linked_peer_unref(struct linked_peer *p)
{
        if (p && !--p->refs)
                free(p);
        return NULL;
}

static struct linked_peer *linked_peer_new(const char *name)
{
        size_t size = strlen(name) + 1;
        struct linked_peer *p = malloc(sizeof(*p) + size);

        if (!p)
                return NULL;
        p->refs = 1;
        memcpy(p->name, name, size);
        return p;
}

/* Reads the `as` that is next, as a list that ends with NULL. Returns NULL without memory. */
static char **read_names(struct reader *from)
{
        struct reader array, count;
        size_t n = 0;
        char **names;

        reader_enter(from, &array);
        for (count = array; reader_more(&count); ++n)
                reader_skip(&count);
        names = calloc(n + 1, sizeof(char *));
        for (size_t i = 0; names && i < n; ++i) {
                const char *name;
                uint32_t length;

                reader_string(&array, &name, &length);
                names[i] = strdup(name);
                if (!names[i]) {
                        dbus_free_string_array(names);
                        return NULL;
                }
        }
        return names;
}

static void direction_deinit(struct link_direction *d)
{
        for (size_t i = 0; i < d->n; ++i)
                link_rules_deinit(&d->lists[i]);
        free(d->lists);
        *d = (struct link_direction){0};
}

/* Reads the lists of rules of one direction. Returns 0 or -errno. */
static int read_direction(struct link_direction *d, struct reader *from)
{
        struct reader array, count;
        size_t n = 0;
        int r = 0;

        reader_enter(from, &array);
        for (count = array; reader_more(&count); ++n)
                reader_skip(&count);
        *d = (struct link_direction){.lists = calloc(n + 1, sizeof(*d->lists))};
        if (!d->lists)
                return -ENOMEM;
        while (!r && d->n < n) {
                r = link_rules_read(&d->lists[d->n], &array);
                d->n += !r;
        }
        return r;
}

/* The descriptor that an `h` means. It stays the message's. */
static int read_fd(struct reader *from, const DBusMessage *m)
{
        uint32_t index;

        reader_u32(from, &index);
        return index < m->wire.n_fds ? m->wire.fds[index] : -1;
}

/* Takes the descriptor out of its message, which would close it. */
static int take_fd(DBusMessage *m, int fd)
{
        for (unsigned i = 0; i < m->wire.n_fds; ++i) {
                if (m->wire.fds[i] == fd)
                        m->wire.fds[i] = -1;
        }
        return fd;
}

static void links_free(struct client_links *links)
{
        if (links->knock >= 0)
                close(links->knock);
        link_page_unmap(links->clock);
        link_page_unmap(links->tallies);
        dbus_free_string_array(links->own_names);
        free(links->packets);
        free(links);
}

static void take_enabled(DBusConnection *c, DBusMessage *m)
{
        struct client_links *links = calloc(1, sizeof(*links));
        struct reader r;
        int clock, tally;

        if (!links)
                return;
        list_init(&links->all);
        links->knock = -1;
        links->used_in = process_number();
        link_merge_init(&links->merge);
        link_spin_init(&links->spin, link_spin_bound());
        reader_init(&r, &m->wire);
        clock = read_fd(&r, m);
        tally = read_fd(&r, m);
        links->own_names = read_names(&r);
        links->packets = malloc((size_t)LINK_PACKETS * LINK_MAX_PACKET);
        if (c->links_fd < 0)
                c->links_fd = epoll_create1(EPOLL_CLOEXEC);
        if (!c->links && links->own_names && c->links_fd >= 0 && links->packets &&
            !link_clock_map(clock, &links->clock) && !link_tallies_map(tally, &links->tallies))
                c->links = links;
        else
                links_free(links);
}

/* False in a process that was forked, and has not used its copy of the connection. */
static bool is_of_this_process(const struct client_links *links)
{
        return links->used_in == process_number();
}

void link_close(DBusConnection *c, struct client_link *link)
{
        if (link->fd < 0)
                return;
        /* By name: a process that was forked from this one may have the descriptor, too, which
         * would keep it in the set. One that has the set from another only closes what it has. */
        if (is_of_this_process(c->links))
                epoll_ctl(c->links_fd, EPOLL_CTL_DEL, link->fd, NULL);
        close(link->fd);
        link->fd = -1;
        c->links->n_open -= 1;
}

static void link_free(DBusConnection *c, struct client_link *link)
{
        while (!list_empty(&link->calls))
                list_remove(link->calls.next);
        link_close(c, link);
        c->links->n_unanswered -= link->n_unanswered;
        list_remove(&link->of_all);
        linked_peer_unref(link->peer);
        dbus_free_string_array(link->names);
        link_page_unmap(link->clock);
        direction_deinit(&link->may_send);
        direction_deinit(&link->may_receive);
        free(link);
}

static void take_offer(DBusConnection *c, DBusMessage *m)
{
        struct client_link *link = calloc(1, sizeof(*link));
        struct epoll_event event = {.events = EPOLLIN};
        const char *peer;
        uint32_t length, id;
        uint64_t epoch;
        struct reader r;
        int clock, r1, r2;

        reader_init(&r, &m->wire);
        reader_u32(&r, &id);
        if (!link) {
                connection_disconnect(c);
                return;
        }
        link->id = id;
        /* No address: the set may be another process's, too. */
        event.data.u64 = id;
        list_init(&link->calls);
        list_init(&link->of_all);
        reader_string(&r, &peer, &length);
        link->peer = linked_peer_new(peer);
        link->names = read_names(&r);
        reader_u64(&r, &epoch);
        link->fd = read_fd(&r, m);
        clock = read_fd(&r, m);
        r1 = read_direction(&link->may_send, &r);
        r2 = r1 ? r1 : read_direction(&link->may_receive, &r);
        c->links->n_open += 1;
        if (!syntax_unique_name(peer, length) || !link->peer || !link->names || r2 ||
            link->fd < 0 || link_clock_map(clock, &link->clock) < 0 ||
            epoll_ctl(c->links_fd, EPOLL_CTL_ADD, link->fd, &event) < 0) {
                link->fd = -1;
                c->links->n_open -= 1;
                link_free(c, link);
                /* The peer may have sent already: what cannot be read would be lost. */
                connection_disconnect(c);
                return;
        }
        take_fd(m, link->fd);
        c->links->names_epoch = epoch;
        list_append(&c->links->all, &link->of_all);
        /* The peer may have sent already what goes ahead of the bus's next message. */
        links_drain(c);
}

struct client_link *link_of_peer(const struct client_links *links, const char *name)
{
        for (struct list *l = links->all.next; name && l != &links->all; l = l->next) {
                struct client_link *link = container_of(l, struct client_link, of_all);

                if (!strcmp(link->peer->name, name))
                        return link;
        }
        return NULL;
}

struct client_link *link_find(const struct client_links *links, uint64_t id)
{
        for (struct list *l = links->all.next; l != &links->all; l = l->next) {
                struct client_link *link = container_of(l, struct client_link, of_all);

                if (link->id == id)
                        return link;
        }
        return NULL;
}

static void take_names(DBusConnection *c, DBusMessage *m)
{
        struct client_link *link;
        uint32_t id;
        struct reader r;
        char **names;

        reader_init(&r, &m->wire);
        reader_u32(&r, &id);
        names = read_names(&r);
        link = link_find(c->links, id);
        /* Without memory for them, names are sent to by the bus: the clock stays ahead. */
        if (!names)
                return;
        reader_u64(&r, &c->links->names_epoch);
        if (link) {
                dbus_free_string_array(link->names);
                link->names = names;
        } else {
                dbus_free_string_array(names);
        }
}

/* The bus could not send a message: this one stands for it, and is counted in its place. */
static void take_skipped(DBusConnection *c, DBusMessage *m)
{
        (void)c;
        (void)m;
}

static const struct {
        const char *member, *signature;
        bool needs_links;
        void (*take)(DBusConnection *c, DBusMessage *m);
} controls[] = {
        {"Enabled", LINK_ENABLED_TYPE, false, take_enabled},
        {"LinkOffered", LINK_LINK_OFFERED_TYPE, true, take_offer},
        {"LinkNames", LINK_LINK_NAMES_TYPE, true, take_names},
        {"Skipped", "", true, take_skipped},
};

static bool is_text(const DBusMessage *m, enum header_field field, const char *text)
{
        const char *is = message_text(&m->wire, field);

        return is && !strcmp(is, text);
}

/* The names that we own are what the bus says that we have. */
static void note_own_name(DBusConnection *c, const DBusMessage *m)
{
        bool acquired = is_text(m, FIELD_MEMBER, "NameAcquired");
        char **names = c->links->own_names, **more;
        const char *name;
        uint32_t length;
        struct reader r;
        size_t n = 0;

        if ((!acquired && !is_text(m, FIELD_MEMBER, "NameLost")) ||
            strcmp(message_signature(&m->wire), "s") != 0)
                return;
        reader_init(&r, &m->wire);
        reader_string(&r, &name, &length);
        for (; names[n]; ++n) {
                if (strcmp(names[n], name) != 0)
                        continue;
                if (acquired)
                        return;
                free(names[n]);
                for (; names[n]; ++n)
                        names[n] = names[n + 1];
                return;
        }
        if (!acquired)
                return;
        /* What cannot be noted makes a link message to that name look wrong: the link ends. */
        more = realloc(names, (n + 2) * sizeof(char *));
        if (!more)
                return;
        more[n] = strdup(name);
        more[n + 1] = NULL;
        c->links->own_names = more;
}

bool links_take_control(DBusConnection *c, DBusMessage *m)
{
        if (m->wire.header.type != MESSAGE_SIGNAL || !is_text(m, FIELD_SENDER, DBUS_SERVICE_DBUS))
                return false;
        if (!is_text(m, FIELD_INTERFACE, LINK_INTERFACE)) {
                if (c->links)
                        note_own_name(c, m);
                return false;
        }
        for (size_t i = 0; i < sizeof(controls) / sizeof(*controls); ++i) {
                if (is_text(m, FIELD_MEMBER, controls[i].member) &&
                    !strcmp(message_signature(&m->wire), controls[i].signature) &&
                    (c->links || !controls[i].needs_links)) {
                        controls[i].take(c, m);
                        break;
                }
        }
        dbus_message_unref(m);
        return true;
}

void links_bury(DBusConnection *c)
{
        struct list *l = c->links->all.next;

        while (l != &c->links->all) {
                struct client_link *link = container_of(l, struct client_link, of_all);

                l = l->next;
                if (link->fd >= 0 || link->n_held)
                        continue;
                links_tell_closed(c, link);
                link_free(c, link);
        }
}

void links_disable(DBusConnection *c)
{
        if (c->wants_no_links)
                return;
        c->wants_no_links = true;
        if (c->has_joined && connection_is_open(c))
                links_tell_disable(c);
}

void links_end(DBusConnection *c)
{
        struct client_links *links = c->links;

        if (!links)
                return;
        /* What was said before the end, whatever it was to wait for, is received; unless that is
         * what ends it, or another process's. */
        c->n_taken = UINT64_MAX;
        if (!links->is_over && is_of_this_process(links))
                links_drain(c);
        link_merge_cut(&links->merge, UINT64_MAX);
        links_deliver(c);
        while (!list_empty(&links->all))
                link_free(c, container_of(links->all.next, struct client_link, of_all));
        c->links = NULL;
        links_free(links);
}
