/* SPDX-License-Identifier: MIT */
/*
 * Ends of links: of peers that go in the middle of a read, of sockets that take no more, and of
 * processes that were forked and have copies of all.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "moment.h"
#include "raw-peer.h"
#include "watches.h"

static const char *member_at(struct party *p, unsigned i)
{
        DBusMessage *m = g_queue_peek_nth(&p->seen, i);

        return m ? dbus_message_get_member(m) : "";
}

struct going {
        struct raw_peer *peer;
        struct party *linked;
};

/* Hangs up, with something unread in its link, and waits until the bus has noticed. */
static void hang_up(void *data)
{
        const struct going *g = data;
        struct raw_peer *r = g->peer;
        g_autofree char *name = g_strdup(r->client->name);
        struct listed l;

        r->client = client_free(r->client);
        close(r->link);
        r->link = -1;
        while (link_find(g->linked->scene, g->linked->name, name, &l))
                g_usleep(1000);
}

/* Makes it join in. */
static void be_busy(struct party *p)
{
        for (unsigned i = 0; i < 100; ++i)
                party_say(p, p->name, "Busy", i);
        scene_settle(p->scene);
}

/* What was in the link comes ahead of what the bus had meanwhile, wherever the reading was. */
static void test_reset(gconstpointer data)
{
        struct scene *s = scene_new(NULL);
        struct party *victim = party_new(s), *other = party_new(s);
        struct raw_peer *r;
        struct going g;
        const struct wire_head told = {
                .type = WIRE_SIGNAL,
                .path = SCENE_PATH,
                .interface = SCENE_INTERFACE,
                .member = "Told",
        };

        party_match(victim, "type='signal',member='Told'");
        if (GPOINTER_TO_UINT(data) > 1)
                link_up(victim, other);
        else
                be_busy(victim);
        r = raw_peer_new(s);
        g = (struct going){r, victim};
        raw_peer_link(r, victim);
        /* So that the bus reads it, and the peer does not. */
        party_say(victim, r->client->name, "Unread", 1);
        party_forget(victim);
        for (unsigned i = 0; i < 6; ++i) {
                DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_SIGNAL, victim->name, "Linked", i);

                g_assert_true(raw_peer_say(r, m));
        }
        client_send(r->client, &told, NULL);
        client_ping(r->client);
        moment_within_link_read(hang_up, &g);
        while (!party_count(victim, "Told") || party_count(victim, "Linked") < 6)
                scene_turn(s);
        g_assert_false(moment_cancel());
        for (unsigned i = 0; i < 6; ++i) {
                g_assert_cmpstr(member_at(victim, i), ==, "Linked");
                g_assert_cmpuint(numbered(g_queue_peek_nth(&victim->seen, i)), ==, i);
        }
        g_assert_cmpstr(member_at(victim, 6), ==, "Told");
        g_assert_cmpuint(victim->seen.length, ==, 7);
        raw_peer_free(r);
        scene_free(s);
}

static void say_with_fds(struct party *a, const struct party *b, uint32_t n)
{
        DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, b->name, "Say", n);
        const int fd = STDIN_FILENO;

        dbus_message_set_no_reply(m, TRUE);
        if (n % 2)
                dbus_message_append_args(m, DBUS_TYPE_UNIX_FD, &fd, DBUS_TYPE_INVALID);
        g_assert_true(dbus_connection_send(a->connection, m, NULL));
        dbus_message_unref(m);
}

