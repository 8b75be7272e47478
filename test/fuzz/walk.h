/* SPDX-License-Identifier: MIT */
#pragma once

#include "core/reader.h"

/* Reads all that is left in `r`, by type or by skipping, and aborts if that is not to its end. */
void walk_values(struct reader *r);
