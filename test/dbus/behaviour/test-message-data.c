/* SPDX-License-Identifier: MIT */
/* Data that applications attach to messages. */

#include "harness.h"

static unsigned n_freed;
static void *last_freed;

static void count_free(void *data)
{
        n_freed += 1;
        last_freed = data;
}

static void reset(void)
{
        n_freed = 0;
        last_freed = NULL;
}

static DBusMessage *a_message(void)
{
        return dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);
}

static void slot(void)
{
        dbus_int32_t one = -1;

        g_assert_true(dbus_message_allocate_data_slot(&one));
        g_assert_cmpint(one, >=, 0);
        dbus_message_free_data_slot(&one);
        g_assert_cmpint(one, ==, -1);
}

static void slot_counts_references(void)
{
        dbus_int32_t one = -1, saved;

        g_assert_true(dbus_message_allocate_data_slot(&one));
        saved = one;
        g_assert_true(dbus_message_allocate_data_slot(&one));
        g_assert_cmpint(one, ==, saved);
        dbus_message_free_data_slot(&one);
        g_assert_cmpint(one, ==, saved);
        dbus_message_free_data_slot(&one);
        g_assert_cmpint(one, ==, -1);
}

static void slots_differ(void)
{
        dbus_int32_t slots[20];

        for (size_t i = 0; i < G_N_ELEMENTS(slots); i++) {
                slots[i] = -1;
                g_assert_true(dbus_message_allocate_data_slot(&slots[i]));
                for (size_t k = 0; k < i; k++)
                        g_assert_cmpint(slots[i], !=, slots[k]);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(slots); i++)
                dbus_message_free_data_slot(&slots[i]);
}

static void set_and_get(void)
{
        dbus_int32_t one = -1;
        DBusMessage *m = a_message();
        int data = 5;

        reset();
        dbus_message_allocate_data_slot(&one);
        g_assert_null(dbus_message_get_data(m, one));
        g_assert_true(dbus_message_set_data(m, one, &data, count_free));
        g_assert_true(dbus_message_get_data(m, one) == &data);
        g_assert_cmpuint(n_freed, ==, 0);
        dbus_message_unref(m);
        g_assert_cmpuint(n_freed, ==, 1);
        g_assert_true(last_freed == &data);
        dbus_message_free_data_slot(&one);
}

static void replaced(void)
{
        dbus_int32_t one = -1;
        DBusMessage *m = a_message();
        int first = 1, second = 2;

        reset();
        dbus_message_allocate_data_slot(&one);
        dbus_message_set_data(m, one, &first, count_free);
        dbus_message_set_data(m, one, &second, count_free);
        g_assert_cmpuint(n_freed, ==, 1);
        g_assert_true(last_freed == &first);
        g_assert_true(dbus_message_get_data(m, one) == &second);
        dbus_message_set_data(m, one, NULL, NULL);
        g_assert_cmpuint(n_freed, ==, 2);
        g_assert_null(dbus_message_get_data(m, one));
        dbus_message_unref(m);
        g_assert_cmpuint(n_freed, ==, 2);
        dbus_message_free_data_slot(&one);
}

static void without_free_function(void)
{
        dbus_int32_t one = -1;
        DBusMessage *m = a_message();
        int data = 1;

        dbus_message_allocate_data_slot(&one);
        g_assert_true(dbus_message_set_data(m, one, &data, NULL));
        g_assert_true(dbus_message_get_data(m, one) == &data);
        dbus_message_unref(m);
        dbus_message_free_data_slot(&one);
}

static void slot_freed_first(void)
{
        dbus_int32_t one = -1;
        DBusMessage *m = a_message();
        int data = 1;

        reset();
        dbus_message_allocate_data_slot(&one);
        dbus_message_set_data(m, one, &data, count_free);
        dbus_message_free_data_slot(&one);
        note("freed with the slot: %u", n_freed);
        dbus_message_unref(m);
        g_assert_cmpuint(n_freed, ==, 1);
}

