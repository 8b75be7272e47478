/* SPDX-License-Identifier: MIT */
/* Messages to bytes and back, and how many bytes are needed for that. */

#include <string.h>

#include "dump.h"
#include "harness.h"
#include "wire.h"

static DBusMessage *rich_message(void)
{
        DBusMessage *m = dbus_message_new_method_call("com.example.Name", "/com/example",
                                                      "com.example.Interface", "Method");
        const char *text = "text";
        const dbus_int16_t numbers[] = {1, -2, 3}, *at = numbers;

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_ARRAY, DBUS_TYPE_INT16, &at,
                                 3, DBUS_TYPE_INVALID);
        dbus_message_set_serial(m, 0x01020304);
        return m;
}

static void to_bytes(void)
{
        DBusMessage *m = rich_message();
        char *bytes = NULL;
        int n = -1;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        g_assert_cmpint(n, >, 16);
        g_assert_cmpint(bytes[0], ==,
                        G_BYTE_ORDER == G_LITTLE_ENDIAN ? DBUS_LITTLE_ENDIAN : DBUS_BIG_ENDIAN);
        g_assert_cmpint(bytes[1], ==, DBUS_MESSAGE_TYPE_METHOD_CALL);
        g_assert_cmpint(bytes[3], ==, DBUS_MAJOR_PROTOCOL_VERSION);
        note_bytes("marshalled", bytes, (size_t)n);
        dbus_free(bytes);
        dbus_message_unref(m);
}

static void and_back(void)
{
        DBusMessage *m = rich_message(), *other;
        char *bytes = NULL, *again = NULL;
        int n = 0, n_again = 0;
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        other = dbus_message_demarshal(bytes, n, &error);
        expect_no_error(&error);
        g_assert_true(dbus_message_marshal(other, &again, &n_again));
        g_assert_cmpmem(bytes, (size_t)n, again, (size_t)n_again);
        g_assert_cmpuint(dbus_message_get_serial(other), ==, 0x01020304);
        dump_message("first", m);
        dump_message("second", other);
        dbus_free(bytes);
        dbus_free(again);
        dbus_message_unref(other);
        dbus_message_unref(m);
}

static void without_serial(void)
{
        DBusMessage *m = dbus_message_new_signal("/a", "a.b", "C"), *other;
        char *bytes = NULL;
        int n = 0;
        DBusError error = DBUS_ERROR_INIT;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        note_bytes("marshalled", bytes, (size_t)n);
        other = dbus_message_demarshal(bytes, n, &error);
        g_assert_null(other);
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
        dbus_free(bytes);
        dbus_message_unref(m);
}

static void with_serial_later(void)
{
        DBusMessage *m = dbus_message_new_signal("/a", "a.b", "C");

        dump_bytes("before", m);
        dbus_message_set_serial(m, 5);
        dump_bytes("after", m);
        dbus_message_append_args(m, DBUS_TYPE_BYTE, &(unsigned char){7}, DBUS_TYPE_INVALID);
        dump_bytes("with more", m);
        g_assert_cmpuint(dbus_message_get_serial(m), ==, 5);
        dbus_message_unref(m);
}

/* It may go on after it was marshalled, for the message is not locked by that. */
static void still_open(void)
{
        DBusMessage *m = rich_message();
        char *bytes = NULL;
        int n = 0;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        dbus_free(bytes);
        g_assert_true(dbus_message_set_member(m, "Another"));
        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_BYTE, &(unsigned char){7},
                                               DBUS_TYPE_INVALID));
        dump_message("later", m);
        dump_bytes("later", m);
        dbus_message_unref(m);
}

static void locked(void)
{
        DBusMessage *m = rich_message();

        dump_bytes("open", m);
        dbus_message_lock(m);
        dump_bytes("locked", m);
        dbus_message_unref(m);
}

static void of_each_type(void)
{
        DBusMessage *call = rich_message(), *all[4];

        dbus_message_set_sender(call, ":1.5");
        all[0] = call;
        all[1] = dbus_message_new_method_return(call);
        all[2] = dbus_message_new_error(call, "com.example.Error", "text");
        all[3] = dbus_message_new_signal("/a", "com.example.I", "Changed");
        for (size_t i = 0; i < G_N_ELEMENTS(all); i++) {
                if (i)
                        dbus_message_set_serial(all[i], (dbus_uint32_t)i);
                dump_message("each", all[i]);
                dump_bytes("each", all[i]);
                dbus_message_unref(all[i]);
        }
}

