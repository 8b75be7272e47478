/* SPDX-License-Identifier: MIT */
/*
 * What applications must not do: whether the library says so on standard error, whether it goes on,
 * and with what result, for each value of DBUS_FATAL_WARNINGS. Each runs in a child.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static DBusMessage *call(void)
{
        return dbus_message_new_method_call("a.b", "/a", "a.b", "C");
}

static DBusMessage *locked(void)
{
        DBusMessage *m = call();

        dbus_message_set_serial(m, 1);
        dbus_message_lock(m);
        return m;
}

/* Arguments are volatile, so that no compiler knows better. */
static const char *volatile null_text;
static DBusMessage *volatile null_message;
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
        printf("%d\n", dbus_message_new_method_return(call()) != NULL);
}

static void new_error_null(void)
{
        printf("%d\n", dbus_message_new_error(null_message, "a.b", "text") != NULL);
}

static void new_error_no_name(void)
{
        printf("%d\n", dbus_message_new_error(locked(), null_text, "text") != NULL);
}

static void new_error_bad_name(void)
{
        printf("%d\n", dbus_message_new_error(locked(), "a", "text") != NULL);
}

static void new_error_bad_text(void)
{
        printf("%d\n", dbus_message_new_error(locked(), "a.b", bad_utf8) != NULL);
}

static void new_error_printf_null(void)
{
        printf("%d\n", dbus_message_new_error_printf(null_message, "a.b", "x%d", 1) != NULL);
}

static void new_error_no_serial(void)
{
        printf("%d\n", dbus_message_new_error(call(), "a.b", "text") != NULL);
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
        DBusMessage *m = call();

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
        DBusMessage *m = call();

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
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_path(m, "a"));
        printf("%s\n", dbus_message_get_path(m));
}

static void set_bad_interface(void)
{
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_interface(m, "a"));
        printf("%s\n", dbus_message_get_interface(m));
}

static void set_bad_member(void)
{
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_member(m, ""));
        printf("%s\n", dbus_message_get_member(m));
}

static void set_bad_error_name(void)
{
        printf("%d\n", dbus_message_set_error_name(call(), "a"));
}

static void set_bad_destination(void)
{
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_destination(m, "1.a"));
        printf("%s\n", dbus_message_get_destination(m));
}

static void set_bad_sender(void)
{
        printf("%d\n", dbus_message_set_sender(call(), "a"));
}

static void set_bad_container(void)
{
        printf("%d\n", dbus_message_set_container_instance(call(), "a"));
}

static void set_reply_serial_zero(void)
{
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_reply_serial(m, 0));
        printf("%u\n", dbus_message_get_reply_serial(m));
}

static void set_serial_zero(void)
{
        DBusMessage *m = call();

        dbus_message_set_serial(m, 0);
        printf("%u\n", dbus_message_get_serial(m));
}

static void set_serial_twice(void)
{
        DBusMessage *m = call();

        dbus_message_set_serial(m, 1);
        dbus_message_set_serial(m, 2);
        printf("%u\n", dbus_message_get_serial(m));
}

static void decompose_null(void)
{
        char **path = NULL;

        printf("%d\n", dbus_message_get_path_decomposed(null_message, &path));
        printf("%d\n", dbus_message_get_path_decomposed(call(), NULL));
}

static void modify_locked_strings(void)
{
        DBusMessage *m = locked();

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
        DBusMessage *m = locked();

        dbus_message_set_no_reply(m, TRUE);
        dbus_message_set_auto_start(m, FALSE);
        dbus_message_set_allow_interactive_authorization(m, TRUE);
        dbus_message_set_serial(m, 7);
        printf("%d %d %d %u\n", dbus_message_get_no_reply(m), dbus_message_get_auto_start(m),
               dbus_message_get_allow_interactive_authorization(m), dbus_message_get_serial(m));
}

static void append_to_locked(void)
{
        DBusMessage *m = locked();
        DBusMessageIter iter, sub;
        dbus_int32_t value = 1;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, &value));
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &sub));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_args_to_locked(void)
{
        DBusMessage *m = locked();
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID));
        printf("%s\n", dbus_message_get_signature(m));
}

/* Arguments. */

static void append_args_null(void)
{
        dbus_int32_t value = 1;

        printf("%d\n",
               dbus_message_append_args(null_message, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID));
}

