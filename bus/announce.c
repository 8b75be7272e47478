/* SPDX-License-Identifier: MIT */
#include "bus/announce.h"

#include "bus/activation-wait.h"
#include "bus/log.h"
#include "bus/route.h"
#include "core/writer.h"

static void signal_begin(struct writer *w, struct bus *bus, const char *member,
                         const char *destination, const char *signature)
{
        struct message_spec spec = {
                .type = MESSAGE_SIGNAL,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .path = BUS_PATH,
                .interface = BUS_INTERFACE,
                .member = member,
                .destination = destination,
                .sender = BUS_NAME,
                .signature = signature,
        };

        writer_begin(w, &spec);
}

/* NameLost or NameAcquired. A peer that cannot be told would be wrong about what it owns. */
static void tell_owner(struct bus *bus, struct peer *p, const char *member, const char *name)
{
        struct message *m;
        struct writer w;

        signal_begin(&w, bus, member, p->name, "s");
        writer_string(&w, name);
        if (writer_end(&w, &m) < 0) {
                peer_disconnect(p);
                return;
        }
        route_from_bus(bus, p, m);
        message_unref(m);
}

static const char *name_of(const struct peer *p)
{
        return p ? p->name : "";
}

/* Ends a signal and sends it to all that have a rule for it. */
static void broadcast(struct bus *bus, struct writer *w, const char *what)
{
        struct fault fault = {0};
        struct message *m = NULL;

        if (writer_end(w, &m) == 0) {
                route_capture(bus, NULL, NULL, m);
                if (route_broadcast(bus, NULL, m, &fault) == 0) {
                        message_unref(m);
                        return;
                }
        }
        log_line(LOG_LEVEL_ERROR, "No memory to announce %s", what);
        fault_clear(&fault);
        message_unref(m);
}

void announce_activatable(struct bus *bus)
{
        struct writer w;

        signal_begin(&w, bus, "ActivatableServicesChanged", NULL, NULL);
        broadcast(bus, &w, "that other names can be started");
}

static void tell_everyone(struct bus *bus, const char *name, const struct peer *old_owner,
                          const struct peer *new_owner)
{
        struct writer w;

        signal_begin(&w, bus, "NameOwnerChanged", NULL, "sss");
        writer_string(&w, name);
        writer_string(&w, name_of(old_owner));
        writer_string(&w, name_of(new_owner));
        broadcast(bus, &w, "the owner of a name");
}

void announce_owner(struct bus *bus, const char *name, struct peer *old_owner,
                    struct peer *new_owner)
{
        if (old_owner == new_owner)
                return;
        if (old_owner)
                tell_owner(bus, old_owner, "NameLost", name);
        tell_everyone(bus, name, old_owner, new_owner);
        if (new_owner && !old_owner)
                activation_name_owned(bus, name);
        if (new_owner)
                tell_owner(bus, new_owner, "NameAcquired", name);
}

void announce_change(struct bus *bus, struct name_change *change)
{
        if (!change->old_owner && change->new_owner)
                bus->n_names += 1;
        else if (change->old_owner && !change->new_owner)
                bus->n_names -= 1;
        links_names_changed(bus, peer_of_names(change->old_owner),
                            peer_of_names(change->new_owner));
        announce_owner(bus, change->name->text, peer_of_names(change->old_owner),
                       peer_of_names(change->new_owner));
        name_change_done(&bus->names, change);
}

static void drop(struct bus *bus, struct list *of_owner)
{
        struct name_change change;

        name_drop(&bus->names, container_of(of_owner, struct name_ownership, of_owner), &change);
        announce_change(bus, &change);
}

void announce_departure(struct bus *bus, struct peer *p)
{
        while (!list_empty(&p->names.ownerships))
                drop(bus, p->names.ownerships.prev);
        announce_owner(bus, p->name, p, NULL);
}

void announce_withdrawal(struct bus *bus, struct peer *p)
{
        announce_owner(bus, p->name, p, NULL);
        while (!list_empty(&p->names.ownerships))
                drop(bus, p->names.ownerships.next);
}
