/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Loads and stores of wire integers, and alignment.
 *
 * Message bytes are read where they lie, which is rarely where the compiler would like them, so
 * every access goes through memcpy (one instruction on the machines we run on).
 */

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The two values of a message's first byte (specification, "Message Format"). */
#define ORDER_LITTLE 'l'
#define ORDER_BIG    'B'

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ORDER_NATIVE ORDER_LITTLE
#else
#define ORDER_NATIVE ORDER_BIG
#endif

static inline uint16_t load_u16(const void *at, char order)
{
        uint16_t v;

        memcpy(&v, at, sizeof(v));
        return order == ORDER_NATIVE ? v : __builtin_bswap16(v);
}

static inline uint32_t load_u32(const void *at, char order)
{
        uint32_t v;

        memcpy(&v, at, sizeof(v));
        return order == ORDER_NATIVE ? v : __builtin_bswap32(v);
}

static inline uint64_t load_u64(const void *at, char order)
{
        uint64_t v;

        memcpy(&v, at, sizeof(v));
        return order == ORDER_NATIVE ? v : __builtin_bswap64(v);
}

static inline void store_u32(void *at, uint32_t v, char order)
{
        if (order != ORDER_NATIVE)
                v = __builtin_bswap32(v);
        memcpy(at, &v, sizeof(v));
}

/* Rounds `n` up to a multiple of `alignment`, a power of two. The caller keeps n small enough. */
static inline uint32_t align_up(uint32_t n, uint32_t alignment)
{
        return (n + alignment - 1) & ~(alignment - 1);
}
