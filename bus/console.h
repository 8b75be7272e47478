/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who sits at the machine, for <policy at_console="">.
 */

#include <stdbool.h>
#include <sys/types.h>

/* True if the user has a session on a local seat, as logind tells; false without logind. */
bool console_has_user(uid_t uid);
