/* SPDX-License-Identifier: MIT */
#pragma once

#include "links-list.h"

/* Prints a listing for programs: one JSON object (RFC 8259) on a line of its own. */
void links_print_json(const struct listing *l);
