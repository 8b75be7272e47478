/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Type signatures (specification: "Type System", "Valid Signatures").
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGNATURE_MAX_LENGTH 255
/* Arrays are counted where they follow each other directly: "aa", but not "a(a". Dict entries have
 * a depth of their own, with the limit of structs. This is how the reference counts. */
#define SIGNATURE_MAX_ARRAY_DEPTH  32
#define SIGNATURE_MAX_STRUCT_DEPTH 32

/* What is known of a type by its code. All zero: no type starts with this character. */
struct signature_type {
        uint8_t alignment; /* of a value, in bytes */
        uint8_t size;      /* of a value of fixed size, in bytes, else 0 */
        bool basic;
};

extern const struct signature_type signature_types[256]; /* indexed by type code */

/* True if the `length` bytes at `text` are zero or more complete types within the depth limits. */
bool signature_valid(const char *text, size_t length);

/* True if they are exactly one complete type. */
bool signature_valid_single(const char *text, size_t length);

/* Length in bytes of the first complete type of a *valid* signature that is not at its end. */
size_t signature_next(const char *signature);

/* Alignment in bytes of a value whose type starts with `code`: 1, 2, 4 or 8; 0: no such type. */
static inline unsigned signature_alignment(char code)
{
        return signature_types[(uint8_t)code].alignment;
}

/* Size in bytes of a value of a basic type of fixed size (y b n q i u x t d h), else 0. */
static inline unsigned signature_fixed_size(char code)
{
        return signature_types[(uint8_t)code].size;
}

/* True for y b n q i u x t d h s o g. */
static inline bool signature_is_basic(char code)
{
        return signature_types[(uint8_t)code].basic;
}
