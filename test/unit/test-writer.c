/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/body.h"
#include "core/reader.h"
#include "core/writer.h"
#include "fail-alloc.h"
#include "raw.h"

static const struct message_spec call = {
        .type = MESSAGE_METHOD_CALL,
        .serial = 5,
        .path = "/",
        .member = "M",
};

/* Parsing and validating finds what the writer says. */
static void check_valid(const struct message *m)
{
        struct header h;

        g_assert_cmpint(header_parse(&h, m->bytes, m->size), ==, MESSAGE_OK);
        g_assert_cmpuint(h.size + h.body_size, ==, m->size);
        g_assert_cmpint(
                body_validate(message_body(m), h.body_size, message_signature(m), h.order),
                ==, MESSAGE_OK);
        g_assert_cmpint(h.order, ==, m->header.order);
        g_assert_cmpuint(h.type, ==, m->header.type);
        g_assert_cmpuint(h.flags, ==, m->header.flags);
        g_assert_cmpuint(h.serial, ==, m->header.serial);
        g_assert_cmpuint(h.reply_serial, ==, m->header.reply_serial);
        g_assert_cmpuint(h.n_fds, ==, m->header.n_fds);
        g_assert_cmpuint(h.fields_size, ==, m->header.fields_size);
        g_assert_cmpuint(h.size, ==, m->header.size);
        g_assert_cmpuint(h.body_size, ==, m->header.body_size);
        for (unsigned f = 0; f < N_HEADER_FIELDS; ++f) {
                g_assert_cmpuint(h.text[f].at, ==, m->header.text[f].at);
                g_assert_cmpuint(h.text[f].length, ==, m->header.text[f].length);
        }
}

static struct message *end(struct writer *w)
{
        struct message *m;

        g_assert_cmpint(writer_end(w, &m), ==, 0);
        check_valid(m);
        return m;
}

static void test_header(void)
{
        static const struct message_spec spec = {
                .type = MESSAGE_ERROR,
                .flags = MESSAGE_NO_REPLY_EXPECTED,
                .serial = 0x01020304,
                .reply_serial = 77,
                .path = "/com/example",
                .interface = "com.example.Interface",
                .member = "Member",
                .error_name = "com.example.Error",
                .destination = ":1.7",
                .sender = "org.freedesktop.DBus",
                .signature = "",
        };
        struct message *m;
        struct writer w;

        writer_begin(&w, &spec);
        m = end(&w);
        g_assert_cmpuint(m->header.type, ==, MESSAGE_ERROR);
        g_assert_cmpuint(m->header.flags, ==, MESSAGE_NO_REPLY_EXPECTED);
        g_assert_cmpuint(m->header.serial, ==, 0x01020304);
        g_assert_cmpuint(m->header.reply_serial, ==, 77);
        g_assert_cmpstr(message_text(m, FIELD_PATH), ==, "/com/example");
        g_assert_cmpstr(message_text(m, FIELD_INTERFACE), ==, "com.example.Interface");
        g_assert_cmpstr(message_text(m, FIELD_MEMBER), ==, "Member");
        g_assert_cmpstr(message_text(m, FIELD_ERROR_NAME), ==, "com.example.Error");
        g_assert_cmpstr(message_text(m, FIELD_DESTINATION), ==, ":1.7");
        g_assert_cmpstr(message_text(m, FIELD_SENDER), ==, "org.freedesktop.DBus");
        g_assert_cmpstr(message_text(m, FIELD_SIGNATURE), ==, "");
        message_unref(m);

        writer_begin(&w, &call);
        m = end(&w);
        g_assert_null(message_text(m, FIELD_SIGNATURE));
        g_assert_null(message_text(m, FIELD_SENDER));
        g_assert_cmpuint(m->header.body_size, ==, 0);
        message_unref(m);
}

