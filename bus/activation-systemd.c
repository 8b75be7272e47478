/* SPDX-License-Identifier: MIT */
#include "bus/activation-systemd.h"

#include <string.h>

#include "bus/activation-wait.h"
#include "bus/log.h"
#include "bus/route.h"
#include "core/reader.h"
#include "core/syntax.h"
#include "core/writer.h"

#define SYSTEMD_NAME        "org.freedesktop.systemd1"
#define SYSTEMD_PATH        "/org/freedesktop/systemd1"
#define ACTIVATOR_INTERFACE "org.freedesktop.systemd1.Activator"
#define MANAGER_INTERFACE   "org.freedesktop.systemd1.Manager"

bool systemd_is(const struct bus *bus, const char *name)
{
        return bus->systemd_activation && !strcmp(name, SYSTEMD_NAME);
}

static struct peer *find_systemd(struct bus *bus)
{
        return bus_find_owner(bus, SYSTEMD_NAME, strlen(SYSTEMD_NAME));
}

/* Keeps a message of the bus until systemd is there. */
static int hold(struct bus *bus, struct message *m, struct fault *fault)
{
        bool is_new;

        if (activation_check_limit(bus, SYSTEMD_NAME, fault) < 0)
                return -1;
        if (!activation_wait(bus, SYSTEMD_NAME, NULL, m, false, &is_new))
                return fault_no_memory(fault);
        route_capture(bus, NULL, NULL, m);
        return 0;
}

/* Sends it now or when systemd is there; takes over the reference. `m` NULL: there was no memory
 * for it. */
static int send_or_hold(struct bus *bus, struct peer *systemd, struct message *m,
                        struct fault *fault)
{
        int r = 0;

        if (!m)
                return fault_no_memory(fault);
        if (systemd)
                route_from_bus(bus, systemd, m);
        else
                r = hold(bus, m, fault);
        message_unref(m);
        return r;
}

static struct message *make_request(struct bus *bus, const char *unit)
{
        const struct message_spec spec = {
                .type = MESSAGE_SIGNAL,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .path = BUS_PATH,
                .interface = ACTIVATOR_INTERFACE,
                .member = "ActivationRequest",
                .destination = SYSTEMD_NAME,
                .sender = BUS_NAME,
                .signature = "s",
        };
        struct message *m;
        struct writer w;

        writer_begin(&w, &spec);
        writer_string(&w, unit);
        return writer_end(&w, &m) < 0 ? NULL : m;
}

int systemd_start_unit(struct bus *bus, struct activation *a, const struct service *service,
                       struct peer *from, struct fault *fault)
{
        struct peer *systemd = find_systemd(bus);

        a->unit = strdup(service->data.unit);
        if (!a->unit)
                return fault_no_memory(fault);
        log_line(LOG_LEVEL_INFO,
                 "Activating %s: service name='%s' unit='%s' requested by '%s' (%s)",
                 systemd ? "via systemd" : "systemd to hand-off", a->name, a->unit, from->name,
                 peer_description(from));
        if (send_or_hold(bus, systemd, make_request(bus, a->unit), fault) == 0)
                return 0;
        log_line(LOG_LEVEL_INFO, "Failed to activate via systemd: service name='%s' unit='%s'",
                 a->name, a->unit);
        return -1;
}

int systemd_set_environment(struct bus *bus, char *const *variables, size_t n, struct fault *fault)
{
        struct peer *systemd = find_systemd(bus);
        const struct message_spec spec = {
                .type = MESSAGE_METHOD_CALL,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = bus_next_serial(bus),
                .path = SYSTEMD_PATH,
                .interface = MANAGER_INTERFACE,
                .member = "SetEnvironment",
                .destination = systemd ? systemd->name : SYSTEMD_NAME,
                .sender = BUS_NAME,
                .signature = "as",
        };
        struct message *m;
        struct writer w;

        writer_begin(&w, &spec);
        writer_strings(&w, (const char *const *)variables, n);
        return send_or_hold(bus, systemd, writer_end(&w, &m) < 0 ? NULL : m, fault);
}

bool systemd_is_failure(const struct message *m)
{
        const char *interface = message_text(m, FIELD_INTERFACE);
        const char *member = message_text(m, FIELD_MEMBER);

        return m->header.type == MESSAGE_SIGNAL && !strcmp(interface, ACTIVATOR_INTERFACE) &&
               !strcmp(member, "ActivationFailure");
}

/* Whether systemd sent it; the log is told if not. */
static bool is_genuine(struct bus *bus, struct peer *from)
{
        if (from != find_systemd(bus)) {
                log_line(LOG_LEVEL_WARNING,
                         "Ignoring forged ActivationFailure message from connection %s (%s)",
                         from->name, peer_description(from));
                return false;
        }
        if (bus->systemd_activation)
                return true;
        log_line(LOG_LEVEL_WARNING,
                 "Ignoring unexpected ActivationFailure message while not using systemd "
                 "activation");
        return false;
}

void systemd_handle_failure(struct bus *bus, struct peer *from, const struct message *m)
{
        const char *unit, *error, *text;
        uint32_t unit_length, length, text_length;
        struct fault fault = {0};
        struct reader r;

        if (!is_genuine(bus, from))
                return;
        reader_init(&r, m);
        if (!reader_string(&r, &unit, &unit_length) || !reader_string(&r, &error, &length) ||
            !reader_string(&r, &text, &text_length))
                return;
        log_line(LOG_LEVEL_INFO, "Activation via systemd failed for unit '%s': %s", unit, text);
        fault_set(&fault, syntax_error_name(error, length) ? error : ERROR_FAILED, "%s", text);
        activation_fail_unit(bus, unit, &fault);
        fault_clear(&fault);
}
