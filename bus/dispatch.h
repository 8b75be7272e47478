/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What happens with each message that a peer sends, and when a peer comes and goes. The one place
 * that sees all the tables of the bus.
 */

#include "bus/peer.h"

/* For bus_init(). */
extern const struct peer_handler dispatch_handler;
