/* SPDX-License-Identifier: MIT */
/* Appending arguments with iterators: basic values, containers, and giving up half-way. */

#include <string.h>

#include "dump.h"
#include "harness.h"

static DBusMessage *empty(void)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/a", "a.b", "C");

        dbus_message_set_serial(m, 1);
        return m;
}

static void finish(const char *what, DBusMessage *m)
{
        dump_body(what, m);
        dump_bytes(what, m);
        dbus_message_unref(m);
}

static void append_int(DBusMessageIter *iter, dbus_int32_t value)
{
        g_assert_true(dbus_message_iter_append_basic(iter, DBUS_TYPE_INT32, &value));
}

static void append_text(DBusMessageIter *iter, const char *value)
{
        g_assert_true(dbus_message_iter_append_basic(iter, DBUS_TYPE_STRING, &value));
}

static void append_byte(DBusMessageIter *iter, unsigned char value)
{
        g_assert_true(dbus_message_iter_append_basic(iter, DBUS_TYPE_BYTE, &value));
}

static void open_container(DBusMessageIter *iter, int type, const char *signature,
                           DBusMessageIter *sub)
{
        g_assert_true(dbus_message_iter_open_container(iter, type, signature, sub));
}

static void close_container(DBusMessageIter *iter, DBusMessageIter *sub)
{
        g_assert_true(dbus_message_iter_close_container(iter, sub));
}

static void basic_types(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter;
        static const struct {
                int type;
                DBusBasicValue value;
        } values[] = {
                {DBUS_TYPE_BYTE, {.byt = 200}},
                {DBUS_TYPE_BOOLEAN, {.bool_val = TRUE}},
                {DBUS_TYPE_INT16, {.i16 = -300}},
                {DBUS_TYPE_UINT16, {.u16 = 60000}},
                {DBUS_TYPE_INT32, {.i32 = -70000}},
                {DBUS_TYPE_UINT32, {.u32 = 4000000000}},
                {DBUS_TYPE_INT64, {.i64 = -5000000000}},
                {DBUS_TYPE_UINT64, {.u64 = 18000000000000000000u}},
                {DBUS_TYPE_DOUBLE, {.dbl = 3.25}},
        };
        static const struct {
                int type;
                const char *value;
        } texts[] = {
                {DBUS_TYPE_STRING, "text"},      {DBUS_TYPE_STRING, ""},
                {DBUS_TYPE_OBJECT_PATH, "/p/q"}, {DBUS_TYPE_SIGNATURE, "a(yv)"},
                {DBUS_TYPE_SIGNATURE, ""},
        };

        dbus_message_iter_init_append(m, &iter);
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++)
                g_assert_true(
                        dbus_message_iter_append_basic(&iter, values[i].type, &values[i].value));
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++)
                g_assert_true(
                        dbus_message_iter_append_basic(&iter, texts[i].type, &texts[i].value));
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "ybnqiuxtdssogg");
        finish("basic", m);
}

static void structs(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, outer, inner;

        dbus_message_iter_init_append(m, &iter);
        append_byte(&iter, 1);
        open_container(&iter, DBUS_TYPE_STRUCT, NULL, &outer);
        append_byte(&outer, 2);
        open_container(&outer, DBUS_TYPE_STRUCT, NULL, &inner);
        append_text(&inner, "in");
        append_int(&inner, 3);
        close_container(&outer, &inner);
        append_byte(&outer, 4);
        close_container(&iter, &outer);
        append_int(&iter, 5);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "y(y(si)y)i");
        finish("struct", m);
}

static void array_of_strings(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "s", &sub);
        append_text(&sub, "one");
        append_text(&sub, "");
        append_text(&sub, "three");
        close_container(&iter, &sub);
        append_byte(&iter, 9);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "asy");
        finish("array", m);
}

static void empty_arrays(void)
{
        static const char *const elements[] = {"y",    "n",     "i",        "x", "d", "s",
                                               "as",   "(ii)",  "{sv}",     "v", "g", "o",
                                               "aaax", "a{ys}", "((y)(y))", "h"};

        for (size_t i = 0; i < G_N_ELEMENTS(elements); i++) {
                DBusMessage *m = empty();
                DBusMessageIter iter, sub;

                dbus_message_iter_init_append(m, &iter);
                append_byte(&iter, 1);
                open_container(&iter, DBUS_TYPE_ARRAY, elements[i], &sub);
                close_container(&iter, &sub);
                append_byte(&iter, 2);
                g_assert_cmpuint(strlen(dbus_message_get_signature(m)), ==,
                                 strlen(elements[i]) + 3);
                finish(elements[i], m);
        }
}

