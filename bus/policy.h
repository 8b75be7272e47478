/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who may connect, own a name, send and receive (dbus-daemon(1), <policy>).
 *
 * `struct policy` is all the rules of a configuration. `struct policy_view` is what of them can
 * apply to a connection with certain credentials, in the order in which they count, indexed so
 * that a check looks only at the rules that could decide it: the last one that matches. Connections
 * with the same credentials share a view.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bus/names.h"
#include "core/credentials.h"
#include "core/message.h"

enum policy_kind {
        POLICY_CONNECT,
        POLICY_OWN,
        POLICY_SEND,
        POLICY_RECEIVE,
};

enum policy_tristate {
        POLICY_ANY = -1,
        POLICY_FALSE = 0,
        POLICY_TRUE = 1,
};

/* One <allow> or <deny>. Texts are owned by the rule; NULL: the attribute is absent or "*". */
struct policy_rule {
        enum policy_kind kind;
        bool allow;
        bool log;
        uint32_t position; /* in the order in which rules count; set when a view is made */

        /* POLICY_CONNECT */
        bool any_user, any_group;
        bool by_user, by_group;
        uid_t uid;
        gid_t gid;

        /* POLICY_OWN: name or prefix; both NULL: every name */
        /* POLICY_SEND: destination; POLICY_RECEIVE: sender */
        char *name;
        bool name_is_prefix; /* own_prefix, send_destination_prefix */

        uint8_t message_type; /* MESSAGE_INVALID: any */
        char *path, *interface, *member, *error_name;
        int requested_reply, eavesdrop, broadcast; /* enum policy_tristate */
        uint32_t min_fds, max_fds;
};

struct policy;
struct policy_view;

int policy_new(struct policy **pp);
struct policy *policy_free(struct policy *p); /* no view of it is in use */

/* Where a rule counts, later ones first decided: default, group, user, console, mandatory. */
enum policy_scope {
        POLICY_DEFAULT,
        POLICY_GROUP,
        POLICY_USER,
        POLICY_AT_CONSOLE,
        POLICY_NOT_AT_CONSOLE,
        POLICY_MANDATORY,
};

/* Appends a rule, which becomes the policy's on success. `id`: the gid or uid of the scope.
 * Returns 0 or -ENOMEM. */
int policy_append(struct policy *p, enum policy_scope scope, uint32_t id, struct policy_rule *rule);

/* Whether someone with these credentials may connect; `bus_uid` is the daemon's own. */
bool policy_may_connect(const struct policy *p, const struct credentials *who, uid_t bus_uid);

/* The view for a connection, shared. `at_console`: the user sits at the machine.
 * Returns 0 and a reference, or -ENOMEM. */
int policy_view_get(struct policy *p, const struct credentials *who, bool at_console,
                    struct policy_view **vp);
struct policy_view *policy_view_unref(struct policy_view *v);

struct policy_verdict {
        bool allow;
        bool log;           /* the deciding rule has log="true" */
        unsigned n_matched; /* rules that matched, as AccessDenied texts tell; only set on denial */
};

/* What is to be sent. */
struct policy_message {
        const struct message *message;
        bool requested_reply;               /* it answers a call that waits for it */
        const struct name_owner *sender;    /* NULL: the bus itself */
        const struct name_owner *addressed; /* whom it is for; NULL: broadcast, or the bus */
        const struct name_owner *receiver;  /* who would get it now; NULL: the bus itself or, for
                                               a name without owner, whoever will own it */
};

/* May the owner of view `v`, who is m->sender, send it to m->receiver? */
struct policy_verdict policy_may_send(const struct policy_view *v, const struct policy_message *m,
                                      struct name_registry *names);

/* May the owner of view `v`, who is m->receiver, receive it? */
struct policy_verdict policy_may_receive(const struct policy_view *v,
                                         const struct policy_message *m,
                                         struct name_registry *names);

bool policy_may_own(const struct policy_view *v, const char *name, size_t length);
