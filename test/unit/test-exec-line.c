/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <string.h>

#include "bus/exec-line.h"
#include "fail-alloc.h"

/* Lines and their words with a | between them; NULL: the quotes are not closed. What is here is
 * what the reference makes of it. */
static const struct {
        const char *line, *words;
} lines[] = {
        {"a", "a"},
        {"a b", "a|b"},
        {"", ""},
        {"  a \t b", "a|b"},
        {"a ", "a|"},
        {"a\nb", "a|b"},
        {"\na", "|a"},
        {"a \nb", "a||b"},
        {"a\n", "a|"},
        {"a\rb\v\f", "a\rb\v\f"},
        {"''", ""},
        {"'' \"\" x", "||x"},
        {"a'b c'\"d e\"f", "ab cd ef"},
        {"'a\\b\"$#\n'", "a\\b\"$#\n"},
        {"\"a\\\"b\\\\c\\$d\\`e\\\nf\"", "a\"b\\c$d`e\nf"},
        {"\"a\\'b\\ c\\nd#'\"", "a\\'b\\ c\\nd#'"},
        {"a\\ b\\'c\\\"d\\#e\\\\f", "a b'c\"d#e\\f"},
        {"a\\\nb", "ab"},
        {"a \\\n b", "a|b"},
        {"a\\nb", "anb"},
        {"x #comment", "x|"},
        {"x#comment", "x"},
        {"x#comment\ny", "xy"},
        {"# comment\nx y", "x|y"},
        {"x # 'y\\", "x|"},
        {"$HOME ~ * a;b `c`", "$HOME|~|*|a;b|`c`"},
        {"'", NULL},
        {"a'b", NULL},
        {"a\"b", NULL},
        {"\"\\\"", NULL},
        {"'\\''", NULL},
        {"a\\", NULL},
        {"#", NULL},
        {"a #", NULL},
};

static void test_lines(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
                char **words = NULL, *together;
                struct fault f = {0};
                int r = exec_line_split(lines[i].line, &words, &f);

                g_test_message("%s", lines[i].line);
                if (!lines[i].words) {
                        g_assert_cmpint(r, ==, -1);
                        g_assert_cmpstr(f.name, ==, ERROR_INVALID_ARGS);
                        g_assert_cmpstr(f.text, ==, "Unclosed quotes in command line");
                        fault_clear(&f);
                        continue;
                }
                g_assert_cmpint(r, ==, 0);
                together = g_strjoinv("|", words);
                g_assert_cmpstr(together, ==, lines[i].words);
                g_free(together);
                g_assert_null(exec_line_free(words));
        }
}

static void test_many_words(void)
{
        GString *line = g_string_new("0");
        char **words;
        struct fault f = {0};

        for (unsigned i = 1; i < 1000; i++)
                g_string_append_printf(line, " %u", i);
        g_assert_cmpint(exec_line_split(line->str, &words, &f), ==, 0);
        g_assert_cmpuint(g_strv_length(words), ==, 1000);
        g_assert_cmpstr(words[999], ==, "999");
        exec_line_free(words);
        g_string_free(line, TRUE);
}

static void test_no_memory(void)
{
        unsigned n = 0;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        for (bool failed = true; failed; n++) {
                char **words = NULL;
                struct fault f = {0};
                int r;

                fail_alloc_after(n);
                r = exec_line_split("a b c d e f g h i j", &words, &f);
                failed = fail_alloc_end();
                g_assert_cmpint(r, ==, failed ? -1 : 0);
                g_assert_cmpstr(f.name, ==, failed ? ERROR_NO_MEMORY : NULL);
                exec_line_free(words);
        }
        /* Where a sanitizer has a strndup() of its own, that never fails. */
        g_assert_cmpuint(n, >, 3);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/exec-line/lines", test_lines);
        g_test_add_func("/exec-line/many-words", test_many_words);
        g_test_add_func("/exec-line/no-memory", test_no_memory);
        return g_test_run();
}
