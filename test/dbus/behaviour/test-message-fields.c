/* SPDX-License-Identifier: MIT */
/* The header of a message: what can be set, taken away, read and asked for. */

#include <string.h>

#include "dump.h"
#include "harness.h"

/* A field that is a string. */
struct field {
        const char *name;
        dbus_bool_t (*set)(DBusMessage *, const char *);
        const char *(*get)(DBusMessage *);
        dbus_bool_t (*has)(DBusMessage *, const char *); /* NULL: there is no such function */
        const char *value, *longer, *shorter, *other;
};

static const struct field fields[] = {
        {"path", dbus_message_set_path, dbus_message_get_path, dbus_message_has_path,
         "/com/example", "/com/example/which/is/a/good/deal/longer", "/", "/com/examplf"},
        {"interface", dbus_message_set_interface, dbus_message_get_interface,
         dbus_message_has_interface, "com.example.Interface",
         "com.example.Interface.which_is.a_good_deal.longer", "a.b", "com.example.Interfacf"},
        {"member", dbus_message_set_member, dbus_message_get_member, dbus_message_has_member,
         "Member", "MemberWhichIsAGoodDealLonger", "M", "Membes"},
        {"error-name", dbus_message_set_error_name, dbus_message_get_error_name, NULL,
         "com.example.Error", "com.example.Error.which_is.a_good_deal.longer", "a.b",
         "com.example.Errot"},
        {"destination", dbus_message_set_destination, dbus_message_get_destination,
         dbus_message_has_destination, "com.example.Name",
         "com.example.Name.which-is.a_good_deal.longer", ":1.1", "com.example.Namf"},
        {"sender", dbus_message_set_sender, dbus_message_get_sender, dbus_message_has_sender,
         ":1.5", ":1.5.which-is.a_good_deal.longer", ":1", ":1.6"},
        {"container-instance", dbus_message_set_container_instance,
         dbus_message_get_container_instance, NULL, "/org/freedesktop/DBus/Containers1/c1",
         "/org/freedesktop/DBus/Containers1/c1/longer", "/",
         "/org/freedesktop/DBus/Containers1/c2"},
};

static void set_and_get(gconstpointer data)
{
        const struct field *f = data;

        for (int type = 1; type <= 4; type++) {
                DBusMessage *m = dbus_message_new(type);

                g_assert_null(f->get(m));
                g_assert_true(f->set(m, f->value));
                g_assert_cmpstr(f->get(m), ==, f->value);
                dump_message(f->name, m);
                dbus_message_unref(m);
        }
}

static void replace(gconstpointer data)
{
        const struct field *f = data;
        const char *const values[] = {f->value, f->longer, f->shorter, f->shorter,
                                      f->value, f->other,  f->longer};
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        /* What stands behind has to stay as it is. */
        dbus_message_set_reply_serial(m, 4711);
        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                g_assert_true(f->set(m, values[i]));
                g_assert_cmpstr(f->get(m), ==, values[i]);
                g_assert_cmpuint(dbus_message_get_reply_serial(m), ==, 4711);
        }
        dbus_message_set_serial(m, 1);
        dump_bytes(f->name, m);
        dbus_message_unref(m);
}

static void unset(gconstpointer data)
{
        const struct field *f = data;
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        g_assert_true(f->set(m, NULL));
        g_assert_null(f->get(m));
        g_assert_true(f->set(m, f->value));
        g_assert_true(f->set(m, NULL));
        g_assert_null(f->get(m));
        g_assert_true(f->set(m, NULL));
        g_assert_true(f->set(m, f->shorter));
        g_assert_cmpstr(f->get(m), ==, f->shorter);
        dump_message(f->name, m);
        dbus_message_unref(m);
}

static void has(gconstpointer data)
{
        const struct field *f = data;
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        if (!f->has) {
                dbus_message_unref(m);
                g_test_skip("there is no such function");
                return;
        }
        g_assert_false(f->has(m, f->value));
        f->set(m, f->value);
        g_assert_true(f->has(m, f->value));
        g_assert_false(f->has(m, f->other));
        g_assert_false(f->has(m, f->longer));
        g_assert_false(f->has(m, f->shorter));
        f->set(m, NULL);
        g_assert_false(f->has(m, f->value));
        dbus_message_unref(m);
}

