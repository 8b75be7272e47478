/* SPDX-License-Identifier: MIT */
/*
 * Unix signals to a daemon that is busy: it reads its configuration again, it is stopped and goes
 * on, and its clients do not notice.
 */
#include <signal.h>
#include <string.h>

#include "daemon-fixture.h"
#include "traffic.h"

static void send_signal(const struct daemon *d, int number)
{
        g_assert_no_errno(kill(d->pid, number));
}

static void test_reload(void)
{
        struct daemon *d = daemon_new(NULL);
        struct pair p;

        pair_init(&p, d->socket);
        for (unsigned i = 0; i < 100; ++i) {
                pair_send(&p, 50);
                send_signal(d, SIGHUP);
                pair_send(&p, 50);
                pair_settle(&p);
        }
        pair_deinit(&p);
        daemon_free(d);
}

/* A configuration that is no good is not used: the old one stays in force. */
static void test_reload_broken(void)
{
        struct daemon *d = daemon_new(NULL);
        struct pair p;

        pair_init(&p, d->socket);
        for (unsigned i = 0; i < 20; ++i) {
                if (i % 2)
                        daemon_write_config(d, NULL);
                else
                        g_assert_true(
                                g_file_set_contents(d->config, "<busconfig><policy>", -1, NULL));
                pair_send(&p, 50);
                send_signal(d, SIGHUP);
                pair_settle(&p);
        }
        daemon_write_config(d, NULL);
        pair_deinit(&p);
        daemon_free(d);
}

/* Limits change while clients are connected. */
static void test_reload_limits(void)
{
        struct daemon *d = daemon_new("max_match_rules_per_connection=2");
        struct client *c = client_new(d->socket);
        struct incoming *m;

        client_add_match(c, "type='signal'");
        client_add_match(c, "type='error'");
        m = client_call_bus(c, "AddMatch", "s", wire_body_string("type='method_call'"));
        g_assert_cmpstr(m->v.error_name, ==, WIRE_ERROR_("LimitsExceeded"));
        incoming_free(m);
        daemon_write_config(d, "max_match_rules_per_connection=3");
        client_tell_bus(c, "ReloadConfig", NULL, NULL);
        client_add_match(c, "type='method_call'");
        client_free(c);
        daemon_free(d);
}

/* System calls are cut short (signal(7), "Interruption of system calls"). */
static void test_stop_and_continue(void)
{
        struct daemon *d = daemon_new(NULL);
        struct pair p;

        pair_init(&p, d->socket);
        p.padding = 2000;
        for (unsigned i = 0; i < 300; ++i) {
                pair_send(&p, 20);
                client_pump(p.ends, 2, 0);
                send_signal(d, SIGSTOP);
                client_pump(p.ends, 2, 0);
                send_signal(d, SIGCONT);
                if (i % 3)
                        pair_check(&p);
                else
                        pair_settle(&p);
        }
        /* Also while it sleeps. */
        for (unsigned i = 0; i < 100; ++i) {
                send_signal(d, SIGSTOP);
                send_signal(d, SIGCONT);
        }
        pair_exchange(&p, 100);
        pair_deinit(&p);
        daemon_free(d);
}

/* SIGTERM in the middle of everything: daemon_free() sees to it that the end is a clean one. */
static void test_terminate_busy(void)
{
        struct daemon *d = daemon_new(NULL);
        struct client *half = client_connect(d->socket);
        struct pair p;

        pair_init(&p, d->socket);
        p.ends[1]->deaf = true;
        p.padding = 10000;
        pair_send(&p, 200);
        client_pump(p.ends, 2, 0);
        daemon_end(d);
        p.ends[1]->deaf = false;
        client_wait_closed(p.ends[0]);
        client_wait_closed(p.ends[1]);
        client_wait_closed(half);
        client_free(half);
        pair_deinit(&p);
        daemon_free(d);
}

int main(int argc, char **argv)
{
        daemon_test_init(&argc, &argv);
        g_test_add_func("/signals/reload", test_reload);
        g_test_add_func("/signals/reload-broken", test_reload_broken);
        g_test_add_func("/signals/reload-limits", test_reload_limits);
        g_test_add_func("/signals/stop-and-continue", test_stop_and_continue);
        g_test_add_func("/signals/terminate-busy", test_terminate_busy);
        return g_test_run();
}
