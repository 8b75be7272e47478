/* SPDX-License-Identifier: MIT */
/* Misuse of messages: how they are made, held, and what their headers are set to. */

#include <stdio.h>

#include "harness.h"
#include "misuse.h"

static const char *const bad_utf8 = "\xff";

/* Constructors. */

static void new_type_invalid(void)
{
        printf("%d\n", dbus_message_new(DBUS_MESSAGE_TYPE_INVALID) != NULL);
}

static void new_call_no_path(void)
{
        printf("%d\n", dbus_message_new_method_call("a.b", null_text, "a.b", "C") != NULL);
}

static void new_call_no_member(void)
{
        printf("%d\n", dbus_message_new_method_call("a.b", "/a", "a.b", null_text) != NULL);
}

static void new_call_bad_destination(void)
{
        printf("%d\n", dbus_message_new_method_call("a", "/a", "a.b", "C") != NULL);
}

static void new_call_bad_path(void)
{
        printf("%d\n", dbus_message_new_method_call("a.b", "a", "a.b", "C") != NULL);
}

static void new_call_bad_interface(void)
{
        printf("%d\n", dbus_message_new_method_call("a.b", "/a", "a", "C") != NULL);
}

static void new_call_bad_member(void)
{
        printf("%d\n", dbus_message_new_method_call("a.b", "/a", "a.b", "C.D") != NULL);
}

static void new_signal_no_path(void)
{
        printf("%d\n", dbus_message_new_signal(null_text, "a.b", "C") != NULL);
}

static void new_signal_no_interface(void)
{
        printf("%d\n", dbus_message_new_signal("/a", null_text, "C") != NULL);
}

static void new_signal_no_name(void)
{
        printf("%d\n", dbus_message_new_signal("/a", "a.b", null_text) != NULL);
}

static void new_signal_bad_path(void)
{
        printf("%d\n", dbus_message_new_signal("/a/", "a.b", "C") != NULL);
}

static void new_signal_bad_interface(void)
{
        printf("%d\n", dbus_message_new_signal("/a", "a-b.c", "C") != NULL);
}

static void new_signal_bad_name(void)
{
        printf("%d\n", dbus_message_new_signal("/a", "a.b", "1") != NULL);
}

static void new_return_null(void)
{
        printf("%d\n", dbus_message_new_method_return(null_message) != NULL);
}

static void new_return_no_serial(void)
{
        printf("%d\n", dbus_message_new_method_return(misuse_call()) != NULL);
}

static void new_error_null(void)
{
        printf("%d\n", dbus_message_new_error(null_message, "a.b", "text") != NULL);
}

static void new_error_no_name(void)
{
        printf("%d\n", dbus_message_new_error(misuse_locked(), null_text, "text") != NULL);
}

static void new_error_bad_name(void)
{
        printf("%d\n", dbus_message_new_error(misuse_locked(), "a", "text") != NULL);
}

static void new_error_bad_text(void)
{
        printf("%d\n", dbus_message_new_error(misuse_locked(), "a.b", bad_utf8) != NULL);
}

static void new_error_printf_null(void)
{
        printf("%d\n", dbus_message_new_error_printf(null_message, "a.b", "x%d", 1) != NULL);
}

static void new_error_no_serial(void)
{
        printf("%d\n", dbus_message_new_error(misuse_call(), "a.b", "text") != NULL);
}

static void ref_null(void)
{
        printf("%d\n", dbus_message_ref(null_message) != NULL);
}

static void unref_null(void)
{
        dbus_message_unref(null_message);
}

static void copy_null(void)
{
        printf("%d\n", dbus_message_copy(null_message) != NULL);
}

/* Getters and setters. */

