/* SPDX-License-Identifier: MIT */
/* Foreign main loops: which watches and timeouts they are given, and when they are told what. */

#include <string.h>

#include "harness.h"
#include "peers.h"

/* What a loop holds that only counts. */
struct holder {
        int added, removed, toggled, freed;
        int refuse_at; /* the call of an add function that fails; 0: none */
        DBusWatch *watches[4];
        DBusTimeout *timeouts[4];
};

static dbus_bool_t add_watch(DBusWatch *watch, void *data)
{
        struct holder *h = data;

        if (++h->added == h->refuse_at)
                return FALSE;
        for (size_t i = 0; i < G_N_ELEMENTS(h->watches); i++) {
                if (!h->watches[i]) {
                        h->watches[i] = watch;
                        break;
                }
        }
        return TRUE;
}

static void remove_watch(DBusWatch *watch, void *data)
{
        struct holder *h = data;

        h->removed++;
        for (size_t i = 0; i < G_N_ELEMENTS(h->watches); i++) {
                if (h->watches[i] == watch)
                        h->watches[i] = NULL;
        }
}

static void toggle_watch(DBusWatch *watch, void *data)
{
        struct holder *h = data;

        (void)watch;
        h->toggled++;
}

static dbus_bool_t add_timeout(DBusTimeout *timeout, void *data)
{
        struct holder *h = data;

        if (++h->added == h->refuse_at)
                return FALSE;
        for (size_t i = 0; i < G_N_ELEMENTS(h->timeouts); i++) {
                if (!h->timeouts[i]) {
                        h->timeouts[i] = timeout;
                        break;
                }
        }
        return TRUE;
}

static void remove_timeout(DBusTimeout *timeout, void *data)
{
        struct holder *h = data;

        h->removed++;
        for (size_t i = 0; i < G_N_ELEMENTS(h->timeouts); i++) {
                if (h->timeouts[i] == timeout)
                        h->timeouts[i] = NULL;
        }
}

static void toggle_timeout(DBusTimeout *timeout, void *data)
{
        struct holder *h = data;

        (void)timeout;
        h->toggled++;
}

static void free_holder(void *data)
{
        ((struct holder *)data)->freed++;
}

/* A client whose watches nobody has yet. */
static struct peers *unwatched(void)
{
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->client);
        return p;
}

static int watches_of(const struct holder *h)
{
        int n = 0;

        for (size_t i = 0; i < G_N_ELEMENTS(h->watches); i++)
                n += h->watches[i] != NULL;
        return n;
}

/* One fd, one watch to read, one to write; the one to write sleeps. */
static void which(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};
        int fd;

        dbus_connection_get_unix_fd(p->client, &fd);
        g_assert_true(dbus_connection_set_watch_functions(p->client, add_watch, remove_watch,
                                                          toggle_watch, &h, free_holder));
        note("added %d", h.added);
        for (size_t i = 0; i < G_N_ELEMENTS(h.watches); i++) {
                DBusWatch *w = h.watches[i];

                if (!w)
                        continue;
                g_assert_cmpint(dbus_watch_get_unix_fd(w), ==, fd);
                g_assert_cmpint(dbus_watch_get_socket(w), ==, fd);
                G_GNUC_BEGIN_IGNORE_DEPRECATIONS
                g_assert_cmpint(dbus_watch_get_fd(w), ==, fd);
                G_GNUC_END_IGNORE_DEPRECATIONS
                g_assert_cmpuint(dbus_watch_get_flags(w) &
                                         ~(DBUS_WATCH_READABLE | DBUS_WATCH_WRITABLE),
                                 ==, 0);
                note("flags %u, enabled %d", dbus_watch_get_flags(w), dbus_watch_get_enabled(w));
        }
        dbus_connection_set_watch_functions(p->client, NULL, NULL, NULL, NULL, NULL);
        g_assert_cmpint(watches_of(&h), ==, 0);
        g_assert_cmpint(h.freed, ==, 1);
        peers_free(p);
}

static void removed_at_close(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};

        dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, toggle_watch, &h,
                                            free_holder);
        dbus_connection_close(p->client);
        g_assert_cmpint(watches_of(&h), ==, 0);
        g_assert_cmpint(h.removed, ==, h.added);
        note("freed after close: %d", h.freed);
        peers_free(p);
        g_assert_cmpint(h.freed, ==, 1);
}

