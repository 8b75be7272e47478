/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "fail-alloc.h"
#include "watch.h"

/* What a main loop was told, as text: +1 added, -1 removed, ~1 toggled, of the watch with flags 1.
 */
struct loop {
        char log[64];
        unsigned adds_left; /* before one fails */
        unsigned freed;
};

static void note(struct loop *l, char what, DBusWatch *w)
{
        size_t n = strlen(l->log);

        g_assert_cmpuint(n + 3, <, sizeof(l->log));
        l->log[n] = what;
        l->log[n + 1] = (char)('0' + dbus_watch_get_flags(w));
        l->log[n + 2] = '\0';
}

static dbus_bool_t add(DBusWatch *w, void *data)
{
        struct loop *l = data;

        note(l, '+', w);
        return l->adds_left-- > 0;
}

static void removed(DBusWatch *w, void *data)
{
        note(data, '-', w);
}

static void toggled(DBusWatch *w, void *data)
{
        note(data, '~', w);
}

static void free_loop(void *data)
{
        ((struct loop *)data)->freed++;
}

static void assert_log(struct loop *l, const char *expected)
{
        g_assert_cmpstr(l->log, ==, expected);
        l->log[0] = '\0';
}

static unsigned handled_flags;

static dbus_bool_t handle(DBusWatch *w, unsigned flags, void *data)
{
        g_assert_nonnull(w);
        handled_flags = flags;
        return *(dbus_bool_t *)data;
}

static dbus_bool_t enough_memory = TRUE;

struct fixture {
        struct watch_list list;
        DBusWatch *read, *write;
};

static void set_up(struct fixture *f, gconstpointer unused)
{
        (void)unused;
        watch_list_init(&f->list);
        f->read = watch_new(3, DBUS_WATCH_READABLE, true, handle, &enough_memory);
        f->write = watch_new(3, DBUS_WATCH_WRITABLE, false, handle, &enough_memory);
        g_assert_true(watch_list_add(&f->list, f->read));
        g_assert_true(watch_list_add(&f->list, f->write));
}

static void tear_down(struct fixture *f, gconstpointer unused)
{
        (void)unused;
        watch_list_remove(&f->list, f->read);
        watch_list_remove(&f->list, f->write);
        g_assert_true(list_empty(&f->list.watches));
        watch_free(f->read);
        watch_free(f->write);
        slot_value_free(&f->list.data);
}

static void test_getters(struct fixture *f, gconstpointer unused)
{
        struct loop first = {0}, second = {0};

        (void)unused;
        g_assert_cmpint(dbus_watch_get_unix_fd(f->read), ==, 3);
        g_assert_cmpint(dbus_watch_get_socket(f->read), ==, 3);
        g_assert_true(dbus_watch_get_enabled(f->read));
        g_assert_false(dbus_watch_get_enabled(f->write));
        g_assert_null(dbus_watch_get_data(f->read));
        dbus_watch_set_data(f->read, &first, free_loop);
        g_assert_true(dbus_watch_get_data(f->read) == &first);
        dbus_watch_set_data(f->read, &second, free_loop);
        g_assert_cmpuint(first.freed, ==, 1);
        dbus_watch_set_data(f->read, NULL, NULL);
        g_assert_cmpuint(second.freed, ==, 1);
}

static void test_handle(struct fixture *f, gconstpointer unused)
{
        static const struct {
                unsigned told, handled; /* handled 0: not called */
        } cases[] = {
                {0, 0},
                {DBUS_WATCH_READABLE, DBUS_WATCH_READABLE},
                {DBUS_WATCH_WRITABLE, 0},
                {DBUS_WATCH_READABLE | DBUS_WATCH_WRITABLE, DBUS_WATCH_READABLE},
                {DBUS_WATCH_HANGUP, DBUS_WATCH_HANGUP},
                {DBUS_WATCH_ERROR | 64, DBUS_WATCH_ERROR},
                {64, 0},
        };

        (void)unused;
        for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
                handled_flags = 0;
                g_assert_true(dbus_watch_handle(f->read, cases[i].told));
                g_assert_cmpuint(handled_flags, ==, cases[i].handled);
        }
        enough_memory = FALSE;
        g_assert_false(dbus_watch_handle(f->read, DBUS_WATCH_READABLE));
        enough_memory = TRUE;
}

