/* SPDX-License-Identifier: MIT */
#pragma once

#include "links-list.h"

/*
 * Prints a listing for people. `before`: an earlier one, for rates; NULL: none. Lines are cut at
 * `width` characters, and there are no more than `height` lines of each table; 0: as they come.
 */
void links_print_table(const struct listing *l, const struct listing *before, double seconds,
                       size_t width, size_t height);