/* The order of the fields is the order in which they were set; what was unset is gone. */
static void order_of_fields(void)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_CALL);

        dbus_message_set_sender(m, ":1.1");
        dbus_message_set_member(m, "M");
        dbus_message_set_reply_serial(m, 3);
        dbus_message_set_path(m, "/p");
        dbus_message_set_serial(m, 1);
        dump_bytes("set", m);
        dbus_message_set_member(m, NULL);
        dbus_message_set_member(m, "Longer");
        dump_bytes("member anew", m);
        dbus_message_set_sender(m, NULL);
        dump_bytes("without sender", m);
        dbus_message_unref(m);
}

static void needed_of_short(void)
{
        DBusMessage *m = rich_message();
        char *bytes = NULL;
        int n = 0;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        for (int have = 0; have < 16; have++)
                g_assert_cmpint(dbus_message_demarshal_bytes_needed(bytes, have), ==, 0);
        for (int have = 16; have <= n; have++)
                g_assert_cmpint(dbus_message_demarshal_bytes_needed(bytes, have), ==, n);
        dbus_free(bytes);
        dbus_message_unref(m);
}

static void needed_with_more(void)
{
        DBusMessage *m = rich_message();
        char *bytes = NULL;
        g_autofree char *both = NULL;
        int n = 0;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        both = g_malloc((size_t)n * 2);
        memcpy(both, bytes, (size_t)n);
        memcpy(both + n, bytes, (size_t)n);
        g_assert_cmpint(dbus_message_demarshal_bytes_needed(both, 2 * n), ==, n);
        dbus_free(bytes);
        dbus_message_unref(m);
}

static void needed_of_garbage(void)
{
        static const struct wire_message bad[] = {
                {.order = 'x'},
                {.fields_length = 0xffffffff},
                {.fields_length = 0x4000001},
                {.body_length = 0xffffffff},
                {.body_length = 0x8000000},
                {.version = 2},
                {.no_type = true},
                {.no_serial = true},
        };
        static const char orders[] = {'l', 'B'};

        for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
                for (size_t k = 0; k < G_N_ELEMENTS(orders); k++) {
                        struct wire w = wire_message(orders[k], &bad[i]);

                        note("%zu %c: %d", i, orders[k],
                             dbus_message_demarshal_bytes_needed((const char *)w.bytes->data,
                                                                 (int)w.bytes->len));
                        wire_free(&w);
                }
        }
        g_assert_cmpint(dbus_message_demarshal_bytes_needed("GET / HTTP/1.1\r\nHost: x\r\n", 25),
                        ==, -1);
        for (int n = 0; n < 16; n++)
                note("of text, %d: %d", n,
                     dbus_message_demarshal_bytes_needed("GET / HTTP/1.1\r\nHost", n));
}

static void cut_anywhere(void)
{
        DBusMessage *m = rich_message();
        char *bytes = NULL;
        int n = 0;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        for (int have = 0; have < n; have++) {
                DBusError error = DBUS_ERROR_INIT;

                g_assert_null(dbus_message_demarshal(bytes, have, &error));
                note_error("cut", &error);
                g_assert_null(dbus_message_demarshal(bytes, have, NULL));
        }
        dbus_free(bytes);
        dbus_message_unref(m);
}

/* Each bit of a message turned around: whatever the verdict is, it is the same, and nothing breaks.
 */
static void each_bit(void)
{
        DBusMessage *m = rich_message();
        char *bytes = NULL;
        int n = 0;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        for (int bit = 0; bit < n * 8; bit++) {
                DBusError error = DBUS_ERROR_INIT;
                DBusMessage *other;

                bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
                other = dbus_message_demarshal(bytes, n, &error);
                note("bit %d: %s", bit, other ? "good" : error.message);
                dbus_error_free(&error);
                if (other) {
                        dump_message("good", other);
                        dbus_message_unref(other);
                }
                bytes[bit / 8] = (char)(bytes[bit / 8] ^ 1 << bit % 8);
        }
        dbus_free(bytes);
        dbus_message_unref(m);
}

/* A text file is not a message. */
static void demarshal_text(void)
{
        DBusError error = DBUS_ERROR_INIT;

        g_assert_null(dbus_message_demarshal("This is not a message at all.", 29, &error));
        expect_error(&error, DBUS_ERROR_INVALID_ARGS);
}

static const struct wire_message big_message = {
        .fields = "f:1:o o:/a f:3:s s:M f:8:g g:uas",
        .body = "u:0x01020304 a4[ s:x ]",
        .serial = 0x0a0b0c0d,
};

static DBusMessage *from_big(void)
{
        struct wire w = wire_message('B', &big_message);
        DBusMessage *m =
                dbus_message_demarshal((const char *)w.bytes->data, (int)w.bytes->len, NULL);

        g_assert_nonnull(m);
        wire_free(&w);
        return m;
}

