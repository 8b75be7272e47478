/* SPDX-License-Identifier: MIT */
#include <dbus/dbus.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <unistd.h>

#include "core/body.h"
#include "core/bytes.h"
#include "core/signature.h"
#include "fail-alloc.h"
#include "message-private.h"

/* A message whose struct says what its bytes say, once they are final. */
static void check_sound(const DBusMessage *message)
{
        DBusMessage *m = dbus_message_copy(message);
        const struct header *kept = &m->wire.header;
        struct header h;

        g_assert_nonnull(m);
        message_set_serial(m, 1);
        g_assert_cmpint(message_seal(m), ==, 0);
        g_assert_cmpuint((uintptr_t)m->wire.bytes % 8, ==, 0);
        g_assert_cmpint(header_parse(&h, m->wire.bytes, m->wire.size), ==, MESSAGE_OK);
        g_assert_cmpint(body_validate(message_body(&m->wire), h.body_size,
                                      message_signature(&m->wire), h.order),
                        ==, MESSAGE_OK);
        g_assert_cmpuint(h.size + h.body_size, ==, m->wire.size);
        g_assert_cmpuint(h.fields_size, ==, kept->fields_size);
        g_assert_cmpuint(h.reply_serial, ==, kept->reply_serial);
        g_assert_cmpuint(h.n_fds, ==, kept->n_fds);
        for (unsigned i = 0; i < N_HEADER_FIELDS; ++i) {
                g_assert_cmpuint(h.text[i].at, ==, kept->text[i].at);
                if (h.text[i].at)
                        g_assert_cmpuint(h.text[i].length, ==, kept->text[i].length);
        }
        dbus_message_unref(m);
}

/* A message as it comes in, in one allocation, without anything of a composed one. */
static DBusMessage *receive(const DBusMessage *message, struct message_charge *charge)
{
        DBusMessage *m = dbus_message_copy(message);
        struct message *received;

        message_set_serial(m, 7);
        message_seal(m);
        g_assert_cmpint(message_copy(&received, m->wire.bytes, &m->wire.header, NULL, 0, NULL, 0,
                                     &dbus_message_class),
                        ==, 0);
        dbus_message_unref(m);
        m = message_of(received);
        m->received = charge;
        return m;
}

static DBusMessage *new_call(void)
{
        return dbus_message_new_method_call("com.example.Service", "/com/example/Object",
                                            "com.example.Interface", "Method");
}

static const struct {
        dbus_bool_t (*set)(DBusMessage *m, const char *text);
        const char *(*get)(DBusMessage *m);
        const char *texts[4];
} fields[] = {
        {dbus_message_set_path,
         dbus_message_get_path,
         {"/", "/a", "/a/rather/long/path/with/many/elements", "/12345678"}},
        {dbus_message_set_interface,
         dbus_message_get_interface,
         {"a.b", "a.bc", "com.example.Interface", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p"}},
        {dbus_message_set_member, dbus_message_get_member, {"M", "Me", "Member", "LongMember12"}},
        {dbus_message_set_error_name,
         dbus_message_get_error_name,
         {"a.E", "a.Er", "a.Err", "a.Erro"}},
        {dbus_message_set_destination,
         dbus_message_get_destination,
         {":1.1", ":1.12345", "com.example", "com.example.Destination.of.Messages"}},
        {dbus_message_set_sender, dbus_message_get_sender, {":1.2", ":1.22", ":1.222222", "a.b"}},
        {dbus_message_set_container_instance,
         dbus_message_get_container_instance,
         {"/", "/c", "/c/d", "/instance"}},
};

/* Fields change in any order, are added and removed; the others and the body stay what they are. */
static void test_fields(void)
{
        DBusMessage *m = dbus_message_new(77);
        const char *expected[G_N_ELEMENTS(fields)] = {0};
        const char *text = "the body";
        dbus_uint32_t number = 5;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_UINT32,
                                               &number, DBUS_TYPE_INVALID));
        for (unsigned i = 0; i < 3000; ++i) {
                unsigned f = g_test_rand_int_range(0, G_N_ELEMENTS(fields));
                int t = g_test_rand_int_range(-1, G_N_ELEMENTS(fields[f].texts));
                uint8_t *body = m->wire.bytes + m->wire.header.size;
                uint32_t slack = m->slack;

                expected[f] = t < 0 ? NULL : fields[f].texts[t];
                g_assert_true(fields[f].set(m, expected[f]));
                if (i % 100 == 50)
                        g_assert_true(dbus_message_set_reply_serial(m, i));
                /* Bytes of the header moved, if any: those of the body when it needed room. */
                if (slack > 64)
                        g_assert_true(m->wire.bytes + m->wire.header.size == body);
                for (f = 0; f < G_N_ELEMENTS(fields); ++f)
                        g_assert_cmpstr(fields[f].get(m), ==, expected[f]);
                check_sound(m);
                g_assert_true(dbus_message_has_signature(m, "su"));
                g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &text,
                                                    DBUS_TYPE_UINT32, &number, DBUS_TYPE_INVALID));
                g_assert_cmpstr(text, ==, "the body");
                g_assert_cmpuint(number, ==, 5);
        }
        dbus_message_unref(m);
}