static void array_of_structs(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, array, sub;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "(ys)", &array);
        for (unsigned char i = 0; i < 3; i++) {
                open_container(&array, DBUS_TYPE_STRUCT, NULL, &sub);
                append_byte(&sub, i);
                append_text(&sub, "x");
                close_container(&array, &sub);
        }
        close_container(&iter, &array);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "a(ys)");
        finish("array", m);
}

static void dictionary(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, array, entry, variant;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array);
        for (int i = 0; i < 3; i++) {
                open_container(&array, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
                append_text(&entry, "key");
                open_container(&entry, DBUS_TYPE_VARIANT, i ? "i" : "s", &variant);
                if (i)
                        append_int(&variant, i);
                else
                        append_text(&variant, "value");
                close_container(&entry, &variant);
                close_container(&array, &entry);
        }
        close_container(&iter, &array);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "a{sv}");
        finish("dictionary", m);
}

static void nested_dictionaries(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, outer, entry, inner, leaf, variant;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "{oa{sv}}", &outer);
        open_container(&outer, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
        g_assert_true(dbus_message_iter_append_basic(&entry, DBUS_TYPE_OBJECT_PATH,
                                                     &(const char *){"/o"}));
        open_container(&entry, DBUS_TYPE_ARRAY, "{sv}", &inner);
        open_container(&inner, DBUS_TYPE_DICT_ENTRY, NULL, &leaf);
        append_text(&leaf, "k");
        open_container(&leaf, DBUS_TYPE_VARIANT, "a{sv}", &variant);
        {
                DBusMessageIter none;

                open_container(&variant, DBUS_TYPE_ARRAY, "{sv}", &none);
                close_container(&variant, &none);
        }
        close_container(&leaf, &variant);
        close_container(&inner, &leaf);
        close_container(&entry, &inner);
        close_container(&outer, &entry);
        close_container(&iter, &outer);
        finish("nested", m);
}

static void variants(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, one, two, three;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_VARIANT, "v", &one);
        open_container(&one, DBUS_TYPE_VARIANT, "(iv)", &two);
        open_container(&two, DBUS_TYPE_STRUCT, NULL, &three);
        append_int(&three, 1);
        {
                DBusMessageIter four, five;

                open_container(&three, DBUS_TYPE_VARIANT, "as", &four);
                open_container(&four, DBUS_TYPE_ARRAY, "s", &five);
                append_text(&five, "deep");
                close_container(&four, &five);
                close_container(&three, &four);
        }
        close_container(&two, &three);
        close_container(&one, &two);
        close_container(&iter, &one);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "v");
        finish("variant", m);
}

static void arrays_of_arrays(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, one, two;

        dbus_message_iter_init_append(m, &iter);
        append_byte(&iter, 1);
        open_container(&iter, DBUS_TYPE_ARRAY, "ax", &one);
        for (dbus_int64_t i = 0; i < 3; i++) {
                open_container(&one, DBUS_TYPE_ARRAY, "x", &two);
                for (dbus_int64_t k = 0; k < i; k++)
                        g_assert_true(dbus_message_iter_append_basic(&two, DBUS_TYPE_INT64, &k));
                close_container(&one, &two);
        }
        close_container(&iter, &one);
        finish("arrays", m);
}

