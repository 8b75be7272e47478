/* SPDX-License-Identifier: MIT */
/* Reading arguments with iterators, of messages written by hand in either byte order. */

#include <string.h>

#include "dump.h"
#include "harness.h"
#include "wire.h"

static const char orders[] = {'l', 'B'};

/* A method call with that body. */
static DBusMessage *message_in(char order, const char *signature, const char *body)
{
        g_autofree char *fields = g_strdup_printf("f:1:o o:/a f:3:s s:M f:8:g g:%s", signature);
        struct wire_message description = {.fields = fields, .body = body};
        struct wire w = wire_message(order, &description);
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *m =
                dbus_message_demarshal((const char *)w.bytes->data, (int)w.bytes->len, &error);

        expect_no_error(&error);
        wire_free(&w);
        return m;
}

static DBusMessage *message(const char *signature, const char *body)
{
        return message_in('l', signature, body);
}

struct sample {
        const char *name, *signature, *body;
};

static const struct sample samples[] = {
        {"numbers", "ybnqiuxtd",
         "y:255 b:1 n:-32768 q:65535 i:-2147483648 u:4294967295 x:-9223372036854775808 "
         "t:18446744073709551615 d:-1.25"},
        {"strings", "sog", "s:text o:/a/b g:a{sv}"},
        {"empty-strings", "sgs", "s: g: s:"},
        {"alignment", "ynyiyxydys", "y:1 n:2 y:3 i:4 y:5 x:6 y:7 d:8 y:9 s:ten"},
        {"struct", "(ii)(s(yt))", "( i:1 i:2 ( s:x ( y:1 t:2"},
        {"struct-after-byte", "y(y)y(y)", "y:1 ( y:2 y:3 ( y:4"},
        {"array-of-bytes", "ay", "a1[ y:1 y:2 y:3 ]"},
        {"array-of-booleans", "ab", "a4[ b:1 b:0 b:1 ]"},
        {"array-of-int16", "an", "a2[ n:1 n:-2 n:3 ]"},
        {"array-of-int32", "ai", "a4[ i:1 i:-2 i:3 ]"},
        {"array-of-int64", "ax", "a8[ x:1 x:-2 x:3 ]"},
        {"array-of-uint64-after-byte", "yat", "y:1 a8[ t:1 t:2 ]"},
        {"array-of-doubles", "ad", "a8[ d:1 d:-0.5 d:1e300 ]"},
        {"array-of-strings", "as", "a4[ s:one s:two s: s:three ]"},
        {"array-of-paths", "ao", "a4[ o:/ o:/a o:/a/b ]"},
        {"array-of-signatures", "ag", "a1[ g: g:i g:a{sv} ]"},
        {"array-of-structs", "a(ys)", "a8[ ( y:1 s:one ( y:2 s:two ]"},
        {"array-of-arrays", "aai", "a4[ a4[ i:1 i:2 ] a4[ ] a4[ i:3 ] ]"},
        {"array-of-arrays-of-int64", "aax", "a4[ a8[ x:1 ] a8[ ] a8[ x:2 x:3 ] ]"},
        {"array-of-variants", "av", "a1[ g:i i:1 g:s s:two g:v g:y y:3 ]"},
        {"dictionary", "a{sv}", "a8[ ( s:one g:i i:1 ( s:two g:s s:2 ( s:three g:ay a1[ y:3 ] ]"},
        {"dictionary-of-dictionaries", "a{sa{uy}}",
         "a8[ ( s:a a8[ ( u:1 y:1 ( u:2 y:2 ] ( s:b a8[ ] ]"},
        {"dictionary-by-byte", "a{y(ii)}", "a8[ ( y:1 ( i:2 i:3 ( y:4 ( i:5 i:6 ]"},
        {"empty-array", "ai", "a4[ ]"},
        {"empty-array-of-int64", "axy", "a8[ ] y:1"},
        {"empty-array-of-structs", "a(ii)s", "a8[ ] s:x"},
        {"empty-dictionary", "a{sv}y", "a8[ ] y:1"},
        {"empty-array-of-arrays", "aai", "a4[ ]"},
        {"empty-array-of-variants", "avi", "a1[ ] i:1"},
        {"variant", "v", "g:i i:5"},
        {"variant-of-string", "v", "g:s s:text"},
        {"variant-of-array", "v", "g:as a4[ s:x s:y ]"},
        {"variant-of-struct", "v", "g:(iy) ( i:1 y:2"},
        {"variant-of-dictionary", "v", "g:a{sv} a8[ ( s:k g:u u:1 ]"},
        {"variant-of-variant", "vy", "g:v g:v g:v g:t t:9 y:1"},
        {"variants-in-struct", "(vvv)", "( g:y y:1 g:x x:2 g:s s:3"},
        {"everything", "a{s(vaiaas)}(y(n(i(x))))v",
         "a8[ ( s:k ( g:d d:1.5 a4[ i:1 i:2 ] a4[ a4[ s:p s:q ] a4[ ] ] ] "
         "( y:1 ( n:2 ( i:3 ( x:4 g:a(yv) a8[ ( y:1 g:g g:i ]"},
};

