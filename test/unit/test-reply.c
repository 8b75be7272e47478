/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "bus/reply.h"
#include "fail-alloc.h"

static void finish(struct reply_registry *r, struct reply_owner *o)
{
        while (!list_empty(&o->made))
                reply_done(r, container_of(o->made.next, struct reply, of_caller));
        while (!list_empty(&o->received))
                reply_done(r, container_of(o->received.next, struct reply, of_callee));
}

static void test_basics(void)
{
        struct reply_registry r;
        struct reply_owner a, b, c;
        struct reply *reply;

        reply_registry_init(&r);
        reply_owner_init(&a);
        reply_owner_init(&b);
        reply_owner_init(&c);

        g_assert_cmpint(reply_expect(&r, &a, 7, &b, 100), ==, 0);
        g_assert_cmpint(reply_expect(&r, &a, 7, &b, 200), ==, -EEXIST);
        /* The same serial to someone else, or from someone else, is another call. */
        g_assert_cmpint(reply_expect(&r, &a, 7, &c, 100), ==, 0);
        g_assert_cmpint(reply_expect(&r, &b, 7, &a, 100), ==, 0);
        g_assert_cmpint(reply_expect(&r, &a, 7, &a, 100), ==, 0);
        g_assert_cmpuint(a.n_made, ==, 3);
        g_assert_cmpuint(b.n_made, ==, 1);

        reply = reply_find(&r, &a, 7, &b);
        g_assert_nonnull(reply);
        g_assert_true(reply->caller == &a && reply->callee == &b && reply->serial == 7);
        g_assert_cmpuint(reply->deadline, ==, 100);
        g_assert_null(reply_find(&r, &a, 8, &b));
        g_assert_null(reply_find(&r, &c, 7, &b));

        reply_done(&r, reply);
        g_assert_null(reply_find(&r, &a, 7, &b));
        g_assert_nonnull(reply_find(&r, &b, 7, &a));
        g_assert_cmpuint(a.n_made, ==, 2);

        /* Oldest first on both sides. */
        reply = container_of(a.made.next, struct reply, of_caller);
        g_assert_true(reply->callee == &c);
        reply = container_of(a.received.next, struct reply, of_callee);
        g_assert_true(reply->caller == &b);

        finish(&r, &a);
        g_assert_true(list_empty(&b.made) && list_empty(&c.received));
        g_assert_cmpuint(b.n_made, ==, 0);
        g_assert_null(reply_soonest(&r));
        reply_registry_deinit(&r);
}

static void test_deadlines(void)
{
        static const uint64_t deadlines[] = {50, 10, UINT64_MAX, 30, 30, 5, UINT64_MAX, 70};
        static const uint32_t in_order[] = {5, 1, 3, 4, 0, 7};
        struct reply_registry r;
        struct reply_owner a, b;

        reply_registry_init(&r);
        reply_owner_init(&a);
        reply_owner_init(&b);
        for (uint32_t i = 0; i < G_N_ELEMENTS(deadlines); i++)
                g_assert_cmpint(reply_expect(&r, &a, i, &b, deadlines[i]), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(in_order); i++) {
                struct reply *reply = reply_soonest(&r);

                g_assert_nonnull(reply);
                g_assert_cmpuint(reply->serial, ==, in_order[i]);
                reply_done(&r, reply);
        }
        g_assert_null(reply_soonest(&r));
        g_assert_cmpuint(a.n_made, ==, 2);
        finish(&r, &b);
        g_assert_cmpuint(a.n_made, ==, 0);
        reply_registry_deinit(&r);
}

