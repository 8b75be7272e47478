/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Mediation by the kernel's security modules: SELinux and AppArmor decide about messages and names
 * beside the policy of the configuration, and before it. What the kernel enforces by itself (who
 * may connect to the socket at all) is not looked at here.
 *
 * A bus without such a module has no struct lsm: everything below costs it the look at that
 * pointer. A module is a table of functions (bus/lsm-module.h), in a file of its own.
 */

#include <stdbool.h>

#include "bus/fault.h"
#include "core/credentials.h"

struct bus;
struct config;
struct lsm;
struct lsm_labels;
struct message;
struct peer;

/* What a peer wants to send. */
struct lsm_message {
        struct message *message;
        struct peer *from;
        struct peer *to;      /* NULL: the bus itself */
        bool requested_reply; /* it answers a call that waits for it */
};

/*
 * Finds out which modules are there, and starts those: bus->lsm is set if there is any. To be
 * called before there are peers, by whoever the daemon is to be. Does nothing if that has been
 * done. Returns 0, or -1 and why not (to be freed; NULL: no memory).
 */
int lsm_start(struct bus *bus, char **error);
void lsm_stop(struct bus *bus);

/* Is everything there that the configuration cannot do without? Returns as lsm_start(). */
int lsm_check_required(const struct config *config, char **error);

/* The configuration is to change. Returns 0; or -1 and why not, and everything is as it was. */
int lsm_set_config(struct bus *bus, const struct config *config, struct fault *fault);

/* Writes down whom the modules take a peer for. Returns 0; or -1: it cannot be told, and the peer
 * may not connect. */
int lsm_admit(struct bus *bus, struct peer *p);
struct lsm_labels *lsm_labels_free(struct lsm_labels *labels);

/* The following return 0, or -1 with the fault set. Denials have been audited then. */

int lsm_may_send(struct bus *bus, const struct lsm_message *m, struct fault *fault);
int lsm_may_own(struct bus *bus, struct peer *p, const char *name, struct fault *fault);
int lsm_may_eavesdrop(struct bus *bus, struct peer *p, struct fault *fault);

/* May a peer's message start the service that is to get it? `label`: what the service file says
 * that AppArmor will call it (AssumedAppArmorLabel); NULL: it says nothing. */
int lsm_may_activate(struct bus *bus, struct peer *from, struct message *m, const char *label,
                     struct fault *fault);

/* True if no module has anything against, or wants to know of, whatever two peers tell each other:
 * they may do so without the bus. Holds until lsm_set_config(), or links_policy_changed(). */
bool lsm_lets_pass_all(struct bus *bus, const struct peer *a, const struct peer *b);

/* "SELinux" and so on: the modules that mediate on this bus. Stores
 * at most LSM_MAX, and returns how many. */
#define LSM_MAX 2
unsigned lsm_names(const struct bus *bus, const char *names[LSM_MAX]);

/* Does the kernel have SELinux, switched on? */
bool lsm_has_selinux(void);

/* The directory of the policy that SELinux uses. NULL: there is none. Static. */
const char *lsm_selinux_root(void);

/* The context by which SELinux knows a peer: labels of other modules are none. Borrowed from
 * `p`; NULL: there is none. */
const char *lsm_selinux_context(const struct peer *p);