static void fixed_arrays(void)
{
        static const unsigned char bytes[] = {1, 2, 3};
        static const dbus_bool_t booleans[] = {TRUE, FALSE};
        static const dbus_int16_t shorts[] = {-1, 2, -3};
        static const dbus_uint16_t ushorts[] = {1, 2, 65535};
        static const dbus_int32_t ints[] = {-1, 2};
        static const dbus_uint32_t uints[] = {1, 4294967295};
        static const dbus_int64_t longs[] = {-1, 2};
        static const dbus_uint64_t ulongs[] = {1, 18446744073709551615u};
        static const double doubles[] = {0.5, -2};
        static const struct {
                const char *element;
                const void *values;
                int n;
        } arrays[] = {
                {"y", bytes, 3},   {"b", booleans, 2}, {"n", shorts, 3},
                {"q", ushorts, 3}, {"i", ints, 2},     {"u", uints, 2},
                {"x", longs, 2},   {"t", ulongs, 2},   {"d", doubles, 2},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
                DBusMessage *m = empty();
                DBusMessageIter iter, sub;
                int type = arrays[i].element[0];

                dbus_message_iter_init_append(m, &iter);
                append_byte(&iter, 1);
                open_container(&iter, DBUS_TYPE_ARRAY, arrays[i].element, &sub);
                g_assert_true(dbus_message_iter_append_fixed_array(&sub, type, &arrays[i].values,
                                                                   arrays[i].n));
                close_container(&iter, &sub);
                finish(arrays[i].element, m);
        }
}

static void fixed_arrays_mixed(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;
        const dbus_int32_t values[] = {2, 3, 4}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub);
        append_int(&sub, 1);
        g_assert_true(dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_INT32, &at, 3));
        g_assert_true(dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_INT32, &at, 0));
        append_int(&sub, 5);
        g_assert_true(dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_INT32, &at, 1));
        close_container(&iter, &sub);
        finish("mixed", m);
}

static void fixed_array_in_depth(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, variant, array;
        const unsigned char bytes[] = "\0\1\2", *at = bytes;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_VARIANT, "ay", &variant);
        open_container(&variant, DBUS_TYPE_ARRAY, "y", &array);
        g_assert_true(dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &at, 3));
        close_container(&variant, &array);
        close_container(&iter, &variant);
        finish("depth", m);
}

/* Iterators for appending may be made anew at any time. */
static void several_iterators(void)
{
        DBusMessage *m = empty();

        for (int i = 0; i < 5; i++) {
                DBusMessageIter iter;

                dbus_message_iter_init_append(m, &iter);
                append_int(&iter, i);
        }
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "iiiii");
        finish("several", m);
}

static void iterator_behind_args(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;
        const char *text = "first";

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_STRUCT, NULL, &sub);
        append_int(&sub, 2);
        close_container(&iter, &sub);
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "s(i)s");
        finish("behind", m);
}

/* The signature is the message's as soon as a value is complete. */
static void signature_while_appending(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        append_int(&iter, 1);
        note("after a number: %s", dbus_message_get_signature(m));
        append_text(&iter, "x");
        note("after a string: %s", dbus_message_get_signature(m));
        open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub);
        append_int(&sub, 2);
        close_container(&iter, &sub);
        note("after an array: %s", dbus_message_get_signature(m));
        finish("all", m);
}

/* The header may change between the arguments. */
static void fields_between_arguments(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        append_int(&iter, 1);
        g_assert_true(dbus_message_set_destination(m, "com.example.Destination"));
        dbus_message_iter_init_append(m, &iter);
        append_text(&iter, "x");
        g_assert_true(dbus_message_set_destination(m, NULL));
        dbus_message_iter_init_append(m, &iter);
        append_int(&iter, 3);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "isi");
        finish("fields", m);
}

static void abandon(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, one, two;

        dbus_message_iter_init_append(m, &iter);
        append_int(&iter, 1);
        open_container(&iter, DBUS_TYPE_ARRAY, "(is)", &one);
        open_container(&one, DBUS_TYPE_STRUCT, NULL, &two);
        append_int(&two, 1);
        dbus_message_iter_abandon_container(&one, &two);
        dbus_message_iter_abandon_container(&iter, &one);
        /* Only this can be done with what is left. */
        dbus_message_unref(m);
}

