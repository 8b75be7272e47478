/* SPDX-License-Identifier: MIT */
/*
 * Applications of all kinds: with a main loop of their own, with threads, with more than one bus,
 * with none of our links. None has to do anything for its links.
 */
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

/* Calls somebody without end, in a process of its own. */
struct calls {
        char callee[64], caller[64];
        volatile uint32_t done;
};

static void call_on(struct scene *s, void *shared)
{
        struct calls *c = shared;
        struct party *a = party_new(s);

        g_strlcpy(c->caller, a->name, sizeof(c->caller));
        for (uint32_t n = 1;; ++n) {
                DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, c->callee, "Echo", n),
                            *reply;

                reply = dbus_connection_send_with_reply_and_block(a->connection, m, -1, NULL);
                if (!reply)
                        g_error("no reply to call %u", n);
                g_assert_cmpuint(numbered(reply), ==, n);
                c->done = n;
                dbus_message_unref(m);
                dbus_message_unref(reply);
        }
}

static pid_t calls_begin(struct scene *s, struct calls *c, const struct party *callee)
{
        memset((void *)(uintptr_t)c, 0, sizeof(*c));
        g_strlcpy(c->callee, callee->name, sizeof(c->callee));
        return child_start(s, call_on, c);
}

/* A main loop: the watches that it was told of. */
static dbus_bool_t add_watch(DBusWatch *w, void *data)
{
        g_ptr_array_add(data, w);
        return TRUE;
}

static void remove_watch(DBusWatch *w, void *data)
{
        g_ptr_array_remove(data, w);
}

/* Polls, with no deadline but the test's, and handles one watch. */
static void loop_turn(GPtrArray *watches, DBusConnection *c)
{
        struct pollfd p[8];
        DBusWatch *polled[8];
        nfds_t n = 0;

        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                ;
        for (guint i = 0; i < watches->len; ++i) {
                DBusWatch *w = g_ptr_array_index(watches, i);
                unsigned flags = dbus_watch_get_flags(w);

                if (!dbus_watch_get_enabled(w))
                        continue;
                g_assert_cmpuint(n, <, G_N_ELEMENTS(p));
                p[n].fd = dbus_watch_get_unix_fd(w);
                p[n].events = (short)((flags & DBUS_WATCH_READABLE ? POLLIN : 0) |
                                      (flags & DBUS_WATCH_WRITABLE ? POLLOUT : 0));
                polled[n++] = w;
        }
        if (poll(p, n, CLIENT_DEADLINE_S * 1000) <= 0)
                g_error("nothing wakes the main loop");
        for (nfds_t i = 0; i < n; ++i) {
                if (!p[i].revents)
                        continue;
                dbus_watch_handle(polled[i],
                                  (p[i].revents & POLLIN ? DBUS_WATCH_READABLE : 0) |
                                          (p[i].revents & POLLOUT ? DBUS_WATCH_WRITABLE : 0) |
                                          (p[i].revents & POLLHUP ? DBUS_WATCH_HANGUP : 0));
                break;
        }
        while (dbus_connection_dispatch(c) == DBUS_DISPATCH_DATA_REMAINS)
                ;
}

static void test_main_loop(void)
{
        enum { N = 5000 };
        struct scene *s = scene_new(NULL);
        struct calls *c = shared_new(2 * sizeof(*c));
        struct party *b = party_new(s);
        GPtrArray *watches = g_ptr_array_new();
        struct listed l;
        pid_t pids[2];

        g_assert_true(dbus_connection_set_watch_functions(b->connection, add_watch, remove_watch,
                                                          NULL, watches, NULL));
        /* Two of them, so that there are cuts. */
        for (unsigned i = 0; i < 2; ++i)
                pids[i] = calls_begin(s, &c[i], b);
        while (c[0].done < N || c[1].done < N) {
                loop_turn(watches, b->connection);
                party_forget(b);
        }
        for (unsigned i = 0; i < 2 && scene_has_links(s); ++i) {
                g_assert_true(link_find(s, b->name, c[i].caller, &l));
                g_assert_cmpuint(l.ends[0].messages, >, N / 2);
        }
        for (unsigned i = 0; i < 2; ++i)
                child_kill(pids[i]);
        g_assert_true(
                dbus_connection_set_watch_functions(b->connection, NULL, NULL, NULL, NULL, NULL));
        shared_free(c, 2 * sizeof(*c));
        scene_free(s);
        g_ptr_array_unref(watches);
}

