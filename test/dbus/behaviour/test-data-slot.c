/* SPDX-License-Identifier: MIT */
/* Data that applications hang on connections, pending calls and servers. */

#include <stdio.h>

#include "harness.h"
#include "misuse.h"
#include "peers.h"

/* What the three have in common. */
struct kind {
        const char *name;
        dbus_bool_t (*allocate)(dbus_int32_t *slot);
        void (*free_slot)(dbus_int32_t *slot);
        dbus_bool_t (*set)(void *object, dbus_int32_t slot, void *data, DBusFreeFunction f);
        void *(*get)(void *object, dbus_int32_t slot);
        void *(*make)(struct peers *p);
        void (*drop)(void *object);
};

static dbus_bool_t set_connection(void *object, dbus_int32_t slot, void *data, DBusFreeFunction f)
{
        return dbus_connection_set_data(object, slot, data, f);
}

static void *get_connection(void *object, dbus_int32_t slot)
{
        return dbus_connection_get_data(object, slot);
}

static void *make_connection(struct peers *p)
{
        return dbus_connection_open_private(p->address, NULL);
}

static void drop_connection(void *object)
{
        connection_end(object);
}

static dbus_bool_t set_pending(void *object, dbus_int32_t slot, void *data, DBusFreeFunction f)
{
        return dbus_pending_call_set_data(object, slot, data, f);
}

static void *get_pending(void *object, dbus_int32_t slot)
{
        return dbus_pending_call_get_data(object, slot);
}

static void *make_pending(struct peers *p)
{
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *pending = NULL;

        g_assert_true(dbus_connection_send_with_reply(p->client, m, &pending, -1));
        dbus_message_unref(m);
        return pending;
}

static void drop_pending(void *object)
{
        dbus_pending_call_cancel(object);
        dbus_pending_call_unref(object);
}

static dbus_bool_t set_server(void *object, dbus_int32_t slot, void *data, DBusFreeFunction f)
{
        return dbus_server_set_data(object, slot, data, f);
}

static void *get_server(void *object, dbus_int32_t slot)
{
        return dbus_server_get_data(object, slot);
}

static void *make_server(struct peers *p)
{
        g_autofree char *address = g_strdup_printf("unix:tmpdir=%s", p->directory);

        return dbus_server_listen(address, NULL);
}

static void drop_server(void *object)
{
        dbus_server_disconnect(object);
        dbus_server_unref(object);
}

static const struct kind kinds[] = {
        {"connection", dbus_connection_allocate_data_slot, dbus_connection_free_data_slot,
         set_connection, get_connection, make_connection, drop_connection},
        {"pending-call", dbus_pending_call_allocate_data_slot, dbus_pending_call_free_data_slot,
         set_pending, get_pending, make_pending, drop_pending},
        {"server", dbus_server_allocate_data_slot, dbus_server_free_data_slot, set_server,
         get_server, make_server, drop_server},
};

static int freed[4];

static void count(void *data)
{
        freed[(int *)data - freed]++;
}

static void forget(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(freed); i++)
                freed[i] = 0;
}

static void set_and_get(gconstpointer data)
{
        const struct kind *k = data;
        struct peers *p = peers_new(NULL);
        dbus_int32_t slot = -1;
        void *one = k->make(p), *two = k->make(p);

        forget();
        g_assert_true(k->allocate(&slot));
        g_assert_cmpint(slot, >=, 0);
        g_assert_null(k->get(one, slot));
        g_assert_true(k->set(one, slot, &freed[0], count));
        g_assert_true(k->get(one, slot) == &freed[0]);
        g_assert_null(k->get(two, slot));
        /* What was there before goes. */
        g_assert_true(k->set(one, slot, &freed[1], count));
        g_assert_cmpint(freed[0], ==, 1);
        g_assert_true(k->set(two, slot, &freed[2], NULL));
        g_assert_true(k->set(one, slot, NULL, NULL));
        g_assert_cmpint(freed[1], ==, 1);
        g_assert_null(k->get(one, slot));
        g_assert_true(k->set(one, slot, &freed[3], count));
        k->drop(one);
        k->drop(two);
        g_assert_cmpint(freed[3], ==, 1);
        g_assert_cmpint(freed[2], ==, 0);
        k->free_slot(&slot);
        g_assert_cmpint(slot, ==, -1);
        peers_free(p);
}

static void same_again(gconstpointer data)
{
        const struct kind *k = data;
        struct peers *p = peers_new(NULL);
        dbus_int32_t slot = -1;
        void *object = k->make(p);

        forget();
        g_assert_true(k->allocate(&slot));
        g_assert_true(k->set(object, slot, &freed[0], count));
        /* The same pointer is still freed before it is set. */
        g_assert_true(k->set(object, slot, &freed[0], count));
        g_assert_cmpint(freed[0], ==, 1);
        k->drop(object);
        g_assert_cmpint(freed[0], ==, 2);
        k->free_slot(&slot);
        peers_free(p);
}

