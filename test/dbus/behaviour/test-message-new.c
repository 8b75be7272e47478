/* SPDX-License-Identifier: MIT */
/* Making messages: constructors, references, copies, locks, and the names of the types. */

#include <string.h>

#include "dump.h"
#include "harness.h"

static DBusMessage *a_call(void)
{
        DBusMessage *m = dbus_message_new_method_call("com.example.Name", "/com/example",
                                                      "com.example.Interface", "Method");

        g_assert_nonnull(m);
        return m;
}

static void by_type(void)
{
        for (int type = 1; type <= 4; type++) {
                DBusMessage *m = dbus_message_new(type);

                g_assert_cmpint(dbus_message_get_type(m), ==, type);
                dump_message("new", m);
                dbus_message_unref(m);
        }
}

static void by_unknown_type(void)
{
        static const int types[] = {5, 6, 100, 254, 255};

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                DBusMessage *m = dbus_message_new(types[i]);

                g_assert_cmpint(dbus_message_get_type(m), ==, types[i]);
                dump_message("new", m);
                dbus_message_unref(m);
        }
}

static void type_beyond_byte(void)
{
        DBusMessage *m = dbus_message_new(256 + DBUS_MESSAGE_TYPE_SIGNAL);

        note("type %d", m ? dbus_message_get_type(m) : -1);
        if (m)
                dbus_message_unref(m);
}

static void call(void)
{
        DBusMessage *m = a_call();

        g_assert_cmpint(dbus_message_get_type(m), ==, DBUS_MESSAGE_TYPE_METHOD_CALL);
        g_assert_cmpstr(dbus_message_get_destination(m), ==, "com.example.Name");
        g_assert_cmpstr(dbus_message_get_path(m), ==, "/com/example");
        g_assert_cmpstr(dbus_message_get_interface(m), ==, "com.example.Interface");
        g_assert_cmpstr(dbus_message_get_member(m), ==, "Method");
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "");
        g_assert_null(dbus_message_get_sender(m));
        g_assert_cmpuint(dbus_message_get_serial(m), ==, 0);
        g_assert_false(dbus_message_get_no_reply(m));
        dbus_message_unref(m);
}

static void call_without_destination(void)
{
        DBusMessage *m = dbus_message_new_method_call(NULL, "/", "com.example.I", "M");

        g_assert_null(dbus_message_get_destination(m));
        dump_message("call", m);
        dbus_message_unref(m);
}

static void call_without_interface(void)
{
        DBusMessage *m = dbus_message_new_method_call(":1.1", "/", NULL, "M");

        g_assert_null(dbus_message_get_interface(m));
        g_assert_cmpstr(dbus_message_get_destination(m), ==, ":1.1");
        dump_message("call", m);
        dbus_message_unref(m);
}

static void signal_(void)
{
        DBusMessage *m = dbus_message_new_signal("/a/b", "com.example.I", "Changed");

        g_assert_cmpint(dbus_message_get_type(m), ==, DBUS_MESSAGE_TYPE_SIGNAL);
        g_assert_cmpstr(dbus_message_get_path(m), ==, "/a/b");
        g_assert_cmpstr(dbus_message_get_interface(m), ==, "com.example.I");
        g_assert_cmpstr(dbus_message_get_member(m), ==, "Changed");
        g_assert_null(dbus_message_get_destination(m));
        /* Nobody answers a signal. */
        g_assert_true(dbus_message_get_no_reply(m));
        dump_message("signal", m);
        dbus_message_unref(m);
}