/* The same values in both byte orders; and what was read is what is written. */
static void sample(gconstpointer data)
{
        const struct sample *s = data;

        for (size_t i = 0; i < G_N_ELEMENTS(orders); i++) {
                DBusMessage *m = message_in(orders[i], s->signature, s->body), *copy;

                if (!m)
                        continue;
                g_assert_cmpstr(dbus_message_get_signature(m), ==, s->signature);
                copy = dbus_message_copy(m);
                dbus_message_set_serial(copy, 1);
                dump_bytes("copy", copy);
                dump_body(s->name, m);
                dump_body("copy", copy);
                dbus_message_unref(copy);
                dbus_message_unref(m);
        }
}

static void both_orders_alike(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
                DBusMessage *little = message_in('l', samples[i].signature, samples[i].body);
                DBusMessage *big = message_in('B', samples[i].signature, samples[i].body);
                DBusMessageIter iter;
                g_autofree char *one = NULL, *two = NULL;

                dbus_message_iter_init(little, &iter);
                one = dump_iter(&iter);
                dbus_message_iter_init(big, &iter);
                two = dump_iter(&iter);
                g_assert_cmpstr(one, ==, two);
                dbus_message_unref(little);
                dbus_message_unref(big);
        }
}

static void no_arguments(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);
        DBusMessageIter iter;
        char *signature;

        g_assert_false(dbus_message_iter_init(m, &iter));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_INVALID);
        g_assert_false(dbus_message_iter_has_next(&iter));
        g_assert_false(dbus_message_iter_next(&iter));
        signature = dbus_message_iter_get_signature(&iter);
        g_assert_cmpstr(signature, ==, "");
        dbus_free(signature);
        dbus_message_unref(m);
}

static void walk(void)
{
        DBusMessage *m = message("iyb", "i:1 y:2 b:1");
        DBusMessageIter iter;

        g_assert_true(dbus_message_iter_init(m, &iter));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, 'i');
        g_assert_true(dbus_message_iter_has_next(&iter));
        g_assert_true(dbus_message_iter_next(&iter));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, 'y');
        g_assert_true(dbus_message_iter_has_next(&iter));
        g_assert_true(dbus_message_iter_next(&iter));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, 'b');
        g_assert_false(dbus_message_iter_has_next(&iter));
        g_assert_false(dbus_message_iter_next(&iter));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_INVALID);
        g_assert_false(dbus_message_iter_has_next(&iter));
        g_assert_false(dbus_message_iter_next(&iter));
        dbus_message_unref(m);
}

static void copied_by_value(void)
{
        DBusMessage *m = message("iiaii", "i:1 i:2 a4[ i:3 ] i:4");
        DBusMessageIter iter, saved;
        dbus_int32_t value = 0;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_next(&iter);
        saved = iter;
        dbus_message_iter_next(&iter);
        dbus_message_iter_next(&iter);
        dbus_message_iter_get_basic(&iter, &value);
        g_assert_cmpint(value, ==, 4);
        dbus_message_iter_get_basic(&saved, &value);
        g_assert_cmpint(value, ==, 2);
        g_assert_true(dbus_message_iter_next(&saved));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&saved), ==, DBUS_TYPE_ARRAY);
        dbus_message_unref(m);
}

/* A container is left by going on with the iterator it was entered from, read or not. */
static void sub_iterator_is_separate(void)
{
        DBusMessage *m = message("(is)a{sv}u", "( i:1 s:x a8[ ( s:k g:i i:1 ] u:7");
        DBusMessageIter iter, sub;
        dbus_uint32_t value = 0;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&sub), ==, 'i');
        g_assert_true(dbus_message_iter_next(&sub));
        g_assert_true(dbus_message_iter_next(&iter));
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_ARRAY);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&sub), ==, 's');
        g_assert_true(dbus_message_iter_next(&iter));
        dbus_message_iter_get_basic(&iter, &value);
        g_assert_cmpuint(value, ==, 7);
        dbus_message_unref(m);
}

