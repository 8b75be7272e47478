/* SPDX-License-Identifier: MIT */
/* Signatures: their validity, iterators over them, and what kinds of types there are. */

#include <string.h>

#include "harness.h"

static const char *const good[] = {
        "",
        "y",
        "b",
        "n",
        "q",
        "i",
        "u",
        "x",
        "t",
        "d",
        "s",
        "o",
        "g",
        "h",
        "v",
        "ai",
        "aai",
        "(i)",
        "(ii)",
        "a(ii)",
        "a{sv}",
        "a{ys}",
        "a{os}",
        "a{gs}",
        "a{bs}",
        "a{ds}",
        "a{hs}",
        "a{s(ii)}",
        "a{sa{sv}}",
        "iii",
        "sa{sv}as",
        "((i)(i(i)))",
        "(a{sv}v)",
        "aaaaaaas",
        "a{s(ia{iv})}",
        "av",
        "ah",
        "ybnqiuxtdsogvh",
        "(y)(b)(n)",
        "a(a(a(a(i))))",
};

static const char *const bad[] = {
        "z",     "r",        "e",       "m",     "*",      "?",     "@",      "&",
        "^",     "p",        "a",       "aa",    "ia",     "(a)",   "()",     "(",
        ")",     "(i",       "i)",      "((i)",  "(i))",   "{",     "}",      "{sv}",
        "(ii}",  "a{sv",     "a{}",     "a{s}",  "a{sss}", "a{vs}", "a{ass}", "a{(i)s}",
        "a{s}v", "a{{ss}s}", "a({sv})", "i ",    " i",     "\x01",  "\xff",   "I",
        "0",     "a()",      "a{s()}",  "sv}",   "a{sv)",  "a(ii}", "aa{s}",  "(a{sv)}",
        "a{",    "a}",       "a{s",     "e{sv}", "iiz",    "(iz)",  "a{zs}",  "a{sz}",
};

static void valid(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                DBusError error = DBUS_ERROR_INIT;

                g_assert_true(dbus_signature_validate(good[i], &error));
                expect_no_error(&error);
                g_assert_true(dbus_signature_validate(good[i], NULL));
        }
}

static void invalid(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                DBusError error = DBUS_ERROR_INIT;

                g_assert_false(dbus_signature_validate(bad[i], &error));
                note_text("signature", bad[i]);
                expect_error(&error, DBUS_ERROR_INVALID_SIGNATURE);
                g_assert_false(dbus_signature_validate(bad[i], NULL));
        }
}

static void single(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                DBusError error = DBUS_ERROR_INIT;
                dbus_bool_t ok = dbus_signature_validate_single(good[i], &error);

                note("%s: %d", good[i], ok);
                note_error("error", &error);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                DBusError error = DBUS_ERROR_INIT;

                g_assert_false(dbus_signature_validate_single(bad[i], &error));
                note_text("signature", bad[i]);
                note_error("error", &error);
        }
}

