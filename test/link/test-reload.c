/* SPDX-License-Identifier: MIT */
/*
 * What the bus's policy forbids does not cross a link, from the moment that it does.
 */
#include "moment.h"
#include "scene.h"

#define RULE(kind, attributes) "<policy context=\"default\"><" kind " " attributes "/></policy>"
#define NO_INTERFACE           RULE("deny", "send_interface=\"" SCENE_INTERFACE "\"")
#define NO_SECRETS             RULE("deny", "send_member=\"Secret\" send_interface=\"" SCENE_INTERFACE "\"")
#define NO_RECEIVING                                                                               \
        RULE("deny", "receive_member=\"Secret\" receive_interface=\"" SCENE_INTERFACE "\"")

/* How a call ends: its error, or NULL. */
static const char *outcome(struct party *a, const struct party *b, const char *member)
{
        unsigned before = a->seen.length;
        const char *error;
        DBusMessage *reply;

        party_call(a, b->name, member, 1, NULL);
        while (a->seen.length == before)
                scene_turn(a->scene);
        reply = g_queue_pop_tail(&a->seen);
        error = g_intern_string(dbus_message_get_error_name(reply));
        dbus_message_unref(reply);
        return error;
}

static void forbid(void *data)
{
        scene_reload(data, NO_INTERFACE);
}

/* The answer to the reload comes between somebody's look at the rules and what it then sends. */
static void test_in_the_middle(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        for (unsigned i = 0; i < 20; ++i) {
                link_up(a, b);
                moment_before_link_send(forbid, s);
                if (!scene_has_links(s))
                        forbid(s);
                g_assert_cmpstr(outcome(a, b, "Echo"), ==, DBUS_ERROR_ACCESS_DENIED);
                if (scene_has_links(s))
                        g_assert_false(moment_cancel());
                g_assert_cmpuint(b->seen.length, ==, 0);
                scene_reload(s, NULL);
        }
        scene_free(s);
}

/* Some messages of a pair may cross, and others may not. */
static void test_some(gconstpointer config)
{
        enum { N = 200 };
        struct scene *s = scene_new(config);
        struct party *a = party_new(s), *b = party_new(s);
        uint64_t before;

        link_up(a, b);
        before = link_messages(a, b);
        for (unsigned i = 0; i < N; ++i) {
                g_assert_cmpstr(outcome(a, b, "Secret"), ==, DBUS_ERROR_ACCESS_DENIED);
                scene_settle(s);
                g_assert_cmpstr(outcome(a, b, "Echo"), ==, NULL);
        }
        g_assert_cmpuint(party_count(b, "Secret"), ==, 0);
        if (scene_has_links(s))
                g_assert_cmpuint(link_messages(a, b), ==, before + 2 * N);
        scene_free(s);
}

/* Nothing may be said: no link, and the list says so. */
static void test_none(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        link_up(a, b);
        scene_reload(s, RULE("deny", "send_destination=\"*\"")
                                RULE("allow", "send_destination=\"" DBUS_SERVICE_DBUS "\""));
        for (unsigned i = 0; i < 200; ++i)
                g_assert_cmpstr(outcome(a, b, "Echo"), ==, DBUS_ERROR_ACCESS_DENIED);
        g_assert_cmpuint(link_count(s), ==, 0);
        scene_reload(s, NULL);
        link_up(a, b);
        scene_free(s);
}

/* Links whose rules are what they were stay. */
static void test_unchanged(void)
{
        struct scene *s = scene_new(NO_SECRETS);
        struct party *a = party_new(s), *b = party_new(s);
        struct listed before, after;

        link_up(a, b);
        if (!scene_has_links(s)) {
                g_test_skip("there are no links");
                scene_free(s);
                return;
        }
        link_get(s, a, b, &before);
        scene_reload(s, NO_SECRETS "<limit name=\"max_replies_per_connection\">1000</limit>");
        link_get(s, a, b, &after);
        g_assert_cmpuint(before.id, ==, after.id);
        scene_reload(s, NO_RECEIVING);
        g_assert_false(link_find(s, a->name, b->name, &after));
        scene_free(s);
}

