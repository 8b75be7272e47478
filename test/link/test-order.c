/* SPDX-License-Identifier: MIT */
/*
 * Messages are seen in an order that respects causality, by whichever roads they come.
 */
#include <string.h>

#include "moment.h"
#include "scene.h"

#define MATCH_TOLD "type='signal',member='Told'"

static const char *member_at(struct party *p, unsigned i)
{
        DBusMessage *m = g_queue_peek_nth(&p->seen, i);
        const char *member = m ? dbus_message_get_member(m) : NULL;

        return member ? member : "";
}

/* Has seen the first, then the second, then nothing. */
static void assert_seen(struct party *p, const char *first, const char *second)
{
        g_assert_cmpstr(member_at(p, 0), ==, first);
        g_assert_cmpstr(member_at(p, 1), ==, second);
        g_assert_cmpuint(p->seen.length, ==, 2);
}

/* Part of a test with links: it is about them only if they were used. */
static void assert_used(const struct party *a, const struct party *b, uint64_t n)
{
        if (scene_has_links(a->scene))
                g_assert_cmpuint(link_messages(a, b), >=, n);
}

/* A signal goes by the bus, the call behind it could go by the link. */
static void test_signal_then_call(void)
{
        enum { N = 10000 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        party_match(b, MATCH_TOLD);
        link_up(a, b);
        for (uint32_t i = 0; i < N; ++i) {
                if (i % 2)
                        process_stop(s->daemon->pid);
                party_signal(a, NULL, "Told", i);
                party_say(a, b->name, "Say", i);
                party_turn(b);
                if (i % 2)
                        process_continue(s->daemon->pid);
                while (b->seen.length < 2)
                        scene_turn(s);
                assert_seen(b, "Told", "Say");
                party_forget(b);
                party_say(a, b->name, "Linked", i);
                while (!b->seen.length)
                        scene_turn(s);
                party_forget(b);
        }
        assert_used(a, b, N / 10);
        scene_free(s);
}

/* The same with a unicast signal to somebody else, who tells B by the bus. */
static void tell_b(struct party *p, DBusMessage *m)
{
        struct party *b = p->data;

        if (dbus_message_has_member(m, "Told"))
                party_say(p, b->name, "Second", numbered(m));
        else if (dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_METHOD_CALL)
                party_answer(p, m);
}

struct three {
        struct scene *scene;
        struct party *a, *b, *c;
        const char *signal_to; /* NULL: a broadcast */
        uint32_t n;
};

/* A calls B, then signals C, which calls B when it sees that. */
static void tell(void *data)
{
        struct three *t = data;
        unsigned before = t->c->seen.length;

        party_say(t->a, t->b->name, "First", t->n);
        party_signal(t->a, t->signal_to, "Told", t->n);
        while (t->c->seen.length == before)
                party_turn(t->c);
        /* By then, what goes by the bus has to have gone. */
        dbus_connection_flush(t->c->connection);
}

static struct three three_new(bool a_is_first)
{
        struct scene *s = scene_new(NULL);
        struct three t = {.scene = s};

        t.a = party_new(s);
        t.b = party_new(s);
        t.c = party_new(s);
        t.c->handle = tell_b;
        t.c->data = t.b;
        party_match(t.c, MATCH_TOLD);
        /* Links are read in the order in which they were made. */
        link_up(a_is_first ? t.a : t.c, t.b);
        link_up(a_is_first ? t.c : t.a, t.b);
        return t;
}

/* B looks at its links when all is in them. */
static void all_there(struct three *t)
{
        t->b->deaf = true;
        tell(t);
        t->b->deaf = false;
        while (t->b->seen.length < 2)
                scene_turn(t->scene);
        assert_seen(t->b, "First", "Second");
        scene_settle(t->scene);
        party_forget(t->b);
        party_forget(t->c);
}

/* It all happens while B is between one link and the other. */
static void between_links(struct three *t, unsigned after)
{
        party_say(t->c, t->b->name, "Wake", t->n);
        moment_after_link_read(after, tell, t);
        while (!t->b->seen.length)
                party_turn(t->b);
        /* Without links, or if a third look was not needed. */
        if (moment_cancel())
                tell(t);
        while (t->b->seen.length < 3)
                scene_turn(t->scene);
        g_assert_cmpstr(member_at(t->b, 0), ==, "Wake");
        g_assert_cmpstr(member_at(t->b, 1), ==, "First");
        g_assert_cmpstr(member_at(t->b, 2), ==, "Second");
        scene_settle(t->scene);
        party_forget(t->b);
        party_forget(t->c);
}

static void three_run(bool a_is_first, bool all_linked)
{
        enum { N = 100 };
        struct three t = three_new(a_is_first);

        if (all_linked)
                link_up(t.a, t.c);
        for (unsigned to_all = 0; to_all < 2; ++to_all) {
                t.signal_to = to_all ? NULL : t.c->name;
                for (t.n = 0; t.n < N; ++t.n) {
                        all_there(&t);
                        between_links(&t, 1 + t.n % 3);
                }
        }
        assert_used(t.a, t.b, N);
        assert_used(t.c, t.b, N);
        scene_free(t.scene);
}

static void test_three(gconstpointer data)
{
        unsigned variant = GPOINTER_TO_UINT(data);

        three_run(variant & 1, variant & 2);
}

/* C has no links: what B is told by the bus is behind what it has in its link. */
static void test_routed_third(void)
{
        enum { N = 300 };
        struct scene *s = scene_new(NULL);
        struct three t = {.scene = s, .a = party_new(s), .b = party_new(s), .c = party_new(s)};
        int fd;

        t.c->handle = tell_b;
        t.c->data = t.b;
        party_match(t.c, MATCH_TOLD);
        g_assert_true(dbus_connection_get_unix_fd(t.c->connection, &fd));
        link_up(t.a, t.b);
        for (t.n = 0; t.n < N; ++t.n) {
                t.signal_to = t.n % 2 ? NULL : t.c->name;
                all_there(&t);
        }
        assert_used(t.a, t.b, N);
        scene_free(s);
}

static void tell_then_answer(struct party *p, DBusMessage *m)
{
        if (dbus_message_get_type(m) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return;
        if (dbus_message_has_member(m, "Ask"))
                party_signal(p, NULL, "Told", numbered(m));
        party_answer(p, m);
}

/* A handler emits a signal, then returns: the caller sees the signal first. */
static void test_signal_then_reply(void)
{
        enum { N = 5000 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        b->handle = tell_then_answer;
        party_match(a, MATCH_TOLD);
        link_up(a, b);
        for (uint32_t i = 0; i < N; ++i) {
                bool stops = i % 2 && scene_has_links(s);
                uint32_t called;

                called = party_call(a, b->name, "Ask", i, NULL);
                /* Whichever way it went. */
                if (stops)
                        process_stop(s->daemon->pid);
                party_turn(b);
                party_turn(a);
                if (stops)
                        process_continue(s->daemon->pid);
                while (a->seen.length < 2)
                        scene_turn(s);
                g_assert_cmpstr(member_at(a, 0), ==, "Told");
                g_assert_cmpuint(dbus_message_get_reply_serial(g_queue_peek_nth(&a->seen, 1)), ==,
                                 called);
                party_forget(a);
                party_forget(b);
                /* Until what B said is settled, it would answer by the bus. */
                if (i % 4 == 0)
                        scene_settle(s);
        }
        assert_used(a, b, N / 4);
        scene_free(s);
}

/* What comes by the bus first is held until it is seen, though the link has what comes next. */
static void test_call_waits_for_bus(void)
{
        enum { N = 500 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        party_match(b, MATCH_TOLD);
        link_up(a, b);
        for (uint32_t i = 0; i < N; ++i) {
                b->deaf = true;
                party_signal(a, NULL, "Told", i);
                scene_settle(s);
                /* The bus has written to B, so now the link is right. */
                party_say(a, b->name, "Say", i);
                b->deaf = false;
                while (b->seen.length < 2)
                        scene_turn(s);
                assert_seen(b, "Told", "Say");
                party_forget(b);
        }
        assert_used(a, b, N);
        scene_free(s);
}

static int index_of(struct party *p, const char *member)
{
        for (unsigned i = 0; i < p->seen.length; ++i) {
                if (!strcmp(member_at(p, i), member))
                        return (int)i;
        }
        return -1;
}

static void say_late(void *data)
{
        struct three *t = data;

        party_say(t->c, t->b->name, "Late", 0);
}

/* What comes after the cut that a batch of the bus closed is seen without anybody's knocking. */
static void test_after_cut(void)
{
        enum { N = 100 };
        struct three t = three_new(true);
        struct party *d = party_new(t.scene);

        t.c->handle = NULL;
        party_match(t.b, MATCH_TOLD);
        for (unsigned i = 0; i < N; ++i) {
                /* By the bus, so that B reads its links before it, of which one has something. */
                scene_settle(t.scene);
                party_say(t.c, t.b->name, "Early", i);
                party_signal(d, NULL, "Told", i);
                moment_after_link_read(1, say_late, &t);
                while (t.b->seen.length < 2)
                        party_turn(t.b);
                if (moment_cancel())
                        say_late(&t);
                while (t.b->seen.length < 3)
                        scene_turn(t.scene);
                /* Where what D says is among what C says is nobody's promise. */
                g_assert_cmpuint(t.b->seen.length, ==, 3);
                g_assert_cmpint(index_of(t.b, "Told"), >=, 0);
                g_assert_cmpint(index_of(t.b, "Early"), <, index_of(t.b, "Late"));
                party_forget(t.b);
        }
        assert_used(t.c, t.b, N);
        scene_free(t.scene);
}

static void send_of_size(struct party *from, const struct party *to, uint32_t i, unsigned size)
{
        DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, to->name, "Say", i);
        g_autofree uint8_t *bytes = g_malloc(size + 1); /* not NULL, if size is 0 */

        memset(bytes, (int)(i & 0xff), size);
        dbus_message_set_no_reply(m, TRUE);
        g_assert_true(dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, size,
                                               DBUS_TYPE_INVALID));
        dbus_connection_send(from->connection, m, NULL);
        dbus_message_unref(m);
}

static void check_of_size(DBusMessage *m, uint32_t i, unsigned size)
{
        dbus_uint32_t n;
        const uint8_t *bytes;
        int length;

        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &n, DBUS_TYPE_ARRAY,
                                            DBUS_TYPE_BYTE, &bytes, &length, DBUS_TYPE_INVALID));
        g_assert_cmpuint(n, ==, i);
        g_assert_cmpint(length, ==, (int)size);
        for (int j = 0; j < length; ++j)
                g_assert_cmpuint(bytes[j], ==, i & 0xff);
}

