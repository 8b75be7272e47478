/* SPDX-License-Identifier: MIT */
/* DBusError: set, moved, asked and freed. */

#include <errno.h>
#include <string.h>

#include "harness.h"

static void init(void)
{
        DBusError error, other = DBUS_ERROR_INIT;

        memset(&error, 0xff, sizeof error);
        dbus_error_init(&error);
        g_assert_null(error.name);
        g_assert_null(error.message);
        g_assert_false(dbus_error_is_set(&error));
        g_assert_null(other.name);
        g_assert_null(other.message);
        g_assert_false(dbus_error_is_set(&other));
        dbus_error_free(&error);
        dbus_error_free(&other);
}

static void set(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, DBUS_ERROR_FAILED, "%s %d %c", "text", -5, 'x');
        g_assert_true(dbus_error_is_set(&error));
        g_assert_cmpstr(error.name, ==, DBUS_ERROR_FAILED);
        g_assert_cmpstr(error.message, ==, "text -5 x");
        dbus_error_free(&error);
        g_assert_false(dbus_error_is_set(&error));
        g_assert_null(error.name);
        g_assert_null(error.message);
}

static void set_again_after_free(void)
{
        DBusError error = DBUS_ERROR_INIT;

        for (unsigned i = 0; i < 3; i++) {
                dbus_set_error(&error, "com.example.Error", "%u", i);
                g_assert_true(dbus_error_has_name(&error, "com.example.Error"));
                dbus_error_free(&error);
        }
        dbus_error_free(&error);
}

static void name_is_copied(void)
{
        DBusError error = DBUS_ERROR_INIT;
        char name[] = "com.example.Error", text[] = "text";

        dbus_set_error(&error, name, "%s", text);
        memset(name, 'x', sizeof name - 1);
        memset(text, 'x', sizeof text - 1);
        g_assert_cmpstr(error.name, ==, "com.example.Error");
        g_assert_cmpstr(error.message, ==, "text");
        dbus_error_free(&error);
}

static void set_const(void)
{
        static const char name[] = "com.example.Error", text[] = "constant";
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error_const(&error, name, text);
        g_assert_true(error.name == name);
        g_assert_true(error.message == text);
        g_assert_true(dbus_error_is_set(&error));
        dbus_error_free(&error);
        g_assert_false(dbus_error_is_set(&error));
}

static const char *const names[] = {
        DBUS_ERROR_FAILED,          DBUS_ERROR_NO_MEMORY,      DBUS_ERROR_IO_ERROR,
        DBUS_ERROR_BAD_ADDRESS,     DBUS_ERROR_NOT_SUPPORTED,  DBUS_ERROR_LIMITS_EXCEEDED,
        DBUS_ERROR_ACCESS_DENIED,   DBUS_ERROR_NO_SERVER,      DBUS_ERROR_TIMEOUT,
        DBUS_ERROR_NO_NETWORK,      DBUS_ERROR_ADDRESS_IN_USE, DBUS_ERROR_DISCONNECTED,
        DBUS_ERROR_INVALID_ARGS,    DBUS_ERROR_NO_REPLY,       DBUS_ERROR_FILE_NOT_FOUND,
        DBUS_ERROR_SERVICE_UNKNOWN, DBUS_ERROR_UNKNOWN_METHOD, "com.example.NobodyKnowsIt",
};

/* The default messages, deduced from the name. */
static void set_without_format(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                DBusError error = DBUS_ERROR_INIT;

                dbus_set_error(&error, names[i], NULL);
                g_assert_nonnull(error.message);
                note_error("set", &error);
        }
}

static void set_const_without_message(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
                DBusError error = DBUS_ERROR_INIT;

                dbus_set_error_const(&error, names[i], NULL);
                g_assert_nonnull(error.message);
                note_error("set", &error);
        }
}

static void set_nothing(void)
{
        dbus_set_error(NULL, DBUS_ERROR_FAILED, "%s", "text");
        dbus_set_error(NULL, DBUS_ERROR_FAILED, NULL);
        dbus_set_error_const(NULL, DBUS_ERROR_FAILED, "text");
}

static void empty_message(void)
{
        DBusError error = DBUS_ERROR_INIT;

        dbus_set_error(&error, DBUS_ERROR_FAILED, "%s", "");
        g_assert_cmpstr(error.message, ==, "");
        g_assert_true(dbus_error_is_set(&error));
        dbus_error_free(&error);
}

static void long_message(void)
{
        DBusError error = DBUS_ERROR_INIT;
        g_autofree char *much = g_strnfill(100000, 'x');

        dbus_set_error(&error, DBUS_ERROR_FAILED, "<%s>", much);
        g_assert_cmpuint(strlen(error.message), ==, 100002);
        g_assert_cmpint(error.message[100001], ==, '>');
        dbus_error_free(&error);
}

static void errno_in_format(void)
{
        DBusError error = DBUS_ERROR_INIT;

        errno = ENOENT;
        dbus_set_error(&error, DBUS_ERROR_FAILED, "%m");
        note_error("%m", &error);
}

static void has_name(void)
{
        DBusError error = DBUS_ERROR_INIT;

        g_assert_false(dbus_error_has_name(&error, DBUS_ERROR_FAILED));
        dbus_set_error_const(&error, DBUS_ERROR_FAILED, "x");
        g_assert_true(dbus_error_has_name(&error, DBUS_ERROR_FAILED));
        g_assert_false(dbus_error_has_name(&error, DBUS_ERROR_NO_MEMORY));
        g_assert_false(dbus_error_has_name(&error, "org.freedesktop.DBus.Error.Faile"));
        g_assert_false(dbus_error_has_name(&error, "org.freedesktop.DBus.Error.FailedX"));
        g_assert_false(dbus_error_has_name(&error, ""));
        dbus_error_free(&error);
}

