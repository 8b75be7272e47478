/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What libdbus says of bytes, and signatures, that are not valid.
 */

#include <stddef.h>
#include <stdint.h>

/*
 * What is wrong with the message at the beginning of these bytes, which was found to have that enum
 * message_problem. It is there as a whole, unless the lengths in its header are what is wrong.
 */
const char *corruption_text(int problem, const uint8_t *bytes, size_t size);

/* What is wrong with a signature; NULL: nothing. */
const char *signature_problem_text(const char *text, size_t length);
