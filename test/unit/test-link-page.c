/* SPDX-License-Identifier: MIT */
#include "link/page.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sys/mman.h>
#include <unistd.h>

static void test_clock(void)
{
        const struct link_clock *seen;
        struct link_clock *page;
        int fd = link_clock_new(&page);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
        g_assert_cmpint(link_clock_map(fd, &seen), ==, 0);
        link_counter_store(&page->routed, 1);
        link_counter_store(&page->queued, 2);
        link_counter_store(&page->names, 3);
        g_assert_cmpuint(link_counter_load(&seen->routed), ==, 1);
        g_assert_cmpuint(link_counter_load(&seen->queued), ==, 2);
        g_assert_cmpuint(link_counter_load(&seen->names), ==, 3);
        /* As the document has it. */
        g_assert_cmpuint(((const uint64_t *)seen)[64 / 8], ==, 2);
        g_assert_cmpuint(((const uint64_t *)seen)[128 / 8], ==, 3);
        /* Nobody else can write it, nor resize it. */
        g_assert_true(mmap(NULL, LINK_PAGE_SIZE, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
        g_assert_cmpint(pwrite(fd, "x", 1, 0), <, 0);
        g_assert_cmpint(ftruncate(fd, 0), <, 0);
        g_assert_cmpint(fcntl(fd, F_ADD_SEALS, 0), <, 0);
        link_page_unmap(seen);
        link_page_unmap(page);
        close(fd);
}

static void test_tallies(void)
{
        const struct link_tallies *seen;
        struct link_tallies *page;
        int fd = link_tallies_new(&seen);

        g_assert_cmpint(fd, >=, 0);
        g_assert_cmpint(link_tallies_map(fd, &page), ==, 0);
        page->of[LINK_N_TALLIES - 1].messages = 7;
        g_assert_cmpuint(seen->of[LINK_N_TALLIES - 1].messages, ==, 7);
        g_assert_cmpint(ftruncate(fd, 0), <, 0);
        link_page_unmap(page);
        link_page_unmap(seen);
        close(fd);
}

/* One that could be cut off below whoever looks at it is not mapped. */
static void test_unsealed(void)
{
        int fd = memfd_create("page", MFD_ALLOW_SEALING | MFD_CLOEXEC), null;
        const struct link_clock *clock;
        struct link_tallies *tallies;

        g_assert_cmpint(ftruncate(fd, LINK_PAGE_SIZE), ==, 0);
        g_assert_cmpint(link_clock_map(fd, &clock), <, 0);
        g_assert_cmpint(link_tallies_map(fd, &tallies), <, 0);
        close(fd);
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        g_assert_cmpint(link_clock_map(null, &clock), <, 0);
        close(null);
        g_assert_cmpint(link_clock_map(-1, &clock), <, 0);
}

/* Sealed, but too small to be looked at. */
static void test_small(void)
{
        int fd = memfd_create("page", MFD_ALLOW_SEALING | MFD_CLOEXEC);
        const struct link_clock *clock;

        g_assert_cmpint(ftruncate(fd, 100), ==, 0);
        g_assert_cmpint(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), ==, 0);
        g_assert_cmpint(link_clock_map(fd, &clock), <, 0);
        close(fd);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-page/clock", test_clock);
        g_test_add_func("/link-page/tallies", test_tallies);
        g_test_add_func("/link-page/unsealed", test_unsealed);
        g_test_add_func("/link-page/small", test_small);
        return g_test_run();
}