/* A text of the message itself may be given to it. */
static void test_own_text(void)
{
        DBusMessage *m = new_call();
        char *path = g_strnfill(3000, 'p');

        path[0] = '/';
        g_assert_true(dbus_message_set_path(m, path));
        g_assert_true(dbus_message_set_container_instance(m, dbus_message_get_path(m)));
        g_assert_true(dbus_message_set_sender(m, dbus_message_get_destination(m)));
        g_assert_cmpstr(dbus_message_get_container_instance(m), ==, path);
        g_assert_cmpstr(dbus_message_get_sender(m), ==, "com.example.Service");
        check_sound(m);
        g_free(path);
        dbus_message_unref(m);
}

/* From nothing to more than any inline room, by all ways that a body grows. */
static void test_growth(void)
{
        DBusMessage *m = new_call();
        DBusMessageIter iter, array;
        GString *text = g_string_new(NULL);
        dbus_uint64_t numbers[100], *first = numbers;
        unsigned grown = 0;

        memset(numbers, 0x11, sizeof(numbers));
        dbus_message_iter_init_append(m, &iter);
        g_assert_true(dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &array));
        for (unsigned i = 0; i < 5000; ++i) {
                uint32_t before = m->capacity;

                g_string_append_c(text, (char)('a' + i % 26));
                if (text->len > 50)
                        g_string_truncate(text, 0);
                g_assert_true(dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &text->str));
                grown += m->capacity != before;
        }
        g_assert_true(dbus_message_iter_close_container(&iter, &array));
        /* It doubles: not often, for 200 kB. */
        g_assert_cmpuint(grown, <, 20);
        g_assert_true(dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "t", &array));
        for (unsigned i = 0; i < 300; ++i)
                g_assert_true(dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_UINT64, &first,
                                                                   G_N_ELEMENTS(numbers)));
        g_assert_true(dbus_message_iter_close_container(&iter, &array));
        check_sound(m);

        g_assert_true(dbus_message_iter_init(m, &iter));
        g_assert_cmpint(dbus_message_iter_get_element_count(&iter), ==, 5000);
        g_assert_true(dbus_message_iter_next(&iter));
        g_assert_cmpint(dbus_message_iter_get_element_count(&iter), ==, 30000);
        g_string_free(text, TRUE);
        dbus_message_unref(m);
}

