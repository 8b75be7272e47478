/* SPDX-License-Identifier: MIT */
/* dbus_message_append_args() and dbus_message_get_args(), with all the types they know. */

#include <stdarg.h>
#include <string.h>

#include "dump.h"
#include "harness.h"

static DBusMessage *empty(void)
{
        return dbus_message_new_method_call(NULL, "/a", "a.b", "C");
}

/* All the numbers there are, at their limits. */
static const unsigned char bytes[] = {0, 1, 127, 128, 255};
static const dbus_bool_t booleans[] = {TRUE, FALSE, TRUE, TRUE, FALSE};
static const dbus_int16_t int16s[] = {0, 1, -1, -32768, 32767};
static const dbus_uint16_t uint16s[] = {0, 1, 0x1234, 0x8000, 0xffff};
static const dbus_int32_t int32s[] = {0, 1, -1, -0x7fffffff - 1, 0x7fffffff};
static const dbus_uint32_t uint32s[] = {0, 1, 0x12345678, 0x80000000, 0xffffffff};
static const dbus_int64_t int64s[] = {0, 1, -1, G_MININT64, G_MAXINT64};
static const dbus_uint64_t uint64s[] = {0, 1, 0x123456789abcdef0, 1ull << 63, G_MAXUINT64};
static const double doubles[] = {0.0, -0.0, 1.5, -1e300, 5e-324};
static const char *const strings[] = {"", "x", "text", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
                                      "seven77"};
static const char *const paths[] = {"/", "/a", "/a/b", "/com/example/Path_1", "/_"};
static const char *const signatures[] = {"", "i", "a{sv}", "(ii)as", "aaaaai"};

#define N_VALUES 5

struct type {
        const char *name;
        int type;
        size_t size;
        const void *values;
        bool is_text;
};

static const struct type types[] = {
        {"byte", DBUS_TYPE_BYTE, sizeof bytes[0], bytes, false},
        {"boolean", DBUS_TYPE_BOOLEAN, sizeof booleans[0], booleans, false},
        {"int16", DBUS_TYPE_INT16, sizeof int16s[0], int16s, false},
        {"uint16", DBUS_TYPE_UINT16, sizeof uint16s[0], uint16s, false},
        {"int32", DBUS_TYPE_INT32, sizeof int32s[0], int32s, false},
        {"uint32", DBUS_TYPE_UINT32, sizeof uint32s[0], uint32s, false},
        {"int64", DBUS_TYPE_INT64, sizeof int64s[0], int64s, false},
        {"uint64", DBUS_TYPE_UINT64, sizeof uint64s[0], uint64s, false},
        {"double", DBUS_TYPE_DOUBLE, sizeof doubles[0], doubles, false},
        {"string", DBUS_TYPE_STRING, sizeof strings[0], strings, true},
        {"object-path", DBUS_TYPE_OBJECT_PATH, sizeof paths[0], paths, true},
        {"signature", DBUS_TYPE_SIGNATURE, sizeof signatures[0], signatures, true},
};

static const void *value_of(const struct type *t, size_t i)
{
        return (const char *)t->values + i * t->size;
}

static void one_value(gconstpointer data)
{
        const struct type *t = data;

        for (size_t i = 0; i < N_VALUES; i++) {
                DBusMessage *m = empty();
                DBusBasicValue got = {0};

                g_assert_true(
                        dbus_message_append_args(m, t->type, value_of(t, i), DBUS_TYPE_INVALID));
                g_assert_true(dbus_message_get_args(m, NULL, t->type, &got, DBUS_TYPE_INVALID));
                if (t->is_text)
                        g_assert_cmpstr(got.str, ==, *(const char *const *)value_of(t, i));
                else
                        g_assert_cmpmem(&got, t->size, value_of(t, i), t->size);
                dbus_message_set_serial(m, 1);
                dump_body(t->name, m);
                dump_bytes(t->name, m);
                dbus_message_unref(m);
        }
}

