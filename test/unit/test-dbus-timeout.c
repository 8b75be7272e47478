/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "fail-alloc.h"
#include "timeout.h"

/* What a main loop has. */
struct loop {
        unsigned added, removed, freed, adds_left;
};

static dbus_bool_t add(DBusTimeout *t, void *data)
{
        struct loop *l = data;

        g_assert_cmpint(dbus_timeout_get_interval(t), >, 0);
        if (l->adds_left-- == 0)
                return FALSE;
        l->added++;
        return TRUE;
}

static void removed(DBusTimeout *t, void *data)
{
        g_assert_cmpint(dbus_timeout_get_interval(t), >, 0);
        ((struct loop *)data)->removed++;
}

static void free_loop(void *data)
{
        ((struct loop *)data)->freed++;
}

static dbus_bool_t handle(void *data)
{
        return *(dbus_bool_t *)data;
}

static void test_getters(void)
{
        dbus_bool_t result = TRUE;
        struct loop first = {0}, second = {0};
        DBusTimeout *t = timeout_new(250, handle, &result);

        g_assert_cmpint(dbus_timeout_get_interval(t), ==, 250);
        g_assert_true(dbus_timeout_get_enabled(t));
        g_assert_true(dbus_timeout_handle(t));
        result = FALSE;
        g_assert_false(dbus_timeout_handle(t));
        g_assert_null(dbus_timeout_get_data(t));
        dbus_timeout_set_data(t, &first, free_loop);
        g_assert_true(dbus_timeout_get_data(t) == &first);
        dbus_timeout_set_data(t, &second, free_loop);
        g_assert_cmpuint(first.freed, ==, 1);
        g_assert_null(timeout_free(t));
        g_assert_cmpuint(second.freed, ==, 1);
}

static void test_loops(void)
{
        struct timeout_list list;
        struct loop a = {.adds_left = 100}, b = {.adds_left = 1};
        DBusTimeout *t[3];

        timeout_list_init(&list);
        for (int i = 0; i < 3; i++)
                t[i] = timeout_new(i + 1, handle, NULL);
        g_assert_true(timeout_list_add(&list, t[0]));
        g_assert_true(timeout_list_add(&list, t[1]));
        g_assert_true(timeout_list_set(&list, add, removed, NULL, &a, free_loop));
        g_assert_cmpuint(a.added, ==, 2);

        /* One that fails leaves no trace. */
        g_assert_false(timeout_list_set(&list, add, removed, NULL, &b, free_loop));
        g_assert_cmpuint(b.added, ==, 1);
        g_assert_cmpuint(b.removed, ==, 1);
        g_assert_cmpuint(b.freed, ==, 0);
        g_assert_cmpuint(a.removed, ==, 0);
        a.adds_left = 0;
        g_assert_false(timeout_list_add(&list, t[2]));
        g_assert_true(list_empty(&t[2]->of_all));

        b.adds_left = 100;
        g_assert_true(timeout_list_set(&list, add, removed, NULL, &b, free_loop));
        g_assert_cmpuint(a.removed, ==, 2);
        g_assert_cmpuint(a.freed, ==, 1);
        g_assert_true(timeout_list_add(&list, t[2]));
        g_assert_cmpuint(b.added, ==, 4);
        for (int i = 0; i < 3; i++) {
                timeout_list_remove(&list, t[i]);
                timeout_free(t[i]);
        }
        g_assert_cmpuint(b.removed, ==, 4);
        g_assert_true(list_empty(&list.timeouts));
        g_assert_true(timeout_list_set(&list, NULL, NULL, NULL, NULL, NULL));
        g_assert_cmpuint(b.freed, ==, 1);
}

static void test_no_memory(void)
{
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("no allocation can be made to fail");
                return;
        }
        fail_alloc_after(0);
        g_assert_null(timeout_new(1, handle, NULL));
        g_assert_true(fail_alloc_end());
        g_assert_null(timeout_free(NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dbus-timeout/getters", test_getters);
        g_test_add_func("/dbus-timeout/loops", test_loops);
        g_test_add_func("/dbus-timeout/no-memory", test_no_memory);
        return g_test_run();
}
