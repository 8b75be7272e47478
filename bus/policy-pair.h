/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The policy between two connections that are both there: what of it depends on the message alone.
 * It holds as long as neither the configuration nor the names of the two change.
 */

#include "bus/policy.h"
#include "link/rules.h"

struct policy_index;

/*
 * What the owner of view `v` may send to `to`, one message at a time, each to it alone. Replies are
 * taken to be awaited. A rule that has to be logged forbids: whoever uses the result has the bus
 * route such messages.
 * Returns 0 and the rules, to be given to link_rules_deinit(); or -ENOMEM.
 */
int policy_pair_send(const struct policy_view *v, const struct name_owner *to,
                     struct name_registry *names, struct link_rules *rules);

/* What the owner of view `v` may receive from `from`. As policy_pair_send(). */
int policy_pair_receive(const struct policy_view *v, const struct name_owner *from,
                        struct name_registry *names, struct link_rules *rules);

/* The same for one index, of either kind. */
int policy_pair_rules(const struct policy_index *index, const struct name_owner *party,
                      struct name_registry *names, struct link_rules *rules);

/* True if the rules forbid everything. */
bool policy_pair_forbids_all(const struct link_rules *rules);