/* Whatever a link refuses goes by the bus, in its order, and the link stays. */
static void test_refused(void)
{
        static const int errors[] = {EAGAIN,   ETOOMANYREFS, ENOBUFS,    ENOMEM,
                                     EMSGSIZE, EPIPE,        ECONNRESET, EPERM};
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        uint32_t n = 0;

        link_up(a, b);
        for (unsigned i = 0; i < 2 * G_N_ELEMENTS(errors); ++i) {
                uint64_t before = link_messages(a, b);

                say_with_fds(a, b, n++);
                moment_refuse_link_send(errors[i / 2]);
                say_with_fds(a, b, n++);
                if (scene_has_links(s))
                        g_assert_cmpuint(link_messages(a, b), ==, before + 1);
                say_with_fds(a, b, n++);
                g_assert_cmpint(moment_cancel(), ==, !scene_has_links(s));
                while (b->seen.length < n)
                        scene_turn(s);
        }
        scene_settle(s);
        g_assert_cmpuint(b->seen.length, ==, n);
        for (uint32_t i = 0; i < n; ++i) {
                DBusMessage *m = g_queue_peek_nth(&b->seen, i);

                g_assert_cmpuint(numbered(m), ==, i);
                g_assert_cmpint(dbus_message_contains_unix_fds(m), ==, i % 2);
        }
        scene_free(s);
}

/* A process that has a copy of all that there is here. */
static pid_t fork_copy(void)
{
        pid_t pid = fork();

        g_assert_no_errno(pid);
        if (pid)
                return pid;
        /* It goes with the test. */
        alarm(CLIENT_DEADLINE_S);
        for (;;)
                pause();
}

static void end_copy(pid_t pid)
{
        g_assert_no_errno(kill(pid, SIGKILL));
        g_assert_cmpint(waitpid(pid, NULL, 0), ==, pid);
}

/* The end of a link is no news for ever, even if a copy of it is in another process. */
static void test_fork_then_end(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s), *c = party_new(s);
        struct watches *watches = watches_new(b->connection);
        pid_t pid;

        link_up(a, b);
        link_up(c, b);
        pid = fork_copy();
        scene_reload(s, "<?peer-links enabled=\"no\"?>");
        scene_settle(s);
        g_assert_cmpuint(link_count(s), ==, 0);
        g_assert_cmpuint(watches_count(watches), >=, 2);
        while (watches_ready(watches))
                scene_turn(s);
        end_copy(pid);
        round_trip(a, b);
        watches_free(watches);
        scene_free(s);
}

/* A process that closes its copy of a connection takes nothing away from the other. */
static void test_fork_then_close(gconstpointer data)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s), *c = party_new(s);
        struct watches *watches = watches_new(b->connection);
        struct listed l = {0}, now = {0};
        pid_t pid;
        int status;

        link_up(a, b);
        if (GPOINTER_TO_UINT(data) > 1)
                link_up(c, b);
        if (scene_has_links(s))
                link_get(s, a, b, &l);
        party_say(a, b->name, "Before", 1);
        pid = fork();
        g_assert_no_errno(pid);
        if (!pid) {
                watches_free(watches);
                dbus_connection_close(b->connection);
                _exit(0);
        }
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFEXITED(status) && !WEXITSTATUS(status));
        while (!party_count(b, "Before"))
                scene_turn(s);
        scene_settle(s);
        party_say(a, b->name, "After", 1);
        if (scene_has_links(s))
                g_assert_true(watches_ready(watches));
        while (!party_count(b, "After"))
                scene_turn(s);
        scene_settle(s);
        g_assert_cmpuint(b->seen.length, ==, 2);
        if (scene_has_links(s)) {
                link_get(s, a, b, &now);
                g_assert_cmpuint(now.id, ==, l.id);
        }
        watches_free(watches);
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        if (!daemon_is_stock()) {
                g_test_add_data_func("/ends/reset/one-link", GUINT_TO_POINTER(1), test_reset);
                g_test_add_data_func("/ends/reset/two-links", GUINT_TO_POINTER(2), test_reset);
        }
        g_test_add_func("/ends/refused", test_refused);
        g_test_add_func("/ends/fork/end", test_fork_then_end);
        g_test_add_data_func("/ends/fork/close/one-link", GUINT_TO_POINTER(1),
                             test_fork_then_close);
        g_test_add_data_func("/ends/fork/close/two-links", GUINT_TO_POINTER(2),
                             test_fork_then_close);
        return g_test_run();
}