static void append_args_bad_type(void)
{
        DBusMessage *m = call();
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_append_args(m, 'z', &value, DBUS_TYPE_INVALID));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_args_container(void)
{
        DBusMessage *m = call();
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_VARIANT, &value, DBUS_TYPE_INVALID));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_args_array_of_containers(void)
{
        DBusMessage *m = call();
        const dbus_int32_t *value = NULL;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_VARIANT, &value, 0,
                                                DBUS_TYPE_INVALID));
}

static void append_args_array_of_fds(void)
{
        DBusMessage *m = call();
        const int fds[] = {0, 1}, *at = fds;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_UNIX_FD, &at, 2,
                                                DBUS_TYPE_INVALID));
}

static void get_args_null(void)
{
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_get_args(null_message, NULL, DBUS_TYPE_INT32, &value,
                                             DBUS_TYPE_INVALID));
}

static void get_args_error_set(void)
{
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t value = 1;

        dbus_set_error_const(&error, "a.b", "x");
        printf("%d\n",
               dbus_message_get_args(call(), &error, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID));
        printf("%s\n", error.name);
}

static void get_args_array_of_fds(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const int *fds = NULL;
        int n = 0;
        DBusError error = DBUS_ERROR_INIT;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "h", &sub);
        dbus_message_iter_close_container(&iter, &sub);
        printf("%d\n", dbus_message_get_args(m, &error, DBUS_TYPE_ARRAY, DBUS_TYPE_UNIX_FD, &fds,
                                             &n, DBUS_TYPE_INVALID));
        printf("%s\n", error.message ? error.message : "no error");
}

static void get_args_bad_type(void)
{
        DBusMessage *m = call();
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t value = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        printf("%d\n", dbus_message_get_args(m, &error, 'z', &value, DBUS_TYPE_INVALID));
        printf("%s\n", error.message ? error.message : "no error");
}

/* Iterators. */

static void append_text_bad_utf8(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &bad_utf8));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_bad_path(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        const char *value = "a";

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_OBJECT_PATH, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_bad_signature(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        const char *value = "(";

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_SIGNATURE, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_bad_boolean(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        dbus_bool_t value = 2;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_BOOLEAN, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_null_value(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, NULL));
}

static void append_basic_container(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        dbus_int32_t value = 1;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_ARRAY, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_with_reader(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        dbus_int32_t value = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        dbus_message_iter_init(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void read_with_writer(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        dbus_int32_t value = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_get_arg_type(&iter));
        printf("%d\n", dbus_message_iter_next(&iter));
        printf("%d\n", dbus_message_iter_has_next(&iter));
}

static void wrong_element(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const char *value = "x";

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub);
        printf("%d\n", dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &value));
}

static void wrong_variant(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const char *value = "x";

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "i", &sub);
        printf("%d\n", dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &value));
}

static void wrong_container_element(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub, inner;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "(i)", &sub);
        printf("%d\n", dbus_message_iter_open_container(&sub, DBUS_TYPE_ARRAY, "i", &inner));
}

static void open_basic(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_INT32, NULL, &sub));
}

static void open_struct_with_signature(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, "i", &sub));
}

static void open_array_without_signature(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, NULL, &sub));
}

static void open_variant_without_signature(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, NULL, &sub));
}

static void open_array_bad_signature(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "z", &sub));
}

static void open_array_two_types(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "ii", &sub));
}

static void open_variant_two_types(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "ii", &sub));
}

static void open_dict_entry_alone(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_DICT_ENTRY, NULL, &sub));
}

static void open_into_null(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, NULL));
}

static void close_other(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter = DBUS_MESSAGE_ITER_INIT_CLOSED, sub = DBUS_MESSAGE_ITER_INIT_CLOSED;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_close_container(&iter, &sub));
}

static void abandon_closed(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub = DBUS_MESSAGE_ITER_INIT_CLOSED;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_abandon_container(&iter, &sub);
}

static void fixed_array_of_strings(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const char *values[] = {"x"};
        const char **at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_STRING, &at, 1));
}

static void fixed_array_of_fds(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const int values[] = {0}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "h", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_UNIX_FD, &at, 1));
}

static void fixed_array_bad_boolean(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const dbus_bool_t values[] = {0, 2}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "b", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_BOOLEAN, &at, 2));
}

