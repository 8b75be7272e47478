/* SPDX-License-Identifier: MIT */
/* Pending calls: when they complete, who is told and when, cancelling, timeouts. */

#include <stdio.h>

#include "dump.h"
#include "harness.h"
#include "peers.h"

/* A service that answers when the test wants it to. */
struct scene {
        struct peers *peers;
        DBusMessage *calls[8]; /* those it has got */
        int n_calls;
};

static DBusHandlerResult keep_call(DBusConnection *connection, DBusMessage *message, void *data)
{
        struct scene *s = data;

        (void)connection;
        if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        s->calls[s->n_calls++] = dbus_message_ref(message);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static DBusHandlerResult note_filter(DBusConnection *connection, DBusMessage *message, void *data)
{
        (void)connection;
        note_message(data, message);
        return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

static struct scene *scene_new(void)
{
        static char filter[] = "filter";
        struct scene *s = g_new0(struct scene, 1);

        s->peers = peers_new(NULL);
        dbus_connection_add_filter(s->peers->service, keep_call, s, NULL);
        dbus_connection_add_filter(s->peers->client, note_filter, filter, NULL);
        return s;
}

static void scene_free(struct scene *s)
{
        for (int i = 0; i < s->n_calls; i++)
                dbus_message_unref(s->calls[i]);
        peers_free(s->peers);
        g_free(s);
}

static void settle(struct scene *s)
{
        loop_settle(s->peers->loop);
}

static DBusPendingCall *call(struct scene *s, int timeout)
{
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *pending = NULL;

        g_assert_true(dbus_connection_send_with_reply(s->peers->client, m, &pending, timeout));
        g_assert_nonnull(pending);
        dbus_message_unref(m);
        settle(s);
        return pending;
}

static void answer(struct scene *s, int i)
{
        DBusMessage *reply = dbus_message_new_method_return(s->calls[i]);

        dbus_message_append_args(reply, DBUS_TYPE_INT32, &i, DBUS_TYPE_INVALID);
        send_away(s->peers->service, reply);
}

static void note_reply(const char *what, DBusPendingCall *pending)
{
        /* The stock library takes asking before the time for misuse. */
        DBusMessage *m = dbus_pending_call_get_completed(pending)
                                 ? dbus_pending_call_steal_reply(pending)
                                 : NULL;

        note_message(what, m);
        if (m)
                dbus_message_unref(m);
}

/* A notify function that notes that it was called, and does something. */
struct listener {
        const char *name;
        void (*act)(DBusPendingCall *pending, struct listener *l);
        struct scene *scene;
        DBusPendingCall *other;
        int told, freed;
};

static void on_notify(DBusPendingCall *pending, void *data)
{
        struct listener *l = data;

        note("%s: notified, completed %d", l->name, dbus_pending_call_get_completed(pending));
        l->told++;
        if (l->act)
                l->act(pending, l);
}

static void free_listener(void *data)
{
        struct listener *l = data;

        note("%s: freed", l->name);
        l->freed++;
}

static void listen_to(DBusPendingCall *pending, struct listener *l)
{
        g_assert_true(dbus_pending_call_set_notify(pending, on_notify, l, free_listener));
}

static void completes(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        DBusMessage *reply;

        g_assert_false(dbus_pending_call_get_completed(p));
        answer(s, 0);
        g_assert_false(dbus_pending_call_get_completed(p));
        settle(s);
        g_assert_true(dbus_pending_call_get_completed(p));
        reply = dbus_pending_call_steal_reply(p);
        g_assert_cmpint(dbus_message_get_type(reply), ==, DBUS_MESSAGE_TYPE_METHOD_RETURN);
        g_assert_cmpuint(dbus_message_get_reply_serial(reply), ==,
                         dbus_message_get_serial(s->calls[0]));
        dump_message("reply", reply);
        dbus_message_unref(reply);
        g_assert_true(dbus_pending_call_get_completed(p));
        dbus_pending_call_unref(p);
        scene_free(s);
}

static void notified(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(l.told, ==, 1);
        note_reply("reply", p);
        note("unref");
        dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

/* Who asks to be told when all is over is not told. */
static void notify_set_late(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        answer(s, 0);
        settle(s);
        listen_to(p, &l);
        settle(s);
        g_assert_cmpint(l.told, ==, 0);
        dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

static void notify_replaced(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener one = {"one", NULL, s, NULL, 0, 0}, two = {"two", NULL, s, NULL, 0, 0};

        listen_to(p, &one);
        listen_to(p, &two);
        g_assert_cmpint(one.freed, ==, 1);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(one.told, ==, 0);
        g_assert_cmpint(two.told, ==, 1);
        dbus_pending_call_unref(p);
        scene_free(s);
}

static void notify_taken_back(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        g_assert_true(dbus_pending_call_set_notify(p, NULL, NULL, NULL));
        g_assert_cmpint(l.freed, ==, 1);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(l.told, ==, 0);
        dbus_pending_call_unref(p);
        scene_free(s);
}

/* In the order of the answers, whatever that of the calls was. */
static void out_of_order(void)
{
        struct scene *s = scene_new();
        struct listener l[] = {
                {"0", NULL, s, NULL, 0, 0}, {"1", NULL, s, NULL, 0, 0}, {"2", NULL, s, NULL, 0, 0}};
        static const int order[] = {2, 0, 1};
        DBusPendingCall *p[3];

        for (int i = 0; i < 3; i++) {
                p[i] = call(s, -1);
                listen_to(p[i], &l[i]);
        }
        for (int i = 0; i < 3; i++)
                answer(s, order[i]);
        settle(s);
        for (int i = 0; i < 3; i++) {
                int got = -1;
                DBusMessage *m = dbus_pending_call_steal_reply(p[i]);

                dbus_message_get_args(m, NULL, DBUS_TYPE_INT32, &got, DBUS_TYPE_INVALID);
                g_assert_cmpint(got, ==, i);
                dbus_message_unref(m);
                dbus_pending_call_unref(p[i]);
        }
        scene_free(s);
}

static void cancelled(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        dbus_pending_call_cancel(p);
        dbus_pending_call_cancel(p);
        g_assert_false(dbus_pending_call_get_completed(p));
        answer(s, 0);
        settle(s);
        g_assert_false(dbus_pending_call_get_completed(p));
        g_assert_cmpint(l.told, ==, 0);
        dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

static void cancelled_when_complete(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);

        answer(s, 0);
        settle(s);
        dbus_pending_call_cancel(p);
        g_assert_true(dbus_pending_call_get_completed(p));
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        scene_free(s);
}

/* The reply has been read, but not dispatched. */
static void cancelled_when_queued(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        loop_remove(s->peers->loop, s->peers->client);
        answer(s, 0);
        settle(s);
        g_assert_true(dbus_connection_read_write(s->peers->client, 0));
        note("completed %d", dbus_pending_call_get_completed(p));
        dbus_pending_call_cancel(p);
        while (dbus_connection_dispatch(s->peers->client) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        note("completed %d, told %d", dbus_pending_call_get_completed(p), l.told);
        dbus_pending_call_unref(p);
        scene_free(s);
}

/* Nobody keeps it, but it is there until the answer comes. */
static void unreferenced(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 0);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(l.told, ==, 1);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

static void references(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1), *cleared;
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        g_assert_true(dbus_pending_call_ref(p) == p);
        answer(s, 0);
        settle(s);
        dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 0);
        cleared = p;
        dbus_clear_pending_call(&cleared);
        g_assert_null(cleared);
        dbus_clear_pending_call(&cleared);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

/* Inside of the notify function. */
static void steal(DBusPendingCall *pending, struct listener *l)
{
        note_reply(l->name, pending);
}

static void steal_and_unref(DBusPendingCall *pending, struct listener *l)
{
        note_reply(l->name, pending);
        dbus_pending_call_unref(pending);
}

static void cancel_self(DBusPendingCall *pending, struct listener *l)
{
        dbus_pending_call_cancel(pending);
        note_reply(l->name, pending);
}

static void cancel_other(DBusPendingCall *pending, struct listener *l)
{
        (void)pending;
        dbus_pending_call_cancel(l->other);
}

static void call_again(DBusPendingCall *pending, struct listener *l)
{
        DBusMessage *m = call_new("/a", "Again");

        (void)pending;
        g_assert_true(dbus_connection_send_with_reply(l->scene->peers->client, m, &l->other, -1));
        dbus_message_unref(m);
        l->act = NULL;
        listen_to(l->other, l);
}

static void close_all(DBusPendingCall *pending, struct listener *l)
{
        (void)pending;
        dbus_connection_close(l->scene->peers->client);
}

static void replace_self(DBusPendingCall *pending, struct listener *l)
{
        (void)l;
        g_assert_true(dbus_pending_call_set_notify(pending, NULL, NULL, NULL));
}

static void block_self(DBusPendingCall *pending, struct listener *l)
{
        dbus_pending_call_block(pending);
        note_reply(l->name, pending);
}

static void inside(gconstpointer data)
{
        void (*const *act)(DBusPendingCall *, struct listener *) = data;
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", *act, s, NULL, 0, 0};

        if (*act == steal_and_unref)
                note("the last reference goes inside");
        else
                dbus_pending_call_ref(p);
        listen_to(p, &l);
        if (*act != steal_and_unref)
                dbus_pending_call_unref(p);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(l.told, ==, 1);
        if (*act != steal_and_unref)
                dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

static const struct {
        const char *name;
        void (*act)(DBusPendingCall *pending, struct listener *l);
} acts[] = {
        {"steal", steal},          {"steal-and-unref", steal_and_unref},
        {"cancel", cancel_self},   {"close", close_all},
        {"replace", replace_self}, {"block", block_self},
};

static void calls_again_inside(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", call_again, s, NULL, 0, 0};

        listen_to(p, &l);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(s->n_calls, ==, 2);
        answer(s, 1);
        settle(s);
        g_assert_cmpint(l.told, ==, 2);
        dbus_pending_call_unref(p);
        dbus_pending_call_unref(l.other);
        scene_free(s);
}

static void cancels_other_inside(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *one = call(s, -1), *two = call(s, -1);
        struct listener l = {"one", cancel_other, s, two, 0, 0}, m = {"two", NULL, s, NULL, 0, 0};

        listen_to(one, &l);
        listen_to(two, &m);
        answer(s, 0);
        answer(s, 1);
        settle(s);
        g_assert_cmpint(l.told, ==, 1);
        g_assert_cmpint(m.told, ==, 0);
        dbus_pending_call_unref(one);
        dbus_pending_call_unref(two);
        scene_free(s);
}

/* Timeouts. */
static bool is_complete(void *data)
{
        return dbus_pending_call_get_completed(data);
}

static void times_out(void)
{
        struct scene *s = scene_new();
        gint64 start = g_get_monotonic_time();
        DBusPendingCall *p = call(s, 50);
        struct listener l = {"l", steal, s, NULL, 0, 0};

        listen_to(p, &l);
        loop_until(s->peers->loop, is_complete, p);
        g_assert_cmpint(g_get_monotonic_time() - start, >=, 50 * 1000);
        g_assert_cmpint(l.told, ==, 1);
        dbus_pending_call_unref(p);
        scene_free(s);
}

/* The answer that comes after that is nobody's: the filters see it. */
static void late_answer(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, 20);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        loop_until(s->peers->loop, is_complete, p);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(l.told, ==, 1);
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        scene_free(s);
}

static void second_answer(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        answer(s, 0);
        answer(s, 0);
        settle(s);
        g_assert_cmpint(l.told, ==, 1);
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        scene_free(s);
}

static void times_out_in_order(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *slow = call(s, 300), *fast = call(s, 30),
                        *never = call(s, DBUS_TIMEOUT_INFINITE);
        struct listener l = {"slow", NULL, s, NULL, 0, 0}, m = {"fast", NULL, s, NULL, 0, 0};

        listen_to(slow, &l);
        listen_to(fast, &m);
        loop_until(s->peers->loop, is_complete, slow);
        g_assert_cmpint(m.told, ==, 1);
        g_assert_false(dbus_pending_call_get_completed(never));
        dbus_pending_call_unref(slow);
        dbus_pending_call_unref(fast);
        dbus_pending_call_cancel(never);
        dbus_pending_call_unref(never);
        scene_free(s);
}

static void timeout_nobody_keeps(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, 20);
        struct listener l = {"l", NULL, s, NULL, 0, 0};
        DBusMessage *m = call_new("/a", "M");

        listen_to(p, &l);
        dbus_pending_call_unref(p);
        g_assert_true(dbus_connection_send_with_reply(s->peers->client, m, NULL, 10));
        dbus_message_unref(m);
        while (!l.freed)
                loop_turn(s->peers->loop, 1000);
        g_assert_cmpint(l.told, ==, 1);
        scene_free(s);
}

/*
 * The other end goes. That each call sees exactly one reply is what the manual says; whether it
 * does is noted, for the stock library forgets them.
 */
static void gone(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        dbus_connection_close(s->peers->service);
        settle(s);
        g_assert_false(dbus_connection_get_is_connected(s->peers->client));
        note("completed %d, told %d", dbus_pending_call_get_completed(p), l.told);
        dbus_pending_call_unref(p);
        g_assert_cmpint(l.freed, ==, 1);
        scene_free(s);
}

static void answered_then_gone(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        struct listener l = {"l", NULL, s, NULL, 0, 0};

        listen_to(p, &l);
        answer(s, 0);
        dbus_connection_flush(s->peers->service);
        dbus_connection_close(s->peers->service);
        settle(s);
        g_assert_true(dbus_pending_call_get_completed(p));
        g_assert_cmpint(l.told, ==, 1);
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        scene_free(s);
}

/* It may be kept longer than its connection. */
static void outlives_connection(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1), *done = call(s, -1);

        answer(s, 1);
        settle(s);
        scene_free(s);
        note("completed %d", dbus_pending_call_get_completed(p));
        dbus_pending_call_cancel(p);
        dbus_pending_call_unref(p);
        g_assert_true(dbus_pending_call_get_completed(done));
        note_reply("reply", done);
        dbus_pending_call_unref(done);
}

static void error_reply(void)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);
        DBusMessage *reply;
        DBusError error = DBUS_ERROR_INIT;

        send_away(s->peers->service,
                  dbus_message_new_error(s->calls[0], "com.example.Error.Odd", "odd"));
        settle(s);
        g_assert_true(dbus_pending_call_get_completed(p));
        reply = dbus_pending_call_steal_reply(p);
        g_assert_true(dbus_set_error_from_message(&error, reply));
        expect_error(&error, "com.example.Error.Odd");
        dbus_message_unref(reply);
        dbus_pending_call_unref(p);
        scene_free(s);
}

