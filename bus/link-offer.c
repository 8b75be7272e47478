/* SPDX-License-Identifier: MIT */
#include "bus/link-offer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/policy-pair.h"
#include "link/frame.h"
#include "link/link.h"

/* A pair is busy if so many messages are counted, of which half are forgotten each second: about as
 * many a second, for some seconds, or a burst of them. */
#define BUSY_COUNT 64u
/* A link that nothing went over for so long gives way to another. */
#define IDLE_MS 2000u

static void message_begin(struct writer *w, struct bus *bus, const struct peer *to,
                          const char *member, const char *signature, const int *fds, uint32_t n_fds)
{
        struct message_spec spec = {
                .type = MESSAGE_SIGNAL,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .path = BUS_PATH,
                .interface = LINK_INTERFACE,
                .member = member,
                .destination = to->name,
                .sender = BUS_NAME,
                .signature = signature,
                .fds = fds,
                .n_fds = n_fds,
        };

        writer_begin(w, &spec);
}

void link_offer_write_names(struct writer *w, const struct peer *p)
{
        const struct list *all = &p->names.ownerships;
        struct writer_array array;

        writer_open_array(w, &array, "s");
        for (const struct list *l = all->next; l != all; l = l->next) {
                const struct name *name =
                        container_of(l, const struct name_ownership, of_owner)->name;

                if (name_primary(name) == &p->names)
                        writer_string(w, name->text);
        }
        writer_close_array(w, &array);
}

/* Ends a message and queues it. No monitor is shown it, and no policy asked: it is between the bus
 * and one that joined in. On failure the caller still has the descriptors. */
static int message_send(struct writer *w, struct peer *to)
{
        struct message *m;
        int r = writer_end(w, &m);

        if (r < 0)
                return r;
        peer_send(to, m);
        message_unref(m);
        return 0;
}

static void close_fds(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; ++i) {
                if (fds[i] >= 0)
                        close(fds[i]);
        }
}

static int duplicate(int fd)
{
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

        return copy < 0 ? -errno : copy;
}

int link_offer_joined(struct bus *bus, struct linked *l, int tally_fd)
{
        int fds[2] = {duplicate(l->clock_fd), tally_fd}, r = fds[0];
        struct writer w;

        if (r >= 0) {
                /* What was sent before is on record, too. */
                link_counter_store(&l->clock->routed, l->peer->n_routed);
                message_begin(&w, bus, l->peer, "Enabled", LINK_ENABLED_TYPE, fds, 2);
                writer_u32(&w, 0);
                writer_u32(&w, 1);
                link_offer_write_names(&w, l->peer);
                /* It is queued only now: the counter has to be there before. */
                link_counter_store(&l->clock->queued, l->peer->n_queued);
                r = message_send(&w, l->peer);
        }
        if (r < 0)
                close_fds(fds, 2);
        return r;
}

int link_offer_make_skipped(struct bus *bus, struct linked *l)
{
        struct writer w;

        message_begin(&w, bus, l->peer, "Skipped", NULL, NULL, 0);
        return writer_end(&w, &l->skipped);
}

void link_offer_tell_names(struct bus *bus, struct link_end *e)
{
        struct link_end *other = link_other_end(e);
        struct writer w;

        /* Also of a link that is being closed: the clock of the other end has gone on. */
        if (!e->linked || !other->linked)
                return;
        message_begin(&w, bus, other->linked->peer, "LinkNames", LINK_LINK_NAMES_TYPE, NULL, 0);
        writer_u32(&w, e->link->id);
        link_offer_write_names(&w, e->linked->peer);
        writer_u64(&w, link_counter_load(&other->linked->clock->names));
        /* One that does not hear of it sends to names by the bus, which is right. */
        message_send(&w, other->linked->peer);
}

/* The counter of a pair is at the peer that came first. */
static struct busy_pair *busy_pair(struct linked *a, struct linked *b)
{
        struct linked *first = a->peer->id < b->peer->id ? a : b;
        uint64_t other = first == a ? b->peer->id : a->peer->id;
        struct busy_pair *least = first->busy;

        for (size_t i = 0; i < LINK_BUSY_PAIRS; ++i) {
                struct busy_pair *p = &first->busy[i];

                if (p->other == other)
                        return p;
                if (p->count < least->count)
                        least = p;
        }
        /* It takes the place of the least busy, and its count: who is busier will get further. */
        least->other = other;
        least->messages = 0;
        least->why_not = LINK_NOT_BUSY;
        return least;
}

static void decay(struct linked *l)
{
        uint64_t now = loop_now(), seconds = (now - l->decayed) / NS_PER_SEC;

        if (!seconds)
                return;
        l->decayed = now;
        for (size_t i = 0; i < LINK_BUSY_PAIRS; ++i)
                l->busy[i].count = seconds < 32 ? l->busy[i].count >> seconds : 0;
}

