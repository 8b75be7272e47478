/* SPDX-License-Identifier: MIT */
/*
 * An application may look for replies among all that it receives: it gets what the bus would have
 * given it, whether or not its library knows of a call.
 */
#include "scene.h"

#define ASKED_ONLY                                                                                 \
        "<policy context=\"default\"><deny send_requested_reply=\"false\" "                        \
        "send_type=\"method_return\"/></policy>"

/* More than the bus wants of a pair that it links. */
#define N 200

static void assert_replies(struct party *p, const struct party *from, unsigned n)
{
        scene_settle(p->scene);
        g_assert_cmpuint(p->seen.length, ==, n);
        for (GList *l = p->seen.head; l; l = l->next) {
                g_assert_cmpint(dbus_message_get_type(l->data), ==,
                                DBUS_MESSAGE_TYPE_METHOD_RETURN);
                g_assert_cmpstr(dbus_message_get_sender(l->data), ==, from->name);
        }
        party_forget(p);
}

static void send_away(struct party *p, DBusMessage *m)
{
        g_assert_true(dbus_connection_send(p->connection, m, NULL));
        dbus_message_unref(m);
}

/* A call that is sent without a pending call. */
static void test_no_pending_call(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        link_up(a, b);
        for (unsigned i = 0; i < N; ++i) {
                send_away(a, numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, b->name, "Echo", i));
                assert_replies(a, b, 1);
                g_assert_cmpuint(party_count(b, "Echo"), ==, 1);
                /* The link is there for all else. */
                if (i % 2)
                        round_trip(a, b);
                party_forget(a);
                party_forget(b);
        }
        scene_free(s);
}

static DBusMessage *reply_new(const struct party *to, dbus_uint32_t serial)
{
        DBusMessage *m = dbus_message_new(DBUS_MESSAGE_TYPE_METHOD_RETURN);

        dbus_message_set_no_reply(m, TRUE);
        g_assert_true(dbus_message_set_reply_serial(m, serial) &&
                      dbus_message_set_destination(m, to->name));
        return m;
}

/* What nobody has asked for is shown where policy does not mind. */
static void test_unasked(gconstpointer config)
{
        struct scene *s = scene_new(config);
        struct party *a = party_new(s), *b = party_new(s);

        link_up(a, b);
        for (unsigned i = 0; i < 10; ++i) {
                send_away(b, reply_new(a, 4711 + i));
                assert_replies(a, b, config ? 0 : 1);
                round_trip(a, b);
                party_forget(a);
        }
        scene_free(s);
}

static void answer_twice(struct party *p, DBusMessage *call)
{
        party_answer(p, call);
        party_answer(p, call);
}

/* The first answer is the pending call's, the second nobody has asked for. */
static void test_twice(gconstpointer config)
{
        struct scene *s = scene_new(config);
        struct party *a = party_new(s), *b = party_new(s);

        link_up(a, b);
        b->handle = answer_twice;
        for (unsigned i = 0; i < N; ++i) {
                party_call(a, b->name, "Echo", i, NULL);
                assert_replies(a, b, config ? 1 : 2);
                party_forget(b);
        }
        scene_free(s);
}

/* Bits of the header that the specification does not know arrive with all but replies. */
static void test_unknown_flags(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        link_up(a, b);
        party_match(b, "type='signal',member='Tell'");
        for (unsigned i = 0; i < 10; ++i) {
                DBusMessage *m = dbus_message_new_signal(SCENE_PATH, SCENE_INTERFACE, "Tell");
                char *bytes;
                int size;

                dbus_message_set_serial(m, 1000 + i);
                g_assert_true(dbus_message_marshal(m, &bytes, &size));
                dbus_message_unref(m);
                bytes[2] = (char)0xc0;
                m = dbus_message_demarshal(bytes, size, NULL);
                dbus_free(bytes);
                g_assert_nonnull(m);
                send_away(a, m);
                scene_settle(s);
                g_assert_cmpuint(b->seen.length, ==, 1);
                g_assert_true(dbus_message_marshal(g_queue_peek_head(&b->seen), &bytes, &size));
                g_assert_cmphex((unsigned char)bytes[2], ==, 0xc0);
                dbus_free(bytes);
                party_forget(b);
        }
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/replies/no-pending-call", test_no_pending_call);
        g_test_add_data_func("/replies/unasked/any", NULL, test_unasked);
        g_test_add_data_func("/replies/unasked/denied", ASKED_ONLY, test_unasked);
        g_test_add_data_func("/replies/twice/any", NULL, test_twice);
        g_test_add_data_func("/replies/twice/denied", ASKED_ONLY, test_twice);
        g_test_add_func("/replies/unknown-flags", test_unknown_flags);
        return g_test_run();
}
