/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The names and numbers of the peer link protocol (doc/peer-links.md).
 */

#define LINK_VERSION   1
#define LINK_INTERFACE "org.freedesktop.DBus.PeerLinks1"

/* Types of the arguments of its messages. */
#define LINK_RULES_TYPE         "a(yyssssuu)"
#define LINK_ENABLE_LINKS_TYPE  "ut"
#define LINK_LINK_CLOSED_TYPE   "uau"
#define LINK_CALLS_AWAITED_TYPE "u"
#define LINK_ENABLED_TYPE       "hhas"
/* Each direction: lists, all of which have to allow a message. */
#define LINK_DIRECTION_TYPE    "a" LINK_RULES_TYPE
#define LINK_LINK_OFFERED_TYPE "usasthh" LINK_DIRECTION_TYPE LINK_DIRECTION_TYPE
#define LINK_LINK_NAMES_TYPE   "uast"

/* The reply of ListLinks: links (number, age and idle time in ms, both ends: name, messages and
 * bytes that it sent), pairs without one (names, messages by the bus, why), the connections that
 * these are about (name, pid, user, well-known names), totals. */
#define LINK_LISTED_TYPE     "(utt(stt)(stt))"
#define LINK_PAIR_TYPE       "(ssts)"
#define LINK_CONNECTION_TYPE "(suuas)"
#define LINK_LIST_TYPE       "a" LINK_LISTED_TYPE "a" LINK_PAIR_TYPE "a" LINK_CONNECTION_TYPE "a{sv}"

/* What SO_SNDBUF is set to at both ends, whatever the system's default is: the kernel makes twice
 * as much of it (socket(7)), and takes one packet more. A receiver relies on the bound. */
#define LINK_SEND_BUFFER (104 * 1024)

/* Calls over one link that wait for a reply: more go by the bus. When the link ends, the bus waits
 * for no more. */
#define LINK_MAX_AWAITED 4096

/* Flag in the header of a reply that the bus let through without having seen a call for it. */
#define LINK_FLAG_LET_THROUGH 0x80

/* Flag beside it: so it would if there had been no such call, as policy lets any reply pass. */
#define LINK_FLAG_UNASKED 0x40

#define LINK_FLAGS (LINK_FLAG_LET_THROUGH | LINK_FLAG_UNASKED)

/* How much older than the bus's clock the one in EnableLinks may be, in nanoseconds: clocks of
 * other time namespaces are further away than that, and messages rarely take as long. */
#define LINK_CLOCK_TOLERANCE 1000000000ull
