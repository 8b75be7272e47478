/* SPDX-License-Identifier: MIT */
#include "link/merge.h"

#include <glib.h>

static struct link_arrival arrival(uint64_t stamp, uint64_t time)
{
        struct link_arrival a = {.stamp = stamp, .time = time};

        list_init(&a.in_order);
        return a;
}

static void test_stamps(void)
{
        struct link_arrival a = arrival(3, 1), b = arrival(2, 2);
        struct link_merge m;

        link_merge_init(&m);
        link_merge_add(&m, &a, 10);
        link_merge_add(&m, &b, 10);
        g_assert_null(link_merge_next(&m, UINT64_MAX));
        link_merge_cut(&m, UINT64_MAX);
        g_assert_null(link_merge_next(&m, 1));
        g_assert_true(link_merge_next(&m, 2) == &b);
        g_assert_null(link_merge_next(&m, 2));
        g_assert_true(link_merge_next(&m, 3) == &a);
        g_assert_false(link_merge_has_more(&m));
}

static void test_cut(void)
{
        struct link_arrival a = arrival(0, 5), b = arrival(0, 6), c = arrival(0, 5);
        struct link_merge m;

        link_merge_init(&m);
        link_merge_add(&m, &b, 10);
        link_merge_add(&m, &a, 10);
        link_merge_add(&m, &c, 10);
        link_merge_cut(&m, 5);
        g_assert_true(link_merge_next(&m, 0) == &a);
        g_assert_true(link_merge_next(&m, 0) == &c);
        g_assert_null(link_merge_next(&m, 0));
        g_assert_true(link_merge_has_more(&m));
        link_merge_cut(&m, 6);
        g_assert_true(link_merge_next(&m, 0) == &b);
}

static void test_lie(void)
{
        struct link_arrival a = arrival(0, UINT64_MAX), b = arrival(0, 9);
        struct link_merge m;

        link_merge_init(&m);
        link_merge_add(&m, &a, 7);
        g_assert_cmpuint(a.time, ==, 7);
        link_merge_add(&m, &b, 9);
        link_merge_cut(&m, 9);
        g_assert_true(link_merge_next(&m, 0) == &a);
        g_assert_true(link_merge_next(&m, 0) == &b);
}

/* Each comes out once, no earlier than its stamp, and each cut in the order of (stamp, time). */
static void test_random(void)
{
        enum { N = 200, ROUNDS = 200 };

        for (unsigned round = 0; round < ROUNDS; ++round) {
                struct link_arrival all[N], *got;
                uint64_t stamp = 0, time = 0, taken = 0;
                unsigned added = 0, n = 0;
                struct link_merge m;

                link_merge_init(&m);
                while (n < N) {
                        uint64_t cut = (uint64_t)g_test_rand_int_range(0, N);

                        for (unsigned i = 0; i < 20 && added < N; ++i, ++added) {
                                all[added] = arrival((uint64_t)g_test_rand_int_range(0, N),
                                                     (uint64_t)g_test_rand_int_range(0, N));
                                link_merge_add(&m, &all[added], N);
                        }
                        if (added == N) {
                                cut = UINT64_MAX;
                                taken = N;
                        }
                        link_merge_cut(&m, cut);
                        stamp = time = 0;
                        while ((got = link_merge_next(&m, taken))) {
                                g_assert_cmpuint(got->stamp, <=, taken);
                                g_assert_true(got->stamp > stamp ||
                                              (got->stamp == stamp && got->time >= time));
                                stamp = got->stamp;
                                time = got->time;
                                n += 1;
                        }
                        taken += taken < N;
                }
                g_assert_false(link_merge_has_more(&m));
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-merge/stamps", test_stamps);
        g_test_add_func("/link-merge/cut", test_cut);
        g_test_add_func("/link-merge/lie", test_lie);
        g_test_add_func("/link-merge/random", test_random);
        return g_test_run();
}
