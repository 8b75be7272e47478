/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * The samples of a run, by case, column and round, and what can be said about them.
 */
#include "cases.h"

#include <stdio.h>

struct series {
        struct sample *samples;
        size_t n_samples;
        int error; /* -errno that ended it, or 0 */
};

struct result {
        const struct bench_case *c;
        struct series series[COLUMN_MAX];
};

struct results {
        struct result *list;
        size_t n;
};

extern const char *const metric_names[METRIC_MAX];

void results_deinit(struct results *results);

/* Adds a case. The result is valid until the next one is added. NULL: no memory. */
struct result *results_add(struct results *results, const struct bench_case *c);

/* 0 or -ENOMEM. */
int series_add(struct series *series, const struct sample *sample);

/* Median and interquartile range of a metric; NAN when there are no samples of it. */
double series_median(const struct series *series, enum metric metric);
double series_iqr(const struct series *series, enum metric metric);

/* Whether the case called @name was to be measured. */
bool results_has(const struct results *results, const char *name);

/* The median of a metric of the case called @name; NAN when it was not measured. */
double results_median(const struct results *results, const char *name, enum column column,
                      enum metric metric);

/* All samples as tab-separated values with a heading. */
void results_write_tsv(const struct results *results, FILE *f);
