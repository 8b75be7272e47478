/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/config.h"
#include "fail-alloc.h"
#include "policy-fixture.h"

#define LISTEN "<listen>unix:tmpdir=/tmp</listen>"

/* A directory with files for one test. */
struct fixture {
        char *dir;
};

static void set_up(struct fixture *f, gconstpointer data)
{
        (void)data;
        f->dir = g_dir_make_tmp("test-config-XXXXXX", NULL);
        g_assert_nonnull(f->dir);
        g_unsetenv("XDG_RUNTIME_DIR");
        g_setenv("XDG_DATA_HOME", "", TRUE);
        g_setenv("XDG_DATA_DIRS", "", TRUE);
}

static void remove_tree(const char *path)
{
        GDir *dir;
        const char *name;

        if (!g_file_test(path, G_FILE_TEST_IS_SYMLINK) && (dir = g_dir_open(path, 0, NULL))) {
                while ((name = g_dir_read_name(dir))) {
                        char *below = g_build_filename(path, name, NULL);

                        remove_tree(below);
                        g_free(below);
                }
                g_dir_close(dir);
        }
        g_remove(path);
}

static void tear_down(struct fixture *f, gconstpointer data)
{
        (void)data;
        remove_tree(f->dir);
        g_free(f->dir);
}

/* `text` may contain one %s: the fixture's directory. Returns the path. */
static char *write_file(struct fixture *f, const char *name, const char *text)
{
        char *path = g_build_filename(f->dir, name, NULL), *parent = g_path_get_dirname(path);
        GString *contents = g_string_new(text);

        g_string_replace(contents, "%s", f->dir, 0);
        g_assert_cmpint(g_mkdir_with_parents(parent, 0755), ==, 0);
        g_assert_true(g_file_set_contents(path, contents->str, (gssize)contents->len, NULL));
        g_string_free(contents, TRUE);
        g_free(parent);
        return path;
}

static void add_file(struct fixture *f, const char *name, const char *text)
{
        g_free(write_file(f, name, text));
}

static char *bus_conf(struct fixture *f, const char *inside)
{
        char *text = g_strconcat("<busconfig>", LISTEN, inside, "</busconfig>", NULL);
        char *path = write_file(f, "bus.conf", text);

        g_free(text);
        return path;
}

/* Of the configuration that was loaded last. */
static GPtrArray *warnings;

static void keep_warning(const char *text)
{
        g_ptr_array_add(warnings, g_strdup(text));
}

static int load_with_warnings(const char *path, struct config **cp, char **error)
{
        g_ptr_array_set_size(warnings, 0);
        return config_load(path, cp, keep_warning, error);
}

static struct config *load(const char *path)
{
        struct config *c = NULL;
        char *error;
        int r = load_with_warnings(path, &c, &error);

        if (r)
                g_test_message("%s: %s", path, error);
        g_assert_cmpint(r, ==, 0);
        g_assert_null(error);
        return c;
}

/* A configuration with a <listen> and what is `inside`. */
static struct config *load_inside(struct fixture *f, const char *inside)
{
        char *path = bus_conf(f, inside);
        struct config *c = load(path);

        g_free(path);
        return c;
}

static void assert_fails(const char *path, int expected, const char *expected_error)
{
        struct config *c = NULL;
        char *error;

        g_assert_cmpint(config_load(path, &c, NULL, &error), ==, expected);
        g_assert_cmpstr(error, ==, expected_error);
        g_assert_null(c);
        free(error);
}

/* `expected` is the reason, without the place. */
static void assert_fails_inside(struct fixture *f, const char *inside, const char *expected)
{
        char *path = bus_conf(f, inside), *error, *place;
        struct config *c = NULL;
        GString *reason = g_string_new(expected);

        g_string_replace(reason, "%s", f->dir, 0);
        place = g_strdup_printf("Error in file %s, line 1, column ", path);
        g_assert_cmpint(load_with_warnings(path, &c, &error), >, 0);
        g_assert_true(g_str_has_prefix(error, place));
        g_assert_cmpstr(strstr(error + strlen(place), ": ") + 2, ==, reason->str);
        g_string_free(reason, TRUE);
        free(error);
        g_free(place);
        g_free(path);
}