/* What getters returned stays there when a message is locked, numbered and sent. */
static void test_seal(void)
{
        DBusMessage *m = new_call();
        const char *text = "text", *path, *signature, *read;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        path = dbus_message_get_path(m);
        signature = dbus_message_get_signature(m);
        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &read, DBUS_TYPE_INVALID));
        g_assert_false(m->locked);
        g_assert_cmpint(message_seal(m), ==, 0);
        g_assert_true(m->locked);
        message_set_serial(m, 12);
        g_assert_cmpint(message_seal(m), ==, 0);
        g_assert_true(dbus_message_get_path(m) == path);
        g_assert_true(dbus_message_get_signature(m) == signature);
        g_assert_cmpstr(path, ==, "/com/example/Object");
        g_assert_cmpstr(signature, ==, "s");
        g_assert_cmpstr(read, ==, "text");
        g_assert_cmpuint(m->wire.size, ==, m->wire.header.size + 4 + 5);
        g_assert_cmpuint(load_u32(m->wire.bytes + 4, ORDER_NATIVE), ==, 4 + 5);
        g_assert_cmpuint(load_u32(m->wire.bytes + 8, ORDER_NATIVE), ==, 12);
        dbus_message_unref(m);
}

static struct {
        struct message_charge charge;
        unsigned n;
        size_t bytes;
} told;

static void release(struct message_charge *charge, size_t bytes, unsigned n_fds)
{
        g_assert_true(charge == &told.charge);
        g_assert_cmpuint(n_fds, ==, 0);
        told.n += 1;
        told.bytes = bytes;
}

static unsigned n_freed;
static char data[] = "data";

static void count_freed(void *freed)
{
        g_assert_true(freed == data);
        n_freed += 1;
}

/* A received message is charged as what it was, whatever the application makes of it. */
static void test_received(void)
{
        DBusMessage *call = new_call(), *m;
        const char *text = "a text that was not there before";
        size_t size;

        told.charge.release = release;
        told.n = 0;
        m = receive(call, &told.charge);
        size = m->wire.size;
        g_assert_null(m->wire.allocation);
        g_assert_false(m->locked);
        g_assert_true(dbus_message_set_sender(m, ":1.5"));
        for (unsigned i = 0; i < 50; ++i)
                g_assert_true(
                        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        check_sound(m);
        g_assert_cmpuint(strlen(dbus_message_get_signature(m)), ==, 50);
        g_assert_cmpstr(dbus_message_get_sender(m), ==, ":1.5");
        message_seal(m);
        g_assert_cmpuint(m->wire.size, >, size);
        g_assert_cmpuint(told.n, ==, 0);
        dbus_message_unref(m);
        g_assert_cmpuint(told.n, ==, 1);
        g_assert_cmpuint(told.bytes, ==, size);
        dbus_message_unref(call);
}

/* While a lock is held, nobody of the application's or the connection's is called. */
static void test_collection(void)
{
        struct list c = {&c, &c};
        DBusMessage *call = new_call(), *plain = new_call(), *with_data = new_call(), *received;
        dbus_int32_t slot = -1;

        n_freed = told.n = 0;
        told.charge.release = release;
        g_assert_true(dbus_message_allocate_data_slot(&slot));
        g_assert_true(dbus_message_set_data(with_data, slot, data, count_freed));
        received = receive(call, &told.charge);

        message_collect_begin(&c);
        dbus_message_unref(plain);
        dbus_message_unref(with_data);
        dbus_message_unref(received);
        g_assert_cmpuint(n_freed, ==, 0);
        g_assert_cmpuint(told.n, ==, 0);
        message_collect_end();
        g_assert_cmpuint(n_freed + told.n, ==, 0);
        message_collected_free(&c);
        g_assert_cmpuint(n_freed, ==, 1);
        g_assert_cmpuint(told.n, ==, 1);

        /* Afterwards all is as it was. */
        with_data = new_call();
        g_assert_true(dbus_message_set_data(with_data, slot, data, count_freed));
        dbus_message_unref(with_data);
        g_assert_cmpuint(n_freed, ==, 2);
        dbus_message_free_data_slot(&slot);
        dbus_message_unref(call);
}

/* Readers are told offsets: what is appended meanwhile moves the message, not them. */
static void test_read_while_growing(void)
{
        DBusMessage *m = new_call();
        DBusMessageIter reading;
        const char *text = "some text";

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
        g_assert_true(dbus_message_iter_init(m, &reading));
        for (unsigned i = 0; i < 200; ++i) {
                const char *read = NULL;

                g_assert_true(
                        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID));
                dbus_message_iter_get_basic(&reading, &read);
                g_assert_cmpstr(read, ==, text);
                g_assert_true(dbus_message_iter_next(&reading));
        }
        dbus_message_unref(m);
}

