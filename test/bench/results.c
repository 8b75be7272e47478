/* SPDX-License-Identifier: MIT */
#include "results.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const metric_names[METRIC_MAX] = {
        [METRIC_WALL] = "wall_ns",
        [METRIC_CPU] = "cpu_ns",
        [METRIC_SWITCHES] = "switches",
        [METRIC_PEER_SWITCHES] = "peer_switches",
        [METRIC_CLIENT_CPU] = "client_cpu_ns",
        [METRIC_SERVICE_CPU] = "service_cpu_ns",
        [METRIC_TOTAL_CPU] = "total_cpu_ns",
        [METRIC_RSS] = "rss_bytes",
        [METRIC_PSS] = "pss_bytes",
        [METRIC_SYSCALLS] = "syscalls",
        [METRIC_CLIENT_SYSCALLS] = "client_syscalls",
        [METRIC_SERVICE_SYSCALLS] = "service_syscalls",
        [METRIC_CLIENT_INSTRUCTIONS] = "client_instructions",
        [METRIC_SERVICE_INSTRUCTIONS] = "service_instructions",
};

void results_deinit(struct results *results)
{
        for (size_t i = 0; i < results->n; ++i) {
                for (int column = 0; column < COLUMN_MAX; ++column)
                        free(results->list[i].series[column].samples);
        }
        free(results->list);
        *results = (struct results){0};
}

struct result *results_add(struct results *results, const struct bench_case *c)
{
        struct result *list = realloc(results->list, (results->n + 1) * sizeof(*list));

        if (!list)
                return NULL;
        results->list = list;
        list[results->n] = (struct result){.c = c};
        return &list[results->n++];
}

int series_add(struct series *series, const struct sample *sample)
{
        struct sample *samples =
                realloc(series->samples, (series->n_samples + 1) * sizeof(*samples));

        if (!samples)
                return -ENOMEM;
        series->samples = samples;
        samples[series->n_samples++] = *sample;
        return 0;
}

static int ascending(const void *a, const void *b)
{
        const double *x = a;
        const double *y = b;

        return (*x > *y) - (*x < *y);
}

/* The value that the fraction @q of the samples is below, interpolated between neighbours. */
static double quantile(const struct series *series, enum metric metric, double q)
{
        double *values = calloc(series->n_samples + 1, sizeof(*values));
        double result = NAN;
        size_t n = 0;

        if (!values)
                return NAN;
        for (size_t i = 0; i < series->n_samples; ++i) {
                if (!isnan(series->samples[i].values[metric]))
                        values[n++] = series->samples[i].values[metric];
        }
        if (n > 0) {
                double at = q * (double)(n - 1);
                size_t low = (size_t)at;
                size_t high = low + 1 < n ? low + 1 : low;

                qsort(values, n, sizeof(*values), ascending);
                result = values[low] + (at - (double)low) * (values[high] - values[low]);
        }
        free(values);
        return result;
}

double series_median(const struct series *series, enum metric metric)
{
        return quantile(series, metric, 0.5);
}

double series_iqr(const struct series *series, enum metric metric)
{
        return quantile(series, metric, 0.75) - quantile(series, metric, 0.25);
}

static const struct result *find(const struct results *results, const char *name)
{
        for (size_t i = 0; i < results->n; ++i) {
                if (strcmp(results->list[i].c->name, name) == 0)
                        return &results->list[i];
        }
        return NULL;
}

bool results_has(const struct results *results, const char *name)
{
        return find(results, name) != NULL;
}

double results_median(const struct results *results, const char *name, enum column column,
                      enum metric metric)
{
        const struct result *result = find(results, name);

        return result ? series_median(&result->series[column], metric) : NAN;
}

static void write_sample(FILE *f, const struct bench_case *c, enum column column, size_t round,
                         const struct sample *sample)
{
        fprintf(f, "%s\t%s\t%zu\t%s\t%u\t%lu", c->name, columns[column].name, round, c->unit,
                c->count, sample->iterations);
        for (int metric = 0; metric < METRIC_MAX; ++metric) {
                if (isnan(sample->values[metric]))
                        fputs("\t-", f);
                else
                        fprintf(f, "\t%.4f", sample->values[metric]);
        }
        fputc('\n', f);
}

void results_write_tsv(const struct results *results, FILE *f)
{
        fputs("case\tdaemon\tround\tunit\tcount\titerations", f);
        for (int metric = 0; metric < METRIC_MAX; ++metric)
                fprintf(f, "\t%s", metric_names[metric]);
        fputc('\n', f);
        for (size_t i = 0; i < results->n; ++i) {
                const struct result *result = &results->list[i];

                for (int column = 0; column < COLUMN_MAX; ++column) {
                        const struct series *series = &result->series[column];

                        for (size_t round = 0; round < series->n_samples; ++round)
                                write_sample(f, result->c, (enum column)column, round,
                                             &series->samples[round]);
                }
        }
}
