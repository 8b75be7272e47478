/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <math.h>
#include <string.h>

#define MAX_SPREAD 999 /* percent; figures next to nothing have any */

/* How a metric is shown: values are divided by the scale. */
static const struct {
        const char *title;
        double scale;
        int digits;
} shown[METRIC_MAX] = {
        [METRIC_WALL] = {"wall us", 1000, 2},
        [METRIC_CPU] = {"daemon cpu us", 1000, 2},
        [METRIC_SWITCHES] = {"daemon switches", 1, 3},
        [METRIC_PEER_SWITCHES] = {"client switches", 1, 3},
        [METRIC_RSS] = {"rss bytes", 1, 0},
        [METRIC_PSS] = {"pss bytes", 1, 0},
        [METRIC_SYSCALLS] = {"system calls", 1, 2},
};

static const struct {
        const char *title;
        enum column numerator;
        enum column denominator;
} ratios[] = {
        {"ours/broker", COLUMN_OURS, COLUMN_BROKER},
        {"ours/stock", COLUMN_OURS, COLUMN_STOCK},
        {"broker/stock", COLUMN_BROKER, COLUMN_STOCK},
};
#define N_RATIOS (sizeof(ratios) / sizeof(ratios[0]))

void report_heading(FILE *f)
{
        fprintf(f, "%-22s %-11s %-16s", "case", "per", "median of");
        for (int column = 0; column < COLUMN_BARE; ++column)
                fprintf(f, " %10s", column_names[column]);
        for (size_t i = 0; i < N_RATIOS; ++i)
                fprintf(f, " %12s", ratios[i].title);
        fprintf(f, " %7s\n", "spread");
}

static void print_number(FILE *f, int width, int digits, double value)
{
        if (isnan(value) || isinf(value))
                fprintf(f, " %*s", width, "-");
        else
                fprintf(f, " %*.*f", width, digits, value);
}

static void print_values(FILE *f, const struct result *result, enum metric metric)
{
        int first = result->c->bare ? COLUMN_BARE : 0;
        int end = result->c->bare ? COLUMN_MAX : COLUMN_BARE;

        for (int column = first; column < end; ++column)
                print_number(f, 10, shown[metric].digits,
                             series_median(&result->series[column], metric) / shown[metric].scale);
}

static void print_ratios(FILE *f, const struct result *result, enum metric metric)
{
        for (size_t i = 0; i < N_RATIOS; ++i)
                print_number(f, 12, 2,
                             series_median(&result->series[ratios[i].numerator], metric) /
                                     series_median(&result->series[ratios[i].denominator], metric));
}

/* The widest interquartile range of the columns, as a percentage of its median. */
static double spread(const struct result *result, enum metric metric)
{
        double widest = NAN;

        for (int column = 0; column < COLUMN_MAX; ++column) {
                const struct series *series = &result->series[column];
                double relative = series_iqr(series, metric) / series_median(series, metric);

                widest = fmax(widest, relative * 100);
        }
        return widest;
}

static bool has_metric(const struct result *result, enum metric metric)
{
        for (int column = 0; column < COLUMN_MAX; ++column) {
                if (!isnan(series_median(&result->series[column], metric)))
                        return true;
        }
        return false;
}

void report_result(FILE *f, const struct result *result)
{
        const char *name = result->c->name;

        for (int metric = 0; metric < METRIC_MAX; ++metric) {
                double width = spread(result, (enum metric)metric);

                if (!has_metric(result, (enum metric)metric))
                        continue;
                fprintf(f, "%-22s %-11s %-16s", name, *name ? result->c->unit : "",
                        shown[metric].title);
                print_values(f, result, (enum metric)metric);
                if (!result->c->bare) {
                        print_ratios(f, result, (enum metric)metric);
                        if (width <= MAX_SPREAD)
                                fprintf(f, " %6.0f%%", width);
                        else if (width > MAX_SPREAD)
                                fprintf(f, "   >%d%%", MAX_SPREAD);
                }
                fputc('\n', f);
                name = "";
        }
        for (int column = 0; column < COLUMN_MAX; ++column) {
                if (result->series[column].error)
                        fprintf(f, "%-22s %s failed: %s\n", name, column_names[column],
                                strerror(-result->series[column].error));
        }
        fflush(f);
}
