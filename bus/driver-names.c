/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <string.h>

#include "bus/activation-wait.h"
#include "bus/activation.h"
#include "bus/announce.h"
#include "bus/driver-call.h"
#include "bus/links.h"
#include "bus/log.h"
#include "bus/route.h"
#include "core/syntax.h"

/* "Method: org.freedesktop.DBus.StartServiceByName". */
#define START_REPLY_ALREADY_RUNNING 2

/* Tells the administrator what the caller is told, and which limit it was. Returns -1. */
static int log_limit(const struct driver_call *c, const char *limit, int64_t value)
{
        log_line(LOG_LEVEL_WARNING, "%s (%s=%" PRId64 ")", fault_text(c->fault), limit, value);
        return -1;
}

/* May one more connection of this user be complete? */
static int check_connection_limits(struct driver_call *c)
{
        const struct limits *l = &c->bus->config->limits;
        const struct peer *p = c->caller;

        if (c->bus->peers.n_complete >= (uint64_t)l->max_completed_connections) {
                fault_set(c->fault, ERROR_LIMITS_EXCEEDED,
                          "The maximum number of active connections has been reached");
                return log_limit(c, "max_completed_connections", l->max_completed_connections);
        }
        if (p->has_uid &&
            peers_of_user(&c->bus->peers, p->uid) >= (uint64_t)l->max_connections_per_user) {
                fault_set(c->fault, ERROR_LIMITS_EXCEEDED,
                          "The maximum number of active connections for UID %lu has been reached",
                          (unsigned long)p->uid);
                return log_limit(c, "max_connections_per_user", l->max_connections_per_user);
        }
        return 0;
}

static void note_names(struct driver_call *c)
{
        struct peer *p = c->caller;

        /* The unique name is one, too. */
        if (p->names.n_names + 1 > p->peak_names)
                p->peak_names = p->names.n_names + 1;
        if (p->peak_names > c->bus->peaks.names_per_connection)
                c->bus->peaks.names_per_connection = p->peak_names;
        if (bus_count_names(c->bus) > c->bus->peaks.names)
                c->bus->peaks.names = bus_count_names(c->bus);
}

int driver_hello(struct driver_call *c)
{
        struct message *hello;
        int r = 0;

        if (c->caller->name_length)
                return fault_set(c->fault, ERROR_FAILED, "Already handled an Hello message");
        if (check_connection_limits(c) < 0)
                return -1;
        if (peers_activate(&c->bus->peers, c->caller) < 0)
                return fault_no_memory(c->fault);
        /* Whoever watches sees the call as if the caller had had its name already. */
        if (message_copy(&hello, c->message->bytes, &c->message->header, c->caller->name,
                         c->caller->name_length, NULL, 0, NULL) < 0) {
                hello = NULL;
                r = fault_no_memory(c->fault);
        }
        if (!r) {
                route_capture(c->bus, c->caller, NULL, hello);
                r = driver_reply_string(c, c->caller->name);
        }
        if (!r) {
                note_names(c);
                announce_owner(c->bus, c->caller->name, NULL, c->caller);
                route_passed_to_bus(c->bus, c->caller, hello);
        } else {
                /* It has a name by now, but would never know. */
                peer_disconnect(c->caller);
        }
        message_unref(hello);
        return r;
}

static int check_own(struct driver_call *c, const char *name, uint32_t length)
{
        const struct limits *l = &c->bus->config->limits;
        const struct peer *p = c->caller;

        if (!syntax_bus_name(name, length))
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "Requested bus name \"%s\" is not valid", name);
        if (name[0] == ':')
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "Cannot acquire a service starting with ':' such as \"%s\"", name);
        if (!strcmp(name, BUS_NAME))
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "Connection \"%s\" is not allowed to own the service \"%s\""
                                 "because it is reserved for D-Bus' use only",
                                 p->name, name);
        if (c->bus->lsm && lsm_may_own(c->bus, c->caller, name, c->fault) < 0)
                return -1;
        if (!policy_may_own(p->policy, name, length))
                return fault_set(c->fault, ERROR_ACCESS_DENIED,
                                 "Connection \"%s\" is not allowed to own the service \"%s\" due "
                                 "to security policies in the configuration file",
                                 p->name, name);
        /* The unique name counts, too. */
        if (p->names.n_names + 1 >= (uint64_t)l->max_names_per_connection)
                return driver_limit_exceeded(c, "own more services", "max_names_per_connection",
                                             l->max_names_per_connection);
        return 0;
}

