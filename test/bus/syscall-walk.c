/* SPDX-License-Identifier: MIT */
/*
 * Lets the n-th system call of the bus fail, for all n, in everything that clients do with it; and
 * lets all of them be interrupted, or do as little as they can get away with.
 */
#include <string.h>

#include "scene.h"
#include "syscall-faults.h"

/* True if there was an n-th call. */
static bool fail_step(const struct scene_script *script, enum syscall_faults_mode mode, unsigned n,
                      unsigned error)
{
        unsigned n_fds = inproc_count_fds();
        struct scene s;
        bool failed;

        scene_init(&s, script);
        syscall_faults_arm(mode, n, error);
        script->act(&s);
        failed = syscall_faults_disarm();
        scene_check(&s, script, !failed);
        scene_deinit(&s);
        g_assert_cmpuint(inproc_count_fds(), ==, n_fds);
        return failed;
}

static void fail_all(const struct scene_script *script, enum syscall_faults_mode mode)
{
        for (unsigned error = 0; error < SYSCALL_FAULTS_ERRORS; ++error) {
                unsigned n = 0;

                while (fail_step(script, mode, n, error))
                        n += 1;
                g_test_message("%u failures", n);
                g_assert_cmpuint(n, >, 0);
        }
}

static void test_fail(gconstpointer script)
{
        fail_all(script, SYSCALL_FAULTS_FAIL);
}

/* In what the bus starts: a service does not come, and whoever waits for it is told. */
static void test_fail_child(gconstpointer script)
{
        fail_all(script, SYSCALL_FAULTS_FAIL_CHILD);
}

static void all_calls(const struct scene_script *script, enum syscall_faults_mode mode)
{
        unsigned n_fds = inproc_count_fds();
        struct scene s;

        scene_init(&s, script);
        syscall_faults_arm(mode, 0, 0);
        script->act(&s);
        scene_check(&s, script, true);
        scene_deinit(&s);
        syscall_faults_disarm();
        g_assert_cmpuint(inproc_count_fds(), ==, n_fds);
}

static void test_interrupt(gconstpointer script)
{
        all_calls(script, SYSCALL_FAULTS_INTERRUPT);
}

static void test_short(gconstpointer script)
{
        all_calls(script, SYSCALL_FAULTS_SHORT);
}

/* Several addresses, one of which cannot be watched. */
static void test_start(void)
{
        static const char more[] = "<listen>unix:tmpdir=/tmp</listen><listen>tcp:host=localhost"
                                   "</listen><listen>unix:tmpdir=/tmp</listen>";
        unsigned n_fds = inproc_count_fds();
        bool failed = true;

        for (unsigned n = 0; failed; ++n) {
                struct inproc *d = inproc_new(more);
                int r;

                syscall_faults_arm(SYSCALL_FAULTS_FAIL, n, 0);
                r = inproc_start(d);
                failed = syscall_faults_disarm();
                if (!failed)
                        g_assert_cmpint(r, ==, 0);
                inproc_free(d);
                g_assert_cmpuint(inproc_count_fds(), ==, n_fds);
        }
}

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*test)(gconstpointer script);
        } kinds[] = {
                {"fail", test_fail},
                {"interrupt", test_interrupt},
                {"short", test_short},
        };

        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/syscall-walk/start", test_start);
        for (size_t k = 0; k < G_N_ELEMENTS(kinds); ++k) {
                for (size_t i = 0; i < n_scene_scripts; ++i) {
                        g_autofree char *path = g_strdup_printf(
                                "/syscall-walk/%s/%s", kinds[k].name, scene_scripts[i].name);

                        g_test_add_data_func(path, &scene_scripts[i], kinds[k].test);
                }
        }
        for (size_t i = 0; i < n_scene_scripts; ++i) {
                if (!strcmp(scene_scripts[i].name, "activation"))
                        g_test_add_data_func("/syscall-walk/fail-child/activation",
                                             &scene_scripts[i], test_fail_child);
        }
        return g_test_run();
}
