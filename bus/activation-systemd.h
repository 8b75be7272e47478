/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Services that systemd starts, and what it is to know: the interface
 * org.freedesktop.systemd1.Activator, and SetEnvironment of org.freedesktop.systemd1.Manager.
 * Before systemd is on the bus, what is for it waits as for any other name; only that nobody is
 * started for that.
 */

#include "bus/bus.h"
#include "bus/fault.h"

/* True if systemd starts services, and this is its own name: it comes by itself. */
bool systemd_is(const struct bus *bus, const char *name);

/* Asks systemd for the unit of a service, whose start is `a`, for `from`. Returns 0, or -1 and why
 * not. */
int systemd_start_unit(struct bus *bus, struct activation *a, const struct service *service,
                       struct peer *from, struct fault *fault);

/* Tells systemd of variables: n texts "NAME=value". Returns 0, or -1 and why not. */
int systemd_set_environment(struct bus *bus, char *const *variables, size_t n, struct fault *fault);

/* Is it the signal by which systemd tells that it could not start a unit? */
bool systemd_is_failure(const struct message *m);

/* Such a signal to the bus: if systemd sent it, it ends the starts that wait for its unit. */
void systemd_handle_failure(struct bus *bus, struct peer *from, const struct message *m);
