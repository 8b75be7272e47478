/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Bytes as hexadecimal digits, as SASL, GUIDs, keyrings and addresses write them.
 */

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The value of a digit of either case, or -1. */
int hex_digit(char c);

/* Writes `n` bytes as 2 * n lower-case digits and a NUL to `out`. */
void hex_encode(const void *bytes, size_t n, char *out);

/*
 * Reads `n` digits of either case into `out`, which has room for (n + 1) / 2 bytes. If their number
 * is odd, the last one is the high half of a byte whose low half is 0: the reference reads SASL
 * data that way. Returns the number of bytes, or -EINVAL if there is something else than digits.
 */
ssize_t hex_decode(const char *text, size_t n, uint8_t *out);
