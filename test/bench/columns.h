/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a case is measured with: a daemon, a client library, one of each, or nothing of the kind.
 */
#include "daemons.h"

/* The client libraries that are compared. */
enum library_id {
        LIBRARY_STOCK,
        LIBRARY_OURS,
        LIBRARY_MAX,
};

enum column {
        /* Our own clients, with each daemon. */
        COLUMN_STOCK,
        COLUMN_BROKER,
        COLUMN_OURS,
        /* No daemon and no library. */
        COLUMN_BARE,
        /* Each library with each daemon. */
        COLUMN_LIB_STOCK_BUS_STOCK,
        COLUMN_LIB_OURS_BUS_STOCK,
        COLUMN_LIB_STOCK_BUS_BROKER,
        COLUMN_LIB_OURS_BUS_BROKER,
        COLUMN_LIB_STOCK_BUS_OURS,
        COLUMN_LIB_OURS_BUS_OURS,
        /* Each library by itself. */
        COLUMN_LIB_STOCK,
        COLUMN_LIB_OURS,
        /* Peer links, and what they are to be compared with. */
        COLUMN_LINK_STOCK,
        COLUMN_LINK_BROKER,
        COLUMN_LINK_ROUTED,
        COLUMN_LINK_LINKED,
        COLUMN_LINK_SPINNING,
        COLUMN_LINK_BARE,
        /* Connections that never link, without and with the feature. */
        COLUMN_FEATURE_OFF,
        COLUMN_FEATURE_ON,
        COLUMN_MAX,
};

#define NO_SUBJECT SUBJECT_MAX
#define NO_LIBRARY LIBRARY_MAX

/* What is made of peer links where daemon and library are ours. */
enum link_use {
        LINKS_OFF,      /* in the programs */
        LINKS_NOWHERE,  /* in the daemon, too */
        LINKS_ON,       /* and waits sleep at once */
        LINKS_SPINNING, /* as they are if nobody says otherwise */
};

struct column_setup {
        const char *name; /* in what is written for programs */
        enum subject_id daemon;
        enum library_id library;
        enum link_use links;
};

extern const struct column_setup columns[COLUMN_MAX];

/* What differs between the columns of a case. */
enum axis {
        AXIS_DAEMONS,
        AXIS_BARE,
        AXIS_LIBRARIES,     /* with each daemon */
        AXIS_LIBRARIES_BUS, /* with our daemon: what it is makes no difference */
        AXIS_LIBRARIES_ALONE,
        AXIS_LINKS,
        AXIS_LINKS_BUS, /* without the bare pair */
        AXIS_FEATURE,
        AXIS_MAX,
};

/* The columns of an axis: first, and behind the last. */
extern const struct axis_range {
        enum column first;
        enum column end;
} axes[AXIS_MAX];
