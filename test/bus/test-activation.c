/* SPDX-License-Identifier: MIT */
/*
 * Services that the daemon starts. Most are this program itself, which then takes a name and
 * answers; others end at once, or are not programs at all.
 */
#include <dirent.h>
#include <glib/gstdio.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config-file.h"
#include "daemon-fixture.h"
#include "traffic.h"

#define NAP_US 2000

#define INTERFACE "test.Service"

/* How often services are started one after the other; TEST_ACTIVATIONS in the environment says
 * otherwise. */
#define ACTIVATIONS 300

static char *own_path;

static void answer(struct client *c, const struct incoming *call)
{
        const struct wire_head head = {
                .type = WIRE_RETURN,
                .flags = WIRE_NO_REPLY,
                .reply_serial = call->v.serial,
                .destination = call->v.sender,
        };

        client_send(c, &head, NULL);
        client_flush(c);
}

/* Asks for a name, and does not wait: what was held for it comes before the answer. */
static void claim(struct client *c, const char *name)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = WIRE_BUS_PATH,
                .interface = WIRE_BUS,
                .member = "RequestName",
                .destination = WIRE_BUS,
                .signature = "su",
        };
        GByteArray *body = wire_body_string(name);

        wire_put_u32(body, 0);
        client_send(c, &head, body);
        client_flush(c);
        g_byte_array_unref(body);
}

/* The part of the service: owns the name, and answers until it is told to quit. */
static int serve(const char *name)
{
        const char *address = g_getenv("DBUS_STARTER_ADDRESS");
        g_auto(GStrv) parts = g_strsplit_set(address ? address : "", "=,", -1);
        struct client *c;
        bool quit = false;

        g_assert_cmpuint(g_strv_length(parts), >=, 2);
        c = client_new(parts[1]);
        claim(c, name);
        while (!quit) {
                struct incoming *m = client_receive_or_end(c);

                if (!m)
                        break;
                if (m->v.type == WIRE_CALL) {
                        answer(c, m);
                        quit = g_str_equal(m->v.member, "Quit");
                }
                incoming_free(m);
        }
        client_free(c);
        return 0;
}

/* A daemon, and the directory of its service files. */
struct stage {
        struct daemon *d;
        char *services;
};

static void stage_init(struct stage *s, const char *more)
{
        g_autofree char *elements = NULL;
        struct client *c;

        s->d = daemon_new(NULL);
        s->services = g_build_filename(s->d->directory, "services", NULL);
        g_assert_no_errno(g_mkdir(s->services, 0700));
        elements = g_strdup_printf("<servicedir>%s</servicedir>%s", s->services, more);
        config_file_write(s->d->config, s->d->socket, elements);
        c = client_new(s->d->socket);
        client_tell_bus(c, "ReloadConfig", NULL, NULL);
        s->d->n_fds = daemon_count_fds(s->d) - 1;
        client_free(c);
        daemon_wait_fds(s->d, 0);
}

static void add_service(const struct stage *s, const char *name, const char *exec)
{
        g_autofree char *file = g_strdup_printf("%s/%s.service", s->services, name);
        g_autofree char *text = g_strdup_printf("[D-BUS Service]\nName=%s\nExec=%s\n", name, exec);

        g_assert_true(g_file_set_contents(file, text, -1, NULL));
}

/* One that is this program. */
static void add_real_service(const struct stage *s, const char *name)
{
        g_autofree char *exec = g_strdup_printf("%s --service %s", own_path, name);

        add_service(s, name, exec);
}

static void stage_deinit(struct stage *s)
{
        GDir *dir = g_dir_open(s->services, 0, NULL);
        const char *entry;

        while ((entry = g_dir_read_name(dir))) {
                g_autofree char *path = g_build_filename(s->services, entry, NULL);

                g_unlink(path);
        }
        g_dir_close(dir);
        g_assert_no_errno(g_rmdir(s->services));
        g_free(s->services);
        daemon_free(s->d);
}

