/* SPDX-License-Identifier: MIT */
#include "core/random.h"

#include <errno.h>
#include <stdint.h>
#include <sys/random.h>

int random_bytes(void *bytes, size_t n)
{
        ssize_t r;

        /* Up to 256 bytes are never cut short (getrandom(2)). */
        do
                r = getrandom(bytes, n, 0);
        while (r < 0 && errno == EINTR);
        return r < 0 ? -errno : 0;
}

int random_name(char *text, size_t n)
{
        static const char alphabet[] =
                "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

        for (size_t i = 0; i < n; ++i) {
                uint16_t v;
                int r = random_bytes(&v, sizeof(v));

                if (r < 0)
                        return r;
                text[i] = alphabet[v % (sizeof(alphabet) - 1)];
        }
        text[n] = '\0';
        return 0;
}
