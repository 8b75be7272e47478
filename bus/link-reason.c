/* SPDX-License-Identifier: MIT */
#include "bus/link-reason.h"

static const char *const texts[N_LINK_REASONS] = {
        [LINK_NONE] = "",
        [LINK_NOT_BUSY] = "not busy enough",
        [LINK_NOT_ASKED] = "one end has not asked for links",
        [LINK_OFF] = "links are switched off",
        [LINK_OTHER_VERSION] = "one end speaks another version of the protocol",
        [LINK_NO_FDS] = "one end takes no file descriptors",
        [LINK_CONFINED] = "one end is confined by a security module",
        [LINK_CLOCK] = "one end has another clock",
        [LINK_SMALL] = "the bus takes only small messages",
        [LINK_REPLY_TIMEOUT] = "the bus ends calls after some time",
        [LINK_MONITORED] = "somebody monitors or eavesdrops",
        [LINK_POLICY] = "forbidden by policy",
        [LINK_LIMIT] = "too many links",
        [LINK_NO_RESOURCES] = "no memory or descriptors",
        [LINK_NAMES] = "one end has lost a name",
        [LINK_LEFT] = "one end wants no links, or has gone",
};

const char *link_reason_text(enum link_reason reason)
{
        return texts[reason];
}