/* The same bytes as when they are put one by one. */
static void test_values(void)
{
        static const char *const strings[] = {"one", "", "three"};
        struct message_spec spec = call;
        struct raw raw = {.order = ORDER_NATIVE};
        struct writer_array outer, inner;
        struct message *m;
        struct writer w;

        spec.signature = "ybutsogayasa{sv}aataty";
        writer_begin(&w, &spec);
        writer_byte(&w, 1);
        writer_bool(&w, 7);
        writer_u32(&w, 2);
        writer_u64(&w, 3);
        writer_string(&w, "text");
        writer_string(&w, "/path");
        writer_signature(&w, "a{sv}");
        writer_bytes(&w, "bytes", 5);
        writer_strings(&w, strings, 3);
        writer_open_array(&w, &outer, "{");
        writer_struct(&w);
        writer_string(&w, "key");
        writer_variant(&w, "as");
        writer_strings(&w, NULL, 0);
        writer_struct(&w);
        writer_string(&w, "k");
        writer_variant(&w, "t");
        writer_u64(&w, 4);
        writer_close_array(&w, &outer);
        writer_open_array(&w, &outer, "at");
        writer_open_array(&w, &inner, "t");
        writer_u64(&w, 5);
        writer_close_array(&w, &inner);
        writer_close_array(&w, &outer);
        writer_open_array(&w, &outer, "t");
        writer_close_array(&w, &outer);
        writer_byte(&w, 6);
        m = end(&w);

        raw_byte(&raw, 1);
        raw_u32(&raw, 1);
        raw_u32(&raw, 2);
        raw_align(&raw, 8);
        raw_put(&raw, &(uint64_t){3}, 8);
        raw_text(&raw, "text");
        raw_text(&raw, "/path");
        raw_signature(&raw, "a{sv}");
        raw_u32(&raw, 5);
        raw_put(&raw, "bytes", 5);
        raw_u32(&raw, 8 + 8 + 10);
        raw_text(&raw, "one");
        raw_text(&raw, "");
        raw_text(&raw, "three");
        raw_u32(&raw, 16 + 24);
        raw_align(&raw, 8);
        raw_text(&raw, "key");
        raw_signature(&raw, "as");
        raw_u32(&raw, 0);
        raw_align(&raw, 8);
        raw_text(&raw, "k");
        raw_signature(&raw, "t");
        raw_align(&raw, 8);
        raw_put(&raw, &(uint64_t){4}, 8);
        /* The padding of the inner array is part of the outer one. */
        raw_align(&raw, 4);
        raw_u32(&raw, raw.size % 8 ? 16 : 12);
        raw_u32(&raw, 8);
        raw_align(&raw, 8);
        raw_put(&raw, &(uint64_t){5}, 8);
        raw_u32(&raw, 0);
        raw_align(&raw, 8);
        raw_byte(&raw, 6);
        g_assert_cmpmem(message_body(m), m->header.body_size, raw.bytes, raw.size);
        message_unref(m);
}

static void test_growth(void)
{
        enum { N = 20000 };
        struct message_spec spec = call;
        struct writer_array array;
        struct message *m;
        struct writer w;
        struct reader r, inner;

        spec.signature = "a(us)";
        writer_begin(&w, &spec);
        writer_open_array(&w, &array, "(us)");
        for (uint32_t i = 0; i < N; ++i) {
                writer_struct(&w);
                writer_u32(&w, i);
                writer_string(&w, i % 2 ? "odd" : "even!");
        }
        writer_close_array(&w, &array);
        m = end(&w);

        reader_init(&r, m);
        g_assert_true(reader_enter(&r, &inner));
        for (uint32_t i = 0; i < N; ++i) {
                struct reader element;
                uint32_t value;

                g_assert_true(reader_enter(&inner, &element));
                g_assert_true(reader_u32(&element, &value));
                g_assert_cmpuint(value, ==, i);
        }
        g_assert_false(reader_more(&inner));
        message_unref(m);
}

static void test_fds(void)
{
        struct message_spec spec = call;
        int fds[2] = {open("/dev/null", O_RDONLY | O_CLOEXEC),
                      open("/dev/null", O_RDONLY | O_CLOEXEC)};
        struct message *m;
        struct writer w;

        spec.signature = "hh";
        spec.fds = fds;
        spec.n_fds = 2;
        writer_begin(&w, &spec);
        writer_u32(&w, 0);
        writer_u32(&w, 1);
        m = end(&w);
        g_assert_cmpuint(m->header.n_fds, ==, 2);
        g_assert_cmpuint(m->n_fds, ==, 2);
        g_assert_cmpmem(m->fds, sizeof(fds), fds, sizeof(fds));
        message_unref(m);
        for (unsigned i = 0; i < 2; ++i)
                g_assert_cmpint(fcntl(fds[i], F_GETFD), ==, -1);
}