/* Entries are used again, but not kept without bound. */
static void test_spare(void)
{
        struct reply_registry r;
        struct reply_owner a, b;
        struct reply *first;

        reply_registry_init(&r);
        reply_owner_init(&a);
        reply_owner_init(&b);
        g_assert_cmpint(reply_expect(&r, &a, 1, &b, 1), ==, 0);
        first = reply_find(&r, &a, 1, &b);
        reply_done(&r, first);
        g_assert_cmpuint(r.n_spare, ==, 1);
        g_assert_cmpint(reply_expect(&r, &b, 2, &a, 1), ==, 0);
        g_assert_true(reply_find(&r, &b, 2, &a) == first);
        g_assert_cmpuint(r.n_spare, ==, 0);
        finish(&r, &a);

        for (uint32_t i = 1; i <= 5000; i++)
                g_assert_cmpint(reply_expect(&r, &a, i, &b, i), ==, 0);
        finish(&r, &b);
        g_assert_cmpuint(r.n_spare, ==, 1024);
        reply_registry_deinit(&r);
}

/* Against a plain array of all calls that are under way. */
static void test_random(void)
{
        enum { OWNERS = 5, SERIALS = 20 };
        struct reply_registry r;
        struct reply_owner o[OWNERS];
        uint64_t model[OWNERS][OWNERS][SERIALS] = {}; /* the deadline; 0: no call */

        reply_registry_init(&r);
        for (unsigned i = 0; i < OWNERS; i++)
                reply_owner_init(&o[i]);
        for (unsigned step = 0; step < 50000; step++) {
                unsigned a = (unsigned)g_test_rand_int_range(0, OWNERS);
                unsigned b = (unsigned)g_test_rand_int_range(0, OWNERS);
                unsigned s = (unsigned)g_test_rand_int_range(0, SERIALS);
                uint64_t deadline = (uint64_t)g_test_rand_int_range(1, 1000), soonest = UINT64_MAX;
                struct reply *reply = reply_find(&r, &o[a], s, &o[b]);

                g_assert_true(!!reply == !!model[a][b][s]);
                if (g_test_rand_int_range(0, 2)) {
                        g_assert_cmpint(reply_expect(&r, &o[a], s, &o[b], deadline), ==,
                                        reply ? -EEXIST : 0);
                        if (!reply)
                                model[a][b][s] = deadline;
                } else if (reply) {
                        g_assert_cmpuint(reply->deadline, ==, model[a][b][s]);
                        reply_done(&r, reply);
                        model[a][b][s] = 0;
                }
                for (unsigned i = 0; i < OWNERS * OWNERS * SERIALS; i++)
                        if ((&model[0][0][0])[i])
                                soonest = MIN(soonest, (&model[0][0][0])[i]);
                reply = reply_soonest(&r);
                g_assert_cmpuint(reply ? reply->deadline : UINT64_MAX, ==, soonest);
        }
        for (unsigned i = 0; i < OWNERS; i++)
                finish(&r, &o[i]);
        for (unsigned i = 0; i < OWNERS; i++)
                g_assert_cmpuint(o[i].n_made, ==, 0);
        g_assert_cmpuint(r.table.n_elements, ==, 0);
        reply_registry_deinit(&r);
}

static void test_no_memory(void)
{
        struct reply_owner a, b;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail here");
                return;
        }
        reply_owner_init(&a);
        reply_owner_init(&b);
        for (unsigned n = 0;; n++) {
                struct reply_registry r;
                bool failed;
                int e;

                reply_registry_init(&r);
                fail_alloc_after(n);
                e = reply_expect(&r, &a, 1, &b, 1);
                failed = fail_alloc_end();
                g_assert_cmpint(e, ==, failed ? -ENOMEM : 0);
                g_assert_true(!!reply_find(&r, &a, 1, &b) == !failed);
                g_assert_cmpuint(a.n_made, ==, failed ? 0 : 1);
                g_assert_true(list_empty(&b.received) == failed);
                finish(&r, &a);
                reply_registry_deinit(&r);
                if (!failed) {
                        g_assert_cmpuint(n, ==, 2);
                        break;
                }
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reply/basics", test_basics);
        g_test_add_func("/reply/deadlines", test_deadlines);
        g_test_add_func("/reply/spare", test_spare);
        g_test_add_func("/reply/random", test_random);
        g_test_add_func("/reply/no-memory", test_no_memory);
        return g_test_run();
}