static void signatures_of_iterators(void)
{
        DBusMessage *m = message("ia{s(iv)}(yv)v", "i:1 a8[ ( s:k ( i:1 g:y y:1 ] ( y:1 g:as a4[ ] "
                                                   "g:(ii) ( i:1 i:2");
        DBusMessageIter iter, sub;

        dbus_message_iter_init(m, &iter);
        do {
                char *signature = dbus_message_iter_get_signature(&iter);

                note("at %c: %s", dbus_message_iter_get_arg_type(&iter), signature);
                dbus_free(signature);
                if (!dbus_type_is_container(dbus_message_iter_get_arg_type(&iter)))
                        continue;
                dbus_message_iter_recurse(&iter, &sub);
                do {
                        signature = dbus_message_iter_get_signature(&sub);
                        note("below, at %c: %s", dbus_message_iter_get_arg_type(&sub), signature);
                        dbus_free(signature);
                } while (dbus_message_iter_next(&sub));
        } while (dbus_message_iter_next(&iter));
        dbus_message_unref(m);
}

static void variant_signature(void)
{
        DBusMessage *m = message("v", "g:a{sv} a8[ ]");
        DBusMessageIter iter, sub;
        char *signature;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        signature = dbus_message_iter_get_signature(&sub);
        g_assert_cmpstr(signature, ==, "a{sv}");
        dbus_free(signature);
        dbus_message_unref(m);
}

static void types_of_containers(void)
{
        DBusMessage *m = message("(i)a{sv}vai", "( i:1 a8[ ( s:x g:i i:1 ] g:y y:1 a4[ i:1 ]");
        DBusMessageIter iter, sub;

        dbus_message_iter_init(m, &iter);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_STRUCT);
        dbus_message_iter_next(&iter);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_ARRAY);
        g_assert_cmpint(dbus_message_iter_get_element_type(&iter), ==, DBUS_TYPE_DICT_ENTRY);
        dbus_message_iter_recurse(&iter, &sub);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&sub), ==, DBUS_TYPE_DICT_ENTRY);
        dbus_message_iter_next(&iter);
        g_assert_cmpint(dbus_message_iter_get_arg_type(&iter), ==, DBUS_TYPE_VARIANT);
        dbus_message_iter_next(&iter);
        g_assert_cmpint(dbus_message_iter_get_element_type(&iter), ==, DBUS_TYPE_INT32);
        dbus_message_unref(m);
}

static void element_types(void)
{
        static const struct {
                const char *signature, *body;
                int type;
        } arrays[] = {
                {"ay", "a1[ ]", 'y'},
                {"as", "a4[ ]", 's'},
                {"aas", "a4[ ]", DBUS_TYPE_ARRAY},
                {"a(ii)", "a8[ ]", DBUS_TYPE_STRUCT},
                {"av", "a1[ ]", 'v'},
                {"a{yy}", "a8[ ]", DBUS_TYPE_DICT_ENTRY},
                {"ag", "a1[ ]", 'g'},
                {"ax", "a8[ ]", 'x'},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
                DBusMessage *m = message(arrays[i].signature, arrays[i].body);
                DBusMessageIter iter, sub;

                if (!m)
                        continue;
                dbus_message_iter_init(m, &iter);
                g_assert_cmpint(dbus_message_iter_get_element_type(&iter), ==, arrays[i].type);
                dbus_message_iter_recurse(&iter, &sub);
                g_assert_cmpint(dbus_message_iter_get_arg_type(&sub), ==, DBUS_TYPE_INVALID);
                g_assert_false(dbus_message_iter_has_next(&sub));
                g_assert_false(dbus_message_iter_next(&sub));
                dbus_message_unref(m);
        }
}

