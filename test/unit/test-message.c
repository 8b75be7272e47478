/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/message.h"
#include "fail-alloc.h"
#include "raw.h"

static const char orders[] = {ORDER_LITTLE, ORDER_BIG};
static const char body[] = "\1\2\3\4\5";

/* A field that the messages below may have, in any order. */
enum part {
        END,
        PATH,
        MEMBER,
        SIGNATURE,
        REPLY,
        OLD_SENDER,
        LONG_SENDER,
        UNKNOWN,
        LONG_UNKNOWN,
        CONTAINER,
};

static void put_part(struct raw *r, enum part part)
{
        switch (part) {
        case PATH:
                raw_text_field(r, FIELD_PATH, "/com/example");
                break;
        case MEMBER:
                raw_text_field(r, FIELD_MEMBER, "Member");
                break;
        case SIGNATURE:
                raw_text_field(r, FIELD_SIGNATURE, "yyyyy");
                break;
        case REPLY:
                raw_u32_field(r, FIELD_REPLY_SERIAL, 4711);
                break;
        case OLD_SENDER:
                raw_text_field(r, FIELD_SENDER, ":9.9");
                break;
        case LONG_SENDER:
                raw_text_field(r, FIELD_SENDER, "com.example.a.sender.with.a.longer.name");
                break;
        case UNKNOWN:
                raw_field(r, 11, "y");
                raw_byte(r, 5);
                break;
        case LONG_UNKNOWN:
                raw_field(r, 200, "a(ys)");
                raw_align(r, 4);
                raw_u32(r, 25);
                raw_align(r, 8);
                raw_byte(r, 1);
                raw_text(r, "abcdef");
                raw_align(r, 8);
                raw_byte(r, 2);
                raw_text(r, "");
                break;
        case CONTAINER:
                raw_text_field(r, FIELD_CONTAINER_INSTANCE, "/c/0");
                break;
        case END:
                break;
        }
}

#define MAX_PARTS 10

static const enum part messages[][MAX_PARTS] = {
        /* The last field ends at, behind, or just before a multiple of 8. */
        {PATH, MEMBER, SIGNATURE, REPLY},
        {PATH, MEMBER, REPLY, SIGNATURE},
        {SIGNATURE, PATH, REPLY, MEMBER},
        {OLD_SENDER, PATH, MEMBER, SIGNATURE, REPLY},
        {PATH, MEMBER, SIGNATURE, REPLY, OLD_SENDER},
        {PATH, LONG_SENDER, MEMBER, SIGNATURE, REPLY},
        {UNKNOWN, PATH, MEMBER, SIGNATURE, REPLY},
        {PATH, UNKNOWN, CONTAINER, MEMBER, UNKNOWN, SIGNATURE, OLD_SENDER, REPLY, UNKNOWN},
        {PATH, LONG_UNKNOWN, MEMBER, LONG_UNKNOWN, SIGNATURE, REPLY},
        {LONG_UNKNOWN, CONTAINER, LONG_SENDER, REPLY, SIGNATURE, MEMBER, LONG_UNKNOWN, PATH},
        {CONTAINER, SIGNATURE, PATH, MEMBER, REPLY},
};

/* Makes a message of the parts, without those that a bus strips if `stripped`; `sender` goes last,
 * if there is one. */
static void make(struct raw *r, struct header *h, char order, const enum part *parts, bool stripped,
                 const char *sender)
{
        raw_begin(r, order, MESSAGE_METHOD_CALL);
        for (unsigned i = 0; i < MAX_PARTS && parts[i] != END; ++i)
                if (!stripped || parts[i] < OLD_SENDER)
                        put_part(r, parts[i]);
        if (sender)
                raw_text_field(r, FIELD_SENDER, sender);
        raw_end(r, body, sizeof(body) - 1);
        g_assert_cmpint(header_parse(h, r->bytes, r->size), ==, MESSAGE_OK);
}

static struct message *copy(const struct raw *r, const struct header *h, const char *sender)
{
        struct message *m;

        g_assert_cmpint(
                message_copy(&m, r->bytes, h, sender, sender ? strlen(sender) : 0, NULL, 0, NULL),
                ==, 0);
        g_assert_null(m->allocation);
        return m;
}

static struct message *adopt(const struct raw *r, const struct header *h, const char *sender)
{
        uint8_t *allocation = malloc(MESSAGE_HEADROOM + r->size);
        struct message *m;

        g_assert_nonnull(allocation);
        memcpy(allocation + MESSAGE_HEADROOM, r->bytes, r->size);
        g_assert_cmpint(message_adopt(&m, allocation, h, sender, sender ? strlen(sender) : 0, NULL,
                                      0, NULL),
                        ==, 0);
        /* The body has not moved. */
        g_assert_true(message_body(m) == allocation + MESSAGE_HEADROOM + h->size);
        g_assert_true(m->bytes >= allocation);
        return m;
}

