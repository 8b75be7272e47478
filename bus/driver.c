/* SPDX-License-Identifier: MIT */
#include "bus/driver.h"

#include <inttypes.h>
#include <string.h>

#include "bus/activation-systemd.h"
#include "bus/driver-call.h"
#include "bus/log.h"

static bool on_canonical_path(const struct message *m)
{
        return !strcmp(message_text(m, FIELD_PATH), BUS_PATH);
}

static const struct driver_method *find_method(const struct driver_interface *interface,
                                               const char *member)
{
        for (size_t i = 0; i < interface->n_methods; ++i) {
                if (!strcmp(interface->methods[i].name, member))
                        return &interface->methods[i];
        }
        return NULL;
}

/* The method that a call means; a call need not name its interface. */
static const struct driver_method *resolve(const struct message *m, struct fault *fault)
{
        const char *interface = message_text(m, FIELD_INTERFACE);
        const char *member = message_text(m, FIELD_MEMBER);
        bool canonical = on_canonical_path(m), known_interface = !interface;

        for (size_t i = 0; i < n_driver_interfaces; ++i) {
                const struct driver_interface *candidate = driver_interfaces[i];
                const struct driver_method *method;

                if (!canonical && !candidate->any_path)
                        continue;
                if (interface && strcmp(interface, candidate->name) != 0)
                        continue;
                known_interface = true;
                method = find_method(candidate, member);
                if (method)
                        return method;
        }
        fault_set(fault, known_interface ? ERROR_UNKNOWN_METHOD : ERROR_UNKNOWN_INTERFACE,
                  "%s does not understand message %s", BUS_NAME, member);
        return NULL;
}

int driver_check_privileged(struct driver_call *c, const char *method)
{
        struct peer *p = c->caller;

        if (p->has_uid && (p->uid == 0 || p->uid == c->bus->uid))
                return 0;
        if (p->has_uid)
                fault_set(c->fault, ERROR_ACCESS_DENIED,
                          "rejected attempt to call %s by connection %s (%s) with uid %lu", method,
                          p->name, peer_description(p), (unsigned long)p->uid);
        else
                fault_set(c->fault, ERROR_ACCESS_DENIED,
                          "rejected attempt to call %s by connection %s (%s) with unknown uid",
                          method, p->name, peer_description(p));
        log_line(LOG_LEVEL_SECURITY, "%s", fault_text(c->fault));
        return -1;
}

int driver_limit_exceeded(struct driver_call *c, const char *what, const char *limit, int64_t value)
{
        fault_set(
                c->fault, ERROR_LIMITS_EXCEEDED,
                "Connection \"%s\" is not allowed to %s (increase limits in configuration file if "
                "required; %s=%" PRId64 ")",
                c->caller->name, what, limit, value);
        log_line(LOG_LEVEL_WARNING, "%s", fault_text(c->fault));
        return -1;
}

static int call_method(struct driver_call *c)
{
        const struct message *m = c->message;
        const struct driver_method *method;

        method = resolve(m, c->fault);
        if (!method)
                return -1;
        if ((method->flags & DRIVER_PRIVILEGED) && driver_check_privileged(c, method->name) < 0)
                return -1;
        if (!(method->flags & DRIVER_ANY_PATH) && !on_canonical_path(m))
                return fault_set(c->fault, ERROR_ACCESS_DENIED,
                                 "Method '%s' is only available at the canonical object path '%s'",
                                 method->name, BUS_PATH);
        if (strcmp(message_signature(m), method->in) != 0)
                return fault_set(c->fault, ERROR_INVALID_ARGS,
                                 "Call to %s has wrong args (%s, expected %s)\n", method->name,
                                 message_signature(m), method->in);
        reader_init(&c->args, m);
        return method->handle(c);
}

int driver_handle(struct bus *bus, struct peer *from, struct message *m, struct fault *fault)
{
        struct driver_call c = {.bus = bus, .caller = from, .message = m, .fault = fault};

        if (m->header.type == MESSAGE_METHOD_CALL)
                return call_method(&c);
        /* Replies are nothing to us, nor are other signals. */
        if (!systemd_is_failure(m))
                return 0;
        if (driver_check_privileged(&c, "ActivationFailure") < 0)
                return -1;
        systemd_handle_failure(bus, from, m);
        return 0;
}
