/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "core/signature.h"

static void test_valid(void)
{
        static const struct {
                const char *text;
                unsigned types; /* complete types; 0: not valid, but for the empty one */
        } signatures[] = {
                {"y", 1},
                {"ybnqiuxtdhsogv", 14},
                {"ay", 1},
                {"aaay", 1},
                {"(y)", 1},
                {"(y(s)(ii))", 1},
                {"a{sv}", 1},
                {"a{s(ii)}", 1},
                {"aa{yy}y", 2},
                {"(a{sa{sv}})ss", 3},
                {"a(yv)", 1},
                {"ayas", 2},
                {"a{ga{oa{hd}}}", 1},
                {"a", 0},
                {"aa", 0},
                {"ya", 0},
                {"()", 0},
                {"(", 0},
                {")", 0},
                {"(y", 0},
                {"y)", 0},
                {"(a)", 0},
                {"{yy}", 0},
                {"({yy})", 0},
                {"a{y}", 0},
                {"a{}", 0},
                {"a{yyy}", 0},
                {"a{vy}", 0},
                {"a{ayy}", 0},
                {"a{(y)y}", 0},
                {"a{yy", 0},
                {"a{y", 0},
                {"a{", 0},
                {"a{yy)", 0},
                {"(yy}", 0},
                {"a{y(y}", 0},
                {"a{sa}", 0},
                {"a()", 0},
                {"z", 0},
                {"r", 0},
                {"e", 0},
                {"m", 0},
                {"Y", 0},
                {" ", 0},
                {"y ", 0},
                {"\xff", 0},
                {"*", 0},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(signatures); ++i) {
                const char *text = signatures[i].text, *left = text;
                unsigned types = signatures[i].types;

                if (signature_valid(text, strlen(text)) != (types > 0))
                        g_error("\"%s\" should be %s", text, types ? "valid" : "not valid");
                g_assert_cmpint(signature_valid_single(text, strlen(text)), ==, types == 1);
                for (; types; --types) {
                        size_t n = signature_next(left);

                        g_assert_true(signature_valid_single(left, n));
                        left += n;
                        g_assert_cmpint(*left == '\0', ==, types == 1);
                }
        }
        g_assert_true(signature_valid("", 0));
        g_assert_false(signature_valid_single("", 0));
        g_assert_false(signature_valid("y\0", 2));
        g_assert_false(signature_valid("a\0y", 3));
        g_assert_true(signature_valid("y)", 1));
        g_assert_false(signature_valid("ay", 1));
        g_assert_false(signature_valid("(y)", 2));
        g_assert_false(signature_valid("a{yy}", 2));
        g_assert_false(signature_valid("a{yy}", 3));
        g_assert_false(signature_valid("a{yy}", 4));
}

/* `n` times `open`, then `inside`, then `n` times `close`. */
static bool nested_valid(unsigned n, const char *open, const char *inside, const char *close)
{
        g_autoptr(GString) text = g_string_new(NULL);

        for (unsigned i = 0; i < n; ++i)
                g_string_append(text, open);
        g_string_append(text, inside);
        for (unsigned i = 0; i < n; ++i)
                g_string_append(text, close);
        return signature_valid(text->str, text->len);
}

static void test_depth(void)
{
        g_autofree char *arrays = g_strnfill(SIGNATURE_MAX_ARRAY_DEPTH, 'a');
        g_autofree char *inside = g_strconcat(arrays, "y", NULL);
        g_autofree char *too_deep = g_strconcat("a", inside, NULL);
        g_autofree char *dicts = g_strconcat(arrays, "{y", inside, "}", NULL);
        g_autofree char *structs = g_strconcat(arrays, "(", inside, ")", NULL);

        g_assert_true(nested_valid(32, "a", "y", ""));
        g_assert_false(nested_valid(33, "a", "y", ""));
        g_assert_true(nested_valid(32, "(", "y", ")"));
        g_assert_false(nested_valid(33, "(", "y", ")"));
        g_assert_true(nested_valid(32, "a{y", "y", "}"));
        g_assert_false(nested_valid(33, "a{y", "y", "}"));

        /* Each kind has its own limit, and arrays count where they follow each other. */
        g_assert_true(nested_valid(32, "a(", inside, ")"));
        g_assert_false(nested_valid(32, "a(", too_deep, ")"));
        g_assert_true(nested_valid(1, "(", dicts, ")"));
        g_assert_true(nested_valid(1, "(", structs, ")"));
        g_assert_true(nested_valid(25, "a{y(", "y", ")}"));
        g_assert_false(nested_valid(16, "((", "(y)", "))"));
}

static void test_length(void)
{
        g_autofree char *text = g_strnfill(256, 'y');

        g_assert_true(signature_valid(text, 255));
        g_assert_false(signature_valid(text, 256));
        memset(text, 'a', 32);
        memset(text + 32, '(', 1);
        text[254] = text[255] = ')';
        g_assert_true(signature_valid_single(text, 255));
        text[254] = 'y';
        g_assert_false(signature_valid_single(text, 256));
}

static void test_types(void)
{
        static const char codes[] = "ybnqiuxtdhsogav({";
        static const unsigned alignments[] = {1, 4, 2, 2, 4, 4, 8, 8, 8, 4, 4, 4, 1, 4, 1, 8, 8};
        static const unsigned sizes[] = {1, 4, 2, 2, 4, 4, 8, 8, 8, 4};

        for (unsigned c = 0; c < 256; ++c) {
                const char *found = c ? strchr(codes, (int)c) : NULL;
                size_t i = found ? (size_t)(found - codes) : 0;

                g_assert_cmpuint(signature_alignment((char)c), ==, found ? alignments[i] : 0);
                g_assert_cmpuint(signature_fixed_size((char)c), ==, found && i < 10 ? sizes[i] : 0);
                g_assert_cmpint(signature_is_basic((char)c), ==, found && i < 13);
        }
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/signature/valid", test_valid);
        g_test_add_func("/signature/depth", test_depth);
        g_test_add_func("/signature/length", test_length);
        g_test_add_func("/signature/types", test_types);
        return g_test_run();
}
