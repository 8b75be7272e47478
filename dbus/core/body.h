/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Validation of marshalled values (specification: "Marshaling (Wire Format)").
 */

#include <stddef.h>
#include <stdint.h>

/* Longest array in bytes, and deepest nesting of containers incl. variants ("Container types",
 * "Valid Signatures": 64 = 32 arrays + 32 structs; variants count against the same total). */
#define BODY_MAX_ARRAY_BYTES (64u * 1024 * 1024)
#define BODY_MAX_DEPTH       64

/*
 * Checks that the `size` bytes at `body` are exactly the values that the *valid* signature
 * announces: lengths, alignment padding of zero, strings, paths, signatures, booleans, variants,
 * depth. Unix fd indices (`h`) must be below `n_fds`. `body` is taken to lie at an offset that is
 * a multiple of 8. No recursion deeper than BODY_MAX_DEPTH, no allocation.
 *
 * Returns 0 if valid, else a positive enum message_problem (core/header.h).
 */
int body_validate(const uint8_t *body, size_t size, const char *signature, char order,
                  uint32_t n_fds);