/* Children of a process that are there: running, or not reaped. */
static unsigned count_children(pid_t parent)
{
        DIR *dir = opendir("/proc");
        const struct dirent *entry;
        unsigned n = 0;

        g_assert_nonnull(dir);
        while ((entry = readdir(dir))) {
                g_autofree char *path = g_strdup_printf("/proc/%s/stat", entry->d_name);
                g_autofree char *text = NULL;
                const char *rest;

                if (!g_ascii_isdigit(entry->d_name[0]) ||
                    !g_file_get_contents(path, &text, NULL, NULL))
                        continue;
                /* "pid (comm) state ppid ..." */
                rest = strrchr(text, ')');
                n += rest && strlen(rest) > 4 && atoi(rest + 4) == parent;
        }
        closedir(dir);
        return n;
}

static void wait_children(const struct stage *s, unsigned n)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        while (count_children(s->d->pid) != n) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                g_usleep(NAP_US);
        }
}

static uint32_t call(struct client *c, const char *name, const char *member)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .path = "/test",
                .interface = INTERFACE,
                .member = member,
                .destination = name,
        };

        return client_send(c, &head, NULL);
}

/* Calls, and fails the test unless the answer is this error; NULL: a return. */
static void expect(struct client *c, const char *name, const char *member, const char *error)
{
        struct incoming *m = client_reply(c, call(c, name, member));

        g_assert_cmpstr(m->v.error_name, ==, error);
        incoming_free(m);
}

static void start(struct client *c, const char *name, uint32_t expected)
{
        GByteArray *body = wire_body_string(name);
        struct incoming *m;
        uint32_t at = 0;

        wire_put_u32(body, 0);
        m = client_call_bus(c, "StartServiceByName", "su", body);
        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        g_assert_cmpuint(wire_read_u32(&m->v, &at), ==, expected);
        incoming_free(m);
}

/* It comes when it is called, and again after it has gone. */
static void test_real(void)
{
        struct stage s;
        struct client *c;

        stage_init(&s, "");
        add_real_service(&s, "test.Real");
        c = client_new(s.d->socket);
        for (unsigned i = 0; i < 3; ++i) {
                expect(c, "test.Real", "Hi", NULL);
                start(c, "test.Real", 2);
                g_assert_cmpuint(count_children(s.d->pid), ==, 1);
                expect(c, "test.Real", "Quit", NULL);
                wait_children(&s, 0);
        }
        start(c, "test.Real", 1);
        expect(c, "test.Real", "Quit", NULL);
        wait_children(&s, 0);
        client_free(c);
        stage_deinit(&s);
}

/* What several clients sent, some of it with descriptors, comes in the order it was sent, and
 * before anything that was sent when the service was there. */
static void test_order(void)
{
        /* All at once they have to find room in the receiver's queue (max_outgoing_unix_fds, 64).
         */
        enum { CLIENTS = 3, ROUNDS = 10 };
        const struct wire_head take = traffic_take(WIRE_CALL, "test.Held", 2);
        const int fds[] = {STDIN_FILENO, STDERR_FILENO};
        struct client *senders[CLIENTS], *owner;
        struct stage s;

        stage_init(&s, "");
        /* Ends with success: somebody may come yet. */
        add_service(&s, "test.Held", "/bin/true");
        owner = client_new(s.d->socket);
        for (unsigned k = 0; k < CLIENTS; ++k)
                senders[k] = client_new(s.d->socket);
        for (unsigned i = 0; i < ROUNDS; ++i) {
                for (unsigned k = 0; k < CLIENTS; ++k) {
                        traffic_send(senders[k], "test.Held", i * CLIENTS + k, 100);
                        client_send_fds(senders[k], &take, NULL, fds, 2);
                        client_ping(senders[k]);
                }
        }
        claim(owner, "test.Held");
        client_flush_taken(owner);
        traffic_send(senders[0], "test.Held", CLIENTS * ROUNDS, 0);
        client_flush(senders[0]);
        for (uint32_t expected = 0; expected <= CLIENTS * ROUNDS;) {
                struct incoming *m = client_receive(owner);

                if (!g_strcmp0(m->v.member, TRAFFIC_MEMBER))
                        g_assert_cmpuint(traffic_number(m), ==, expected++);
                else if (!g_strcmp0(m->v.member, TRAFFIC_TAKE))
                        g_assert_cmpuint(m->n_fds, ==, 2);
                incoming_free(m);
        }
        for (unsigned k = 0; k < CLIENTS; ++k)
                client_free(senders[k]);
        client_free(owner);
        stage_deinit(&s);
}

