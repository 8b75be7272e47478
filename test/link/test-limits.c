/* SPDX-License-Identifier: MIT */
/*
 * Who wants no more than so much in a message loses its connection when more comes, as it does by
 * the bus: its callers are told.
 */
#include <sys/resource.h>
#include <unistd.h>

#include "scene.h"
#include "watches.h"

#define LEAST 5000

struct wish {
        const char *name;
        void (*limit)(DBusConnection *c);
        void (*exceed)(DBusMessage *m);
        unsigned n_links; /* of the receiver */
};

static void limit_size(DBusConnection *c)
{
        dbus_connection_set_max_message_size(c, LEAST);
}

static void limit_fds(DBusConnection *c)
{
        dbus_connection_set_max_message_unix_fds(c, 1);
}

static void add_bytes(DBusMessage *m)
{
        g_autofree uint8_t *bytes = g_malloc0(LEAST);

        dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE, &bytes, LEAST,
                                 DBUS_TYPE_INVALID);
}

static void add_fds(DBusMessage *m)
{
        const int fd = STDIN_FILENO;

        dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_UNIX_FD, &fd,
                                 DBUS_TYPE_INVALID);
}

static void call(struct party *a, const struct party *b, const char *member,
                 void (*exceed)(DBusMessage *m))
{
        DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, b->name, member, 1);
        DBusPendingCall *pending;

        if (exceed)
                exceed(m);
        g_assert_true(
                dbus_connection_send_with_reply(a->connection, m, &pending, DBUS_TIMEOUT_INFINITE));
        g_assert_true(dbus_pending_call_set_notify(pending, party_show_reply, a, NULL));
        dbus_pending_call_unref(pending);
        dbus_message_unref(m);
}

static void test_wish(gconstpointer data)
{
        const struct wish *w = data;
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s), *other = party_new(s);
        uint64_t before;

        link_up(a, b);
        if (w->n_links > 1)
                link_up(other, b);
        w->limit(b->connection);
        round_trip(a, b);
        party_forget(a);
        party_forget(b);
        before = link_messages(a, b);
        party_say(a, b->name, "Ahead", 1);
        call(a, b, "More", w->exceed);
        call(a, b, "Behind", NULL);
        party_say(other, b->name, "Later", 1);
        if (scene_has_links(s))
                g_assert_cmpuint(link_messages(a, b), ==, before + 3);
        while (a->seen.length < 2)
                scene_turn(s);
        g_assert_false(dbus_connection_get_is_connected(b->connection));
        for (GList *l = a->seen.head; l; l = l->next)
                g_assert_cmpstr(dbus_message_get_error_name(l->data), ==, DBUS_ERROR_NO_REPLY);
        g_assert_cmpuint(a->seen.length, ==, 2);
        /* What came ahead of it is received, and nothing that came behind it. */
        g_assert_cmpuint(party_count(b, "Ahead"), ==, 1);
        g_assert_cmpuint(party_count(b, "More"), ==, 0);
        g_assert_cmpuint(party_count(b, "Behind"), ==, 0);
        /* Both links have an order, what goes by the bus may be earlier. */
        if (scene_has_links(s) && w->n_links > 1)
                g_assert_cmpuint(party_count(b, "Later"), ==, 0);
        /* Nobody else notices. */
        round_trip(a, other);
        scene_free(s);
}

/* Lets a process have no more descriptors than it has. */
static void limit_descriptors(struct rlimit *was)
{
        int next = dup(STDIN_FILENO);
        struct rlimit now;

        g_assert_no_errno(next);
        close(next);
        g_assert_no_errno(getrlimit(RLIMIT_NOFILE, was));
        now = (struct rlimit){(rlim_t)next, was->rlim_max};
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &now));
}

/* Nor can a message whose descriptors have no room be received without them. */
static void test_no_room(gconstpointer data)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s), *other = party_new(s);
        struct rlimit was;

        link_up(a, b);
        if (GPOINTER_TO_UINT(data) > 1)
                link_up(other, b);
        call(a, b, "More", add_fds);
        call(a, b, "Behind", NULL);
        /* Without a link, they have to have come. */
        b->deaf = true;
        scene_settle(s);
        limit_descriptors(&was);
        party_turn(b);
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &was));
        while (a->seen.length < 2)
                scene_turn(s);
        for (GList *l = a->seen.head; l; l = l->next)
                g_assert_cmpstr(dbus_message_get_error_name(l->data), ==, DBUS_ERROR_NO_REPLY);
        g_assert_cmpuint(b->seen.length, ==, 0);
        scene_free(s);
}

/* Who keeps what came is sent no more than that, until it has let go of it: the rest waits. */
static void test_kept(void)
{
        enum { N = 4000, KEPT = 20000 };
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        struct watches *w;
        uint32_t n = 0;

        link_up(a, b);
        b->deaf = true;
        dbus_connection_set_max_received_size(b->connection, KEPT);
        w = watches_new(b->connection);
        for (unsigned i = 0; i < N; ++i) {
                party_say(a, b->name, "Say", i);
                watches_turn(w);
        }
        scene_settle(s);
        while (watches_turn(w))
                ;
        /* Far fewer than there are: a read may bring more than is wanted, once. */
        g_assert_cmpuint(b->seen.length, <, N / 2);
        while (n < N) {
                DBusMessage *m;

                while ((m = g_queue_pop_head(&b->seen))) {
                        g_assert_cmpuint(numbered(m), ==, n++);
                        dbus_message_unref(m);
                }
                scene_turn(s);
                watches_turn(w);
        }
        watches_free(w);
        scene_free(s);
}

static const struct wish wishes[] = {
        {"size/one-link", limit_size, add_bytes, 1},
        {"size/two-links", limit_size, add_bytes, 2},
        {"fds/one-link", limit_fds, add_fds, 1},
        {"fds/two-links", limit_fds, add_fds, 2},
};

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        for (size_t i = 0; i < G_N_ELEMENTS(wishes); ++i) {
                /* The reference makes room for descriptors once, and then has it. */
                if (wishes[i].limit == limit_fds && g_getenv("LINK_TEST_STOCK_LIBRARY"))
                        continue;
                g_autofree char *path = g_strconcat("/limits/", wishes[i].name, NULL);

                g_test_add_data_func(path, &wishes[i], test_wish);
        }
        g_test_add_func("/limits/kept", test_kept);
        g_test_add_data_func("/limits/no-room/one-link", GUINT_TO_POINTER(1), test_no_room);
        g_test_add_data_func("/limits/no-room/two-links", GUINT_TO_POINTER(2), test_no_room);
        return g_test_run();
}
