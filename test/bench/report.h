/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What a person reads: the table of medians and ratios, and the targets.
 */
#include "results.h"

/* How cases with this axis are laid out: those that have the same need one heading. */
enum report_layout {
        LAYOUT_DAEMONS,
        LAYOUT_LIBRARIES,
        LAYOUT_LINKS,
        LAYOUT_FEATURE,
};

enum report_layout report_layout(enum axis axis);

/* Column headings of cases with this axis. */
void report_heading(FILE *f, enum axis axis);

/* The lines of one case; they can be printed as soon as the case is through. */
void report_result(FILE *f, const struct result *result);

/* What the project wants to reach, and whether @results do. */
void report_targets(FILE *f, const struct results *results);
