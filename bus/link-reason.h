/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Why a pair that talks has no peer link, or why its link was closed: an administrator is told.
 */
enum link_reason {
        LINK_NONE,
        LINK_NOT_BUSY,
        LINK_NOT_ASKED, /* what an end runs on has not said EnableLinks */
        LINK_OFF,
        LINK_OTHER_VERSION,
        LINK_NO_FDS,
        LINK_CONFINED, /* by an LSM whose mediation a link would bypass */
        LINK_CLOCK,    /* of another time namespace */
        LINK_SMALL,    /* the bus takes no messages as large as links do */
        LINK_REPLY_TIMEOUT,
        LINK_MONITORED, /* somebody could be shown what they say */
        LINK_POLICY,    /* neither may say anything to the other, or rules changed */
        LINK_LIMIT,
        LINK_NO_RESOURCES, /* descriptors, memory */
        LINK_NAMES,        /* an end has lost a name */
        LINK_LEFT,         /* an end wants no link, or has gone */
        N_LINK_REASONS,
};

const char *link_reason_text(enum link_reason reason);
