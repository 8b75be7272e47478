/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Doubly linked rings with the links inside the elements: no allocation, O(1) removal of an
 * element without knowing which list it is on. A ring's head is a link that belongs to no element.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct list {
        struct list *next, *prev;
};

/* The element that a link is in. By way of an integer, so that a const link will do. */
#define container_of(member_pointer, type, member)                                                 \
        ((type *)((uintptr_t)(member_pointer)-offsetof(type, member)))

/* A link is on no list when it points at itself; list_init() makes it so. */
static inline void list_init(struct list *l)
{
        l->next = l->prev = l;
}

static inline bool list_empty(const struct list *head)
{
        return head->next == head;
}

static inline void list_insert_before(struct list *where, struct list *l)
{
        l->next = where;
        l->prev = where->prev;
        where->prev->next = l;
        where->prev = l;
}

static inline void list_append(struct list *head, struct list *l)
{
        list_insert_before(head, l);
}

static inline void list_prepend(struct list *head, struct list *l)
{
        list_insert_before(head->next, l);
}

/* Takes an element off its list; harmless if it is on none. */
static inline void list_remove(struct list *l)
{
        l->prev->next = l->next;
        l->next->prev = l->prev;
        list_init(l);
}