/* Waits for the failures of the calls from `first` to `last`, in whatever order they come. */
static void take_failures(struct client *c, uint32_t first, uint32_t last)
{
        g_autofree bool *failed = g_new0(bool, last - first + 1);
        uint32_t n = 0;

        while (n <= last - first) {
                struct incoming *m = client_receive(c);

                if (m->v.reply_serial >= first && m->v.reply_serial <= last) {
                        g_assert_cmpint(m->v.type, ==, WIRE_ERROR);
                        g_assert_true(g_str_has_prefix(m->v.error_name, WIRE_ERROR_("Spawn.")));
                        g_assert_false(failed[m->v.reply_serial - first]);
                        failed[m->v.reply_serial - first] = true;
                        n += 1;
                }
                incoming_free(m);
        }
}

/* Nobody who waits is forgotten, or told twice. */
static void test_together(void)
{
        enum { CLIENTS = 40, NAMES = 10 };
        uint32_t first[CLIENTS], last[CLIENTS];
        struct client *clients[CLIENTS];
        struct stage s;

        stage_init(&s, "");
        for (unsigned k = 0; k < CLIENTS; ++k)
                clients[k] = client_new(s.d->socket);
        for (unsigned i = 0; i < NAMES; ++i) {
                g_autofree char *name = g_strdup_printf("test.Fails%u", i);

                add_service(&s, name, i % 2 ? "/bin/false" : "/nonexistent/program");
                for (unsigned k = 0; k < CLIENTS; ++k) {
                        last[k] = call(clients[k], name, "Call");
                        if (i == 0)
                                first[k] = last[k];
                        client_flush(clients[k]);
                }
        }
        for (unsigned k = 0; k < CLIENTS; ++k) {
                take_failures(clients[k], first[k], last[k]);
                client_ping(clients[k]);
                g_assert_null(client_take(clients[k]));
                client_free(clients[k]);
        }
        wait_children(&s, 0);
        stage_deinit(&s);
}

static void wait_gone(struct client *witness, const char *name)
{
        bool there = true;

        while (there) {
                struct incoming *m =
                        client_call_bus(witness, "NameHasOwner", "s", wire_body_string(name));
                uint32_t at = 0;

                there = wire_read_u32(&m->v, &at);
                incoming_free(m);
        }
}

/* Thousands of starts leave nothing behind. */
static void test_many(void)
{
        const char *wanted = g_getenv("TEST_ACTIVATIONS");
        unsigned n = wanted ? (unsigned)atoi(wanted) : ACTIVATIONS;
        struct stage s;
        struct client *c;

        stage_init(&s, "");
        add_service(&s, "test.Fails", "/bin/false");
        add_service(&s, "test.Nothing", "/nonexistent/program");
        add_real_service(&s, "test.Real");
        c = client_new(s.d->socket);
        for (unsigned i = 0; i < n; ++i) {
                switch (i % 8) {
                case 0:
                        expect(c, "test.Real", "Quit", NULL);
                        /* It answers before it goes, and must not get the next call. */
                        wait_gone(c, "test.Real");
                        break;
                case 1:
                        expect(c, "test.Nothing", "Call", WIRE_ERROR_("Spawn.ExecFailed"));
                        break;
                default:
                        expect(c, "test.Fails", "Call", WIRE_ERROR_("Spawn.ChildExited"));
                        break;
                }
        }
        wait_children(&s, 0);
        daemon_wait_fds(s.d, 1);
        client_free(c);
        stage_deinit(&s);
}

