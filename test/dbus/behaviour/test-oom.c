/* SPDX-License-Identifier: MIT */
/*
 * Every allocation of every call fails in turn. The call then says what the manual says it does
 * when there is no memory, what it was given can be used on, and nothing is lost (oom.h).
 */

#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "oom.h"
#include "wire.h"

static DBusMessage *call(void)
{
        DBusMessage *m = dbus_message_new_method_call("com.example.Name", "/com/example",
                                                      "com.example.Interface", "Method");

        dbus_message_set_serial(m, 5);
        dbus_message_set_sender(m, ":1.5");
        return m;
}

static void unref(DBusMessage *m)
{
        if (m)
                dbus_message_unref(m);
}

/* Constructors return NULL. */

static DBusMessage *make_plain(DBusMessage *m)
{
        (void)m;
        return dbus_message_new(DBUS_MESSAGE_TYPE_SIGNAL);
}

static DBusMessage *make_call(DBusMessage *m)
{
        (void)m;
        return dbus_message_new_method_call("com.example.Name", "/com/example",
                                            "com.example.Interface", "Method");
}

static DBusMessage *make_signal(DBusMessage *m)
{
        (void)m;
        return dbus_message_new_signal("/com/example", "com.example.Interface", "Signal");
}

static DBusMessage *make_return(DBusMessage *m)
{
        return dbus_message_new_method_return(m);
}

static DBusMessage *make_error(DBusMessage *m)
{
        return dbus_message_new_error(m, "com.example.Error", "Some text that says what it was");
}

static DBusMessage *make_error_printf(DBusMessage *m)
{
        return dbus_message_new_error_printf(m, "com.example.Error", "%s %d", "Some text", 5);
}

static DBusMessage *make_copy(DBusMessage *m)
{
        return dbus_message_copy(m);
}

static void make(gconstpointer data)
{
        DBusMessage *(*const *maker)(DBusMessage *) = data;
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call(), *made;

                oom_begin(&oom);
                made = (*maker)(m);
                oom_end(&oom, made != NULL);
                unref(made);
                /* What it is made from is as before. */
                g_assert_cmpstr(dbus_message_get_member(m), ==, "Method");
                made = (*maker)(m);
                g_assert_nonnull(made);
                unref(made);
                unref(m);
        }
}

static const struct {
        const char *name;
        DBusMessage *(*make)(DBusMessage *);
} makers[] = {
        {"plain", make_plain},   {"call", make_call},   {"signal", make_signal},
        {"return", make_return}, {"error", make_error}, {"error-printf", make_error_printf},
        {"copy", make_copy},
};

/* Setters return FALSE, and the old value is still there. */

struct setter {
        const char *name;
        dbus_bool_t (*set)(DBusMessage *, const char *);
        const char *(*get)(DBusMessage *);
        const char *before, *after;
};

#define LONG "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"

static const struct setter setters[] = {
        {"path", dbus_message_set_path, dbus_message_get_path, "/a", "/" LONG LONG LONG},
        {"interface", dbus_message_set_interface, dbus_message_get_interface, "a.b",
         "a." LONG LONG},
        {"member", dbus_message_set_member, dbus_message_get_member, "A", LONG LONG LONG},
        {"error-name", dbus_message_set_error_name, dbus_message_get_error_name, "a.b",
         "a." LONG LONG},
        {"destination", dbus_message_set_destination, dbus_message_get_destination, "a.b",
         "a." LONG LONG},
        {"sender", dbus_message_set_sender, dbus_message_get_sender, ":1.1", ":1." LONG LONG},
        {"container", dbus_message_set_container_instance, dbus_message_get_container_instance,
         "/a", "/" LONG LONG LONG},
};

static void set(gconstpointer data)
{
        const struct setter *s = data;
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                dbus_bool_t ok;

                s->set(m, s->before);
                oom_begin(&oom);
                ok = s->set(m, s->after);
                oom_end(&oom, ok);
                g_assert_cmpstr(s->get(m), ==, ok ? s->after : s->before);
                g_assert_cmpuint(dbus_message_get_serial(m), ==, 5);
                g_assert_true(s->set(m, s->after));
                g_assert_cmpstr(s->get(m), ==, s->after);
                unref(m);
        }
}

static void set_all(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);
                size_t n = 0;

                oom_begin(&oom);
                while (n < G_N_ELEMENTS(setters) && setters[n].set(m, setters[n].after))
                        n += 1;
                oom_end(&oom, n == G_N_ELEMENTS(setters));
                for (size_t i = 0; i < G_N_ELEMENTS(setters); i++)
                        g_assert_cmpstr(setters[i].get(m), ==, i < n ? setters[i].after : NULL);
                unref(m);
        }
}