static void check(struct message *m, const struct raw *expected, const struct header *h)
{
        g_assert_cmpmem(m->bytes, m->size, expected->bytes, expected->size);
        g_assert_cmpuint(m->header.fields_size, ==, h->fields_size);
        g_assert_cmpuint(m->header.size, ==, h->size);
        g_assert_cmpuint(m->header.body_size, ==, h->body_size);
        g_assert_cmpuint(m->header.serial, ==, h->serial);
        g_assert_cmpuint(m->header.reply_serial, ==, h->reply_serial);
        g_assert_cmpint(m->header.has_unknown_fields, ==, h->has_unknown_fields);
        for (unsigned f = 0; f < N_HEADER_FIELDS; ++f) {
                g_assert_cmpuint(m->header.text[f].at, ==, h->text[f].at);
                if (h->text[f].at)
                        g_assert_cmpuint(m->header.text[f].length, ==, h->text[f].length);
        }
        g_assert_cmpmem(message_body(m), m->header.body_size, body, sizeof(body) - 1);
        g_assert_cmpuint(m->n_fds, ==, 0);
        g_assert_null(m->charge);
        g_assert_null(message_unref(m));
}

static void test_stamp(void)
{
        static const char *const senders[] = {":1.0", ":1.42", ":1.18446744073709551615",
                                              "org.freedesktop.DBus"};

        for (size_t i = 0; i < G_N_ELEMENTS(messages); ++i)
                for (size_t o = 0; o < G_N_ELEMENTS(orders); ++o)
                        for (size_t s = 0; s < G_N_ELEMENTS(senders); ++s) {
                                struct raw raw, expected;
                                struct header h, expected_h;

                                make(&raw, &h, orders[o], messages[i], false, NULL);
                                make(&expected, &expected_h, orders[o], messages[i], true,
                                     senders[s]);
                                check(copy(&raw, &h, senders[s]), &expected, &expected_h);
                                check(adopt(&raw, &h, senders[s]), &expected, &expected_h);
                        }
}

static void test_as_it_is(void)
{
        for (size_t i = 0; i < G_N_ELEMENTS(messages); ++i)
                for (size_t o = 0; o < G_N_ELEMENTS(orders); ++o) {
                        struct header h;
                        struct raw raw;

                        make(&raw, &h, orders[o], messages[i], false, NULL);
                        check(copy(&raw, &h, NULL), &raw, &h);
                        check(adopt(&raw, &h, NULL), &raw, &h);
                }
}

/* Senders of all lengths, behind fields that end anywhere in a word. */
static void test_headroom(void)
{
        for (unsigned i = 0; i < 3; ++i)
                for (unsigned length = 4; length <= 55; ++length) {
                        g_autofree char *sender = g_strnfill(length, '1');
                        struct raw raw, expected;
                        struct header h, expected_h;

                        memcpy(sender, ":1.", 3);
                        make(&raw, &h, 'l', messages[i], false, NULL);
                        make(&expected, &expected_h, 'l', messages[i], true, sender);
                        check(copy(&raw, &h, sender), &expected, &expected_h);
                        check(adopt(&raw, &h, sender), &expected, &expected_h);
                }
}

static void test_texts(void)
{
        struct header h;
        struct message *m;
        struct raw raw;

        make(&raw, &h, 'l', messages[5], false, NULL);
        m = copy(&raw, &h, ":1.5");
        g_assert_cmpstr(message_text(m, FIELD_PATH), ==, "/com/example");
        g_assert_cmpstr(message_text(m, FIELD_SENDER), ==, ":1.5");
        g_assert_null(message_text(m, FIELD_INTERFACE));
        g_assert_null(message_text(m, FIELD_CONTAINER_INSTANCE));
        g_assert_cmpstr(message_signature(m), ==, "yyyyy");
        message_unref(m);

        raw_begin(&raw, 'l', 77);
        raw_end(&raw, NULL, 0);
        g_assert_cmpint(header_parse(&h, raw.bytes, raw.size), ==, MESSAGE_OK);
        m = copy(&raw, &h, ":1.5");
        g_assert_cmpstr(message_text(m, FIELD_SENDER), ==, ":1.5");
        g_assert_cmpuint(m->header.text[FIELD_SENDER].at, ==, HEADER_FIXED_SIZE + 8);
        g_assert_cmpstr(message_signature(m), ==, "");
        message_unref(m);
}

struct account {
        struct message_charge charge;
        unsigned released;
        size_t bytes;
        unsigned n_fds;
};

static void release(struct message_charge *charge, size_t bytes, unsigned n_fds)
{
        struct account *a = (struct account *)charge;

        ++a->released;
        a->bytes = bytes;
        a->n_fds = n_fds;
}