/* A signature holds 255 types: then a message takes no more, and is good. */
static void test_longest_signature(void)
{
        DBusMessage *m = new_call();
        DBusMessageIter iter, sub;
        unsigned char byte = 3;

        dbus_message_iter_init_append(m, &iter);
        for (unsigned i = 0; i < 254; ++i)
                g_assert_true(dbus_message_iter_append_basic(&iter, DBUS_TYPE_BYTE, &byte));
        g_assert_false(dbus_message_iter_open_container(&iter, DBUS_TYPE_STRUCT, NULL, &sub));
        g_assert_false(dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "s", &sub));
        g_assert_true(dbus_message_iter_open_container(&iter, DBUS_TYPE_VARIANT, "y", &sub));
        g_assert_true(dbus_message_iter_append_basic(&sub, DBUS_TYPE_BYTE, &byte));
        g_assert_true(dbus_message_iter_close_container(&iter, &sub));
        g_assert_false(dbus_message_iter_append_basic(&iter, DBUS_TYPE_BYTE, &byte));
        check_sound(m);
        g_assert_cmpuint(strlen(dbus_message_get_signature(m)), ==, 255);
        dbus_message_unref(m);
}

/* Compares two messages by what they would be sent as. */
static bool same_bytes(DBusMessage *a, DBusMessage *b)
{
        char *bytes_a, *bytes_b;
        int n_a, n_b;
        bool same;

        g_assert_true(dbus_message_marshal(a, &bytes_a, &n_a));
        g_assert_true(dbus_message_marshal(b, &bytes_b, &n_b));
        same = n_a == n_b && !memcmp(bytes_a, bytes_b, (size_t)n_a);
        dbus_free(bytes_a);
        dbus_free(bytes_b);
        return same;
}

static dbus_bool_t append_much(DBusMessage *m)
{
        static const char *texts[] = {"first", "second", "third"}, **first = texts;
        static const char block[2000], *bytes = block;
        int fd = STDIN_FILENO;

        return dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &first, 3,
                                        DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, (int)sizeof(block),
                                        DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
}

/* The next unused descriptor: the same before and after what leaks none. */
static int next_fd(void)
{
        int fd = fcntl(STDIN_FILENO, F_DUPFD, 3);

        close(fd);
        return fd;
}

/* Appends to a message that `make` makes, with each allocation failing in turn. */
static void walk_append(DBusMessage *(*make)(void))
{
        for (unsigned n = 0;; ++n) {
                DBusMessage *m = make();
                int fd = next_fd();
                dbus_bool_t ok;
                bool failed;

                fail_alloc_after(n);
                ok = append_much(m);
                failed = fail_alloc_end();
                g_assert_true(ok == !failed);
                if (ok)
                        check_sound(m);
                dbus_message_unref(m);
                g_assert_cmpint(next_fd(), ==, fd);
                if (!failed)
                        break;
        }
}

static DBusMessage *new_received(void)
{
        DBusMessage *call = new_call(), *m = receive(call, NULL);

        dbus_message_unref(call);
        return m;
}

