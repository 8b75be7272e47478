/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who sits at the machine, for <policy at_console="">.
 */

#include <stdbool.h>
#include <sys/types.h>

/* Whether the user has a session on a local seat, as logind tells; not so without logind. Returns 0,
 * or -errno if that cannot be told. */
int console_has_user(uid_t uid, bool *has);
