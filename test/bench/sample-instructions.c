/* SPDX-License-Identifier: MIT */
/*
 * Counting instructions with valgrind's callgrind(1). They are the same on every machine and
 * whatever else it does, and include nothing of the kernel.
 */
#include "cases.h"
#include "lib-names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What client and service took, from start to end. */
struct totals {
        double client;
        double service;
};

static int read_total(const char *profile, double *total)
{
        char line[256];
        int r = -ENODATA;
        FILE *f = fopen(profile, "re");

        if (!f)
                return -errno;
        while (r < 0 && fgets(line, sizeof(line), f)) {
                if (sscanf(line, "totals: %lf", total) == 1)
                        r = 0;
        }
        fclose(f);
        return r;
}

/* The service of the case, if it has a bus. */
static int start_service(const struct fixture *f, struct program **pp, const char *profile)
{
        return f->daemon ? fixture_start_program(f, pp, "service", profile) : 0;
}

static int finish_service(const struct fixture *f, struct program *service)
{
        struct wire_head quit = {
                .type = WIRE_CALL,
                .flags = WIRE_NO_REPLY,
                .serial = client_next_serial(f->caller),
                .path = SERVICE_PATH,
                .interface = SERVICE_INTERFACE,
                .member = SERVICE_QUIT,
                .destination = SERVICE_NAME,
        };
        struct wire_buf call = {0};
        int r = wire_put_message(&call, &quit, NULL);

        if (r >= 0)
                r = client_write(f->caller, call.data, call.len);
        wire_buf_deinit(&call);
        return r < 0 ? r : program_finish(service);
}

/* Programs that live for @n iterations. */
static int count(const struct fixture *f, const char *dir, unsigned long n, struct totals *totals)
{
        struct program *service = NULL;
        struct program *client = NULL;
        char of_service[128];
        char of_client[128];
        int r;

        snprintf(of_service, sizeof(of_service), "%s/service", dir);
        snprintf(of_client, sizeof(of_client), "%s/client", dir);
        r = start_service(f, &service, of_service);
        if (r >= 0)
                r = fixture_start_program(f, &client, f->c->variant, of_client);
        if (r >= 0)
                r = program_run(client, n);
        if (r >= 0)
                r = program_finish(client);
        if (r >= 0 && service)
                r = finish_service(f, service);
        if (r >= 0)
                r = read_total(of_client, &totals->client);
        if (r >= 0 && service)
                r = read_total(of_service, &totals->service);
        program_free(client);
        program_free(service);
        unlink(of_client);
        unlink(of_service);
        return r;
}

int sample_instructions(struct fixture *f, const struct budget *budget, struct sample *sample)
{
        const char *tmp = getenv("TMPDIR");
        unsigned long n = budget->instruction_iterations;
        double units = (double)n * f->c->units;
        struct totals once = {0};
        struct totals twice = {0};
        char dir[64];
        int r;

        snprintf(dir, sizeof(dir), "%.40s/callgrind-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(dir))
                return -errno;
        r = count(f, dir, n, &once);
        if (r >= 0)
                r = count(f, dir, 2 * n, &twice);
        rmdir(dir);
        if (r < 0)
                return r;
        sample_init(sample);
        sample->iterations = n;
        sample->values[METRIC_CLIENT_INSTRUCTIONS] = (twice.client - once.client) / units;
        if (f->daemon)
                sample->values[METRIC_SERVICE_INSTRUCTIONS] =
                        (twice.service - once.service) / units;
        return 0;
}
