/* SPDX-License-Identifier: MIT */
#include "bus/peers.h"

#include <errno.h>
#include <stdlib.h>

/* Digits that a 64-bit number holds without overflow; more connections than that never come. */
#define UNIQUE_DIGITS 19

static void part(struct peer_context *context);

int peers_init(struct peers *peers, struct loop *loop, const struct limits *limits,
               const struct peer_handler *handler, void *data)
{
        *peers = (struct peers){0};
        peers->context = (struct peer_context){
                .loop = loop, .limits = limits, .handler = handler, .data = data, .part = part};
        list_init(&peers->all);
        list_init(&peers->parted);
        list_init(&peers->context.to_flush);
        list_init(&peers->context.closed);
        peers->context.buffer.size = INPUT_SHARE;
        peers->context.buffer.bytes = malloc(INPUT_SHARE);
        return peers->context.buffer.bytes ? 0 : -ENOMEM;
}

void peers_deinit(struct peers *peers)
{
        while (!list_empty(&peers->all))
                peer_disconnect(container_of(peers->all.next, struct peer, of_all));
        peers_settle(peers);
        hash_deinit(&peers->by_id);
        hash_deinit(&peers->by_user);
        free(peers->context.buffer.bytes);
}

static struct peer_user *find_user(const struct peers *peers, uid_t uid)
{
        struct hash_link *l;

        for (l = hash_first(&peers->by_user, uid); l; l = l->next) {
                struct peer_user *u = container_of(l, struct peer_user, link);

                if (u->uid == uid)
                        return u;
        }
        return NULL;
}

unsigned peers_of_user(const struct peers *peers, uid_t uid)
{
        const struct peer_user *u = find_user(peers, uid);

        return u ? u->n_peers : 0;
}

static int user_join(struct peers *peers, struct peer *p)
{
        struct peer_user *u = find_user(peers, p->uid);

        if (!u) {
                u = calloc(1, sizeof(*u));
                if (!u)
                        return -ENOMEM;
                u->uid = p->uid;
                if (hash_insert(&peers->by_user, &u->link, p->uid) < 0) {
                        free(u);
                        return -ENOMEM;
                }
        }
        u->n_peers += 1;
        p->user = u;
        return 0;
}

static void user_leave(struct peers *peers, struct peer *p)
{
        if (!p->user)
                return;
        p->user->n_peers -= 1;
        if (!p->user->n_peers) {
                hash_remove(&peers->by_user, &p->user->link);
                free(p->user);
        }
        p->user = NULL;
}

int peers_add(struct peers *peers, int fd, const struct sasl_server_config *sasl,
              const uint8_t *nonce)
{
        struct peer *p;
        int r = peer_new(&p, &peers->context, fd, sasl, nonce);

        if (r < 0)
                return r;
        list_append(&peers->all, &p->of_all);
        peers->n_incomplete += 1;
        return 0;
}

void peers_set_limits(struct peers *peers, const struct limits *limits)
{
        peers->context.limits = limits;
        for (struct list *l = peers->all.next; l != &peers->all; l = l->next)
                peer_retime(container_of(l, struct peer, of_all));
}

int peers_activate(struct peers *peers, struct peer *p)
{
        int r = p->has_uid ? user_join(peers, p) : 0;

        if (r < 0)
                return r;
        /* Ids are handed out one after the other, so they are their own perfect hash. */
        r = hash_insert(&peers->by_id, &p->by_id, peers->next_id);
        if (r < 0) {
                user_leave(peers, p);
                return r;
        }
        peer_activate(p, peers->next_id++);
        peers->n_incomplete -= 1;
        peers->n_complete += 1;
        return 0;
}

/* The number behind ":1."; false if the name is not one that this bus gives. */
static bool parse_unique_name(const char *name, size_t length, uint64_t *id)
{
        uint64_t n = 0;

        if (length < 4 || length > 3 + UNIQUE_DIGITS || name[0] != ':' || name[1] != '1' ||
            name[2] != '.' || (name[3] == '0' && length > 4))
                return false;
        for (size_t i = 3; i < length; ++i) {
                if (name[i] < '0' || name[i] > '9')
                        return false;
                n = n * 10 + (uint64_t)(name[i] - '0');
        }
        *id = n;
        return true;
}

struct peer *peers_find(const struct peers *peers, const char *name, size_t length)
{
        uint64_t id;

        return parse_unique_name(name, length, &id) ? peers_find_id(peers, id) : NULL;
}

struct peer *peers_find_id(const struct peers *peers, uint64_t id)
{
        struct hash_link *l;

        for (l = hash_first(&peers->by_id, id); l; l = l->next) {
                struct peer *p = container_of(l, struct peer, by_id);

                /* A monitor has given up its name. */
                if (p->id == id)
                        return p->state == PEER_MONITOR ? NULL : p;
        }
        return NULL;
}

static void leave(struct peers *peers, struct peer *p)
{
        if (p->name_length) {
                hash_remove(&peers->by_id, &p->by_id);
                user_leave(peers, p);
                peers->n_complete -= 1;
        } else {
                peers->n_incomplete -= 1;
        }
}

/* Tells of those who have gone, which may make others go. */
static void part(struct peer_context *c)
{
        struct peers *peers = container_of(c, struct peers, context);

        while (!list_empty(&c->closed)) {
                struct peer *p = container_of(c->closed.next, struct peer, of_all);

                list_remove(&p->of_all);
                list_append(&peers->parted, &p->of_all);
                if (p->was != PEER_AUTHENTICATING)
                        c->handler->closed(p);
                leave(peers, p);
        }
}

void peers_settle(struct peers *peers)
{
        struct peer_context *c = &peers->context;

        /* One that cannot be written to goes, which others are told. */
        do {
                part(c);
                while (!list_empty(&c->to_flush))
                        peer_settle_output(container_of(c->to_flush.next, struct peer, of_flush));
        } while (!list_empty(&c->closed));
        while (!list_empty(&peers->parted))
                peer_bury(container_of(peers->parted.next, struct peer, of_all));
}