static void test_everything(struct fixture *f, gconstpointer data)
{
        struct config *c = load_inside(
                f, "<type>one</type><type>two</type><user>someone</user><pidfile>p</pidfile>"
                   "<servicehelper>/helper</servicehelper><fork/><syslog/><keep_umask/>"
                   "<allow_anonymous/><auth>A</auth><auth>B</auth><listen>second</listen>"
                   "<apparmor mode='required'/><apparmor/>"
                   "<selinux><associate own='a' context='x'/><associate own='b' context='y'/>"
                   "</selinux><limit name='max_containers'>7</limit>"
                   "<servicedir>relative</servicedir><servicedir>/absolute</servicedir>"
                   "<servicedir>/absolute</servicedir>");
        char *relative = g_build_filename(f->dir, "relative", NULL);

        (void)data;
        g_assert_cmpstr(c->type, ==, "two");
        g_assert_cmpstr(c->user, ==, "someone");
        g_assert_cmpstr(c->pidfile, ==, "p");
        g_assert_cmpstr(c->servicehelper, ==, "/helper");
        g_assert_true(c->fork && c->syslog && c->keep_umask && c->allow_anonymous);
        g_assert_cmpint(c->apparmor, ==, CONFIG_APPARMOR_REQUIRED);
        g_assert_cmpuint(c->listen.n, ==, 2);
        g_assert_cmpstr(c->listen.items[0], ==, "unix:tmpdir=/tmp");
        g_assert_cmpstr(c->listen.items[1], ==, "second");
        g_assert_null(c->listen.items[2]);
        g_assert_cmpuint(c->mechanisms.n, ==, 2);
        g_assert_cmpstr(c->mechanisms.items[1], ==, "B");
        g_assert_cmpuint(c->n_associations, ==, 2);
        g_assert_cmpstr(c->associations[1].own, ==, "b");
        g_assert_cmpstr(c->associations[1].context, ==, "y");
        g_assert_cmpint(c->limits.max_containers, ==, 7);
        g_assert_cmpuint(c->n_service_dirs, ==, 2);
        g_assert_cmpstr(c->service_dirs[0].path, ==, relative);
        g_assert_cmpstr(c->service_dirs[1].path, ==, "/absolute");
        g_assert_true(c->service_dirs[1].watch);
        g_assert_false(c->service_dirs[1].strict_names || c->service_dirs[1].transient);
        g_assert_cmpuint(warnings->len, ==, 0);
        g_free(relative);
        config_free(c);
}

static void test_nothing(struct fixture *f, gconstpointer data)
{
        struct config *c = load_inside(f, "");

        (void)data;
        g_assert_null(c->type);
        g_assert_null(c->mechanisms.items);
        g_assert_false(c->fork || c->syslog || c->keep_umask || c->allow_anonymous);
        g_assert_cmpint(c->apparmor, ==, CONFIG_APPARMOR_ENABLED);
        g_assert_cmpint(c->limits.max_containers, ==, 512);
        config_free(c);
}

/* Faults and what the reference says about them. */
static const char *const faults[][2] = {
        {"text", "No text content expected inside XML element busconfig in configuration file"},
        {"<bees/>", "Element <bees> not allowed inside <busconfig> in configuration file"},
        {"<allow own='*'/>",
         "Element <allow> not allowed inside <busconfig> in configuration file"},
        {"<type><fork/></type>", "Element <fork> is not allowed in this context"},
        {"<type/>", "XML element <type> was expected to have content inside it"},
        {"<type a='b'>x</type>", "Attribute \"a\" is invalid on <type> element in this context"},
        {"<fork>x</fork>",
         "No text content expected inside XML element fork in configuration file"},
        {"<fork a='b' a='b'/>", "duplicate attribute\n"},
        {"<fork>", "mismatched tag\n"},
        {"&bees;", "undefined entity\n"},
        {"<limit/>", "<limit> element must have a \"name\" attribute"},
        {"<limit name='max_containers'>-1</limit>",
         "<limit name=\"max_containers\"> must be a positive number\n"},
        {"<apparmor mode='x'/>", "Mode attribute on <apparmor> must have value \"required\", "
                                 "\"enabled\" or \"disabled\", not \"x\""},
        {"<selinux><associate own='a'/></selinux>",
         "Element <associate> must have attributes own=\"<servicename>\" and context=\"<selinux "
         "context>\""},
        {"<include ignore_missing='x'>a</include>",
         "ignore_missing attribute must have value \"yes\" or \"no\""},
        {"<include if_selinux_enabled='x'>a</include>",
         "if_selinux_enabled attribute must have value \"yes\" or \"no\""},
        {"<include selinux_root_relative='x'>a</include>",
         "selinux_root_relative attribute must have value \"yes\" or \"no\""},
        {"<include>none</include>", "Failed to open \"%s/none\": No such file or directory"},
        {"<include ignore_missing='yes'>bus.conf/none</include>",
         "Failed to open \"%s/bus.conf/none\": Not a directory"},
        {"<include>.</include>", "\"%s/.\" is not a regular file"},
        {"<include>bus.conf</include>", "Circular inclusion of file '%s/bus.conf'"},
        {"<include>./bus.conf</include>", "Circular inclusion of file '%s/./bus.conf'"},
        {"<includedir>bus.conf</includedir>",
         "Failed to read directory \"%s/bus.conf\": Not a directory"},
        {"<policy/>", "<policy> element must have exactly one of (context|user|group|at_console) "
                      "attributes"},
        {"<policy user='root' at_console='true'/>",
         "<policy> element must have exactly one of (context|user|group|at_console) attributes"},
        {"<policy context='x'/>",
         "context attribute on <policy> must have the value \"default\" or "
         "\"mandatory\", not \"x\""},
        {"<policy at_console='x'/>",
         "Unknown value \"x\" for at_console in message bus configuration file"},
        {"<policy user='root'><allow user='*'/></policy>",
         "<allow> rule cannot be per-user because it has bus-global semantics"},
        {"<policy group='root'><deny group='*'/></policy>",
         "<deny> rule cannot be per-group because it has bus-global semantics"},
};

