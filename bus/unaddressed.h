/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Messages without a destination that are no signals. On a connection from peer to peer they are
 * for the other end, which here is the daemon as a mere end of a connection, not as a bus: it
 * answers org.freedesktop.DBus.Peer on every object (specification: "org.freedesktop.DBus.Peer"),
 * and neither it nor the caller has a name, so the answers carry none.
 */

#include "bus/peer.h"

struct bus;

/* True if the message calls a method of org.freedesktop.DBus.Peer. */
bool unaddressed_is_for_peer(const struct message *m);

void unaddressed_handle(struct bus *bus, struct peer *from, struct message *m);
