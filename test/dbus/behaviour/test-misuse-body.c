/* SPDX-License-Identifier: MIT */
/* Misuse of arguments: appended, contained and read in ways that cannot be. */

#include <stdio.h>

#include "harness.h"
#include "misuse.h"

static const char *const bad_utf8 = "\xff";

/* Arguments. */

static void append_args_null(void)
{
        dbus_int32_t value = 1;

        printf("%d\n",
               dbus_message_append_args(null_message, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID));
}

static void append_args_bad_type(void)
{
        DBusMessage *m = misuse_call();
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_append_args(m, 'z', &value, DBUS_TYPE_INVALID));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_args_container(void)
{
        DBusMessage *m = misuse_call();
        dbus_int32_t value = 1;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_VARIANT, &value, DBUS_TYPE_INVALID));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_args_array_of_containers(void)
{
        DBusMessage *m = misuse_call();
        const dbus_int32_t *value = NULL;

        printf("%d\n", dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_VARIANT, &value, 0,
                                                DBUS_TYPE_INVALID));
}

static void append_args_array_of_fds(void)
{
        DBusMessage *m = misuse_call();
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
        printf("%d\n", dbus_message_get_args(misuse_call(), &error, DBUS_TYPE_INT32, &value,
                                             DBUS_TYPE_INVALID));
        printf("%s\n", error.name);
}

static void get_args_array_of_fds(void)
{
        DBusMessage *m = misuse_call();
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
        DBusMessage *m = misuse_call();
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t value = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        printf("%d\n", dbus_message_get_args(m, &error, 'z', &value, DBUS_TYPE_INVALID));
        printf("%s\n", error.message ? error.message : "no error");
}

/* Iterators. */

static void append_text_bad_utf8(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &bad_utf8));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_bad_path(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;
        const char *value = "a";

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_OBJECT_PATH, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_bad_signature(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;
        const char *value = "(";

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_SIGNATURE, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_bad_boolean(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;
        dbus_bool_t value = 2;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_BOOLEAN, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_null_value(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, NULL));
}

static void append_basic_container(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;
        dbus_int32_t value = 1;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_ARRAY, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void append_with_reader(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;
        dbus_int32_t value = 1;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        dbus_message_iter_init(m, &iter);
        printf("%d\n", dbus_message_iter_append_basic(&iter, DBUS_TYPE_INT32, &value));
        printf("%s\n", dbus_message_get_signature(m));
}

static void read_with_writer(void)
{
        DBusMessage *m = misuse_call();
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
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;
        const char *value = "x";

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub);
        printf("%d\n", dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &value));
}

static void wrong_variant(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;
        const char *value = "x";

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "i", &sub);
        printf("%d\n", dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &value));
}

static void wrong_container_element(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub, inner;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "(i)", &sub);
        printf("%d\n", dbus_message_iter_open_container(&sub, DBUS_TYPE_ARRAY, "i", &inner));
}

static void open_basic(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_INT32, NULL, &sub));
}

static void open_struct_with_signature(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, "i", &sub));
}

static void open_array_without_signature(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, NULL, &sub));
}

static void open_variant_without_signature(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, NULL, &sub));
}

static void open_array_bad_signature(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "z", &sub));
}

static void open_array_two_types(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "ii", &sub));
}

static void open_variant_two_types(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "ii", &sub));
}

static void open_dict_entry_alone(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_DICT_ENTRY, NULL, &sub));
}

static void open_into_null(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, NULL));
}

static void close_other(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter = DBUS_MESSAGE_ITER_INIT_CLOSED, sub = DBUS_MESSAGE_ITER_INIT_CLOSED;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_close_container(&iter, &sub));
}

static void abandon_closed(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub = DBUS_MESSAGE_ITER_INIT_CLOSED;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_abandon_container(&iter, &sub);
}

static void fixed_array_of_strings(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;
        const char *values[] = {"x"};
        const char **at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_STRING, &at, 1));
}

static void fixed_array_of_fds(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;
        const int values[] = {0}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "h", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_UNIX_FD, &at, 1));
}

static void fixed_array_bad_boolean(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;
        const dbus_bool_t values[] = {0, 2}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "b", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_BOOLEAN, &at, 2));
}

static void fixed_array_negative(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter, sub;
        const dbus_int32_t values[] = {0}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub);
        printf("%d\n", dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_INT32, &at, -1));
}

static void fixed_array_outside(void)
{
        DBusMessage *m = misuse_call();
        DBusMessageIter iter;
        const dbus_int32_t values[] = {0}, *at = values;

        dbus_message_iter_init_append(m, &iter);
        printf("%d\n", dbus_message_iter_append_fixed_array(&iter, DBUS_TYPE_INT32, &at, 1));
}

static DBusMessage *two_ints(void)
{
        DBusMessage *m = misuse_call();
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
        DBusMessage *m = misuse_call();
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
        printf("%d\n", dbus_message_iter_init(misuse_call(), NULL));
}

static void fixed_array_of_array(void)
{
        DBusMessage *m = misuse_call();
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

static const struct misuse misuses[] = {
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
        {NULL, NULL},
};

int main(int argc, char **argv)
{
        harness_init(&argc, &argv);
        misuse_add(misuses);
        return g_test_run();
}