static void messages_are_separate(void)
{
        dbus_int32_t one = -1, two = -1;
        DBusMessage *m = a_message(), *other = a_message();
        int data[3] = {0};

        reset();
        dbus_message_allocate_data_slot(&one);
        dbus_message_allocate_data_slot(&two);
        dbus_message_set_data(m, one, &data[0], count_free);
        dbus_message_set_data(m, two, &data[1], count_free);
        dbus_message_set_data(other, one, &data[2], count_free);
        g_assert_true(dbus_message_get_data(m, one) == &data[0]);
        g_assert_true(dbus_message_get_data(m, two) == &data[1]);
        g_assert_true(dbus_message_get_data(other, one) == &data[2]);
        g_assert_null(dbus_message_get_data(other, two));
        dbus_message_unref(m);
        g_assert_cmpuint(n_freed, ==, 2);
        dbus_message_unref(other);
        g_assert_cmpuint(n_freed, ==, 3);
        dbus_message_free_data_slot(&one);
        dbus_message_free_data_slot(&two);
}

static void not_copied(void)
{
        dbus_int32_t one = -1;
        DBusMessage *m = a_message(), *copy;
        int data = 1;

        dbus_message_allocate_data_slot(&one);
        dbus_message_set_data(m, one, &data, NULL);
        copy = dbus_message_copy(m);
        g_assert_null(dbus_message_get_data(copy, one));
        dbus_message_unref(copy);
        dbus_message_unref(m);
        dbus_message_free_data_slot(&one);
}

static void none_left_over(void)
{
        dbus_int32_t one = -1;
        int data = 1;

        reset();
        dbus_message_allocate_data_slot(&one);
        for (unsigned i = 0; i < 20; i++) {
                DBusMessage *m = a_message();

                g_assert_null(dbus_message_get_data(m, one));
                dbus_message_set_data(m, one, &data, count_free);
                dbus_message_unref(m);
                g_assert_cmpuint(n_freed, ==, i + 1);
        }
        dbus_message_free_data_slot(&one);
}

/* A locked message is not modified by this. */
static void on_locked(void)
{
        dbus_int32_t one = -1;
        DBusMessage *m = a_message();
        int data = 1;

        dbus_message_allocate_data_slot(&one);
        dbus_message_lock(m);
        g_assert_true(dbus_message_set_data(m, one, &data, NULL));
        g_assert_true(dbus_message_get_data(m, one) == &data);
        dbus_message_unref(m);
        dbus_message_free_data_slot(&one);
}

static DBusMessage *seen_by_free;
static dbus_int32_t slot_of_free = -1;

static void look_at_message(void *data)
{
        seen_by_free = data;
}

static void free_function_gets_data(void)
{
        DBusMessage *m = a_message(), *other = a_message();

        dbus_message_allocate_data_slot(&slot_of_free);
        /* A reference to another message, as bindings hold them. */
        dbus_message_set_data(m, slot_of_free, other, (DBusFreeFunction)dbus_message_unref);
        dbus_message_unref(m);
        m = a_message();
        dbus_message_set_data(m, slot_of_free, m, look_at_message);
        seen_by_free = NULL;
        dbus_message_unref(m);
        g_assert_nonnull(seen_by_free);
        dbus_message_free_data_slot(&slot_of_free);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/slot/allocate", slot},
                {"/slot/references", slot_counts_references},
                {"/slot/differ", slots_differ},
                {"/slot/freed-first", slot_freed_first},
                {"/data/set-get", set_and_get},
                {"/data/replaced", replaced},
                {"/data/no-free-function", without_free_function},
                {"/data/separate", messages_are_separate},
                {"/data/not-copied", not_copied},
                {"/data/none-left-over", none_left_over},
                {"/data/locked", on_locked},
                {"/data/free-function", free_function_gets_data},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
