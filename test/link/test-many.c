/* SPDX-License-Identifier: MIT */
/*
 * Many clients, and what an administrator sets: links have bounds.
 */
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config-file.h"
#include "moment.h"
#include "raw-peer.h"
#include "scene.h"

static void raise_limit(void)
{
        struct rlimit l;

        g_assert_no_errno(getrlimit(RLIMIT_NOFILE, &l));
        l.rlim_cur = l.rlim_max;
        g_assert_no_errno(setrlimit(RLIMIT_NOFILE, &l));
}

static void talk(struct client *from, const struct client *to, unsigned n)
{
        const struct wire_head head = {
                .type = WIRE_CALL,
                .flags = WIRE_NO_REPLY,
                .path = SCENE_PATH,
                .interface = SCENE_INTERFACE,
                .member = "Talk",
                .destination = to->name,
        };

        for (unsigned i = 0; i < n; ++i)
                client_send(from, &head, NULL);
        client_flush(from);
}

static void drop_all(struct client *c)
{
        struct incoming *m;

        client_pump(&c, 1, 0);
        while ((m = client_take(c)))
                incoming_free(m);
}

/* A thousand clients, each of which talks to its two neighbours and to one far away. */
static void test_thousand(void)
{
        enum { N = 1000, MOST = 100, EACH = 3, BUSY = 80 };
        g_autofree struct raw_peer **all = g_new0(struct raw_peer *, N);
        struct scene *s;
        unsigned n_links;

        raise_limit();
        s = scene_new("<?peer-links max=\"100\" max_per_connection=\"3\" max_per_user=\"10000\"?>"
                      "<limit name=\"max_connections_per_user\">2000</limit>");
        for (unsigned i = 0; i < N; ++i)
                all[i] = raw_peer_new(s);
        for (unsigned i = 0; i < N; ++i) {
                const unsigned others[] = {(i + 1) % N, (i + N - 1) % N, (i + N / 2) % N};

                for (unsigned j = 0; j < G_N_ELEMENTS(others); ++j) {
                        talk(all[i]->client, all[others[j]]->client, BUSY);
                        drop_all(all[others[j]]->client);
                }
                drop_all(all[i]->client);
                if (i % 50)
                        continue;
                n_links = link_count(s);
                g_assert_cmpuint(n_links, <=, MOST);
                /* A socket and a clock for each, and what a link needs. */
                g_assert_cmpuint(daemon_count_fds(s->daemon), <=,
                                 s->daemon->n_fds + 2 * (N + 1) + MOST + 8 * EACH);
        }
        g_assert_cmpuint(link_count(s), ==, MOST);
        for (unsigned i = 0; i < N; ++i)
                raw_peer_free(all[i]);
        /* The daemon has no descriptor more than before: that is looked at now. */
        scene_free(s);
}

static void test_per_connection(void)
{
        enum { N = 8, MOST = 4 };
        struct scene *s = scene_new("<?peer-links max_per_connection=\"4\"?>");
        struct party *hub = party_new(s), *others[N];
        g_autofree char *why = NULL;

        for (unsigned i = 0; i < N; ++i) {
                others[i] = party_new(s);
                if (i < MOST)
                        link_up(hub, others[i]);
                for (unsigned j = 0; j < 200; ++j)
                        round_trip(hub, others[i]);
                g_assert_cmpuint(link_count(s), ==, MIN(i + 1, MOST));
        }
        why = link_why_not(s, hub->name, others[N - 1]->name);
        g_assert_cmpstr(why, ==, "too many links");
        /* Two others may. */
        link_up(others[0], others[N - 1]);
        scene_free(s);
}

static void test_per_user(void)
{
        struct scene *s = scene_new("<?peer-links max_per_user=\"4\"?>");
        struct party *all[8];

        for (unsigned i = 0; i < 8; i += 2) {
                all[i] = party_new(s);
                all[i + 1] = party_new(s);
                for (unsigned j = 0; j < 300; ++j)
                        round_trip(all[i], all[i + 1]);
                /* Both ends are the same user's, who pays for both. */
                g_assert_cmpuint(link_count(s), ==, MIN(i / 2 + 1, 2));
        }
        scene_free(s);
}

/* The link that nobody uses gives way to one that is wanted; one that is used does not. */
static void test_reclaim(void)
{
        struct scene *s = scene_new("<?peer-links max_per_connection=\"2\"?>");
        struct party *a = party_new(s), *b = party_new(s), *c = party_new(s), *d = party_new(s);
        struct listed l;

        link_up(a, b);
        link_up(a, c);
        for (unsigned i = 0; i < 500; ++i)
                round_trip(a, d);
        g_assert_false(link_find(s, a->name, d->name, &l));
        /* Until one has been idle for long enough. */
        while (!link_find(s, a->name, d->name, &l)) {
                round_trip(a, b);
                for (unsigned i = 0; i < 20; ++i)
                        round_trip(a, d);
                g_assert_true(link_find(s, a->name, b->name, &l));
        }
        g_assert_false(link_find(s, a->name, c->name, &l));
        scene_free(s);
}

static void never(void *data)
{
        (void)data;
}

