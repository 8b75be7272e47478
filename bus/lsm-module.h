/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a security module does for bus/lsm.c. State and labels are each module's own. What is asked
 * returns 0, or -1 with the fault set; a module has audited by then what it wants to audit.
 */

#include "bus/bus.h"
#include "bus/lsm.h"

struct lsm_module {
        const char *name;
        const char *notice; /* for the log: it mediates */

        /* Returns 0 and its state; NULL: the kernel does not have it, or the configuration does not
         * want it. Or -1 and why it cannot work (to be freed; NULL: no memory). */
        int (*start)(struct bus *bus, void **state, char **error);
        void (*stop)(void *state);
        /* Another configuration. NULL: it does not matter. */
        int (*set_config)(void *state, const struct config *config, struct fault *fault);

        /* Asks the kernel whom it takes the other end of a socket for. Returns 0 or -1, as start().
         * The label is given up by drop_label() (NULL: there is nothing to be done). */
        int (*read_label)(void *state, int fd, void **label, char **error);
        void (*drop_label)(void *label);

        /* `label`: that of m->from, or of `p`. */
        int (*may_send)(void *state, void *label, void *to_label, const struct lsm_message *m,
                        struct fault *fault);
        int (*may_own)(void *state, void *label, struct peer *p, const char *name,
                       struct fault *fault);
        /* NULL: it does not care. */
        int (*may_eavesdrop)(void *state, void *label, struct peer *p, struct fault *fault);
        int (*may_activate)(void *state, void *label, const struct lsm_message *m,
                            const char *assumed_label, struct fault *fault);

        /* May everything pass, either way, and nothing needs to be known of it? */
        bool (*lets_pass_all)(void *state, void *a, void *b);
};

extern const struct lsm_module lsm_selinux, lsm_apparmor;

/* True if AppArmor is there and knows of D-Bus. */
bool apparmor_can_mediate(void);

/* The context that a label of SELinux's stands for. */
const char *selinux_context(const void *label);
