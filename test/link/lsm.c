/* SPDX-License-Identifier: MIT */
/*
 * Security modules mediate what goes by the bus. Who would get round that by a link gets none; and
 * links that there are end with a policy that has something against them.
 */
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scene.h"

/* More than it takes for a pair to be busy. */
#define MANY 1000

#define LINK_INTERFACE "org.freedesktop.DBus.PeerLinks1"

#define SELINUX  "set selinux 1\nset netlink %s/netlink\n"
#define APPARMOR "set apparmor 1\nset apparmorfs %s/apparmor\n"

struct bus {
        char *directory, *script, *netlink, *features, *mask;
        char *base; /* lines that always count */
        struct daemon *daemon;
        struct scene *scene;
};

static void set_script(const struct bus *b, const char *lines)
{
        g_autofree char *text = g_strconcat(lines, "\n", b->base, NULL);

        g_assert_true(g_file_set_contents(b->script, text, -1, NULL));
}

static struct bus *bus_new(const char *base)
{
        struct bus *b = g_new0(struct bus, 1);
        g_auto(GStrv) parts = g_strsplit(base, "%s", -1);

        b->directory = g_dir_make_tmp("link-lsm-XXXXXX", NULL);
        g_assert_nonnull(b->directory);
        b->base = g_strjoinv(b->directory, parts);
        b->script = g_build_filename(b->directory, "script", NULL);
        b->netlink = g_build_filename(b->directory, "netlink", NULL);
        b->features = g_build_filename(b->directory, "apparmor", "features", "dbus", NULL);
        b->mask = g_build_filename(b->features, "mask", NULL);
        g_assert_no_errno(mkfifo(b->netlink, 0600));
        g_assert_no_errno(g_mkdir_with_parents(b->features, 0700));
        g_assert_true(g_file_set_contents(b->mask, "acquire send receive\n", -1, NULL));
        set_script(b, "");
        /* For the daemon alone. */
        g_setenv("LD_PRELOAD", FAKE_LSM, TRUE);
        g_setenv("FAKE_LSM_SCRIPT", b->script, TRUE);
        b->daemon = daemon_new(NULL);
        g_unsetenv("LD_PRELOAD");
        b->scene = scene_on(b->daemon);
        return b;
}

static void bus_free(struct bus *b)
{
        g_autofree char *parent = g_path_get_dirname(b->features);
        g_autofree char *top = g_path_get_dirname(parent);

        scene_free(b->scene);
        g_unlink(b->script);
        g_unlink(b->netlink);
        g_unlink(b->mask);
        g_rmdir(b->features);
        g_rmdir(parent);
        g_rmdir(top);
        g_assert_no_errno(g_rmdir(b->directory));
        g_free(b->directory);
        g_free(b->script);
        g_free(b->netlink);
        g_free(b->features);
        g_free(b->mask);
        g_free(b->base);
        g_free(b);
}

static struct party *connect_as(struct bus *b, const char *label)
{
        g_autofree char *line = g_strdup_printf("set peer %s", label);
        struct party *p;

        set_script(b, line);
        p = party_new(b->scene);
        set_script(b, "");
        return p;
}

static void expect_no_link(struct bus *b, struct party *one, struct party *other)
{
        g_autofree char *why = NULL;

        for (unsigned i = 0; i < MANY; ++i)
                round_trip(one, other);
        g_assert_cmpuint(link_count(b->scene), ==, 0);
        why = link_why_not(b->scene, one->name, other->name);
        g_assert_nonnull(why);
        g_assert_nonnull(strstr(why, "policy"));
}

/* The kernel has a new policy. */
static void load_policy(const struct bus *b)
{
        int fd = open(b->netlink, O_WRONLY | O_NONBLOCK | O_CLOEXEC);

        g_assert_no_errno(fd);
        g_assert_cmpint(write(fd, "x", 1), ==, 1);
        close(fd);
}

static void wait_no_link(struct bus *b)
{
        gint64 deadline = g_get_monotonic_time() + CLIENT_DEADLINE_S * G_USEC_PER_SEC;

        while (link_count(b->scene)) {
                g_assert_cmpint(g_get_monotonic_time(), <, deadline);
                scene_turn(b->scene);
        }
}

/* What may pass unseen may pass by a link, until it may not. */
static void test_selinux(void)
{
        struct bus *b = bus_new(SELINUX);
        struct party *one = connect_as(b, "one"), *other = connect_as(b, "other");

        link_up(one, other);
        /* A policy that changes nothing for them. */
        set_script(b, "deny *third*");
        load_policy(b);
        for (unsigned i = 0; i < 100; ++i)
                round_trip(one, other);
        g_assert_cmpuint(link_count(b->scene), ==, 1);
        set_script(b, "audit avc_has_perm other one *");
        load_policy(b);
        wait_no_link(b);
        expect_no_link(b, one, other);
        bus_free(b);
}

/* It is to be known that they talk. */
static void test_selinux_audited(void)
{
        struct bus *b = bus_new(SELINUX "audit avc_has_perm one other *\n");
        struct party *one = connect_as(b, "one"), *other = connect_as(b, "other");

        expect_no_link(b, one, other);
        bus_free(b);
}

/* Permissive mode lets a message pass that should not, and tells of it. */
static void test_selinux_permissive(void)
{
        struct bus *b = bus_new(SELINUX "set permissive 1\ndeny avc_has_perm other one *\n");
        struct party *one = connect_as(b, "one"), *other = connect_as(b, "other");

        expect_no_link(b, one, other);
        bus_free(b);
}

static void test_apparmor(void)
{
        struct bus *b = bus_new(APPARMOR);
        struct party *one = connect_as(b, "unconfined"), *other = connect_as(b, "unconfined");
        struct party *confined = connect_as(b, "some enforce");
        struct party *complaining = connect_as(b, "some complain");

        expect_no_link(b, one, confined);
        expect_no_link(b, complaining, one);
        expect_no_link(b, complaining, confined);
        link_up(one, other);
        bus_free(b);
}

/* The list tells of others: it is mediated like any call. */
static void test_list(void)
{
        struct bus *b = bus_new(APPARMOR);
        struct party *one = connect_as(b, "some enforce");
        DBusMessage *call = dbus_message_new_method_call(DBUS_SERVICE_DBUS, DBUS_PATH_DBUS,
                                                         LINK_INTERFACE, "ListLinks");
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *reply;

        set_script(b, "deny *ListLinks");
        reply = dbus_connection_send_with_reply_and_block(one->connection, call, -1, &error);
        g_assert_null(reply);
        g_assert_cmpstr(error.name, ==, DBUS_ERROR_ACCESS_DENIED);
        g_assert_true(g_str_has_prefix(error.message, "An AppArmor policy prevents"));
        dbus_error_free(&error);
        set_script(b, "");
        reply = dbus_connection_send_with_reply_and_block(one->connection, call, -1, &error);
        g_assert_nonnull(reply);
        dbus_message_unref(reply);
        dbus_message_unref(call);
        bus_free(b);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        if (daemon_is_stock() || daemon_is_instrumented()) {
                g_test_message("there are no links, or nothing can be preloaded");
                return 0;
        }
        g_test_add_func("/lsm/selinux", test_selinux);
        g_test_add_func("/lsm/selinux-audited", test_selinux_audited);
        g_test_add_func("/lsm/selinux-permissive", test_selinux_permissive);
        g_test_add_func("/lsm/apparmor", test_apparmor);
        g_test_add_func("/lsm/list", test_list);
        return g_test_run();
}