static void fixed_array_negative(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const dbus_int32_t values[] = {0}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_INT32, &at, -1));
}

static void fixed_array_outside(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        const dbus_int32_t values[] = {0}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_fixed_array(&iter, DBUS_TYPE_INT32, &at, 1));
}

static DBusMessage *two_ints(void)
{
        DBusMessage *m = call();
        dbus_int32_t value = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INT32, &value,
                                 DBUS_TYPE_INVALID);
        return m;
}

static void element_type_of_basic(void)
{
        DBusMessageIter iter;

        dbus_message_iter_init(two_ints(), &iter);
        printf("%d\n", dbus_message_iter_get_element_type(&iter));
}

static void element_count_of_basic(void)
{
        DBusMessageIter iter;

        dbus_message_iter_init(two_ints(), &iter);
        printf("%d\n", dbus_message_iter_get_element_count(&iter));
}

static void basic_of_array(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter;
        const dbus_int32_t values[] = {1}, *at = values;
        dbus_int32_t value = 7;

        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_INT32, &at, 1, DBUS_TYPE_INVALID);
        dbus_message_iter_init(m, &iter);
        dbus_message_iter_get_basic(&iter, &value);
        printf("%d\n", value);
}

static void basic_into_null(void)
{
        DBusMessageIter iter;

        dbus_message_iter_init(two_ints(), &iter);
        dbus_message_iter_get_basic(&iter, NULL);
        printf("went on\n");
}

static void init_null(void)
{
        DBusMessageIter iter;

        printf("%d\n", dbus_message_iter_init(null_message, &iter));
}

static void init_into_null(void)
{
        printf("%d\n", dbus_message_iter_init(call(), NULL));
}

static void fixed_array_of_array(void)
{
        DBusMessage *m = call();
        DBusMessageIter iter, sub;
        const char *values[] = {"x"}, **at = values;
        const dbus_int32_t *got = NULL;
        int n = 0;

        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &at, 1, DBUS_TYPE_INVALID);
        dbus_message_iter_init(m, &iter);
        dbus_message_iter_recurse(&iter, &sub);
        dbus_message_iter_get_fixed_array(&sub, &got, &n);
        printf("%d\n", n);
}

/* The rest. */

static void marshal_null(void)
{
        char *bytes = NULL;
        int n = 0;

        printf("%d\n", dbus_message_marshal(null_message, &bytes, &n));
        printf("%d\n", dbus_message_marshal(call(), NULL, &n));
        printf("%d\n", dbus_message_marshal(call(), &bytes, NULL));
}

static void demarshal_null(void)
{
        printf("%d\n", dbus_message_demarshal(null_text, 100, NULL) != NULL);
        printf("%d\n", dbus_message_demarshal_bytes_needed(null_text, 100));
}

static void slot_not_allocated(void)
{
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_data(m, 5, m, NULL));
        printf("%d\n", dbus_message_get_data(m, 5) != NULL);
}

static void slot_negative(void)
{
        DBusMessage *m = call();

        printf("%d\n", dbus_message_set_data(m, -1, m, NULL));
        printf("%d\n", dbus_message_get_data(m, -1) != NULL);
}

static void slot_freed_twice(void)
{
        dbus_int32_t slot = -1;

        printf("%d\n", dbus_message_allocate_data_slot(&slot));
        dbus_message_free_data_slot(&slot);
        dbus_message_free_data_slot(&slot);
}

static void error_set_twice(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, "a.b", "one");
        dbus_set_error(&error, "c.d", "two");
        printf("%s\n", error.name);
}

static void error_set_const_twice(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error_const(&error, "a.b", "one");
        dbus_set_error_const(&error, "c.d", "two");
        printf("%s\n", error.name);
}

static void error_without_name(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, null_text, "one");
        printf("%d\n", dbus_error_is_set(&error));
        dbus_set_error_const(&error, null_text, "one");
        printf("%d\n", dbus_error_is_set(&error));
}

static void error_null(void)
{
        dbus_error_init(NULL);
        dbus_error_free(NULL);
        printf("%d\n", dbus_error_is_set(NULL));
        printf("%d\n", dbus_error_has_name(NULL, "a.b"));
}