static void set_reply_serial(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                dbus_bool_t ok;

                oom_begin(&oom);
                ok = dbus_message_set_reply_serial(m, 77);
                oom_end(&oom, ok);
                g_assert_cmpuint(dbus_message_get_reply_serial(m), ==, ok ? 77 : 0);
                unref(m);
        }
}

static void decompose(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                char **path = NULL;
                dbus_bool_t ok;

                dbus_message_set_path(m, "/a/b/c/d");
                oom_begin(&oom);
                ok = dbus_message_get_path_decomposed(m, &path);
                oom_end(&oom, ok);
                if (ok)
                        dbus_free_string_array(path);
                unref(m);
        }
}

/* Appending returns FALSE; the message can be freed, and that is all that is promised. */

static void append_args(void)
{
        struct oom oom = {0};
        const char *text = LONG LONG, *path = "/" LONG, *signature = "a{sv}";
        const char *const texts[] = {LONG, "", "x"}, *const *texts_at = texts;
        const dbus_int64_t numbers[] = {1, 2, 3}, *numbers_at = numbers;
        dbus_int32_t number = 5;

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                dbus_bool_t ok;

                oom_begin(&oom);
                ok = dbus_message_append_args(m, DBUS_TYPE_INT32, &number, DBUS_TYPE_STRING, &text,
                                              DBUS_TYPE_OBJECT_PATH, &path, DBUS_TYPE_SIGNATURE,
                                              &signature, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING,
                                              &texts_at, 3, DBUS_TYPE_ARRAY, DBUS_TYPE_INT64,
                                              &numbers_at, 3, DBUS_TYPE_INVALID);
                oom_end(&oom, ok);
                if (ok)
                        g_assert_cmpstr(dbus_message_get_signature(m), ==, "isogasax");
                unref(m);
        }
}

/* One entry: with a second one, the stock library crashes in abandon_container_if_open() of the
 * array when the allocation for opening that entry has failed. */
static dbus_bool_t append_dictionary(DBusMessage *m)
{
        DBusMessageIter iter, array = DBUS_MESSAGE_ITER_INIT_CLOSED;
        DBusMessageIter entry = DBUS_MESSAGE_ITER_INIT_CLOSED;
        DBusMessageIter variant = DBUS_MESSAGE_ITER_INIT_CLOSED;
        const char *key = "key", *value = LONG;
        dbus_bool_t ok = FALSE;

        dbus_message_iter_init_append(m, &iter);
        if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array))
                goto out;
        if (!dbus_message_iter_open_container(&array, DBUS_TYPE_DICT_ENTRY, NULL, &entry) ||
            !dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &key) ||
            !dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "s", &variant) ||
            !dbus_message_iter_append_basic(&variant, DBUS_TYPE_STRING, &value) ||
            !dbus_message_iter_close_container(&entry, &variant) ||
            !dbus_message_iter_close_container(&array, &entry))
                goto out;
        if (!dbus_message_iter_close_container(&iter, &array))
                goto out;
        ok = TRUE;
out:
        dbus_message_iter_abandon_container_if_open(&entry, &variant);
        dbus_message_iter_abandon_container_if_open(&array, &entry);
        dbus_message_iter_abandon_container_if_open(&iter, &array);
        return ok;
}

static void append_containers(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                dbus_bool_t ok;

                oom_begin(&oom);
                ok = append_dictionary(m);
                oom_end(&oom, ok);
                if (ok)
                        g_assert_cmpstr(dbus_message_get_signature(m), ==, "a{sv}");
                unref(m);
        }
}

/* The other way to give up. */
static dbus_bool_t append_struct(DBusMessage *m)
{
        DBusMessageIter iter, sub;
        const char *text = LONG;
        dbus_int32_t number = 5;

        dbus_message_iter_init_append(m, &iter);
        if (!dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &sub))
                return FALSE;
        if (!dbus_message_iter_append_basic(&sub, DBUS_TYPE_INT32, &number) ||
            !dbus_message_iter_append_basic(&sub, DBUS_TYPE_STRING, &text)) {
                dbus_message_iter_abandon_container(&iter, &sub);
                return FALSE;
        }
        return dbus_message_iter_close_container(&iter, &sub);
}

static void append_and_abandon(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();

                oom_begin(&oom);
                oom_end(&oom, append_struct(m));
                unref(m);
        }
}

