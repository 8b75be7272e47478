/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "core/body.h"
#include "core/header.h"
#include "core/signature.h"
#include "raw.h"

#define BYTES(literal) (literal), sizeof(literal) - 1

struct sample {
        const char *signature;
        const char *bytes; /* little-endian */
        size_t size;
        int problem;
};

static const struct sample samples[] = {
        {"", BYTES(""), MESSAGE_OK},
        {"", BYTES("\0"), MESSAGE_BAD_LENGTH},
        {"y", BYTES("\xff"), MESSAGE_OK},
        {"y", BYTES(""), MESSAGE_BAD_LENGTH},
        {"b", BYTES("\1\0\0\0"), MESSAGE_OK},
        {"b", BYTES("\2\0\0\0"), MESSAGE_BAD_BOOLEAN},
        {"b", BYTES("\0\0\0\1"), MESSAGE_BAD_BOOLEAN},
        {"yn", BYTES("\1\0\2\2"), MESSAGE_OK},
        {"yn", BYTES("\1\1\2\2"), MESSAGE_BAD_PADDING},
        {"yu", BYTES("\1\0\0\0\2\2\2\2"), MESSAGE_OK},
        {"yu", BYTES("\1\0\0\1\2\2\2\2"), MESSAGE_BAD_PADDING},
        {"yt", BYTES("\1\0\0\0\0\0\0\0\2\2\2\2\2\2\2\2"), MESSAGE_OK},
        {"yt", BYTES("\1\0\0\0\0\1\0\0\2\2\2\2\2\2\2\2"), MESSAGE_BAD_PADDING},
        {"t", BYTES("\2\2\2\2\2\2\2"), MESSAGE_BAD_LENGTH},

        {"s", BYTES("\2\0\0\0ab\0"), MESSAGE_OK},
        {"s", BYTES("\2\0\0\0abc"), MESSAGE_BAD_STRING},
        {"s", BYTES("\2\0\0\0a\0\0"), MESSAGE_BAD_STRING},
        {"s", BYTES("\2\0\0\0\xc3\xa4\0"), MESSAGE_OK},
        {"s", BYTES("\2\0\0\0\xa4\xc3\0"), MESSAGE_BAD_STRING},
        {"s", BYTES("\3\0\0\0ab\0"), MESSAGE_BAD_LENGTH},
        {"s",
         BYTES("\xff\xff\xff\xff"
               "ab\0"),
         MESSAGE_BAD_LENGTH},
        {"s", BYTES("\0\0\0\0"), MESSAGE_BAD_LENGTH},
        {"s", BYTES("\0\0\0\0\0"), MESSAGE_OK},
        {"o", BYTES("\2\0\0\0/a\0"), MESSAGE_OK},
        {"o", BYTES("\2\0\0\0a/\0"), MESSAGE_BAD_PATH},
        {"o", BYTES("\0\0\0\0\0"), MESSAGE_BAD_PATH},
        {"g", BYTES("\5a{sv}\0"), MESSAGE_OK},
        {"g", BYTES("\0\0"), MESSAGE_OK},
        {"g", BYTES("\4a{sv\0"), MESSAGE_BAD_SIGNATURE},
        {"g", BYTES("\1y"), MESSAGE_BAD_LENGTH},
        {"g", BYTES("\1yy"), MESSAGE_BAD_STRING},
        {"g", BYTES(""), MESSAGE_BAD_LENGTH},

        {"yb", BYTES("\1\0\1\0\0\0\0\0"), MESSAGE_BAD_PADDING},
        {"ys", BYTES("\1\0\0\0\0\0\0\0\0"), MESSAGE_OK},
        {"ys", BYTES("\1\1\0\0\0\0\0\0\0"), MESSAGE_BAD_PADDING},
        {"yay", BYTES("\1\0\0\1\0\0\0\0"), MESSAGE_BAD_PADDING},

        {"v", BYTES("\1y\0\7"), MESSAGE_OK},
        {"v", BYTES("\1u\0\0\1\1\1\1"), MESSAGE_OK},
        {"v", BYTES("\1u\0\1\1\1\1\1"), MESSAGE_BAD_PADDING},
        {"v", BYTES("\0\0"), MESSAGE_BAD_VARIANT},
        {"v", BYTES("\2yy\0\1\1"), MESSAGE_BAD_VARIANT},
        {"v", BYTES("\1z\0\1"), MESSAGE_BAD_VARIANT},
        {"v", BYTES("\1y"), MESSAGE_BAD_LENGTH},
        {"vy", BYTES("\1v\0\1b\0\0\0\1\0\0\0\7"), MESSAGE_OK},

        {"ay", BYTES("\3\0\0\0abc"), MESSAGE_OK},
        {"ay", BYTES("\4\0\0\0abc"), MESSAGE_BAD_LENGTH},
        {"ay", BYTES("\2\0\0\0abc"), MESSAGE_BAD_LENGTH},
        {"an", BYTES("\3\0\0\0abc"), MESSAGE_BAD_LENGTH},
        {"at", BYTES("\0\0\0\0\0\0\0\0"), MESSAGE_OK},
        {"at", BYTES("\0\0\0\0"), MESSAGE_BAD_LENGTH},
        {"at", BYTES("\0\0\0\0\1\0\0\0"), MESSAGE_BAD_PADDING},
        {"at",
         BYTES("\10\0\0\0\0\0\0\0"
               "12345678"),
         MESSAGE_OK},
        {"at",
         BYTES("\4\0\0\0\0\0\0\0"
               "1234"),
         MESSAGE_BAD_LENGTH},
        {"ab", BYTES("\10\0\0\0\1\0\0\0\0\0\0\0"), MESSAGE_OK},
        {"ab", BYTES("\10\0\0\0\1\0\0\0\2\0\0\0"), MESSAGE_BAD_BOOLEAN},
        {"ah", BYTES("\4\0\0\0\1\0\0\0"), MESSAGE_OK},
        {"as", BYTES("\15\0\0\0\1\0\0\0a\0\0\0\0\0\0\0\0"), MESSAGE_OK},
        {"as", BYTES("\10\0\0\0\1\0\0\0a\0\0\0"), MESSAGE_BAD_LENGTH},
        {"as", BYTES("\10\0\0\0\4\0\0\0abcd\0"), MESSAGE_BAD_LENGTH},
        {"a(y)", BYTES("\11\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0\2"), MESSAGE_OK},
        {"a(y)", BYTES("\11\0\0\0\0\0\0\0\1\0\0\0\0\0\1\0\2"), MESSAGE_BAD_PADDING},
        {"a(y)", BYTES("\10\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0"), MESSAGE_BAD_LENGTH},
        {"a{yv}", BYTES("\5\0\0\0\0\0\0\0\1\1y\0\2"), MESSAGE_OK},
        {"aay", BYTES("\17\0\0\0\1\0\0\0a\0\0\0\3\0\0\0abc"), MESSAGE_OK},
        {"aay",
         BYTES("\14\0\0\0\0\0\0\0\5\0\0\0"
               "12345"),
         MESSAGE_BAD_LENGTH},
        {"aat", BYTES("\4\0\0\0\0\0\0\0"), MESSAGE_OK},
        {"(yu)", BYTES("\1\0\0\0\1\1\1\1"), MESSAGE_OK},
        {"y(y)", BYTES("\1\0\0\0\0\0\0\0\1"), MESSAGE_OK},
        {"y(y)", BYTES("\1\1\0\0\0\0\0\0\1"), MESSAGE_BAD_PADDING},
        {"y(y)", BYTES("\1\0\0\0"), MESSAGE_BAD_LENGTH},
        {"((y)s)y", BYTES("\1\0\0\0\0\0\0\0\0\5"), MESSAGE_OK},
        {"hh", BYTES("\5\0\0\0\xff\xff\xff\xff"), MESSAGE_OK},
};