static void error_has_null(void)
{
        DBusError error = DBUS_ERROR_INIT;

        printf("%d\n", dbus_error_has_name(&error, null_text));
}

static void error_move_to_set(void)
{
        DBusError from = DBUS_ERROR_INIT, to = DBUS_ERROR_INIT;

        dbus_set_error(&from, "a.b", "one");
        dbus_set_error(&to, "c.d", "two");
        dbus_move_error(&from, &to);
        printf("%s\n", to.name);
}

static void error_from_null(void)
{
        DBusError error = DBUS_ERROR_INIT;

        printf("%d\n", dbus_set_error_from_message(&error, null_message));
}

static void error_from_to_set(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, "a.b", "one");
        printf("%d\n",
               dbus_set_error_from_message(&error, dbus_message_new_error(locked(), "a.b", "c")));
}

static void address_null(void)
{
        DBusAddressEntry **entries = NULL;
        int n = 0;

        printf("%d\n", dbus_parse_address("a:b=c", NULL, &n, NULL));
        printf("%d\n", dbus_parse_address("a:b=c", &entries, NULL, NULL));
}

static void address_error_set(void)
{
        DBusAddressEntry **entries = NULL;
        int n = 0;
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, "a.b", "one");
        printf("%d\n", dbus_parse_address("bad", &entries, &n, &error));
}

static void syntax_null(void)
{
        printf("%d\n", dbus_validate_path(null_text, NULL));
        printf("%d\n", dbus_validate_interface(null_text, NULL));
        printf("%d\n", dbus_validate_member(null_text, NULL));
        printf("%d\n", dbus_validate_error_name(null_text, NULL));
        printf("%d\n", dbus_validate_bus_name(null_text, NULL));
        printf("%d\n", dbus_validate_utf8(null_text, NULL));
}

static void type_unknown(void)
{
        printf("%d\n", dbus_type_is_basic('z'));
        printf("%d\n", dbus_type_is_container('z'));
        printf("%d\n", dbus_type_is_fixed('z'));
}

static void element_type_of_no_array(void)
{
        DBusSignatureIter iter;

        dbus_signature_iter_init(&iter, "i");
        printf("%d\n", dbus_signature_iter_get_element_type(&iter));
}

static void recurse_into_basic_type(void)
{
        DBusSignatureIter iter, sub;

        dbus_signature_iter_init(&iter, "i");
        dbus_signature_iter_recurse(&iter, &sub);
        printf("went on\n");
}

static void setenv_null(void)
{
        printf("%d\n", dbus_setenv(null_text, "x"));
}

struct misuse {
        const char *name;
        void (*run)(void);
};

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
        {"args/append-null", append_args_null},
        {"args/append-bad-type", append_args_bad_type},
        {"args/append-container", append_args_container},
        {"args/append-array-of-containers", append_args_array_of_containers},
        {"args/append-array-of-fds", append_args_array_of_fds},
        {"args/get-null", get_args_null},
        {"args/get-error-set", get_args_error_set},
        {"args/get-array-of-fds", get_args_array_of_fds},
        {"args/get-bad-type", get_args_bad_type},
        {"append/bad-utf8", append_text_bad_utf8},
        {"append/bad-path", append_bad_path},
        {"append/bad-signature", append_bad_signature},
        {"append/bad-boolean", append_bad_boolean},
        {"append/null", append_null_value},
        {"append/container-as-basic", append_basic_container},
        {"append/with-reader", append_with_reader},
        {"append/wrong-element", wrong_element},
        {"append/wrong-variant", wrong_variant},
        {"append/wrong-container", wrong_container_element},
        {"open/basic", open_basic},
        {"open/struct-with-signature", open_struct_with_signature},
        {"open/array-no-signature", open_array_without_signature},
        {"open/variant-no-signature", open_variant_without_signature},
        {"open/array-bad-signature", open_array_bad_signature},
        {"open/array-two-types", open_array_two_types},
        {"open/variant-two-types", open_variant_two_types},
        {"open/dict-entry-alone", open_dict_entry_alone},
        {"open/into-null", open_into_null},
        {"close/not-open", close_other},
        {"close/abandon-closed", abandon_closed},
        {"fixed-array/strings", fixed_array_of_strings},
        {"fixed-array/fds", fixed_array_of_fds},
        {"fixed-array/bad-boolean", fixed_array_bad_boolean},
        {"fixed-array/negative", fixed_array_negative},
        {"fixed-array/outside", fixed_array_outside},
        {"fixed-array/get-of-strings", fixed_array_of_array},
        {"read/with-writer", read_with_writer},
        {"read/element-type", element_type_of_basic},
        {"read/element-count", element_count_of_basic},
        {"read/basic-of-array", basic_of_array},
        {"read/into-null", basic_into_null},
        {"read/init-null", init_null},
        {"read/init-into-null", init_into_null},
        {"marshal/null", marshal_null},
        {"marshal/demarshal-null", demarshal_null},
        {"slot/not-allocated", slot_not_allocated},
        {"slot/negative", slot_negative},
        {"slot/freed-twice", slot_freed_twice},
        {"error/twice", error_set_twice},
        {"error/const-twice", error_set_const_twice},
        {"error/no-name", error_without_name},
        {"error/null", error_null},
        {"error/has-null", error_has_null},
        {"error/move-to-set", error_move_to_set},
        {"error/from-null", error_from_null},
        {"error/from-to-set", error_from_to_set},
        {"address/null", address_null},
        {"address/error-set", address_error_set},
        {"syntax/null", syntax_null},
        {"type/unknown", type_unknown},
        {"type/element-type", element_type_of_no_array},
        {"type/recurse-into-basic", recurse_into_basic_type},
        {"environment/null", setenv_null},
};