/* The same, in a <policy context="default">. */
static const char *const rule_faults[][2] = {
        {"<allow/>", "Element <allow> must have one or more attributes"},
        {"<deny log='true' min_fds='1'/>", "Element <deny> must have one or more attributes"},
        {"<allow send_bees='x'/>",
         "Attribute \"send_bees\" is invalid on <allow> element in this context"},
        {"<allow send_member='M'/>", "On element <allow>, if you specify a member you must specify "
                                     "an interface or a path. Keep "
                                     "in mind that not all messages have an interface field."},
        {"<allow receive_member='M' send_path='/'/>",
         "On element <allow>, if you specify a member you must specify an interface or a path. "
         "Keep "
         "in mind that not all messages have an interface field."},
        {"<allow own='a' user='b'/>",
         "Invalid combination of attributes on element <allow>: own, own_prefix, user, group and "
         "the message-related attributes cannot be combined"},
        {"<allow own='a' max_fds='1'/>",
         "Invalid combination of attributes on element <allow>: own, own_prefix, user, group and "
         "the message-related attributes cannot be combined"},
        {"<deny send_type='*' receive_type='*'/>",
         "Invalid combination of attributes on element <deny>: send and receive attributes cannot "
         "be combined"},
        {"<deny send_error='a' send_interface='b'/>",
         "Invalid combination of attributes on element <deny>: send_error cannot be combined with "
         "send_member or send_interface"},
        {"<deny receive_error='a' receive_member='b' receive_path='/'/>",
         "Invalid combination of attributes on element <deny>: receive_error cannot be combined "
         "with receive_member or receive_interface"},
        {"<deny send_destination='a' send_destination_prefix='b'/>",
         "Invalid combination of attributes on element <deny>: send_destination cannot be combined "
         "with send_destination_prefix"},
        {"<allow send_type='bees'/>", "Bad message type \"bees\""},
        {"<allow eavesdrop='x'/>",
         "Bad value \"x\" for eavesdrop attribute, must be true or false"},
        {"<allow send_broadcast='true' send_destination='a.b'/>",
         "Rule with send_broadcast=\"true\" and send_destination=\"a.b\" cannot match anything"},
        {"<allow send_type='*' min_fds='33554433'/>",
         "Bad value \"33554433\" for min_fds attribute, must be an integer in range 0 to 33554432 "
         "inclusive"},
        {"<allow send_type='*' max_fds='x'/>",
         "Bad value \"x\" for max_fds attribute, must be an integer in range 0 to 33554432 "
         "inclusive"},
        {"<allow own='a'><fork/></allow>", "Element <fork> is not allowed in this context"},
        {"<fork/>", "Element <fork> not allowed inside <policy> in configuration file"},
};

static void test_faults(struct fixture *f, gconstpointer data)
{
        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(faults); i++)
                assert_fails_inside(f, faults[i][0], faults[i][1]);
        for (size_t i = 0; i < G_N_ELEMENTS(rule_faults); i++) {
                char *text =
                        g_strdup_printf("<policy context='default'>%s</policy>", rule_faults[i][0]);

                assert_fails_inside(f, text, rule_faults[i][1]);
                g_free(text);
        }
}

static void test_places(struct fixture *f, gconstpointer data)
{
        char *path = write_file(f, "a.conf", "<busconfig>\n" LISTEN "\n\n  <bees/></busconfig>");
        char *outer = write_file(f, "b.conf", "<busconfig>\n  <include>a.conf</include>");
        char *empty = write_file(f, "c.conf", "<busconfig/>");
        char *none = g_build_filename(f->dir, "none.conf", NULL), *error;

        (void)data;
        error = g_strdup_printf("Error in file %s, line 4, column 2: Element <bees> not allowed "
                                "inside <busconfig> in configuration file",
                                path);
        assert_fails(path, CONFIG_E_FAILED, error);
        assert_fails(outer, CONFIG_E_FAILED, error);
        g_free(error);
        error = g_strdup_printf("Failed to open \"%s\": No such file or directory", none);
        assert_fails(none, CONFIG_E_NOT_FOUND, error);
        g_free(error);
        error = g_strdup_printf("Error in file %s: Configuration file needs one or more <listen> "
                                "elements giving addresses",
                                empty);
        assert_fails(empty, CONFIG_E_FAILED, error);
        g_free(error);
        g_free(none);
        g_free(empty);
        g_free(outer);
        g_free(path);
}

