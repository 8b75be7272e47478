/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "core/body.h"
#include "core/reader.h"
#include "raw.h"

static const char orders[] = {ORDER_LITTLE, ORDER_BIG};

/* Makes a message whose body is that of `values`, and reads from its start. */
static struct message *begin(struct reader *r, const char *signature, const struct raw *values)
{
        struct message *m;
        struct header h;
        struct raw raw;

        g_assert_cmpint(body_validate(values->bytes, values->size, signature, values->order), ==,
                        MESSAGE_OK);
        raw_begin(&raw, values->order, 77);
        raw_text_field(&raw, FIELD_SIGNATURE, signature);
        raw_end(&raw, values->bytes, values->size);
        g_assert_cmpint(header_parse(&h, raw.bytes, raw.size), ==, MESSAGE_OK);
        g_assert_cmpint(message_copy(&m, raw.bytes, &h, NULL, 0, NULL, 0, NULL), ==, 0);
        reader_init(r, m);
        return m;
}

static void check_end(struct reader *r)
{
        struct reader inner;
        const char *text;
        uint32_t length, u32;
        uint64_t u64;
        uint8_t byte;

        g_assert_false(reader_more(r));
        g_assert_cmpint(reader_type(r), ==, '\0');
        g_assert_false(reader_skip(r));
        g_assert_false(reader_string(r, &text, &length));
        g_assert_false(reader_u32(r, &u32));
        g_assert_false(reader_u64(r, &u64));
        g_assert_false(reader_byte(r, &byte));
        g_assert_false(reader_enter(r, &inner));
        g_assert_cmpuint(r->at, ==, r->end);
}

static void check_string(struct reader *r, char type, const char *expected)
{
        uint32_t length;
        const char *text;

        g_assert_cmpint(reader_type(r), ==, type);
        g_assert_true(reader_string(r, &text, &length));
        g_assert_cmpstr(text, ==, expected);
        g_assert_cmpuint(length, ==, strlen(expected));
}

static void check_u32(struct reader *r, char type, uint32_t expected)
{
        uint32_t value;

        g_assert_cmpint(reader_type(r), ==, type);
        g_assert_true(reader_u32(r, &value));
        g_assert_cmpuint(value, ==, expected);
}

static void check_u64(struct reader *r, char type, uint64_t expected)
{
        uint64_t value;

        g_assert_cmpint(reader_type(r), ==, type);
        g_assert_true(reader_u64(r, &value));
        g_assert_cmpuint(value, ==, expected);
}

static void check_byte(struct reader *r, uint8_t expected)
{
        uint8_t value;

        g_assert_cmpint(reader_type(r), ==, 'y');
        g_assert_true(reader_byte(r, &value));
        g_assert_cmpuint(value, ==, expected);
}

static void enter(struct reader *r, char type, struct reader *inner)
{
        g_assert_cmpint(reader_type(r), ==, type);
        g_assert_true(reader_enter(r, inner));
}

static void put_u64(struct raw *r, uint64_t value)
{
        raw_align(r, 8);
        if (r->order != ORDER_NATIVE)
                value = __builtin_bswap64(value);
        raw_put(r, &value, sizeof(value));
}

static void test_basic(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(orders); ++i) {
                struct raw values = {.order = orders[i]};
                struct reader r;
                struct message *m;

                raw_byte(&values, 5);
                raw_u32(&values, 1);
                raw_put(&values, "\1\1", 2);
                raw_u32(&values, 0xfffffffe);
                raw_text(&values, "text");
                put_u64(&values, 0x0102030405060708);
                raw_signature(&values, "a{sv}");
                raw_text(&values, "/path");
                raw_u32(&values, 9);
                raw_put(&values, "\2\2", 2);
                put_u64(&values, UINT64_MAX);
                put_u64(&values, 10);
                raw_u32(&values, 11);

                m = begin(&r, "ybnistgouqxdh", &values);
                check_byte(&r, 5);
                check_u32(&r, 'b', 1);
                g_assert_cmpint(reader_type(&r), ==, 'n');
                g_assert_true(reader_skip(&r));
                check_u32(&r, 'i', 0xfffffffe);
                check_string(&r, 's', "text");
                check_u64(&r, 't', 0x0102030405060708);
                check_string(&r, 'g', "a{sv}");
                check_string(&r, 'o', "/path");
                check_u32(&r, 'u', 9);
                g_assert_true(reader_skip(&r));
                check_u64(&r, 'x', UINT64_MAX);
                check_u64(&r, 'd', 10);
                check_u32(&r, 'h', 11);
                check_end(&r);
                message_unref(m);
        }
}

