/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bus/service-file.h"
#include "fail-alloc.h"

#define HEAD "[D-BUS Service]\nName=a.b\nExec=x\n"

#define SYNTAX  "org.freedesktop.DBus.DesktopParseError.InvalidSyntax"
#define CHARS   "org.freedesktop.DBus.DesktopParseError.InvalidChars"
#define ESCAPES "org.freedesktop.DBus.DesktopParseError.InvalidEscapes"
#define FAILED  "org.freedesktop.DBus.Error.Failed"

static const struct {
        const char *text, *name, *exec;
} good[] = {
        {HEAD, "a.b", "x"},
        {"[D-BUS Service]\r\nName=a.b\r\nExec=x\r\n", "a.b", "x"},
        {"[D-BUS Service]\rName=a.b\rExec=x", "a.b", "x"},
        {"#x\n\n \t\f\r\n[Other]\nName=c\n[D-BUS Service]\nExec  =  x y  \nName=\ta\n", "\ta",
         "x y  "},
        {HEAD "Name=c\nExec=d", "a.b", "x"},
        {HEAD "[D-BUS Service]\nName=c\nUser=root", "a.b", "x"},
        {"[D-BUS Service]\nName[de]=c\\q\nName=\nExec=\\s\\n\\t\\r\\\\", "", " \n\t\r\\"},
        {"[D-BUS Service]\nName=\xc3\xbc\nExec=\x01\x7f\n", "\xc3\xbc", "\x01\x7f"},
        {"", NULL, NULL},
        {"[D-BUS Service]\nname=a\nexec=a", NULL, NULL},
        {"[D-BUS Service]\nName=a\n[D-BUS Service]\nExec=a", "a", NULL},
        {HEAD "X-1=\nX[x\n-=\n ", "a.b", "x"},
        {HEAD "[ !\"#$%&'()*+,-./09:;<=>?@AZ\\^_`az{|}~]", "a.b", "x"},
};

static const struct {
        const char *text, *error, *reason;
} bad[] = {
        {"Name=a\n", SYNTAX, "invalid service file: key=value before [Section]"},
        {"\n[a", SYNTAX, "Error at line 2: Invalid syntax for section header"},
        {"[a] ", SYNTAX, "Error at line 1: Invalid syntax for section header"},
        {"[]", SYNTAX, "Error at line 1: Invalid syntax for section header"},
        {"[", SYNTAX, "Error at line 1: Invalid syntax for section header"},
        {"[[a]", CHARS, "Error at line 1: Invalid characters in section name"},
        {"[a]\r\n[b\x7f]", CHARS,
         "Error in section a at line 2: Invalid characters in section name"},
        {HEAD " a=b", SYNTAX, "Error in section D-BUS Service at line 4: Empty key name"},
        {HEAD "=b", SYNTAX, "Error in section D-BUS Service at line 4: Empty key name"},
        {HEAD "\n\rb=c", SYNTAX, "Error in section D-BUS Service at line 5: Empty key name"},
        {HEAD "\r \r\n\t\r\n=b", SYNTAX,
         "Error in section D-BUS Service at line 7: Empty key name"},
        {HEAD "a", SYNTAX, "Error in section D-BUS Service at line 4: No '=' in key/value pair"},
        {HEAD "a  ", SYNTAX, "Error in section D-BUS Service at line 4: No '=' in key/value pair"},
        {HEAD "a_b=c", CHARS,
         "Error in section D-BUS Service at line 4: Invalid characters in key name"},
        {HEAD "a\t=c", CHARS,
         "Error in section D-BUS Service at line 4: Invalid characters in key name"},
        {HEAD "a [de]=c", CHARS,
         "Error in section D-BUS Service at line 4: Invalid characters in key name"},
        {HEAD "a=\\", ESCAPES,
         "Error in section D-BUS Service at line 4: Text to be unescaped ended in \\"},
        {HEAD "a=\\;", ESCAPES,
         "Error in section D-BUS Service at line 4: Text to be unescaped had invalid escape "
         "sequence"},
        {HEAD "#\xff", FAILED, "invalid UTF-8"},
};

static void test_good(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
                struct service_file s;
                struct fault f = {0};
                int r = service_file_parse(good[i].text, strlen(good[i].text), &s, &f);

                g_assert_cmpstr(f.text, ==, NULL);
                g_assert_cmpint(r, ==, 0);
                g_assert_cmpstr(s.name, ==, good[i].name);
                g_assert_cmpstr(s.exec, ==, good[i].exec);
                g_assert_null(s.user);
                service_file_deinit(&s);
        }
}

static void test_bad(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                struct service_file s;
                struct fault f = {0};

                g_assert_cmpint(service_file_parse(bad[i].text, strlen(bad[i].text), &s, &f), ==,
                                -1);
                g_assert_cmpstr(f.text, ==, bad[i].reason);
                g_assert_cmpstr(f.name, ==, bad[i].error);
                fault_clear(&f);
        }
}

