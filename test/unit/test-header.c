/* SPDX-License-Identifier: MIT */
#include <glib.h>
#include <stdlib.h>
#include <string.h>

#include "core/body.h"
#include "core/header.h"
#include "raw.h"

#define BIT(field) (1u << (field))

static const char orders[] = {ORDER_LITTLE, ORDER_BIG};

/* What a field is given where a test does not care. */
static const char *const usual[N_HEADER_FIELDS] = {
        [FIELD_PATH] = "/com/example",
        [FIELD_INTERFACE] = "com.example.Interface",
        [FIELD_MEMBER] = "Member",
        [FIELD_ERROR_NAME] = "com.example.Error",
        [FIELD_DESTINATION] = "com.example.Service",
        [FIELD_SENDER] = ":1.42",
        [FIELD_SIGNATURE] = "a{sv}s",
        [FIELD_CONTAINER_INSTANCE] = "/com/example/c0",
};

static void put_fields(struct raw *r, unsigned fields)
{
        for (unsigned f = 1; f < N_HEADER_FIELDS; ++f)
                if (!(fields & BIT(f)))
                        continue;
                else if (usual[f])
                        raw_text_field(r, (uint8_t)f, usual[f]);
                else
                        raw_u32_field(r, (uint8_t)f, f == FIELD_REPLY_SERIAL ? 4711 : 3);
}

/* Parses a copy of exactly the size: sanitizers see each read behind its end. */
static int parse(struct header *h, const struct raw *r)
{
        uint8_t *copy = malloc(r->size);
        int problem;

        g_assert_nonnull(copy);
        memcpy(copy, r->bytes, r->size);
        problem = header_parse(h, copy, r->size);
        free(copy);
        return problem;
}

/* A message of type `type` with these fields. */
static int parse_fields(struct header *h, char order, uint8_t type, unsigned fields)
{
        struct raw r;

        raw_begin(&r, order, type);
        put_fields(&r, fields);
        raw_end(&r, NULL, 0);
        return parse(h, &r);
}

/* A signal with all it needs, and one text field more; or instead. */
static int parse_text(uint8_t field, const char *text)
{
        struct header h;
        struct raw r;

        raw_begin(&r, 'l', MESSAGE_SIGNAL);
        put_fields(&r, (BIT(FIELD_PATH) | BIT(FIELD_INTERFACE) | BIT(FIELD_MEMBER)) & ~BIT(field));
        raw_text_field(&r, field, text);
        raw_end(&r, NULL, 0);
        return parse(&h, &r);
}

static void test_fields(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(orders); ++i) {
                struct header h;
                struct raw r;

                raw_begin(&r, orders[i], MESSAGE_SIGNAL);
                r.bytes[2] = 0xa5;
                put_fields(&r, ~0u);
                raw_end(&r, "12345", 5);
                g_assert_cmpint(header_parse(&h, r.bytes, r.size), ==, MESSAGE_OK);
                g_assert_cmpint(h.order, ==, orders[i]);
                g_assert_cmpuint(h.type, ==, MESSAGE_SIGNAL);
                g_assert_cmpuint(h.flags, ==, 0xa5);
                g_assert_cmpuint(h.serial, ==, 7);
                g_assert_cmpuint(h.reply_serial, ==, 4711);
                g_assert_cmpuint(h.n_fds, ==, 3);
                g_assert_cmpuint(h.body_size, ==, 5);
                g_assert_cmpuint(h.size, ==, r.size - 5);
                g_assert_cmpuint(h.fields_size, ==, load_u32(r.bytes + 12, orders[i]));
                g_assert_false(h.has_unknown_fields);
                for (unsigned f = 0; f < N_HEADER_FIELDS; ++f) {
                        g_assert_cmpint(h.text[f].at > 0, ==, usual[f] != NULL);
                        if (!usual[f])
                                continue;
                        g_assert_cmpstr((const char *)r.bytes + h.text[f].at, ==, usual[f]);
                        g_assert_cmpuint(h.text[f].length, ==, strlen(usual[f]));
                }
        }
}

/* All combinations of the fields that some type needs. */
static void test_required(void)
{
        static const unsigned required[] = {
                [MESSAGE_METHOD_CALL] = BIT(FIELD_PATH) | BIT(FIELD_MEMBER),
                [MESSAGE_METHOD_RETURN] = BIT(FIELD_REPLY_SERIAL),
                [MESSAGE_ERROR] = BIT(FIELD_ERROR_NAME) | BIT(FIELD_REPLY_SERIAL),
                [MESSAGE_SIGNAL] = BIT(FIELD_PATH) | BIT(FIELD_INTERFACE) | BIT(FIELD_MEMBER),
                [5] = 0,
                [255] = 0,
        };

        for (unsigned type = 1; type < 256; ++type) {
                for (unsigned fields = 0; fields < BIT(FIELD_DESTINATION); fields += 2) {
                        struct header h;
                        int r = parse_fields(&h, 'l', (uint8_t)type, fields);

                        g_assert_cmpint(r, ==,
                                        required[type] & ~fields ? MESSAGE_MISSING_FIELD
                                                                 : MESSAGE_OK);
                }
        }
}