static void get_of_null(void)
{
        printf("%d\n", dbus_message_get_type(null_message));
        printf("%s\n", dbus_message_get_path(null_message) ? "some" : "none");
        printf("%s\n", dbus_message_get_interface(null_message) ? "some" : "none");
        printf("%s\n", dbus_message_get_member(null_message) ? "some" : "none");
        printf("%s\n", dbus_message_get_error_name(null_message) ? "some" : "none");
        printf("%s\n", dbus_message_get_destination(null_message) ? "some" : "none");
        printf("%s\n", dbus_message_get_sender(null_message) ? "some" : "none");
        printf("%s\n", dbus_message_get_signature(null_message) ? "some" : "none");
        printf("%u\n", dbus_message_get_serial(null_message));
        printf("%u\n", dbus_message_get_reply_serial(null_message));
        printf("%d\n", dbus_message_get_no_reply(null_message));
        printf("%d\n", dbus_message_get_auto_start(null_message));
        printf("%d\n", dbus_message_get_allow_interactive_authorization(null_message));
        printf("%s\n", dbus_message_get_container_instance(null_message) ? "some" : "none");
}

static void set_on_null(void)
{
        printf("%d\n", dbus_message_set_path(null_message, "/a"));
        printf("%d\n", dbus_message_set_interface(null_message, "a.b"));
        printf("%d\n", dbus_message_set_member(null_message, "A"));
        printf("%d\n", dbus_message_set_error_name(null_message, "a.b"));
        printf("%d\n", dbus_message_set_destination(null_message, "a.b"));
        printf("%d\n", dbus_message_set_sender(null_message, "a.b"));
        printf("%d\n", dbus_message_set_container_instance(null_message, "/a"));
        printf("%d\n", dbus_message_set_reply_serial(null_message, 1));
        dbus_message_set_serial(null_message, 1);
        dbus_message_set_no_reply(null_message, TRUE);
        dbus_message_set_auto_start(null_message, TRUE);
        dbus_message_set_allow_interactive_authorization(null_message, TRUE);
}

static void has_null(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_has_destination(m, null_text));
        printf("%d\n", dbus_message_has_sender(m, null_text));
        printf("%d\n", dbus_message_has_signature(m, null_text));
        printf("%d\n", dbus_message_is_method_call(m, null_text, "C"));
        printf("%d\n", dbus_message_is_method_call(m, "a.b", null_text));
        printf("%d\n", dbus_message_is_signal(m, null_text, "C"));
        printf("%d\n", dbus_message_is_signal(m, "a.b", null_text));
        printf("%d\n", dbus_message_is_error(m, null_text));
}

static void has_bad(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_has_destination(m, "a"));
        printf("%d\n", dbus_message_has_sender(m, "a"));
        printf("%d\n", dbus_message_has_path(m, "a"));
        printf("%d\n", dbus_message_has_interface(m, "a"));
        printf("%d\n", dbus_message_has_member(m, "a.b"));
        printf("%d\n", dbus_message_has_signature(m, "("));
        printf("%d\n", dbus_message_is_method_call(m, "a", "C"));
        printf("%d\n", dbus_message_is_signal(m, "a", "C"));
        printf("%d\n", dbus_message_is_error(m, "a"));
}

static void set_bad_path(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_set_path(m, "a"));
        printf("%s\n", dbus_message_get_path(m));
}

static void set_bad_interface(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_set_interface(m, "a"));
        printf("%s\n", dbus_message_get_interface(m));
}

static void set_bad_member(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_set_member(m, ""));
        printf("%s\n", dbus_message_get_member(m));
}

static void set_bad_error_name(void)
{
        printf("%d\n", dbus_message_set_error_name(misuse_call(), "a"));
}

static void set_bad_destination(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_set_destination(m, "1.a"));
        printf("%s\n", dbus_message_get_destination(m));
}

static void set_bad_sender(void)
{
        printf("%d\n", dbus_message_set_sender(misuse_call(), "a"));
}

static void set_bad_container(void)
{
        printf("%d\n", dbus_message_set_container_instance(misuse_call(), "a"));
}

static void set_reply_serial_zero(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_set_reply_serial(m, 0));
        printf("%u\n", dbus_message_get_reply_serial(m));
}

static void set_serial_zero(void)
{
        DBusMessage *m = misuse_call();

        dbus_message_set_serial(m, 0);
        printf("%u\n", dbus_message_get_serial(m));
}

static void set_serial_twice(void)
{
        DBusMessage *m = misuse_call();

        dbus_message_set_serial(m, 1);
        dbus_message_set_serial(m, 2);
        printf("%u\n", dbus_message_get_serial(m));
}