/* A copy of exactly that size: sanitizers see each read behind its end. */
static int validate(const char *signature, const void *bytes, size_t size, char order)
{
        uint8_t *copy = malloc(size ? size : 1);
        int r;

        g_assert_nonnull(copy);
        memcpy(copy, bytes, size);
        r = body_validate(copy, size, signature, order);
        free(copy);
        return r;
}

static size_t skip_all(const char *signature, const void *bytes, char order)
{
        size_t at = 0;

        for (; *signature; signature += signature_next(signature))
                at = body_skip(bytes, at, signature, order);
        return at;
}

static void test_samples(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(samples); ++i) {
                const struct sample *s = &samples[i];
                int r = validate(s->signature, s->bytes, s->size, 'l');

                if (r != s->problem)
                        g_error("sample %zu, \"%s\": %s, not %s", i, s->signature,
                                message_problem_text(r), message_problem_text(s->problem));
                if (r)
                        continue;
                g_assert_cmpuint(skip_all(s->signature, s->bytes, 'l'), ==, s->size);
                for (size_t n = 0; n < s->size; ++n)
                        g_assert_cmpint(validate(s->signature, s->bytes, n, 'l'), !=, MESSAGE_OK);
        }
}

static void test_big_endian(void)
{
        static const struct sample big[] = {
                {"s", BYTES("\0\0\0\2ab\0"), MESSAGE_OK},
                {"s", BYTES("\2\0\0\0ab\0"), MESSAGE_BAD_LENGTH},
                {"b", BYTES("\0\0\0\1"), MESSAGE_OK},
                {"b", BYTES("\1\0\0\0"), MESSAGE_BAD_BOOLEAN},
                {"yt", BYTES("\1\0\0\0\0\0\0\0\2\2\2\2\2\2\2\2"), MESSAGE_OK},
                {"yt", BYTES("\1\0\0\0\0\0\0\1\2\2\2\2\2\2\2\2"), MESSAGE_BAD_PADDING},
                {"yu", BYTES("\1\0\0\1\2\2\2\2"), MESSAGE_BAD_PADDING},
                {"yq", BYTES("\1\1\2\2"), MESSAGE_BAD_PADDING},
                {"ab", BYTES("\0\0\0\4\0\0\0\1"), MESSAGE_OK},
                {"a{ys}v", BYTES("\0\0\0\11\0\0\0\0\1\0\0\0\0\0\0\0\0\1s\0\0\0\0\1a\0"),
                 MESSAGE_OK},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(big); ++i) {
                g_assert_cmpint(validate(big[i].signature, big[i].bytes, big[i].size, 'B'), ==,
                                big[i].problem);
                if (!big[i].problem)
                        g_assert_cmpuint(skip_all(big[i].signature, big[i].bytes, 'B'), ==,
                                         big[i].size);
        }
}