static void test_not_a_header(void)
{
        g_autofree char *signature = g_strnfill(256, 'y');
        struct message_spec spec;
        struct message *m = NULL;
        struct writer w;

        spec = call;
        spec.serial = 0;
        writer_begin(&w, &spec);
        g_assert_cmpint(writer_end(&w, &m), ==, -EINVAL);

        spec = call;
        spec.type = MESSAGE_INVALID;
        writer_begin(&w, &spec);
        writer_string(&w, "goes nowhere");
        g_assert_cmpint(writer_end(&w, &m), ==, -EINVAL);

        spec = call;
        spec.signature = signature;
        writer_begin(&w, &spec);
        g_assert_cmpint(writer_end(&w, &m), ==, -EINVAL);

        spec.signature = signature + 1;
        writer_begin(&w, &spec);
        g_assert_cmpint(w.error, ==, 0);
        for (unsigned i = 0; i < 255; ++i)
                writer_byte(&w, 1);
        m = end(&w);
        m = message_unref(m);

        writer_begin(&w, &call);
        writer_variant(&w, signature);
        writer_byte(&w, 1);
        g_assert_cmpint(writer_end(&w, &m), ==, -EINVAL);
        g_assert_null(m);
}

static void test_too_long(void)
{
        const uint32_t longest = BODY_MAX_ARRAY_BYTES;
        uint32_t rest;
        struct message_spec spec = call;
        char *bytes = calloc(1, (size_t)longest + 1);
        struct message *m = NULL;
        struct writer w;

        g_assert_nonnull(bytes);
        spec.signature = "ay";
        writer_begin(&w, &spec);
        writer_bytes(&w, bytes, longest);
        m = end(&w);
        m = message_unref(m);

        writer_begin(&w, &spec);
        writer_bytes(&w, bytes, longest + 1);
        writer_byte(&w, 1);
        g_assert_cmpint(writer_end(&w, &m), ==, -EMSGSIZE);

        spec.signature = "ayay";
        writer_begin(&w, &spec);
        writer_bytes(&w, bytes, longest);
        rest = MESSAGE_MAX_SIZE - w.size - 4;
        writer_bytes(&w, bytes, rest);
        m = end(&w);
        g_assert_cmpuint(m->size, ==, MESSAGE_MAX_SIZE);
        m = message_unref(m);

        writer_begin(&w, &spec);
        writer_bytes(&w, bytes, longest);
        writer_bytes(&w, bytes, rest + 1);
        g_assert_cmpint(writer_end(&w, &m), ==, -EMSGSIZE);

        spec.signature = "ays";
        memset(bytes, 'x', longest);
        writer_begin(&w, &spec);
        writer_bytes(&w, bytes, longest);
        writer_string(&w, bytes);
        g_assert_cmpint(writer_end(&w, &m), ==, -EMSGSIZE);
        g_assert_null(m);
        free(bytes);
}

static void test_no_memory(void)
{
        static const char *const strings[] = {"one", "two"};
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        unsigned failures = 0;

        for (unsigned n = 0;; ++n) {
                struct message_spec spec = call;
                struct message *m = NULL;
                struct writer_array array;
                struct writer w;
                int r;

                spec.signature = "ta(s)asvay";
                spec.fds = &fd;
                spec.n_fds = 1;
                fail_alloc_after(n);
                writer_begin(&w, &spec);
                writer_u64(&w, 1);
                writer_open_array(&w, &array, "(");
                for (unsigned i = 0; i < 100; ++i) {
                        writer_struct(&w);
                        writer_string(&w, "some text that takes some room");
                }
                writer_close_array(&w, &array);
                writer_strings(&w, strings, 2);
                writer_variant(&w, "b");
                writer_bool(&w, 1);
                writer_bytes(&w, "bytes", 5);
                r = writer_end(&w, &m);
                if (!fail_alloc_end()) {
                        g_assert_cmpint(r, ==, 0);
                        check_valid(m);
                        message_unref(m);
                        break;
                }
                ++failures;
                g_assert_cmpint(r, ==, -ENOMEM);
                g_assert_null(m);
                /* It is the message's on success only. */
                g_assert_cmpint(fcntl(fd, F_GETFD), !=, -1);
        }
        if (FAIL_ALLOC_WORKS)
                g_assert_cmpuint(failures, >=, 4);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/writer/header", test_header);
        g_test_add_func("/writer/values", test_values);
        g_test_add_func("/writer/growth", test_growth);
        g_test_add_func("/writer/fds", test_fds);
        g_test_add_func("/writer/not-a-header", test_not_a_header);
        g_test_add_func("/writer/too-long", test_too_long);
        g_test_add_func("/writer/no-memory", test_no_memory);
        return g_test_run();
}
