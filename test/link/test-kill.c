/* SPDX-License-Identifier: MIT */
/*
 * Peers that are killed or stopped at any moment: each call has one outcome, nothing comes twice,
 * and nobody else notices.
 */
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "child.h"

#define MAX_CALLS 200000
#define AT_ONCE   64

/* What both ends write down as it happens: it is there when they are not. */
struct record {
        char callee[64];
        _Atomic uint32_t called; /* the last call that was sent */
        _Atomic uint32_t done;   /* calls with an outcome */
        _Atomic bool stop;       /* no more calls */
        _Atomic uint8_t executed[MAX_CALLS], replies[MAX_CALLS], errors[MAX_CALLS];
};

static void execute(struct party *p, DBusMessage *m)
{
        struct record *r = p->data;

        if (!dbus_message_has_member(m, "Count"))
                return;
        atomic_fetch_add(&r->executed[numbered(m)], 1);
        party_answer(p, m);
        party_forget(p);
}

static void serve(struct scene *s, void *shared)
{
        struct record *r = shared;
        struct party *b = party_new(s);

        b->handle = execute;
        b->data = r;
        g_strlcpy(r->callee, b->name, sizeof(r->callee));
        for (;;)
                dbus_connection_read_write_dispatch(b->connection, -1);
}

struct call {
        struct record *record;
        uint32_t n;
};

static void note_outcome(DBusPendingCall *pending, void *data)
{
        DBusMessage *m = dbus_pending_call_steal_reply(pending);
        const struct call *c = data;

        if (dbus_message_get_type(m) == DBUS_MESSAGE_TYPE_ERROR) {
                const char *error = dbus_message_get_error_name(m);

                /* That the callee is gone; nothing else is an outcome that the bus would give. */
                if (!dbus_message_has_sender(m, DBUS_SERVICE_DBUS) ||
                    (!g_str_equal(error, DBUS_ERROR_NO_REPLY) &&
                     !g_str_equal(error, DBUS_ERROR_SERVICE_UNKNOWN)))
                        g_error("%s", error);
                atomic_fetch_add(&c->record->errors[c->n], 1);
        } else {
                g_assert_cmpuint(numbered(m), ==, c->n);
                atomic_fetch_add(&c->record->replies[c->n], 1);
        }
        atomic_fetch_add(&c->record->done, 1);
        dbus_message_unref(m);
}

static void call_one(struct party *a, struct record *r, uint32_t n)
{
        struct call *c = g_new(struct call, 1);
        DBusPendingCall *pending;

        *c = (struct call){r, n};
        party_call(a, r->callee, "Count", n, &pending);
        dbus_pending_call_set_notify(pending, note_outcome, c, g_free);
        dbus_pending_call_unref(pending);
}

static void call_on(struct scene *s, void *shared)
{
        struct record *r = shared;
        struct party *a = party_new(s);

        for (;;) {
                uint32_t n = atomic_load(&r->called), done = atomic_load(&r->done);

                while (!atomic_load(&r->stop) && n < done + AT_ONCE && n + 1 < MAX_CALLS) {
                        atomic_store(&r->called, ++n);
                        call_one(a, r, n);
                }
                dbus_connection_read_write_dispatch(a->connection, 10);
        }
}

static void assert_once(const struct record *r, bool caller_lives)
{
        uint32_t called = r->called;

        for (uint32_t n = 1; n < MAX_CALLS; ++n) {
                unsigned outcomes = r->replies[n] + r->errors[n];

                g_assert_cmpuint(r->executed[n], <=, n <= called);
                g_assert_cmpuint(outcomes, <=, 1);
                /* A reply is one of an execution. */
                g_assert_cmpuint(r->replies[n], <=, r->executed[n]);
                if (caller_lives)
                        g_assert_cmpuint(outcomes, ==, n <= called);
        }
}

enum who {
        CALLEE = 1,
        CALLER = 2,
        BOTH = CALLEE | CALLER,
};

