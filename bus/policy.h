/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who may connect, own a name, send and receive (dbus-daemon(1), <policy>).
 *
 * `struct policy` is all the rules of a configuration. `struct policy_view` is what of them can
 * apply to a connection with certain credentials, in the order in which they count, indexed so
 * that a check looks only at the rules that could decide it: the last one that matches. Connections
 * with the same credentials share a view.
 *
 * Verdicts are those of the reference, of which the manual does not tell all:
 *
 * - Where nothing matches, the answer is no. (May someone connect: only the bus's own user.)
 * - A rule of a view that gives no name, type, path, interface, member or error makes all rules of
 *   its kind in front of it void, whatever else it gives: <deny send_destination="*" min_fds="1"/>
 *   ends what was allowed before, messages without fds too.
 * - send_path, send_member and send_error, and their receive_ likes, match a message that lacks the
 *   field. An interface matches a message that has none in a <deny>, but not in an <allow>.
 * - A reply is what has a reply serial, whatever its type. An <allow> with eavesdrop="true" lets
 *   pass those that nobody waits for.
 * - A name stands for every connection that owns it or is in its queue; unique names can be given
 *   as well. Where there is no connection (the bus itself, a name that is about to be activated)
 *   the text of the message's destination or sender is compared instead.
 * - A user without an entry in the user database cannot connect, not even to a bus of his own.
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
        bool log; /* log="true": tell the administrator when this rule decided */

        /* POLICY_CONNECT: exactly one of these four; `uid` and `gid` go with the latter two */
        bool any_user, any_group;
        bool by_user, by_group;
        uid_t uid;
        gid_t gid;

        /* POLICY_OWN: name or prefix; NULL: every name */
        /* POLICY_SEND: destination; POLICY_RECEIVE: sender */
        char *name;
        bool name_is_prefix; /* own_prefix, send_destination_prefix */

        /* POLICY_SEND and POLICY_RECEIVE */
        uint8_t message_type; /* MESSAGE_INVALID: any */
        char *path, *interface, *member, *error_name;
        /* enum policy_tristate, POLICY_ANY where the attribute is absent. That stands for "true"
         * in an <allow>'s requested_reply, "false" in a <deny>'s and in any eavesdrop. */
        int requested_reply, eavesdrop, broadcast;
        uint32_t min_fds, max_fds; /* 0 and UINT32_MAX: any number */
};

struct policy;
struct policy_view;

/* A rule that matches everything of its kind (for POLICY_CONNECT: nobody yet).
 * Returns 0 or -ENOMEM. */
int policy_rule_new(struct policy_rule **rulep, enum policy_kind kind, bool allow);
struct policy_rule *policy_rule_free(struct policy_rule *rule);

/* Makes a policy without rules. Returns 0 or -ENOMEM. */
int policy_new(struct policy **pp);

/* Gives the policy up. Views of it that are in use stay what they are. Returns NULL. */
struct policy *policy_free(struct policy *p);

/* Where a rule counts, the later ones more than the earlier. */
enum policy_scope {
        POLICY_DEFAULT,
        POLICY_GROUP, /* of several groups, the one with the highest gid counts most */
        POLICY_USER,
        POLICY_AT_CONSOLE,
        POLICY_NOT_AT_CONSOLE,
        POLICY_MANDATORY,
};

/*
 * Appends a rule, which becomes the policy's on success. `id`: the gid or uid of a POLICY_GROUP or
 * POLICY_USER scope, else ignored. A rule of kind POLICY_CONNECT counts only in POLICY_DEFAULT and
 * POLICY_MANDATORY. Not allowed any more once a view has been made.
 * Returns 0 or -ENOMEM.
 */
int policy_append(struct policy *p, enum policy_scope scope, uint32_t id, struct policy_rule *rule);

/*
 * Appends all rules of `from` to those of `into`, scope by scope, and leaves `from` empty.
 * Returns 0; or -ENOMEM, with some rules here and some there: both are good for nothing any more
 * but policy_free().
 */
int policy_merge(struct policy *into, struct policy *from);

/*
 * Whether the user `who->uid` may connect; `bus_uid` is the daemon's own. Groups are those of the
 * user database, not those of the process, as with the reference. False if the user is not known:
 * of ANONYMOUS connections it is the configuration, not the policy, that decides.
 * May block on the user database; what was found there is remembered as long as the policy lives.
 */
bool policy_may_connect(const struct policy *p, const struct credentials *who, uid_t bus_uid);

/*
 * The view for a connection, shared with others that are equal in what matters to the policy.
 * `at_console`: the user sits at the machine. Without a uid no rules for users, groups or the
 * console apply. The groups are who->groups and who->gid; without has_groups those of the user
 * database, on which it may block.
 * Returns 0 and a reference, or -ENOMEM.
 */
int policy_view_get(struct policy *p, const struct credentials *who, bool at_console,
                    struct policy_view **vp);

/* True if there are rules that depend on who sits at the machine: else nobody need find out. */
bool policy_asks_console(const struct policy *p);

/* Drops a reference; some views without any are kept for the next that need them. Returns NULL.
 * NULL is fine. */
struct policy_view *policy_view_unref(struct policy_view *v);

struct policy_verdict {
        bool allow;
        bool log;           /* the deciding rule has log="true" */
        unsigned n_matched; /* rules that matched, as the reference's texts tell; 0 unless it
                               is a denial, or to be logged */
};

/* What is to be sent. */
struct policy_message {
        const struct message *message;
        bool requested_reply;               /* it answers a call that waits for it; no more so when
                                               it comes to those who eavesdrop: it is answered */
        const struct name_owner *sender;    /* NULL: the bus itself */
        const struct name_owner *addressed; /* whom it is for; NULL: broadcast, or the bus */
        const struct name_owner *receiver;  /* who would get it now; NULL: the bus itself or, for
                                               a name without owner, whoever will own it */
};

/* May the owner of view `v`, who is m->sender, send it to m->receiver? Cannot fail, does not
 * allocate or block. `names` is where the owners in `m` have their names. */
struct policy_verdict policy_may_send(const struct policy_view *v, const struct policy_message *m,
                                      struct name_registry *names);

/* May the owner of view `v`, who is m->receiver, receive it? As policy_may_send(). */
struct policy_verdict policy_may_receive(const struct policy_view *v,
                                         const struct policy_message *m,
                                         struct name_registry *names);

/* May the owner of view `v` own a valid well-known name? */
bool policy_may_own(const struct policy_view *v, const char *name, size_t length);