static void test_nul(void)
{
        static const char text[] = HEAD "#\0\n";
        struct service_file s;
        struct fault f = {0};

        g_assert_cmpint(service_file_parse(text, sizeof(text) - 1, &s, &f), ==, -1);
        g_assert_cmpstr(f.text, ==, "invalid UTF-8");
        fault_clear(&f);
}

static const char all[] = HEAD "User=u\nSystemdService=s.service\nAssumedAppArmorLabel=/l\n";

static void test_all_keys(void)
{
        struct service_file s;
        struct fault f = {0};

        g_assert_cmpint(service_file_parse(all, strlen(all), &s, &f), ==, 0);
        g_assert_cmpstr(s.user, ==, "u");
        g_assert_cmpstr(s.unit, ==, "s.service");
        g_assert_cmpstr(s.label, ==, "/l");
        service_file_deinit(&s);
        g_assert_null(s.name);
}

/* Looked at line by line, each up to a \n that is not there, this would take seconds: while a file
 * is read, the bus does nothing else. */
static void test_all_blank(void)
{
        g_autofree char *text = g_malloc(SERVICE_FILE_MAX);
        struct service_file s;
        struct fault fault = {0};
        clock_t start = clock();

        memset(text, '\r', SERVICE_FILE_MAX);
        g_assert_cmpint(service_file_parse(text, SERVICE_FILE_MAX, &s, &fault), ==, 0);
        g_assert_null(s.name);
        g_assert_cmpint(clock() - start, <, CLOCKS_PER_SEC);
        service_file_deinit(&s);
}

static void test_required(void)
{
        struct fault f = {0};

        g_assert_cmpint(service_file_require("", "Name", &f), ==, 0);
        g_assert_null(f.name);
        g_assert_cmpint(service_file_require(NULL, "User", &f), ==, -1);
        g_assert_cmpstr(f.name, ==, FAILED);
        g_assert_cmpstr(f.text, ==, "No \"User\" key in .service file\n");
        fault_clear(&f);
}

/* Reads a file. Returns what is wrong with it, to be freed, or NULL. */
static char *read_file(const char *path)
{
        struct service_file s;
        struct fault f = {0};
        char *text;

        if (service_file_read(path, &s, &f) == 0) {
                service_file_deinit(&s);
                return NULL;
        }
        text = g_strdup(fault_text(&f));
        fault_clear(&f);
        return text;
}

static void assert_unreadable(const char *path, const char *format)
{
        char *text = read_file(path), *expected = g_strdup_printf(format, path);

        g_assert_cmpstr(text, ==, expected);
        g_free(text);
        g_free(expected);
}

static void test_files(void)
{
        char *directory = g_dir_make_tmp("test-service-file-XXXXXX", NULL);
        char *path = g_build_filename(directory, "x", NULL);
        GString *large = g_string_new(HEAD "#");

        assert_unreadable(path, "Failed to open \"%s\": No such file or directory");
        assert_unreadable(directory, "\"%s\" is not a regular file");
        while (large->len < SERVICE_FILE_MAX)
                g_string_append_c(large, 'x');
        g_assert_true(g_file_set_contents(path, large->str, (gssize)large->len, NULL));
        g_assert_null(read_file(path));
        g_string_append_c(large, 'x');
        g_assert_true(g_file_set_contents(path, large->str, (gssize)large->len, NULL));
        assert_unreadable(path, "Desktop file size (131073 bytes) is too large");
        g_remove(path);
        /* Nobody writes to it, ever. */
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        assert_unreadable(path, "\"%s\" is not a regular file");
        g_remove(path);
        g_rmdir(directory);
        g_string_free(large, TRUE);
        g_free(path);
        g_free(directory);
}

static void test_no_memory(void)
{
        unsigned n = 0;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("allocations cannot be made to fail");
                return;
        }
        for (bool failed = true; failed; n++) {
                struct service_file s;
                struct fault f = {0};
                int r;

                fail_alloc_after(n);
                r = service_file_parse(all, strlen(all), &s, &f);
                failed = fail_alloc_end();
                g_assert_cmpint(r, ==, failed ? -1 : 0);
                g_assert_cmpstr(f.name, ==, failed ? ERROR_NO_MEMORY : NULL);
                if (!failed)
                        service_file_deinit(&s);
        }
        g_assert_cmpuint(n, ==, 6);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/service-file/good", test_good);
        g_test_add_func("/service-file/bad", test_bad);
        g_test_add_func("/service-file/nul", test_nul);
        g_test_add_func("/service-file/all-keys", test_all_keys);
        g_test_add_func("/service-file/all-blank", test_all_blank);
        g_test_add_func("/service-file/required", test_required);
        g_test_add_func("/service-file/files", test_files);
        g_test_add_func("/service-file/no-memory", test_no_memory);
        return g_test_run();
}