/* Functions that are set after the end get nothing. */
static void set_after_close(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};

        dbus_connection_close(p->client);
        note("set: %d", dbus_connection_set_watch_functions(p->client, add_watch, remove_watch,
                                                            toggle_watch, &h, free_holder));
        g_assert_cmpint(watches_of(&h), ==, 0);
        peers_free(p);
        g_assert_cmpint(h.freed, ==, 1);
}

static void replaced(void)
{
        struct peers *p = unwatched();
        struct holder one = {0}, two = {0};

        dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, toggle_watch, &one,
                                            free_holder);
        dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, toggle_watch, &two,
                                            free_holder);
        g_assert_cmpint(watches_of(&one), ==, 0);
        g_assert_cmpint(watches_of(&two), ==, one.added);
        g_assert_cmpint(one.freed, ==, 1);
        g_assert_cmpint(two.freed, ==, 0);
        peers_free(p);
        g_assert_cmpint(two.freed, ==, 1);
}

/* When one cannot be added all is as it was before. */
static void refused(void)
{
        for (int at = 1; at < 4; at++) {
                struct peers *p = unwatched();
                struct holder old = {0}, h = {.refuse_at = at};
                dbus_bool_t ok;

                dbus_connection_set_watch_functions(p->client, add_watch, remove_watch,
                                                    toggle_watch, &old, free_holder);
                ok = dbus_connection_set_watch_functions(p->client, add_watch, remove_watch,
                                                         toggle_watch, &h, free_holder);
                g_assert_cmpint(ok, ==, h.added < at);
                if (!ok)
                        g_assert_cmpint(watches_of(&h), ==, 0);
                note("refuse %d: %d, added %d, removed %d, freed %d; others: removed %d, freed %d",
                     at, ok, h.added, h.removed, h.freed, old.removed, old.freed);
                peers_free(p);
        }
}

static void without_toggle(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};

        g_assert_true(dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, NULL,
                                                          &h, NULL));
        send_away(p->client, signal_new("/a", "S"));
        dbus_connection_flush(p->client);
        g_assert_cmpint(watches_of(&h), ==, 2);
        peers_free(p);
}

static int freed;

static void count_freed(void *data)
{
        (void)data;
        freed++;
}

static void data_of_watch(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};
        int one, two;
        DBusWatch *w;

        dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, toggle_watch, &h,
                                            NULL);
        w = h.watches[0];
        freed = 0;
        g_assert_null(dbus_watch_get_data(w));
        dbus_watch_set_data(w, &one, count_freed);
        g_assert_true(dbus_watch_get_data(w) == &one);
        dbus_watch_set_data(w, &two, count_freed);
        g_assert_cmpint(freed, ==, 1);
        g_assert_true(dbus_watch_get_data(w) == &two);
        dbus_watch_set_data(w, NULL, NULL);
        g_assert_cmpint(freed, ==, 2);
        dbus_watch_set_data(w, &one, count_freed);
        peers_free(p);
        g_assert_cmpint(freed, ==, 3);
}

/* The whole life of a client, as its loop sees it. */
static void life(void)
{
        struct peers *p = peers_new("client");

        note("-- send");
        send_away(p->client, signal_new("/a", "S"));
        note("-- settle");
        loop_settle(p->loop);
        note("-- receive");
        send_away(p->service, signal_new("/a", "S"));
        loop_settle(p->loop);
        note("-- close");
        dbus_connection_close(p->client);
        note("-- settle");
        loop_settle(p->loop);
        peers_free(p);
}

static void life_with_pending(void)
{
        struct peers *p = peers_new("client");
        DBusMessage *m =
                dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping");
        DBusPendingCall *pending;

        note("-- call");
        g_assert_true(dbus_connection_send_with_reply(p->client, m, &pending, 10000));
        note("-- settle");
        loop_settle(p->loop);
        g_assert_true(dbus_pending_call_get_completed(pending));
        note("-- call without end");
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        m = dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping");
        g_assert_true(
                dbus_connection_send_with_reply(p->client, m, &pending, DBUS_TIMEOUT_INFINITE));
        note("-- settle");
        loop_settle(p->loop);
        g_assert_true(dbus_pending_call_get_completed(pending));
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        note("-- end");
        peers_free(p);
}

