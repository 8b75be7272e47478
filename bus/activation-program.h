/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Services that are programs: running one, or the helper that runs those of a system bus, and the
 * words for how it failed.
 */

#include "bus/bus.h"
#include "bus/fault.h"

/* Runs the program of a service, whose start is `a`; `from` has asked for it. If it fails later,
 * everyone who waits for it is told. Returns 0, or -1 and why it could not be run. */
int activation_run(struct bus *bus, struct activation *a, const struct service *service,
                   struct peer *from, struct fault *fault);