static void foreign_order_kept(void)
{
        DBusMessage *m = from_big();

        g_assert_cmpuint(dbus_message_get_serial(m), ==, 0x0a0b0c0d);
        g_assert_cmpstr(dbus_message_get_path(m), ==, "/a");
        g_assert_cmpstr(dbus_message_get_signature(m), ==, "uas");
        dump_bytes("as it came", m);
        dbus_message_unref(m);
}

static void foreign_order_after_reading(void)
{
        DBusMessage *m = from_big();
        DBusMessageIter iter;
        dbus_uint32_t value = 0;

        dbus_message_iter_init(m, &iter);
        dbus_message_iter_get_basic(&iter, &value);
        g_assert_cmpuint(value, ==, 0x01020304);
        dump_bytes("after reading", m);
        g_assert_cmpuint(dbus_message_get_serial(m), ==, 0x0a0b0c0d);
        dbus_message_unref(m);
}

static void foreign_order_args(void)
{
        DBusMessage *m = from_big();
        dbus_uint32_t value = 0;
        char **texts = NULL;
        int n = 0;

        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &value, DBUS_TYPE_ARRAY,
                                            DBUS_TYPE_STRING, &texts, &n, DBUS_TYPE_INVALID));
        g_assert_cmpuint(value, ==, 0x01020304);
        g_assert_cmpint(n, ==, 1);
        g_assert_cmpstr(texts[0], ==, "x");
        dbus_free_string_array(texts);
        dbus_message_unref(m);
}

static void foreign_order_reply(void)
{
        DBusMessage *m = from_big(), *reply = dbus_message_new_method_return(m);

        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==, 0x0a0b0c0d);
        dbus_message_set_serial(reply, 1);
        dump_bytes("reply", reply);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

/* A received message may be changed as any other. */
static void change_received(void)
{
        DBusMessage *m = rich_message(), *other;
        char *bytes = NULL;
        int n = 0;

        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        other = dbus_message_demarshal(bytes, n, NULL);
        g_assert_true(dbus_message_set_sender(other, ":1.77"));
        g_assert_true(dbus_message_set_destination(other, NULL));
        g_assert_true(dbus_message_append_args(other, DBUS_TYPE_BYTE, &(unsigned char){1},
                                               DBUS_TYPE_INVALID));
        dump_message("changed", other);
        dump_bytes("changed", other);
        dbus_free(bytes);
        dbus_message_unref(other);
        dbus_message_unref(m);
}

/* Fields that nobody knows go with the message. */
static void unknown_field_kept(void)
{
        struct wire_message description = {.fields = "f:1:o o:/a f:99:(su) ( s:x u:7 f:3:s s:M"};
        struct wire w = wire_message('l', &description);
        DBusMessage *m =
                dbus_message_demarshal((const char *)w.bytes->data, (int)w.bytes->len, NULL);
        DBusMessage *copy = dbus_message_copy(m);

        dbus_message_set_path(copy, "/longer");
        dbus_message_set_serial(copy, 2);
        dump_bytes("original", m);
        dump_bytes("copy", copy);
        dbus_message_unref(copy);
        dbus_message_unref(m);
        wire_free(&w);
}

static void unknown_flags_kept(void)
{
        struct wire_message description = {.flags = 0xf0};
        struct wire w = wire_message('l', &description);
        DBusMessage *m =
                dbus_message_demarshal((const char *)w.bytes->data, (int)w.bytes->len, NULL);

        dbus_message_set_no_reply(m, TRUE);
        dump_bytes("flags", m);
        dbus_message_unref(m);
        wire_free(&w);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/marshal/to-bytes", to_bytes},
                {"/marshal/and-back", and_back},
                {"/marshal/without-serial", without_serial},
                {"/marshal/serial-later", with_serial_later},
                {"/marshal/still-open", still_open},
                {"/marshal/locked", locked},
                {"/marshal/each-type", of_each_type},
                {"/marshal/field-order", order_of_fields},
                {"/bytes-needed/short", needed_of_short},
                {"/bytes-needed/more", needed_with_more},
                {"/bytes-needed/garbage", needed_of_garbage},
                {"/demarshal/cut-anywhere", cut_anywhere},
                {"/demarshal/each-bit", each_bit},
                {"/demarshal/text", demarshal_text},
                {"/demarshal/change", change_received},
                {"/demarshal/unknown-field", unknown_field_kept},
                {"/demarshal/unknown-flags", unknown_flags_kept},
                {"/order/kept", foreign_order_kept},
                {"/order/after-reading", foreign_order_after_reading},
                {"/order/args", foreign_order_args},
                {"/order/reply", foreign_order_reply},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
