/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <stdint.h>
#include <string.h>

#include "core/syntax.h"

typedef bool check(const char *text, size_t length);

static void expect(check *valid, const char *text, bool expected)
{
        if (valid(text, strlen(text)) != expected)
                g_error("\"%s\" should be %s", text, expected ? "valid" : "not valid");
}

static void test_names(void)
{
        enum { UNIQUE = 1, WELL_KNOWN = 2, INTERFACE = 4, MEMBER = 8, NAMESPACE = 16 };
        static const struct {
                const char *text;
                unsigned valid_as;
        } names[] = {
                {"", 0},
                {"a", MEMBER | NAMESPACE},
                {"_", MEMBER | NAMESPACE},
                {"aZ_09", MEMBER | NAMESPACE},
                {"0a", 0},
                {"-", NAMESPACE},
                {"a-b", NAMESPACE},
                {"a.b", WELL_KNOWN | INTERFACE | NAMESPACE},
                {"a._0", WELL_KNOWN | INTERFACE | NAMESPACE},
                {"a.0", 0},
                {"0.a", 0},
                {"a-b.-c", WELL_KNOWN | NAMESPACE},
                {"a.", 0},
                {".a", 0},
                {"a..b", 0},
                {".", 0},
                {"a b", 0},
                {"a/b", 0},
                {"a:b", 0},
                {"\xc3\xa4", 0},
                {"com.example.A_Long.Name9", WELL_KNOWN | INTERFACE | NAMESPACE},
                {":1.7", UNIQUE | NAMESPACE},
                {":a-b.0", UNIQUE | NAMESPACE},
                {":1", UNIQUE | NAMESPACE},
                {":", UNIQUE | NAMESPACE},
                {":.1", UNIQUE | NAMESPACE},
                {":.", 0},
                {":..1", 0},
                {":1.", 0},
                {":1..2", 0},
                {"::1", 0},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(names); ++i) {
                unsigned as = names[i].valid_as;
                const char *text = names[i].text;

                expect(syntax_unique_name, text, as & UNIQUE);
                expect(syntax_well_known_name, text, as & WELL_KNOWN);
                expect(syntax_bus_name, text, as & (UNIQUE | WELL_KNOWN));
                expect(syntax_bus_namespace, text, as & NAMESPACE);
                expect(syntax_interface, text, as & INTERFACE);
                expect(syntax_error_name, text, as & INTERFACE);
                expect(syntax_member, text, as & MEMBER);
        }
}

static void test_lengths(void)
{
        char text[NAME_MAX_LENGTH + 2];

        for (size_t length = NAME_MAX_LENGTH; length <= NAME_MAX_LENGTH + 1; ++length) {
                bool valid = length == NAME_MAX_LENGTH;

                memset(text, 'a', length);
                text[length] = '\0';
                expect(syntax_member, text, valid);
                expect(syntax_bus_namespace, text, valid);
                expect(syntax_path, text, false);
                text[1] = '.';
                expect(syntax_interface, text, valid);
                expect(syntax_error_name, text, valid);
                expect(syntax_bus_name, text, valid);
                text[0] = ':';
                expect(syntax_bus_name, text, valid);
                expect(syntax_bus_namespace, text, valid);
                /* Paths are as long as they like. */
                text[0] = '/';
                text[1] = 'a';
                expect(syntax_path, text, true);
        }
        /* What is behind the text does not count. */
        g_assert_true(syntax_member("ab.", 2));
        g_assert_true(syntax_member("abc", 2));
        g_assert_true(syntax_path("/a/", 2));
        g_assert_true(syntax_path("/ab", 2));
        g_assert_true(syntax_interface("a.b.", 3));
        g_assert_true(syntax_interface("a.bc", 3));
}

static void test_nul(void)
{
        g_assert_false(syntax_member("a\0b", 3));
        g_assert_false(syntax_member("a\0", 2));
        g_assert_false(syntax_interface("a.b\0", 4));
        g_assert_false(syntax_bus_name("a.b\0c.d", 7));
        g_assert_false(syntax_path("/a\0", 3));
        g_assert_false(syntax_path("/\0", 2));
}

