/* SPDX-License-Identifier: MIT */
/*
 * Beginnings: a daemon that starts, and a service that is started by one.
 */
#include "cases.h"
#include "measure.h"

#include <errno.h>
#include <string.h>

#define SERVICE_NAME "org.bench.Activated"
#define STARTS       5 /* in a sample */

static int setup_nothing(struct fixture *f)
{
        (void)f;
        return 0;
}

/* What the daemon has used since it began. */
static int add_figures(const struct daemon *d, struct sample *sample)
{
        struct processes processes = {.of_role[ROLE_DAEMON] = d->pid};
        struct counters counters;
        struct memory memory;
        int r = measure_counters(&counters, &processes, false);

        if (r >= 0)
                r = measure_memory(&memory, d->pid);
        if (r < 0)
                return r;
        sample->values[METRIC_CPU] += (double)counters.cpu_ns[ROLE_DAEMON] / STARTS;
        sample->values[METRIC_SWITCHES] += (double)counters.switches / STARTS;
        sample->values[METRIC_RSS] += (double)memory.rss / STARTS;
        sample->values[METRIC_PSS] += (double)memory.pss / STARTS;
        return 0;
}

/* From before its configuration is written until it has said Hello to a client. */
static int start_once(const struct fixture *f, struct sample *sample)
{
        int64_t begin = measure_now_ns();
        struct daemon *d;
        struct client *c = NULL;
        int r = daemon_new(&d, &f->equipment->subjects, columns[f->column].daemon, f->c->policy,
                           true);

        if (r < 0)
                return r;
        r = client_new(&c, d->socket, CLIENT_AUTH_STEPWISE);
        sample->values[METRIC_WALL] += (double)(measure_now_ns() - begin) / STARTS;
        if (r >= 0)
                r = add_figures(d, sample);
        client_free(c);
        daemon_free(d);
        return r;
}

static int sample_start(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        static const enum metric metrics[] = {METRIC_WALL, METRIC_CPU, METRIC_SWITCHES, METRIC_RSS,
                                              METRIC_PSS};
        int r = 0;

        (void)budget;
        sample_init(sample);
        sample->iterations = STARTS;
        for (size_t i = 0; i < sizeof(metrics) / sizeof(metrics[0]); ++i)
                sample->values[metrics[i]] = 0;
        for (int i = 0; i < STARTS && r >= 0; ++i)
                r = start_once(f, sample);
        return r;
}

static int setup_service(struct fixture *f)
{
        int r = daemon_add_service(f->daemon, SERVICE_NAME, f->equipment->activated);

        if (r >= 0)
                r = client_reload_config(f->caller);
        if (r >= 0)
                r = client_add_match(f->caller,
                                     "type='signal',sender='org.freedesktop.DBus',"
                                     "member='NameOwnerChanged',arg0='" SERVICE_NAME "'");
        return r;
}

/* That the service has claimed its name was told before it answered; that it is gone is told now.
 */
static int wait_for_end(struct client *c)
{
        struct wire_view view;
        int r;

        do {
                r = client_receive(c, &view);
        } while (r >= 0 && !(view.member && !strcmp(view.member, "NameOwnerChanged")));
        return r;
}

/* A call to a name that nobody has, until it is answered. The service ends after that. */
static int activate(struct fixture *f, int64_t *elapsed)
{
        struct wire_head call = {
                .type = WIRE_CALL,
                .path = "/",
                .interface = SERVICE_NAME,
                .member = "Ping",
                .destination = SERVICE_NAME,
        };
        struct wire_view view;
        int64_t begin = measure_now_ns();
        int r = client_call(f->caller, &call, NULL, &view);

        *elapsed += measure_now_ns() - begin;
        return r < 0 ? r : wait_for_end(f->caller);
}

static int sample_activation(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        struct processes processes = {.of_role[ROLE_DAEMON] = f->pid};
        struct counters before;
        struct counters after;
        int64_t elapsed = 0;
        unsigned long n = 0;
        int r = measure_counters(&before, &processes, true);

        for (; r >= 0 && elapsed < budget->sample_ns; ++n)
                r = activate(f, &elapsed);
        if (r >= 0)
                r = measure_counters(&after, &processes, false);
        if (r < 0)
                return r;
        sample_init(sample);
        sample->iterations = n;
        sample->values[METRIC_WALL] = (double)elapsed / (double)n;
        sample->values[METRIC_CPU] =
                (double)(after.cpu_ns[ROLE_DAEMON] - before.cpu_ns[ROLE_DAEMON]) / (double)n;
        sample->values[METRIC_SWITCHES] = (double)(after.switches - before.switches) / (double)n;
        return 0;
}

static const struct workload nothing = {setup_nothing, NULL, NULL};
static const struct workload service = {setup_service, NULL, NULL};

#define START .workload = &nothing, .sample = sample_start, .unit = "start", .units = 1

const struct bench_case cases_start[] = {
        {"start-session", "a daemon's start until it has said Hello, and its memory then", START},
        {"start-system", "... with a policy of 2,000 rules", START, .policy = POLICY_SYSTEM},
        {"activation", "a call to a service that is not running", .workload = &service,
         .sample = sample_activation, .unit = "call", .units = 1, .activates = true},
        {0},
};