static void run_it(void *data)
{
        const struct misuse *m = data;

        /* What was printed is to be seen even if it ends badly. */
        setvbuf(stdout, NULL, _IONBF, 0);
        m->run();
        printf("end\n");
}

static const struct {
        const char *name;
        const char *environment[2];
} settings[] = {
        {"unset", {"DBUS_FATAL_WARNINGS", NULL}},
        {"0", {"DBUS_FATAL_WARNINGS=0", NULL}},
        {"1", {"DBUS_FATAL_WARNINGS=1", NULL}},
};

static void misuse(gconstpointer data)
{
        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
                struct captured *c =
                        capture(run_it, (void *)(guintptr)data, settings[i].environment);

                note_captured(settings[i].name, c);
                captured_free(c);
        }
}

/* Nobody is told off who does nothing wrong. */
static void quiet(void)
{
        DBusMessage *m = call();
        dbus_int32_t value = 0;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &value, DBUS_TYPE_INVALID);
        dbus_message_unref(m);
        dbus_free(dbus_get_local_machine_id());
}

static void quiet_when_right(void)
{
        static const struct misuse none = {"none", quiet};

        for (size_t i = 0; i < G_N_ELEMENTS(settings); i++) {
                struct captured *c =
                        capture(run_it, (void *)(guintptr)&none, settings[i].environment);

                g_assert_true(c->exited);
                g_assert_cmpint(c->status, ==, 0);
                g_assert_cmpstr(c->err, ==, "");
                captured_free(c);
        }
}

/* A wrong argument aborts by default, and with DBUS_FATAL_WARNINGS=0 only says so. */
static void default_is_fatal(void)
{
        static const struct misuse one = {"one", new_call_no_path};
        static const struct {
                const char *value;
                bool fatal;
        } values[] = {
                {"DBUS_FATAL_WARNINGS", true},    {"DBUS_FATAL_WARNINGS=1", true},
                {"DBUS_FATAL_WARNINGS=0", false}, {"DBUS_FATAL_WARNINGS=", true},
                {"DBUS_FATAL_WARNINGS=2", true},  {"DBUS_FATAL_WARNINGS=no", true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                const char *environment[] = {values[i].value, NULL};
                struct captured *c = capture(run_it, (void *)(guintptr)&one, environment);

                note_captured(values[i].value, c);
                if (i < 3)
                        g_assert_cmpint(!c->exited, ==, values[i].fatal);
                g_assert_nonnull(strstr(c->err, "dbus_message_new_method_call"));
                captured_free(c);
        }
}

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(misuses); i++) {
                g_autofree char *path = g_strdup_printf("/misuse/%s", misuses[i].name);

                g_test_add_data_func(path, &misuses[i], misuse);
        }
        g_test_add_func("/misuse/none", quiet_when_right);
        g_test_add_func("/misuse/settings", default_is_fatal);
        return g_test_run();
}