/* Without memory, a setter fails and leaves all as it was; so does a value that is appended. */
static void test_no_memory(void)
{
        char *path = g_strnfill(2000, 'p');
        dbus_bool_t ok;

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("the sanitizer has malloc() for itself");
                g_free(path);
                return;
        }
        path[0] = '/';
        for (unsigned n = 0;; ++n) {
                DBusMessage *m = new_received(), *copy = dbus_message_copy(m);

                message_set_serial(copy, message_serial(m));
                fail_alloc_after(n);
                ok = dbus_message_set_path(m, path);
                if (!fail_alloc_end()) {
                        g_assert_true(ok);
                        dbus_message_unref(m);
                        dbus_message_unref(copy);
                        break;
                }
                g_assert_false(ok);
                g_assert_true(same_bytes(m, copy));
                dbus_message_unref(m);
                dbus_message_unref(copy);
        }
        for (unsigned n = 0;; ++n) {
                DBusMessage *m = new_received(), *copy = dbus_message_copy(m);
                DBusMessageIter iter;

                message_set_serial(copy, message_serial(m));
                dbus_message_iter_init_append(m, &iter);
                fail_alloc_after(n);
                ok = dbus_message_iter_append_basic(&iter, DBUS_TYPE_STRING, &path);
                if (!fail_alloc_end()) {
                        g_assert_true(ok);
                        dbus_message_unref(m);
                        dbus_message_unref(copy);
                        break;
                }
                g_assert_false(ok);
                g_assert_true(same_bytes(m, copy));
                dbus_message_unref(m);
                dbus_message_unref(copy);
        }
        for (int type = DBUS_TYPE_BYTE;; type = DBUS_TYPE_UNIX_FD) {
                DBusMessage *m = new_call(), *copy = dbus_message_copy(m);
                DBusMessageIter iter;
                int fd = STDIN_FILENO;

                /* There is room for the value, but none for its type. */
                m->slack = 0;
                dbus_message_iter_init_append(m, &iter);
                fail_alloc_after(type == DBUS_TYPE_UNIX_FD);
                g_assert_false(dbus_message_iter_append_basic(&iter, type, &fd));
                g_assert_true(fail_alloc_end());
                g_assert_true(same_bytes(m, copy));
                check_sound(m);
                dbus_message_unref(m);
                dbus_message_unref(copy);
                if (type == DBUS_TYPE_UNIX_FD)
                        break;
        }
        walk_append(new_call);
        walk_append(new_received);
        g_free(path);
}

/* What is made of a message without memory is nothing, and nothing is lost. */
static void test_no_memory_for_results(void)
{
        DBusMessage *m = new_call();
        int fd = next_fd();

        if (!FAIL_ALLOC_WORKS) {
                g_test_skip("the sanitizer has malloc() for itself");
                dbus_message_unref(m);
                return;
        }
        g_assert_true(append_much(m));
        message_set_serial(m, 3);
        for (unsigned n = 0;; ++n) {
                DBusMessage *copy, *reply;
                char **texts = NULL, **elements = NULL, *bytes = NULL;
                int n_texts, size;

                fail_alloc_after(n);
                copy = dbus_message_copy(m);
                reply = copy ? dbus_message_new_error(m, "a.b", "text") : NULL;
                if (reply &&
                    dbus_message_get_args(copy, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &texts,
                                          &n_texts, DBUS_TYPE_INVALID) &&
                    dbus_message_get_path_decomposed(copy, &elements))
                        dbus_message_marshal(copy, &bytes, &size);
                if (copy)
                        dbus_message_unref(copy);
                if (reply)
                        dbus_message_unref(reply);
                dbus_free_string_array(texts);
                dbus_free_string_array(elements);
                dbus_free(bytes);
                if (!fail_alloc_end())
                        break;
                g_assert_null(bytes);
        }
        dbus_message_unref(m);
        g_assert_cmpint(next_fd(), ==, fd);
}