static void life_of_service(void)
{
        struct peers *p = peers_new(NULL);

        loop_remove(p->loop, p->service);
        loop_add(p->loop, p->service, "service");
        note("-- call");
        send_away(p->client,
                  dbus_message_new_method_call(NULL, "/", "org.freedesktop.DBus.Peer", "Ping"));
        loop_settle(p->loop);
        note("-- other end closes");
        dbus_connection_close(p->client);
        loop_settle(p->loop);
        note("-- end");
        peers_free(p);
}

/* With the socket full, the watch to write wakes up, until all is written. */
static void full_socket(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};
        g_autofree char *text = g_strnfill(4 << 20, 'x');
        DBusMessage *m = signal_new("/a", "S");
        DBusWatch *writer = NULL;

        dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, toggle_watch, &h,
                                            NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(h.watches); i++) {
                if (h.watches[i] && dbus_watch_get_flags(h.watches[i]) & DBUS_WATCH_WRITABLE)
                        writer = h.watches[i];
        }
        g_assert_nonnull(writer);
        g_assert_false(dbus_watch_get_enabled(writer));
        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        send_away(p->client, m);
        g_assert_true(dbus_watch_get_enabled(writer));
        while (dbus_watch_get_enabled(writer)) {
                loop_settle(p->loop);
                g_assert_true(dbus_watch_handle(writer, DBUS_WATCH_WRITABLE));
        }
        g_assert_false(dbus_connection_has_messages_to_send(p->client));
        peers_free(p);
}

/* Reading by hand. */
static void handle_readable(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};
        DBusWatch *reader = NULL;

        dbus_connection_set_watch_functions(p->client, add_watch, remove_watch, toggle_watch, &h,
                                            NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(h.watches); i++) {
                if (h.watches[i] && dbus_watch_get_flags(h.watches[i]) & DBUS_WATCH_READABLE)
                        reader = h.watches[i];
        }
        g_assert_true(dbus_watch_get_enabled(reader));
        /* There is nothing, which does no harm. */
        g_assert_true(dbus_watch_handle(reader, DBUS_WATCH_READABLE));
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->client), ==, DBUS_DISPATCH_COMPLETE);
        send_away(p->service, signal_new("/a", "S"));
        loop_settle(p->loop);
        g_assert_true(dbus_watch_handle(reader, DBUS_WATCH_READABLE));
        g_assert_cmpint(dbus_connection_get_dispatch_status(p->client), ==,
                        DBUS_DISPATCH_DATA_REMAINS);
        peers_free(p);
}

static void handle_hangup(void)
{
        static const struct {
                const char *name;
                unsigned flags;
        } ways[] = {
                {"hangup", DBUS_WATCH_HANGUP},
                {"error", DBUS_WATCH_ERROR},
                {"readable", DBUS_WATCH_READABLE},
                {"readable and hangup", DBUS_WATCH_READABLE | DBUS_WATCH_HANGUP},
        };

        for (size_t i = 0; i < G_N_ELEMENTS(ways); i++) {
                struct peers *p = unwatched();
                struct holder h = {0};
                DBusWatch *reader;
                DBusMessage *m;

                dbus_connection_set_watch_functions(p->client, add_watch, remove_watch,
                                                    toggle_watch, &h, NULL);
                reader = h.watches[0];
                for (size_t k = 0; k < G_N_ELEMENTS(h.watches); k++) {
                        if (h.watches[k] &&
                            dbus_watch_get_flags(h.watches[k]) & DBUS_WATCH_READABLE)
                                reader = h.watches[k];
                }
                send_away(p->service, signal_new("/a", "S"));
                loop_settle(p->loop);
                dbus_connection_close(p->service);
                g_assert_true(dbus_watch_handle(reader, ways[i].flags));
                note("%s: connected %d", ways[i].name, dbus_connection_get_is_connected(p->client));
                while ((m = dbus_connection_pop_message(p->client))) {
                        note_message(ways[i].name, m);
                        dbus_message_unref(m);
                }
                peers_free(p);
        }
}

