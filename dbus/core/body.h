/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Validation of marshalled values (specification: "Marshaling (Wire Format)").
 */

#include <stddef.h>
#include <stdint.h>

/*
 * Longest array in bytes, and deepest nesting of values ("Container types", "Valid Signatures").
 * The elements of an array, the members of a struct or dict entry and the content of a variant are
 * one deeper than their container; elements of fixed size are not counted, as in the reference.
 */
#define BODY_MAX_ARRAY_BYTES (64u * 1024 * 1024)
#define BODY_MAX_DEPTH       64

/*
 * Checks that the `size` bytes at `body` are exactly the values that the *valid* signature
 * announces: lengths, alignment padding of zero, strings, paths, signatures, booleans, variants,
 * depth. Indices of unix fds (`h`) may be any: the reference does not compare them with the number
 * of fds either. `body` is taken to lie at an offset that is a multiple of 8. No recursion deeper
 * than BODY_MAX_DEPTH, no allocation.
 *
 * Returns 0 if valid, else a positive enum message_problem (core/header.h).
 */
int body_validate(const uint8_t *body, size_t size, const char *signature, char order);

/*
 * The same for one variant, at offset `*at` of `base` and before offset `end`, which lies in other
 * values at the given depth. On success, `*at` becomes the offset behind it.
 */
int body_validate_variant(const uint8_t *base, size_t *at, size_t end, char order, unsigned depth);

/*
 * The offset behind the value of type `type` at offset `at` of `base`, padding before the value
 * included. The value is *valid*.
 */
size_t body_skip(const uint8_t *base, size_t at, const char *type, char order);