/* Puts all kinds of values into a message. */
static void append_all_kinds(DBusMessage *m)
{
        const dbus_uint16_t numbers[] = {0x0102, 0x0304, 0x0506}, *first = numbers;
        const dbus_uint64_t big = UINT64_C(0x0102030405060708);
        const double fraction = 1.25;
        const char *text = "text", *types = "a{sv}";
        DBusMessageIter iter, array, entry, variant, members;

        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_UINT64, &big, DBUS_TYPE_SIGNATURE,
                                               &types, DBUS_TYPE_DOUBLE, &fraction, DBUS_TYPE_ARRAY,
                                               DBUS_TYPE_UINT16, &first, 3, DBUS_TYPE_INVALID));
        dbus_message_iter_init_append(m, &iter);
        g_assert_true(dbus_message_iter_open_container(&iter, DBUS_TYPE_ARRAY, "{sv}", &array));
        for (unsigned i = 0; i < 3; ++i) {
                dbus_message_iter_open_container(&array, DBUS_TYPE_DICT_ENTRY, NULL, &entry);
                dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &text);
                dbus_message_iter_open_container(&entry, DBUS_TYPE_VARIANT, "(tq)", &variant);
                dbus_message_iter_open_container(&variant, DBUS_TYPE_STRUCT, NULL, &members);
                dbus_message_iter_append_basic(&members, DBUS_TYPE_UINT64, &big);
                dbus_message_iter_append_basic(&members, DBUS_TYPE_UINT16, &numbers[i]);
                dbus_message_iter_close_container(&variant, &members);
                dbus_message_iter_close_container(&entry, &variant);
                g_assert_true(dbus_message_iter_close_container(&array, &entry));
        }
        g_assert_true(dbus_message_iter_close_container(&iter, &array));
}

/* Turns the bytes of a message around where they are numbers, by the rules of the specification and
 * not by the code under test: `types` are those of a value at `at`. */
static size_t turn(uint8_t *base, size_t at, const char **types)
{
        static const char sized[] = "nqiuxtdb", sizes[] = {2, 2, 4, 4, 8, 8, 8, 4};
        char type = *(*types)++;
        const char *found = strchr(sized, type), *inner;
        size_t alignment = found                               ? (size_t)sizes[found - sized]
                           : strchr("({", type)                ? 8
                           : type == 'a' || strchr("so", type) ? 4
                                                               : 1;
        size_t size = 0, end;

        at = (at + alignment - 1) / alignment * alignment;
        if (found || alignment == 4) {
                if (alignment == 4)
                        size = load_u32(base + at, ORDER_NATIVE);
                for (size_t i = 0; i < alignment / 2; ++i) {
                        uint8_t byte = base[at + i];

                        base[at + i] = base[at + alignment - 1 - i];
                        base[at + alignment - 1 - i] = byte;
                }
        }
        if (found)
                return at + alignment;
        switch (type) {
        case 's':
        case 'o':
                return at + 4 + size + 1;
        case 'g':
                return at + 1 + base[at] + 1;
        case 'y':
                return at + 1;
        case 'v':
                inner = (const char *)base + at + 1;
                return turn(base, at + 1 + base[at] + 1, &inner);
        case 'a':
                at += 4;
                if (strchr("xtd({", **types))
                        at = (at + 7) / 8 * 8;
                for (end = at + size; at < end;) {
                        inner = *types;
                        at = turn(base, at, &inner);
                }
                *types += signature_next(*types);
                return at;
        default:
                while (**types != ')' && **types != '}')
                        at = turn(base, at, types);
                ++*types;
                return at;
        }
}

