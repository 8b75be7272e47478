/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the daemon asks about the kernel's security modules.
 */

#include <stdbool.h>

#include "core/credentials.h"

/* Does the kernel have SELinux, switched on? */
bool lsm_has_selinux(void);

/* The directory of the policy that SELinux uses. NULL: there is none. Static. */
const char *lsm_selinux_root(void);

/* The label that the kernel gave a peer, if it is one of SELinux's: labels of other modules are no
 * security contexts. Borrowed from `who`; NULL: there is none. */
const char *lsm_selinux_context(const struct credentials *who);
