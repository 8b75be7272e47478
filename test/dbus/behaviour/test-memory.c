/* SPDX-License-Identifier: MIT */
/* dbus_malloc() and its kin. */

#include <stdint.h>
#include <string.h>

#include "harness.h"

static void allocate(void)
{
        static const size_t sizes[] = {1, 2, 7, 8, 16, 100, 4096, 1000000};

        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                char *p = dbus_malloc(sizes[i]);

                g_assert_nonnull(p);
                g_assert_cmpuint((uintptr_t)p % 8, ==, 0);
                memset(p, 0xaa, sizes[i]);
                dbus_free(p);
        }
}

static void allocate_zeroed(void)
{
        static const size_t sizes[] = {1, 2, 7, 8, 16, 100, 4096, 1000000};

        for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
                char *p = dbus_malloc0(sizes[i]);

                g_assert_nonnull(p);
                for (size_t k = 0; k < sizes[i]; k++)
                        g_assert_cmpint(p[k], ==, 0);
                dbus_free(p);
        }
}

static void nothing(void)
{
        g_assert_null(dbus_malloc(0));
        g_assert_null(dbus_malloc0(0));
        g_assert_null(dbus_realloc(NULL, 0));
        dbus_free(NULL);
        dbus_free_string_array(NULL);
}

static void too_much(void)
{
        volatile size_t much = SIZE_MAX / 2;
        char *p = dbus_malloc(5), *more;

        g_assert_null(dbus_malloc(much));
        g_assert_null(dbus_malloc0(much));
        memcpy(p, "text", 5);
        more = dbus_realloc(p, much);
        g_assert_null(more);
        /* It is still there. */
        g_assert_cmpstr(p, ==, "text");
        dbus_free(p);
}

static void reallocate(void)
{
        char *p = dbus_realloc(NULL, 5);

        g_assert_nonnull(p);
        memcpy(p, "text", 5);
        p = dbus_realloc(p, 100000);
        g_assert_cmpstr(p, ==, "text");
        p = dbus_realloc(p, 5);
        g_assert_cmpstr(p, ==, "text");
        g_assert_null(dbus_realloc(p, 0));
}

static void typed(void)
{
        struct pair {
                int a;
                double b;
        } *pairs = dbus_new(struct pair, 10), *zeros = dbus_new0(struct pair, 10);

        g_assert_nonnull(pairs);
        memset(pairs, 0xff, 10 * sizeof *pairs);
        for (size_t i = 0; i < 10; i++)
                g_assert_true(zeros[i].a == 0 && zeros[i].b == 0);
        dbus_free(pairs);
        dbus_free(zeros);
        g_assert_null(dbus_new(struct pair, 0));
}

static char *text(const char *from)
{
        char *p = dbus_malloc(strlen(from) + 1);

        memcpy(p, from, strlen(from) + 1);
        return p;
}

static void string_arrays(void)
{
        char **array = dbus_new0(char *, 3);

        array[0] = text("one");
        array[1] = text("two");
        dbus_free_string_array(array);
        array = dbus_new0(char *, 1);
        dbus_free_string_array(array);
}

static void use_and_shut_down(void)
{
        DBusMessage *m = dbus_message_new_signal("/a", "a.b", "C");

        g_assert_nonnull(m);
        dbus_message_unref(m);
        dbus_shutdown();
}

/* One may start over. */
static void shut_down(void)
{
        for (unsigned i = 0; i < 5; i++) {
                use_and_shut_down();
                g_assert_true(dbus_threads_init_default());
        }
        dbus_shutdown();
        dbus_shutdown();
}

static void slots_after_shut_down(void)
{
        dbus_int32_t slot = -1;

        g_assert_true(dbus_message_allocate_data_slot(&slot));
        dbus_message_free_data_slot(&slot);
        dbus_shutdown();
        g_assert_cmpint(slot, ==, -1);
        g_assert_true(dbus_message_allocate_data_slot(&slot));
        dbus_message_free_data_slot(&slot);
        dbus_shutdown();
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/memory/allocate", allocate},
                {"/memory/zeroed", allocate_zeroed},
                {"/memory/nothing", nothing},
                {"/memory/too-much", too_much},
                {"/memory/reallocate", reallocate},
                {"/memory/typed", typed},
                {"/memory/string-arrays", string_arrays},
                {"/shutdown/start-over", shut_down},
                {"/shutdown/slots", slots_after_shut_down},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