/* Setting one field does not disturb the others, whatever the order. */
static void all_together(gconstpointer data)
{
        const struct field *first = data;
        size_t begin = (size_t)(first - fields);
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);
        const char *text = "argument";

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                const struct field *f = &fields[(begin + i) % G_N_ELEMENTS(fields)];

                g_assert_true(f->set(m, f->longer));
        }
        g_assert_true(first->set(m, first->shorter));
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                const struct field *f = &fields[i];

                g_assert_cmpstr(f->get(m), ==, f == first ? f->shorter : f->longer);
        }
        g_assert_true(first->set(m, NULL));
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                const struct field *f = &fields[i];

                g_assert_cmpstr(f->get(m), ==, f == first ? NULL : f->longer);
        }
        dump_message("all", m);
        dbus_message_set_serial(m, 1);
        dump_bytes("all", m);
        dbus_message_unref(m);
}

static void path_components(const char *path, const char *const *expected)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, path, NULL, "M");
        char **components = NULL;
        unsigned n = 0;

        g_assert_true(dbus_message_get_path_decomposed(m, &components));
        g_assert_nonnull(components);
        for (; components && components[n] && expected[n]; n++)
                g_assert_cmpstr(components[n], ==, expected[n]);
        g_assert_true(components && !components[n] && !expected[n]);
        dbus_free_string_array(components);
        dbus_message_unref(m);
}

static void path_of_several(void)
{
        path_components("/foo/bar", (const char *const[]){"foo", "bar", NULL});
        path_components("/a/b_c/D9/_", (const char *const[]){"a", "b_c", "D9", "_", NULL});
}

static void path_of_one(void)
{
        path_components("/foo", (const char *const[]){"foo", NULL});
}

static void path_of_none(void)
{
        path_components("/", (const char *const[]){NULL});
}

static void path_of_many(void)
{
        g_autoptr(GString) path = g_string_new(NULL);
        const char *expected[1001] = {NULL};

        for (size_t i = 0; i < 1000; i++) {
                g_string_append(path, "/x");
                expected[i] = "x";
        }
        path_components(path->str, expected);
}

static void no_path(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);
        char *dummy[] = {NULL}, **components = dummy;

        g_assert_true(dbus_message_get_path_decomposed(m, &components));
        g_assert_null(components);
        dbus_message_unref(m);
}

static void flag(void (*set)(DBusMessage *, dbus_bool_t), dbus_bool_t (*get)(DBusMessage *),
                 dbus_bool_t by_default)
{
        for (int type = 1; type <= 4; type++) {
                DBusMessage *m = dbus_message_new(type);

                g_assert_cmpint(get(m), ==, by_default);
                set(m, TRUE);
                g_assert_cmpint(get(m), ==, TRUE);
                set(m, TRUE);
                g_assert_cmpint(get(m), ==, TRUE);
                set(m, FALSE);
                g_assert_cmpint(get(m), ==, FALSE);
                set(m, FALSE);
                g_assert_cmpint(get(m), ==, FALSE);
                set(m, !by_default);
                dbus_message_set_serial(m, 1);
                dbus_message_set_path(m, "/a");
                dbus_message_set_interface(m, "a.b");
                dbus_message_set_member(m, "C");
                dbus_message_set_error_name(m, "a.b");
                dbus_message_set_reply_serial(m, 2);
                dump_bytes("flag", m);
                dbus_message_unref(m);
        }
}

static void flag_no_reply(void)
{
        flag(dbus_message_set_no_reply, dbus_message_get_no_reply, FALSE);
}

static void flag_auto_start(void)
{
        flag(dbus_message_set_auto_start, dbus_message_get_auto_start, TRUE);
}

static void flag_interactive(void)
{
        flag(dbus_message_set_allow_interactive_authorization,
             dbus_message_get_allow_interactive_authorization, FALSE);
}

static void flags_are_separate(void)
{
        for (unsigned bits = 0; bits < 8; bits++) {
                DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

                dbus_message_set_allow_interactive_authorization(m, bits & 4);
                dbus_message_set_auto_start(m, bits & 2);
                dbus_message_set_no_reply(m, bits & 1);
                g_assert_cmpint(dbus_message_get_no_reply(m), ==, !!(bits & 1));
                g_assert_cmpint(dbus_message_get_auto_start(m), ==, !!(bits & 2));
                g_assert_cmpint(dbus_message_get_allow_interactive_authorization(m), ==,
                                !!(bits & 4));
                dbus_message_unref(m);
        }
}