static void test_loops(struct fixture *f, gconstpointer unused)
{
        struct loop a = {.adds_left = 100}, b = {.adds_left = 100};
        DBusWatch *more;

        (void)unused;
        g_assert_true(watch_list_set(&f->list, add, removed, toggled, &a, free_loop));
        assert_log(&a, "+1+2");
        watch_list_toggle(&f->list, f->write, false);
        assert_log(&a, "");
        watch_list_toggle(&f->list, f->write, true);
        assert_log(&a, "~2");
        g_assert_true(dbus_watch_get_enabled(f->write));

        more = watch_new(4, DBUS_WATCH_READABLE | DBUS_WATCH_WRITABLE, true, handle, NULL);
        g_assert_true(watch_list_add(&f->list, more));
        assert_log(&a, "+3");
        watch_list_remove(&f->list, more);
        assert_log(&a, "-3");
        g_assert_null(watch_free(more));

        g_assert_true(watch_list_set(&f->list, add, removed, toggled, &b, free_loop));
        assert_log(&b, "+1+2");
        assert_log(&a, "-1-2");
        g_assert_cmpuint(a.freed, ==, 1);

        /* Every function may be missing. */
        g_assert_true(watch_list_set(&f->list, NULL, NULL, NULL, NULL, NULL));
        assert_log(&b, "-1-2");
        g_assert_cmpuint(b.freed, ==, 1);
        watch_list_toggle(&f->list, f->write, false);
        a = (struct loop){.adds_left = 100};
        g_assert_true(watch_list_set(&f->list, add, NULL, NULL, &a, NULL));
        assert_log(&a, "+1+2");
}

static void test_loop_without_memory(struct fixture *f, gconstpointer unused)
{
        struct loop a = {.adds_left = 100}, b = {0};
        DBusWatch *more;

        (void)unused;
        g_assert_true(watch_list_set(&f->list, add, removed, toggled, &a, free_loop));
        assert_log(&a, "+1+2");

        /* The new loop has nothing afterwards, and its data is the caller's; the old one goes on.
         */
        g_assert_false(watch_list_set(&f->list, add, removed, toggled, &b, free_loop));
        assert_log(&b, "+1");
        b.adds_left = 1;
        g_assert_false(watch_list_set(&f->list, add, removed, toggled, &b, free_loop));
        assert_log(&b, "+1+2-1");
        b.adds_left = 1;
        g_assert_false(watch_list_set(&f->list, add, NULL, NULL, &b, free_loop));
        assert_log(&b, "+1+2");
        g_assert_cmpuint(b.freed, ==, 0);
        assert_log(&a, "");
        watch_list_toggle(&f->list, f->write, true);
        assert_log(&a, "~2");

        a.adds_left = 0;
        more = watch_new(4, DBUS_WATCH_READABLE | DBUS_WATCH_WRITABLE, true, handle, NULL);
        g_assert_false(watch_list_add(&f->list, more));
        assert_log(&a, "+3");
        g_assert_true(list_empty(&more->of_all));
        watch_free(more);
        watch_list_set(&f->list, NULL, NULL, NULL, NULL, NULL);
}

static void test_no_memory(void)
{
        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("no allocation can be made to fail");
                return;
        }
        fail_alloc_after(0);
        g_assert_null(watch_new(3, DBUS_WATCH_READABLE, true, handle, NULL));
        g_assert_true(fail_alloc_end());
        g_assert_null(watch_free(NULL));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add("/dbus-watch/getters", struct fixture, NULL, set_up, test_getters, tear_down);
        g_test_add("/dbus-watch/handle", struct fixture, NULL, set_up, test_handle, tear_down);
        g_test_add("/dbus-watch/loops", struct fixture, NULL, set_up, test_loops, tear_down);
        g_test_add("/dbus-watch/loop-without-memory", struct fixture, NULL, set_up,
                   test_loop_without_memory, tear_down);
        g_test_add_func("/dbus-watch/no-memory", test_no_memory);
        return g_test_run();
}
