/* SPDX-License-Identifier: MIT */
/* Blocking until pending calls complete, with a service in another thread. */

#include "harness.h"
#include "peers.h"

/* A notify function that notes that it was called. */
struct listener {
        const char *name;
        int told, freed;
};

static void on_notify(DBusPendingCall *pending, void *data)
{
        struct listener *l = data;

        note("%s: notified, completed %d", l->name, dbus_pending_call_get_completed(pending));
        l->told++;
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

static void note_reply(const char *what, DBusPendingCall *pending)
{
        DBusMessage *m = dbus_pending_call_get_completed(pending)
                                 ? dbus_pending_call_steal_reply(pending)
                                 : NULL;

        note_message(what, m);
        if (m)
                dbus_message_unref(m);
}

static DBusPendingCall *call_helper(DBusConnection *c, const char *member, int timeout)
{
        DBusMessage *m = call_new("/a", member);
        DBusPendingCall *pending = NULL;

        g_assert_true(dbus_connection_send_with_reply(c, m, &pending, timeout));
        dbus_message_unref(m);
        return pending;
}

static void blocks(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *p = call_helper(c, "Echo", -1);
        struct listener l = {"l", 0, 0};

        listen_to(p, &l);
        dbus_pending_call_block(p);
        g_assert_true(dbus_pending_call_get_completed(p));
        g_assert_cmpint(l.told, ==, 1);
        dbus_pending_call_block(p);
        g_assert_cmpint(l.told, ==, 1);
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        connection_end(c);
        helper_free(h);
}

/* The others wait until they are dispatched, even if they came first. */
static void blocks_for_last(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *p[3];
        struct listener l[] = {{"0", 0, 0}, {"1", 0, 0}, {"2", 0, 0}};

        for (int i = 0; i < 3; i++) {
                p[i] = call_helper(c, "Echo", -1);
                listen_to(p[i], &l[i]);
        }
        dbus_pending_call_block(p[2]);
        for (int i = 0; i < 3; i++)
                note("%d: completed %d", i, dbus_pending_call_get_completed(p[i]));
        dbus_pending_call_block(p[0]);
        for (int i = 0; i < 3; i++)
                note("%d: completed %d", i, dbus_pending_call_get_completed(p[i]));
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        for (int i = 0; i < 3; i++) {
                g_assert_true(dbus_pending_call_get_completed(p[i]));
                dbus_pending_call_unref(p[i]);
        }
        connection_end(c);
        helper_free(h);
}

static void block_times_out(void)
{
        static const int timeouts[] = {0, 1, 60};
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);

        for (size_t i = 0; i < G_N_ELEMENTS(timeouts); i++) {
                gint64 start = g_get_monotonic_time();
                DBusPendingCall *p = call_helper(c, "Nothing", timeouts[i]);
                struct listener l = {"l", 0, 0};

                listen_to(p, &l);
                dbus_pending_call_block(p);
                g_assert_cmpint(g_get_monotonic_time() - start, >=, timeouts[i] * 1000);
                g_assert_true(dbus_pending_call_get_completed(p));
                g_assert_cmpint(l.told, ==, 1);
                note_reply("reply", p);
                dbus_pending_call_unref(p);
        }
        connection_end(c);
        helper_free(h);
}

/* A timeout that passed before anybody looked. */
static void block_when_overdue(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *p = call_helper(c, "Nothing", 10);

        g_usleep(30 * 1000);
        dbus_pending_call_block(p);
        g_assert_true(dbus_pending_call_get_completed(p));
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        connection_end(c);
        helper_free(h);
}

static void block_infinite(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *p = call_helper(c, "Echo", DBUS_TIMEOUT_INFINITE);

        dbus_pending_call_block(p);
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        p = call_helper(c, "Close", DBUS_TIMEOUT_INFINITE);
        dbus_pending_call_block(p);
        note_reply("reply", p);
        g_assert_true(dbus_pending_call_get_completed(p));
        dbus_pending_call_unref(p);
        connection_end(c);
        helper_free(h);
}

static void block_after_close(void)
{
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *p = call_helper(c, "Nothing", DBUS_TIMEOUT_INFINITE);
        struct listener l = {"l", 0, 0};

        listen_to(p, &l);
        dbus_connection_close(c);
        note("completed %d", dbus_pending_call_get_completed(p));
        dbus_pending_call_block(p);
        note("completed %d, told %d", dbus_pending_call_get_completed(p), l.told);
        note_reply("reply", p);
        dbus_pending_call_unref(p);
        connection_end(c);
        helper_free(h);
}

static void many(void)
{
        enum { N = 3000 };
        struct helper *h = helper_new(NULL);
        DBusConnection *c = helper_connect(h);
        DBusPendingCall *p[N];

        for (int i = 0; i < N; i++) {
                DBusMessage *m = call_new("/a", "Echo");

                dbus_message_append_args(m, DBUS_TYPE_INT32, &i, DBUS_TYPE_INVALID);
                dbus_connection_send_with_reply(c, m, &p[i], -1);
                dbus_message_unref(m);
        }
        while (!dbus_pending_call_get_completed(p[N - 1]))
                dbus_connection_read_write_dispatch(c, -1);
        for (int i = 0; i < N; i++) {
                DBusMessage *m = dbus_pending_call_steal_reply(p[i]);
                int got = -1;

                g_assert_nonnull(m);
                dbus_message_get_args(m, NULL, DBUS_TYPE_INT32, &got, DBUS_TYPE_INVALID);
                g_assert_cmpint(got, ==, i);
                dbus_message_unref(m);
                dbus_pending_call_unref(p[i]);
        }
        connection_end(c);
        helper_free(h);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/pending/block/plain", blocks},
                {"/pending/block/for-the-last", blocks_for_last},
                {"/pending/block/timeout", block_times_out},
                {"/pending/block/overdue", block_when_overdue},
                {"/pending/block/infinite", block_infinite},
                {"/pending/block/after-close", block_after_close},
                {"/pending/many", many},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