/* Whoever waited and went leaves no descriptor, and no message that arrives after all. */
static void test_leavers(void)
{
        const struct wire_head take = traffic_take(WIRE_CALL, "test.Held", 3);
        const int fds[] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
        struct client *owner;
        struct incoming *m;
        struct stage s;
        bool is_answer;

        stage_init(&s, "");
        add_service(&s, "test.Held", "/bin/true");
        owner = client_new(s.d->socket);
        for (unsigned i = 0; i < 20; ++i) {
                struct client *c = client_new(s.d->socket);
                g_autofree char *name = NULL;

                client_send_fds(c, &take, NULL, fds, 3);
                client_ping(c);
                name = g_strdup(c->name);
                client_free(c);
                wait_gone(owner, name);
        }
        claim(owner, "test.Held");
        do {
                m = client_receive(owner);
                is_answer = m->v.type == WIRE_RETURN;
                g_assert_cmpint(m->v.type, !=, WIRE_CALL);
                incoming_free(m);
        } while (!is_answer);
        daemon_wait_fds(s.d, 1);
        client_free(owner);
        stage_deinit(&s);
}

/* A program that takes too long is ended; whoever waits is told. */
static void test_too_late(void)
{
        struct stage s;
        struct client *c;

        stage_init(&s, "<limit name=\"service_start_timeout\">200</limit>");
        add_service(&s, "test.Slow", "/bin/sleep 1000");
        c = client_new(s.d->socket);
        for (unsigned i = 0; i < 3; ++i) {
                expect(c, "test.Slow", "Call", WIRE_ERROR_("TimedOut"));
                wait_children(&s, 0);
        }
        client_free(c);
        stage_deinit(&s);
}

/* The configuration is read again and again while somebody waits. */
static void test_reload(void)
{
        struct client *c, *owner;
        struct incoming *m;
        uint32_t serial;
        struct stage s;
        bool is_call;

        stage_init(&s, "");
        add_service(&s, "test.Held", "/bin/true");
        c = client_new(s.d->socket);
        owner = client_new(s.d->socket);
        serial = call(c, "test.Held", "Call");
        for (unsigned i = 0; i < 30; ++i) {
                g_assert_no_errno(kill(s.d->pid, SIGHUP));
                /* Gone and there again: the directory is watched, too. */
                if (i == 10) {
                        g_autofree char *file =
                                g_build_filename(s.services, "test.Held.service", NULL);

                        g_assert_no_errno(g_unlink(file));
                }
                client_ping(c);
        }
        claim(owner, "test.Held");
        do {
                m = client_receive(owner);
                is_call = m->v.type == WIRE_CALL;
                if (is_call)
                        answer(owner, m);
                incoming_free(m);
        } while (!is_call);
        m = client_reply(c, serial);
        g_assert_cmpint(m->v.type, ==, WIRE_RETURN);
        incoming_free(m);
        client_free(owner);
        client_free(c);
        stage_deinit(&s);
}

/* Services are started without a descriptor to spare. */
static void test_no_descriptors(void)
{
        struct stage s;
        struct client *c;

        if (daemon_skip_if_stock())
                return;
        if (daemon_is_instrumented()) {
                g_test_skip("the tool needs descriptors, too");
                return;
        }
        stage_init(&s, "");
        add_service(&s, "test.Fails", "/bin/false");
        c = client_new(s.d->socket);
        expect(c, "test.Fails", "Call", WIRE_ERROR_("Spawn.ChildExited"));
        daemon_set_room(s.d, 0);
        expect(c, "test.Fails", "Call", WIRE_ERROR_("Spawn.ChildExited"));
        daemon_set_room(s.d, 100);
        client_free(c);
        stage_deinit(&s);
}

int main(int argc, char **argv)
{
        if (argc == 3 && g_str_equal(argv[1], "--service"))
                return serve(argv[2]);
        own_path = g_file_read_link("/proc/self/exe", NULL);
        daemon_test_init(&argc, &argv);
        g_test_add_func("/activation/real", test_real);
        g_test_add_func("/activation/order", test_order);
        g_test_add_func("/activation/together", test_together);
        g_test_add_func("/activation/many", test_many);
        g_test_add_func("/activation/leavers", test_leavers);
        g_test_add_func("/activation/too-late", test_too_late);
        g_test_add_func("/activation/reload", test_reload);
        g_test_add_func("/activation/ours/no-descriptors", test_no_descriptors);
        return g_test_run();
}
