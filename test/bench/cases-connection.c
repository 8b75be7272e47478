/* SPDX-License-Identifier: MIT */
/*
 * Connections: coming and going, and what one costs while it does nothing.
 */
#include "cases.h"

#include <stddef.h>

static int setup_nothing(struct fixture *f)
{
        (void)f;
        return 0;
}

/* Connects, authenticates, says Hello and leaves; in the end the daemon has seen all of them go. */
static int run_connections(struct fixture *f, unsigned long n)
{
        enum client_auth auth = f->c->coalesce ? CLIENT_AUTH_PIPELINED : CLIENT_AUTH_STEPWISE;

        for (unsigned long i = 0; i < n; ++i) {
                struct client *c;
                int r = client_new(&c, f->daemon->socket, auth);

                if (r < 0)
                        return r;
                client_free(c);
        }
        return client_sync(f->caller);
}

static const struct workload come_and_go = {setup_nothing, run_connections, NULL};

#define CONNECTIONS(case_sample)                                                                   \
        .workload = &come_and_go, .sample = case_sample, .unit = "connection", .units = 1

const struct bench_case cases_connection[] = {
        {"connect", "connect, authenticate step by step, Hello, close", CONNECTIONS(sample_timed)},
        {"connect-pipelined", "... with all of it in one write", CONNECTIONS(sample_timed),
         .coalesce = true},
        {"memory", "memory of 1,000 idle connections", CONNECTIONS(sample_memory), .fresh = true,
         .max_rounds = 3},
        {0},
};
