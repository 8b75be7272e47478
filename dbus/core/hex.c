/* SPDX-License-Identifier: MIT */
#include "core/hex.h"

#include <errno.h>

static const char digits[] = "0123456789abcdef";

int hex_digit(char c)
{
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

void hex_encode(const void *bytes, size_t n, char *out)
{
        const uint8_t *b = bytes;

        for (size_t i = 0; i < n; ++i) {
                *out++ = digits[b[i] >> 4];
                *out++ = digits[b[i] & 15];
        }
        *out = '\0';
}

ssize_t hex_decode(const char *text, size_t n, uint8_t *out)
{
        for (size_t i = 0; i < n; ++i) {
                int v = hex_digit(text[i]);

                if (v < 0)
                        return -EINVAL;
                if (i % 2)
                        out[i / 2] = (uint8_t)(out[i / 2] | v);
                else
                        out[i / 2] = (uint8_t)(v << 4);
        }
        return (ssize_t)((n + 1) / 2);
}