static void test_xml(struct fixture *f, gconstpointer data)
{
        static const char *const texts[][2] = {
                {"<!DOCTYPE busconfig [<!ENTITY e 'x&amp;y'>]><busconfig>" LISTEN
                 "<type>a&e;b</type></busconfig>",
                 "ax&yb"},
                {"<busconfig>" LISTEN "<type>a<!-- no -->b<![CDATA[<]]>&#99;</type></busconfig>",
                 "ab<c"},
                /* External entities are nothing: they are never fetched. */
                {"<!DOCTYPE busconfig [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><busconfig>" LISTEN
                 "<type>a&e;b</type></busconfig>",
                 "ab"},
                {"<?xml version='1.0' encoding='no-such'?><busconfig>" LISTEN
                 "<type> \303\244 </type></busconfig>",
                 " \303\244 "},
        };

        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
                char *path = write_file(f, "bus.conf", texts[i][0]);
                struct config *c = load(path);

                g_assert_cmpstr(c->type, ==, texts[i][1]);
                config_free(c);
                g_free(path);
        }
}

static void test_sizes(struct fixture *f, gconstpointer data)
{
        GString *text = g_string_new("<busconfig>" LISTEN);
        char *path, *error;

        (void)data;
        while (text->len < 1024 * 1024 - strlen("</busconfig>"))
                g_string_append_c(text, ' ');
        g_string_append(text, "</busconfig>");
        path = write_file(f, "bus.conf", text->str);
        config_free(load(path));
        g_free(path);
        g_string_append_c(text, ' ');
        path = write_file(f, "bus.conf", text->str);
        error = g_strdup_printf("File size 1048577 of \"%s\" is too large.", path);
        assert_fails(path, CONFIG_E_FAILED, error);
        g_free(error);
        g_free(path);
        g_string_free(text, TRUE);
}

/* A FIFO nobody writes to does not make us wait. */
static void test_fifo(struct fixture *f, gconstpointer data)
{
        char *path = g_build_filename(f->dir, "fifo", NULL);

        (void)data;
        g_assert_cmpint(mkfifo(path, 0600), ==, 0);
        assert_fails_inside(f, "<include>fifo</include>", "\"%s/fifo\" is not a regular file");
        g_free(path);
}

static void test_include(struct fixture *f, gconstpointer data)
{
        struct config *c;

        (void)data;
        add_file(f, "sub/a.conf",
                 "<busconfig><type>a</type><listen>a</listen><fork/><servicedir>d</servicedir>"
                 "<limit name='max_containers'>3</limit>"
                 "<selinux><associate own='a' context='x'/></selinux>"
                 "<include>b.conf</include></busconfig>");
        add_file(f, "sub/b.conf",
                 "<busconfig><user>b</user><listen>b</listen>"
                 "<apparmor mode='disabled'/></busconfig>");
        c = load_inside(f, "<limit name='max_containers'>1</limit>"
                           "<limit name='reply_timeout'>2</limit><type>before</type>"
                           "<apparmor mode='required'/><include>sub/a.conf</include>"
                           "<listen>last</listen>");
        g_assert_cmpstr(c->type, ==, "a");
        g_assert_cmpstr(c->user, ==, "b");
        g_assert_true(c->fork);
        g_assert_cmpint(c->apparmor, ==, CONFIG_APPARMOR_DISABLED);
        g_assert_cmpint(c->limits.max_containers, ==, 3);
        g_assert_cmpint(c->limits.reply_timeout, ==, 2);
        g_assert_cmpuint(c->listen.n, ==, 4);
        g_assert_cmpstr(c->listen.items[1], ==, "a");
        g_assert_cmpstr(c->listen.items[2], ==, "b");
        g_assert_cmpstr(c->listen.items[3], ==, "last");
        g_assert_true(g_str_has_suffix(c->service_dirs[0].path, "/sub/d"));
        g_assert_cmpuint(c->n_associations, ==, 1);
        g_assert_cmpstr(c->associations[0].context, ==, "x");
        config_free(c);
        /* What an included file does not say stays as it was. */
        add_file(f, "c.conf", "<busconfig/>");
        c = load_inside(f, "<apparmor mode='required'/><syslog/><include>c.conf</include>");
        g_assert_cmpint(c->apparmor, ==, CONFIG_APPARMOR_REQUIRED);
        g_assert_true(c->syslog);
        config_free(c);
}

/* What an ignorable file includes in its turn may be missing as well; then neither counts. */
static void test_missing(struct fixture *f, gconstpointer data)
{
        struct config *c;

        (void)data;
        add_file(f, "a.conf", "<busconfig><type>a</type><include>none.conf</include></busconfig>");
        c = load_inside(f, "<type>t</type><include ignore_missing='yes'>none.conf</include>"
                           "<include ignore_missing='yes'>a.conf</include>"
                           "<includedir>none.d</includedir>");
        g_assert_cmpstr(c->type, ==, "t");
        g_assert_cmpuint(c->conf_dirs.n, ==, 0);
        g_assert_cmpuint(warnings->len, ==, 0);
        config_free(c);
}

static void test_circle(struct fixture *f, gconstpointer data)
{
        char *error = g_strdup_printf("Error in file %s/b.conf, line 1, column 28: Circular "
                                      "inclusion of file '%s/bus.conf'",
                                      f->dir, f->dir);
        char *path;

        (void)data;
        add_file(f, "a.conf", "<busconfig><include>b.conf</include></busconfig>");
        add_file(f, "b.conf", "<busconfig><include>bus.conf</include></busconfig>");
        path = bus_conf(f, "<include>a.conf</include>");
        assert_fails(path, CONFIG_E_FAILED, error);
        g_free(path);
        g_free(error);
        /* Twice is not a circle. */
        add_file(f, "b.conf", "<busconfig><listen>b</listen></busconfig>");
        config_free(load_inside(f, "<include>a.conf</include><include>b.conf</include>"));
}