/* Misuse. */
static void steal_early(void *data)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);

        (void)data;
        printf("%s\n", dbus_pending_call_steal_reply(p) ? "a reply" : "nothing");
}

static void steal_twice(void *data)
{
        struct scene *s = scene_new();
        DBusPendingCall *p = call(s, -1);

        (void)data;
        answer(s, 0);
        settle(s);
        printf("%s\n", dbus_pending_call_steal_reply(p) ? "a reply" : "nothing");
        fflush(stdout);
        printf("%s\n", dbus_pending_call_steal_reply(p) ? "a reply" : "nothing");
}

static void bad_timeout(void *data)
{
        struct scene *s = scene_new();
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *p = NULL;

        (void)data;
        printf("%d\n", dbus_connection_send_with_reply(s->peers->client, m, &p, -2));
        printf("%s\n", p ? "pending" : "nothing");
}

static const struct {
        const char *name;
        void (*run)(void *);
} misuses[] = {
        {"steal-early", steal_early},
        {"steal-twice", steal_twice},
        {"bad-timeout", bad_timeout},
};

static void misuse(gconstpointer data)
{
        static const char *const values[] = {"DBUS_FATAL_WARNINGS", "DBUS_FATAL_WARNINGS=0"};
        void (*const *run)(void *) = data;

        for (size_t i = 0; i < G_N_ELEMENTS(values); i++) {
                const char *const environment[] = {values[i], NULL};
                struct captured *c = capture(*run, NULL, environment);

                note_captured(values[i], c);
                captured_free(c);
        }
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/pending/completes", completes},
                {"/pending/out-of-order", out_of_order},
                {"/pending/error-reply", error_reply},
                {"/pending/second-answer", second_answer},
                {"/pending/unreferenced", unreferenced},
                {"/pending/references", references},
                {"/pending/notify/told", notified},
                {"/pending/notify/set-late", notify_set_late},
                {"/pending/notify/replaced", notify_replaced},
                {"/pending/notify/taken-back", notify_taken_back},
                {"/pending/cancel/before", cancelled},
                {"/pending/cancel/when-complete", cancelled_when_complete},
                {"/pending/cancel/when-queued", cancelled_when_queued},
                {"/pending/inside/calls-again", calls_again_inside},
                {"/pending/inside/cancels-other", cancels_other_inside},
                {"/pending/timeout/plain", times_out},
                {"/pending/timeout/late-answer", late_answer},
                {"/pending/timeout/in-order", times_out_in_order},
                {"/pending/timeout/nobody-keeps-it", timeout_nobody_keeps},
                {"/pending/gone", gone},
                {"/pending/answered-then-gone", answered_then_gone},
                {"/pending/outlives-connection", outlives_connection},
                {NULL, NULL},
        };

        harness_init(&argc, &argv);
        for (const struct test *t = tests; t->path; t++)
                g_test_add_func(t->path, t->run);
        for (size_t i = 0; i < G_N_ELEMENTS(acts); i++) {
                g_autofree char *path = g_strdup_printf("/pending/inside/%s", acts[i].name);

                g_test_add_data_func(path, &acts[i].act, inside);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(misuses); i++) {
                g_autofree char *path = g_strdup_printf("/pending/misuse/%s", misuses[i].name);

                g_test_add_data_func(path, &misuses[i].run, misuse);
        }
        return g_test_run();
}