bool link_offer_is_due(struct linked *a, struct linked *b)
{
        struct busy_pair *p = busy_pair(a, b);

        p->count += 1;
        p->messages += 1;
        if (p->count < BUSY_COUNT)
                return false;
        /* Looked at now and then, so that counting costs no look at the clock. */
        decay(a->peer->id < b->peer->id ? a : b);
        if (p->count < BUSY_COUNT)
                return false;
        p->count = BUSY_COUNT / 2;
        return true;
}

void link_offer_set_reason(struct linked *a, struct linked *b, enum link_reason reason)
{
        busy_pair(a, b)->why_not = reason;
}

static void rules_deinit(struct link_rules (*may_send)[2])
{
        for (size_t i = 0; i < 4; ++i)
                link_rules_deinit(&may_send[i / 2][i % 2]);
}

/* The bus takes no message with more descriptors than that. */
static void limit_fds(struct link_rules *rules, const struct peer *from)
{
        uint32_t max = (uint32_t)from->input_limits.message_fds;

        for (size_t i = 0; i < rules->n; ++i) {
                struct link_rule *rule = &rules->rules[i];

                if (rule->allow && rule->max_fds > max)
                        rule->max_fds = max;
        }
}

/* What one may send to the other, by its own policy and by the other's. */
static int direction_rules(struct bus *bus, const struct peer *from, const struct peer *to,
                           struct link_rules may_send[2])
{
        int r = policy_pair_send(from->policy, &to->names, &bus->names, &may_send[0]);

        if (r < 0)
                return r;
        limit_fds(&may_send[0], from);
        return policy_pair_receive(to->policy, &from->names, &bus->names, &may_send[1]);
}

static bool forbids_all(const struct link_rules may_send[2])
{
        return policy_pair_forbids_all(&may_send[0]) || policy_pair_forbids_all(&may_send[1]);
}

int link_offer_rules(struct bus *bus, struct linked *a, struct linked *b,
                     struct link_rules (*may_send)[2])
{
        int r;

        for (size_t i = 0; i < 4; ++i)
                may_send[i / 2][i % 2] = (struct link_rules){0};
        /* What a security module has to look at goes by the bus. */
        if (bus->lsm && !lsm_lets_pass_all(bus, a->peer, b->peer))
                return 1;
        r = direction_rules(bus, a->peer, b->peer, may_send[0]);
        if (!r)
                r = direction_rules(bus, b->peer, a->peer, may_send[1]);
        if (!r && forbids_all(may_send[0]) && forbids_all(may_send[1]))
                r = 1;
        if (r)
                rules_deinit(may_send);
        return r;
}

static void write_direction(struct writer *w, const struct link_rules may_send[2])
{
        struct writer_array array;

        writer_open_array(w, &array, LINK_RULES_TYPE);
        link_rules_write(&may_send[0], w);
        link_rules_write(&may_send[1], w);
        writer_close_array(w, &array);
}

/* Tells one end of its link, with its socket. Returns 0 or -errno; on failure the socket is still
 * the caller's. */
static int offer_end(struct bus *bus, struct link_end *e, int socket)
{
        struct link_end *other = link_other_end(e);
        int fds[2] = {socket, duplicate(other->linked->clock_fd)};
        struct peer *p = e->linked->peer;
        struct writer w;
        int r;

        if (fds[1] < 0)
                return fds[1];
        message_begin(&w, bus, p, "LinkOffered", LINK_LINK_OFFERED_TYPE, fds, 2);
        writer_u32(&w, e->link->id);
        writer_string(&w, other->linked->peer->name);
        link_offer_write_names(&w, other->linked->peer);
        writer_u64(&w, link_counter_load(&e->linked->clock->names));
        writer_u32(&w, 0);
        writer_u32(&w, 1);
        write_direction(&w, e->may_send);
        write_direction(&w, other->may_send);
        r = message_send(&w, p);
        if (r < 0)
                close(fds[1]);
        return r;
}

static void end_init(struct link *l, size_t i, struct linked *linked)
{
        l->ends[i].link = l;
        l->ends[i].linked = linked;
        list_append(&linked->ends, &l->ends[i].of_linked);
        linked->n_open += 1;
        if (linked->n_open > linked->peak_open)
                linked->peak_open = linked->n_open;
        linked->peer->user->n_links += 1;
}

/* One more link is open; the busier end has so many. */
static void note_opened(struct link_registry *r, unsigned per_connection)
{
        r->n_open += 1;
        r->n_ever += 1;
        if (r->n_open > r->peak_open)
                r->peak_open = r->n_open;
        if (per_connection > r->peak_per_connection)
                r->peak_per_connection = per_connection;
}

