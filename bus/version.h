/* SPDX-License-Identifier: MIT */
#pragma once

/* What the program says of itself: which release of the reference it is like, in a first line that
 * programs read; which release of our own; and which libraries it was built with that it can do
 * without. Ends with a line feed. */
extern const char version_text[];
