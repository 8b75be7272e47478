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
        COLUMN_MAX,
};

#define NO_SUBJECT SUBJECT_MAX
#define NO_LIBRARY LIBRARY_MAX

struct column_setup {
        const char *name; /* in what is written for programs */
        enum subject_id daemon;
        enum library_id library;
};

extern const struct column_setup columns[COLUMN_MAX];

/* What differs between the columns of a case. */
enum axis {
        AXIS_DAEMONS,
        AXIS_BARE,
        AXIS_LIBRARIES,     /* with each daemon */
        AXIS_LIBRARIES_BUS, /* with our daemon: what it is makes no difference */
        AXIS_LIBRARIES_ALONE,
        AXIS_MAX,
};

/* The columns of an axis: first, and behind the last. */
extern const struct axis_range {
        enum column first;
        enum column end;
} axes[AXIS_MAX];

static inline bool axis_has_libraries(enum axis axis)
{
        return columns[axes[axis].first].library != NO_LIBRARY;
}