/* Timeouts. */
static void timeout_of_pending(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *pending;
        DBusTimeout *t;
        int one;

        g_assert_true(dbus_connection_set_timeout_functions(p->client, add_timeout, remove_timeout,
                                                            toggle_timeout, &h, free_holder));
        g_assert_cmpint(h.added, ==, 0);
        dbus_connection_send_with_reply(p->client, m, &pending, 1234);
        g_assert_cmpint(h.added, ==, 1);
        t = h.timeouts[0];
        g_assert_cmpint(dbus_timeout_get_interval(t), ==, 1234);
        g_assert_true(dbus_timeout_get_enabled(t));
        freed = 0;
        g_assert_null(dbus_timeout_get_data(t));
        dbus_timeout_set_data(t, &one, count_freed);
        g_assert_true(dbus_timeout_get_data(t) == &one);
        dbus_timeout_set_data(t, &h, count_freed);
        g_assert_cmpint(freed, ==, 1);
        g_assert_true(dbus_timeout_get_data(t) == &h);
        dbus_pending_call_cancel(pending);
        g_assert_cmpint(h.removed, ==, 1);
        g_assert_null(h.timeouts[0]);
        dbus_pending_call_unref(pending);
        g_assert_cmpint(freed, ==, 2);
        dbus_message_unref(m);
        peers_free(p);
        g_assert_cmpint(h.freed, ==, 1);
}

/* What -1 means, and that infinity needs no timeout. */
static void intervals(void)
{
        static const int wanted[] = {
                0, 1, 25000, -1, 21600000, 21600001, 7200000, 0x7ffffffe, DBUS_TIMEOUT_INFINITE};
        struct peers *p = unwatched();

        for (size_t i = 0; i < G_N_ELEMENTS(wanted); i++) {
                struct holder h = {0};
                DBusMessage *m = call_new("/a", "M");
                DBusPendingCall *pending;

                dbus_connection_set_timeout_functions(p->client, add_timeout, remove_timeout,
                                                      toggle_timeout, &h, NULL);
                dbus_connection_send_with_reply(p->client, m, &pending, wanted[i]);
                if (h.timeouts[0])
                        note("%d: %d, enabled %d", wanted[i],
                             dbus_timeout_get_interval(h.timeouts[0]),
                             dbus_timeout_get_enabled(h.timeouts[0]));
                else
                        note("%d: none", wanted[i]);
                dbus_pending_call_cancel(pending);
                dbus_pending_call_unref(pending);
                dbus_message_unref(m);
                dbus_connection_set_timeout_functions(p->client, NULL, NULL, NULL, NULL, NULL);
        }
        peers_free(p);
}

/* Handling it is what ends the call, whenever that is. */
static void timeout_handled(void)
{
        struct peers *p = unwatched();
        struct holder h = {0};
        DBusMessage *m = call_new("/a", "M"), *reply;
        DBusPendingCall *pending;

        dbus_connection_set_timeout_functions(p->client, add_timeout, remove_timeout,
                                              toggle_timeout, &h, NULL);
        dbus_connection_send_with_reply(p->client, m, &pending, 100000);
        g_assert_false(dbus_pending_call_get_completed(pending));
        g_assert_true(dbus_timeout_handle(h.timeouts[0]));
        note("completed %d", dbus_pending_call_get_completed(pending));
        while (dbus_connection_dispatch(p->client) == DBUS_DISPATCH_DATA_REMAINS)
                continue;
        g_assert_true(dbus_pending_call_get_completed(pending));
        reply = dbus_pending_call_steal_reply(pending);
        note_message("reply", reply);
        note("added %d, removed %d, toggled %d", h.added, h.removed, h.toggled);
        dbus_message_unref(reply);
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        peers_free(p);
}

static void timeout_refused(void)
{
        struct peers *p = unwatched();
        struct holder h = {.refuse_at = 1};
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *pending = NULL;

        dbus_connection_set_timeout_functions(p->client, add_timeout, remove_timeout,
                                              toggle_timeout, &h, NULL);
        g_assert_false(dbus_connection_send_with_reply(p->client, m, &pending, 1000));
        note("pending %s", pending ? "set" : "NULL");
        dbus_message_unref(m);
        peers_free(p);
}

