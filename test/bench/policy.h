/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The access policies the daemons run under, as data: daemons.c writes them as a configuration
 * file, broker-launch.c hands them to dbus-broker through its controller. Both get the same rules
 * in the same order.
 *
 * POLICY_OPEN allows everything. POLICY_SYSTEM looks like a system bus: closed by default, and
 * opened for POLICY_SERVICES services by POLICY_RULES_EACH rules each.
 */
#include <stdbool.h>
#include <stddef.h>

enum policy_kind {
        POLICY_OPEN,
        POLICY_SYSTEM,
};

#define POLICY_SERVICES   200
#define POLICY_RULES_EACH 10

enum policy_verb {
        POLICY_OWN,
        POLICY_SEND,
        POLICY_RECEIVE,
};

/* Message types as on the wire; 0 stands for any. An empty string stands for any, too. */
struct policy_rule {
        enum policy_verb verb;
        bool allow;
        bool for_user;        /* in <policy user=...> instead of context="default" */
        bool requested_reply; /* send_requested_reply="true"; the broker always demands that */
        unsigned type;
        char name[64]; /* name to own, destination or sender */
        char interface[80];
        char member[32];
};

/* How many rules the policy has. */
unsigned policy_size(enum policy_kind kind);

/* The rule at @i, in the order of evaluation (the last one that applies decides). */
struct policy_rule policy_at(enum policy_kind kind, unsigned i);

/* Names of the @service-th service of POLICY_SYSTEM, and the interface its callers may use. */
void policy_service_name(unsigned service, char *buf, size_t size);
void policy_service_interface(unsigned service, char *buf, size_t size);

/* The member of that interface that nobody may call. */
extern const char policy_denied_member[];
