/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>

#include "core/hex.h"

static void test_digit(void)
{
        static const char lower[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
        unsigned n_digits = 0;

        for (int i = 0; i < 16; i++) {
                g_assert_cmpint(hex_digit(lower[i]), ==, i);
                g_assert_cmpint(hex_digit(upper[i]), ==, i);
        }
        for (int c = -128; c < 128; c++)
                n_digits += hex_digit((char)c) >= 0;
        g_assert_cmpuint(n_digits, ==, 22);
}

static void test_encode(void)
{
        char out[11];

        hex_encode("\x00\x01\x7f\x80\xff", 5, out);
        g_assert_cmpstr(out, ==, "00017f80ff");
        hex_encode("", 0, out);
        g_assert_cmpstr(out, ==, "");
}

static void test_decode(void)
{
        static const struct {
                const char *text;
                ssize_t n;
                uint8_t bytes[4];
        } cases[] = {
                {"", 0, {0}},
                {"00", 1, {0}},
                {"ff", 1, {0xff}},
                {"aB09", 2, {0xab, 0x09}},
                {"deadbeef", 4, {0xde, 0xad, 0xbe, 0xef}},
                {"3", 1, {0x30}},
                {"313", 2, {0x31, 0x30}},
                {"g0", -EINVAL, {0}},
                {"0g", -EINVAL, {0}},
                {"0x30", -EINVAL, {0}},
                {"3 0", -EINVAL, {0}},
                {" 30", -EINVAL, {0}},
                {"30 ", -EINVAL, {0}},
                {"30\xc3", -EINVAL, {0}},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                uint8_t out[4];
                ssize_t n = hex_decode(cases[i].text, strlen(cases[i].text), out);

                g_assert_cmpint(n, ==, cases[i].n);
                if (n > 0)
                        g_assert_cmpmem(out, n, cases[i].bytes, n);
        }
}

static void test_round_trip(void)
{
        uint8_t bytes[256], back[256];
        char text[513];

        for (unsigned i = 0; i < 256; i++)
                bytes[i] = (uint8_t)i;
        hex_encode(bytes, sizeof(bytes), text);
        g_assert_cmpint(hex_decode(text, 512, back), ==, 256);
        g_assert_cmpmem(bytes, 256, back, 256);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/hex/digit", test_digit);
        g_test_add_func("/hex/encode", test_encode);
        g_test_add_func("/hex/decode", test_decode);
        g_test_add_func("/hex/round-trip", test_round_trip);
        return g_test_run();
}
