/* SPDX-License-Identifier: MIT */
/*
 * Whoever has been told that it is a monitor, or eavesdrops, is shown everything from then on.
 */
#include <stdatomic.h>
#include <unistd.h>

#include "child.h"
#include "moment.h"

/* In the flags of a message's header. */
#define LET_THROUGH 0x80

static void show_only(struct party *p, DBusMessage *m)
{
        (void)p;
        (void)m;
}

/* A monitor answers nothing, and may say nothing. */
static struct party *listener_new(struct scene *s)
{
        struct party *p = party_new(s);

        p->handle = show_only;
        p->mute = true;
        /* Otherwise the library answers pings, whoever they are for. */
        dbus_connection_set_route_peer_messages(p->connection, TRUE);
        return p;
}

static void become_monitor(struct party *p)
{
        DBusMessage *m = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                      DBUS_INTERFACE_MONITORING, "BecomeMonitor"),
                    *reply;
        DBusMessageIter i, rules;
        dbus_uint32_t flags = 0;
        DBusError error = DBUS_ERROR_INIT;

        dbus_message_iter_init_append(m, &i);
        dbus_message_iter_open_container(&i, DBUS_TYPE_ARRAY, "s", &rules);
        dbus_message_iter_close_container(&i, &rules);
        dbus_message_iter_append_basic(&i, DBUS_TYPE_UINT32, &flags);
        reply = dbus_connection_send_with_reply_and_block(p->connection, m, -1, &error);
        if (!reply)
                g_error("%s: %s", error.name, error.message);
        dbus_message_unref(reply);
        dbus_message_unref(m);
}

static void eavesdrop(struct party *p)
{
        party_match(p, "eavesdrop=true,type='method_call'");
        party_match(p, "eavesdrop=true,type='method_return'");
}

typedef void listen_function(struct party *p);

static listen_function *const ways[] = {become_monitor, eavesdrop};

/* What it was shown is what was said: without the flag that the bus has for linked receivers. */
static void assert_no_flag(struct party *listener)
{
        for (GList *l = listener->seen.head; l; l = l->next) {
                char *bytes;
                int size;

                g_assert_true(dbus_message_marshal(l->data, &bytes, &size));
                g_assert_cmphex(bytes[2] & LET_THROUGH, ==, 0);
                dbus_free(bytes);
        }
}

/* With a descriptor. */
static void answer(struct party *p, DBusMessage *call)
{
        const int fd = STDIN_FILENO;
        dbus_uint32_t n = numbered(call);
        DBusMessage *reply;

        if (dbus_message_get_type(call) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return;
        reply = dbus_message_new_method_return(call);
        dbus_message_append_args(reply, DBUS_TYPE_UINT32, &n, DBUS_TYPE_UNIX_FD, &fd,
                                 DBUS_TYPE_INVALID);
        dbus_connection_send(p->connection, reply, NULL);
        dbus_message_unref(reply);
}

static void assert_answered(struct party *p, uint32_t n)
{
        DBusMessage *m = g_queue_peek_tail(&p->seen);
        dbus_uint32_t is;
        int fd;

        g_assert_true(dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &is, DBUS_TYPE_UNIX_FD, &fd,
                                            DBUS_TYPE_INVALID));
        g_assert_cmpuint(is, ==, n);
        close(fd);
}

struct one {
        listen_function *listens;
        struct party *listener;
};

static void begin(void *data)
{
        struct one *o = data;

        o->listens(o->listener);
}

/* The bus answers between somebody's look at the link and what it then sends over it. */
static void test_in_the_middle(gconstpointer data)
{
        listen_function *listens = ways[GPOINTER_TO_UINT(data)];
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);

        for (unsigned i = 0; i < 10; ++i) {
                struct one o = {listens, listener_new(s)};
                DBusPendingCall *pending;

                b->handle = NULL;
                link_up(a, b);
                b->handle = answer;
                if (i % 2 || !scene_has_links(s)) {
                        moment_before_link_send(begin, &o);
                        party_call(a, b->name, "Echo", 7, &pending);
                        if (moment_cancel())
                                begin(&o);
                } else {
                        party_call(a, b->name, "Echo", 7, &pending);
                        moment_before_link_send(begin, &o);
                }
                while (!dbus_pending_call_get_completed(pending))
                        scene_turn(s);
                dbus_pending_call_unref(pending);
                assert_answered(a, 7);
                if (scene_has_links(s))
                        g_assert_cmpuint(link_count(s), ==, 0);
                scene_settle(s);
                /* The call, if it was begun before it was sent; the reply in any case. */
                if (scene_has_links(s))
                        g_assert_cmpuint(o.listener->seen.length, ==, 1 + i % 2);
                assert_no_flag(o.listener);
                party_forget(o.listener);
                round_trip(a, b);
                while (o.listener->seen.length < 2)
                        scene_turn(s);
                party_free(o.listener);
                scene_settle(s);
        }
        scene_free(s);
}

