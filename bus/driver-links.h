/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the handlers of the interface of peer links ask each other.
 */

#include "bus/bus.h"

/* Why a connection that has not joined in has no links. */
enum link_reason driver_links_reason(const struct bus *bus, const struct peer *p);
