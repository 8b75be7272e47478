/* SPDX-License-Identifier: MIT */
/*
 * A message to a well-known name comes to who owns it when it is sent, never to the owner of
 * before.
 */
#include "moment.h"
#include "scene.h"

#define NAME  "org.example.Moving"
#define FLAGS (DBUS_NAME_FLAG_ALLOW_REPLACEMENT | DBUS_NAME_FLAG_REPLACE_EXISTING)

/* Calls the name, and returns the reply, to be unreferenced. */
static DBusMessage *call_name(struct party *a, uint32_t n)
{
        unsigned before = a->seen.length;

        party_call(a, NAME, "Echo", n, NULL);
        while (a->seen.length == before)
                scene_turn(a->scene);
        return g_queue_pop_tail(&a->seen);
}

static void assert_answers(struct party *a, const struct party *who, uint32_t n)
{
        DBusMessage *reply = call_name(a, n);

        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        g_assert_cmpstr(dbus_message_get_sender(reply), ==, who->name);
        g_assert_cmpuint(numbered(reply), ==, n);
        dbus_message_unref(reply);
}

static void take_name(void *data)
{
        party_own(data, NAME, FLAGS);
}

static void release_name(void *data)
{
        struct party *p = data;

        g_assert_cmpint(dbus_bus_release_name(p->connection, NAME, NULL), ==,
                        DBUS_RELEASE_NAME_REPLY_RELEASED);
}

/* The name moves from one to the other while a third calls it without end. */
static void test_moves(void)
{
        enum { MOVES = 200, CALLS = 100 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *owners[2] = {party_new(s), party_new(s)};
        uint64_t linked = 0;
        uint32_t n = 0;

        for (unsigned i = 0; i < MOVES; ++i) {
                struct party *owner = owners[i % 2];

                /* A may have read what it was told of that, or not. */
                take_name(owner);
                for (unsigned j = 0; j < CALLS; ++j)
                        assert_answers(a, owner, ++n);
                party_forget(owner);
                linked += link_messages(a, owner);
        }
        if (scene_has_links(s))
                g_assert_cmpuint(linked, >, MOVES * CALLS / 10);
        scene_free(s);
}

/* It moves after the caller has looked, and before it sends. */
static void test_moves_in_the_middle(void)
{
        enum { N = 20 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *owners[2] = {party_new(s), party_new(s)};

        take_name(owners[0]);
        for (unsigned i = 0; i < N; ++i) {
                struct party *from = owners[i % 2], *to = owners[(i + 1) % 2];

                link_up(a, from);
                /* That the link is used for the name, too. */
                assert_answers(a, from, i);
                scene_settle(s);
                party_forget(from);
                moment_before_link_send(take_name, to);
                if (!scene_has_links(s))
                        take_name(to);
                assert_answers(a, to, i);
                if (scene_has_links(s))
                        g_assert_false(moment_cancel());
                g_assert_cmpuint(from->seen.length, ==, 0);
        }
        scene_free(s);
}

/* It goes, and nobody has it. */
static void test_goes_in_the_middle(void)
{
        enum { N = 20 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        for (unsigned i = 0; i < N; ++i) {
                DBusMessage *reply;

                take_name(b);
                link_up(a, b);
                assert_answers(a, b, i);
                scene_settle(s);
                moment_before_link_send(release_name, b);
                if (!scene_has_links(s))
                        release_name(b);
                reply = call_name(a, i);
                g_assert_cmpstr(dbus_message_get_error_name(reply), ==, DBUS_ERROR_SERVICE_UNKNOWN);
                g_assert_cmpstr(dbus_message_get_sender(reply), ==, DBUS_SERVICE_DBUS);
                dbus_message_unref(reply);
        }
        scene_free(s);
}

/* A name that is new is used over the link that there is: who has it knows that it has. */
static void test_comes(void)
{
        enum { N = 50 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        struct listed before, after;

        link_up(a, b);
        if (scene_has_links(s))
                link_get(s, a, b, &before);
        for (unsigned i = 0; i < N; ++i) {
                g_autofree char *name = g_strdup_printf("org.example.Name%u", i);

                party_own(b, name, 0);
                /* A is told of it; B has yet to read. */
                b->deaf = true;
                scene_settle(s);
                party_say(a, name, "Say", i);
                b->deaf = false;
                while (!b->seen.length)
                        scene_turn(s);
                g_assert_cmpstr(dbus_message_get_destination(g_queue_peek_head(&b->seen)), ==,
                                name);
                party_forget(b);
        }
        if (scene_has_links(s)) {
                link_get(s, a, b, &after);
                g_assert_cmpuint(after.id, ==, before.id);
                g_assert_cmpuint(after.ends[0].messages, >=, before.ends[0].messages + N / 2);
        }
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/names/moves", test_moves);
        g_test_add_func("/names/moves-in-the-middle", test_moves_in_the_middle);
        g_test_add_func("/names/goes-in-the-middle", test_goes_in_the_middle);
        g_test_add_func("/names/comes", test_comes);
        return g_test_run();
}