static bool is_open(int fd)
{
        return fcntl(fd, F_GETFD) >= 0;
}

static struct message *with_fds(bool adopted, const struct raw *raw, const struct header *h,
                                const int *fds, unsigned n_fds)
{
        struct message *m;
        uint8_t *allocation;

        if (!adopted) {
                g_assert_cmpint(message_copy(&m, raw->bytes, h, ":1.5", 4, fds, n_fds, NULL), ==,
                                0);
                return m;
        }
        allocation = malloc(MESSAGE_HEADROOM + raw->size);
        g_assert_nonnull(allocation);
        memcpy(allocation + MESSAGE_HEADROOM, raw->bytes, raw->size);
        g_assert_cmpint(message_adopt(&m, allocation, h, ":1.5", 4, fds, n_fds, NULL), ==, 0);
        return m;
}

static void test_last_reference(void)
{
        for (int adopted = 0; adopted < 2; ++adopted) {
                struct account account = {.charge.release = release};
                int fds[3], kept[3];
                struct message *m;
                struct header h;
                struct raw raw;
                size_t size;

                for (unsigned i = 0; i < 3; ++i)
                        kept[i] = fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
                make(&raw, &h, 'l', messages[0], false, NULL);
                m = with_fds(adopted, &raw, &h, fds, 3);
                memset(fds, 0xff, sizeof(fds));
                size = m->size;
                m->charge = &account.charge;
                g_assert_cmpuint(m->n_fds, ==, 3);
                g_assert_cmpmem(m->fds, sizeof(kept), kept, sizeof(kept));

                g_assert_true(message_ref(m) == m);
                message_ref(m);
                g_assert_null(message_unref(m));
                g_assert_null(message_unref(m));
                g_assert_cmpuint(account.released, ==, 0);
                for (unsigned i = 0; i < 3; ++i)
                        g_assert_true(is_open(kept[i]));
                g_assert_null(message_unref(m));
                g_assert_cmpuint(account.released, ==, 1);
                g_assert_cmpuint(account.bytes, ==, size);
                g_assert_cmpuint(account.n_fds, ==, 3);
                for (unsigned i = 0; i < 3; ++i)
                        g_assert_false(is_open(kept[i]));
        }
        g_assert_null(message_unref(NULL));
}

static void *ref_and_unref(void *data)
{
        struct message *m = data;

        for (unsigned i = 0; i < 100000; ++i)
                message_unref(message_ref(m));
        message_unref(m);
        return NULL;
}

static void test_threads(void)
{
        struct account account = {.charge.release = release};
        GThread *threads[4];
        struct message *m;
        struct header h;
        struct raw raw;

        make(&raw, &h, 'l', messages[0], false, NULL);
        m = copy(&raw, &h, NULL);
        m->charge = &account.charge;
        for (size_t i = 0; i < G_N_ELEMENTS(threads); ++i)
                threads[i] = g_thread_new(NULL, ref_and_unref, message_ref(m));
        message_unref(m);
        for (size_t i = 0; i < G_N_ELEMENTS(threads); ++i)
                g_thread_join(threads[i]);
        g_assert_cmpuint(account.released, ==, 1);
}

static void test_no_memory(void)
{
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        struct message *m = NULL;
        uint8_t *allocation;
        struct header h;
        struct raw raw;

        if (!FAIL_ALLOC_WORKS) {
                close(fd);
                g_test_skip("the sanitizer owns malloc()");
                return;
        }
        make(&raw, &h, 'l', messages[5], false, NULL);
        fail_alloc_after(0);
        g_assert_cmpint(message_copy(&m, raw.bytes, &h, ":1.5", 4, &fd, 1, NULL), ==, -ENOMEM);
        g_assert_true(fail_alloc_end());

        allocation = malloc(MESSAGE_HEADROOM + raw.size);
        g_assert_nonnull(allocation);
        memcpy(allocation + MESSAGE_HEADROOM, raw.bytes, raw.size);
        fail_alloc_after(0);
        g_assert_cmpint(message_adopt(&m, allocation, &h, ":1.5", 4, &fd, 1, NULL), ==, -ENOMEM);
        g_assert_true(fail_alloc_end());

        /* All is still the caller's, and as it was. */
        g_assert_null(m);
        g_assert_true(is_open(fd));
        g_assert_cmpmem(allocation + MESSAGE_HEADROOM, raw.size, raw.bytes, raw.size);
        free(allocation);
        close(fd);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/message/stamp", test_stamp);
        g_test_add_func("/message/as-it-is", test_as_it_is);
        g_test_add_func("/message/headroom", test_headroom);
        g_test_add_func("/message/texts", test_texts);
        g_test_add_func("/message/last-reference", test_last_reference);
        g_test_add_func("/message/threads", test_threads);
        g_test_add_func("/message/no-memory", test_no_memory);
        return g_test_run();
}