/* A value of type `type` in `depth` variants; `bytes` is it, aligned to what it needs. */
static int validate_in_variants(unsigned depth, const char *type, const void *bytes, size_t size)
{
        struct raw r = {.order = 'l'};

        for (unsigned i = 1; i < depth; ++i)
                raw_signature(&r, "v");
        raw_signature(&r, type);
        raw_align(&r, signature_alignment(*type));
        raw_put(&r, bytes, size);
        return validate("v", r.bytes, r.size, 'l');
}

static void test_depth(void)
{
        g_assert_cmpint(validate_in_variants(64, "y", BYTES("\1")), ==, MESSAGE_OK);
        g_assert_cmpint(validate_in_variants(65, "y", BYTES("\1")), ==, MESSAGE_BAD_DEPTH);
        g_assert_cmpint(validate_in_variants(63, "(y)", BYTES("\1")), ==, MESSAGE_OK);
        g_assert_cmpint(validate_in_variants(64, "(y)", BYTES("\1")), ==, MESSAGE_BAD_DEPTH);
        g_assert_cmpint(validate_in_variants(62, "((y))", BYTES("\1")), ==, MESSAGE_OK);
        g_assert_cmpint(validate_in_variants(63, "((y))", BYTES("\1")), ==, MESSAGE_BAD_DEPTH);
        g_assert_cmpint(validate_in_variants(63, "as", BYTES("\5\0\0\0\0\0\0\0\0")), ==,
                        MESSAGE_OK);
        g_assert_cmpint(validate_in_variants(64, "as", BYTES("\5\0\0\0\0\0\0\0\0")), ==,
                        MESSAGE_BAD_DEPTH);
        /* Elements that are not there, or of fixed size, are not deeper than their array. */
        g_assert_cmpint(validate_in_variants(64, "as", BYTES("\0\0\0\0")), ==, MESSAGE_OK);
        g_assert_cmpint(validate_in_variants(64, "ay", BYTES("\1\0\0\0a")), ==, MESSAGE_OK);
        g_assert_cmpint(validate_in_variants(64, "ab", BYTES("\4\0\0\0\1\0\0\0")), ==, MESSAGE_OK);
}

