/* SPDX-License-Identifier: MIT */
#include "policy.h"

#include <stdio.h>

const char policy_denied_member[] = "Secret";

static const struct policy_rule open_rules[] = {
        {.verb = POLICY_OWN, .allow = true},
        {.verb = POLICY_SEND, .allow = true},
        {.verb = POLICY_RECEIVE, .allow = true},
};

/* What a system bus says before any service has its say. */
static const struct policy_rule closed_rules[] = {
        {.verb = POLICY_OWN, .allow = false},
        {.verb = POLICY_SEND, .allow = false, .type = 1},
        {.verb = POLICY_SEND, .allow = true, .type = 4},
        {.verb = POLICY_SEND, .allow = true, .type = 2, .requested_reply = true},
        {.verb = POLICY_SEND, .allow = true, .type = 3, .requested_reply = true},
        {.verb = POLICY_RECEIVE, .allow = true, .type = 1},
        {.verb = POLICY_RECEIVE, .allow = true, .type = 2},
        {.verb = POLICY_RECEIVE, .allow = true, .type = 3},
        {.verb = POLICY_RECEIVE, .allow = true, .type = 4},
        {.verb = POLICY_SEND, .allow = true, .name = "org.freedesktop.DBus"},
};

#define N(array) (sizeof(array) / sizeof((array)[0]))

/*
 * The rules of one service. An interface that begins with '.' is below the service's name. The
 * table has those of context="default" first, because that is the order they are evaluated in.
 */
static const struct policy_rule service_rules[POLICY_RULES_EACH] = {
        {.verb = POLICY_SEND, .allow = true, .interface = ".Methods"},
        {.verb = POLICY_SEND, .allow = true, .interface = ".Events"},
        {.verb = POLICY_SEND, .allow = true, .interface = "org.freedesktop.DBus.Introspectable"},
        {.verb = POLICY_SEND, .allow = true, .interface = "org.freedesktop.DBus.Properties"},
        {.verb = POLICY_SEND, .allow = true, .interface = "org.freedesktop.DBus.ObjectManager"},
        {.verb = POLICY_SEND, .allow = true, .interface = "org.freedesktop.DBus.Peer"},
        {.verb = POLICY_RECEIVE, .allow = true, .interface = ".Events", .type = 4},
        {.verb = POLICY_SEND, .allow = false, .interface = ".Methods", .member = "Secret"},
        {.verb = POLICY_OWN, .allow = true, .for_user = true},
        {.verb = POLICY_SEND, .allow = true, .for_user = true, .interface = ".Admin"},
};

#define DEFAULT_RULES_EACH (POLICY_RULES_EACH - 2)

unsigned policy_size(enum policy_kind kind)
{
        if (kind == POLICY_OPEN)
                return N(open_rules);
        return N(closed_rules) + POLICY_SERVICES * POLICY_RULES_EACH;
}

void policy_service_name(unsigned service, char *buf, size_t size)
{
        snprintf(buf, size, "org.bench.Service%u", service);
}

void policy_service_interface(unsigned service, char *buf, size_t size)
{
        snprintf(buf, size, "org.bench.Service%u.Methods", service);
}

static struct policy_rule of_service(unsigned service, const struct policy_rule *template)
{
        struct policy_rule rule = *template;

        policy_service_name(service, rule.name, sizeof(rule.name));
        if (template->interface[0] == '.')
                snprintf(rule.interface, sizeof(rule.interface), "org.bench.Service%u%.40s",
                         service, template->interface);
        return rule;
}

struct policy_rule policy_at(enum policy_kind kind, unsigned i)
{
        const unsigned in_default = POLICY_SERVICES * DEFAULT_RULES_EACH;
        const unsigned for_user = POLICY_RULES_EACH - DEFAULT_RULES_EACH;

        if (kind == POLICY_OPEN)
                return open_rules[i];
        if (i < N(closed_rules))
                return closed_rules[i];
        i -= N(closed_rules);
        if (i < in_default)
                return of_service(i / DEFAULT_RULES_EACH, &service_rules[i % DEFAULT_RULES_EACH]);
        i -= in_default;
        return of_service(i / for_user, &service_rules[DEFAULT_RULES_EACH + i % for_user]);
}