static void append_basic(void)
{
        static const struct {
                int type;
                DBusBasicValue value;
        } values[] = {
                {DBUS_TYPE_BYTE, {.byt = 1}},   {DBUS_TYPE_INT16, {.i16 = 1}},
                {DBUS_TYPE_INT32, {.i32 = 1}},  {DBUS_TYPE_INT64, {.i64 = 1}},
                {DBUS_TYPE_DOUBLE, {.dbl = 1}}, {DBUS_TYPE_BOOLEAN, {.bool_val = 1}},
        };
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                DBusMessageIter iter;
                size_t n = 0;

                dbus_message_iter_init_append(m, &iter);
                oom_begin(&oom);
                while (n < G_N_ELEMENTS(values) &&
                       dbus_message_iter_append_basic(&iter, values[n].type, &values[n].value))
                        n += 1;
                oom_end(&oom, n == G_N_ELEMENTS(values));
                /* What has been appended before is there. */
                g_assert_cmpuint(strlen(dbus_message_get_signature(m)), ==, n);
                unref(m);
        }
}

static void append_fixed_array(void)
{
        static const dbus_int32_t numbers[500];
        const dbus_int32_t *at = numbers;
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                DBusMessageIter iter, sub = DBUS_MESSAGE_ITER_INIT_CLOSED;
                dbus_bool_t ok;

                dbus_message_iter_init_append(m, &iter);
                oom_begin(&oom);
                ok = dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "i", &sub) &&
                     dbus_message_iter_append_fixed_array(&sub, DBUS_TYPE_INT32, &at, 500) &&
                     dbus_message_iter_close_container(&iter, &sub);
                dbus_message_iter_abandon_container_if_open(&iter, &sub);
                oom_end(&oom, ok);
                unref(m);
        }
}

static void append_descriptor(void)
{
        struct oom oom = {0};
        int fd = STDIN_FILENO;

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                DBusMessageIter iter;
                dbus_bool_t ok;

                dbus_message_iter_init_append(m, &iter);
                oom_begin(&oom);
                ok = dbus_message_iter_append_basic(&iter, DBUS_TYPE_UNIX_FD, &fd);
                oom_end(&oom, ok);
                unref(m);
        }
}

static void copy_with_descriptors(void)
{
        struct oom oom = {0};
        int fd = STDIN_FILENO, before = dup(fd), after;

        while (oom_next(&oom)) {
                DBusMessage *m = call(), *copy;

                dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_UNIX_FD, &fd,
                                         DBUS_TYPE_INVALID);
                oom_begin(&oom);
                copy = dbus_message_copy(m);
                oom_end(&oom, copy != NULL);
                unref(copy);
                unref(m);
        }
        after = dup(fd);
        /* The lowest free number is where it was. */
        g_assert_cmpint(after, ==, before + 1);
        close(before);
        close(after);
}

/* Reading sets DBUS_ERROR_NO_MEMORY. */

static void get_args(void)
{
        const char *const texts[] = {LONG, "", "x"}, *const *at = texts;
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                DBusError error = DBUS_ERROR_INIT;
                char **one = NULL, **two = NULL;
                int n_one = 0, n_two = 0;
                dbus_bool_t ok;

                dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &at, 3,
                                         DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &at, 2,
                                         DBUS_TYPE_INVALID);
                oom_begin(&oom);
                ok = dbus_message_get_args(m, &error, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &one,
                                           &n_one, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &two, &n_two,
                                           DBUS_TYPE_INVALID);
                oom_end(&oom, ok);
                if (ok) {
                        dbus_free_string_array(one);
                        dbus_free_string_array(two);
                } else {
                        g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_MEMORY);
                }
                dbus_error_free(&error);
                unref(m);
        }
}

static void iter_signature(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                DBusMessageIter iter;
                char *signature;

                append_dictionary(m);
                dbus_message_iter_init(m, &iter);
                oom_begin(&oom);
                signature = dbus_message_iter_get_signature(&iter);
                oom_end(&oom, signature != NULL);
                dbus_free(signature);
                unref(m);
        }
}

static void marshal(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call();
                char *bytes = NULL;
                int n = 0;
                dbus_bool_t ok;

                append_dictionary(m);
                oom_begin(&oom);
                ok = dbus_message_marshal(m, &bytes, &n);
                oom_end(&oom, ok);
                if (ok)
                        dbus_free(bytes);
                g_assert_true(dbus_message_marshal(m, &bytes, &n));
                dbus_free(bytes);
                unref(m);
        }
}

