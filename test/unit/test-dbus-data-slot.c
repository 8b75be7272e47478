/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <stdlib.h>

#include "data-slot.h"
#include "fail-alloc.h"

static struct slot_space space = SLOT_SPACE_INIT;

/* Counts what was freed. */
static void count(void *data)
{
        ++*(unsigned *)data;
}

static void test_numbers(void)
{
        dbus_int32_t a = -1, b = -1, c = -1, again;

        g_assert_true(slot_allocate(&space, &a));
        g_assert_true(slot_allocate(&space, &b));
        g_assert_cmpint(a, ==, 0);
        g_assert_cmpint(b, ==, 1);
        again = a;
        g_assert_true(slot_allocate(&space, &again));
        g_assert_cmpint(again, ==, a);

        /* Two references: the first one that goes leaves the slot. */
        slot_free(&space, &again);
        g_assert_cmpint(again, ==, 0);
        g_assert_true(slot_is_allocated(&space, 0));
        slot_free(&space, &a);
        g_assert_cmpint(a, ==, -1);
        g_assert_false(slot_is_allocated(&space, 0));

        /* The lowest free number is the next. */
        g_assert_true(slot_allocate(&space, &c));
        g_assert_cmpint(c, ==, 0);
        slot_free(&space, &c);
        slot_free(&space, &b);
        g_assert_false(slot_is_allocated(&space, 1));
        g_assert_false(slot_is_allocated(&space, -1));
        g_assert_false(slot_is_allocated(&space, 100));
        g_assert_null(space.refs);
}

static void test_values(void)
{
        struct slot_values values = {0};
        struct slot_value old;
        unsigned freed_a = 0, freed_b = 0;

        g_assert_null(slot_get(&values, 3));
        g_assert_true(slot_set(&values, 3, &freed_a, count, &old));
        g_assert_null(old.data);
        g_assert_true(slot_get(&values, 3) == &freed_a);
        for (dbus_int32_t i = -1; i < 3; i++)
                g_assert_null(slot_get(&values, i));

        g_assert_true(slot_set(&values, 3, &freed_b, count, &old));
        g_assert_true(old.data == &freed_a);
        g_assert_cmpuint(freed_a, ==, 0);
        slot_value_free(&old);
        g_assert_cmpuint(freed_a, ==, 1);
        g_assert_true(slot_set(&values, 0, &freed_a, NULL, &old));

        slot_values_deinit(&values);
        g_assert_cmpuint(freed_a, ==, 1);
        g_assert_cmpuint(freed_b, ==, 1);
        g_assert_null(slot_get(&values, 3));
        slot_values_deinit(&values);
        g_assert_cmpuint(freed_b, ==, 1);
}

static struct slot_values own_values;

static void look_at_values(void *data)
{
        g_assert_null(slot_get(&own_values, 0));
        count(data);
}

/* A free function may use the object. */
static void test_reentrance(void)
{
        struct slot_value old;
        unsigned freed = 0;

        g_assert_true(slot_set(&own_values, 0, &freed, look_at_values, &old));
        slot_values_deinit(&own_values);
        g_assert_cmpuint(freed, ==, 1);
}

static void *allocate_and_free(void *unused)
{
        (void)unused;
        for (unsigned i = 0; i < 2000; i++) {
                dbus_int32_t slot = -1;

                g_assert_true(slot_allocate(&space, &slot));
                g_assert_true(slot_is_allocated(&space, slot));
                slot_free(&space, &slot);
                g_assert_cmpint(slot, ==, -1);
        }
        return NULL;
}

static void test_threads(void)
{
        GThread *threads[4];

        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                threads[i] = g_thread_new("slots", allocate_and_free, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); i++)
                g_thread_join(threads[i]);
        g_assert_null(space.refs);
}

static void test_no_memory(void)
{
        dbus_int32_t slot = -1;
        struct slot_values values = {0};
        struct slot_value old;
        unsigned freed = 0;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("no allocation can be made to fail");
                return;
        }
        fail_alloc_after(0);
        g_assert_false(slot_allocate(&space, &slot));
        g_assert_true(fail_alloc_end());
        g_assert_cmpint(slot, ==, -1);
        g_assert_true(slot_allocate(&space, &slot));

        fail_alloc_after(0);
        g_assert_false(slot_set(&values, slot, &freed, count, &old));
        g_assert_true(fail_alloc_end());
        g_assert_null(old.free_data);
        g_assert_null(slot_get(&values, slot));

        /* What is there can be changed without memory. */
        g_assert_true(slot_set(&values, slot, &freed, count, &old));
        fail_alloc_after(0);
        g_assert_true(slot_set(&values, slot, &slot, NULL, &old));
        g_assert_false(fail_alloc_end());
        slot_value_free(&old);
        g_assert_cmpuint(freed, ==, 1);
        slot_values_deinit(&values);
        slot_free(&space, &slot);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dbus-data-slot/numbers", test_numbers);
        g_test_add_func("/dbus-data-slot/values", test_values);
        g_test_add_func("/dbus-data-slot/reentrance", test_reentrance);
        g_test_add_func("/dbus-data-slot/threads", test_threads);
        g_test_add_func("/dbus-data-slot/no-memory", test_no_memory);
        return g_test_run();
}