/* Puts a link into the tables. Nobody has been told. */
static struct link *link_new(struct bus *bus, struct linked *a, struct linked *b, int fd)
{
        struct link *l = calloc(1, sizeof(*l));

        if (!l)
                return NULL;
        bus->links.last_id += 1;
        l->id = bus->links.last_id;
        l->fd = fd;
        l->since = loop_now();
        end_init(l, 0, a);
        end_init(l, 1, b);
        linked_tell_limit(bus, a);
        linked_tell_limit(bus, b);
        list_append(&bus->links.all, &l->of_all);
        note_opened(&bus->links, a->n_open > b->n_open ? a->n_open : b->n_open);
        return l;
}

/* Makes the sockets of a link, which hold no more than what a receiver reads at once. */
static int make_sockets(int sockets[2])
{
        int size = LINK_SEND_BUFFER;

        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets) < 0)
                return -errno;
        for (size_t i = 0; i < 2; ++i) {
                if (setsockopt(sockets[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)) < 0) {
                        int r = -errno;

                        close_fds(sockets, 2);
                        return r;
                }
        }
        return 0;
}

/*
 * Makes the link with these rules, which become its own on success. The peer that is told first can
 * send before the other is told: it finds that in its socket.
 */
static int open_link(struct bus *bus, struct linked *a, struct linked *b,
                     struct link_rules (*may_send)[2])
{
        int sockets[2], fd, told = 0, r = make_sockets(sockets);
        struct link *l;

        if (r < 0)
                return r;
        fd = duplicate(sockets[0]);
        l = fd < 0 ? NULL : link_new(bus, a, b, fd);
        if (!l) {
                close_fds(sockets, 2);
                close_fds(&fd, 1);
                return fd < 0 ? fd : -ENOMEM;
        }
        for (size_t i = 0; i < 4; ++i)
                l->ends[i / 2].may_send[i % 2] = may_send[i / 2][i % 2];
        r = offer_end(bus, &l->ends[0], sockets[0]);
        if (!r) {
                told = 1;
                r = offer_end(bus, &l->ends[1], sockets[1]);
        }
        if (!r)
                return 0;
        /* One that has been told finds the end at once, and says so. The other has none. */
        close_fds(sockets + told, (size_t)(2 - told));
        link_close(bus, l, LINK_NO_RESOURCES);
        link_end_left(bus, &l->ends[1], NULL, 0);
        if (!told)
                link_end_left(bus, &l->ends[0], NULL, 0);
        return 0;
}

/* Closes the link of a connection that has been idle for longest, if that is long enough. */
static bool reclaim(struct bus *bus, struct linked *l)
{
        struct link *idlest = NULL;
        uint64_t longest = IDLE_MS;

        for (struct list *i = l->ends.next; i != &l->ends; i = i->next) {
                struct link *link = container_of(i, struct link_end, of_linked)->link;
                uint64_t idle = link_is_open(link) ? link_idle_ms(link) : 0;

                if (idle >= longest) {
                        longest = idle;
                        idlest = link;
                }
        }
        if (idlest)
                link_close(bus, idlest, LINK_LIMIT);
        return idlest;
}

static bool has_room(struct bus *bus, struct linked *l)
{
        const struct link_limits *limits = &bus->config->links;

        if (l->n_open < limits->max_per_connection && bus->links.n_open < limits->max &&
            l->peer->user->n_links < limits->max_per_user)
                return true;
        return reclaim(bus, l);
}

static enum link_reason reason_against(struct bus *bus, struct linked *a, struct linked *b)
{
        if (!bus->config->links.enabled)
                return LINK_OFF;
        if (a->declines || b->declines)
                return LINK_LEFT;
        /* Rules have no sizes in them. */
        if (a->peer->input_limits.message_size < LINK_MAX_PACKET ||
            b->peer->input_limits.message_size < LINK_MAX_PACKET)
                return LINK_SMALL;
        /* Who waits at a link is told nothing when that is over. */
        if (bus->reply_timeout >= 0)
                return LINK_REPLY_TIMEOUT;
        if (!match_registry_empty(bus->monitors) || !match_registry_empty(bus->eavesdrop))
                return LINK_MONITORED;
        return has_room(bus, a) && has_room(bus, b) ? LINK_NONE : LINK_LIMIT;
}

void link_offer(struct bus *bus, struct linked *a, struct linked *b)
{
        enum link_reason reason = reason_against(bus, a, b);
        struct link_rules may_send[2][2];
        int r;

        if (reason == LINK_NONE) {
                r = link_offer_rules(bus, a, b, may_send);
                if (!r) {
                        r = open_link(bus, a, b, may_send);
                        if (r < 0)
                                rules_deinit(may_send);
                }
                if (r)
                        reason = r > 0 ? LINK_POLICY : LINK_NO_RESOURCES;
        }
        link_offer_set_reason(a, b, reason);
}