static void demarshal_order(char order)
{
        static const struct wire_message description = {
                .fields = "f:1:o o:/a f:2:s s:a.b f:3:s s:M f:8:g g:as",
                .body = "a4[ s:x s:y ]",
        };
        struct wire w = wire_message(order, &description);
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError error = DBUS_ERROR_INIT;
                DBusMessage *m;

                oom_begin(&oom);
                m = dbus_message_demarshal((const char *)w.bytes->data, (int)w.bytes->len, &error);
                oom_end(&oom, m != NULL);
                if (!m)
                        g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&error);
                unref(m);
        }
        wire_free(&w);
}

static void demarshal_little(void)
{
        demarshal_order('l');
}

static void demarshal_big(void)
{
        demarshal_order('B');
}

/* A bad message is bad, or there was no memory to find that out. */
static void demarshal_bad(void)
{
        static const struct wire_message description = {.fields = "f:1:o o:a f:3:s s:M"};
        struct wire w = wire_message('l', &description);
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError error = DBUS_ERROR_INIT;
                DBusMessage *m;
                bool bad;

                oom_begin(&oom);
                m = dbus_message_demarshal((const char *)w.bytes->data, (int)w.bytes->len, &error);
                bad = dbus_error_has_name(&error, DBUS_ERROR_INVALID_ARGS);
                oom_end(&oom, bad);
                g_assert_null(m);
                if (!bad)
                        g_assert_cmpstr(error.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&error);
        }
        wire_free(&w);
}

/* The rest. */

static void slot(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                dbus_int32_t one = -1;
                dbus_bool_t ok;

                oom_begin(&oom);
                ok = dbus_message_allocate_data_slot(&one);
                oom_end(&oom, ok);
                g_assert_cmpint(one >= 0, ==, ok);
                if (ok)
                        dbus_message_free_data_slot(&one);
        }
}

static unsigned n_freed;

static void count_free(void *data)
{
        (void)data;
        n_freed += 1;
}

/* Data that could not be stored is still the caller's. */
static void set_data(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                dbus_int32_t one = -1;
                DBusMessage *m = call();
                dbus_bool_t ok;

                dbus_message_allocate_data_slot(&one);
                n_freed = 0;
                oom_begin(&oom);
                ok = dbus_message_set_data(m, one, &n_freed, count_free);
                oom_end(&oom, ok);
                g_assert_cmpint(dbus_message_get_data(m, one) != NULL, ==, ok);
                unref(m);
                g_assert_cmpuint(n_freed, ==, ok ? 1 : 0);
                dbus_message_free_data_slot(&one);
        }
}

/* An error is set even then. */
static void error(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT;
                bool ok;

                oom_begin(&oom);
                dbus_set_error(&e, "com.example.Error", "%s %d", LONG, 5);
                ok = dbus_error_has_name(&e, "com.example.Error");
                oom_end(&oom, ok);
                g_assert_true(dbus_error_is_set(&e));
                if (!ok)
                        g_assert_cmpstr(e.name, ==, DBUS_ERROR_NO_MEMORY);
                g_assert_nonnull(e.message);
                dbus_error_free(&e);
        }
}

static void error_const(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT, other = DBUS_ERROR_INIT;

                oom_begin(&oom);
                dbus_set_error_const(&e, "com.example.Error", "text");
                dbus_move_error(&e, &other);
                oom_end(&oom, dbus_error_has_name(&other, "com.example.Error"));
                dbus_error_free(&other);
        }
}

static void error_from_message(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusMessage *m = call(), *reply = dbus_message_new_error(m, "a.b", LONG);
                DBusError e = DBUS_ERROR_INIT;
                bool ok;

                oom_begin(&oom);
                ok = dbus_set_error_from_message(&e, reply) && dbus_error_has_name(&e, "a.b");
                oom_end(&oom, ok);
                g_assert_true(dbus_error_is_set(&e));
                if (!ok)
                        g_assert_cmpstr(e.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&e);
                unref(reply);
                unref(m);
        }
}

static void signature_validate(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT;
                bool ok;

                oom_begin(&oom);
                ok = !dbus_signature_validate("a{vv}", &e) &&
                     dbus_error_has_name(&e, DBUS_ERROR_INVALID_SIGNATURE);
                oom_end(&oom, ok);
                g_assert_true(dbus_error_is_set(&e));
                dbus_error_free(&e);
        }
}