static void element_counts(void)
{
        static const struct {
                const char *signature, *body;
                int count;
        } arrays[] = {
                {"ay", "a1[ ]", 0},
                {"ay", "a1[ y:1 y:2 y:3 y:4 y:5 ]", 5},
                {"an", "a2[ n:1 n:2 n:3 ]", 3},
                {"ai", "a4[ i:1 i:2 ]", 2},
                {"at", "a8[ t:1 ]", 1},
                {"yat", "y:1 a8[ t:1 t:2 ]", 2},
                {"as", "a4[ s:x s:yy s:zzzzzzz ]", 3},
                {"a(yy)", "a8[ ( y:1 y:2 ( y:3 y:4 ]", 2},
                {"a{yv}", "a8[ ( y:1 g:s s:x ( y:2 g:i i:1 ( y:3 g:v g:y y:1 ]", 3},
                {"aai", "a4[ a4[ i:1 i:2 i:3 ] a4[ ] ]", 2},
                {"av", "a1[ g:y y:1 ]", 1},
                {"ag", "a1[ g: g: g: ]", 3},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
                DBusMessage *m = message(arrays[i].signature, arrays[i].body);
                DBusMessageIter iter, sub;

                dbus_message_iter_init(m, &iter);
                while (dbus_message_iter_get_arg_type(&iter) != DBUS_TYPE_ARRAY)
                        dbus_message_iter_next(&iter);
                g_assert_cmpint(dbus_message_iter_get_element_count(&iter), ==, arrays[i].count);
                /* It has not moved. */
                dbus_message_iter_recurse(&iter, &sub);
                for (int n = 1; n < arrays[i].count; n++)
                        g_assert_true(dbus_message_iter_next(&sub));
                g_assert_false(dbus_message_iter_next(&sub));
                dbus_message_unref(m);
        }
}

static void array_lengths(void)
{
        static const struct {
                const char *signature, *body;
                int length;
        } arrays[] = {
                {"ay", "a1[ ]", 0},           {"ay", "a1[ y:1 y:2 y:3 ]", 3},
                {"ai", "a4[ i:1 i:2 ]", 8},   {"ax", "a8[ x:1 ]", 8},
                {"as", "a4[ s:x s:yy ]", 15}, {"a(yy)", "a8[ ( y:1 y:2 ( y:3 y:4 ]", 10},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(arrays); i++) {
                DBusMessage *m = message(arrays[i].signature, arrays[i].body);
                DBusMessageIter iter, sub;

                dbus_message_iter_init(m, &iter);
                dbus_message_iter_recurse(&iter, &sub);
                G_GNUC_BEGIN_IGNORE_DEPRECATIONS
                g_assert_cmpint(dbus_message_iter_get_array_len(&sub), ==, arrays[i].length);
                dbus_message_iter_next(&sub);
                note("%s: after one element: %d", arrays[i].signature,
                     dbus_message_iter_get_array_len(&sub));
                G_GNUC_END_IGNORE_DEPRECATIONS
                dbus_message_unref(m);
        }
}

static void fixed_array(char order)
{
        DBusMessage *m = message_in(order, "aiad", "a4[ i:1 i:-2 i:3 ] a8[ d:0.5 d:-2 ]");
        DBusMessageIter iter, sub;
        const dbus_int32_t *numbers = NULL;
        const double *doubles = NULL;
        int n = -1;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        dbus_message_iter_get_fixed_array(&sub, &numbers, &n);
        g_assert_cmpint(n, ==, 3);
        g_assert_cmpint(numbers[0], ==, 1);
        g_assert_cmpint(numbers[1], ==, -2);
        g_assert_cmpint(numbers[2], ==, 3);
        dbus_message_iter_next(&iter);
        dbus_message_iter_recurse(&iter, &sub);
        dbus_message_iter_get_fixed_array(&sub, &doubles, &n);
        g_assert_cmpint(n, ==, 2);
        g_assert_true(doubles[0] == 0.5 && doubles[1] == -2);
        g_assert_cmpuint((guintptr)doubles % 8, ==, 0);
        dbus_message_unref(m);
}

static void fixed_array_little(void)
{
        fixed_array('l');
}

static void fixed_array_big(void)
{
        fixed_array('B');
}

/* The block begins at the iterator, wherever that is in the array. */
static void rest_of_fixed_array(void)
{
        DBusMessage *m = message("aq", "a2[ q:1 q:2 q:3 q:4 ]");
        DBusMessageIter iter, sub;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        for (int left = 4; left; left--) {
                const dbus_uint16_t *values = NULL;
                int n = -1;

                dbus_message_iter_get_fixed_array(&sub, &values, &n);
                g_assert_cmpint(n, ==, left);
                g_assert_cmpuint(values[0], ==, 5 - left);
                g_assert_cmpint(dbus_message_iter_next(&sub), ==, left > 1);
        }
        dbus_message_unref(m);
}

static void empty_fixed_array(void)
{
        DBusMessage *m = message("axy", "a8[ ] y:1");
        DBusMessageIter iter, sub;
        const dbus_int64_t *values = NULL;
        int n = -1;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        dbus_message_iter_get_fixed_array(&sub, &values, &n);
        g_assert_cmpint(n, ==, 0);
        note("values are %s", values ? "somewhere" : "NULL");
        dbus_message_unref(m);
}