static void test_include_dir(struct fixture *f, gconstpointer data)
{
        char *expected;
        struct config *c;

        (void)data;
        add_file(f, "d/2.conf", "<busconfig><listen>2</listen></busconfig>");
        add_file(f, "d/1.conf", "<busconfig><listen>1</listen></busconfig>");
        add_file(f, "d/.conf", "<busconfig><listen>0</listen></busconfig>");
        add_file(f, "d/3.conf~", "<busconfig><listen>3</listen></busconfig>");
        add_file(f, "d/4.conf", "<busconfig><type>4</type><listen>4</listen><bees/></busconfig>");
        add_file(f, "d/5.conf", "<busconfig><include>none</include></busconfig>");
        c = load_inside(f, "<includedir>d</includedir>");
        g_assert_null(c->type);
        g_assert_cmpuint(c->listen.n, ==, 4);
        g_assert_cmpstr(c->listen.items[1], ==, "0");
        g_assert_cmpstr(c->listen.items[2], ==, "1");
        g_assert_cmpstr(c->listen.items[3], ==, "2");
        g_assert_cmpuint(c->conf_dirs.n, ==, 1);
        g_assert_true(g_str_has_suffix(c->conf_dirs.items[0], "/d"));
        g_assert_cmpuint(warnings->len, ==, 1);
        expected = g_strdup_printf("Encountered error 'Error in file %s/d/4.conf, line 1, column "
                                   "43: Element <bees> not allowed inside <busconfig> in "
                                   "configuration file' while parsing '%s/d/4.conf' (file "
                                   "%s/bus.conf, line 1)",
                                   f->dir, f->dir, f->dir);
        g_assert_cmpstr(warnings->pdata[0], ==, expected);
        g_free(expected);
        config_free(c);
}

static void test_unknown_users(struct fixture *f, gconstpointer data)
{
        static const char *const expected[] = {
                "Unknown username \"no such\" in message bus configuration file (file ",
                "Unknown group \"4123456789\" in message bus configuration file (file ",
                "Unknown username \"\" on element <allow> (file ",
                "Unknown group \"no such\" on element <deny> (file ",
        };
        struct config *c = load_inside(f, "<policy user='no such'><allow user='*'/></policy>"
                                          "<policy group='4123456789'/>"
                                          "<policy context='default'><allow user=''/>"
                                          "<deny group='no such'/></policy>");

        (void)data;
        g_assert_cmpuint(warnings->len, ==, G_N_ELEMENTS(expected));
        for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
                g_assert_true(g_str_has_prefix(warnings->pdata[i], expected[i]));
        config_free(c);
        assert_fails_inside(f, "<policy user='no such'><allow bees='*'/></policy>",
                            "Attribute \"bees\" is invalid on <allow> element in this context");
        /* They are told of even if nothing comes of the file. */
        g_assert_cmpuint(warnings->len, ==, 1);
        g_assert_true(g_str_has_prefix(warnings->pdata[0], expected[0]));
}

/* Rules as written, seen through what they decide. */

struct decision {
        const char *rules;
        uid_t uid;
        bool allow; /* to own "a.b" */
};

static const struct decision decisions[] = {
        {"<policy context='default'><allow own='*'/></policy>", 0, true},
        {"<policy context='default'><allow own='a.b'/></policy>", 0, true},
        {"<policy context='default'><allow own='a'/></policy>", 0, false},
        {"<policy context='default'><allow own_prefix='a'/></policy>", 0, true},
        {"<policy context='default'><allow own_prefix='*'/></policy>", 0, false},
        {"<policy context='default'><allow own='*'/><deny own_prefix='a.b'/></policy>", 0, false},
        {"<policy user='root'><allow own='*'/></policy>", 0, true},
        {"<policy user='0x0'><allow own='*'/></policy>", 0, true},
        {"<policy user='root'><allow own='*'/></policy>", 1, false},
        {"<policy user='0 '><allow own='*'/></policy>", 0, false},
        {"<policy user='4294967296'><allow own='*'/></policy>", 0, false},
        {"<policy group='root'><allow own='*'/></policy>", 1, true},
        {"<policy at_console='true'><allow own='*'/></policy>", 1, false},
        {"<policy at_console='false'><allow own='*'/></policy>", 1, true},
        {"<policy user='no such'><allow own='*'/></policy>", 0, false},
        {"<policy context='mandatory'><allow own='*'/></policy>"
         "<policy user='root'><deny own='*'/></policy>",
         0, true},
        {"<policy user='root'><allow own='*'/></policy>"
         "<policy group='root'><deny own='*'/></policy>"
         "<policy context='default'><deny own='*'/></policy>",
         0, true},
};