static void test_wrong_type(void)
{
        struct raw values = {.order = 'l'};
        struct reader r, inner;
        struct message *m;
        const char *text;
        uint32_t length, u32;
        uint64_t u64;
        uint8_t byte;

        raw_text(&values, "text");
        raw_u32(&values, 5);
        m = begin(&r, "su", &values);
        g_assert_false(reader_u32(&r, &u32));
        g_assert_false(reader_u64(&r, &u64));
        g_assert_false(reader_byte(&r, &byte));
        g_assert_false(reader_enter(&r, &inner));
        check_string(&r, 's', "text");
        g_assert_false(reader_string(&r, &text, &length));
        g_assert_false(reader_u64(&r, &u64));
        check_u32(&r, 'u', 5);
        check_end(&r);
        message_unref(m);
}

static void test_arrays(void)
{
        struct raw values = {.order = 'B'};
        struct reader r, array, inner;
        struct message *m;

        raw_u32(&values, 17); /* as */
        raw_text(&values, "one");
        raw_text(&values, "two!");
        raw_u32(&values, 0); /* at, and the padding of an element that is not there */
        raw_align(&values, 8);
        raw_u32(&values, 24); /* aau */
        raw_u32(&values, 8);
        raw_u32(&values, 1);
        raw_u32(&values, 2);
        raw_u32(&values, 0);
        raw_u32(&values, 4);
        raw_u32(&values, 3);
        raw_byte(&values, 7);

        m = begin(&r, "asataauy", &values);
        enter(&r, 'a', &array);
        check_string(&array, 's', "one");
        g_assert_true(reader_more(&array));
        check_string(&array, 's', "two!");
        check_end(&array);

        enter(&r, 'a', &array);
        check_end(&array);

        enter(&r, 'a', &array);
        enter(&array, 'a', &inner);
        check_u32(&inner, 'u', 1);
        check_u32(&inner, 'u', 2);
        check_end(&inner);
        enter(&array, 'a', &inner);
        check_end(&inner);
        g_assert_true(reader_skip(&array));
        check_end(&array);

        check_byte(&r, 7);
        check_end(&r);
        message_unref(m);
}

static void put_structs(struct raw *values)
{
        raw_byte(values, 1);
        raw_align(values, 8); /* (y(s)) */
        raw_byte(values, 2);
        raw_align(values, 8);
        raw_text(values, "in");
        raw_u32(values, 0); /* a{sv} */
        raw_align(values, 8);
        raw_text(values, "key");
        raw_signature(values, "(uy)");
        raw_align(values, 8);
        raw_u32(values, 3);
        raw_byte(values, 4);
        raw_align(values, 8);
        raw_text(values, "other");
        raw_signature(values, "v");
        raw_signature(values, "y");
        raw_byte(values, 5);
}

static void test_structs(void)
{
        struct raw values = {.order = 'l'};
        struct reader r, outer, inner, dict, entry, variant;
        struct message *m;

        put_structs(&values);
        store_u32(values.bytes + 24, values.size - 32, 'l');
        raw_byte(&values, 6);

        m = begin(&r, "y(y(s))a{sv}y", &values);
        check_byte(&r, 1);
        enter(&r, '(', &outer);
        check_byte(&outer, 2);
        enter(&outer, '(', &inner);
        check_string(&inner, 's', "in");
        check_end(&inner);
        check_end(&outer);

        enter(&r, 'a', &dict);
        enter(&dict, '{', &entry);
        check_string(&entry, 's', "key");
        enter(&entry, 'v', &variant);
        enter(&variant, '(', &inner);
        check_u32(&inner, 'u', 3);
        check_byte(&inner, 4);
        check_end(&inner);
        check_end(&variant);
        check_end(&entry);
        enter(&dict, '{', &entry);
        check_string(&entry, 's', "other");
        enter(&entry, 'v', &variant);
        enter(&variant, 'v', &inner);
        check_byte(&inner, 5);
        check_end(&inner);
        check_end(&variant);
        check_end(&entry);
        check_end(&dict);
        check_byte(&r, 6);
        check_end(&r);

        reader_init(&r, m);
        for (unsigned i = 0; i < 4; ++i)
                g_assert_true(reader_skip(&r));
        check_end(&r);
        message_unref(m);
}

static void test_empty(void)
{
        struct raw values = {.order = 'l'};
        struct reader r;
        struct message *m = begin(&r, "", &values);

        check_end(&r);
        message_unref(m);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/reader/basic", test_basic);
        g_test_add_func("/reader/wrong-type", test_wrong_type);
        g_test_add_func("/reader/arrays", test_arrays);
        g_test_add_func("/reader/structs", test_structs);
        g_test_add_func("/reader/empty", test_empty);
        return g_test_run();
}
