/* SPDX-License-Identifier: MIT */
#include "bus/reply.h"

#include <errno.h>
#include <stdlib.h>

/* Entries kept for reuse: as many calls as are usually under way at a time. */
#define MAX_SPARE 1024

/* What a reply is found by. */
struct reply_id {
        const struct reply_owner *caller, *callee;
        uint64_t serial; /* wide, so that there is no padding to hash */
};

void reply_registry_init(struct reply_registry *r)
{
        *r = (struct reply_registry){};
        hash_key_init(&r->key);
        list_init(&r->by_deadline);
        list_init(&r->spare);
}

void reply_registry_deinit(struct reply_registry *r)
{
        while (!list_empty(&r->spare)) {
                struct reply *reply = container_of(r->spare.next, struct reply, in_time);

                list_remove(&reply->in_time);
                free(reply);
        }
        r->n_spare = 0;
        hash_deinit(&r->table);
}

void reply_owner_init(struct reply_owner *o)
{
        *o = (struct reply_owner){};
        list_init(&o->made);
        list_init(&o->received);
}

static uint64_t hash_id(const struct reply_registry *r, const struct reply_owner *caller,
                        uint32_t serial, const struct reply_owner *callee)
{
        struct reply_id id = {.caller = caller, .callee = callee, .serial = serial};

        return hash_bytes(&r->key, &id, sizeof(id));
}

static struct reply *find(const struct reply_registry *r, const struct reply_owner *caller,
                          uint32_t serial, const struct reply_owner *callee, uint64_t hash)
{
        for (struct hash_link *l = hash_first(&r->table, hash); l; l = l->next) {
                struct reply *reply = container_of(l, struct reply, link);

                if (reply->serial == serial && reply->caller == caller && reply->callee == callee)
                        return reply;
        }
        return NULL;
}

static struct reply *entry_get(struct reply_registry *r)
{
        struct reply *reply;

        if (list_empty(&r->spare))
                return malloc(sizeof(*reply));
        reply = container_of(r->spare.next, struct reply, in_time);
        list_remove(&reply->in_time);
        r->n_spare--;
        return reply;
}

static void entry_put(struct reply_registry *r, struct reply *reply)
{
        if (r->n_spare >= MAX_SPARE) {
                free(reply);
                return;
        }
        list_prepend(&r->spare, &reply->in_time); /* the warmest is used first */
        r->n_spare++;
}

/* Timeouts are nearly always the same, so deadlines come in ascending order: from the tail it is
 * mostly the first comparison. Calls that wait for ever stay off the list, not in the way. */
static void sort_in(struct reply_registry *r, struct reply *reply)
{
        struct list *behind = r->by_deadline.prev;

        list_init(&reply->in_time);
        if (reply->deadline == UINT64_MAX)
                return;
        while (behind != &r->by_deadline &&
               container_of(behind, struct reply, in_time)->deadline > reply->deadline)
                behind = behind->prev;
        list_prepend(behind, &reply->in_time);
}

static void count_made(struct reply_owner *caller, int change)
{
        caller->n_made += (unsigned)change;
        if (caller->told)
                link_counter_store(caller->told, caller->n_made);
}

int reply_expect(struct reply_registry *r, struct reply_owner *caller, uint32_t serial,
                 struct reply_owner *callee, uint64_t deadline)
{
        uint64_t hash = hash_id(r, caller, serial, callee);
        struct reply *reply;

        if (find(r, caller, serial, callee, hash))
                return -EEXIST;
        reply = entry_get(r);
        if (!reply)
                return -ENOMEM;
        *reply = (struct reply){
                .caller = caller,
                .callee = callee,
                .serial = serial,
                .deadline = deadline,
        };
        if (hash_insert(&r->table, &reply->link, hash) < 0) {
                entry_put(r, reply);
                return -ENOMEM;
        }
        list_append(&caller->made, &reply->of_caller);
        list_append(&callee->received, &reply->of_callee);
        count_made(caller, 1);
        sort_in(r, reply);
        return 0;
}

struct reply *reply_find(struct reply_registry *r, const struct reply_owner *caller,
                         uint32_t serial, const struct reply_owner *callee)
{
        return find(r, caller, serial, callee, hash_id(r, caller, serial, callee));
}

struct reply *reply_find_by_caller(const struct reply_owner *caller, uint32_t serial)
{
        for (const struct list *l = caller->made.next; l != &caller->made; l = l->next) {
                struct reply *reply = container_of(l, struct reply, of_caller);

                if (reply->serial == serial)
                        return reply;
        }
        return NULL;
}

void reply_done(struct reply_registry *r, struct reply *reply)
{
        hash_remove(&r->table, &reply->link);
        list_remove(&reply->of_caller);
        list_remove(&reply->of_callee);
        list_remove(&reply->in_time);
        count_made(reply->caller, -1);
        entry_put(r, reply);
}

struct reply *reply_soonest(const struct reply_registry *r)
{
        return list_empty(&r->by_deadline)
                       ? NULL
                       : container_of(r->by_deadline.next, struct reply, in_time);
}
