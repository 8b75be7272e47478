/* SPDX-License-Identifier: MIT */
#include "engine.h"

#include <errno.h>
#include <stdlib.h>

static void unref(struct received *r)
{
        if (atomic_fetch_sub(&r->refs, 1) != 1)
                return;
        pthread_mutex_destroy(&r->lock);
        free(r);
}

/* The connection may read again: its main loop has to be told. */
static void tell(struct received *r)
{
        DBusConnection *c;
        unsigned refs;

        pthread_mutex_lock(&r->lock);
        c = r->connection;
        refs = c ? atomic_load(&c->refs) : 0;
        /* One whose last reference has gone is on its way to received_abandon(). */
        while (refs && !atomic_compare_exchange_weak(&c->refs, &refs, refs + 1))
                ;
        pthread_mutex_unlock(&r->lock);
        if (!refs)
                return;
        connection_lock(c);
        connection_changed(c);
        connection_unlock(c);
        dbus_connection_unref(c);
}

static void release(struct message_charge *charge, size_t bytes, unsigned n_fds)
{
        struct received *r = container_of(charge, struct received, charge);

        atomic_fetch_sub(&r->bytes, (long)bytes);
        if (n_fds)
                atomic_fetch_sub(&r->n_fds, (long)n_fds);
        if (atomic_load(&r->is_over))
                tell(r);
        unref(r);
}

int received_new(struct received **rp, DBusConnection *c)
{
        struct received *r = calloc(1, sizeof(*r));

        if (!r)
                return -ENOMEM;
        r->charge.release = release;
        r->connection = c;
        atomic_init(&r->refs, 1);
        pthread_mutex_init(&r->lock, NULL);
        *rp = r;
        return 0;
}

void received_add(struct received *r, DBusMessage *m)
{
        atomic_fetch_add(&r->refs, 1);
        atomic_fetch_add(&r->bytes, (long)m->wire.size);
        if (m->wire.n_fds)
                atomic_fetch_add(&r->n_fds, (long)m->wire.n_fds);
        m->received = &r->charge;
}

bool received_is_over(struct received *r, long max_bytes, long max_fds)
{
        bool is_over;

        /* Said first: whoever frees a message after we looked has to see it. */
        atomic_store(&r->is_over, true);
        is_over = atomic_load(&r->bytes) >= max_bytes || atomic_load(&r->n_fds) >= max_fds;
        if (!is_over)
                atomic_store(&r->is_over, false);
        return is_over;
}

void received_abandon(struct received *r)
{
        pthread_mutex_lock(&r->lock);
        r->connection = NULL;
        pthread_mutex_unlock(&r->lock);
        unref(r);
}
