/* SPDX-License-Identifier: MIT */
#include "bus/names.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What of RequestName's flags a place in a queue keeps: it is replaced, or dropped, by these. */
#define KEPT_FLAGS ((uint32_t)(NAME_ALLOW_REPLACEMENT | NAME_DO_NOT_QUEUE))

void name_registry_init(struct name_registry *r)
{
        *r = (struct name_registry){};
        hash_key_init(&r->key);
        list_init(&r->names);
}

void name_registry_deinit(struct name_registry *r)
{
        hash_deinit(&r->table);
}

void name_owner_init(struct name_owner *o)
{
        *o = (struct name_owner){};
        list_init(&o->ownerships);
}

static struct name *find(const struct name_registry *r, const char *text, size_t length,
                         uint64_t hash)
{
        for (struct hash_link *l = hash_first(&r->table, hash); l; l = l->next) {
                struct name *n = container_of(l, struct name, link);

                if (l->hash == hash && n->length == length && !memcmp(n->text, text, length))
                        return n;
        }
        return NULL;
}

struct name *name_find(struct name_registry *r, const char *text, size_t length)
{
        return find(r, text, length, hash_bytes(&r->key, text, length));
}

int name_intern(struct name_registry *r, const char *text, size_t length, struct name **np)
{
        uint64_t hash = hash_bytes(&r->key, text, length);
        struct name *n = find(r, text, length, hash);

        if (!n) {
                n = malloc(sizeof(*n) + length + 1);
                if (!n)
                        return -ENOMEM;
                *n = (struct name){.length = (uint32_t)length};
                list_init(&n->in_registry);
                list_init(&n->queue);
                memcpy(n->text, text, length);
                n->text[length] = '\0';
                if (hash_insert(&r->table, &n->link, hash) < 0) {
                        free(n);
                        return -ENOMEM;
                }
        }
        *np = name_ref(n);
        return 0;
}

struct name *name_ref(struct name *n)
{
        n->refs++;
        return n;
}

struct name *name_unref(struct name_registry *r, struct name *n)
{
        if (!n || --n->refs > 0 || !list_empty(&n->queue))
                return NULL;
        hash_remove(&r->table, &n->link);
        free(n);
        return NULL;
}

static struct name_ownership *first_in(const struct name *n)
{
        return list_empty(&n->queue) ? NULL
                                     : container_of(n->queue.next, struct name_ownership, of_name);
}

/* The owner's place in the queue of a name; NULL if it has none. Walks whichever of the queue and
 * the owner's names ends first, so that neither a popular name nor a greedy owner costs much. */
static struct name_ownership *place_of(const struct name *n, const struct name_owner *o)
{
        const struct list *in_queue = n->queue.next, *in_owner = o->ownerships.next;

        while (in_queue != &n->queue && in_owner != &o->ownerships) {
                struct name_ownership *q, *w;

                q = container_of(in_queue, struct name_ownership, of_name);
                if (q->owner == o)
                        return q;
                w = container_of(in_owner, struct name_ownership, of_owner);
                if (w->name == n)
                        return w;
                in_queue = in_queue->next;
                in_owner = in_owner->next;
        }
        return NULL;
}

bool name_queued(const struct name *n, const struct name_owner *o)
{
        return n && place_of(n, o);
}

/* Puts a new place at the end of the queue of `n` and of the names of `o`. */
static int place_new(struct name_registry *r, struct name *n, struct name_owner *o,
                     struct name_ownership **pp)
{
        struct name_ownership *p;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (struct name_ownership){.name = n, .owner = o};
        if (list_empty(&n->queue))
                list_append(&r->names, &n->in_registry);
        list_append(&n->queue, &p->of_name);
        list_append(&o->ownerships, &p->of_owner);
        o->n_names++;
        *pp = p;
        return 0;
}

static void place_free(struct name_ownership *p)
{
        list_remove(&p->of_name);
        list_remove(&p->of_owner);
        if (list_empty(&p->name->queue))
                list_remove(&p->name->in_registry);
        p->owner->n_names--;
        free(p);
}

/* Moves a place to the front of the queue, or to the one behind the primary owner. */
static void place_move(struct name_ownership *p, struct list *behind)
{
        list_remove(&p->of_name);
        list_prepend(behind, &p->of_name);
}

/* RequestName by `o`, which does not own the name that `first` does. */
static int request_owned(struct name_registry *r, struct name_owner *o, uint32_t flags,
                         struct name_ownership *first)
{
        bool replace = flags & NAME_REPLACE_EXISTING && first->flags & NAME_ALLOW_REPLACEMENT;
        struct name_ownership *place = place_of(first->name, o);

        if (!replace && flags & NAME_DO_NOT_QUEUE) {
                if (place)
                        place_free(place);
                return NAME_EXISTS;
        }
        if (!place && place_new(r, first->name, o, &place) < 0)
                return -ENOMEM;
        place->flags = flags & KEPT_FLAGS;
        if (replace) {
                place_move(place, &place->name->queue);
                if (first->flags & NAME_DO_NOT_QUEUE)
                        place_free(first);
                return NAME_PRIMARY_OWNER;
        }
        /* Who may not replace the owner yet is at least the next in line: not in the
         * specification, but what the reference does. */
        if (flags & NAME_REPLACE_EXISTING)
                place_move(place, &first->of_name);
        return NAME_IN_QUEUE;
}

static int request(struct name_registry *r, struct name_owner *o, struct name *n, uint32_t flags)
{
        struct name_ownership *first = first_in(n);
        int result;

        if (first && first->owner != o)
                return request_owned(r, o, flags, first);
        result = first ? NAME_ALREADY_OWNER : NAME_PRIMARY_OWNER;
        if (!first && place_new(r, n, o, &first) < 0)
                return -ENOMEM;
        first->flags = flags & KEPT_FLAGS;
        return result;
}

int name_request(struct name_registry *r, struct name_owner *o, const char *text, size_t length,
                 uint32_t flags, struct name_change *change)
{
        struct name *n;
        int result;

        *change = (struct name_change){};
        result = name_intern(r, text, length, &n);
        if (result < 0)
                return result;
        change->old_owner = name_primary(n);
        result = request(r, o, n, flags);
        if (result < 0) {
                name_unref(r, n);
                *change = (struct name_change){};
                return result;
        }
        change->name = n;
        change->new_owner = name_primary(n);
        return result;
}

void name_drop(struct name_registry *r, struct name_ownership *ownership,
               struct name_change *change)
{
        struct name *n = name_ref(ownership->name);

        (void)r;
        change->name = n;
        change->old_owner = name_primary(n);
        place_free(ownership);
        change->new_owner = name_primary(n);
}

int name_release(struct name_registry *r, struct name_owner *o, const char *text, size_t length,
                 struct name_change *change)
{
        struct name *n = name_find(r, text, length);
        struct name_ownership *place;

        *change = (struct name_change){};
        if (!n || list_empty(&n->queue))
                return NAME_NON_EXISTENT;
        place = place_of(n, o);
        if (!place) {
                change->name = name_ref(n);
                change->old_owner = change->new_owner = name_primary(n);
                return NAME_NOT_OWNER;
        }
        name_drop(r, place, change);
        return NAME_RELEASED;
}

void name_change_done(struct name_registry *r, struct name_change *change)
{
        change->name = name_unref(r, change->name);
}
