/* SPDX-License-Identifier: MIT */
/* Misuse of the rest, and how the library is told what to make of it. */

#include <stdio.h>
#include <string.h>

#include "harness.h"
#include "misuse.h"

/* The rest. */

static void marshal_null(void)
{
        char *bytes = NULL;
        int n = 0;

        printf("%d\n", dbus_message_marshal(null_message, &bytes, &n));
        printf("%d\n", dbus_message_marshal(misuse_call(), NULL, &n));
        printf("%d\n", dbus_message_marshal(misuse_call(), &bytes, NULL));
}

static void demarshal_null(void)
{
        printf("%d\n", dbus_message_demarshal(null_text, 100, NULL) != NULL);
        printf("%d\n", dbus_message_demarshal_bytes_needed(null_text, 100));
}

static void slot_not_allocated(void)
{
        DBusMessage *m = misuse_call();

        printf("%d\n", dbus_message_set_data(m, 5, m, NULL));
        printf("%d\n", dbus_message_get_data(m, 5) != NULL);
}

static void slot_negative(void)
{
        DBusMessage *m = misuse_call();

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
        printf("%d\n", dbus_set_error_from_message(
                               &error, dbus_message_new_error(misuse_locked(), "a.b", "c")));
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

static void no_path(void)
{
        printf("%d\n", dbus_message_new_method_call("a.b", null_text, "a.b", "C") != NULL);
}

static const struct misuse misuses[] = {
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
        {NULL, NULL},
};

/* Nobody is told off who does nothing wrong. */
static void quiet(void)
{
        DBusMessage *m = misuse_call();
        dbus_int32_t value = 0;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &value, DBUS_TYPE_INVALID);
        dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &value, DBUS_TYPE_INVALID);
        dbus_message_unref(m);
        dbus_free(dbus_get_local_machine_id());
}

static void quiet_when_right(void)
{
        static const struct misuse none = {"none", quiet};
        static const char *const values[] = {"DBUS_FATAL_WARNINGS", "DBUS_FATAL_WARNINGS=0",
                                             "DBUS_FATAL_WARNINGS=1"};

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                struct captured *c = misuse_capture(&none, values[i]);

                g_assert_true(c->exited);
                g_assert_cmpint(c->status, ==, 0);
                g_assert_cmpstr(c->err, ==, "");
                captured_free(c);
        }
}

/* A wrong argument aborts by default, and with DBUS_FATAL_WARNINGS=0 only says so. */
static void default_is_fatal(void)
{
        static const struct misuse one = {"one", no_path};
        static const struct {
                const char *value;
                bool fatal;
        } values[] = {
                {"DBUS_FATAL_WARNINGS", true},    {"DBUS_FATAL_WARNINGS=1", true},
                {"DBUS_FATAL_WARNINGS=0", false}, {"DBUS_FATAL_WARNINGS=", true},
                {"DBUS_FATAL_WARNINGS=2", true},  {"DBUS_FATAL_WARNINGS=no", true},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                struct captured *c = misuse_capture(&one, values[i].value);

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
        misuse_add(misuses);
        g_test_add_func("/misuse/none", quiet_when_right);
        g_test_add_func("/misuse/settings", default_is_fatal);
        return g_test_run();
}
