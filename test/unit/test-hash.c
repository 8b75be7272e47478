/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "core/hash.h"
#include "fail-alloc.h"

/* SipHash-1-3 of the bytes 0, 1, 2, ... n - 1, made with CPython 3.11, whose str hash it is (the
 * key follows from PYTHONHASHSEED: 0 and 42). */
static const struct {
        struct hash_key key;
        size_t n;
        uint64_t hash;
} vectors[] = {
        {{0, 0}, 1, 0x68a914128e01e473},
        {{0, 0}, 2, 0x010bac45c41e3669},
        {{0, 0}, 7, 0x2f098ab0c751325a},
        {{0, 0}, 8, 0xead411e67ebe2eea},
        {{0, 0}, 9, 0x75927f9d95124362},
        {{0, 0}, 15, 0xf30eb725bb91c9ea},
        {{0, 0}, 16, 0x8972188433a5c5b7},
        {{0, 0}, 255, 0x5dc1f93ea135eb43},
        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 1, 0xce880c366bcf3489},
        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 17, 0xed2706b414c296f1},
        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 31, 0x06f3af51bda71c61},
        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 64, 0x91639ef7de8d52cb},
        {{0xdc504fd368cd90af, 0xb920bb9ffe99e9c1}, 255, 0xd02008474fae02c8},
};

static void test_vectors(void)
{
        uint8_t bytes[256 + 1];

        /* Odd addresses too: nothing says that what is hashed is aligned. */
        for (unsigned shift = 0; shift < 2; shift++) {
                for (unsigned i = 0; i < 256; i++)
                        bytes[shift + i] = (uint8_t)i;
                for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++)
                        g_assert_cmphex(hash_bytes(&vectors[i].key, bytes + shift, vectors[i].n),
                                        ==, vectors[i].hash);
        }
}

static void test_keys_differ(void)
{
        struct hash_key a, b;

        hash_key_init(&a);
        hash_key_init(&b);
        g_assert_true(a.k0 != b.k0 || a.k1 != b.k1);
        g_assert_cmphex(hash_bytes(&a, "", 0), !=, hash_bytes(&b, "", 0));
}

struct element {
        struct hash_link link;
        bool inserted;
};

static bool contains(const struct hash_table *t, const struct hash_link *link, uint64_t hash)
{
        for (struct hash_link *l = hash_first(t, hash); l; l = l->next)
                if (l == link)
                        return true;
        return false;
}

/* Inserts and removes at random and compares with what should be in there. */
static void test_random(void)
{
        struct hash_table t = {};
        struct element *e = g_new0(struct element, 3000);
        size_t n = 0, range = 3000, largest = 0;

        for (unsigned step = 0; step < 60000; step++) {
                unsigned i = (unsigned)g_test_rand_int_range(0, 3000);
                uint64_t hash = (uint64_t)i * 0x9e3779b97f4a7c15 % 1000; /* some collide fully */

                if (step == 30000)
                        range = 10; /* from here on it empties */
                if (!e[i].inserted && i < range) {
                        g_assert_cmpint(hash_insert(&t, &e[i].link, hash), ==, 0);
                        n++;
                        e[i].inserted = true;
                } else if (e[i].inserted && (i % 3 == 0 || range == 10)) {
                        hash_remove(&t, &e[i].link);
                        n--;
                        e[i].inserted = false;
                }
                largest = MAX(largest, t.n_buckets);
                g_assert_cmpuint(t.n_elements, ==, n);
                g_assert_true(contains(&t, &e[i].link, hash) == e[i].inserted);
        }
        for (unsigned i = 0; i < 3000; i++)
                g_assert_true(contains(&t, &e[i].link, (uint64_t)i * 0x9e3779b97f4a7c15 % 1000) ==
                              e[i].inserted);
        g_assert_cmpuint(largest, >=, 2048);
        g_assert_cmpuint(t.n_buckets, <=, 128);
        hash_deinit(&t);
        g_assert_null(t.buckets);
        g_assert_null(hash_first(&t, 0));
        g_free(e);
}

/* No chain may be long, however many elements there are. */
static void test_large(void)
{
        enum { N = 262144 };
        struct hash_key key;
        struct hash_table t = {};
        struct element *e = g_new0(struct element, N);
        size_t longest = 0;

        hash_key_init(&key);
        for (uint32_t i = 0; i < N; i++)
                g_assert_cmpint(hash_insert(&t, &e[i].link, hash_bytes(&key, &i, sizeof(i))), ==,
                                0);
        g_assert_cmpuint(t.n_buckets, ==, N);
        for (size_t i = 0; i < t.n_buckets; i++) {
                size_t length = 0;

                for (struct hash_link *l = t.buckets[i]; l; l = l->next)
                        length++;
                longest = MAX(longest, length);
        }
        g_assert_cmpuint(longest, <, 20);
        for (uint32_t i = 0; i < N; i++)
                hash_remove(&t, &e[i].link);
        g_assert_cmpuint(t.n_elements, ==, 0);
        g_assert_cmpuint(t.n_buckets, ==, 8);
        hash_deinit(&t);
        g_free(e);
}

static void test_no_memory(void)
{
        struct hash_table t = {};
        struct element *e = g_new0(struct element, 100);
        int r;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail here");
                g_free(e);
                return;
        }
        fail_alloc_after(0);
        r = hash_insert(&t, &e[0].link, 0);
        g_assert_true(fail_alloc_end());
        g_assert_cmpint(r, ==, -ENOMEM);
        g_assert_cmpuint(t.n_elements, ==, 0);

        for (unsigned i = 0; i < 100; i++) {
                fail_alloc_after(i ? 0 : 1);
                g_assert_cmpint(hash_insert(&t, &e[i].link, i), ==, 0);
                fail_alloc_end();
        }
        g_assert_cmpuint(t.n_buckets, ==, 8);
        for (unsigned i = 0; i < 100; i++)
                g_assert_true(contains(&t, &e[i].link, i));
        hash_deinit(&t);

        /* Shrinking may fail as well. */
        for (unsigned i = 0; i < 100; i++)
                g_assert_cmpint(hash_insert(&t, &e[i].link, i), ==, 0);
        for (unsigned i = 0; i < 100; i++) {
                fail_alloc_after(0);
                hash_remove(&t, &e[i].link);
                fail_alloc_end();
        }
        g_assert_cmpuint(t.n_buckets, ==, 128);
        g_assert_cmpuint(t.n_elements, ==, 0);
        hash_deinit(&t);
        g_free(e);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/hash/vectors", test_vectors);
        g_test_add_func("/hash/keys-differ", test_keys_differ);
        g_test_add_func("/hash/random", test_random);
        g_test_add_func("/hash/large", test_large);
        g_test_add_func("/hash/no-memory", test_no_memory);
        return g_test_run();
}