/* The value is there whatever stands before it, and its alignment is right. */
static void behind_others(gconstpointer data)
{
        const struct type *t = data;

        for (size_t before = 0; before < 9; before++) {
                DBusMessage *m = empty();

                for (size_t i = 0; i < before; i++)
                        dbus_message_append_args(m, DBUS_TYPE_BYTE, &bytes[2], DBUS_TYPE_INVALID);
                dbus_message_append_args(m, t->type, value_of(t, 3), DBUS_TYPE_BYTE, &bytes[4],
                                         t->type, value_of(t, 2), DBUS_TYPE_INVALID);
                dbus_message_set_serial(m, 1);
                dump_body(t->name, m);
                dump_bytes(t->name, m);
                dbus_message_unref(m);
        }
}

static void array(gconstpointer data)
{
        const struct type *t = data;

        for (int n = 0; n <= N_VALUES; n++) {
                DBusMessage *m = empty();
                const void *values = t->values;
                void *got = NULL;
                int n_got = -1;

                g_assert_true(dbus_message_append_args(m, DBUS_TYPE_ARRAY, t->type, &values, n,
                                                       DBUS_TYPE_INVALID));
                g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY, t->type, &got, &n_got,
                                                    DBUS_TYPE_INVALID));
                g_assert_cmpint(n_got, ==, n);
                if (t->is_text) {
                        char **text = got;

                        for (int i = 0; text && i < n; i++)
                                g_assert_cmpstr(text[i], ==, ((const char *const *)values)[i]);
                        g_assert_true(text && !text[n]);
                        dbus_free_string_array(text);
                } else if (n) {
                        g_assert_cmpmem(got, (size_t)n_got * t->size, values, (size_t)n * t->size);
                }
                dbus_message_set_serial(m, 1);
                dump_body(t->name, m);
                dump_bytes(t->name, m);
                dbus_message_unref(m);
        }
}

/* An array that may not be read, or not like this. */
static void wrong_type(gconstpointer data)
{
        const struct type *t = data;

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                DBusMessage *m = empty();
                DBusError error = DBUS_ERROR_INIT;
                DBusBasicValue got = {0};
                const void *values = t->values;
                void *array_got = NULL;
                int n = 0;

                dbus_message_append_args(m, t->type, value_of(t, 1), DBUS_TYPE_ARRAY, t->type,
                                         &values, 1, DBUS_TYPE_INVALID);
                if (&types[i] != t) {
                        g_assert_false(dbus_message_get_args(m, &error, types[i].type, &got,
                                                             DBUS_TYPE_INVALID));
                        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
                        g_assert_false(dbus_message_get_args(m, &error, t->type, &got,
                                                             DBUS_TYPE_ARRAY, types[i].type,
                                                             &array_got, &n, DBUS_TYPE_INVALID));
                        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
                }
                dbus_message_unref(m);
        }
}

static void nothing(void)
{
        DBusMessage *m = empty();
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_INVALID));
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "");
        g_assert_true(dbus_message_get_args(m, &error, DBUS_TYPE_INVALID));
        expect_no_error(&error);
        dbus_message_unref(m);
}

static void too_few(void)
{
        DBusMessage *m = empty();
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t one = 0, two = 0;

        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_INT32, &one, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_message_append_args(m, DBUS_TYPE_INT32, &int32s[1], DBUS_TYPE_INVALID);
        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_INT32, &one, DBUS_TYPE_INT32,
                                             &two, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        /* Without an error to fill in, too. */
        g_assert_false(dbus_message_get_args(m, NULL, DBUS_TYPE_INT32, &one, DBUS_TYPE_INT32, &two,
                                             DBUS_TYPE_INVALID));
        dbus_message_unref(m);
}

static void too_many(void)
{
        DBusMessage *m = empty();
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t got = 0;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &int32s[4], DBUS_TYPE_STRING, &strings[1],
                                 DBUS_TYPE_INVALID);
        g_assert_true(dbus_message_get_args(m, &error, DBUS_TYPE_INT32, &got, DBUS_TYPE_INVALID));
        g_assert_cmpint(got, ==, int32s[4]);
        g_assert_true(dbus_message_get_args(m, &error, DBUS_TYPE_INVALID));
        expect_no_error(&error);
        dbus_message_unref(m);
}