/* Slots are counted; the last who frees one gets -1. */
static void counted(gconstpointer data)
{
        const struct kind *k = data;
        dbus_int32_t slot = -1, other = -1, same;

        g_assert_true(k->allocate(&slot));
        same = slot;
        g_assert_true(k->allocate(&slot));
        g_assert_cmpint(slot, ==, same);
        g_assert_true(k->allocate(&other));
        g_assert_cmpint(other, !=, slot);
        k->free_slot(&slot);
        g_assert_cmpint(slot, ==, same);
        k->free_slot(&slot);
        g_assert_cmpint(slot, ==, -1);
        k->free_slot(&other);
        g_assert_cmpint(other, ==, -1);
}

/* What was there when its slot went is freed with the object at last. */
static void slot_goes_first(gconstpointer data)
{
        const struct kind *k = data;
        struct peers *p = peers_new(NULL);
        dbus_int32_t slot = -1;
        void *object = k->make(p);

        forget();
        g_assert_true(k->allocate(&slot));
        g_assert_true(k->set(object, slot, &freed[0], count));
        k->free_slot(&slot);
        note("freed with the slot: %d", freed[0]);
        k->drop(object);
        g_assert_cmpint(freed[0], ==, 1);
        peers_free(p);
}

static void many(gconstpointer data)
{
        enum { N = 100 };
        const struct kind *k = data;
        struct peers *p = peers_new(NULL);
        dbus_int32_t slots[N];
        void *object = k->make(p);

        forget();
        for (int i = 0; i < N; i++) {
                slots[i] = -1;
                g_assert_true(k->allocate(&slots[i]));
                g_assert_true(k->set(object, slots[i], &freed[i % 4], count));
        }
        for (int i = 0; i < N; i++)
                g_assert_true(k->get(object, slots[i]) == &freed[i % 4]);
        k->drop(object);
        for (int i = 0; i < 4; i++)
                g_assert_cmpint(freed[i], ==, N / 4);
        for (int i = 0; i < N; i++)
                k->free_slot(&slots[i]);
        peers_free(p);
}

/* A free function that uses the object itself. */
static DBusConnection *used;

static void use_connection(void *data)
{
        note("in the free function: connected %d, data %d", dbus_connection_get_is_connected(used),
             dbus_connection_get_data(used, *(dbus_int32_t *)data) != NULL);
}

static void free_function_calls_back(void)
{
        struct peers *p = peers_new(NULL);
        dbus_int32_t slot = -1;

        g_assert_true(dbus_connection_allocate_data_slot(&slot));
        used = p->client;
        g_assert_true(dbus_connection_set_data(p->client, slot, &slot, use_connection));
        g_assert_true(dbus_connection_set_data(p->client, slot, NULL, NULL));
        dbus_connection_free_data_slot(&slot);
        peers_free(p);
}

static void misuse_not_allocated(void)
{
        struct peers *p = peers_new(NULL);

        printf("%d\n", dbus_connection_set_data(p->client, 77, p, NULL));
        printf("%d\n", dbus_connection_get_data(p->client, 77) != NULL);
}

static void misuse_negative(void)
{
        struct peers *p = peers_new(NULL);
        DBusPendingCall *pending = make_pending(p);

        printf("%d\n", dbus_connection_set_data(p->client, -1, p, NULL));
        printf("%d\n", dbus_connection_get_data(p->client, -1) != NULL);
        printf("%d\n", dbus_pending_call_set_data(pending, -1, p, NULL));
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*run)(gconstpointer);
        } tests[] = {
                {"set-and-get", set_and_get},
                {"same-again", same_again},
                {"counted", counted},
                {"slot-goes-first", slot_goes_first},
                {"many", many},
        };
        static const struct misuse misuses[] = {
                {"slot/not-allocated", misuse_not_allocated},
                {"slot/negative", misuse_negative},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds) * G_N_ELEMENTS(tests); i++) {
                const struct kind *k = &kinds[i / G_N_ELEMENTS(tests)];
                g_autofree char *path = g_strdup_printf("/data-slot/%s/%s", k->name,
                                                        tests[i % G_N_ELEMENTS(tests)].name);

                g_test_add_data_func(path, k, tests[i % G_N_ELEMENTS(tests)].run);
        }
        g_test_add_func("/data-slot/free-function-calls-back", free_function_calls_back);
        misuse_add(misuses);
        return g_test_run();
}
