/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Names that can be had on demand (specification: "Message Bus Starting Services (Activation)").
 * No service file is read yet, so there is no name that anyone could be started for.
 */

#include "bus/bus.h"
#include "bus/fault.h"
#include "core/writer.h"

/* Starts whoever is to own a name that has no owner. Returns 0, or -1 and why not. */
int activation_start(struct bus *bus, const char *name, struct fault *fault);

/* Writes the `as` of all names that can be started, the bus's own first. */
void activation_write_names(struct bus *bus, struct writer *w);
