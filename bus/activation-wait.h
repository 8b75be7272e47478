/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Those who wait for a name to get an owner: how they come to wait, and what becomes of them. They
 * are served when there is one, and told when there will be none.
 */

#include "bus/bus.h"
#include "bus/fault.h"

/* May one more wait for this name? Returns 0, or -1 and LimitsExceeded. */
int activation_check_limit(const struct bus *bus, const char *name, struct fault *fault);

/*
 * `message` waits for an owner of the name: from now on, if nobody did before, for as long as the
 * configuration grants a service to start. `starts`: it is a call of StartServiceByName. `from`
 * NULL: the bus itself. Returns what is under way; NULL: there is no memory. *is_new: nobody waited
 * for the name before.
 */
struct activation *activation_wait(struct bus *bus, const char *name, struct peer *from,
                                   struct message *message, bool starts, bool *is_new);

/* A name has got an owner: answers those who asked for a start. What is held stays so until
 * activation_deliver(): the owner learns of its name first. */
void activation_name_owned(struct bus *bus, const char *name);
/* Sends what was held for a name to its owner, and ends the start. */
void activation_deliver(struct bus *bus, const char *name, struct peer *owner);

/* The start has failed: tells everyone who waits for it. `a` is gone afterwards. */
void activation_fail(struct bus *bus, struct activation *a, const struct fault *fault);
/* The same for `a` and all other names that wait for the same program, or for all that wait for a
 * unit: what has failed for one of them will not come for the others. */
void activation_fail_program(struct bus *bus, struct activation *a, const struct fault *fault);
void activation_fail_unit(struct bus *bus, const char *unit, const struct fault *fault);
