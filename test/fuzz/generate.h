/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Random messages for fuzzing: most are valid, some break a rule of the header on purpose, and
 * mutations break everything else.
 */

#include <stdint.h>
#include <string.h>

#include "core/bytes.h"
#include "core/header.h"
#include "core/signature.h"

#define GENERATED_MAX_SIZE 65536u

struct generated {
        uint64_t random; /* state; not 0 */
        char order;
        uint32_t size;
        uint8_t bytes[GENERATED_MAX_SIZE];
};

/* A message of random type, fields and values, made with the state in `g`. */
void generate_message(struct generated *g);

/* Changes the message a little. */
void mutate_message(struct generated *g);

/* A random number below `n`. */
uint32_t random_below(struct generated *g, uint32_t n);
