/* SPDX-License-Identifier: MIT */
/*
 * Bytes that are no message ("Invalid Protocol and Spec Extensions"): whoever sends them is
 * disconnected, the receiver sees nothing of it, and a busy pair of others loses nothing.
 */
#include <string.h>

#include "daemon-fixture.h"
#include "traffic.h"

/* The receiver of what is broken: it must not see it. */
#define VICTIM "test.Victim"

#define BYTES(text) text, sizeof(text) - 1

/* A number of the fixed part of the header that is wrong. */
struct bad_start {
        const char *name;
        unsigned at, size; /* bytes */
        uint32_t value;
};

static const struct bad_start bad_starts[] = {
        {"byte-order-0", 0, 1, 0},
        {"byte-order-x", 0, 1, 'x'},
        {"byte-order-other", 0, 1, 'B'},
        {"type-0", 1, 1, 0},
        {"version-0", 3, 1, 0},
        {"version-2", 3, 1, 2},
        {"body-most", WIRE_AT_BODY_SIZE, 4, UINT32_MAX},
        {"body-128-mib", WIRE_AT_BODY_SIZE, 4, 128 * 1024 * 1024},
        {"serial-0", WIRE_AT_SERIAL, 4, 0},
        {"fields-most", WIRE_AT_FIELDS_SIZE, 4, UINT32_MAX},
        {"fields-64-mib", WIRE_AT_FIELDS_SIZE, 4, 64 * 1024 * 1024 + 1},
        {"fields-short", WIRE_AT_FIELDS_SIZE, 4, 8},
        {"field-0", WIRE_FIXED_SIZE, 1, 0},
        {"field-type-length", WIRE_FIXED_SIZE + 1, 1, 0},
        {"field-type", WIRE_FIXED_SIZE + 2, 1, 's'},
        {"field-length", WIRE_FIXED_SIZE + 4, 4, 1000},
        {"field-path", WIRE_FIXED_SIZE + 8, 1, 'x'},
        {"field-no-end", WIRE_FIXED_SIZE + 8 + 5, 1, 'x'},
        {"field-padding", WIRE_FIXED_SIZE + 8 + 6, 1, 1},
};

/* A header that is well marshalled, and makes no sense. */
struct bad_head {
        const char *name;
        struct wire_head head;
};

