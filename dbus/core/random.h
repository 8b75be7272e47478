/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Random bytes of the kernel's, fit for secrets.
 */

#include <stddef.h>

/* Fills `bytes` with at most 256 random ones. Blocks only while the machine starts and has none
 * (getrandom(2)). Returns 0 or -errno. */
int random_bytes(void *bytes, size_t n);

/* Writes `n` random letters and digits and a NUL to `text`, as names of temporary files have them.
 * Returns 0 or -errno. */
int random_name(char *text, size_t n);