static void serial(void)
{
        static const dbus_uint32_t serials[] = {1, 2, 0x7fffffff, 0x80000000, 0xffffffff};

        for (size_t i = 0; i < G_N_ELEMENTS(serials); i++) {
                DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);

                g_assert_cmpuint(dbus_message_get_serial(m), ==, 0);
                dbus_message_set_serial(m, serials[i]);
                g_assert_cmpuint(dbus_message_get_serial(m), ==, serials[i]);
                dbus_message_unref(m);
        }
}

static void reply_serial(void)
{
        static const dbus_uint32_t serials[] = {1, 0xffffffff, 2, 0x80000000};
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);

        g_assert_cmpuint(dbus_message_get_reply_serial(m), ==, 0);
        for (size_t i = 0; i < G_N_ELEMENTS(serials); i++) {
                g_assert_true(dbus_message_set_reply_serial(m, serials[i]));
                g_assert_cmpuint(dbus_message_get_reply_serial(m), ==, serials[i]);
        }
        dbus_message_unref(m);
}

static void signature(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);
        const char *text = "x";

        g_assert_cmpstr(dbus_message_get_signature(m), ==, "");
        g_assert_true(dbus_message_has_signature(m, ""));
        g_assert_false(dbus_message_has_signature(m, "s"));
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "s");
        dbus_message_append_args(m, DBUS_TYPE_OBJECT_PATH, &(const char *){"/"}, DBUS_TYPE_INVALID);
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "so");
        g_assert_true(dbus_message_has_signature(m, "so"));
        g_assert_false(dbus_message_has_signature(m, "s"));
        g_assert_false(dbus_message_has_signature(m, "sos"));
        g_assert_false(dbus_message_has_signature(m, ""));
        dbus_message_unref(m);
}

static void is_call(void)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/", "a.b", "C");

        g_assert_true(dbus_message_is_method_call(m, "a.b", "C"));
        g_assert_false(dbus_message_is_method_call(m, "a.b", "D"));
        g_assert_false(dbus_message_is_method_call(m, "a.c", "C"));
        g_assert_false(dbus_message_is_method_call(m, "a.bc", "C"));
        g_assert_false(dbus_message_is_signal(m, "a.b", "C"));
        g_assert_false(dbus_message_is_error(m, "a.b"));
        dbus_message_unref(m);
}

static void is_call_without_interface(void)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/", NULL, "C");

        g_assert_true(dbus_message_is_method_call(m, "a.b", "C"));
        g_assert_true(dbus_message_is_method_call(m, "some.other", "C"));
        g_assert_false(dbus_message_is_method_call(m, "a.b", "D"));
        g_assert_false(dbus_message_has_interface(m, "a.b"));
        dbus_message_unref(m);
}

static void is_call_without_member(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        g_assert_false(dbus_message_is_method_call(m, "a.b", "C"));
        dbus_message_set_interface(m, "a.b");
        g_assert_false(dbus_message_is_method_call(m, "a.b", "C"));
        dbus_message_unref(m);
}

static void is_signal(void)
{
        DBusMessage *m = dbus_message_new_signal("/", "a.b", "C");

        g_assert_true(dbus_message_is_signal(m, "a.b", "C"));
        g_assert_false(dbus_message_is_signal(m, "a.b", "D"));
        g_assert_false(dbus_message_is_signal(m, "a.c", "C"));
        g_assert_false(dbus_message_is_method_call(m, "a.b", "C"));
        dbus_message_set_interface(m, NULL);
        note("signal without interface: %d", dbus_message_is_signal(m, "a.b", "C"));
        dbus_message_unref(m);
}

static void is_error(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR);

        g_assert_false(dbus_message_is_error(m, "a.b"));
        dbus_message_set_error_name(m, "a.b");
        g_assert_true(dbus_message_is_error(m, "a.b"));
        g_assert_false(dbus_message_is_error(m, "a.bc"));
        g_assert_false(dbus_message_is_error(m, "a.c"));
        dbus_message_unref(m);
}

/* The name of an error means nothing in a message that is none. */
static void is_error_of_call(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        dbus_message_set_error_name(m, "a.b");
        g_assert_false(dbus_message_is_error(m, "a.b"));
        dbus_message_unref(m);
}