static void timeout_set_late(void)
{
        struct peers *p = unwatched();
        struct holder h = {0}, other = {0};
        DBusMessage *m = call_new("/a", "M");
        DBusPendingCall *pending;

        dbus_connection_send_with_reply(p->client, m, &pending, 1000);
        dbus_connection_set_timeout_functions(p->client, add_timeout, remove_timeout,
                                              toggle_timeout, &h, free_holder);
        g_assert_cmpint(h.added, ==, 1);
        dbus_connection_set_timeout_functions(p->client, add_timeout, remove_timeout,
                                              toggle_timeout, &other, free_holder);
        g_assert_cmpint(h.removed, ==, 1);
        g_assert_cmpint(h.freed, ==, 1);
        g_assert_cmpint(other.added, ==, 1);
        dbus_connection_close(p->client);
        note("at the end: removed %d", other.removed);
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
        peers_free(p);
        g_assert_cmpint(other.freed, ==, 1);
        g_assert_cmpint(other.removed, ==, 1);
}

/* Waking up. */
static void count_wakeup(void *data)
{
        ++*(int *)data;
}

static void send_much(DBusConnection *connection)
{
        g_autofree char *text = g_strnfill(4 << 20, 'x');
        DBusMessage *m = signal_new("/a", "S");

        dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_INVALID);
        send_away(connection, m);
}

/* Whoever sends wakes the loop, if there is something left to be written. */
static void wakeup(void)
{
        struct peers *p = unwatched();
        int woken = 0, other = 0;

        freed = 0;
        dbus_connection_set_wakeup_main_function(p->client, count_wakeup, &woken, count_freed);
        send_away(p->client, signal_new("/a", "S"));
        note("written at once: %d", woken);
        send_much(p->client);
        g_assert_true(dbus_connection_has_messages_to_send(p->client));
        g_assert_cmpint(woken, >=, 1);
        note("written in part: %d", woken);
        dbus_connection_set_wakeup_main_function(p->client, count_wakeup, &other, count_freed);
        g_assert_cmpint(freed, ==, 1);
        woken = 0;
        send_much(p->client);
        g_assert_cmpint(woken, ==, 0);
        note("once more: %d", other);
        dbus_connection_set_wakeup_main_function(p->client, NULL, NULL, NULL);
        g_assert_cmpint(freed, ==, 2);
        other = 0;
        send_much(p->client);
        g_assert_cmpint(other, ==, 0);
        dbus_connection_set_wakeup_main_function(p->client, count_wakeup, &other, count_freed);
        peers_free(p);
        g_assert_cmpint(freed, ==, 3);
}

static void wakeup_when_received(void)
{
        struct peers *p = unwatched();
        int woken = 0;

        dbus_connection_set_wakeup_main_function(p->client, count_wakeup, &woken, NULL);
        send_away(p->service, signal_new("/a", "S"));
        loop_settle(p->loop);
        dbus_connection_read_write(p->client, 0);
        note("read: %d", woken);
        woken = 0;
        dbus_connection_dispatch(p->client);
        note("dispatch: %d", woken);
        woken = 0;
        dbus_connection_close(p->client);
        note("close: %d", woken);
        dbus_connection_set_wakeup_main_function(p->client, NULL, NULL, NULL);
        peers_free(p);
}

int main(int argc, char **argv)
{
        static const struct test tests[] = {
                {"/watch/which", which},
                {"/watch/removed-at-close", removed_at_close},
                {"/watch/set-after-close", set_after_close},
                {"/watch/replaced", replaced},
                {"/watch/refused", refused},
                {"/watch/without-toggle", without_toggle},
                {"/watch/data", data_of_watch},
                {"/watch/life/client", life},
                {"/watch/life/pending", life_with_pending},
                {"/watch/life/service", life_of_service},
                {"/watch/full-socket", full_socket},
                {"/watch/handle/readable", handle_readable},
                {"/watch/handle/hangup", handle_hangup},
                {"/watch/timeout/of-pending", timeout_of_pending},
                {"/watch/timeout/intervals", intervals},
                {"/watch/timeout/handled", timeout_handled},
                {"/watch/timeout/refused", timeout_refused},
                {"/watch/timeout/set-late", timeout_set_late},
                {"/watch/wakeup/send", wakeup},
                {"/watch/wakeup/receive", wakeup_when_received},
                {NULL, NULL},
        };

        return harness_run(argc, argv, tests);
}