static void test_paths(void)
{
        static const char *const good[] = {"/", "/a", "/0", "/_", "/a/b", "/aZ_09/x/9"};
        static const char *const bad[] = {"",     "a",   "//",   "/a/",  "/a//b",
                                          "/a-b", "a/b", "/a.b", "/a b", "/\xc3\xa4"};

        for (size_t i = 0; i < G_N_ELEMENTS(good); ++i)
                expect(syntax_path, good[i], true);
        for (size_t i = 0; i < G_N_ELEMENTS(bad); ++i)
                expect(syntax_path, bad[i], false);
}

/* Encodes any number as UTF-8 would, surrogates and all. Returns the number of bytes. */
static size_t encode(uint32_t c, unsigned length, char *to)
{
        static const uint8_t leads[] = {0, 0, 0xc0, 0xe0, 0xf0, 0xf8};

        for (unsigned i = length - 1; i; --i, c >>= 6)
                to[i] = (char)(0x80 | (c & 0x3f));
        to[0] = (char)(leads[length] | c);
        return length;
}

static void test_utf8_code_points(void)
{
        for (uint32_t c = 1; c < 0x120000; ++c) {
                unsigned shortest = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
                bool valid = c < 0x110000 && (c < 0xd800 || c > 0xdfff);
                char text[5];

                for (unsigned length = shortest; length <= 5; ++length) {
                        size_t n = encode(c, length, text);

                        if (syntax_utf8(text, n) != (valid && length == shortest))
                                g_error("U+%04X in %u bytes", c, length);
                        if (n > 1)
                                g_assert_false(syntax_utf8(text, n - 1));
                }
        }
}

static void test_utf8_positions(void)
{
        static const char *const bad[] = {"\x80",  "\xff",      "\xc3",
                                          "\xc3z", "\xe2\x82z", "\xf0\x90\x80"};
        char text[64];

        for (size_t length = 0; length < 40; ++length) {
                memset(text, 'x', sizeof(text));
                g_assert_true(syntax_utf8(text, length));
                for (size_t at = 0; at < length; ++at) {
                        text[at] = '\0';
                        g_assert_false(syntax_utf8(text, length));
                        text[at] = '\x7f';
                        g_assert_true(syntax_utf8(text, length));
                        text[at] = '\x01';
                        g_assert_true(syntax_utf8(text, length));
                        for (size_t i = 0; i < G_N_ELEMENTS(bad); ++i) {
                                memcpy(text + at, bad[i], strlen(bad[i]));
                                g_assert_false(syntax_utf8(text, length));
                                memset(text, 'x', sizeof(text));
                        }
                        memcpy(text + at, "\xe2\x82\xac", 3);
                        g_assert_cmpint(syntax_utf8(text, length), ==, at + 3 <= length);
                        memset(text, 'x', sizeof(text));
                }
        }
}

static bool name_in(const char *name, const char *prefix)
{
        return syntax_name_in_namespace(name, strlen(name), prefix, strlen(prefix));
}

static bool path_in(const char *path, const char *prefix)
{
        return syntax_path_in_namespace(path, strlen(path), prefix, strlen(prefix));
}

static void test_namespaces(void)
{
        g_assert_true(name_in("com.example", "com.example"));
        g_assert_true(name_in("com.example.a", "com.example"));
        g_assert_true(name_in("com.example.a", "com"));
        g_assert_false(name_in("com.examples", "com.example"));
        g_assert_false(name_in("com", "com.example"));
        g_assert_false(name_in("org.example", "com"));

        g_assert_true(path_in("/", "/"));
        g_assert_true(path_in("/a/b", "/"));
        g_assert_true(path_in("/a/b", "/a"));
        g_assert_true(path_in("/a", "/a"));
        g_assert_false(path_in("/ab", "/a"));
        g_assert_false(path_in("/a", "/a/b"));
        g_assert_false(path_in("/b/a", "/a"));
        g_assert_false(path_in("", "/"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/syntax/names", test_names);
        g_test_add_func("/syntax/lengths", test_lengths);
        g_test_add_func("/syntax/nul", test_nul);
        g_test_add_func("/syntax/paths", test_paths);
        g_test_add_func("/syntax/utf8-code-points", test_utf8_code_points);
        g_test_add_func("/syntax/utf8-positions", test_utf8_positions);
        g_test_add_func("/syntax/namespaces", test_namespaces);
        return g_test_run();
}
