/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <glib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bus/loop.h"

struct numbered_timer {
        struct loop_timer timer;
        GArray *fired;
        int number;
};

static void note_timer(struct loop_timer *timer)
{
        struct numbered_timer *t = container_of(timer, struct numbered_timer, timer);

        g_array_append_val(t->fired, t->number);
}

/* Timers fire by deadline, equal ones in the order in which they were set, cleared ones never. */
static void test_timers(void)
{
        static const unsigned offset_ms[] = {3, 1, 2, 1, 0, 2};
        static const int expected[] = {4, 1, 3, 2, 0};
        struct numbered_timer timers[G_N_ELEMENTS(offset_ms)];
        GArray *fired = g_array_new(FALSE, FALSE, sizeof(int));
        uint64_t start = loop_now();
        struct loop l;

        g_assert_cmpint(loop_init(&l), ==, 0);
        for (unsigned i = 0; i < G_N_ELEMENTS(timers); ++i) {
                timers[i] = (struct numbered_timer){.fired = fired, .number = (int)i};
                loop_timer_init(&timers[i].timer, note_timer);
                loop_timer_set(&l, &timers[i].timer, start + offset_ms[i] * 1000000ull);
        }
        loop_timer_clear(&timers[5].timer);
        while (!list_empty(&l.timers))
                g_assert_cmpint(loop_turn(&l), ==, 0);
        g_assert_cmpuint(fired->len, ==, G_N_ELEMENTS(expected));
        for (unsigned i = 0; i < fired->len; ++i)
                g_assert_cmpint(g_array_index(fired, int, i), ==, expected[i]);
        g_assert_cmpuint(loop_now(), >=, start + 3 * 1000000ull);
        g_array_unref(fired);
        loop_deinit(&l);
}

struct pipe_source {
        struct loop_source source;
        struct loop *loop;
        struct pipe_source *victim;
        unsigned n_ready;
};

static void read_and_remove_victim(struct loop_source *source, uint32_t events)
{
        struct pipe_source *p = container_of(source, struct pipe_source, source);

        g_assert_true(events & EPOLLIN);
        p->n_ready += 1;
        if (p->victim)
                loop_remove(p->loop, &p->victim->source);
}

/* Whichever is called first removes the other, which the kernel has already reported. */
static void test_remove_while_ready(void)
{
        struct pipe_source sources[2];
        int fds[2][2];
        struct loop l;

        g_assert_cmpint(loop_init(&l), ==, 0);
        for (int i = 0; i < 2; ++i) {
                g_assert_no_errno(pipe(fds[i]));
                g_assert_cmpint(write(fds[i][1], "x", 1), ==, 1);
                sources[i] = (struct pipe_source){
                        .loop = &l,
                        .victim = &sources[1 - i],
                };
                loop_source_init(&sources[i].source, fds[i][0], EPOLLIN, read_and_remove_victim);
                g_assert_cmpint(loop_add(&l, &sources[i].source), ==, 0);
        }
        g_assert_cmpint(loop_turn(&l), ==, 0);
        g_assert_cmpuint(sources[0].n_ready + sources[1].n_ready, ==, 1);
        for (int i = 0; i < 2; ++i) {
                close(fds[i][0]);
                close(fds[i][1]);
        }
        loop_deinit(&l);
}

/* A source that waits for nothing is not called; asked to wait again, it is. */
static void test_change(void)
{
        struct pipe_source p = {0};
        struct numbered_timer t = {.number = 1, .fired = g_array_new(FALSE, FALSE, sizeof(int))};
        struct loop l;
        int fds[2];

        g_assert_cmpint(loop_init(&l), ==, 0);
        g_assert_no_errno(pipe(fds));
        g_assert_cmpint(write(fds[1], "x", 1), ==, 1);
        loop_source_init(&p.source, fds[0], EPOLLIN, read_and_remove_victim);
        g_assert_cmpint(loop_add(&l, &p.source), ==, 0);
        loop_change(&l, &p.source, 0);
        loop_timer_init(&t.timer, note_timer);
        loop_timer_set(&l, &t.timer, loop_now());
        g_assert_cmpint(loop_turn(&l), ==, 0);
        g_assert_cmpuint(p.n_ready, ==, 0);
        loop_change(&l, &p.source, EPOLLIN);
        g_assert_cmpint(loop_turn(&l), ==, 0);
        g_assert_cmpuint(p.n_ready, ==, 1);
        g_array_unref(t.fired);
        close(fds[0]);
        close(fds[1]);
        loop_deinit(&l);
}

/* One that is due is called in the next turn, once, though the kernel has nothing for it. */
static void test_again(void)
{
        struct pipe_source p = {0};
        struct loop l;
        int fds[2];

        g_assert_cmpint(loop_init(&l), ==, 0);
        g_assert_no_errno(pipe(fds));
        loop_source_init(&p.source, fds[0], EPOLLIN, read_and_remove_victim);
        g_assert_cmpint(loop_add(&l, &p.source), ==, 0);
        loop_again(&l, &p.source, EPOLLIN);
        loop_again(&l, &p.source, EPOLLIN);
        g_assert_cmpint(loop_turn(&l), ==, 0);
        g_assert_cmpuint(p.n_ready, ==, 1);
        g_assert_true(list_empty(&l.due));
        loop_again(&l, &p.source, EPOLLIN);
        loop_remove(&l, &p.source);
        g_assert_true(list_empty(&l.due));
        close(fds[0]);
        close(fds[1]);
        loop_deinit(&l);
}

static void test_add_bad_fd(void)
{
        struct loop_source source;
        struct loop l;

        loop_source_init(&source, 1000000, EPOLLIN, read_and_remove_victim);
        g_assert_cmpint(loop_init(&l), ==, 0);
        g_assert_cmpint(loop_add(&l, &source), ==, -EBADF);
        loop_deinit(&l);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/loop/timers", test_timers);
        g_test_add_func("/loop/remove-while-ready", test_remove_while_ready);
        g_test_add_func("/loop/change", test_change);
        g_test_add_func("/loop/again", test_again);
        g_test_add_func("/loop/add-bad-fd", test_add_bad_fd);
        return g_test_run();
}
