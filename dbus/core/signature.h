/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Type signatures (specification: "Type System", "Valid Signatures").
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_MAX_LENGTH       255
#define SIGNATURE_MAX_ARRAY_DEPTH  32
#define SIGNATURE_MAX_STRUCT_DEPTH 32

/* True if the `length` bytes at `text` are zero or more complete types within the depth limits. */
bool signature_valid(const char *text, size_t length);

/* True if they are exactly one complete type. */
bool signature_valid_single(const char *text, size_t length);

/* Length in bytes of the first complete type of a *valid* signature that is not at its end. */
size_t signature_next(const char *signature);

/* Alignment in bytes of a value whose type starts with `code`: 1, 2, 4 or 8; 0: no such type. */
unsigned signature_alignment(char code);

/* Size in bytes of a value of a basic type of fixed size (y b n q i u x t d h), else 0. */
unsigned signature_fixed_size(char code);

/* True for y b n q i u x t d h s o g. */
bool signature_is_basic(char code);
