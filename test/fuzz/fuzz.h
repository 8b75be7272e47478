/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What each fuzz target defines: it is called with one input and aborts when something is wrong.
 * libFuzzer's main() makes inputs up, ours (replay.c) reads them from files.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An assertion that no build leaves out. */
static inline void require(int condition)
{
        if (!condition)
                abort();
}