static void test_fixed_part(void)
{
        static const struct {
                unsigned at;
                uint8_t value;
                int problem;
        } changes[] = {
                {0, 'L', MESSAGE_BAD_ORDER},    {0, 'b', MESSAGE_BAD_ORDER},
                {0, 0, MESSAGE_BAD_ORDER},      {1, 0, MESSAGE_BAD_TYPE},
                {2, 0xff, MESSAGE_OK},          {3, 0, MESSAGE_BAD_VERSION},
                {3, 2, MESSAGE_BAD_VERSION},    {8, 0, MESSAGE_BAD_SERIAL},
                {11, 0x80, MESSAGE_OK},         {12, 0xff, MESSAGE_BAD_LENGTH},
                {15, 0x10, MESSAGE_BAD_LENGTH},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(changes); ++i) {
                struct header h;
                struct raw r;

                raw_begin(&r, 'l', MESSAGE_METHOD_RETURN);
                put_fields(&r, BIT(FIELD_REPLY_SERIAL));
                raw_end(&r, NULL, 0);
                r.bytes[changes[i].at] = changes[i].value;
                if (parse(&h, &r) != changes[i].problem)
                        g_error("byte %u", changes[i].at);
        }
}

static void test_texts(void)
{
        static const struct {
                uint8_t field;
                const char *good, *bad;
        } texts[] = {
                {FIELD_PATH, "/", "a"},
                {FIELD_PATH, "/org/freedesktop/DBus/Loca", "/org/freedesktop/DBus/Local"},
                {FIELD_PATH, "/org/freedesktop/DBus", "/org/freedesktop/DBus/Local/a"},
                {FIELD_PATH, "/Local", "/org/freedesktop/DBus/Locally"},
                {FIELD_INTERFACE, "org.freedesktop.DBus.Loca", "org.freedesktop.DBus.Local"},
                {FIELD_INTERFACE, "org.freedesktop.DBus", "org.freedesktop.DBus.Local.a"},
                {FIELD_INTERFACE, "a.b", "org.freedesktop.DBus.Locally"},
                {FIELD_INTERFACE, "a._0", "a-b.c"},
                {FIELD_MEMBER, "a", "a.b"},
                {FIELD_ERROR_NAME, "org.freedesktop.DBus.Local", "a"},
                {FIELD_DESTINATION, "org.freedesktop.DBus.Local", "a"},
                {FIELD_DESTINATION, ":1.2", ""},
                {FIELD_SENDER, "com.example", "a b"},
                {FIELD_SENDER, ":", "1.2"},
                {FIELD_SIGNATURE, "", "a"},
                {FIELD_SIGNATURE, "(yy)y", "{yy}"},
                {FIELD_CONTAINER_INSTANCE, "/org/freedesktop/DBus/Local", "a"},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(texts); ++i) {
                g_assert_cmpint(parse_text(texts[i].field, texts[i].good), ==, MESSAGE_OK);
                g_assert_cmpint(parse_text(texts[i].field, texts[i].bad), ==, MESSAGE_BAD_FIELD);
        }
}

/* Each known field, twice, and with each type but its own. */
static void test_types(void)
{
        static const char *const types[] = {"o", "s", "g", "u", "i", "v"};
        struct header h;
        struct raw r;

        for (uint8_t f = 1; f < N_HEADER_FIELDS; ++f) {
                const char *own = f == FIELD_SIGNATURE                               ? "g"
                                  : f == FIELD_PATH || f == FIELD_CONTAINER_INSTANCE ? "o"
                                  : usual[f]                                         ? "s"
                                                                                     : "u";

                raw_begin(&r, 'l', 77);
                put_fields(&r, BIT(f));
                put_fields(&r, BIT(f));
                raw_end(&r, NULL, 0);
                g_assert_cmpint(parse(&h, &r), ==, MESSAGE_BAD_FIELD);

                for (size_t i = 0; i < G_N_ELEMENTS(types); ++i) {
                        raw_begin(&r, 'l', 77);
                        raw_field(&r, f, types[i]);
                        if (usual[f] && f != FIELD_SIGNATURE)
                                raw_text(&r, usual[f]);
                        else if (usual[f])
                                raw_signature(&r, usual[f]);
                        else
                                raw_u32(&r, 3);
                        raw_end(&r, NULL, 0);
                        g_assert_cmpint(parse(&h, &r), ==,
                                        strcmp(own, types[i]) ? MESSAGE_BAD_FIELD : MESSAGE_OK);
                }
        }
}