/* Who asks for the descriptor may poll that alone. */
static void test_raw_descriptor(void)
{
        enum { N = 1000 };
        struct scene *s = scene_new(NULL);
        struct calls *c = shared_new(sizeof(*c));
        struct party *b = party_new(s);
        struct pollfd p = {.events = POLLIN};
        uint32_t from;
        pid_t pid = calls_begin(s, c, b);

        while (c->done < N || (scene_has_links(s) && !link_count(s))) {
                scene_turn(s);
                party_forget(b);
        }
        g_assert_true(dbus_connection_get_unix_fd(b->connection, &p.fd));
        /* What it asked for may be on its way. */
        while (link_count(s))
                scene_turn(s);
        from = c->done;
        scene_settle(s);
        while (c->done < from + N) {
                if (poll(&p, 1, CLIENT_DEADLINE_S * 1000) != 1)
                        g_error("nothing wakes who polls for the bus");
                party_turn(b);
                party_forget(b);
        }
        g_assert_cmpuint(link_count(s), ==, 0);
        child_kill(pid);
        shared_free(c, sizeof(*c));
        scene_free(s);
}

struct caller {
        struct party *party;
        const char *callee;
        uint32_t from;
};

static void *call_in_thread(void *data)
{
        enum { N = 2000 };
        struct caller *c = data;

        for (uint32_t n = c->from; n < c->from + N; ++n) {
                DBusMessage *m = numbered_new(DBUS_MESSAGE_TYPE_METHOD_CALL, c->callee, "Echo", n),
                            *reply;

                reply = dbus_connection_send_with_reply_and_block(c->party->connection, m,
                                                                  CLIENT_DEADLINE_S * 1000, NULL);
                if (!reply)
                        g_error("no reply to call %u", n);
                g_assert_cmpuint(numbered(reply), ==, n);
                dbus_message_unref(m);
                dbus_message_unref(reply);
        }
        return NULL;
}

static void serve(struct scene *s, void *shared)
{
        struct calls *c = shared;
        struct party *b = party_new(s);

        g_strlcpy(c->callee, b->name, sizeof(c->callee));
        for (;;) {
                dbus_connection_read_write_dispatch(b->connection, -1);
                party_forget(b);
        }
}

/* Threads that share a connection, while two connections call: to the same process. */
static void test_threads(void)
{
        enum { THREADS = 4 };
        struct scene *s = scene_new(NULL);
        struct calls *c = shared_new(sizeof(*c));
        struct party *a = party_new(s);
        struct caller callers[THREADS];
        pthread_t threads[THREADS];
        struct listed l;
        pid_t pid = child_start(s, serve, c);

        while (!*(volatile char *)c->callee)
                scene_turn(s);
        for (uint32_t i = 0; i < THREADS; ++i) {
                callers[i] = (struct caller){a, c->callee, i * 100000};
                g_assert_cmpint(pthread_create(&threads[i], NULL, call_in_thread, &callers[i]), ==,
                                0);
        }
        for (unsigned i = 0; i < THREADS; ++i)
                pthread_join(threads[i], NULL);
        if (scene_has_links(s)) {
                g_assert_true(link_find(s, a->name, c->callee, &l));
                g_assert_cmpuint(l.ends[0].messages, >, 1000);
        }
        child_kill(pid);
        shared_free(c, sizeof(*c));
        scene_free(s);
}

/* Two buses in one process: their links have nothing to do with each other. */
static void test_two_buses(void)
{
        struct scene *s[2] = {scene_new(NULL), scene_new(NULL)};
        struct party *a[2], *b[2];

        for (unsigned i = 0; i < 2; ++i) {
                a[i] = party_new(s[i]);
                b[i] = party_new(s[i]);
                link_up(a[i], b[i]);
        }
        if (scene_has_links(s[0])) {
                process_stop(s[0]->daemon->pid);
                for (unsigned i = 0; i < 100; ++i) {
                        round_trip(a[0], b[0]);
                        round_trip(a[1], b[1]);
                }
                process_continue(s[0]->daemon->pid);
        }
        scene_free(s[0]);
        for (unsigned i = 0; i < 100; ++i)
                round_trip(a[1], b[1]);
        scene_free(s[1]);
}