/* Kills at a moment of which nobody knows anything, the linked pair at full speed. */
static void kill_round(struct scene *s, struct record *r, enum who who, unsigned delay_us)
{
        pid_t a, b;

        memset((void *)r, 0, sizeof(*r));
        b = child_start(s, serve, r);
        while (!*(volatile char *)r->callee)
                scene_turn(s);
        a = child_start(s, call_on, r);
        while (scene_has_links(s) ? !link_count(s) : r->done < 500)
                scene_turn(s);
        g_usleep(delay_us);
        if (who & CALLEE)
                child_kill(b);
        if (who & CALLER)
                child_kill(a);
        if (who == CALLEE) {
                atomic_store(&r->stop, true);
                while (r->done < r->called)
                        scene_turn(s);
                /* Another outcome, if there were one, would come now. */
                scene_settle(s);
        }
        if (!(who & CALLER))
                child_kill(a);
        if (!(who & CALLEE))
                child_kill(b);
        assert_once(r, who == CALLEE);
        while (link_count(s))
                scene_turn(s);
}

static void test_kill(gconstpointer data)
{
        enum { ROUNDS = 40, MAX_DELAY_US = 4000 };
        struct scene *s = scene_new(NULL);
        struct record *r = shared_new(sizeof(*r));
        GRand *random = g_rand_new_with_seed(4);

        for (unsigned i = 0; i < ROUNDS; ++i)
                kill_round(s, r, (enum who)GPOINTER_TO_UINT(data),
                           (unsigned)g_rand_int_range(random, 0, MAX_DELAY_US));
        g_rand_free(random);
        shared_free(r, sizeof(*r));
        /* It is checked that the daemon has no descriptor more than before. */
        scene_free(s);
}

/* What a stopped process saw when it goes on. */
struct heard {
        char name[64];
        _Atomic uint32_t last;  /* number; all before it were seen, in order */
        _Atomic uint32_t joins; /* answers given */
};

static void hear(struct party *p, DBusMessage *m)
{
        struct heard *h = p->data;
        uint32_t n = numbered(m);

        if (dbus_message_has_member(m, "Say")) {
                if (n != h->last + 1)
                        g_error("%u comes behind %u", n, h->last);
                h->last = n;
        } else {
                party_answer(p, m);
        }
        party_forget(p);
}

static void hear_all(struct scene *s, void *shared)
{
        struct heard *h = shared;
        struct party *p = party_new(s);

        p->handle = hear;
        p->data = h;
        g_strlcpy(h->name, p->name, sizeof(h->name));
        for (;;)
                dbus_connection_read_write_dispatch(p->connection, -1);
}

static void call_child(struct party *a, const struct heard *h)
{
        DBusPendingCall *pending;

        party_call(a, h->name, "Echo", 0, &pending);
        while (!dbus_pending_call_get_completed(pending))
                scene_turn(a->scene);
        dbus_pending_call_unref(pending);
}

/* The receiver is stopped, its link full; then it goes on. Others are not held up. */
static void test_stopped_receiver(void)
{
        enum { ROUNDS = 4, N = 3000 };
        struct scene *s = scene_new(NULL);
        struct heard *h = shared_new(sizeof(*h));
        struct party *a = party_new(s), *c = party_new(s);
        struct listed l;
        pid_t b = child_start(s, hear_all, h);
        uint32_t n = 0;

        while (!*(volatile char *)h->name)
                scene_turn(s);
        link_up(a, c);
        for (unsigned round = 0; round < ROUNDS; ++round) {
                do
                        call_child(a, h);
                while (scene_has_links(s) &&
                       (!link_find(s, a->name, h->name, &l) || !l.ends[0].messages));
                process_stop(b);
                for (unsigned i = 0; i < N; ++i) {
                        party_say(a, h->name, "Say", ++n);
                        /* Nobody waits: neither the sender nor its other peers. */
                        if (i % 10 == 0)
                                round_trip(a, c);
                }
                if (scene_has_links(s)) {
                        uint64_t before = l.ends[0].messages;

                        /* Some went over the link before it was full, and the rest by the bus. */
                        g_assert_true(link_find(s, a->name, h->name, &l));
                        g_assert_cmpuint(l.ends[0].messages, >, before + 10);
                        g_assert_cmpuint(l.ends[0].messages, <, before + N);
                }
                process_continue(b);
                while (h->last < n)
                        scene_turn(s);
        }
        child_kill(b);
        shared_free(h, sizeof(*h));
        scene_free(s);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_data_func("/kill/callee", GUINT_TO_POINTER(CALLEE), test_kill);
        g_test_add_data_func("/kill/caller", GUINT_TO_POINTER(CALLER), test_kill);
        g_test_add_data_func("/kill/both", GUINT_TO_POINTER(BOTH), test_kill);
        g_test_add_func("/kill/stopped-receiver", test_stopped_receiver);
        return g_test_run();
}