static void test_rules(struct fixture *f, gconstpointer data)
{
        (void)data;
        for (size_t i = 0; i < G_N_ELEMENTS(decisions); i++) {
                gid_t group = 0;
                struct credentials who = {
                        .has_uid = true,
                        .uid = decisions[i].uid,
                        .has_groups = true,
                        .groups = &group,
                        .n_groups = 1,
                };
                struct config *c = load_inside(f, decisions[i].rules);
                struct policy_view *v;

                g_test_message("%s", decisions[i].rules);
                g_assert_cmpint(policy_view_get(c->policy, &who, false, &v), ==, 0);
                g_assert_cmpint(policy_may_own(v, "a.b", 3), ==, decisions[i].allow);
                policy_view_unref(v);
                config_free(c);
        }
}

/* One rule of each attribute, and a message that it does or does not match. */
static const struct {
        const char *rule;
        struct message_fields fields;
        bool matches;
} rules[] = {
        {"send_destination='a.b'", {.type = 1, .destination = "a.b"}, true},
        {"send_destination='a.b'", {.type = 1, .destination = "a.c"}, false},
        {"send_destination='*'", {.type = 1}, true},
        {"send_destination_prefix='a'", {.type = 1, .destination = "a.b"}, true},
        {"send_type='signal'", {.type = 4}, true},
        {"send_type='error'", {.type = 4}, false},
        {"send_type='method_return'", {.type = 2}, true},
        {"send_type='method_call'", {.type = 2}, false},
        {"send_path='/a'", {.type = 1, .path = "/a"}, true},
        {"send_path='/a'", {.type = 1, .path = "/b"}, false},
        {"send_interface='i.f'", {.type = 1, .interface = "i.f"}, true},
        {"send_interface='i.f'", {.type = 1, .interface = "i.g"}, false},
        {"send_interface='*' send_member='M'", {.type = 1, .member = "M"}, true},
        {"send_interface='*' send_member='M'", {.type = 1, .member = "N"}, false},
        {"send_error='e.e'", {.type = 3, .error_name = "e.e"}, true},
        {"send_error='e.e'", {.type = 3, .error_name = "e.f"}, false},
        {"send_broadcast='true'", {.type = 4}, true},
        {"send_broadcast='true'", {.type = 4, .destination = "a.b"}, false},
        {"send_broadcast='true' send_destination_prefix='a'", {.type = 4}, false},
        {"send_broadcast='false'", {.type = 4}, false},
        {"send_requested_reply='true'", {.type = 2, .reply_serial = 1}, false},
        {"send_requested_reply='false'", {.type = 2, .reply_serial = 1}, true},
        {"send_type='*' eavesdrop='true'", {.type = 2, .reply_serial = 1}, true},
        {"send_type='*' min_fds='2'", {.type = 1, .n_fds = 2}, true},
        {"send_type='*' min_fds='2'", {.type = 1, .n_fds = 1}, false},
        {"send_type='*' max_fds='2'", {.type = 1, .n_fds = 2}, true},
        {"send_type='*' max_fds='0x2'", {.type = 1, .n_fds = 3}, false},
        {"receive_sender='a.b'", {.type = 1, .sender = "a.b"}, true},
        {"receive_sender='a.b'", {.type = 1, .sender = "a"}, false},
        {"receive_type='signal'", {.type = 4}, true},
        {"receive_path='/a'", {.type = 1, .path = "/b"}, false},
        {"receive_interface='i.f'", {.type = 1, .interface = "i.f"}, true},
        {"receive_path='*' receive_member='M'", {.type = 1, .member = "N"}, false},
        {"receive_error='e.e'", {.type = 3, .error_name = "e.e"}, true},
        {"receive_requested_reply='false'", {.type = 3, .reply_serial = 1}, true},
        {"receive_type='*'", {.type = 3, .reply_serial = 1}, false},
        {"eavesdrop='true'", {.type = 3, .reply_serial = 1}, true},
        {"eavesdrop='false'", {.type = 1}, true},
};

static void test_message_rules(struct fixture *f, gconstpointer data)
{
        struct credentials nobody = {0};
        struct name_registry names;

        (void)data;
        name_registry_init(&names);
        for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
                char *text = g_strdup_printf(
                        "<policy context='default'><allow %s log='true'/></policy>", rules[i].rule);
                struct config *c = load_inside(f, text);
                bool sends = g_str_has_prefix(rules[i].rule, "send");
                struct policy_verdict verdict;
                struct policy_view *v;
                struct test_message t;
                struct policy_message m = {.message = &t.message};

                g_test_message("%s", rules[i].rule);
                test_message_init(&t, &rules[i].fields);
                g_assert_cmpint(policy_view_get(c->policy, &nobody, false, &v), ==, 0);
                verdict =
                        sends ? policy_may_send(v, &m, &names) : policy_may_receive(v, &m, &names);
                g_assert_cmpint(verdict.allow, ==, rules[i].matches);
                g_assert_cmpint(verdict.log, ==, rules[i].matches);
                g_assert_cmpuint(verdict.n_matched, ==, rules[i].matches);
                policy_view_unref(v);
                test_message_deinit(&t);
                config_free(c);
                g_free(text);
        }
        name_registry_deinit(&names);
}

