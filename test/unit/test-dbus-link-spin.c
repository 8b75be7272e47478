/* SPDX-License-Identifier: MIT */
#include <glib.h>

#include "link-spin.h"

#define US    1000u
#define BOUND (50 * US)

/* A connection that waits, by a clock of its own: nothing here takes time. */
struct waiter {
        struct link_spin spin;
        uint64_t now;  /* nanoseconds */
        uint64_t spun; /* of these, in vain or not */
        unsigned n_waits, n_spins, n_won;
};

static int n_cpus, n_counted;

static int count_cpus(void)
{
        n_counted += 1;
        return n_cpus;
}

static void setup(struct waiter *w, uint64_t bound, int cpus)
{
        *w = (struct waiter){0};
        link_spin_init(&w->spin, bound);
        n_cpus = cpus;
        n_counted = 0;
}

/*
 * One wait. The answer comes after @spinning nanoseconds if we spin, after @asleep if we sleep from
 * the start; if spinning ends without it, after the bound and @asleep. Returns true if it spun.
 */
static bool wait_for(struct waiter *w, uint64_t spinning, uint64_t asleep)
{
        enum link_spin_plan plan = link_spin_plan(&w->spin, count_cpus);
        bool spins = plan == LINK_SPIN_SPIN;
        bool wins = spins && spinning <= w->spin.bound;
        uint64_t took = !spins ? asleep : wins ? spinning : w->spin.bound + asleep;

        w->now += took;
        w->n_waits += 1;
        w->n_spins += spins;
        w->n_won += wins;
        if (spins)
                w->spun += wins ? spinning : w->spin.bound;
        if (plan != LINK_SPIN_SLEEP)
                link_spin_over(&w->spin, spins, wins, took);
        return spins;
}

static void test_wins(void)
{
        struct waiter w;
        unsigned i;

        setup(&w, BOUND, 2);
        for (i = 0; !wait_for(&w, 3 * US, 12 * US); ++i)
                g_assert_cmpuint(i, <, 20);
        /* Not before there is a history. */
        g_assert_cmpuint(i, >=, 4);
        for (i = 0; i < 100000; ++i)
                g_assert_true(wait_for(&w, 3 * US, 12 * US));
        /* Other CPUs may have gone meanwhile, but that is asked rarely. */
        g_assert_cmpint(n_counted, >, 1);
        g_assert_cmpint(n_counted, <=, 100000 / 1000);
}

/* Two who share a CPU by accident: the answer cannot come while one of them spins. */
static void test_never_wins(void)
{
        struct waiter w;
        uint64_t before;

        setup(&w, BOUND, 2);
        while (w.n_waits < 10000)
                wait_for(&w, UINT64_MAX, 12 * US);
        g_assert_cmpuint(w.n_spins, >, 0);
        /* The longer it takes, the less is wasted. */
        while (w.n_waits < 300000)
                wait_for(&w, UINT64_MAX, 12 * US);
        before = w.spun;
        w.now = 0;
        while (w.n_waits < 1000000)
                wait_for(&w, UINT64_MAX, 12 * US);
        g_assert_cmpfloat((double)(w.spun - before), <, 0.004 * (double)w.now);
}

static void test_starts_again(void)
{
        struct waiter w;
        unsigned n;

        setup(&w, BOUND, 2);
        while (w.n_waits < 200000)
                wait_for(&w, UINT64_MAX, 12 * US);
        /* Now it would pay: it is found out, and what was before is forgotten. */
        for (n = 0; w.n_won < 1000; ++n) {
                g_assert_cmpuint(n, <, 80000);
                wait_for(&w, 3 * US, 12 * US);
        }
        w.n_spins = 0;
        for (n = 0; n < 1000; ++n)
                wait_for(&w, UINT64_MAX, 12 * US);
        g_assert_cmpuint(w.n_spins, >, 32);
}

/* Slow answers are not waited for with a busy CPU, however often they come. */
static void test_slow(void)
{
        struct waiter w;

        setup(&w, BOUND, 2);
        while (w.n_waits < 1000)
                g_assert_false(wait_for(&w, 210 * US, 210 * US));
        g_assert_cmpint(n_counted, ==, 0);
}

