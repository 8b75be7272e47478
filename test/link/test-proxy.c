/* SPDX-License-Identifier: MIT */
/*
 * A client behind a filtering proxy, as sandboxes have it, never gets a link, whatever it says.
 */
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "raw-peer.h"
#include "scene.h"

#define PROXY "/usr/bin/xdg-dbus-proxy"

struct proxy {
        pid_t pid;
        int pipe; /* it runs until this is closed */
        char *socket;
};

/* Lets all names be talked to, and no more. */
static struct proxy proxy_new(const struct scene *s)
{
        struct proxy p = {.socket = g_build_filename(s->daemon->directory, "proxy", NULL)};
        g_autofree char *address = g_strconcat("unix:path=", s->daemon->socket, NULL);
        int ready[2];
        char c;

        g_assert_no_errno(pipe(ready));
        p.pid = fork();
        g_assert_no_errno(p.pid);
        if (!p.pid) {
                g_autofree char *fd = g_strdup_printf("--fd=%d", ready[1]);

                close(ready[0]);
                execl(PROXY, PROXY, fd, address, p.socket, "--filter", "--talk=org.example.*",
                      "--own=org.example.*", (char *)NULL);
                _exit(127);
        }
        close(ready[1]);
        g_assert_cmpint(read(ready[0], &c, 1), ==, 1);
        p.pipe = ready[0];
        return p;
}

static void proxy_end(struct proxy *p)
{
        close(p->pipe);
        waitpid(p->pid, NULL, 0);
        unlink(p->socket);
        g_free(p->socket);
}

/* Ends what scene_on() made for those behind the proxy. */
static void inside_free(struct scene *inside)
{
        while (inside->parties->len)
                party_free(g_ptr_array_index(inside->parties, 0));
        dbus_connection_close(inside->observer);
        dbus_connection_unref(inside->observer);
        g_ptr_array_unref(inside->parties);
        g_free(inside);
}

/* Talks more than it takes to be busy, and is answered. */
static void talk(struct scene *s, struct party *a, struct party *b)
{
        for (unsigned i = 0; i < 400; ++i) {
                party_call(a, "org.example.Service", "Echo", i, NULL);
                while (!a->seen.length) {
                        party_turn(a);
                        scene_turn(s);
                }
                party_forget(a);
                party_forget(b);
        }
}

/* Links are as if they did not exist for who is behind it; others have theirs. */
static void test_library(void)
{
        struct scene *s = scene_new(NULL), *inside;
        struct proxy proxy = proxy_new(s);
        struct daemon behind = *s->daemon;
        struct party *a, *b = party_new(s), *c = party_new(s);
        struct listed l;

        behind.socket = proxy.socket;
        inside = scene_on(&behind);
        a = party_new(inside);
        party_own(b, "org.example.Service", 0);
        talk(s, a, b);
        g_assert_cmpuint(link_count(s), ==, 0);
        link_up(b, c);
        talk(s, a, b);
        g_assert_false(link_find(s, a->name, b->name, &l));
        inside_free(inside);
        proxy_end(&proxy);
        scene_free(s);
}

static DBusMessage *enable_links(bool wants_reply)
{
        DBusMessage *m =
                dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                             "org.freedesktop.DBus.PeerLinks1", "EnableLinks");
        dbus_uint32_t version = 1;
        dbus_uint64_t now = clock_now();

        dbus_message_set_no_reply(m, !wants_reply);
        dbus_message_append_args(m, DBUS_TYPE_UINT32, &version, DBUS_TYPE_UINT64, &now,
                                 DBUS_TYPE_INVALID);
        return m;
}

/* By hand, whether it wants an answer or not: nothing comes of it. */
static void test_by_hand(void)
{
        struct scene *s = scene_new(NULL), *inside;
        struct proxy proxy = proxy_new(s);
        struct daemon behind = *s->daemon;
        struct party *a, *b = party_new(s), *c = party_new(s);
        DBusMessage *m = enable_links(true);
        DBusError error = DBUS_ERROR_INIT;
        struct listed l;

        behind.socket = proxy.socket;
        inside = scene_on(&behind);
        a = party_new(inside);
        party_own(b, "org.example.Service", 0);
        link_up(b, c);
        g_assert_null(dbus_connection_send_with_reply_and_block(a->connection, m, -1, &error));
        g_assert_true(dbus_error_is_set(&error));
        dbus_error_free(&error);
        dbus_message_unref(m);
        m = enable_links(false);
        dbus_connection_send(a->connection, m, NULL);
        dbus_message_unref(m);
        talk(s, a, b);
        g_assert_false(link_find(s, a->name, b->name, &l));
        g_assert_cmpuint(link_count(s), ==, scene_has_links(s));
        inside_free(inside);
        proxy_end(&proxy);
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        if (!g_file_test(PROXY, G_FILE_TEST_IS_EXECUTABLE)) {
                g_print("1..0 # SKIP there is no " PROXY "\n");
                return 0;
        }
        g_test_add_func("/proxy/library", test_library);
        g_test_add_func("/proxy/by-hand", test_by_hand);
        return g_test_run();
}