static void fixed_array_one_by_one(void)
{
        DBusMessage *m = message_in('B', "an", "a2[ n:1 n:-2 n:3 ]");
        DBusMessageIter iter, sub;
        dbus_int16_t value = 0;
        static const dbus_int16_t expected[] = {1, -2, 3};

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        for (size_t i = 0; i < G_N_ELEMENTS(expected); i++) {
                dbus_message_iter_get_basic(&sub, &value);
                g_assert_cmpint(value, ==, expected[i]);
                dbus_message_iter_next(&sub);
        }
        dbus_message_unref(m);
}

/* Values are written where the manual says, and no further. */
static void basic_writes_no_more(void)
{
        DBusMessage *m = message_in('B', "ybnqiuxtd", "y:1 b:1 n:2 q:3 i:4 u:5 x:6 t:7 d:8");
        DBusMessageIter iter;

        dbus_message_iter_init(m, &iter);
        do {
                unsigned char area[16];

                memset(area, 0xaa, sizeof area);
                dbus_message_iter_get_basic(&iter, area);
                note_bytes((const char[]){(char)dbus_message_iter_get_arg_type(&iter), '\0'}, area,
                           sizeof area);
        } while (dbus_message_iter_next(&iter));
        dbus_message_unref(m);
}

static void basic_union(void)
{
        DBusMessage *m = message("ibtdsoy", "i:-1 b:1 t:77 d:0.25 s:str o:/p y:9");
        DBusMessage *other = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);
        DBusMessageIter from, to;

        dbus_message_iter_init(m, &from);
        dbus_message_iter_init_append(other, &to);
        do {
                DBusBasicValue value;

                dbus_message_iter_get_basic(&from, &value);
                g_assert_true(dbus_message_iter_append_basic(
                        &to, dbus_message_iter_get_arg_type(&from), &value));
        } while (dbus_message_iter_next(&from));
        dump_body("from", m);
        dump_body("to", other);
        dbus_message_unref(other);
        dbus_message_unref(m);
}

/* As deep as the specification allows: 32 arrays around 32 structs, and no further. */
static void deep(void)
{
        g_autoptr(GString) signature = g_string_new(NULL), body = g_string_new(NULL);
        DBusMessage *m;
        DBusMessageIter iters[65];
        unsigned depth = 0;
        unsigned char value = 0;

        for (unsigned i = 0; i < 32; i++) {
                g_string_append(signature, "a");
                g_string_append(body, i == 31 ? "a8[ " : "a4[ ");
        }
        for (unsigned i = 0; i < 32; i++) {
                g_string_append(signature, "(");
                g_string_append(body, "( ");
        }
        g_string_append(signature, "y");
        g_string_append(body, "y:42");
        for (unsigned i = 0; i < 32; i++)
                g_string_append(signature, ")");
        for (unsigned i = 0; i < 32; i++)
                g_string_append(body, " ]");
        m = message(signature->str, body->str);
        dbus_message_iter_init(m, &iters[0]);
        while (dbus_type_is_container(dbus_message_iter_get_arg_type(&iters[depth]))) {
                dbus_message_iter_recurse(&iters[depth], &iters[depth + 1]);
                depth += 1;
        }
        g_assert_cmpuint(depth, ==, 64);
        dbus_message_iter_get_basic(&iters[depth], &value);
        g_assert_cmpuint(value, ==, 42);
        for (unsigned i = 0; i <= depth; i++)
                g_assert_false(dbus_message_iter_next(&iters[i]));
        dbus_message_unref(m);
}

static void deep_variants(void)
{
        g_autoptr(GString) body = g_string_new(NULL);
        DBusMessage *m;
        DBusMessageIter iter, sub;
        unsigned depth = 0;

        for (unsigned i = 0; i < 63; i++)
                g_string_append(body, "g:v ");
        g_string_append(body, "g:y y:1");
        m = message("v", body->str);
        if (!m)
                return;
        dbus_message_iter_init(m, &iter);
        while (dbus_message_iter_get_arg_type(&iter) == DBUS_TYPE_VARIANT) {
                dbus_message_iter_recurse(&iter, &sub);
                iter = sub;
                depth += 1;
        }
        g_assert_cmpuint(depth, ==, 64);
        dbus_message_unref(m);
}