static void exactly_one(void)
{
        static const char *const one[] = {"i", "as", "(iii)", "a{sv}", "v", "aaai"};
        static const char *const not_one[] = {"", "ii", "asi", "(i)(i)", "a{sv}v", "vv"};

        for (size_t i = 0; i < G_N_ELEMENTS(one); i++)
                g_assert_true(dbus_signature_validate_single(one[i], NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(not_one); i++) {
                DBusError error = DBUS_ERROR_INIT;

                g_assert_false(dbus_signature_validate_single(not_one[i], &error));
                expect_error(&error, DBUS_ERROR_INVALID_SIGNATURE);
        }
}

/* `n` times `begin`, then `middle`, then `n` times `end`. */
static char *nested(unsigned n, const char *begin, const char *middle, const char *end)
{
        GString *s = g_string_new(NULL);

        for (unsigned i = 0; i < n; i++)
                g_string_append(s, begin);
        g_string_append(s, middle);
        for (unsigned i = 0; i < n; i++)
                g_string_append(s, end);
        return g_string_free(s, FALSE);
}

static void depth(void)
{
        static const struct {
                const char *begin, *middle, *end;
        } kinds[] = {
                {"a", "y", ""},   {"(", "y", ")"},   {"a(", "y", ")"},
                {"(a", "y", ")"}, {"a{y", "y", "}"}, {"(y", "y", "y)"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                for (unsigned n = 30; n < 36; n++) {
                        g_autofree char *signature =
                                nested(n, kinds[i].begin, kinds[i].middle, kinds[i].end);
                        DBusError error = DBUS_ERROR_INIT;
                        dbus_bool_t ok = dbus_signature_validate(signature, &error);

                        note("%u x %s: %d", n, kinds[i].begin, ok);
                        note_error("error", &error);
                        if (i < 2)
                                g_assert_cmpint(ok, ==, n <= 32);
                }
        }
}

static void length(void)
{
        static const unsigned lengths[] = {100, 254, 255, 256, 257, 1000};

        for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
                g_autofree char *signature = g_strnfill(lengths[i], 'i');
                DBusError error = DBUS_ERROR_INIT;

                g_assert_cmpint(dbus_signature_validate(signature, &error), ==, lengths[i] <= 255);
                note_error("length", &error);
        }
}

/* Everything that an iterator finds. */
static void put_signature(GString *out, DBusSignatureIter *iter)
{
        do {
                int type = dbus_signature_iter_get_current_type(iter);
                char *signature = dbus_signature_iter_get_signature(iter);

                g_string_append_printf(out, "%c=%s ", type ? type : '0', signature);
                dbus_free(signature);
                if (type == DBUS_TYPE_ARRAY)
                        g_string_append_printf(out, "of %c ",
                                               dbus_signature_iter_get_element_type(iter));
                if (type && type != DBUS_TYPE_VARIANT && dbus_type_is_container(type)) {
                        DBusSignatureIter sub;

                        dbus_signature_iter_recurse(iter, &sub);
                        g_string_append(out, "[ ");
                        put_signature(out, &sub);
                        g_string_append(out, "] ");
                }
        } while (dbus_signature_iter_next(iter));
}

static void iterate(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                DBusSignatureIter iter;
                g_autoptr(GString) out = g_string_new(NULL);

                dbus_signature_iter_init(&iter, good[i]);
                /* There is nothing behind the end, which would be read. */
                if (*good[i])
                        put_signature(out, &iter);
                note("\"%s\": %s", good[i], out->str);
        }
}

static void iterator_steps(void)
{
        DBusSignatureIter iter, sub;

        dbus_signature_iter_init(&iter, "i(sy)au");
        g_assert_cmpint(dbus_signature_iter_get_current_type(&iter), ==, 'i');
        g_assert_true(dbus_signature_iter_next(&iter));
        g_assert_cmpint(dbus_signature_iter_get_current_type(&iter), ==, DBUS_TYPE_STRUCT);
        dbus_signature_iter_recurse(&iter, &sub);
        g_assert_cmpint(dbus_signature_iter_get_current_type(&sub), ==, 's');
        g_assert_true(dbus_signature_iter_next(&sub));
        g_assert_cmpint(dbus_signature_iter_get_current_type(&sub), ==, 'y');
        g_assert_false(dbus_signature_iter_next(&sub));
        g_assert_true(dbus_signature_iter_next(&iter));
        g_assert_cmpint(dbus_signature_iter_get_current_type(&iter), ==, DBUS_TYPE_ARRAY);
        g_assert_cmpint(dbus_signature_iter_get_element_type(&iter), ==, 'u');
        g_assert_false(dbus_signature_iter_next(&iter));
}

static void iterator_signature(void)
{
        DBusSignatureIter iter;
        char *signature;

        dbus_signature_iter_init(&iter, "(ii)ii");
        signature = dbus_signature_iter_get_signature(&iter);
        g_assert_cmpstr(signature, ==, "(ii)");
        dbus_free(signature);
        dbus_signature_iter_next(&iter);
        signature = dbus_signature_iter_get_signature(&iter);
        g_assert_cmpstr(signature, ==, "i");
        dbus_free(signature);
}