struct tally {
        unsigned replies, denied;
};

static void count(DBusPendingCall *pending, void *data)
{
        DBusMessage *m = dbus_pending_call_steal_reply(pending);
        const char *error = dbus_message_get_error_name(m);
        struct tally *t = data;

        g_assert_cmpstr(error, ==, error ? DBUS_ERROR_ACCESS_DENIED : NULL);
        if (error)
                t->denied += 1;
        else
                t->replies += 1;
        dbus_message_unref(m);
}

/* Links come and go while many calls are on their way: each has one outcome. */
static void test_under_load(void)
{
        enum { ROUNDS = 60, CALLS = 200, AT_ONCE = 50 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        struct tally t = {0};

        for (unsigned round = 0; round < ROUNDS; ++round) {
                unsigned sent = t.replies + t.denied, wanted = sent + CALLS;

                if (round % 2 == 0)
                        link_up(a, b);
                while (t.replies + t.denied < wanted) {
                        while (sent < wanted && sent < t.replies + t.denied + AT_ONCE) {
                                DBusPendingCall *pending;

                                party_call(a, b->name, "Echo", ++sent, &pending);
                                dbus_pending_call_set_notify(pending, count, &t, NULL);
                                dbus_pending_call_unref(pending);
                                if (sent == wanted - CALLS / 2)
                                        scene_reload(s, round % 2 ? NULL : NO_INTERFACE);
                        }
                        scene_turn(s);
                }
                g_assert_cmpuint(t.replies + t.denied, ==, wanted);
                for (unsigned i = 0; i < b->seen.length; ++i) {
                        if (i)
                                g_assert_cmpuint(numbered(g_queue_peek_nth(&b->seen, i)), >,
                                                 numbered(g_queue_peek_nth(&b->seen, i - 1)));
                }
                party_forget(b);
        }
        g_assert_cmpuint(t.replies, >, ROUNDS * CALLS / 4);
        g_assert_cmpuint(t.denied, >, ROUNDS * CALLS / 8);
        scene_free(s);
}

/* To policy, who waits for a name has it. */
static void test_queue(void)
{
        enum { N = 20 };
        static const char name[] = "org.example.Queued";
        struct scene *s = scene_new(RULE("deny", "receive_sender=\"org.example.Queued\""));
        struct party *a = party_new(s), *b = party_new(s), *owner = party_new(s);

        party_own(owner, name, 0);
        for (unsigned i = 0; i < N; ++i) {
                link_up(a, b);
                g_assert_cmpint(dbus_bus_request_name(a->connection, name, 0, NULL), ==,
                                DBUS_REQUEST_NAME_REPLY_IN_QUEUE);
                g_assert_cmpstr(outcome(a, b, "Echo"), ==, DBUS_ERROR_ACCESS_DENIED);
                g_assert_cmpuint(party_count(b, "Echo"), ==, 0);
                /* It leaves the queue in either way. */
                if (i % 2)
                        dbus_bus_release_name(a->connection, name, NULL);
                else
                        dbus_bus_request_name(a->connection, name, DBUS_NAME_FLAG_DO_NOT_QUEUE,
                                              NULL);
                g_assert_cmpstr(outcome(a, b, "Echo"), ==, NULL);
                party_forget(b);
        }
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/reload/in-the-middle", test_in_the_middle);
        g_test_add_data_func("/reload/some/send", NO_SECRETS, test_some);
        g_test_add_data_func("/reload/some/receive", NO_RECEIVING, test_some);
        g_test_add_func("/reload/none", test_none);
        g_test_add_func("/reload/unchanged", test_unchanged);
        g_test_add_func("/reload/under-load", test_under_load);
        g_test_add_func("/reload/queue", test_queue);
        return g_test_run();
}