/* Directories of services */

static void test_session_dirs(struct fixture *f, gconstpointer data)
{
        static const char *const expected[] = {
                "/home/share/dbus-1/services",
                "/a/dbus-1/services",
                "/b/dbus-1/services",
                "relative/dbus-1/services",
        };
        struct config *c;

        (void)data;
        g_setenv("XDG_DATA_HOME", "/home/share", TRUE);
        g_setenv("XDG_DATA_DIRS", ":/a:/b/::/a:relative:", TRUE);
        c = load_inside(f, "<standard_session_servicedirs/><standard_session_servicedirs/>");
        /* And the one of the installation. */
        g_assert_cmpuint(c->n_service_dirs, ==, G_N_ELEMENTS(expected) + 1);
        for (size_t i = 0; i < G_N_ELEMENTS(expected); i++)
                g_assert_cmpstr(c->service_dirs[i].path, ==, expected[i]);
        g_assert_true(c->service_dirs[0].watch);
        g_assert_false(c->service_dirs[0].strict_names || c->service_dirs[0].transient);
        config_free(c);
}

static void test_default_dirs(struct fixture *f, gconstpointer data)
{
        struct config *c;

        (void)data;
        g_unsetenv("XDG_DATA_HOME");
        g_unsetenv("XDG_DATA_DIRS");
        c = load_inside(f, "<standard_session_servicedirs/>");
        g_assert_cmpuint(c->n_service_dirs, >=, 3);
        g_assert_true(g_str_has_suffix(c->service_dirs[0].path, "/.local/share/dbus-1/services"));
        g_assert_cmpstr(c->service_dirs[1].path, ==, "/usr/local/share/dbus-1/services");
        g_assert_cmpstr(c->service_dirs[2].path, ==, "/usr/share/dbus-1/services");
        config_free(c);
        c = load_inside(f, "<standard_system_servicedirs/>");
        g_assert_cmpstr(c->service_dirs[0].path, ==, "/usr/local/share/dbus-1/system-services");
        g_assert_cmpstr(c->service_dirs[c->n_service_dirs - 1].path, ==,
                        "/lib/dbus-1/system-services");
        g_assert_true(c->service_dirs[0].watch);
        config_free(c);
}

static void test_transient_dir(struct fixture *f, gconstpointer data)
{
        char *runtime = g_build_filename(f->dir, "runtime", NULL);
        char *services = g_build_filename(runtime, "dbus-1", "services", NULL);
        struct config *c;
        struct stat st;

        (void)data;
        g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
        c = load_inside(f, "<standard_session_servicedirs/>");
        g_assert_cmpuint(warnings->len, ==, 1);
        g_assert_nonnull(strstr(warnings->pdata[0], "not available: No such file or directory"));
        g_assert_cmpuint(c->n_service_dirs, ==, 1);
        config_free(c);

        g_assert_cmpint(g_mkdir(runtime, 0700), ==, 0);
        for (int i = 0; i < 2; i++) {
                c = load_inside(f, "<standard_session_servicedirs/>");
                g_assert_cmpuint(warnings->len, ==, 0);
                g_assert_cmpuint(c->n_service_dirs, ==, 2);
                g_assert_cmpstr(c->service_dirs[0].path, ==, services);
                g_assert_true(c->service_dirs[0].strict_names && c->service_dirs[0].transient);
                g_assert_false(c->service_dirs[0].watch);
                g_assert_cmpint(stat(services, &st), ==, 0);
                g_assert_cmpuint(st.st_mode & 0777, ==, 0700);
                config_free(c);
        }
        g_assert_cmpint(chmod(services, 0720), ==, 0);
        c = load_inside(f, "<standard_session_servicedirs/>");
        g_assert_cmpuint(warnings->len, ==, 1);
        g_assert_nonnull(strstr(warnings->pdata[0], "can be written by others (mode 040720)"));
        g_assert_cmpuint(c->n_service_dirs, ==, 1);
        config_free(c);
        g_free(services);
        g_free(runtime);
}

/* The configuration files of dbus's own installed tests, read where they lie. */

#define DBUS_TESTS "/usr/lib/dbus-1.0/debug-build/libexec/installed-tests/dbus/data"

static void judge_all(const char *folder, bool valid)
{
        char *path = g_build_filename(DBUS_TESTS, folder, NULL);
        GDir *dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
                char *file = g_build_filename(path, name, NULL), *error = NULL;
                struct config *c = NULL;

                if (g_str_has_suffix(name, ".conf")) {
                        g_test_message("%s/%s", folder, name);
                        g_assert_cmpint(config_load(file, &c, NULL, &error) == 0, ==, valid);
                        config_free(c);
                        free(error);
                }
                g_free(file);
        }
        if (dir)
                g_dir_close(dir);
        g_free(path);
}