static void iterator_of_dictionary(void)
{
        DBusSignatureIter iter, entry, field;
        char *signature;

        dbus_signature_iter_init(&iter, "a{sv}");
        g_assert_cmpint(dbus_signature_iter_get_current_type(&iter), ==, DBUS_TYPE_ARRAY);
        g_assert_cmpint(dbus_signature_iter_get_element_type(&iter), ==, DBUS_TYPE_DICT_ENTRY);
        dbus_signature_iter_recurse(&iter, &entry);
        g_assert_cmpint(dbus_signature_iter_get_current_type(&entry), ==, DBUS_TYPE_DICT_ENTRY);
        signature = dbus_signature_iter_get_signature(&entry);
        g_assert_cmpstr(signature, ==, "{sv}");
        dbus_free(signature);
        dbus_signature_iter_recurse(&entry, &field);
        g_assert_cmpint(dbus_signature_iter_get_current_type(&field), ==, 's');
        g_assert_true(dbus_signature_iter_next(&field));
        g_assert_cmpint(dbus_signature_iter_get_current_type(&field), ==, 'v');
        g_assert_false(dbus_signature_iter_next(&field));
}

static void iterator_of_nothing(void)
{
        DBusSignatureIter iter;

        dbus_signature_iter_init(&iter, "");
        g_assert_cmpint(dbus_signature_iter_get_current_type(&iter), ==, DBUS_TYPE_INVALID);
}

/* The end stays the end. */
static void iterator_beyond_end(void)
{
        DBusSignatureIter iter;

        dbus_signature_iter_init(&iter, "ii");
        g_assert_true(dbus_signature_iter_next(&iter));
        for (unsigned i = 0; i < 3; i++) {
                note("next: %d", dbus_signature_iter_next(&iter));
                note("type: %d", dbus_signature_iter_get_current_type(&iter));
        }
}

static void kinds(void)
{
        static const char types[] = "ybnqiuxtdsoghavre";

        for (size_t i = 0; types[i]; i++) {
                int type = types[i];

                g_assert_true(dbus_type_is_valid(type));
                g_assert_cmpint(dbus_type_is_basic(type), ==, !!strchr("ybnqiuxtdsogh", type));
                g_assert_cmpint(dbus_type_is_container(type), ==, !!strchr("avre", type));
                g_assert_cmpint(dbus_type_is_fixed(type), ==, !!strchr("ybnqiuxtdh", type));
        }
}

static void kind_of_invalid(void)
{
        g_assert_false(dbus_type_is_valid(DBUS_TYPE_INVALID));
        g_assert_false(dbus_type_is_basic(DBUS_TYPE_INVALID));
        g_assert_false(dbus_type_is_container(DBUS_TYPE_INVALID));
        g_assert_false(dbus_type_is_fixed(DBUS_TYPE_INVALID));
}

static void valid_types(void)
{
        unsigned n = 0;

        for (int type = -300; type < 1000; type++) {
                bool is = type > 0 && type < 128 && strchr("ybnqiuxtdsoghavre", type);

                g_assert_cmpint(!!dbus_type_is_valid(type), ==, is);
                n += is;
        }
        /* r and e are among them, (, ), { and } are not. */
        note("%u of %d", n, DBUS_NUMBER_OF_TYPES);
        g_assert_false(dbus_type_is_valid(DBUS_STRUCT_BEGIN_CHAR));
        g_assert_false(dbus_type_is_valid(DBUS_DICT_ENTRY_END_CHAR));
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/validate/good", valid},
                {"/validate/bad", invalid},
                {"/validate/single", single},
                {"/validate/exactly-one", exactly_one},
                {"/validate/depth", depth},
                {"/validate/length", length},
                {"/iter/everything", iterate},
                {"/iter/steps", iterator_steps},
                {"/iter/signature", iterator_signature},
                {"/iter/dictionary", iterator_of_dictionary},
                {"/iter/nothing", iterator_of_nothing},
                {"/iter/beyond-end", iterator_beyond_end},
                {"/type/kinds", kinds},
                {"/type/invalid", kind_of_invalid},
                {"/type/valid", valid_types},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
