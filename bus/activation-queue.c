/* SPDX-License-Identifier: MIT */
#include "bus/activation-queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void activations_init(struct activations *all)
{
        *all = (struct activations){0};
        list_init(&all->pending);
}

void activations_deinit(struct activations *all)
{
        while (!list_empty(&all->pending))
                activation_free(container_of(all->pending.next, struct activation, of_all));
}

struct activation *activation_find(const struct activations *all, const char *name)
{
        for (const struct list *l = all->pending.next; l != &all->pending; l = l->next) {
                struct activation *a = container_of(l, struct activation, of_all);

                if (!strcmp(a->name, name))
                        return a;
        }
        return NULL;
}

int activation_new(struct activation **ap, struct activations *all, const char *name)
{
        size_t size = strlen(name) + 1;
        struct activation *a = calloc(1, sizeof(*a) + size);

        if (!a)
                return -ENOMEM;
        a->all = all;
        list_init(&a->waiters);
        loop_timer_init(&a->timer, NULL);
        memcpy(a->name, name, size);
        list_prepend(&all->pending, &a->of_all);
        *ap = a;
        return 0;
}

static void free_waiter(struct activation *a, struct activation_waiter *w)
{
        list_remove(&w->of_activation);
        message_unref(w->message);
        free(w);
        a->all->n_waiters -= 1;
}

void activation_free(struct activation *a)
{
        while (!list_empty(&a->waiters))
                free_waiter(a,
                            container_of(a->waiters.next, struct activation_waiter, of_activation));
        if (a->child)
                child_forget(a->child);
        loop_timer_clear(&a->timer);
        list_remove(&a->of_all);
        free(a->exec);
        free(a->unit);
        free(a);
}

int activation_add(struct activation *a, struct peer *from, struct message *message, bool starts)
{
        struct activation_waiter *w = malloc(sizeof(*w));

        if (!w)
                return -ENOMEM;
        *w = (struct activation_waiter){
                .from = from,
                .message = message_ref(message),
                .starts = starts,
        };
        list_append(&a->waiters, &w->of_activation);
        a->all->n_waiters += 1;
        return 0;
}