static void abandon_each_kind(void)
{
        static const struct {
                int type;
                const char *signature;
        } kinds[] = {
                {DBUS_TYPE_ARRAY, "s"},
                {DBUS_TYPE_ARRAY, "{sv}"},
                {DBUS_TYPE_STRUCT, NULL},
                {DBUS_TYPE_VARIANT, "s"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                for (int with_content = 0; with_content < 2; with_content++) {
                        DBusMessage *m = empty();
                        DBusMessageIter iter, sub;

                        dbus_message_iter_init_append(m, &iter);
                        open_container(&iter, kinds[i].type, kinds[i].signature, &sub);
                        if (with_content && i != 1)
                                append_text(&sub, "x");
                        dbus_message_iter_abandon_container(&iter, &sub);
                        dbus_message_unref(m);
                }
        }
}

static void abandon_closed(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub = DBUS_MESSAGE_ITER_INIT_CLOSED;
        DBusMessageIter never;

        dbus_message_iter_init_closed(&never);
        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_abandon_container_if_open(&iter, &sub);
        dbus_message_iter_abandon_container_if_open(&iter, &never);
        open_container(&iter, DBUS_TYPE_ARRAY, "s", &sub);
        append_text(&sub, "x");
        close_container(&iter, &sub);
        dbus_message_iter_abandon_container_if_open(&iter, &sub);
        dbus_message_iter_abandon_container_if_open(&iter, &sub);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "as");
        finish("closed", m);
}

static void abandon_open(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter = DBUS_MESSAGE_ITER_INIT_CLOSED;
        DBusMessageIter one = DBUS_MESSAGE_ITER_INIT_CLOSED, two = DBUS_MESSAGE_ITER_INIT_CLOSED;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_VARIANT, "a{sv}", &one);
        open_container(&one, DBUS_TYPE_ARRAY, "{sv}", &two);
        for (unsigned i = 0; i < 2; i++) {
                dbus_message_iter_abandon_container_if_open(&one, &two);
                dbus_message_iter_abandon_container_if_open(&iter, &one);
        }
        dbus_message_unref(m);
}

/* An iterator that was never opened is as good as closed: both closed and NULL outer ones. */
static void abandon_both_closed(void)
{
        DBusMessageIter one = DBUS_MESSAGE_ITER_INIT_CLOSED, two;

        dbus_message_iter_init_closed(&two);
        dbus_message_iter_abandon_container_if_open(&one, &two);
        dbus_message_iter_abandon_container_if_open(&two, &one);
}

static void init_closed_is_macro(void)
{
        DBusMessageIter one = DBUS_MESSAGE_ITER_INIT_CLOSED, two;

        memset(&two, 0xff, sizeof two);
        dbus_message_iter_init_closed(&two);
        g_assert_cmpmem(&one, sizeof one, &two, sizeof two);
}

static void deep(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iters[33];

        dbus_message_iter_init_append(m, &iters[0]);
        for (unsigned i = 0; i < 32; i++)
                open_container(&iters[i], DBUS_TYPE_STRUCT, NULL, &iters[i + 1]);
        append_byte(&iters[32], 7);
        for (unsigned i = 32; i > 0; i--)
                close_container(&iters[i - 1], &iters[i]);
        finish("deep", m);
}

static void deep_arrays(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iters[33];
        g_autofree char *signature = g_strnfill(31, 'a'), *full = g_strconcat(signature, "y", NULL);

        dbus_message_iter_init_append(m, &iters[0]);
        for (unsigned i = 0; i < 32; i++)
                open_container(&iters[i], DBUS_TYPE_ARRAY, full + i, &iters[i + 1]);
        append_byte(&iters[32], 7);
        for (unsigned i = 32; i > 0; i--)
                close_container(&iters[i - 1], &iters[i]);
        finish("deep", m);
}

static void deep_variants(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iters[65];

        dbus_message_iter_init_append(m, &iters[0]);
        for (unsigned i = 0; i < 64; i++)
                open_container(&iters[i], DBUS_TYPE_VARIANT, i == 63 ? "y" : "v", &iters[i + 1]);
        append_byte(&iters[64], 7);
        for (unsigned i = 64; i > 0; i--)
                close_container(&iters[i - 1], &iters[i]);
        dump_bytes("deep", m);
        dbus_message_unref(m);
}

static void many_strings(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;
        char **got = NULL;
        int n = 0;

        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "s", &sub);
        for (unsigned i = 0; i < 3000; i++) {
                g_autofree char *text = g_strdup_printf("string number %u", i);

                append_text(&sub, text);
        }
        close_container(&iter, &sub);
        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &got, &n,
                                            DBUS_TYPE_INVALID));
        g_assert_cmpint(n, ==, 3000);
        g_assert_cmpstr(got[2999], ==, "string number 2999");
        dbus_free_string_array(got);
        dbus_message_unref(m);
}