static void scalar_for_array(void)
{
        DBusMessage *m = empty();
        DBusError error = DBUS_ERROR_INIT;
        const dbus_int32_t *got = NULL;
        char **texts = NULL;
        dbus_int32_t number = 0;
        const dbus_int32_t *at = int32s;
        int n = 0;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &int32s[1], DBUS_TYPE_INVALID);
        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_ARRAY, DBUS_TYPE_INT32, &got, &n,
                                             DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &texts,
                                             &n, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_message_unref(m);
        m = empty();
        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_INT32, &at, 2, DBUS_TYPE_INVALID);
        g_assert_false(
                dbus_message_get_args(m, &error, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_message_unref(m);
}

/* String arrays that were returned before the mistake was found are given back by the library. */
static void string_arrays_before_mistake(void)
{
        DBusMessage *m = empty();
        DBusError error = DBUS_ERROR_INIT;
        const char *const *at = strings;
        char **first = NULL, **second = NULL;
        int n = 0;
        dbus_int32_t number = 0;

        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &at, 5, DBUS_TYPE_ARRAY,
                                 DBUS_TYPE_STRING, &at, 2, DBUS_TYPE_STRING, &strings[2],
                                 DBUS_TYPE_INVALID);
        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &first,
                                             &n, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &second, &n,
                                             DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        note("arrays are %s and %s", first ? "set" : "NULL", second ? "set" : "NULL");
        dbus_message_unref(m);
}