static void return_(void)
{
        DBusMessage *m = a_call(), *reply;

        dbus_message_set_serial(m, 17);
        dbus_message_set_sender(m, ":1.5");
        reply = dbus_message_new_method_return(m);
        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==, 17);
        g_assert_cmpstr(dbus_message_get_destination(reply), ==, ":1.5");
        g_assert_null(dbus_message_get_path(reply));
        g_assert_null(dbus_message_get_member(reply));
        g_assert_true(dbus_message_get_no_reply(reply));
        dump_message("return", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void return_without_sender(void)
{
        DBusMessage *m = a_call(), *reply;

        dbus_message_set_serial(m, 0xffffffff);
        reply = dbus_message_new_method_return(m);
        g_assert_null(dbus_message_get_destination(reply));
        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==, 0xffffffff);
        dump_message("return", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void return_to_signal(void)
{
        DBusMessage *m = dbus_message_new_signal("/a", "a.b", "C"), *reply;

        dbus_message_set_serial(m, 3);
        reply = dbus_message_new_method_return(m);
        dump_message("return", reply);
        if (reply)
                dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void error(void)
{
        DBusMessage *m = a_call(), *reply;
        const char *text = NULL;

        dbus_message_set_serial(m, 4);
        dbus_message_set_sender(m, ":1.7");
        reply = dbus_message_new_error(m, DBUS_ERROR_FAILED, "It has failed");
        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_ERROR);
        g_assert_cmpstr(dbus_message_get_error_name(reply), ==, DBUS_ERROR_FAILED);
        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==, 4);
        g_assert_cmpstr(dbus_message_get_destination(reply), ==, ":1.7");
        g_assert_true(
                dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        g_assert_cmpstr(text, ==, "It has failed");
        dump_message("error", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void error_without_text(void)
{
        DBusMessage *m = a_call(), *reply;

        dbus_message_set_serial(m, 4);
        reply = dbus_message_new_error(m, "com.example.Error", NULL);
        g_assert_cmpstr(dbus_message_get_signature(reply), ==, "");
        dump_message("error", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void error_to_error(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR), *reply;

        dbus_message_set_serial(m, 9);
        reply = dbus_message_new_error(m, "com.example.Error", "");
        dump_message("error", reply);
        if (reply)
                dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void error_printf(void)
{
        DBusMessage *m = a_call(), *reply;
        const char *text = NULL;

        dbus_message_set_serial(m, 4);
        reply = dbus_message_new_error_printf(m, "com.example.Error", "%d of %s, %5.2f%%", 7,
                                              "nine", 77.777);
        g_assert_true(
                dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        g_assert_cmpstr(text, ==, "7 of nine, 77.78%");
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void error_printf_long(void)
{
        DBusMessage *m = a_call(), *reply;
        g_autofree char *much = g_strnfill(100000, 'x');
        const char *text = NULL;

        dbus_message_set_serial(m, 4);
        reply = dbus_message_new_error_printf(m, "com.example.Error", "%s.", much);
        g_assert_true(
                dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        g_assert_cmpuint(strlen(text), ==, 100001);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void no_reply_keeps_reply(void)
{
        DBusMessage *m = a_call(), *reply;

        dbus_message_set_serial(m, 4);
        dbus_message_set_no_reply(m, TRUE);
        reply = dbus_message_new_method_return(m);
        g_assert_nonnull(reply);
        dump_message("return", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void references(void)
{
        DBusMessage *m = a_call();

        g_assert_true(dbus_message_ref(m) == m);
        dbus_message_unref(m);
        g_assert_cmpstr(dbus_message_get_member(m), ==, "Method");
        dbus_message_unref(m);
}

static void cleared(void)
{
        DBusMessage *m = a_call();

        dbus_clear_message(&m);
        g_assert_null(m);
        dbus_clear_message(&m);
        g_assert_null(m);
}

static void many(void)
{
        DBusMessage *all[200];

        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                all[i] = a_call();
                dbus_message_append_args(all[i], DBUS_TYPE_UINT32, &(dbus_uint32_t){(guint)i},
                                         DBUS_TYPE_INVALID);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                dbus_uint32_t value = 0;

                g_assert_true(dbus_message_get_args(all[i], NULL, DBUS_TYPE_UINT32, &value,
                                                    DBUS_TYPE_INVALID));
                g_assert_cmpuint(value, ==, i);
                dbus_message_unref(all[i]);
        }
}

/* A message that was freed may come back for another one, but with nothing left in it. */
static void nothing_is_left_over(void)
{
        for (unsigned i = 0; i < 20; i++) {
                DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);
                const char *text = "text";

                g_assert_null(dbus_message_get_path(m));
                g_assert_null(dbus_message_get_sender(m));
                g_assert_cmpuint(dbus_message_get_serial(m), ==, 0);
                g_assert_cmpuint(dbus_message_get_reply_serial(m), ==, 0);
                g_assert_cmpstr(dbus_message_get_signature(m), ==, "");
                g_assert_false(dbus_message_get_no_reply(m));
                g_assert_true(dbus_message_get_auto_start(m));
                dbus_message_set_path(m, "/a/path");
                dbus_message_set_sender(m, ":1.1");
                dbus_message_set_reply_serial(m, 5);
                dbus_message_set_no_reply(m, TRUE);
                dbus_message_set_auto_start(m, FALSE);
                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
                dbus_message_set_serial(m, 5);
                dbus_message_lock(m);
                dbus_message_unref(m);
        }
}

static DBusMessage *rich_message(void)
{
        DBusMessage *m = a_call();
        const char *text = "text";
        const dbus_int32_t numbers[] = {1, 2, 3}, *at = numbers;

        dbus_message_set_sender(m, ":1.5");
        dbus_message_set_no_reply(m, TRUE);
        dbus_message_set_auto_start(m, FALSE);
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_ARRAY, DBUS_TYPE_INT32, &at,
                                 3, DBUS_TYPE_INVALID);
        dbus_message_set_serial(m, 77);
        return m;
}

static void copy(void)
{
        DBusMessage *m = rich_message(), *other = dbus_message_copy(m);

        g_assert_cmpuint(dbus_message_get_serial(other), ==, 0);
        g_assert_cmpuint(dbus_message_get_serial(m), ==, 77);
        dump_message("original", m);
        dump_message("copy", other);
        dbus_message_unref(m);
        dump_message("copy alone", other);
        dbus_message_unref(other);
}

static void copy_of_locked(void)
{
        DBusMessage *m = rich_message(), *other;

        dbus_message_lock(m);
        other = dbus_message_copy(m);
        g_assert_true(dbus_message_set_member(other, "Other"));
        g_assert_true(dbus_message_append_args(other, DBUS_TYPE_BYTE, &(unsigned char){1},
                                               DBUS_TYPE_INVALID));
        dbus_message_set_serial(other, 5);
        dump_message("original", m);
        dump_message("copy", other);
        dbus_message_unref(other);
        dbus_message_unref(m);
}

static void copy_is_independent(void)
{
        DBusMessage *m = rich_message(), *other = dbus_message_copy(m);

        dbus_message_set_path(other, "/some/other/path");
        dbus_message_set_destination(m, NULL);
        g_assert_cmpstr(dbus_message_get_path(m), ==, "/com/example");
        g_assert_cmpstr(dbus_message_get_destination(other), ==, "com.example.Name");
        dump_message("original", m);
        dump_message("copy", other);
        dbus_message_unref(other);
        dbus_message_unref(m);
}

static void copy_of_unknown_type(void)
{
        DBusMessage *m = dbus_message_new(99), *other = dbus_message_copy(m);

        g_assert_cmpint(dbus_message_get_type(other), ==, 99);
        dbus_message_unref(other);
        dbus_message_unref(m);
}

static void lock_twice(void)
{
        DBusMessage *m = rich_message();

        dbus_message_lock(m);
        dbus_message_lock(m);
        g_assert_cmpuint(dbus_message_get_serial(m), ==, 77);
        dump_message("locked", m);
        dbus_message_unref(m);
}

static void type_names(void)
{
        static const struct {
                int type;
                const char *name;
        } names[] = {
                {DBUS_MESSAGE_TYPE_METHOD_CALL, "method_call"},
                {DBUS_MESSAGE_TYPE_METHOD_RETURN, "method_return"},
                {DBUS_MESSAGE_TYPE_SIGNAL, "signal"},
                {DBUS_MESSAGE_TYPE_ERROR, "error"},
                {DBUS_MESSAGE_TYPE_INVALID, "invalid"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                g_assert_cmpstr(dbus_message_type_to_string(names[i].type), ==, names[i].name);
                g_assert_cmpint(dbus_message_type_from_string(names[i].name), ==, names[i].type);
        }
}

static void names_of_no_type(void)
{
        static const char *const words[] = {"",       "Signal",       "signal ",   "method-call",
                                            "SIGNAL", "method_calls", "method_cal"};

        for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
                g_assert_cmpint(dbus_message_type_from_string(words[i]), ==,
                                DBUS_MESSAGE_TYPE_INVALID);
        for (int type = -2; type < 9; type++)
                note_text("name", dbus_message_type_to_string(type));
        note_text("name", dbus_message_type_to_string(255));
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/new/by-type", by_type},
                {"/new/by-unknown-type", by_unknown_type},
                {"/new/type-beyond-byte", type_beyond_byte},
                {"/new/call", call},
                {"/new/call-without-destination", call_without_destination},
                {"/new/call-without-interface", call_without_interface},
                {"/new/signal", signal_},
                {"/new/return", return_},
                {"/new/return-without-sender", return_without_sender},
                {"/new/return-to-signal", return_to_signal},
                {"/new/error", error},
                {"/new/error-without-text", error_without_text},
                {"/new/error-to-error", error_to_error},
                {"/new/error-printf", error_printf},
                {"/new/error-printf-long", error_printf_long},
                {"/new/return-to-no-reply", no_reply_keeps_reply},
                {"/new/many", many},
                {"/new/nothing-left-over", nothing_is_left_over},
                {"/reference/ref-unref", references},
                {"/reference/clear", cleared},
                {"/copy/all", copy},
                {"/copy/of-locked", copy_of_locked},
                {"/copy/independent", copy_is_independent},
                {"/copy/of-unknown-type", copy_of_unknown_type},
                {"/lock/twice", lock_twice},
                {"/type/names", type_names},
                {"/type/no-names", names_of_no_type},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
