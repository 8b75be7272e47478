/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "bus/activation-systemd.h"
#include "bus/driver-call.h"
#include "bus/driver.h"
#include "core/guid.h"

static size_t count(struct reader array)
{
        size_t n = 0;

        while (reader_skip(&array))
                n += 1;
        return n;
}

/* Puts a dictionary of variables into `e`; `lines`, with room for as many, gets "NAME=value" of
 * each. Returns 0 or -ENOMEM. */
static int read_variables(struct reader array, struct environment *e, char **lines)
{
        struct reader entry;

        for (size_t n = 0; reader_enter(&array, &entry); ++n) {
                const char *name, *value;
                uint32_t length;

                reader_string(&entry, &name, &length);
                reader_string(&entry, &value, &length);
                if (asprintf(&lines[n], "%s=%s", name, value) < 0) {
                        lines[n] = NULL;
                        return -ENOMEM;
                }
                if (environment_set(e, name, value) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int driver_update_environment(struct driver_call *c)
{
        struct bus *bus = c->bus;
        struct reader array;
        char **lines;
        size_t n;
        int r;

        /* A bus that starts services by a helper starts them with an environment of its making. */
        if (bus->config->servicehelper)
                return fault_set(c->fault, ERROR_ACCESS_DENIED,
                                 "Cannot change activation environment on a system bus.");
        reader_enter(&c->args, &array);
        n = count(array);
        lines = calloc(n + 1, sizeof(*lines));
        if (!lines)
                return fault_no_memory(c->fault);
        r = read_variables(array, &bus->environment, lines);
        if (r < 0)
                fault_no_memory(c->fault);
        else if (bus->systemd_activation)
                r = systemd_set_environment(bus, lines, n, c->fault);
        for (size_t i = 0; i < n; ++i)
                free(lines[i]);
        free(lines);
        return r < 0 ? -1 : driver_reply_empty(c);
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
