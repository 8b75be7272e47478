/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "bus/driver-call.h"
#include "bus/driver.h"
#include "core/guid.h"

int driver_update_environment(struct driver_call *c)
{
        /* A bus that starts services by a helper starts them with an environment of its making. */
        if (c->bus->config->servicehelper)
                return fault_set(c->fault, ERROR_ACCESS_DENIED,
                                 "Cannot change activation environment on a system bus.");
        return driver_reply_empty(c);
}

int driver_reload_config(struct driver_call *c)
{
        if (c->bus->reload(c->bus, c->fault) < 0)
                return -1;
        return driver_reply_empty(c);
}

int driver_get_id(struct driver_call *c)
{
        return driver_reply_string(c, c->bus->guid);
}

int driver_ping(struct driver_call *c)
{
        return driver_reply_empty(c);
}

int driver_get_machine_id(struct driver_call *c)
{
        char id[33];

        if (machine_id_read(id) < 0)
                return fault_set(c->fault, ERROR_FAILED,
                                 "The machine has no id: neither /var/lib/dbus/machine-id nor "
                                 "/etc/machine-id has one");
        return driver_reply_string(c, id);
}

int driver_introspect_call(struct driver_call *c)
{
        char *text = driver_introspect(message_text(c->message, FIELD_PATH));
        int r;

        if (!text)
                return fault_no_memory(c->fault);
        r = driver_reply_string(c, text);
        free(text);
        return r;
}