static void assert_equivalent(const char *a_path, const char *b_path)
{
        struct config *a = load(a_path), *b = load(b_path);

        g_assert_cmpstr(a->user, ==, b->user);
        g_assert_cmpuint(a->listen.n, ==, b->listen.n);
        for (size_t i = 0; i < a->listen.n; i++)
                g_assert_cmpstr(a->listen.items[i], ==, b->listen.items[i]);
        g_assert_cmpuint(a->n_service_dirs, ==, b->n_service_dirs);
        for (size_t i = 0; i < a->n_service_dirs; i++)
                g_assert_cmpstr(a->service_dirs[i].path, ==, b->service_dirs[i].path);
        g_assert_cmpuint(a->n_associations, ==, b->n_associations);
        for (size_t i = 0; i < a->n_associations; i++)
                g_assert_cmpstr(a->associations[i].context, ==, b->associations[i].context);
        g_assert_cmpmem(&a->limits, sizeof(a->limits), &b->limits, sizeof(b->limits));
        config_free(a);
        config_free(b);
}

static void test_of_dbus(struct fixture *f, gconstpointer data)
{
        (void)f;
        (void)data;
        if (!g_file_test(DBUS_TESTS, G_FILE_TEST_IS_DIR)) {
                g_test_skip("dbus-tests is not installed");
                return;
        }
        judge_all("valid-config-files", true);
        judge_all("valid-config-files-system", true);
        judge_all("invalid-config-files", false);
        assert_equivalent(DBUS_TESTS "/equiv-config-files/basic/basic-1.conf",
                          DBUS_TESTS "/equiv-config-files/basic/basic-2.conf");
        assert_equivalent(DBUS_TESTS "/equiv-config-files/entities/entities-1.conf",
                          DBUS_TESTS "/equiv-config-files/entities/entities-2.conf");
}

static void ignore_warning(const char *text)
{
        g_assert_nonnull(text);
}

/*
 * Loads with each allocation failing once. Not all of that makes the whole thing fail: NSS without
 * memory may say that it does not know someone, and vasprintf() does not mind if it cannot give
 * back what it has too much.
 */
static void walk(const char *path, int expected)
{
        for (unsigned n = 0;; n++) {
                struct config *c = NULL;
                char *error;
                bool failed;
                int r;

                fail_alloc_after(n);
                r = config_load(path, &c, ignore_warning, &error);
                failed = fail_alloc_end();
                if (!failed || r != -ENOMEM)
                        g_assert_cmpint(r, ==, expected);
                g_assert_cmpint(error != NULL, ==, r > 0);
                g_assert_cmpint(c != NULL, ==, r == 0);
                free(error);
                config_free(c);
                if (!failed)
                        break;
        }
}

static void test_allocation_failures(struct fixture *f, gconstpointer data)
{
        char *runtime = g_build_filename(f->dir, "runtime", NULL), *path;

        (void)data;
        g_assert_cmpint(g_mkdir(runtime, 0700), ==, 0);
        g_setenv("XDG_RUNTIME_DIR", runtime, TRUE);
        g_setenv("XDG_DATA_HOME", "/a", TRUE);
        g_setenv("XDG_DATA_DIRS", "/b:/c", TRUE);
        add_file(f, "d/a.conf",
                 "<busconfig><policy user='root'><allow own='*'/></policy><type>t</type>"
                 "<listen>a</listen><servicedir>/x</servicedir>"
                 "<selinux><associate own='a' context='b'/></selinux></busconfig>");
        add_file(f, "d/b.conf", "<busconfig><bees/></busconfig>");
        path = bus_conf(f, "<includedir>d</includedir><standard_session_servicedirs/>"
                           "<limit name='max_containers'>1</limit><auth>EXTERNAL</auth>"
                           "<policy context='default'><allow send_destination='a' send_path='/'/>"
                           "<deny group='no such'/></policy>");
        walk(path, 0);
        g_free(path);
        path = bus_conf(f, "<include>d/b.conf</include>");
        walk(path, CONFIG_E_FAILED);
        g_free(path);
        g_free(runtime);
}

static void add(const char *path, void (*test)(struct fixture *f, gconstpointer data))
{
        g_test_add(path, struct fixture, NULL, set_up, test, tear_down);
}

int main(int argc, char **argv)
{
        int r;

        g_test_init(&argc, &argv, NULL);
        warnings = g_ptr_array_new_with_free_func(g_free);
        add("/config/everything", test_everything);
        add("/config/nothing", test_nothing);
        add("/config/faults", test_faults);
        add("/config/places", test_places);
        add("/config/xml", test_xml);
        add("/config/sizes", test_sizes);
        add("/config/fifo", test_fifo);
        add("/config/include", test_include);
        add("/config/missing", test_missing);
        add("/config/circle", test_circle);
        add("/config/include-dir", test_include_dir);
        add("/config/unknown-users", test_unknown_users);
        add("/config/rules", test_rules);
        add("/config/message-rules", test_message_rules);
        add("/config/session-dirs", test_session_dirs);
        add("/config/default-dirs", test_default_dirs);
        add("/config/transient-dir", test_transient_dir);
        add("/config/of-dbus", test_of_dbus);
        add("/config/allocation-failures", test_allocation_failures);
        r = g_test_run();
        g_ptr_array_unref(warnings);
        return r;
}
