/* SPDX-License-Identifier: MIT */
/*
 * The bus has a limit for the calls of a connection that wait for their replies: it is the same,
 * whichever way they go.
 */
#include <errno.h>

#include "moment.h"
#include "raw-peer.h"
#include "scene.h"

#define AT_ONCE 20
#define LIMIT   "<limit name=\"max_replies_per_connection\">20</limit>"

struct stage {
        struct scene *scene;
        struct party *a, *b, *other; /* `other` has no link */
};

static void keep(struct party *p, DBusMessage *m)
{
        (void)p;
        (void)m;
}

static struct stage stage_new(unsigned n_links)
{
        struct scene *s = scene_new(LIMIT);
        struct stage t = {s, party_new(s), party_new(s), party_new(s)};

        link_up(t.a, t.b);
        if (n_links > 1)
                link_up(t.a, party_new(s));
        t.b->handle = t.other->handle = keep;
        return t;
}

static void call(struct party *from, const struct party *to, unsigned n)
{
        for (unsigned i = 0; i < n; ++i)
                party_call(from, to->name, "Wait", i, NULL);
}

/* Answers the first calls that it has. */
static void answer(struct party *p, unsigned n)
{
        for (unsigned i = 0; i < n; ++i) {
                DBusMessage *m = g_queue_pop_head(&p->seen);

                party_answer(p, m);
                dbus_message_unref(m);
        }
}

static void assert_seen(struct stage *t, unsigned n, const char *error)
{
        scene_settle(t->scene);
        g_assert_cmpuint(t->a->seen.length, ==, n);
        for (GList *l = t->a->seen.head; l; l = l->next)
                g_assert_cmpstr(dbus_message_get_error_name(l->data), ==, error);
        party_forget(t->a);
}

static void assert_refused(struct stage *t, const struct party *to)
{
        call(t->a, to, 1);
        assert_seen(t, 1, DBUS_ERROR_LIMITS_EXCEEDED);
}

static uint64_t n_linked(const struct stage *t)
{
        return link_messages(t->a, t->b);
}

static void test_limit(gconstpointer data)
{
        struct stage t = stage_new(GPOINTER_TO_UINT(data));
        uint64_t before = n_linked(&t);

        call(t.a, t.b, AT_ONCE);
        assert_seen(&t, 0, NULL);
        g_assert_cmpuint(t.b->seen.length, ==, AT_ONCE);
        if (scene_has_links(t.scene))
                g_assert_cmpuint(n_linked(&t), ==, before + AT_ONCE);
        /* Whoever it is for. */
        assert_refused(&t, t.b);
        assert_refused(&t, t.other);
        /* Who wants no reply may call. */
        party_say(t.a, t.b->name, "Say", 1);
        scene_settle(t.scene);
        g_assert_cmpuint(party_count(t.b, "Say"), ==, 1);
        dbus_message_unref(g_queue_pop_tail(&t.b->seen));
        /* As many as are answered may be made. */
        answer(t.b, 5);
        assert_seen(&t, 5, NULL);
        call(t.a, t.b, 3);
        call(t.a, t.other, 2);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        assert_refused(&t, t.other);
        /* Those that go by the bus count with the others. */
        answer(t.b, 1);
        assert_seen(&t, 1, NULL);
        call(t.a, t.other, 1);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        answer(t.other, 3);
        assert_seen(&t, 3, NULL);
        call(t.a, t.b, 3);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        scene_free(t.scene);
}

/* A reply that has been sent is one, even if the caller has not looked. */
static void test_unread(gconstpointer data)
{
        struct stage t = stage_new(GPOINTER_TO_UINT(data));

        for (unsigned i = 0; i < 10; ++i) {
                call(t.a, t.b, AT_ONCE);
                assert_seen(&t, 0, NULL);
                t.a->deaf = true;
                answer(t.b, AT_ONCE);
                scene_settle(t.scene);
                if (i % 2)
                        call(t.a, t.other, AT_ONCE);
                else
                        call(t.a, t.b, AT_ONCE);
                t.a->deaf = false;
                assert_seen(&t, AT_ONCE, NULL);
                answer(i % 2 ? t.other : t.b, AT_ONCE);
                assert_seen(&t, AT_ONCE, NULL);
        }
        scene_free(t.scene);
}

/* Nor does it matter whether the caller does anything with the reply. */
static void test_forgotten(void)
{
        struct stage t = stage_new(1);

        for (unsigned i = 0; i < AT_ONCE; ++i) {
                DBusMessage *m =
                        numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, t.b->name, "Forget", i);

                g_assert_true(dbus_connection_send(t.a->connection, m, NULL));
                dbus_message_unref(m);
        }
        scene_settle(t.scene);
        g_assert_cmpuint(t.b->seen.length, ==, AT_ONCE);
        assert_refused(&t, t.b);
        assert_refused(&t, t.other);
        answer(t.b, AT_ONCE);
        scene_settle(t.scene);
        party_forget(t.a);
        call(t.a, t.b, AT_ONCE);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        scene_free(t.scene);
}