/* Large messages do not fit a packet, and a link is soon full: they change roads and stay in
 * order. */
static void test_sizes(void)
{
        static const unsigned sizes[] = {0,     1,         1000,  98000, 98100,  98150,
                                         98200, 96 * 1024, 99000, 99,    300000, 3000000};
        enum { N = 600 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        GRand *random = g_rand_new_with_seed(1);
        uint32_t sent = 0, checked = 0;
        unsigned size[N];

        link_up(a, b);
        while (checked < N) {
                unsigned burst = (unsigned)g_rand_int_range(random, 1, 12);

                for (; burst-- && sent < N; ++sent) {
                        size[sent] = sizes[g_rand_int_range(random, 0, G_N_ELEMENTS(sizes))];
                        send_of_size(a, b, sent, size[sent]);
                }
                while (checked < sent) {
                        DBusMessage *m = g_queue_pop_head(&b->seen);

                        if (!m) {
                                scene_turn(s);
                                continue;
                        }
                        check_of_size(m, checked, size[checked]);
                        dbus_message_unref(m);
                        checked += 1;
                }
                scene_settle(s);
        }
        assert_used(a, b, N / 6);
        g_rand_free(random);
        scene_free(s);
}

/* Two that are linked need the daemon for nothing that they say to each other. */
static void test_daemon_stopped(void)
{
        enum { N = 1000 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        uint64_t before;

        party_match(b, MATCH_TOLD);
        link_up(a, b);
        before = link_messages(a, b);
        if (scene_has_links(s))
                process_stop(s->daemon->pid);
        for (unsigned i = 0; i < N; ++i) {
                round_trip(a, b);
                round_trip(b, a);
        }
        /* From here on A has to wait for the daemon, and with it all that it says. */
        party_forget(b);
        party_signal(a, NULL, "Told", 0);
        party_say(a, b->name, "Say", 0);
        for (unsigned i = 0; i < 50; ++i)
                party_turn(b);
        if (scene_has_links(s)) {
                g_assert_cmpuint(b->seen.length, ==, 0);
                process_continue(s->daemon->pid);
        }
        while (b->seen.length < 2)
                scene_turn(s);
        assert_seen(b, "Told", "Say");
        assert_used(a, b, before + 4 * (uint64_t)N);
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/order/signal-then-call", test_signal_then_call);
        g_test_add_data_func("/order/three/c-first", GUINT_TO_POINTER(0), test_three);
        g_test_add_data_func("/order/three/a-first", GUINT_TO_POINTER(1), test_three);
        g_test_add_data_func("/order/three/c-first-all-linked", GUINT_TO_POINTER(2), test_three);
        g_test_add_data_func("/order/three/a-first-all-linked", GUINT_TO_POINTER(3), test_three);
        g_test_add_func("/order/three/routed", test_routed_third);
        g_test_add_func("/order/signal-then-reply", test_signal_then_reply);
        g_test_add_func("/order/call-waits-for-bus", test_call_waits_for_bus);
        g_test_add_func("/order/after-cut", test_after_cut);
        g_test_add_func("/order/sizes", test_sizes);
        g_test_add_func("/order/daemon-stopped", test_daemon_stopped);
        return g_test_run();
}