static void containers_are_refused(void)
{
        static const struct {
                int asked;
                const char *what;
        } asked[] = {
                {DBUS_TYPE_INT32, "int32"},
                {DBUS_TYPE_STRING, "string"},
        };
        DBusMessage *m = empty();
        DBusMessageIter iter, sub;
        DBusError error = DBUS_ERROR_INIT;
        DBusBasicValue value;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &sub);
        dbus_message_iter_append_basic(&sub, DBUS_TYPE_INT32, &int32s[1]);
        dbus_message_iter_close_container(&iter, &sub);
        for (size_t i = 0; i < G_N_ELEMENTS(asked); i++) {
                g_assert_false(dbus_message_get_args(m, &error, asked[i].asked, &value,
                                                     DBUS_TYPE_INVALID));
                expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        }
        dbus_message_unref(m);
        m = empty();
        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "i", &sub);
        dbus_message_iter_append_basic(&sub, DBUS_TYPE_INT32, &int32s[1]);
        dbus_message_iter_close_container(&iter, &sub);
        g_assert_false(
                dbus_message_get_args(m, &error, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_message_unref(m);
}

static void array_of_arrays_for_array(void)
{
        DBusMessage *m = empty();
        DBusMessageIter iter, sub, inner;
        DBusError error = DBUS_ERROR_INIT;
        const dbus_int32_t *got = NULL, *at = int32s;
        int n = 0;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "ai", &sub);
        dbus_message_iter_open_container(&sub, DBUS_TYPE_ARRAY, "i", &inner);
        dbus_message_iter_append_fixed_array(&inner, DBUS_TYPE_INT32, &at, 3);
        dbus_message_iter_close_container(&sub, &inner);
        dbus_message_iter_close_container(&iter, &sub);
        g_assert_false(dbus_message_get_args(m, &error, DBUS_TYPE_ARRAY, DBUS_TYPE_INT32, &got, &n,
                                             DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_message_unref(m);
}

static void all_types_at_once(void)
{
        DBusMessage *m = empty();
        unsigned char y = 0;
        dbus_bool_t b = FALSE;
        dbus_int16_t n = 0;
        dbus_uint16_t q = 0;
        dbus_int32_t i = 0;
        dbus_uint32_t u = 0;
        dbus_int64_t x = 0;
        dbus_uint64_t t = 0;
        double d = 0;
        const char *s = NULL, *o = NULL, *g = NULL;

        g_assert_true(dbus_message_append_args(
                m, DBUS_TYPE_BYTE, &bytes[4], DBUS_TYPE_BOOLEAN, &booleans[0], DBUS_TYPE_INT16,
                &int16s[3], DBUS_TYPE_UINT16, &uint16s[4], DBUS_TYPE_INT32, &int32s[3],
                DBUS_TYPE_UINT32, &uint32s[4], DBUS_TYPE_INT64, &int64s[3], DBUS_TYPE_UINT64,
                &uint64s[4], DBUS_TYPE_DOUBLE, &doubles[2], DBUS_TYPE_STRING, &strings[2],
                DBUS_TYPE_OBJECT_PATH, &paths[2], DBUS_TYPE_SIGNATURE, &signatures[2],
                DBUS_TYPE_INVALID));
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "ybnqiuxtdsog");
        g_assert_true(dbus_message_get_args(
                m, NULL, DBUS_TYPE_BYTE, &y, DBUS_TYPE_BOOLEAN, &b, DBUS_TYPE_INT16, &n,
                DBUS_TYPE_UINT16, &q, DBUS_TYPE_INT32, &i, DBUS_TYPE_UINT32, &u, DBUS_TYPE_INT64,
                &x, DBUS_TYPE_UINT64, &t, DBUS_TYPE_DOUBLE, &d, DBUS_TYPE_STRING, &s,
                DBUS_TYPE_OBJECT_PATH, &o, DBUS_TYPE_SIGNATURE, &g, DBUS_TYPE_INVALID));
        g_assert_cmpuint(y, ==, bytes[4]);
        g_assert_cmpuint(b, ==, TRUE);
        g_assert_cmpint(n, ==, int16s[3]);
        g_assert_cmpuint(q, ==, uint16s[4]);
        g_assert_cmpint(i, ==, int32s[3]);
        g_assert_cmpuint(u, ==, uint32s[4]);
        g_assert_true(x == int64s[3]);
        g_assert_true(t == uint64s[4]);
        g_assert_true(d == doubles[2]);
        g_assert_cmpstr(s, ==, strings[2]);
        g_assert_cmpstr(o, ==, paths[2]);
        g_assert_cmpstr(g, ==, signatures[2]);
        dbus_message_set_serial(m, 1);
        dump_bytes("all", m);
        dbus_message_unref(m);
}

static dbus_bool_t append_through(DBusMessage *m, int first, ...)
{
        dbus_bool_t ok;
        va_list args;

        va_start(args, first);
        ok = dbus_message_append_args_valist(m, first, args);
        va_end(args);
        return ok;
}

static dbus_bool_t get_through(DBusMessage *m, DBusError *error, int first, ...)
{
        dbus_bool_t ok;
        va_list args;

        va_start(args, first);
        ok = dbus_message_get_args_valist(m, error, first, args);
        va_end(args);
        return ok;
}

static void valists(void)
{
        DBusMessage *m = empty();
        DBusError error = DBUS_ERROR_INIT;
        const dbus_uint32_t *at = uint32s, *got = NULL;
        const char *text = NULL;
        int n = 0;

        g_assert_true(append_through(m, DBUS_TYPE_STRING, &strings[3], DBUS_TYPE_ARRAY,
                                     DBUS_TYPE_UINT32, &at, 5, DBUS_TYPE_INVALID));
        g_assert_true(get_through(m, &error, DBUS_TYPE_STRING, &text, DBUS_TYPE_ARRAY,
                                  DBUS_TYPE_UINT32, &got, &n, DBUS_TYPE_INVALID));
        expect_no_error(&error);
        g_assert_cmpstr(text, ==, strings[3]);
        g_assert_cmpint(n, ==, 5);
        g_assert_cmpmem(got, sizeof uint32s, uint32s, sizeof uint32s);
        g_assert_false(get_through(m, &error, DBUS_TYPE_UINT32, &n, DBUS_TYPE_INVALID));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_message_unref(m);
}

static void appended_in_parts(void)
{
        DBusMessage *m = empty();

        for (unsigned i = 0; i < 50; i++)
                g_assert_true(dbus_message_append_args(m, DBUS_TYPE_UINT32, &uint32s[i % 5],
                                                       DBUS_TYPE_STRING, &strings[i % 5],
                                                       DBUS_TYPE_INVALID));
        g_assert_cmpuint(strlen(dbus_message_get_signature(m)), ==, 100);
        dump_body("parts", m);
        dbus_message_unref(m);
}

static void longest_signature(void)
{
        DBusMessage *m = empty();

        for (unsigned i = 0; i < 255; i++)
                g_assert_true(dbus_message_append_args(m, DBUS_TYPE_BYTE, &bytes[i % 5],
                                                       DBUS_TYPE_INVALID));
        g_assert_cmpuint(strlen(dbus_message_get_signature(m)), ==, 255);
        dbus_message_set_serial(m, 1);
        dump_bytes("longest", m);
        dbus_message_unref(m);
}

static void empty_arrays(void)
{
        DBusMessage *m = empty();
        const dbus_int64_t *at = NULL, *got = int64s;
        const char *const *none = NULL;
        char **texts = NULL;
        int n = -1, n_texts = -1;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_INT64, &at, 0,
                                               DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &none, 0,
                                               DBUS_TYPE_INVALID));
        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_INT64, &got, &n,
                                            DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &texts, &n_texts,
                                            DBUS_TYPE_INVALID));
        g_assert_cmpint(n, ==, 0);
        g_assert_cmpint(n_texts, ==, 0);
        note("array of none is %s", got ? "somewhere" : "NULL");
        g_assert_true(texts && !texts[0]);
        dbus_free_string_array(texts);
        dbus_message_unref(m);
}

