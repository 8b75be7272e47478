/* SPDX-License-Identifier: MIT */
#include "bus/activation.h"

#include <string.h>

#include "bus/activation-program.h"
#include "bus/activation-systemd.h"
#include "bus/activation-wait.h"
#include "bus/route.h"

/* Waits for an owner of the name; starts the service, unless that is under way. NULL: nobody is to
 * be started. */
static int join(struct bus *bus, const char *name, const struct service *service, struct peer *from,
                struct message *m, bool starts, struct fault *fault)
{
        bool is_new;
        struct activation *a = activation_wait(bus, name, from, m, starts, &is_new);
        int r = 0;

        if (!a)
                return fault_no_memory(fault);
        if (!is_new || !service)
                return 0;
        if (bus->systemd_activation && service->data.unit)
                r = systemd_start_unit(bus, a, service, from, fault);
        else
                r = activation_run(bus, a, service, from, fault);
        /* The caller tells who asked for it, and nobody else has yet. */
        if (r < 0)
                activation_free(a);
        return r;
}

/* The name's service, if the limit allows one more to wait for it. Systemd is no service, but has a
 * name that can be waited for: *service is NULL. */
static int find(struct bus *bus, const char *name, struct service **service, struct fault *fault)
{
        *service = NULL;
        if (activation_check_limit(bus, name, fault) < 0)
                return -1;
        if (systemd_is(bus, name))
                return 0;
        return service_dirs_find(bus->services, name, service, fault);
}

int activation_hold(struct bus *bus, struct peer *from, const char *name, struct message *m,
                    struct fault *fault)
{
        struct service *service;

        if (find(bus, name, &service, fault) < 0)
                return -1;
        /* As with the reference, whoever has no right to talk to systemd learns of that when it is
         * there. */
        if (service && route_check_to_nobody(bus, from, m, service->data.label, fault) < 0)
                return -1;
        return join(bus, name, service, from, m, false, fault);
}

int activation_start(struct bus *bus, struct peer *from, const char *name, struct message *call,
                     struct fault *fault)
{
        struct service *service;

        if (find(bus, name, &service, fault) < 0)
                return -1;
        if (bus_find_owner(bus, name, strlen(name)))
                return 1;
        return join(bus, name, service, from, call, true, fault);
}

void activation_write_names(struct bus *bus, struct writer *w)
{
        const struct list *all = &bus->services->services;
        struct writer_array names;

        writer_open_array(w, &names, "s");
        writer_string(w, BUS_NAME);
        for (const struct list *l = all->next; l != all; l = l->next)
                writer_string(w, container_of(l, struct service, of_services)->data.name);
        writer_close_array(w, &names);
}
