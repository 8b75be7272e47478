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

/* What a dictionary of variables says. */
struct variables {
        size_t n;
        struct environment_setting *settings; /* borrowed from the message */
        char **lines;                         /* "NAME=value" of each */
};

static void variables_deinit(struct variables *v)
{
        for (size_t i = 0; v->lines && i < v->n; ++i)
                free(v->lines[i]);
        free(v->lines);
        free(v->settings);
}

/* Returns 0 or -ENOMEM; to be cleared in any case. */
static int read_variables(struct reader array, struct variables *v)
{
        struct reader entry;

        *v = (struct variables){.n = count(array)};
        v->settings = calloc(v->n + 1, sizeof(*v->settings));
        v->lines = calloc(v->n + 1, sizeof(*v->lines));
        if (!v->settings || !v->lines)
                return -ENOMEM;
        for (size_t i = 0; reader_enter(&array, &entry); ++i) {
                struct environment_setting *s = &v->settings[i];
                uint32_t length;

                reader_string(&entry, &s->name, &length);
                reader_string(&entry, &s->value, &length);
                if (asprintf(&v->lines[i], "%s=%s", s->name, s->value) < 0) {
                        v->lines[i] = NULL;
                        return -ENOMEM;
                }
        }
        return 0;
}

int driver_update_environment(struct driver_call *c)
{
        struct bus *bus = c->bus;
        struct variables v;
        struct reader array;
        int r;

        /* A bus that starts services by a helper starts them with an environment of its making. */
        if (bus->config->servicehelper)
                return fault_set(c->fault, ERROR_ACCESS_DENIED,
                                 "Cannot change activation environment on a system bus.");
        reader_enter(&c->args, &array);
        r = read_variables(array, &v);
        if (r == 0)
                r = environment_set_all(&bus->environment, v.settings, v.n);
        if (r < 0)
                fault_no_memory(c->fault);
        else if (bus->systemd_activation)
                r = systemd_set_environment(bus, v.lines, v.n, c->fault);
        variables_deinit(&v);
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