static void test_numbers(void)
{
        struct header h;
        struct raw r;

        raw_begin(&r, 'B', 77);
        raw_u32_field(&r, FIELD_REPLY_SERIAL, 0);
        raw_end(&r, NULL, 0);
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_BAD_SERIAL);

        raw_begin(&r, 'B', 77);
        raw_u32_field(&r, FIELD_UNIX_FDS, 0);
        raw_end(&r, NULL, 0);
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_OK);
        g_assert_cmpuint(h.n_fds, ==, 0);
        g_assert_cmpuint(h.reply_serial, ==, 0);
}

static void test_unknown(void)
{
        static const struct {
                uint8_t code;
                const char *signature;
                uint32_t value;
                int problem;
        } unknown[] = {
                {11, "u", 5, MESSAGE_OK},          {255, "b", 1, MESSAGE_OK},
                {11, "b", 2, MESSAGE_BAD_BOOLEAN}, {11, "uu", 2, MESSAGE_BAD_VARIANT},
                {11, "", 2, MESSAGE_BAD_VARIANT},  {0, "u", 5, MESSAGE_BAD_FIELD},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(unknown); ++i) {
                for (size_t j = 0; j < G_N_ELEMENTS(orders); ++j) {
                        struct header h;
                        struct raw r;
                        int problem;

                        raw_begin(&r, orders[j], 77);
                        put_fields(&r, BIT(FIELD_PATH));
                        raw_field(&r, unknown[i].code, unknown[i].signature);
                        raw_u32(&r, unknown[i].value);
                        put_fields(&r, BIT(FIELD_MEMBER));
                        raw_end(&r, NULL, 0);
                        problem = parse(&h, &r);
                        g_assert_cmpint(problem, ==, unknown[i].problem);
                        if (problem)
                                continue;
                        g_assert_true(h.has_unknown_fields);
                        g_assert_cmpuint(h.text[FIELD_MEMBER].length, ==, strlen("Member"));
                }
        }
}

/* Unknown fields start three levels deep. */
static void test_unknown_depth(void)
{
        for (unsigned depth = 61; depth <= 62; ++depth) {
                struct header h;
                struct raw r;

                raw_begin(&r, 'l', 77);
                raw_field(&r, 20, "v");
                for (unsigned i = 1; i < depth; ++i)
                        raw_signature(&r, "v");
                raw_signature(&r, "y");
                raw_byte(&r, 1);
                raw_end(&r, NULL, 0);
                g_assert_cmpint(parse(&h, &r), ==, depth < 62 ? MESSAGE_OK : MESSAGE_BAD_DEPTH);
        }
}

/* Whatever byte of padding is not zero. */
static void test_padding(void)
{
        unsigned found = 0;
        struct header h;
        struct raw r;

        raw_begin(&r, 'l', MESSAGE_SIGNAL);
        raw_text_field(&r, FIELD_PATH, "/a");
        raw_text_field(&r, FIELD_INTERFACE, "a.b");
        raw_text_field(&r, FIELD_MEMBER, "abcde");
        raw_end(&r, NULL, 0);
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_OK);
        for (unsigned f = FIELD_PATH; f <= FIELD_MEMBER; ++f) {
                uint32_t at = h.text[f].at + h.text[f].length + 1;

                for (; at % 8; ++at, ++found) {
                        struct header other;

                        r.bytes[at] = 1;
                        g_assert_cmpint(parse(&other, &r), ==, MESSAGE_BAD_PADDING);
                        r.bytes[at] = 0;
                }
        }
        g_assert_cmpuint(found, ==, 5 + 4 + 2);

        /* Padding behind the last field is not the array's. */
        store_u32(r.bytes + 12, h.fields_size + 2, 'l');
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_BAD_LENGTH);
}

/* No byte may be missing, wherever the array of fields is said to end. */
static void test_truncated(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(orders); ++i) {
                struct header h;
                struct raw r;
                uint32_t size, ends = 0;

                raw_begin(&r, orders[i], 77);
                put_fields(&r, ~0u);
                raw_end(&r, NULL, 0);
                for (size = 0; size < r.size; ++size)
                        g_assert_cmpint(header_parse(&h, r.bytes, size), ==, MESSAGE_BAD_LENGTH);
                size = load_u32(r.bytes + 12, orders[i]);
                for (uint32_t n = 0; n <= size; ++n) {
                        uint8_t *copy;

                        store_u32(r.bytes + 12, n, orders[i]);
                        copy = g_memdup2(r.bytes, r.size);
                        if (header_parse(&h, copy, align_up(HEADER_FIXED_SIZE + n, 8)) ==
                            MESSAGE_OK)
                                ++ends;
                        g_free(copy);
                }
                /* Behind none, and each, of the fields. */
                g_assert_cmpuint(ends, ==, N_HEADER_FIELDS);
        }
}