/* A child that does nothing with its copies takes nothing away. */
static void test_fork(void)
{
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        struct listed before, after;
        int status;
        pid_t pid;

        link_up(a, b);
        pid = fork();
        g_assert_no_errno(pid);
        if (!pid)
                _exit(0);
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        if (scene_has_links(s))
                link_get(s, a, b, &before);
        for (unsigned i = 0; i < 100; ++i)
                round_trip(a, b);
        if (scene_has_links(s)) {
                link_get(s, a, b, &after);
                g_assert_cmpuint(after.ends[0].messages, ==, before.ends[0].messages + 100);
        }
        scene_free(s);
}

/* Runs this program again, to answer on a bus. Returns its process, and a pipe to hold it. */
static pid_t answer_elsewhere(struct scene *s, const char *links, struct calls *c)
{
        g_autofree char *address = g_strconcat("unix:path=", s->daemon->socket, NULL);
        int out[2];
        ssize_t n;
        pid_t pid;

        g_assert_no_errno(pipe(out));
        pid = fork();
        g_assert_no_errno(pid);
        if (!pid) {
                g_setenv("DBUS_PEER_LINKS", links, TRUE);
                dup2(out[1], STDOUT_FILENO);
                close(out[0]);
                close(out[1]);
                execl("/proc/self/exe", "link-apps", "--answer", address, (char *)NULL);
                _exit(127);
        }
        close(out[1]);
        n = read(out[0], c->callee, sizeof(c->callee) - 1);
        g_assert_cmpint(n, >, 0);
        c->callee[n] = '\0';
        close(out[0]);
        return pid;
}

static G_NORETURN void answer(const char *address)
{
        struct daemon d = {.socket = g_strdup(address + strlen("unix:path="))};
        struct party *p = party_new(scene_on(&d));

        g_assert_cmpint(write(STDOUT_FILENO, p->name, strlen(p->name)), >, 0);
        while (dbus_connection_read_write_dispatch(p->connection, -1))
                party_forget(p);
        exit(0);
}

static unsigned count_sockets(pid_t pid)
{
        g_autofree char *path = g_strdup_printf("/proc/%ld/fd", (long)pid);
        GDir *dir = g_dir_open(path, 0, NULL);
        const char *name;
        unsigned n = 0;

        while ((name = g_dir_read_name(dir))) {
                g_autofree char *link = g_build_filename(path, name, NULL);
                g_autofree char *is = g_file_read_link(link, NULL);

                n += is && g_str_has_prefix(is, "socket:");
        }
        g_dir_close(dir);
        return n;
}

/* A program can be told to do without, and nobody's links are inherited by a program. */
static void test_exec(gconstpointer data)
{
        const char *links = data;
        bool wants = !g_str_equal(links, "0");
        struct scene *s = scene_new(NULL);
        struct party *a = party_new(s), *b = party_new(s);
        struct calls c = {0};
        struct listed l;
        pid_t pid;

        link_up(a, b);
        pid = answer_elsewhere(s, links, &c);
        /* Its own two connections. */
        g_assert_cmpuint(count_sockets(pid), ==, 2);
        call_in_thread(&(struct caller){a, c.callee, 0});
        if (scene_has_links(s))
                g_assert_true(link_find(s, a->name, c.callee, &l) == wants);
        child_kill(pid);
        scene_free(s);
}

int main(int argc, char **argv)
{
        if (argc == 3 && g_str_equal(argv[1], "--answer"))
                answer(argv[2]);
        daemon_test_init(&argc, &argv);
        g_test_add_func("/apps/main-loop", test_main_loop);
        g_test_add_func("/apps/raw-descriptor", test_raw_descriptor);
        g_test_add_func("/apps/threads", test_threads);
        g_test_add_func("/apps/two-buses", test_two_buses);
        g_test_add_func("/apps/fork", test_fork);
        g_test_add_data_func("/apps/exec/with-links", "1", test_exec);
        g_test_add_data_func("/apps/exec/without", "0", test_exec);
        return g_test_run();
}