static void move(void)
{
        DBusError from = DBUS_ERROR_INIT, to = DBUS_ERROR_INIT;

        dbus_set_error(&from, "com.example.Error", "text");
        dbus_move_error(&from, &to);
        g_assert_false(dbus_error_is_set(&from));
        g_assert_cmpstr(to.name, ==, "com.example.Error");
        g_assert_cmpstr(to.message, ==, "text");
        dbus_error_free(&to);
        dbus_error_free(&from);
}

static void move_to_nothing(void)
{
        DBusError from = DBUS_ERROR_INIT;

        dbus_set_error(&from, "com.example.Error", "text");
        dbus_move_error(&from, NULL);
        g_assert_false(dbus_error_is_set(&from));
        dbus_set_error(&from, "com.example.Error", "again");
        g_assert_true(dbus_error_is_set(&from));
        dbus_error_free(&from);
}

static void move_unset(void)
{
        DBusError from = DBUS_ERROR_INIT, to = DBUS_ERROR_INIT;

        dbus_move_error(&from, &to);
        g_assert_false(dbus_error_is_set(&to));
        dbus_move_error(&from, NULL);
        g_assert_false(dbus_error_is_set(&from));
}

static void move_const(void)
{
        DBusError from = DBUS_ERROR_INIT, to = DBUS_ERROR_INIT;

        dbus_set_error_const(&from, "com.example.Error", "constant");
        dbus_move_error(&from, &to);
        g_assert_cmpstr(to.message, ==, "constant");
        dbus_error_free(&to);
}

/* Code that was compiled with the headers touches no more than these. */
static void layout(void)
{
        note("size %zu, name at %zu, message at %zu", sizeof(DBusError), offsetof(DBusError, name),
             offsetof(DBusError, message));
        g_assert_cmpuint(offsetof(DBusError, name), ==, 0);
        g_assert_cmpuint(offsetof(DBusError, message), ==, sizeof(char *));
}

static DBusMessage *an_error(const char *name, const char *text)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_ERROR);

        if (name)
                dbus_message_set_error_name(m, name);
        if (text)
                dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        return m;
}

static void from_message(void)
{
        DBusMessage *m = an_error("com.example.Error", "the text");
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_set_error_from_message(&error, m));
        dbus_message_unref(m);
        g_assert_cmpstr(error.name, ==, "com.example.Error");
        g_assert_cmpstr(error.message, ==, "the text");
        dbus_error_free(&error);
}

static void from_message_without_text(void)
{
        DBusMessage *m = an_error("com.example.Error", NULL);
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_set_error_from_message(&error, m));
        g_assert_cmpstr(error.name, ==, "com.example.Error");
        note_error("without text", &error);
        dbus_message_unref(m);
}

static void from_message_with_other_argument(void)
{
        DBusMessage *m = an_error(DBUS_ERROR_FAILED, NULL);
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t number = 5;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
        g_assert_true(dbus_set_error_from_message(&error, m));
        note_error("number", &error);
        dbus_message_unref(m);
}

static void from_message_with_more_arguments(void)
{
        DBusMessage *m = an_error(DBUS_ERROR_FAILED, "first");
        DBusError error = DBUS_ERROR_INIT;
        dbus_int32_t number = 5;

        dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_INVALID);
        g_assert_true(dbus_set_error_from_message(&error, m));
        g_assert_cmpstr(error.message, ==, "first");
        dbus_error_free(&error);
        dbus_message_unref(m);
}

static void from_message_that_is_none(void)
{
        static const int types[] = {DBUS_MESSAGE_TYPE_METHOD_CALL, DBUS_MESSAGE_TYPE_METHOD_RETURN,
                                    DBUS_MESSAGE_TYPE_SIGNAL, 77};
        DBusError error = DBUS_ERROR_INIT;

        for (size_t i = 0; i < G_N_ELEMENTS(types); i++) {
                DBusMessage *m = dbus_message_new(types[i]);

                dbus_message_set_error_name(m, "com.example.Error");
                g_assert_false(dbus_set_error_from_message(&error, m));
                expect_no_error(&error);
                dbus_message_unref(m);
        }
}

static void from_message_to_nothing(void)
{
        DBusMessage *m = an_error("com.example.Error", "text");

        g_assert_true(dbus_set_error_from_message(NULL, m));
        dbus_message_unref(m);
}

static void from_message_with_percent(void)
{
        DBusMessage *m = an_error("com.example.Error", "100%s %n %d");
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_set_error_from_message(&error, m));
        g_assert_cmpstr(error.message, ==, "100%s %n %d");
        dbus_error_free(&error);
        dbus_message_unref(m);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/error/init", init},
                {"/error/set", set},
                {"/error/set-again", set_again_after_free},
                {"/error/copied", name_is_copied},
                {"/error/const", set_const},
                {"/error/default-messages", set_without_format},
                {"/error/default-const-messages", set_const_without_message},
                {"/error/set-null", set_nothing},
                {"/error/empty", empty_message},
                {"/error/long", long_message},
                {"/error/errno", errno_in_format},
                {"/error/has-name", has_name},
                {"/error/move", move},
                {"/error/move-to-null", move_to_nothing},
                {"/error/move-unset", move_unset},
                {"/error/move-const", move_const},
                {"/error/layout", layout},
                {"/error/from-message", from_message},
                {"/error/from-message-no-text", from_message_without_text},
                {"/error/from-message-other-argument", from_message_with_other_argument},
                {"/error/from-message-more-arguments", from_message_with_more_arguments},
                {"/error/from-message-no-error", from_message_that_is_none},
                {"/error/from-message-to-null", from_message_to_nothing},
                {"/error/from-message-percent", from_message_with_percent},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