/* Of links that have nothing none is read, however many there are. */
static void test_ready(void)
{
        enum { N = 50 };
        struct scene *s = scene_new("<?peer-links max_per_connection=\"50\"?>");
        struct party *hub = party_new(s), *others[N];

        for (unsigned i = 0; i < N; ++i) {
                others[i] = party_new(s);
                link_up(hub, others[i]);
        }
        g_assert_cmpuint(link_count(s), ==, N);
        for (unsigned i = 0; i < N; ++i) {
                moment_after_link_read(N / 2, never, NULL);
                round_trip(others[i], hub);
                round_trip(hub, others[i]);
                g_assert_true(moment_cancel());
        }
        /* And of those that have something, all are: ahead of what came by the bus. */
        party_match(hub, "type='signal',member='Told'");
        party_forget(hub);
        for (unsigned i = 0; i < N; ++i)
                party_say(others[i], hub->name, "Say", i);
        party_signal(others[0], NULL, "Told", N);
        hub->deaf = true;
        scene_settle(s);
        while (party_count(hub, "Told") < 1)
                party_turn(hub);
        g_assert_cmpuint(hub->seen.length, ==, N + 1);
        for (uint32_t i = 0; i <= N; ++i)
                g_assert_cmpuint(numbered(g_queue_peek_nth(&hub->seen, i)), ==, i);
        g_assert_cmpuint(link_count(s), ==, N);
        scene_free(s);
}

/* What the file may say, and what not. The reference skips what is not for it. */
static const struct {
        const char *config;
        const char *wrong; /* why; NULL: it is right */
} files[] = {
        {"<?peer-links?>", NULL},
        {"<?peer-links enabled=\"yes\"?>", NULL},
        {"<?peer-links enabled=\"no\" max=\"0\" max_per_user=\"0\"?>", NULL},
        {"<?peer-links   max=\"4294967295\"\n max_per_connection=\"1\" ?>", NULL},
        {"<?other-thing enabled=\"maybe\"?>", NULL},
        {"<?peer-links enabled=\"maybe\"?>",
         "enabled=\"maybe\" in <?peer-links?>: only yes or no are possible"},
        {"<?peer-links enabled=\"\"?>",
         "enabled=\"\" in <?peer-links?>: only yes or no are possible"},
        {"<?peer-links enabled=yes?>", "\"enabled=yes\" in <?peer-links?> is no key=\"value\""},
        {"<?peer-links max=\"4294967296\"?>", "max=\"4294967296\" in <?peer-links?>: no number"},
        {"<?peer-links max=\"-1\"?>", "max=\"-1\" in <?peer-links?>: no number"},
        {"<?peer-links max=\" 1\"?>", "max=\" 1\" in <?peer-links?>: no number"},
        {"<?peer-links max=\"1x\"?>", "max=\"1x\" in <?peer-links?>: no number"},
        {"<?peer-links max=\"\"?>", "max=\"\" in <?peer-links?>: no number"},
        {"<?peer-links most=\"1\"?>", "<?peer-links?> has no \"most\""},
        {"<?peer-links garbage?>", "\"garbage\" in <?peer-links?> is no key=\"value\""},
};

static void test_configuration(void)
{
        struct scene *s = scene_new(NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(files); ++i) {
                if (scene_try_reload(s, files[i].config) != (!files[i].wrong || daemon_is_stock()))
                        g_error("%s", files[i].config);
        }
        scene_free(s);
}

/* Counted from 1; of the first line that has this in it. */
static unsigned line_of(const char *path, const char *what)
{
        g_autofree char *text = NULL;
        unsigned line = 1;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        for (const char *end = strstr(text, what), *p = text; p < end; ++p)
                line += *p == '\n';
        return line;
}

/* A bus does not start with what is wrong, and says where that is, and why. */
static void test_start(void)
{
        struct scene *s = scene_new(NULL);
        g_autofree char *path = g_strconcat(s->daemon->directory, "/wrong.conf", NULL);
        g_autofree char *socket = g_strconcat(s->daemon->directory, "/wrong", NULL);
        g_autofree char *option = g_strconcat("--config-file=", path, NULL);
        const char *const command[] = {daemon_path(), "--nofork", option, NULL};

        for (size_t i = 0; i < G_N_ELEMENTS(files); ++i) {
                g_autofree char *said = NULL, *place = NULL;
                int status;

                if (!files[i].wrong)
                        continue;
                config_file_write(path, socket, files[i].config);
                g_assert_true(g_spawn_sync(NULL, (char **)(uintptr_t)command, NULL,
                                           G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL, &said,
                                           &status, NULL));
                g_assert_true(WIFEXITED(status) && WEXITSTATUS(status));
                place = g_strdup_printf("Error in file %s, line %u, ", path,
                                        line_of(path, "<?peer-links"));
                if (!strstr(said, place) || !strstr(said, files[i].wrong))
                        g_error("%s: %s", files[i].config, said);
                g_assert_false(g_file_test(socket, G_FILE_TEST_EXISTS));
        }
        unlink(path);
        scene_free(s);
}

/* Links are switched off and on; those that there are go at once. */
static void test_switch(void)
{
        struct scene *s = scene_new("<?peer-links enabled=\"no\"?>");
        struct party *a = party_new(s), *b = party_new(s);

        for (unsigned i = 0; i < 300; ++i)
                round_trip(a, b);
        g_assert_cmpuint(link_count(s), ==, 0);
        party_free(a);
        party_free(b);
        scene_reload(s, NULL);
        a = party_new(s);
        b = party_new(s);
        link_up(a, b);
        scene_reload(s, "<?peer-links enabled=\"no\"?>");
        g_assert_cmpuint(link_count(s), ==, 0);
        for (unsigned i = 0; i < 300; ++i)
                round_trip(a, b);
        g_assert_cmpuint(link_count(s), ==, 0);
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/many/configuration", test_configuration);
        if (daemon_is_stock())
                return g_test_run();
        g_test_add_func("/many/start", test_start);
        g_test_add_func("/many/switch", test_switch);
        g_test_add_func("/many/per-connection", test_per_connection);
        g_test_add_func("/many/per-user", test_per_user);
        g_test_add_func("/many/reclaim", test_reclaim);
        g_test_add_func("/many/ready", test_ready);
        g_test_add_func("/many/thousand", test_thousand);
        return g_test_run();
}