static void signature_iter(void)
{
        struct oom oom = {.may_leak = true};

        while (oom_next(&oom)) {
                DBusSignatureIter iter;
                char *signature;

                dbus_signature_iter_init(&iter, "a{s(iiii)}i");
                oom_begin(&oom);
                signature = dbus_signature_iter_get_signature(&iter);
                oom_end(&oom, signature != NULL);
                dbus_free(signature);
        }
}

static void validate(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT;
                bool ok;

                oom_begin(&oom);
                ok = !dbus_validate_bus_name("not a name", &e) &&
                     dbus_error_has_name(&e, DBUS_ERROR_INVALID_ARGS);
                oom_end(&oom, ok);
                g_assert_true(dbus_error_is_set(&e));
                dbus_error_free(&e);
        }
}

static void parse_address(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT;
                DBusAddressEntry **entries = NULL;
                int n = 0;
                dbus_bool_t ok;

                oom_begin(&oom);
                ok = dbus_parse_address("unix:path=%2ftmp%2fsocket,guid=" LONG
                                        ";tcp:host=localhost,port=1234",
                                        &entries, &n, &e);
                oom_end(&oom, ok);
                if (ok)
                        dbus_address_entries_free(entries);
                else
                        g_assert_cmpstr(e.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&e);
        }
}

static void escape_address(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                char *escaped_value;

                oom_begin(&oom);
                escaped_value = dbus_address_escape_value("/a b/" LONG " " LONG);
                oom_end(&oom, escaped_value != NULL);
                dbus_free(escaped_value);
        }
}

static void unescape_address(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT;
                char *value;

                oom_begin(&oom);
                value = dbus_address_unescape_value("/a%20b/" LONG "%20" LONG, &e);
                oom_end(&oom, value != NULL);
                /* The stock library does not always set it. */
                if (dbus_error_is_set(&e))
                        g_assert_cmpstr(e.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&e);
                dbus_free(value);
        }
}

static void machine_id(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                DBusError e = DBUS_ERROR_INIT;
                char *id;

                oom_begin(&oom);
                id = dbus_try_get_local_machine_id(&e);
                oom_end(&oom, id != NULL);
                if (!id)
                        g_assert_cmpstr(e.name, ==, DBUS_ERROR_NO_MEMORY);
                dbus_error_free(&e);
                dbus_free(id);
        }
}

static void memory(void)
{
        struct oom oom = {0};

        while (oom_next(&oom)) {
                char *one, *two = NULL, *three = NULL;

                oom_begin(&oom);
                one = dbus_malloc(10);
                if (one)
                        two = dbus_malloc0(10);
                if (two)
                        three = dbus_realloc(one, 1000);
                oom_end(&oom, three != NULL);
                if (three)
                        one = three;
                dbus_free(one);
                dbus_free(two);
        }
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/oom/set/all", set_all},
                {"/oom/set/reply-serial", set_reply_serial},
                {"/oom/get/path-decomposed", decompose},
                {"/oom/append/args", append_args},
                {"/oom/append/containers", append_containers},
                {"/oom/append/abandon", append_and_abandon},
                {"/oom/append/basic", append_basic},
                {"/oom/append/fixed-array", append_fixed_array},
                {"/oom/append/descriptor", append_descriptor},
                {"/oom/copy/descriptors", copy_with_descriptors},
                {"/oom/read/args", get_args},
                {"/oom/read/signature", iter_signature},
                {"/oom/marshal", marshal},
                {"/oom/demarshal/little", demarshal_little},
                {"/oom/demarshal/big", demarshal_big},
                {"/oom/demarshal/bad", demarshal_bad},
                {"/oom/data/slot", slot},
                {"/oom/data/set", set_data},
                {"/oom/error/set", error},
                {"/oom/error/const", error_const},
                {"/oom/error/from-message", error_from_message},
                {"/oom/signature/validate", signature_validate},
                {"/oom/signature/iter", signature_iter},
                {"/oom/syntax/validate", validate},
                {"/oom/address/parse", parse_address},
                {"/oom/address/escape", escape_address},
                {"/oom/address/unescape", unescape_address},
                {"/oom/machine-id", machine_id},
                {"/oom/memory", memory},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(makers); i++) {
                g_autofree char *path = g_strdup_printf("/oom/new/%s", makers[i].name);

                g_test_add_data_func(path, &makers[i].make, make);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(setters); i++) {
                g_autofree char *path = g_strdup_printf("/oom/set/%s", setters[i].name);

                g_test_add_data_func(path, &setters[i], set);
        }
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        return g_test_run();
}