/* Who sleeps is woken late, and so is the peer. It would come quickly to one who spins. */
static void test_late_wakeups(void)
{
        struct waiter w;

        setup(&w, BOUND, 2);
        while (w.n_waits < 100)
                wait_for(&w, 3 * US, 70 * US);
        g_assert_cmpuint(w.n_won, ==, w.n_spins);
        g_assert_cmpuint(w.n_won, >, 80);
}

/* Bursts of quick calls, and a long wait behind each: it costs the bound, once a burst. */
static void test_bursts(void)
{
        struct waiter w;

        setup(&w, BOUND, 2);
        for (unsigned burst = 0; burst < 1000; ++burst) {
                for (unsigned i = 0; i < 100; ++i)
                        wait_for(&w, 3 * US, 12 * US);
                w.n_spins = 0;
                wait_for(&w, UINT64_MAX, 1000000 * US);
                g_assert_cmpuint(w.n_spins, <=, 1);
        }
        g_assert_cmpuint(w.n_won, >, 90000 * 9 / 10);
}

/* Short bursts, of which the end is always lost: the CPU time is not worth it. */
static void test_short_bursts(void)
{
        struct waiter w;

        setup(&w, BOUND, 2);
        for (unsigned i = 0; i < 500000; ++i)
                wait_for(&w, i % 16 < 12 ? 3 * US : UINT64_MAX, i % 16 < 12 ? 12 * US : 500 * US);
        g_assert_cmpfloat((double)w.n_spins, <, 0.05 * (double)w.n_waits);
}

static void test_one_cpu(void)
{
        struct waiter w;

        setup(&w, BOUND, 1);
        while (w.n_waits < 100000)
                g_assert_false(wait_for(&w, 3 * US, 12 * US));
        g_assert_cmpint(n_counted, <, 100);
        n_cpus = 2;
        while (!wait_for(&w, 3 * US, 12 * US))
                g_assert_cmpuint(w.n_waits, <, 100000 + 2000);
}

static void test_off(void)
{
        struct waiter w;

        setup(&w, 0, 2);
        while (w.n_waits < 1000)
                g_assert_false(wait_for(&w, 0, 0));
        g_assert_cmpint(n_counted, ==, 0);
}

/* What the environment says is looked up once: by a process for each. */
static void bound_of(const char *value, unsigned us)
{
        if (g_test_subprocess()) {
                g_assert_cmpuint(link_spin_bound(), ==, us * US);
                return;
        }
        if (value)
                g_setenv("DBUS_PEER_LINKS_SPIN", value, TRUE);
        else
                g_unsetenv("DBUS_PEER_LINKS_SPIN");
        g_test_trap_subprocess(NULL, 0, 0);
        g_unsetenv("DBUS_PEER_LINKS_SPIN");
        g_test_trap_assert_passed();
}

static const struct setting {
        const char *value;
        unsigned us;
} settings[] = {
        {NULL, LINK_SPIN_DEFAULT_US},
        {"0", 0},
        {"20", 20},
        {"1000000000", LINK_SPIN_MAX_US},
        {"", LINK_SPIN_DEFAULT_US},
        {"-1", LINK_SPIN_DEFAULT_US},
        {"x", LINK_SPIN_DEFAULT_US},
};

static void test_setting(gconstpointer data)
{
        const struct setting *s = data;

        bound_of(s->value, s->us);
}

static void test_cpus(void)
{
        g_assert_cmpint(link_spin_count_cpus(), ==, (int)g_get_num_processors());
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/link-spin/wins", test_wins);
        g_test_add_func("/link-spin/never-wins", test_never_wins);
        g_test_add_func("/link-spin/starts-again", test_starts_again);
        g_test_add_func("/link-spin/slow", test_slow);
        g_test_add_func("/link-spin/late-wakeups", test_late_wakeups);
        g_test_add_func("/link-spin/bursts", test_bursts);
        g_test_add_func("/link-spin/short-bursts", test_short_bursts);
        g_test_add_func("/link-spin/one-cpu", test_one_cpu);
        g_test_add_func("/link-spin/off", test_off);
        g_test_add_func("/link-spin/cpus", test_cpus);
        for (size_t i = 0; i < G_N_ELEMENTS(settings); ++i) {
                char *path = g_strdup_printf("/link-spin/setting/%zu", i);

                g_test_add_data_func(path, &settings[i], test_setting);
                g_free(path);
        }
        return g_test_run();
}
