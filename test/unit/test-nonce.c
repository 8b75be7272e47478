/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "core/listen.h"
#include "core/nonce.h"

/* How long a nonce is. */
#define N LISTEN_NONCE_SIZE

static const uint8_t nonce[N] = "0123456789abcdef";

static void test_none(void)
{
        struct nonce_check c = {0};
        size_t taken = 7;

        g_assert_true(nonce_check_take(&c, NULL, nonce, N, &taken));
        g_assert_cmpuint(taken, ==, 0);
}

/* In pieces of any size, with something behind it. */
static void test_right(void)
{
        uint8_t bytes[2 * N];

        memcpy(bytes, nonce, N);
        memcpy(bytes + N, nonce, N);
        for (size_t piece = 1; piece <= 2 * N; ++piece) {
                struct nonce_check c;
                size_t at = 0, taken;

                nonce_check_init(&c);
                do {
                        g_assert_true(nonce_check_take(&c, nonce, bytes + at, piece, &taken));
                        at += taken;
                } while (taken == piece && c.left);
                g_assert_cmpuint(at, ==, N);
                g_assert_true(nonce_check_take(&c, nonce, bytes + N, 1, &taken));
                g_assert_cmpuint(taken, ==, 0);
        }
}

/* That is told with the last byte, whichever of them was wrong. */
static void test_wrong(void)
{
        for (size_t wrong = 0; wrong < N; ++wrong) {
                struct nonce_check c;
                size_t taken;

                nonce_check_init(&c);
                for (size_t i = 0; i < N; ++i) {
                        uint8_t byte = nonce[i] ^ (i == wrong);

                        g_assert_true(nonce_check_take(&c, nonce, &byte, 1, &taken) == (i + 1 < N));
                        g_assert_cmpuint(taken, ==, 1);
                }
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/nonce/none", test_none);
        g_test_add_func("/nonce/right", test_right);
        g_test_add_func("/nonce/wrong", test_wrong);
        return g_test_run();
}