/* A message in the other byte order can be read as if it were in ours, and changed before that. */
static void test_byte_order(void)
{
        DBusMessage *m = new_call(), *other, *native;
        const char *types = "yyyyuua(yv)", *signature;
        const dbus_uint16_t *numbers;
        DBusMessageIter iter, array;
        char *bytes, *body_types;
        size_t at = 0;
        int n, count;

        append_all_kinds(m);
        message_set_serial(m, 0x01020304);
        g_assert_true(dbus_message_marshal(m, &bytes, &n));
        body_types = g_strdup(dbus_message_get_signature(m));
        for (signature = body_types; *signature;)
                at = turn((uint8_t *)bytes + m->wire.header.size, at, &signature);
        for (at = 0; *types;)
                at = turn((uint8_t *)bytes, at, &types);
        bytes[0] = ORDER_NATIVE == ORDER_LITTLE ? ORDER_BIG : ORDER_LITTLE;

        other = dbus_message_demarshal(bytes, n, NULL);
        g_assert_nonnull(other);
        g_assert_cmpint(other->wire.header.order, !=, ORDER_NATIVE);
        g_assert_true(dbus_message_set_reply_serial(other, 0x0a0b0c0d));
        g_assert_true(dbus_message_set_destination(other, ":1.99"));
        g_assert_true(dbus_message_set_reply_serial(m, 0x0a0b0c0d));
        g_assert_true(dbus_message_set_destination(m, ":1.99"));
        g_assert_true(dbus_message_set_sender(other, "com.example.Sender.With.A.Long.Name"));
        g_assert_true(dbus_message_set_sender(m, "com.example.Sender.With.A.Long.Name"));
        g_assert_true(dbus_message_set_container_instance(other, "/behind/all/others"));
        g_assert_true(dbus_message_set_container_instance(m, "/behind/all/others"));
        g_assert_cmpuint(dbus_message_get_reply_serial(other), ==, 0x0a0b0c0d);
        check_sound(other);
        native = dbus_message_copy(m);
        message_set_serial(native, dbus_message_get_serial(other));
        g_assert_false(same_bytes(other, native));

        g_assert_true(dbus_message_iter_init(other, &iter));
        for (unsigned i = 0; i < 3; ++i)
                g_assert_true(dbus_message_iter_next(&iter));
        dbus_message_iter_recurse(&iter, &array);
        dbus_message_iter_get_fixed_array(&array, &numbers, &count);
        g_assert_cmpint(count, ==, 3);
        g_assert_cmpuint(numbers[2], ==, 0x0506);
        g_assert_true(same_bytes(other, native));
        check_sound(other);
        dbus_free(bytes);
        g_free(body_types);
        dbus_message_unref(m);
        dbus_message_unref(other);
        dbus_message_unref(native);
}

/* Descriptors of a copy are others, and those of a message go with it. */
static void test_descriptors(void)
{
        int fd = next_fd(), copied = -1;
        DBusMessage *m = new_call(), *copy;

        g_assert_true(append_much(m));
        copy = dbus_message_copy(m);
        g_assert_cmpuint(copy->wire.n_fds, ==, 1);
        g_assert_cmpint(copy->wire.fds[0], !=, m->wire.fds[0]);
        g_assert_true(fcntl(copy->wire.fds[0], F_GETFD) & FD_CLOEXEC);
        g_assert_true(append_much(copy));
        g_assert_cmpuint(copy->wire.header.n_fds, ==, 2);
        check_sound(copy);
        dbus_message_unref(m);
        g_assert_cmpint(fcntl(copy->wire.fds[1], F_GETFD), >=, 0);
        copied = copy->wire.fds[1];
        dbus_message_unref(copy);
        g_assert_cmpint(fcntl(copied, F_GETFD), ==, -1);
        g_assert_cmpint(errno, ==, EBADF);
        g_assert_cmpint(next_fd(), ==, fd);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/dbus-message/fields", test_fields);
        g_test_add_func("/dbus-message/own-text", test_own_text);
        g_test_add_func("/dbus-message/growth", test_growth);
        g_test_add_func("/dbus-message/seal", test_seal);
        g_test_add_func("/dbus-message/received", test_received);
        g_test_add_func("/dbus-message/collection", test_collection);
        g_test_add_func("/dbus-message/read-while-growing", test_read_while_growing);
        g_test_add_func("/dbus-message/longest-signature", test_longest_signature);
        g_test_add_func("/dbus-message/no-memory", test_no_memory);
        g_test_add_func("/dbus-message/no-memory-for-results", test_no_memory_for_results);
        g_test_add_func("/dbus-message/byte-order", test_byte_order);
        g_test_add_func("/dbus-message/descriptors", test_descriptors);
        return g_test_run();
}