static void longest_string(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter;
        g_autofree char *much = g_strnfill(5000000, 'x');
        const char *got = NULL;

        dbus_message_iter_init_append(m, &iter);
        append_text(&iter, much);
        dbus_message_iter_init(m, &iter);
        dbus_message_iter_get_basic(&iter, &got);
        g_assert_cmpuint(strlen(got), ==, 5000000);
        dbus_message_unref(m);
}

/* As many bytes as an array may have. */
static void biggest_array(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;
        const size_t n = DBUS_MAXIMUM_ARRAY_LENGTH;
        unsigned char *much = g_try_malloc0(n);
        const unsigned char *at = much;
        int got = 0;

        if (!much) {
                dbus_message_unref(m);
                g_test_skip("not enough memory");
                return;
        }
        dbus_message_iter_init_append(m, &iter);
        open_container(&iter, DBUS_TYPE_ARRAY, "y", &sub);
        g_assert_true(dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_BYTE, &at, (int)n));
        close_container(&iter, &sub);
        dbus_message_iter_init(m, &iter);
        got = dbus_message_iter_get_element_count(&iter);
        g_assert_cmpint(got, ==, n);
        dbus_message_unref(m);
        g_free(much);
}

/* Values are copied at once: what they came from may go. */
static void values_are_copied(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter;
        char buffer[] = "before";
        dbus_int32_t number = 1;
        const char *at = buffer, *got = NULL;

        dbus_message_iter_init_append(m, &iter);
        append_text(&iter, at);
        append_int(&iter, number);
        memset(buffer, 'x', sizeof buffer);
        dbus_message_iter_init(m, &iter);
        dbus_message_iter_get_basic(&iter, &got);
        g_assert_cmpstr(got, ==, "before");
        dbus_message_unref(m);
}

/* A message may be built from its own copy while it is read. */
static void from_another(void)
{
        DBusMessage *m = empty(), *other = empty();
        DBusMessageIter from, to, from_sub, to_sub;
        const char *text;

        dbus_message_iter_init_append(m, &to);
        open_container(&to, DBUS_TYPE_ARRAY, "s", &to_sub);
        append_text(&to_sub, "one");
        append_text(&to_sub, "two");
        close_container(&to, &to_sub);
        dbus_message_iter_init(m, &from);
        dbus_message_iter_recurse(&from, &from_sub);
        dbus_message_iter_init_append(other, &to);
        open_container(&to, DBUS_TYPE_ARRAY, "s", &to_sub);
        do {
                dbus_message_iter_get_basic(&from_sub, &text);
                append_text(&to_sub, text);
        } while (dbus_message_iter_next(&from_sub));
        close_container(&to, &to_sub);
        dbus_message_unref(m);
        finish("other", other);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/append/basic", basic_types},
                {"/append/struct", structs},
                {"/append/array-of-strings", array_of_strings},
                {"/append/empty-arrays", empty_arrays},
                {"/append/array-of-structs", array_of_structs},
                {"/append/array-of-arrays", arrays_of_arrays},
                {"/append/dictionary", dictionary},
                {"/append/nested-dictionaries", nested_dictionaries},
                {"/append/variants", variants},
                {"/append/fixed-arrays", fixed_arrays},
                {"/append/fixed-arrays-mixed", fixed_arrays_mixed},
                {"/append/fixed-array-in-depth", fixed_array_in_depth},
                {"/append/several-iterators", several_iterators},
                {"/append/iterator-behind-args", iterator_behind_args},
                {"/append/signature-meanwhile", signature_while_appending},
                {"/append/fields-between", fields_between_arguments},
                {"/append/values-copied", values_are_copied},
                {"/append/from-another", from_another},
                {"/abandon/container", abandon},
                {"/abandon/each-kind", abandon_each_kind},
                {"/abandon/closed", abandon_closed},
                {"/abandon/open", abandon_open},
                {"/abandon/both-closed", abandon_both_closed},
                {"/abandon/init-closed", init_closed_is_macro},
                {"/limit/deep-structs", deep},
                {"/limit/deep-arrays", deep_arrays},
                {"/limit/deep-variants", deep_variants},
                {"/limit/many-strings", many_strings},
                {"/limit/long-string", longest_string},
                {"/limit/biggest-array", biggest_array},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
