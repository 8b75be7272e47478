/* SPDX-License-Identifier: MIT */
/*
 * Descriptors cross a link with their message, as many as the bus passes.
 */
#include <fcntl.h>
#include <unistd.h>

#include "scene.h"

/* What a bus and its clients take with one message by default. */
#define MAX_FDS 16

/* Sends the readable ends of `n` pipes, in each of which is its number. */
static void send_pipes(struct party *from, const struct party *to, unsigned n)
{
        DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, to->name, "Pipes", n);
        DBusMessageIter i;

        dbus_message_set_no_reply(m, TRUE);
        dbus_message_iter_init_append(m, &i);
        for (unsigned j = 0; j < n; ++j) {
                unsigned char number = (unsigned char)j;
                int ends[2];

                g_assert_no_errno(pipe2(ends, O_CLOEXEC));
                g_assert_cmpint(write(ends[1], &number, 1), ==, 1);
                g_assert_true(dbus_message_iter_append_basic(&i, DBUS_TYPE_UNIX_FD, &ends[0]));
                close(ends[0]);
                close(ends[1]);
        }
        g_assert_true(dbus_connection_send(from->connection, m, NULL));
        dbus_message_unref(m);
}

static void check_pipes(DBusMessage *m, unsigned n)
{
        DBusMessageIter i;

        g_assert_cmpuint(numbered(m), ==, n);
        g_assert_true(dbus_message_iter_init(m, &i));
        for (unsigned j = 0; j < n; ++j) {
                unsigned char number;
                int fd;

                g_assert_true(dbus_message_iter_next(&i));
                g_assert_cmpint(dbus_message_iter_get_arg_type(&i), ==, DBUS_TYPE_UNIX_FD);
                dbus_message_iter_get_basic(&i, &fd);
                g_assert_cmpint(fcntl(fd, F_GETFD), ==, FD_CLOEXEC);
                g_assert_cmpint(read(fd, &number, 1), ==, 1);
                g_assert_cmpint(read(fd, &number, 1), ==, 0);
                g_assert_cmpuint(number, ==, j);
                close(fd);
        }
        g_assert_false(dbus_message_iter_next(&i));
}

static void test_cross(void)
{
        static const unsigned numbers[] = {0, 1, 2, MAX_FDS - 1, MAX_FDS};
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        uint64_t before;

        link_up(a, b);
        before = link_messages(a, b);
        for (unsigned round = 0; round < 20; ++round) {
                for (unsigned i = 0; i < G_N_ELEMENTS(numbers); ++i)
                        send_pipes(a, b, numbers[i]);
                while (b->seen.length < G_N_ELEMENTS(numbers))
                        scene_turn(s);
                for (unsigned i = 0; i < G_N_ELEMENTS(numbers); ++i)
                        check_pipes(g_queue_peek_nth(&b->seen, i), numbers[i]);
                party_forget(b);
        }
        if (scene_has_links(s))
                g_assert_cmpuint(link_messages(a, b), ==, before + 20 * G_N_ELEMENTS(numbers));
        scene_free(s);
}

/* One more than the bus takes is what ends the connection, as it does without a link. */
static void test_too_many(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s), *c = party_new(s);

        link_up(a, b);
        link_up(c, b);
        send_pipes(a, b, MAX_FDS + 1);
        while (dbus_connection_get_is_connected(a->connection))
                scene_turn(s);
        round_trip(c, b);
        g_assert_cmpuint(party_count(b, "Pipes"), ==, 0);
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/fds/cross", test_cross);
        g_test_add_func("/fds/too-many", test_too_many);
        return g_test_run();
}