static void decompose_null(void)
{
        char **path = NULL;

        printf("%d\n", dbus_message_get_path_decomposed(null_message, &path));
        printf("%d\n", dbus_message_get_path_decomposed(misuse_call(), NULL));
}

static void modify_locked_strings(void)
{
        DBusMessage *m = misuse_locked();

        printf("%d\n", dbus_message_set_path(m, "/b"));
        printf("%d\n", dbus_message_set_interface(m, "c.d"));
        printf("%d\n", dbus_message_set_member(m, "E"));
        printf("%d\n", dbus_message_set_error_name(m, "f.g"));
        printf("%d\n", dbus_message_set_destination(m, "h.i"));
        printf("%d\n", dbus_message_set_sender(m, "j.k"));
        printf("%d\n", dbus_message_set_container_instance(m, "/b"));
        printf("%d\n", dbus_message_set_reply_serial(m, 5));
        printf("%s %s %s\n", dbus_message_get_path(m), dbus_message_get_interface(m),
               dbus_message_get_member(m));
}

static void modify_locked_flags(void)
{
        DBusMessage *m = misuse_locked();

        dbus_message_set_no_reply(m, TRUE);
        dbus_message_set_auto_start(m, FALSE);
        dbus_message_set_allow_interactive_authorization(m, TRUE);
        dbus_message_set_serial(m, 7);
        printf("%d %d %d %u\n", dbus_message_get_no_reply(m), dbus_message_get_auto_start(m),
               dbus_message_get_allow_interactive_authorization(m), dbus_message_get_serial(m));
}

static void append_to_locked(void)
{
        DBusMessage *m = misuse_locked();
        DBusMessageIter iter, sub;
        dbus_int32_t value = 1;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, &value));
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &sub));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_args_to_locked(void)
{
        DBusMessage *m = misuse_locked();
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID));
        printf("%s\n", dbus_message_get_signature(m));
}

static const struct misuse misuses[] = {
        {"new/type-invalid", new_type_invalid},
        {"new/call-no-path", new_call_no_path},
        {"new/call-no-member", new_call_no_member},
        {"new/call-bad-destination", new_call_bad_destination},
        {"new/call-bad-path", new_call_bad_path},
        {"new/call-bad-interface", new_call_bad_interface},
        {"new/call-bad-member", new_call_bad_member},
        {"new/signal-no-path", new_signal_no_path},
        {"new/signal-no-interface", new_signal_no_interface},
        {"new/signal-no-name", new_signal_no_name},
        {"new/signal-bad-path", new_signal_bad_path},
        {"new/signal-bad-interface", new_signal_bad_interface},
        {"new/signal-bad-name", new_signal_bad_name},
        {"new/return-null", new_return_null},
        {"new/return-no-serial", new_return_no_serial},
        {"new/error-null", new_error_null},
        {"new/error-no-name", new_error_no_name},
        {"new/error-bad-name", new_error_bad_name},
        {"new/error-bad-text", new_error_bad_text},
        {"new/error-printf-null", new_error_printf_null},
        {"new/error-no-serial", new_error_no_serial},
        {"reference/ref-null", ref_null},
        {"reference/unref-null", unref_null},
        {"reference/copy-null", copy_null},
        {"field/get-null", get_of_null},
        {"field/set-null", set_on_null},
        {"field/has-null", has_null},
        {"field/has-bad", has_bad},
        {"field/bad-path", set_bad_path},
        {"field/bad-interface", set_bad_interface},
        {"field/bad-member", set_bad_member},
        {"field/bad-error-name", set_bad_error_name},
        {"field/bad-destination", set_bad_destination},
        {"field/bad-sender", set_bad_sender},
        {"field/bad-container", set_bad_container},
        {"field/reply-serial-zero", set_reply_serial_zero},
        {"field/serial-zero", set_serial_zero},
        {"field/serial-twice", set_serial_twice},
        {"field/decompose-null", decompose_null},
        {"locked/strings", modify_locked_strings},
        {"locked/flags", modify_locked_flags},
        {"locked/append", append_to_locked},
        {"locked/append-args", append_args_to_locked},
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        misuse_add(misuses);
        return g_test_run();
}
