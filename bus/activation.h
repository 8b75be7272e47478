/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Names that can be had on demand (specification: "Message Bus Starting Services (Activation)"):
 * what is done for a name without an owner.
 */

#include "bus/bus.h"
#include "bus/fault.h"
#include "core/writer.h"

/*
 * Starts whoever is to own the name, and keeps the message until then. The sender has to have the
 * right to send it to someone of that name; whether its owner may receive it is seen when there is
 * one. If the start fails later, the sender is told.
 * Returns 0, or -1 and why not.
 */
int activation_hold(struct bus *bus, struct peer *from, const char *name, struct message *m,
                    struct fault *fault);

/*
 * StartServiceByName: `call` is answered when the name has an owner, or with an error when it does
 * not get one. Returns 0; or 1 if it has an owner, and the call is not answered; or -1 and why
 * not.
 */
int activation_start(struct bus *bus, struct peer *from, const char *name, struct message *call,
                     struct fault *fault);

/* Writes the `as` of all names that can be started, the bus's own first. */
void activation_write_names(struct bus *bus, struct writer *w);
