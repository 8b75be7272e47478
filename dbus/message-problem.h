/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What libdbus says of bytes, and signatures, that are not valid.
 */

#include <stddef.h>
#include <stdint.h>

/* What is wrong with the bytes of a message that were found to have that enum message_problem. */
const char *corruption_text(int problem, const uint8_t *bytes, size_t size);

/* What is wrong with a signature; NULL: nothing. */
const char *signature_problem_text(const char *text, size_t length);
