/* SPDX-License-Identifier: MIT */
/* The syntax of names, paths and text, as the specification has it. */

#include <string.h>

#include "harness.h"

struct kind {
        const char *name;
        dbus_bool_t (*validate)(const char *, DBusError *);
        const char *error; /* that a bad one gets */
        const char *good[24];
        const char *bad[44];
        const char *longest; /* a good one, up to its last letter, which is repeated; NULL: any */
};

static const struct kind kinds[] = {
        {"path",
         dbus_validate_path,
         DBUS_ERROR_INVALID_ARGS,
         {"/", "/a", "/a/b", "/_", "/0", "/a0_Z", "/0/1/2", "/org/freedesktop/DBus",
          "/org/freedesktop/DBus/Local", "/A/B/C/D/E/F/G/H"},
         {"",     "a",   "a/b", "//",        "/a/",   "/a//b", "//a",  "/-",    "/a-b", "/a.b",
          "/a b", " /a", "/a ", "/\xc3\xa4", "/\xff", "/a\n",  "/a:b", "/a/b/", "/*",   "."},
         NULL},
        {"interface",
         dbus_validate_interface,
         DBUS_ERROR_INVALID_ARGS,
         {"a.b", "a.b.c", "_.a", "_._", "A.B", "com.example.Interface", "a1.b2", "a_.b_",
          "org.freedesktop.DBus.Local", "a.b0", "_0._0"},
         {"",       "a",
          ".",      "..",
          ".a",     ".a.b",
          "a.",     "a.b.",
          "a..b",   "0.a",
          "a.0",    "a.0b",
          "a-b.c",  "a.b-c",
          "a b.c",  "a.b ",
          " a.b",   ":1.1",
          ":a.b",   "a.b/c",
          "/a.b",   "a.\xc3\xa4",
          "\xff.a", "a.b\n",
          "a.:b",   "org.freedesktop..DBus"},
         "x."},
        {"member",
         dbus_validate_member,
         DBUS_ERROR_INVALID_ARGS,
         {"a", "A", "_", "a0", "_0", "AMember", "__", "Z9_z"},
         {"", "0", "0a", ".", "a.b", "a-b", "-", "a b", " a", "a ", "a/b", ":a", "\xc3\xa4",
          "a\xff", "a\n", "a()", "a:"},
         ""},
        {"error-name",
         dbus_validate_error_name,
         DBUS_ERROR_INVALID_ARGS,
         {"a.b", "org.freedesktop.DBus.Error.Failed", "_.a", "a1.b2", "A.B.C"},
         {"", "a", ".", ".a.b", "a.", "a..b", "0.a", "a.0", "a-b.c", "a b.c", ":1.1", "a.\xc3\xa4",
          "a.b "},
         "x."},
        {"bus-name",
         dbus_validate_bus_name,
         DBUS_ERROR_INVALID_ARGS,
         {"a.b", "a.b.c", "a-b.c-d", "-.a", "_.-", "com.example.Name", "org.freedesktop.DBus", ":1",
          ":1.1", ":1.2.3", ":a.b", ":0", ":-", ":_", ":1.a-b_c", ":x.0", "a0.b0"},
         {"",      "a",    ".",     "..",    ".a",   ".a.b",       "a.",        "a.b.",  "a..b",
          "0.a",   "a.0",  "a.0b",  "a b.c", ":.",   ":1.",        ":1..1",     "::1",   ":1:1",
          ":1.1 ", "a.:b", "a:b.c", "a.b/c", "a.b!", "a.\xc3\xa4", ":\xc3\xa4", "a.b\n", " a.b"},
         "x."},
        {"utf8",
         dbus_validate_utf8,
         DBUS_ERROR_INVALID_ARGS,
         {"",
          "a",
          "text with blanks",
          "\x01",
          "\x7f",
          "\n\t",
          "\xc2\x80",
          "\xdf\xbf",
          "\xe0\xa0\x80",
          "\xed\x9f\xbf",
          "\xee\x80\x80",
          "\xef\xbf\xbd",
          "\xef\xbf\xbe",
          "\xef\xbf\xbf",
          "\xef\xb7\x90",
          "\xf0\x90\x80\x80",
          "\xf4\x8f\xbf\xbf",
          "\xf0\x9f\xbf\xbe",
          "a\xc3\xa4z",
          "\xe2\x82\xac\xe2\x82\xac"},
         {"\x80",
          "\xbf",
          "\xc0\x80",
          "\xc1\xbf",
          "\xc2",
          "\xc2z",
          "\xe0\x80\x80",
          "\xe0\x9f\xbf",
          "\xe2\x82",
          "\xe2\x82z",
          "\xed\xa0\x80",
          "\xed\xad\xbf",
          "\xed\xbf\xbf",
          "\xf0\x80\x80\x80",
          "\xf0\x8f\xbf\xbf",
          "\xf0\x9f\x98",
          "\xf4\x90\x80\x80",
          "\xf5\x80\x80\x80",
          "\xf8\x88\x80\x80\x80",
          "\xfc\x84\x80\x80\x80\x80",
          "\xfe",
          "\xff",
          "good then \xff",
          "\xff then good",
          "a\xcc",
          "\xe2\x28\xa1",
          "\xf0\x28\x8c\xbc"},
         NULL},
};