/* The end of the link changes nothing; that of the callee makes room. */
static void test_end(void)
{
        struct stage t = stage_new(1);

        call(t.a, t.b, AT_ONCE);
        assert_seen(&t, 0, NULL);
        scene_reload(t.scene, LIMIT "<?peer-links enabled=\"no\"?>");
        /* Some of the answers come by the bus, which has not seen the calls. */
        answer(t.b, 5);
        assert_seen(&t, 5, NULL);
        g_assert_cmpuint(link_count(t.scene), ==, 0);
        call(t.a, t.b, 5);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        t.b = party_free(t.b);
        while (t.a->seen.length < AT_ONCE)
                scene_turn(t.scene);
        assert_seen(&t, AT_ONCE, DBUS_ERROR_NO_REPLY);
        call(t.a, t.other, AT_ONCE);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.other);
        scene_free(t.scene);
}

/* Answers do not have to take the way that the calls took. */
static void test_answered_by_bus(void)
{
        struct stage t = stage_new(1);

        call(t.a, t.b, AT_ONCE);
        assert_seen(&t, 0, NULL);
        for (unsigned i = 0; i < 5; ++i) {
                moment_refuse_link_send(EAGAIN);
                answer(t.b, 1);
                g_assert_cmpint(moment_cancel(), ==, !scene_has_links(t.scene));
                assert_seen(&t, 1, NULL);
        }
        call(t.a, t.b, 5);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        scene_free(t.scene);
}

/* The limit is what the configuration says now. */
static void test_reload(void)
{
        struct stage t = stage_new(1);

        scene_reload(t.scene, "<limit name=\"max_replies_per_connection\">10</limit>");
        call(t.a, t.b, 10);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        scene_reload(t.scene, LIMIT);
        call(t.a, t.b, 10);
        assert_seen(&t, 0, NULL);
        assert_refused(&t, t.b);
        scene_free(t.scene);
}

/* A bus that ends calls after some time can do so for all. */
static void test_timeout(void)
{
        struct daemon *d = daemon_new("reply_timeout=500");
        struct scene *s = scene_on(d);
        struct party *a = party_new(s), *b = party_new(s);

        for (unsigned i = 0; i < 200; ++i)
                round_trip(a, b);
        party_forget(a);
        if (scene_has_links(s)) {
                g_autofree char *why = link_why_not(s, a->name, b->name);

                g_assert_cmpstr(why, ==, "the bus ends calls after some time");
        }
        b->handle = keep;
        call(a, b, 1);
        while (!a->seen.length)
                scene_turn(s);
        g_assert_cmpstr(dbus_message_get_error_name(g_queue_peek_head(&a->seen)), ==,
                        DBUS_ERROR_NO_REPLY);
        scene_free(s);
}

/* Sends a call by hand, and returns the name of the error that is its reply; NULL: there is none.
 */
static char *error_of_call(struct raw_peer *r, const char *to)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = SCENE_PATH,
                .interface = SCENE_INTERFACE,
                .member = "Wait",
                .destination = to,
        };
        const struct wire_head ping = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = "GetId",
                .destination = WIRE_BUS,
        };
        uint32_t serial = client_send(r->client, &head, NULL);
        uint32_t last = client_send(r->client, &ping, NULL), seen = 0;
        char *error = NULL;

        client_flush(r->client);
        while (seen != last) {
                struct incoming *m = client_receive(r->client);

                seen = m->v.reply_serial;
                if (seen == serial)
                        error = g_strdup(m->v.error_name);
                incoming_free(m);
        }
        return error;
}

/* What one says of its calls is about the next message, and its own affair. */
static void test_said(void)
{
        struct stage t = stage_new(1);
        struct raw_peer *r = raw_peer_new(t.scene);

        for (unsigned i = 0; i < 3; ++i) {
                g_autofree char *with = NULL, *without = NULL, *late = NULL;

                raw_peer_call(r, "CallsAwaited", "u", wire_body_u32(i ? UINT32_MAX : AT_ONCE),
                              false);
                with = error_of_call(r, t.b->name);
                without = error_of_call(r, t.b->name);
                raw_peer_call(r, "CallsAwaited", "u", wire_body_u32(AT_ONCE), false);
                client_ping(r->client);
                late = error_of_call(r, t.b->name);
                g_assert_cmpstr(with, ==, DBUS_ERROR_LIMITS_EXCEEDED);
                g_assert_null(without);
                g_assert_null(late);
        }
        call(t.a, t.b, AT_ONCE);
        assert_seen(&t, 0, NULL);
        raw_peer_free(r);
        scene_free(t.scene);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_data_func("/calls/limit/one-link", GUINT_TO_POINTER(1), test_limit);
        g_test_add_data_func("/calls/limit/two-links", GUINT_TO_POINTER(2), test_limit);
        g_test_add_data_func("/calls/unread/one-link", GUINT_TO_POINTER(1), test_unread);
        g_test_add_data_func("/calls/unread/two-links", GUINT_TO_POINTER(2), test_unread);
        g_test_add_func("/calls/forgotten", test_forgotten);
        g_test_add_func("/calls/end", test_end);
        g_test_add_func("/calls/answered-by-bus", test_answered_by_bus);
        g_test_add_func("/calls/reload", test_reload);
        g_test_add_func("/calls/timeout", test_timeout);
        if (!daemon_is_stock())
                g_test_add_func("/calls/said", test_said);
        return g_test_run();
}
