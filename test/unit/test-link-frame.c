/* SPDX-License-Identifier: MIT */
#include "link/frame.h"

#include <glib.h>
#include <string.h>

static void test_round_trip(void)
{
        const struct link_frame f = {.size = 5, .stamp = 0x0102030405060708, .time = UINT64_MAX};
        uint8_t packet[LINK_FRAME_SIZE + 5];
        struct link_frame read;

        link_frame_write(&f, packet);
        g_assert_cmpint(link_frame_read(&read, packet, sizeof(packet)), ==, 0);
        g_assert_cmpuint(read.size, ==, f.size);
        g_assert_cmpuint(read.stamp, ==, f.stamp);
        g_assert_cmpuint(read.time, ==, f.time);
}

/* As the document has it: version, size, stamp, time. */
static void test_layout(void)
{
        const struct link_frame f = {.size = 0, .stamp = 2, .time = 3};
        uint8_t packet[LINK_FRAME_SIZE];
        uint32_t version, size;
        uint64_t stamp, time;

        link_frame_write(&f, packet);
        memcpy(&version, packet, 4);
        memcpy(&size, packet + 4, 4);
        memcpy(&stamp, packet + 8, 8);
        memcpy(&time, packet + 16, 8);
        g_assert_cmpuint(version, ==, 1);
        g_assert_cmpuint(size, ==, 0);
        g_assert_cmpuint(stamp, ==, 2);
        g_assert_cmpuint(time, ==, 3);
}

static void test_problems(void)
{
        const struct link_frame f = {.size = 8};
        uint8_t packet[LINK_FRAME_SIZE + 8];
        struct link_frame read;

        link_frame_write(&f, packet);
        for (size_t n = 0; n < LINK_FRAME_SIZE; ++n)
                g_assert_cmpint(link_frame_read(&read, packet, n), ==, LINK_FRAME_E_SHORT);
        for (size_t n = LINK_FRAME_SIZE; n < LINK_FRAME_SIZE + 8; ++n)
                g_assert_cmpint(link_frame_read(&read, packet, n), ==, LINK_FRAME_E_SIZE);
        packet[0] ^= 1;
        g_assert_cmpint(link_frame_read(&read, packet, sizeof(packet)), ==, LINK_FRAME_E_VERSION);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-frame/round-trip", test_round_trip);
        g_test_add_func("/link-frame/layout", test_layout);
        g_test_add_func("/link-frame/problems", test_problems);
        return g_test_run();
}