static void good(gconstpointer data)
{
        const struct kind *k = data;

        for (const char *const *text = k->good; *text; text++) {
                DBusError error = DBUS_ERROR_INIT;

                g_assert_true(k->validate(*text, &error));
                expect_no_error(&error);
                g_assert_true(k->validate(*text, NULL));
        }
}

static void bad(gconstpointer data)
{
        const struct kind *k = data;

        for (const char *const *text = k->bad; *text; text++) {
                DBusError error = DBUS_ERROR_INIT;

                note_text("text", *text);
                g_assert_false(k->validate(*text, &error));
                expect_error(&error, k->error);
                g_assert_false(k->validate(*text, NULL));
        }
}

static void length(gconstpointer data)
{
        const struct kind *k = data;
        static const size_t lengths[] = {10, 254, 255, 256, 300, 100000};

        for (size_t i = 0; i < G_N_ELEMENTS(lengths); i++) {
                const char *begin = k->longest ? k->longest : "/";
                g_autofree char *rest = g_strnfill(lengths[i] - strlen(begin), 'x');
                g_autofree char *text = g_strconcat(begin, rest, NULL);
                DBusError error = DBUS_ERROR_INIT;

                g_assert_cmpint(k->validate(text, &error), ==,
                                !k->longest || lengths[i] <= DBUS_MAXIMUM_NAME_LENGTH);
                note("%zu", lengths[i]);
                if (lengths[i] <= 300)
                        note_error("error", &error);
                dbus_error_free(&error);
        }
}

/* Every byte, where a letter would be good. */
static void each_byte(gconstpointer data)
{
        const struct kind *k = data;
        g_autoptr(GString) accepted = g_string_new(NULL);

        for (unsigned byte = 1; byte < 256; byte++) {
                const char *begin = k->validate == dbus_validate_path     ? "/"
                                    : k->validate == dbus_validate_member ? ""
                                    : k->validate == dbus_validate_utf8   ? ""
                                                                          : "x.";
                g_autofree char *first = g_strdup_printf("%s%c", begin, (char)byte);
                g_autofree char *second = g_strdup_printf("%sx%c", begin, (char)byte);

                g_string_append_printf(accepted, "%02x:%d%d ", byte, k->validate(first, NULL),
                                       k->validate(second, NULL));
        }
        note("%s", accepted->str);
}

static void unique_length(void)
{
        g_autofree char *rest = g_strnfill(252, '1');
        g_autofree char *most = g_strconcat(":1.", rest, NULL);
        g_autofree char *more = g_strconcat(most, "1", NULL);

        g_assert_true(dbus_validate_bus_name(most, NULL));
        g_assert_false(dbus_validate_bus_name(more, NULL));
}

/* Unique names with an empty element, where the stock library is generous. */
static void unique_oddities(void)
{
        static const char *const names[] = {":", ":.1", ":.", ":..", ":.a.b"};

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                DBusError error = DBUS_ERROR_INIT;

                note("%s %d", names[i], dbus_validate_bus_name(names[i], &error));
                note_error("error", &error);
        }
}

static const struct {
        const char *name;
        void (*run)(gconstpointer);
} each_kind[] = {{"good", good}, {"bad", bad}, {"length", length}, {"each-byte", each_byte}};

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
                for (size_t k = 0; k < G_N_ELEMENTS(each_kind); k++) {
                        g_autofree char *path =
                                g_strdup_printf("/syntax/%s/%s", kinds[i].name, each_kind[k].name);

                        g_test_add_data_func(path, &kinds[i], each_kind[k].run);
                }
        }
        g_test_add_func("/syntax/unique-length", unique_length);
        g_test_add_func("/syntax/unique-oddities", unique_oddities);
        return g_test_run();
}
