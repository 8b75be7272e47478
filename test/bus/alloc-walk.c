/* SPDX-License-Identifier: MIT */
/*
 * Lets the n-th allocation of the bus fail, for all n, in everything that clients do with it: it
 * lives on, everyone but those concerned is served, and nothing is leaked.
 */
#include <stdlib.h>
#include <unistd.h>

#include "alloc-faults.h"
#include "scene.h"

static bool skip(void)
{
        if (!alloc_faults_work)
                g_test_skip("this sanitizer does not share malloc()");
        return !alloc_faults_work;
}

/* What is walked: does something during which the n-th allocation fails. Returns false if there are
 * not so many. */
typedef bool walk_step(const void *data, unsigned n, bool lasting);

/* The step leaves nothing behind. But libraries keep what they allocate when they first need it, so
 * only what a step leaves behind each time is a leak. */
static bool balanced_step(walk_step *step, const void *data, unsigned n, bool lasting)
{
        enum { TRIES = 3 };
        unsigned n_fds = inproc_count_fds(), n_fds_after;
        long n_leaked = 0;
        bool failed;

        for (unsigned i = 0; i < TRIES; ++i) {
                long before = alloc_faults_balance();

                failed = step(data, n, lasting);
                n_leaked = alloc_faults_balance() - before;
                n_fds_after = inproc_count_fds();
                if (!n_leaked && n_fds_after == n_fds)
                        return failed;
                n_fds = n_fds_after;
        }
        g_error("%ld allocations are leaked if the one after %u fails, or a descriptor", n_leaked,
                n);
}

static void walk(walk_step *step, const void *data)
{
        /* libc itself does not survive that it cannot set up its databases (nsswitch.conf(5)). */
        step(data, UINT_MAX, false);
        for (int lasting = 0; lasting < 2; ++lasting) {
                unsigned n = 0;

                while (balanced_step(step, data, n, lasting))
                        n += 1;
                g_test_message("%u failures", n);
                g_assert_cmpuint(n, >, 0);
        }
}

static bool scene_step(const void *data, unsigned n, bool lasting)
{
        const struct scene_script *script = data;
        struct scene s;
        bool failed;

        scene_init(&s, script);
        alloc_faults_arm(n, lasting);
        script->act(&s);
        failed = alloc_faults_disarm();
        scene_check(&s, script, !failed);
        scene_deinit(&s);
        return failed;
}

static void test_scene(gconstpointer script)
{
        if (!skip())
                walk(scene_step, script);
}

static const char rich_config[] =
        "<type>session</type>"
        "<auth>EXTERNAL</auth><auth>ANONYMOUS</auth>"
        "<standard_session_servicedirs/>"
        "<servicedir>/nonexistent/services</servicedir>"
        "<include ignore_missing=\"yes\">missing.conf</include>"
        "<includedir>missing.d</includedir>"
        "<policy user=\"root\"><allow own_prefix=\"test\"/></policy>"
        "<policy group=\"root\"><deny send_interface=\"test.I\" send_member=\"M\"/></policy>"
        "<policy context=\"mandatory\"><deny receive_sender=\"test.Name\"/></policy>"
        "<policy at_console=\"true\"><allow send_path=\"/test\"/></policy>"
        "<limit name=\"max_names_per_connection\">7</limit>";

/* Reading a configuration, and starting to listen. */
static bool start_step(const void *config, unsigned n, bool lasting)
{
        struct inproc *d = inproc_new(config);
        bool failed;
        int r;

        alloc_faults_arm(n, lasting);
        r = inproc_start(d);
        failed = alloc_faults_disarm();
        if (!failed)
                g_assert_cmpint(r, ==, 0);
        inproc_free(d);
        return failed;
}

static void test_start(void)
{
        if (!skip())
                walk(start_step, rich_config);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/alloc-walk/start", test_start);
        for (size_t i = 0; i < n_scene_scripts; ++i) {
                g_autofree char *path = g_strdup_printf("/alloc-walk/%s", scene_scripts[i].name);

                g_test_add_data_func(path, &scene_scripts[i], test_scene);
        }
        return g_test_run();
}