static void has_path_is_exact(void)
{
        DBusMessage *m = dbus_message_new_signal("/a/b", "a.b", "C");

        g_assert_true(dbus_message_has_path(m, "/a/b"));
        g_assert_false(dbus_message_has_path(m, "/a"));
        g_assert_false(dbus_message_has_path(m, "/a/b/c"));
        g_assert_false(dbus_message_has_path(m, "/"));
        dbus_message_unref(m);
}

/* NULL may be asked for where the manual does not say that it may not. */
static void has_nothing(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        note("none and none: path %d, interface %d, member %d", dbus_message_has_path(m, NULL),
             dbus_message_has_interface(m, NULL), dbus_message_has_member(m, NULL));
        dbus_message_set_path(m, "/a");
        dbus_message_set_interface(m, "a.b");
        dbus_message_set_member(m, "C");
        note("some and none: path %d, interface %d, member %d", dbus_message_has_path(m, NULL),
             dbus_message_has_interface(m, NULL), dbus_message_has_member(m, NULL));
        dbus_message_unref(m);
}

static void longest_names(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);
        g_autofree char *most = g_strnfill(253, 'a'), *member = g_strnfill(255, 'm');
        g_autofree char *name = g_strconcat("x.", most, NULL);
        g_autofree char *part = g_strnfill(99999, 'p'), *path = g_strconcat("/", part, NULL);

        g_assert_true(dbus_message_set_interface(m, name));
        g_assert_true(dbus_message_set_error_name(m, name));
        g_assert_true(dbus_message_set_destination(m, name));
        g_assert_true(dbus_message_set_sender(m, name));
        g_assert_true(dbus_message_set_member(m, member));
        g_assert_true(dbus_message_set_path(m, path));
        g_assert_cmpstr(dbus_message_get_interface(m), ==, name);
        g_assert_cmpstr(dbus_message_get_error_name(m), ==, name);
        g_assert_cmpstr(dbus_message_get_destination(m), ==, name);
        g_assert_cmpstr(dbus_message_get_sender(m), ==, name);
        g_assert_cmpstr(dbus_message_get_member(m), ==, member);
        g_assert_cmpstr(dbus_message_get_path(m), ==, path);
        dbus_message_unref(m);
}

/* Applications may hand a getter's result to a setter of the same message. */
static void set_to_own_value(void)
{
        DBusMessage *m = dbus_message_new_method_call("a.b", "/a/b", "c.d", "E");
        g_autofree char *destination = g_strdup(dbus_message_get_destination(m));

        g_assert_true(dbus_message_set_destination(m, destination));
        g_assert_cmpstr(dbus_message_get_destination(m), ==, "a.b");
        dump_message("same", m);
        dbus_message_unref(m);
}

static const struct {
        const char *name;
        void (*run)(gconstpointer);
} each_field[] = {
        {"set-get", set_and_get},   {"replace", replace}, {"unset", unset}, {"has", has},
        {"together", all_together},
};

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/path-decomposed/several", path_of_several},
                {"/path-decomposed/one", path_of_one},
                {"/path-decomposed/root", path_of_none},
                {"/path-decomposed/many", path_of_many},
                {"/path-decomposed/no-path", no_path},
                {"/flag/no-reply", flag_no_reply},
                {"/flag/auto-start", flag_auto_start},
                {"/flag/interactive-authorization", flag_interactive},
                {"/flag/separate", flags_are_separate},
                {"/serial/own", serial},
                {"/serial/of-reply", reply_serial},
                {"/signature/has", signature},
                {"/is/call", is_call},
                {"/is/call-without-interface", is_call_without_interface},
                {"/is/call-without-member", is_call_without_member},
                {"/is/signal", is_signal},
                {"/is/error", is_error},
                {"/is/error-of-call", is_error_of_call},
                {"/has/path-exact", has_path_is_exact},
                {"/has/null", has_nothing},
                {"/field/longest", longest_names},
                {"/field/own-value", set_to_own_value},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                for (size_t k = 0; k < G_N_ELEMENTS(each_field); k++) {
                        g_autofree char *path =
                                g_strdup_printf("/field/%s/%s", fields[i].name, each_field[k].name);

                        g_test_add_data_func(path, &fields[i], each_field[k].run);
                }
        }
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        return g_test_run();
}