static void test_text_bounds(void)
{
        struct header h;
        uint8_t *length;
        struct raw r;

        raw_begin(&r, 'l', 77);
        raw_text_field(&r, FIELD_PATH, "/abc");
        raw_end(&r, NULL, 0);
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_OK);
        length = r.bytes + h.text[FIELD_PATH].at - 4;
        store_u32(length, 5, 'l');
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_BAD_LENGTH);
        store_u32(length, 0xffffffff, 'l');
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_BAD_LENGTH);
        store_u32(length, 3, 'l');
        g_assert_cmpint(parse(&h, &r), ==, MESSAGE_BAD_STRING);
}

static int peek(char order, uint32_t fields_size, uint32_t body_size, uint32_t *header_size,
                uint64_t *message_size)
{
        uint8_t bytes[HEADER_FIXED_SIZE] = {(uint8_t)order, 1, 0, 1};

        store_u32(bytes + 4, body_size, order);
        store_u32(bytes + 12, fields_size, order);
        return header_peek(bytes, header_size, message_size);
}

static void test_peek(void)
{
        const uint32_t max = MESSAGE_MAX_SIZE, longest = BODY_MAX_ARRAY_BYTES;
        uint32_t header_size;
        uint64_t size;

        for (size_t i = 0; i < G_N_ELEMENTS(orders); ++i) {
                char o = orders[i];

                g_assert_cmpint(peek(o, 0, 0, &header_size, &size), ==, MESSAGE_OK);
                g_assert_cmpuint(header_size, ==, 16);
                g_assert_cmpuint(size, ==, 16);
                g_assert_cmpint(peek(o, 1, 3, &header_size, &size), ==, MESSAGE_OK);
                g_assert_cmpuint(header_size, ==, 24);
                g_assert_cmpuint(size, ==, 27);
                g_assert_cmpint(peek(o, longest, 0, &header_size, &size), ==, MESSAGE_OK);
                g_assert_cmpuint(header_size, ==, longest + 16);
                g_assert_cmpint(peek(o, longest + 1, 0, &header_size, &size), ==,
                                MESSAGE_BAD_LENGTH);
                g_assert_cmpint(peek(o, 0xffffffff, 0, &header_size, &size), ==,
                                MESSAGE_BAD_LENGTH);
                g_assert_cmpint(peek(o, 0, max - 16, &header_size, &size), ==, MESSAGE_OK);
                g_assert_cmpuint(size, ==, max);
                g_assert_cmpint(peek(o, 0, max - 15, &header_size, &size), ==, MESSAGE_BAD_LENGTH);
                g_assert_cmpint(peek(o, 1, max - 16, &header_size, &size), ==, MESSAGE_BAD_LENGTH);
                g_assert_cmpint(peek(o, 0, 0xffffffff, &header_size, &size), ==,
                                MESSAGE_BAD_LENGTH);
        }
        g_assert_cmpint(peek('x', 0, 0, &header_size, &size), ==, MESSAGE_BAD_ORDER);
}

static void test_problem_texts(void)
{
        for (int i = MESSAGE_OK; i <= MESSAGE_BAD_FD_COUNT; ++i) {
                g_assert_nonnull(message_problem_text(i));
                for (int j = MESSAGE_OK; j < i; ++j)
                        g_assert_cmpstr(message_problem_text(i), !=, message_problem_text(j));
        }
        g_assert_nonnull(message_problem_text(-1));
        g_assert_nonnull(message_problem_text(MESSAGE_BAD_FD_COUNT + 1));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/header/fields", test_fields);
        g_test_add_func("/header/required", test_required);
        g_test_add_func("/header/fixed-part", test_fixed_part);
        g_test_add_func("/header/texts", test_texts);
        g_test_add_func("/header/types", test_types);
        g_test_add_func("/header/numbers", test_numbers);
        g_test_add_func("/header/unknown", test_unknown);
        g_test_add_func("/header/unknown-depth", test_unknown_depth);
        g_test_add_func("/header/padding", test_padding);
        g_test_add_func("/header/truncated", test_truncated);
        g_test_add_func("/header/text-bounds", test_text_bounds);
        g_test_add_func("/header/peek", test_peek);
        g_test_add_func("/header/problem-texts", test_problem_texts);
        return g_test_run();
}
