/* SPDX-License-Identifier: MIT */
/*
 * Many clients, and what an administrator sets: links have bounds.
 */
#include <sys/resource.h>

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

/* What the file may say, and what not. The reference skips what is not for it. */
static void test_configuration(void)
{
        static const struct {
                const char *config;
                bool is_right;
        } files[] = {
                {"<?peer-links?>", true},
                {"<?peer-links enabled=\"yes\"?>", true},
                {"<?peer-links enabled=\"no\" max=\"0\" max_per_user=\"0\"?>", true},
                {"<?peer-links   max=\"4294967295\"\n max_per_connection=\"1\" ?>", true},
                {"<?other-thing enabled=\"maybe\"?>", true},
                {"<?peer-links enabled=\"maybe\"?>", false},
                {"<?peer-links enabled=\"\"?>", false},
                {"<?peer-links enabled=yes?>", false},
                {"<?peer-links max=\"4294967296\"?>", false},
                {"<?peer-links max=\"-1\"?>", false},
                {"<?peer-links max=\" 1\"?>", false},
                {"<?peer-links max=\"1x\"?>", false},
                {"<?peer-links max=\"\"?>", false},
                {"<?peer-links most=\"1\"?>", false},
                {"<?peer-links garbage?>", false},
        };
        struct scene *s = scene_new(NULL);

        for (size_t i = 0; i < G_N_ELEMENTS(files); ++i) {
                if (scene_try_reload(s, files[i].config) !=
                    (files[i].is_right || daemon_is_stock()))
                        g_error("%s", files[i].config);
        }
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
        g_test_add_func("/many/switch", test_switch);
        g_test_add_func("/many/per-connection", test_per_connection);
        g_test_add_func("/many/per-user", test_per_user);
        g_test_add_func("/many/reclaim", test_reclaim);
        g_test_add_func("/many/thousand", test_thousand);
        return g_test_run();
}