/* The members of a dict entry are two deeper than the array. */
static void test_dict_depth(void)
{
        for (unsigned depth = 61; depth <= 63; ++depth) {
                struct raw r = {.order = 'l'};

                for (unsigned i = 1; i < depth; ++i)
                        raw_signature(&r, "v");
                raw_signature(&r, "a{yy}");
                raw_u32(&r, 2);
                raw_align(&r, 8);
                raw_put(&r, "ab", 2);
                g_assert_cmpint(validate("v", r.bytes, r.size, 'l'), ==,
                                depth < 63 ? MESSAGE_OK : MESSAGE_BAD_DEPTH);
        }
}

static void test_long_array(void)
{
        size_t size = 4 + BODY_MAX_ARRAY_BYTES + 1;
        uint8_t *bytes = calloc(size, 1);

        g_assert_nonnull(bytes);
        store_u32(bytes, BODY_MAX_ARRAY_BYTES, 'l');
        g_assert_cmpint(body_validate(bytes, size - 1, "ay", 'l'), ==, MESSAGE_OK);
        store_u32(bytes, BODY_MAX_ARRAY_BYTES + 1, 'l');
        g_assert_cmpint(body_validate(bytes, size, "ay", 'l'), ==, MESSAGE_BAD_LENGTH);
        /* A string may be longer. */
        memset(bytes + 4, 'x', size - 5);
        store_u32(bytes, BODY_MAX_ARRAY_BYTES, 'l');
        g_assert_cmpint(body_validate(bytes, size, "s", 'l'), ==, MESSAGE_OK);
        free(bytes);
}

static void test_variant(void)
{
        static const uint8_t bytes[] = "\1v\0\1y\0\7";
        size_t at = 0;

        g_assert_cmpint(body_validate_variant(bytes, &at, 7, 'l', 62), ==, MESSAGE_OK);
        g_assert_cmpuint(at, ==, 7);
        at = 3;
        g_assert_cmpint(body_validate_variant(bytes, &at, 7, 'l', 0), ==, MESSAGE_OK);
        g_assert_cmpuint(at, ==, 7);
        at = 0;
        g_assert_cmpint(body_validate_variant(bytes, &at, 7, 'l', 63), ==, MESSAGE_BAD_DEPTH);
        at = 0;
        g_assert_cmpint(body_validate_variant(bytes, &at, 6, 'l', 0), ==, MESSAGE_BAD_LENGTH);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/body/samples", test_samples);
        g_test_add_func("/body/big-endian", test_big_endian);
        g_test_add_func("/body/depth", test_depth);
        g_test_add_func("/body/dict-depth", test_dict_depth);
        g_test_add_func("/body/long-array", test_long_array);
        g_test_add_func("/body/variant", test_variant);
        return g_test_run();
}
