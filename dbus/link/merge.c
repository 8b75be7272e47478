/* SPDX-License-Identifier: MIT */
#include "link/merge.h"

static struct link_arrival *arrival_of(struct list *l)
{
        return container_of(l, struct link_arrival, in_order);
}

static bool goes_ahead(const struct link_arrival *a, const struct link_arrival *b)
{
        return a->stamp != b->stamp ? a->stamp < b->stamp : a->time < b->time;
}

/* From the end: arrivals come nearly in order, and those of one link wholly. */
static void insert(struct list *head, struct link_arrival *a)
{
        struct list *l = head->prev;

        while (l != head && goes_ahead(a, arrival_of(l)))
                l = l->prev;
        list_prepend(l, &a->in_order);
}

void link_merge_init(struct link_merge *m)
{
        list_init(&m->waiting);
        list_init(&m->accepted);
}

void link_merge_add(struct link_merge *m, struct link_arrival *a, uint64_t now)
{
        if (a->time > now)
                a->time = now;
        insert(&m->waiting, a);
}

void link_merge_cut(struct link_merge *m, uint64_t time)
{
        struct list *l = m->waiting.next;

        while (l != &m->waiting) {
                struct link_arrival *a = arrival_of(l);

                l = l->next;
                if (a->time > time)
                        continue;
                list_remove(&a->in_order);
                insert(&m->accepted, a);
        }
}

struct link_arrival *link_merge_next(struct link_merge *m, uint64_t taken)
{
        struct link_arrival *a;

        if (list_empty(&m->accepted))
                return NULL;
        a = arrival_of(m->accepted.next);
        if (a->stamp > taken)
                return NULL;
        list_remove(&a->in_order);
        return a;
}