int driver_request_name(struct driver_call *c)
{
        struct name_change change;
        const char *name;
        uint32_t length, flags;
        int r;

        reader_string(&c->args, &name, &length);
        reader_u32(&c->args, &flags);
        if (check_own(c, name, length) < 0)
                return -1;
        r = name_request(&c->bus->names, &c->caller->names, name, length, flags, &change);
        if (r < 0)
                return fault_no_memory(c->fault);
        announce_change(c->bus, &change);
        if (r == NAME_PRIMARY_OWNER)
                activation_deliver(c->bus, name, c->caller);
        else
                links_queues_changed(c->bus, c->caller);
        note_names(c);
        return driver_reply_u32(c, (uint32_t)r);
}

int driver_release_name(struct driver_call *c)
{
        struct name_change change;
        const char *name;
        uint32_t length;
        int r;

        reader_string(&c->args, &name, &length);
        if (!syntax_bus_name(name, length))
                return fault_set(c->fault, ERROR_INVALID_ARGS, "Given bus name \"%s\" is not valid",
                                 name);
        if (name[0] == ':')
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "Cannot release a service starting with ':' such as \"%s\"", name);
        if (!strcmp(name, BUS_NAME))
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "Cannot release the %s service because it is owned by the bus",
                                 name);
        r = name_release(&c->bus->names, &c->caller->names, name, length, &change);
        if (r == NAME_RELEASED) {
                announce_change(c->bus, &change);
                links_queues_changed(c->bus, c->caller);
        } else {
                name_change_done(&c->bus->names, &change);
        }
        return driver_reply_u32(c, (uint32_t)r);
}

int driver_start_service_by_name(struct driver_call *c)
{
        const char *name;
        uint32_t length;
        int r;

        reader_string(&c->args, &name, &length);
        r = activation_start(c->bus, c->caller, name, c->message, c->fault);
        return r > 0 ? driver_reply_u32(c, START_REPLY_ALREADY_RUNNING) : r;
}

int driver_name_has_owner(struct driver_call *c)
{
        const char *name;
        uint32_t length;
        struct writer w;

        reader_string(&c->args, &name, &length);
        driver_reply_begin(c, &w, "b");
        writer_bool(&w, !strcmp(name, BUS_NAME) || bus_find_owner(c->bus, name, length));
        return driver_reply_end(c, &w);
}

int driver_list_names(struct driver_call *c)
{
        struct bus *bus = c->bus;
        struct writer_array names;
        struct writer w;
        struct list *l;

        driver_reply_begin(c, &w, "as");
        writer_open_array(&w, &names, "s");
        writer_string(&w, BUS_NAME);
        for (l = bus->names.names.next; l != &bus->names.names; l = l->next)
                writer_string(&w, container_of(l, struct name, in_registry)->text);
        for (l = bus->peers.all.next; l != &bus->peers.all; l = l->next) {
                const struct peer *p = container_of(l, struct peer, of_all);

                if (p->state == PEER_ACTIVE)
                        writer_string(&w, p->name);
        }
        writer_close_array(&w, &names);
        return driver_reply_end(c, &w);
}

int driver_list_activatable_names(struct driver_call *c)
{
        struct writer w;

        driver_reply_begin(c, &w, "as");
        activation_write_names(c->bus, &w);
        return driver_reply_end(c, &w);
}

int driver_get_name_owner(struct driver_call *c)
{
        const char *name;
        struct peer *p;
        bool is_bus;

        if (driver_read_owner(c, "owner", &name, &p, &is_bus) < 0)
                return -1;
        return driver_reply_string(c, is_bus ? BUS_NAME : p->name);
}

int driver_list_queued_owners(struct driver_call *c)
{
        struct writer_array owners;
        const struct name *n;
        struct writer w;
        const char *name;
        struct peer *p;
        struct list *l;
        bool is_bus;

        if (driver_read_owner(c, "owners", &name, &p, &is_bus) < 0)
                return -1;
        n = p && name[0] != ':' ? name_find(&c->bus->names, name, strlen(name)) : NULL;
        driver_reply_begin(c, &w, "as");
        writer_open_array(&w, &owners, "s");
        if (!n)
                writer_string(&w, is_bus ? BUS_NAME : p->name);
        else
                for (l = n->queue.next; l != &n->queue; l = l->next) {
                        struct name_ownership *o = container_of(l, struct name_ownership, of_name);

                        writer_string(&w, o->owner->unique_name);
                }
        writer_close_array(&w, &owners);
        return driver_reply_end(c, &w);
}