static void big_array(void)
{
        DBusMessage *m = empty();
        const size_t n_bytes = 1 << 20;
        g_autofree unsigned char *much = g_malloc(n_bytes);
        const unsigned char *at = much, *got = NULL;
        int n = 0;

        for (size_t i = 0; i < n_bytes; i++)
                much[i] = (unsigned char)(i * 7);
        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &at,
                                               (int)n_bytes, DBUS_TYPE_INVALID));
        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &got, &n,
                                            DBUS_TYPE_INVALID));
        g_assert_cmpmem(got, (size_t)n, much, n_bytes);
        dbus_message_unref(m);
}

/* They are const references into the message, and so are good until it is modified. */
static void values_live_in_message(void)
{
        DBusMessage *m = empty();
        const char *one = NULL, *two = NULL;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &strings[3], DBUS_TYPE_INVALID);
        dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &one, DBUS_TYPE_INVALID);
        dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &two, DBUS_TYPE_INVALID);
        g_assert_true(one == two);
        g_assert_true(one != strings[3]);
        dbus_message_unref(m);
}

static const struct {
        const char *name;
        void (*run)(gconstpointer);
} each_type[] = {
        {"value", one_value},
        {"behind-others", behind_others},
        {"array", array},
        {"wrong-type", wrong_type},
};

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/args/nothing", nothing},
                {"/args/too-few", too_few},
                {"/args/too-many", too_many},
                {"/args/scalar-for-array", scalar_for_array},
                {"/args/string-arrays-before-mistake", string_arrays_before_mistake},
                {"/args/containers", containers_are_refused},
                {"/args/array-of-arrays", array_of_arrays_for_array},
                {"/args/all-types", all_types_at_once},
                {"/args/valist", valists},
                {"/args/in-parts", appended_in_parts},
                {"/args/longest-signature", longest_signature},
                {"/args/empty-arrays", empty_arrays},
                {"/args/big-array", big_array},
                {"/args/live-in-message", values_live_in_message},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                for (size_t k = 0; k < G_N_ELEMENTS(each_type); k++) {
                        g_autofree char *path =
                                g_strdup_printf("/args/%s/%s", types[i].name, each_type[k].name);

                        g_test_add_data_func(path, &types[i], each_type[k].run);
                }
        }
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        return g_test_run();
}