static void many_elements(void)
{
        g_autoptr(GString) body = g_string_new("a4[");
        DBusMessage *m;
        DBusMessageIter iter, sub;
        unsigned n = 0;

        for (unsigned i = 0; i < 5000; i++)
                g_string_append_printf(body, " s:element-%u", i);
        g_string_append(body, " ]");
        m = message("as", body->str);
        dbus_message_iter_init(m, &iter);
        g_assert_cmpint(dbus_message_iter_get_element_count(&iter), ==, 5000);
        dbus_message_iter_recurse(&iter, &sub);
        do {
                g_autofree char *expected = g_strdup_printf("element-%u", n++);
                const char *text = NULL;

                dbus_message_iter_get_basic(&sub, &text);
                g_assert_cmpstr(text, ==, expected);
        } while (dbus_message_iter_next(&sub));
        g_assert_cmpuint(n, ==, 5000);
        dbus_message_unref(m);
}

/* has_next() looks only at its own level. */
static void has_next_below(void)
{
        DBusMessage *m = message("(iy)as", "( i:1 y:2 a4[ s:x s:y ]");
        DBusMessageIter iter, sub;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        g_assert_true(dbus_message_iter_has_next(&sub));
        dbus_message_iter_next(&sub);
        g_assert_false(dbus_message_iter_has_next(&sub));
        g_assert_true(dbus_message_iter_has_next(&iter));
        dbus_message_iter_next(&iter);
        g_assert_false(dbus_message_iter_has_next(&iter));
        dbus_message_iter_recurse(&iter, &sub);
        g_assert_true(dbus_message_iter_has_next(&sub));
        dbus_message_iter_next(&sub);
        g_assert_false(dbus_message_iter_has_next(&sub));
        dbus_message_unref(m);
}

/* The arguments of a message in a foreign byte order may be read, in part, before it is changed. */
static void append_to_foreign_order(void)
{
        DBusMessage *m = message_in('B', "ias", "i:5 a4[ s:x ]");
        DBusMessage *copy = dbus_message_copy(m);
        const char *text = "more";
        dbus_uint64_t number = 0x0102030405060708;

        g_assert_true(dbus_message_append_args(copy, DBUS_TYPE_STRING, &text, DBUS_TYPE_UINT64,
                                               &number, DBUS_TYPE_INVALID));
        dbus_message_set_serial(copy, 9);
        dump_bytes("more", copy);
        dump_message("more", copy);
        dbus_message_unref(copy);
        dbus_message_unref(m);
}

static void fields_of_foreign_order(void)
{
        DBusMessage *m = message_in('B', "i", "i:5"), *copy = dbus_message_copy(m);

        g_assert_true(dbus_message_set_path(copy, "/longer/path"));
        g_assert_true(dbus_message_set_destination(copy, ":1.1"));
        g_assert_true(dbus_message_set_reply_serial(copy, 0x01020304));
        dbus_message_set_serial(copy, 0x05060708);
        dump_bytes("changed", copy);
        dump_message("changed", copy);
        dbus_message_unref(copy);
        dbus_message_unref(m);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/iter/both-orders-alike", both_orders_alike},
                {"/iter/no-arguments", no_arguments},
                {"/iter/walk", walk},
                {"/iter/copied-by-value", copied_by_value},
                {"/iter/sub-separate", sub_iterator_is_separate},
                {"/iter/has-next-below", has_next_below},
                {"/iter/signatures", signatures_of_iterators},
                {"/iter/variant-signature", variant_signature},
                {"/iter/container-types", types_of_containers},
                {"/iter/element-types", element_types},
                {"/iter/element-count", element_counts},
                {"/iter/array-length", array_lengths},
                {"/iter/fixed-array-little", fixed_array_little},
                {"/iter/fixed-array-big", fixed_array_big},
                {"/iter/fixed-array-rest", rest_of_fixed_array},
                {"/iter/fixed-array-empty", empty_fixed_array},
                {"/iter/fixed-array-one-by-one", fixed_array_one_by_one},
                {"/iter/basic-writes-no-more", basic_writes_no_more},
                {"/iter/basic-union", basic_union},
                {"/iter/deep", deep},
                {"/iter/deep-variants", deep_variants},
                {"/iter/many-elements", many_elements},
                {"/order/append", append_to_foreign_order},
                {"/order/fields", fields_of_foreign_order},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(samples); i++) {
                g_autofree char *path = g_strdup_printf("/iter/sample/%s", samples[i].name);

                g_test_add_data_func(path, &samples[i], sample);
        }
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        return g_test_run();
}
