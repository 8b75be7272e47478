/* SPDX-License-Identifier: MIT */
#include "bus/activation-wait.h"

#include <inttypes.h>
#include <string.h>

#include "bus/log.h"
#include "bus/route.h"
#include "core/writer.h"

/* "Method: org.freedesktop.DBus.StartServiceByName": the service was successfully started. */
#define START_REPLY_SUCCESS 1

/* Counts those who wait, not what they wait for, as the reference does. */
int activation_check_limit(const struct bus *bus, const char *name, struct fault *fault)
{
        int64_t max = bus->config->limits.max_pending_service_starts;

        if (bus->activations.n_waiters < (uint64_t)max)
                return 0;
        return fault_set(fault, ERROR_LIMITS_EXCEEDED,
                         "The maximum number of pending activations has been reached, activation "
                         "of %s failed (max_pending_service_starts=%" PRId64 ")",
                         name, max);
}

static struct activation_waiter *waiter_of(struct list *l)
{
        return container_of(l, struct activation_waiter, of_activation);
}

/* Whoever has gone waits no more. What one that only watches by now has sent is delivered. */
static bool still_waits(const struct activation_waiter *w)
{
        return w->from && peer_connected(w->from);
}

static void answer_start(struct bus *bus, const struct activation_waiter *w)
{
        const struct message_spec spec = {
                .type = MESSAGE_METHOD_RETURN,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .reply_serial = w->message->header.serial,
                .sender = BUS_NAME,
                .destination = w->from->name,
                .signature = "u",
        };
        struct message *m;
        struct writer writer;

        writer_begin(&writer, &spec);
        writer_u32(&writer, START_REPLY_SUCCESS);
        if (writer_end(&writer, &m) < 0) {
                /* It would wait for ever. */
                peer_disconnect(w->from);
                return;
        }
        route_from_bus(bus, w->from, m);
        message_unref(m);
}

void activation_name_owned(struct bus *bus, const char *name)
{
        struct activation *a = activation_find(&bus->activations, name);

        if (!a)
                return;
        log_line(LOG_LEVEL_INFO, "Successfully activated service '%s'", name);
        for (struct list *l = a->waiters.next; l != &a->waiters; l = l->next) {
                if (waiter_of(l)->starts && still_waits(waiter_of(l)))
                        answer_start(bus, waiter_of(l));
        }
}

static void deliver(struct bus *bus, const struct activation_waiter *w, struct peer *owner)
{
        struct fault fault = {0};

        if (!w->from)
                route_held_from_bus(bus, owner, w->message);
        else if (still_waits(w) && route_unicast(bus, w->from, owner, w->message, &fault) < 0)
                route_error(bus, w->from, w->message->header.serial, &fault);
        fault_clear(&fault);
}

void activation_deliver(struct bus *bus, const char *name, struct peer *owner)
{
        struct activation *a = activation_find(&bus->activations, name);

        if (!a)
                return;
        for (struct list *l = a->waiters.next; l != &a->waiters; l = l->next) {
                if (!waiter_of(l)->starts)
                        deliver(bus, waiter_of(l), owner);
        }
        activation_free(a);
}

void activation_fail(struct bus *bus, struct activation *a, const struct fault *fault)
{
        for (struct list *l = a->waiters.next; l != &a->waiters; l = l->next) {
                const struct activation_waiter *w = waiter_of(l);

                if (still_waits(w))
                        route_error(bus, w->from, w->message->header.serial, fault);
        }
        activation_free(a);
}

static struct activation *activation_of(struct list *l)
{
        return container_of(l, struct activation, of_all);
}

void activation_fail_program(struct bus *bus, struct activation *a, const struct fault *fault)
{
        struct list *all = &bus->activations.pending, *l, *next;

        for (l = all->next; l != all; l = next) {
                struct activation *other = activation_of(l);

                next = l->next;
                if (other != a && other->exec && !strcmp(other->exec, a->exec))
                        activation_fail(bus, other, fault);
        }
        activation_fail(bus, a, fault);
}

void activation_fail_unit(struct bus *bus, const char *unit, const struct fault *fault)
{
        struct list *all = &bus->activations.pending, *l, *next;

        for (l = all->next; l != all; l = next) {
                struct activation *a = activation_of(l);

                next = l->next;
                if (a->unit && !strcmp(a->unit, unit))
                        activation_fail(bus, a, fault);
        }
}

static void expired(struct loop_timer *timer)
{
        struct activation *a = container_of(timer, struct activation, timer);
        struct bus *bus = container_of(a->all, struct bus, activations);
        struct fault fault = {0};

        fault_set(&fault, ERROR_TIMED_OUT,
                  "Failed to activate service '%s': timed out (service_start_timeout=%" PRId64
                  "ms)",
                  a->name, a->timeout);
        log_line(LOG_LEVEL_INFO, "%s", fault_text(&fault));
        if (a->child)
                child_kill(a->child);
        activation_fail(bus, a, &fault);
        fault_clear(&fault);
}

struct activation *activation_wait(struct bus *bus, const char *name, struct peer *from,
                                   struct message *message, bool starts, bool *is_new)
{
        struct activation *a = activation_find(&bus->activations, name);

        *is_new = !a;
        if (!a && activation_new(&a, &bus->activations, name) < 0)
                return NULL;
        if (activation_add(a, from, message, starts) < 0) {
                if (*is_new)
                        activation_free(a);
                return NULL;
        }
        if (*is_new) {
                a->timeout = bus->config->limits.service_start_timeout;
                loop_timer_init(&a->timer, expired);
                loop_timer_set(bus->loop, &a->timer, loop_now() + (uint64_t)a->timeout * NS_PER_MS);
        }
        return a;
}
