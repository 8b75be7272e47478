/* SPDX-License-Identifier: MIT */
/* The configuration files that we install do what those of the reference do, where it is installed:
 * the same settings, and the same verdict about every message out of a few thousand. */
#include <glib.h>
#include <glib/gstdio.h>
#include <string.h>

#include "bus/config.h"
#include "policy-fixture.h"

/* Loads a file without what it includes, which is the system's business. NULL: there is none. */
static struct config *load_alone(const char *path)
{
        char *text, *error, *copy;
        struct config *c = NULL;
        GRegex *include;
        GError *problem = NULL;
        int fd = g_file_open_tmp("test-config-files-XXXXXX", &copy, NULL), r;

        g_assert_cmpint(fd, >=, 0);
        g_close(fd, NULL);
        if (g_file_get_contents(path, &text, NULL, NULL)) {
                char *alone;

                include = g_regex_new("<include[^>]*>[^<]*</include(dir)?>", 0, 0, &problem);
                g_assert_no_error(problem);
                alone = g_regex_replace_literal(include, text, -1, 0, "", 0, &problem);
                g_assert_no_error(problem);
                g_assert_true(g_file_set_contents(copy, alone, -1, NULL));
                r = config_load(copy, &c, NULL, &error);
                if (r)
                        g_test_message("%s: %s", path, error);
                g_assert_cmpint(r, ==, 0);
                g_free(alone);
                g_free(text);
                g_regex_unref(include);
        }
        g_remove(copy);
        g_free(copy);
        return c;
}

static void assert_same_strings(const struct config_strings *a, const struct config_strings *b)
{
        g_assert_cmpuint(a->n, ==, b->n);
        for (size_t i = 0; i < a->n; i++)
                g_assert_cmpstr(a->items[i], ==, b->items[i]);
}

static void assert_same_settings(const struct config *a, const struct config *b)
{
        g_assert_cmpstr(a->type, ==, b->type);
        g_assert_cmpstr(a->user, ==, b->user);
        g_assert_cmpstr(a->pidfile, ==, b->pidfile);
        g_assert_cmpint(!a->servicehelper, ==, !b->servicehelper);
        g_assert_cmpint(a->fork, ==, b->fork);
        g_assert_cmpint(a->syslog, ==, b->syslog);
        g_assert_cmpint(a->keep_umask, ==, b->keep_umask);
        g_assert_cmpint(a->allow_anonymous, ==, b->allow_anonymous);
        g_assert_cmpint(a->apparmor, ==, b->apparmor);
        assert_same_strings(&a->listen, &b->listen);
        assert_same_strings(&a->mechanisms, &b->mechanisms);
        g_assert_cmpmem(&a->limits, sizeof(a->limits), &b->limits, sizeof(b->limits));
        g_assert_cmpint(a->n_service_dirs > 0, ==, b->n_service_dirs > 0);
}

#define BUS "org.freedesktop.DBus"

static const char *const destinations[] = {NULL, BUS, "com.example.A", ":1.5"};
static const char *const interfaces[] = {
        NULL,
        BUS,
        BUS ".Introspectable",
        BUS ".Properties",
        BUS ".Containers1",
        BUS ".Debug.Stats",
        BUS ".Monitoring",
        BUS ".Peer",
        BUS ".Verbose",
        "org.freedesktop.systemd1.Activator",
        "com.example.I",
};
static const char *const members[] = {NULL, "UpdateActivationEnvironment", "Hello"};

static void compare_message(const struct policy_view *a, const struct policy_view *b,
                            const struct policy_message *m, struct name_registry *names)
{
        struct policy_verdict x = policy_may_send(a, m, names), y = policy_may_send(b, m, names);

        g_assert_cmpint(x.allow, ==, y.allow);
        g_assert_cmpint(x.log, ==, y.log);
        x = policy_may_receive(a, m, names);
        y = policy_may_receive(b, m, names);
        g_assert_cmpint(x.allow, ==, y.allow);
        g_assert_cmpint(x.log, ==, y.log);
}

/* `variant`: bits 0-1: reply, requested; bit 2: eavesdropped. */
static void compare_fields(const struct policy_view *a, const struct policy_view *b,
                           struct message_fields *fields, unsigned variant)
{
        struct name_registry names;
        struct name_owner other = {.unique_name = ":1.9"};
        struct test_message t;
        struct policy_message m = {
                .message = &t.message,
                .requested_reply = variant & 2,
                .addressed = variant & 4 ? &other : NULL,
        };

        name_registry_init(&names);
        list_init(&other.ownerships);
        fields->reply_serial = variant & 1;
        test_message_init(&t, fields);
        compare_message(a, b, &m, &names);
        test_message_deinit(&t);
        name_registry_deinit(&names);
}

static void compare_views(const struct policy_view *a, const struct policy_view *b)
{
        struct message_fields f = {.path = "/", .sender = ":1.6"};

        for (f.type = MESSAGE_METHOD_CALL; f.type <= MESSAGE_SIGNAL; f.type++) {
                for (size_t d = 0; d < G_N_ELEMENTS(destinations); d++) {
                        for (size_t i = 0; i < G_N_ELEMENTS(interfaces); i++) {
                                for (size_t k = 0; k < G_N_ELEMENTS(members) * 8; k++) {
                                        f.destination = destinations[d];
                                        f.interface = interfaces[i];
                                        f.member = members[k / 8];
                                        compare_fields(a, b, &f, k % 8);
                                }
                        }
                }
        }
        g_assert_cmpint(policy_may_own(a, "a.b", 3), ==, policy_may_own(b, "a.b", 3));
}

static void assert_same_policies(struct policy *a, struct policy *b)
{
        static const uid_t uids[] = {0, 1};

        for (size_t i = 0; i < G_N_ELEMENTS(uids); i++) {
                struct credentials who = {.has_uid = true, .uid = uids[i], .has_groups = true};
                struct policy_view *v, *w;

                g_assert_cmpint(policy_may_connect(a, &who, 0), ==, policy_may_connect(b, &who, 0));
                g_assert_cmpint(policy_view_get(a, &who, false, &v), ==, 0);
                g_assert_cmpint(policy_view_get(b, &who, false, &w), ==, 0);
                compare_views(v, w);
                policy_view_unref(v);
                policy_view_unref(w);
        }
}

static void test_same(gconstpointer name)
{
        char *ours = g_test_build_filename(G_TEST_BUILT, "..", "..", "bus", name, NULL);
        char *theirs = g_build_filename("/usr/share/dbus-1", name, NULL);
        struct config *a = load_alone(ours), *b = load_alone(theirs);

        g_assert_nonnull(a);
        if (!b) {
                g_test_skip("the reference's file is not installed");
        } else {
                assert_same_settings(a, b);
                assert_same_policies(a->policy, b->policy);
        }
        config_free(a);
        config_free(b);
        g_free(ours);
        g_free(theirs);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_unsetenv("XDG_RUNTIME_DIR");
        g_test_add_data_func("/config-files/session", "session.conf", test_same);
        g_test_add_data_func("/config-files/system", "system.conf", test_same);
        return g_test_run();
}
