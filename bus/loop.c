/* SPDX-License-Identifier: MIT */
#include "bus/loop.h"

#include <errno.h>
#include <limits.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

/* Sources handled in one turn. What is ready and does not fit is first in the next turn. */
#define EVENTS 64

int loop_init(struct loop *l)
{
        *l = (struct loop){0};
        list_init(&l->timers);
        list_init(&l->due);
        l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
        return l->epoll_fd < 0 ? -errno : 0;
}

void loop_deinit(struct loop *l)
{
        if (l->epoll_fd >= 0)
                close(l->epoll_fd);
        l->epoll_fd = -1;
}

static int control(struct loop *l, int op, struct loop_source *source)
{
        struct epoll_event event = {.events = source->events, .data.ptr = source};

        return epoll_ctl(l->epoll_fd, op, source->fd, &event) < 0 ? -errno : 0;
}

void loop_source_init(struct loop_source *source, int fd, uint32_t events,
                      void (*ready)(struct loop_source *source, uint32_t events))
{
        *source = (struct loop_source){.fd = fd, .events = events, .ready = ready};
        list_init(&source->of_due);
}

int loop_add(struct loop *l, struct loop_source *source)
{
        return control(l, EPOLL_CTL_ADD, source);
}

void loop_change(struct loop *l, struct loop_source *source, uint32_t events)
{
        if (source->fd < 0 || source->events == events)
                return;
        source->events = events;
        control(l, EPOLL_CTL_MOD, source);
}

void loop_remove(struct loop *l, struct loop_source *source)
{
        if (source->fd < 0)
                return;
        control(l, EPOLL_CTL_DEL, source);
        source->fd = -1;
        source->due = 0;
        list_remove(&source->of_due);
}

void loop_again(struct loop *l, struct loop_source *source, uint32_t events)
{
        if (source->fd < 0)
                return;
        source->due |= events;
        if (list_empty(&source->of_due))
                list_append(&l->due, &source->of_due);
}

void loop_timer_init(struct loop_timer *t, void (*expired)(struct loop_timer *timer))
{
        list_init(&t->link);
        t->deadline = 0;
        t->expired = expired;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t deadline)
{
        struct list *after;

        list_remove(&t->link);
        t->deadline = deadline;
        for (after = l->timers.prev; after != &l->timers; after = after->prev) {
                if (container_of(after, struct loop_timer, link)->deadline <= deadline)
                        break;
        }
        list_prepend(after, &t->link);
}

void loop_timer_clear(struct loop_timer *t)
{
        list_remove(&t->link);
}

uint64_t loop_now(void)
{
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 * NS_PER_MS + (uint64_t)now.tv_nsec;
}

static struct loop_timer *soonest(const struct loop *l)
{
        return list_empty(&l->timers) ? NULL
                                      : container_of(l->timers.next, struct loop_timer, link);
}

/* For epoll_wait: milliseconds, rounded up so that the deadline is over when it returns. */
static int sleep_ms(const struct loop *l)
{
        const struct loop_timer *t = soonest(l);
        uint64_t now, ms;

        if (!list_empty(&l->due))
                return 0;
        if (!t)
                return -1;
        now = loop_now();
        if (t->deadline <= now)
                return 0;
        ms = (t->deadline - now + NS_PER_MS - 1) / NS_PER_MS;
        return ms > INT_MAX ? INT_MAX : (int)ms;
}

static void run_timers(struct loop *l)
{
        struct loop_timer *t = soonest(l);
        uint64_t now;

        if (!t)
                return;
        now = loop_now();
        for (; t && t->deadline <= now; t = soonest(l)) {
                loop_timer_clear(t);
                t->expired(t);
        }
}

/* Calls those that are due from the turn before, and not those that become due now. */
static void run_due(struct loop *l)
{
        struct list due;

        if (list_empty(&l->due))
                return;
        due = l->due;
        due.next->prev = due.prev->next = &due;
        list_init(&l->due);
        while (!list_empty(&due)) {
                struct loop_source *source = container_of(due.next, struct loop_source, of_due);
                uint32_t events = source->due;

                list_remove(&source->of_due);
                source->due = 0;
                source->ready(source, events);
        }
}

int loop_turn(struct loop *l)
{
        struct epoll_event events[EVENTS];
        int n = epoll_wait(l->epoll_fd, events, EVENTS, sleep_ms(l));

        if (n < 0 && errno != EINTR)
                return -errno;
        run_due(l);
        for (int i = 0; i < n; ++i) {
                struct loop_source *source = events[i].data.ptr;

                /* A source that an earlier one of this turn removed is not called. */
                if (source->fd >= 0)
                        source->ready(source, events[i].events);
        }
        run_timers(l);
        return 0;
}