static const struct bad_head bad_heads[] = {
        {"no-path", {.type = WIRE_CALL, .member = "M"}},
        {"no-member", {.type = WIRE_CALL, .path = "/test"}},
        {"no-interface", {.type = WIRE_SIGNAL, .path = "/test", .member = "M"}},
        {"no-reply-serial", {.type = WIRE_RETURN}},
        {"no-error-name", {.type = WIRE_ERROR, .reply_serial = 1}},
        {"path-relative", {.type = WIRE_CALL, .path = "test", .member = "M"}},
        {"path-slashes", {.type = WIRE_CALL, .path = "/test//a", .member = "M"}},
        {"path-end", {.type = WIRE_CALL, .path = "/test/", .member = "M"}},
        {"path-empty", {.type = WIRE_CALL, .path = "", .member = "M"}},
        {"member-dot", {.type = WIRE_CALL, .path = "/test", .member = "a.b"}},
        {"member-empty", {.type = WIRE_CALL, .path = "/test", .member = ""}},
        {"interface-no-dot",
         {.type = WIRE_CALL, .path = "/test", .member = "M", .interface = "test"}},
        {"interface-digit",
         {.type = WIRE_CALL, .path = "/test", .member = "M", .interface = "test.1"}},
        {"error-name", {.type = WIRE_ERROR, .reply_serial = 1, .error_name = "oops"}},
        {"path-local", {.type = WIRE_SIGNAL, .path = "/org/freedesktop/DBus/Local", .member = "M"}},
        {"interface-local",
         {.type = WIRE_SIGNAL,
          .path = "/test",
          .member = "M",
          .interface = "org.freedesktop.DBus.Local"}},
        {"fds-missing", {.type = WIRE_CALL, .path = "/test", .member = "M", .n_fds = 1}},
        {"signature-open", {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "("}},
        {"signature-close", {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = ")"}},
        {"signature-empty-struct",
         {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "()"}},
        {"signature-array", {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "a"}},
        {"signature-entry",
         {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "{ss}"}},
        {"signature-key",
         {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "a{vs}"}},
        {"signature-code", {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "!"}},
        {"signature-no-body",
         {.type = WIRE_CALL, .path = "/test", .member = "M", .signature = "u"}},
        {"signature-deep",
         {.type = WIRE_CALL,
          .path = "/test",
          .member = "M",
          .signature = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaay"}},
};

/* A body that is not what its signature says. */
struct bad_body {
        const char *name, *signature, *bytes;
        gsize n;
};

static const struct bad_body bad_bodies[] = {
        {"body-no-signature", NULL, BYTES("\1\0\0\0")},
        {"body-short", "u", BYTES("\1\0\0")},
        {"body-long", "u", BYTES("\1\0\0\0\0")},
        {"boolean", "b", BYTES("\2\0\0\0")},
        {"string-no-end", "s", BYTES("\1\0\0\0aa")},
        {"string-nul", "s", BYTES("\3\0\0\0a\0a\0")},
        {"string-utf8", "s", BYTES("\1\0\0\0\xff\0")},
        {"string-surrogate", "s", BYTES("\3\0\0\0\xed\xa0\x80\0")},
        {"string-overlong", "s", BYTES("\2\0\0\0\xc0\x80\0")},
        {"string-beyond", "s", BYTES("\7\0\0\0abc\0")},
        {"string-most", "s",
         BYTES("\xff\xff\xff\xff"
               "abc\0")},
        {"path", "o", BYTES("\1\0\0\0a\0")},
        {"path-empty-body", "o", BYTES("\0\0\0\0\0")},
        {"signature", "g", BYTES("\1(\0")},
        {"signature-beyond", "g", BYTES("\5ii\0")},
        {"array-beyond", "ay", BYTES("\5\0\0\0abcd")},
        {"array-most", "ay", BYTES("\xff\xff\xff\xff")},
        {"array-part", "au", BYTES("\5\0\0\0abcde")},
        {"array-padding", "at", BYTES("\0\0\0\0\0\0\0\1")},
        {"struct-padding", "y(u)", BYTES("\1\0\0\1\0\0\0\0\1\0\0\0")},
        {"entry-short", "a{yy}", BYTES("\1\0\0\0\0\0\0\0\1")},
        {"variant-two", "v", BYTES("\2ii\0\1\0\0\0\1\0\0\0")},
        {"variant-none", "v", BYTES("\0\0")},
        {"variant-open", "v", BYTES("\1(\0\0")},
        {"variant-no-value", "v", BYTES("\1u\0")},
};

struct scene {
        struct daemon *d;
        struct client *victim, *sender;
        struct pair others;
};

static void scene_init(struct scene *s)
{
        *s = (struct scene){.d = daemon_new("max_incoming_bytes=1000000000")};
        s->victim = client_new(s->d->socket);
        client_request_name(s->victim, VICTIM);
        pair_init(&s->others, s->d->socket);
}

static void scene_deinit(struct scene *s)
{
        client_free(s->victim);
        pair_deinit(&s->others);
        daemon_free(s->d);
}

/*
 * A client says something good, then something bad, in one write; it is disconnected for the
 * second, but the first arrives. Another one says it byte by byte.
 */
static void say(struct scene *s, const char *name, const GByteArray *bad)
{
        struct client *c = client_new(s->d->socket);
        struct incoming *m;

        g_test_message("%s", name);
        pair_send(&s->others, 20);
        traffic_send(c, VICTIM, 1, 0);
        client_queue(c, bad->data, bad->len);
        client_wait_closed(c);
        m = client_receive(s->victim);
        g_assert_cmpuint(traffic_number(m), ==, 1);
        incoming_free(m);
        client_free(c);

        c = client_new(s->d->socket);
        for (guint i = 0; i < bad->len && !c->closed; ++i) {
                client_queue(c, bad->data + i, 1);
                client_flush_taken(c);
        }
        client_wait_closed(c);
        client_free(c);

        client_ping(s->victim);
        g_assert_cmpuint(s->victim->in->len, ==, 0);
        pair_settle(&s->others);
}

/* What would be a good call, with a body of this signature. */
static struct wire_head call_victim(const char *signature)
{
        return (struct wire_head){
                .type = WIRE_CALL,
                .serial = 100,
                .path = "/test",
                .member = "Call",
                .destination = VICTIM,
                .signature = signature,
        };
}

static void test_start(void)
{
        const struct wire_head head = call_victim("u");
        GByteArray *body = wire_body_u32(1), *good = wire_message(&head, body);
        struct scene s;

        scene_init(&s);
        for (unsigned i = 0; i < G_N_ELEMENTS(bad_starts); ++i) {
                const struct bad_start *b = &bad_starts[i];
                GByteArray *bad = g_byte_array_new();
                uint32_t value = GUINT32_TO_LE(b->value);

                g_byte_array_append(bad, good->data, good->len);
                memcpy(bad->data + b->at, &value, b->size);
                say(&s, b->name, bad);
                g_byte_array_unref(bad);
        }
        g_byte_array_unref(good);
        g_byte_array_unref(body);
        scene_deinit(&s);
}

static void test_head(void)
{
        struct scene s;

        scene_init(&s);
        for (unsigned i = 0; i < G_N_ELEMENTS(bad_heads); ++i) {
                struct wire_head head = bad_heads[i].head;
                GByteArray *bad;

                head.serial = 100;
                head.destination = VICTIM;
                bad = wire_message(&head, NULL);
                say(&s, bad_heads[i].name, bad);
                g_byte_array_unref(bad);
        }
        scene_deinit(&s);
}

static void say_body(struct scene *s, const char *name, const char *signature,
                     const GByteArray *body)
{
        const struct wire_head head = call_victim(signature);
        GByteArray *bad = wire_message(&head, body);

        say(s, name, bad);
        g_byte_array_unref(bad);
}

static void test_body(void)
{
        GByteArray *deep = g_byte_array_new();
        struct scene s;

        scene_init(&s);
        for (unsigned i = 0; i < G_N_ELEMENTS(bad_bodies); ++i) {
                const struct bad_body *b = &bad_bodies[i];
                GByteArray *body = g_byte_array_new();

                g_byte_array_append(body, (const guint8 *)b->bytes, (guint)b->n);
                say_body(&s, b->name, b->signature, body);
                g_byte_array_unref(body);
        }
        /* Variants within variants: more than may be. */
        for (unsigned i = 0; i < 65; ++i)
                wire_put_signature(deep, "v");
        wire_put_signature(deep, "y");
        g_byte_array_append(deep, (const guint8 *)"x", 1);
        say_body(&s, "variants-deep", "v", deep);
        g_byte_array_unref(deep);
        scene_deinit(&s);
}

/* Whoever has not said Hello has not much to say, good or bad. */
static void test_before_hello(void)
{
        const struct wire_head head = {
                .type = WIRE_SIGNAL,
                .path = "/test",
                .interface = TRAFFIC_INTERFACE,
                .member = "M",
                .destination = VICTIM,
        };
        struct scene s;

        scene_init(&s);
        for (unsigned i = 0; i < 3; ++i) {
                struct client *c = client_connect(s.d->socket);

                client_authenticate(c, true);
                if (i == 0)
                        client_send(c, &head, NULL);
                else if (i == 1)
                        client_queue(c, "no message at all", 17);
                else
                        traffic_send(c, NULL, 1, 1);
                client_wait_closed(c);
                client_free(c);
                pair_exchange(&s.others, 10);
        }
        client_ping(s.victim);
        g_assert_cmpuint(s.victim->in->len, ==, 0);
        scene_deinit(&s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/malformed/start", test_start);
        g_test_add_func("/malformed/head", test_head);
        g_test_add_func("/malformed/body", test_body);
        g_test_add_func("/malformed/before-hello", test_before_hello);
        return g_test_run();
}