/* While somebody listens there is no link, and the list says why. */
static void test_none_meanwhile(gconstpointer data)
{
        enum { N = 300 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s), *m = listener_new(s);

        ways[GPOINTER_TO_UINT(data)](m);
        for (unsigned i = 0; i < N; ++i)
                round_trip(a, b);
        while (m->seen.length < 2 * N)
                scene_turn(s);
        if (scene_has_links(s)) {
                g_autofree char *why = link_why_not(s, a->name, b->name);

                g_assert_cmpuint(link_count(s), ==, 0);
                g_assert_cmpstr(why, ==, "somebody monitors or eavesdrops");
        }
        party_free(m);
        link_up(a, b);
        scene_free(s);
}

/* What two processes at full speed tell of themselves. */
struct speed {
        char callee[64];
        _Atomic uint32_t sent;    /* the last call that may have been sent */
        _Atomic uint32_t replied; /* the last one whose reply was seen */
};

static void serve(struct scene *s, void *shared)
{
        struct speed *speed = shared;
        struct party *b = party_new(s);

        g_strlcpy(speed->callee, b->name, sizeof(speed->callee));
        for (;;)
                dbus_connection_read_write_dispatch(b->connection, -1);
}

static void call_on(struct scene *s, void *shared)
{
        struct speed *speed = shared;
        struct party *a = party_new(s);

        for (;;) {
                uint32_t n = atomic_fetch_add(&speed->sent, 1) + 1;
                DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, speed->callee, "Echo",
                                              n),
                            *reply;

                reply = dbus_connection_send_with_reply_and_block(a->connection, m, -1, NULL);
                if (!reply)
                        g_error("no reply to call %u", n);
                g_assert_cmpuint(numbered(reply), ==, n);
                atomic_store(&speed->replied, n);
                dbus_message_unref(m);
                dbus_message_unref(reply);
        }
}

/* From the call `first` on, each call is followed by its reply. Returns the last call. */
static uint32_t check_shown(struct party *m, uint32_t first)
{
        uint32_t call = 0, reply = 0;

        for (GList *l = m->seen.head; l; l = l->next) {
                DBusMessage *shown = l->data;
                uint32_t n = numbered(shown);

                if (dbus_message_get_type(shown) == DBUS_MESSAGE_TYPE_METHOD_CALL) {
                        if (call)
                                g_assert_cmpuint(n, ==, call + 1);
                        else
                                g_assert_cmpuint(n, <=, first);
                        call = n;
                } else {
                        if (reply)
                                g_assert_cmpuint(n, ==, reply + 1);
                        else
                                g_assert_cmpuint(n, <=, first);
                        g_assert_true(!call || n == call);
                        reply = n;
                }
        }
        return call;
}

/* Monitors come and go while a linked pair runs at full speed. */
static void test_full_speed(gconstpointer data)
{
        enum { ROUNDS = 12, N = 300 };
        struct scene *s = scene_new(NULL);
        struct speed *speed = shared_new(sizeof(*speed));
        pid_t b = child_start(s, serve, speed), a;

        while (!*(volatile char *)speed->callee)
                scene_turn(s);
        a = child_start(s, call_on, speed);
        for (unsigned i = 0; i < ROUNDS; ++i) {
                struct party *m = listener_new(s);
                uint32_t first;

                while (scene_has_links(s) && !link_count(s))
                        scene_turn(s);
                ways[GPOINTER_TO_UINT(data)](m);
                /* All that is sent later than this has to be shown. */
                first = atomic_load(&speed->sent) + 1;
                while (m->seen.length < N)
                        scene_turn(s);
                check_shown(m, first);
                party_free(m);
        }
        child_kill(a);
        child_kill(b);
        shared_free(speed, sizeof(*speed));
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_data_func("/monitors/in-the-middle/monitor", GUINT_TO_POINTER(0),
                             test_in_the_middle);
        g_test_add_data_func("/monitors/in-the-middle/eavesdropper", GUINT_TO_POINTER(1),
                             test_in_the_middle);
        g_test_add_data_func("/monitors/none-meanwhile/monitor", GUINT_TO_POINTER(0),
                             test_none_meanwhile);
        g_test_add_data_func("/monitors/none-meanwhile/eavesdropper", GUINT_TO_POINTER(1),
                             test_none_meanwhile);
        g_test_add_data_func("/monitors/full-speed/monitor", GUINT_TO_POINTER(0), test_full_speed);
        g_test_add_data_func("/monitors/full-speed/eavesdropper", GUINT_TO_POINTER(1),
                             test_full_speed);
        return g_test_run();
}
