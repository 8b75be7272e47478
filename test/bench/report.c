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
        [METRIC_CLIENT_CPU] = {"client cpu us", 1000, 2},
        [METRIC_SERVICE_CPU] = {"service cpu us", 1000, 2},
        [METRIC_TOTAL_CPU] = {"total cpu us", 1000, 2},
        [METRIC_RSS] = {"rss bytes", 1, 0},
        [METRIC_PSS] = {"pss bytes", 1, 0},
        [METRIC_SYSCALLS] = {"system calls", 1, 2},
        [METRIC_CLIENT_SYSCALLS] = {"client calls", 1, 2},
        [METRIC_SERVICE_SYSCALLS] = {"service calls", 1, 2},
        [METRIC_CLIENT_INSTRUCTIONS] = {"client instr", 1, 0},
        [METRIC_SERVICE_INSTRUCTIONS] = {"service instr", 1, 0},
};

static const char *const daemon_titles[] = {
        [SUBJECT_STOCK] = "stock",
        [SUBJECT_BROKER] = "broker",
        [SUBJECT_OURS] = "ours",
        [NO_SUBJECT] = "none",
};

/* What is beside the medians. */
struct ratio {
        const char *title; /* NULL: the last */
        enum column numerator;
        enum column denominator;
};

#define MAX_COLUMNS 7
#define MAX_RATIOS  4

/* Layouts with a line for each metric and a column for each column. */
static const struct lines {
        const char *titles[MAX_COLUMNS]; /* ended by NULL */
        struct ratio ratios[MAX_RATIOS];
        enum column first; /* of those whose spread is shown, and behind the last */
        enum column end;
} lines[] = {
        [LAYOUT_DAEMONS] = {{"stock", "broker", "ours"},
                            {{"ours/broker", COLUMN_OURS, COLUMN_BROKER},
                             {"ours/stock", COLUMN_OURS, COLUMN_STOCK},
                             {"broker/stock", COLUMN_BROKER, COLUMN_STOCK}},
                            COLUMN_STOCK,
                            COLUMN_BARE},
        [LAYOUT_LINKS] = {{"stock", "broker", "routed", "linked", "spinning", "bare"},
                          {{"stock/linked", COLUMN_LINK_STOCK, COLUMN_LINK_LINKED},
                           {"linked/bare", COLUMN_LINK_LINKED, COLUMN_LINK_BARE},
                           {"spinning/bare", COLUMN_LINK_SPINNING, COLUMN_LINK_BARE}},
                          COLUMN_LINK_STOCK,
                          COLUMN_FEATURE_OFF},
        [LAYOUT_FEATURE] = {{"off", "on"},
                            {{"on/off", COLUMN_FEATURE_ON, COLUMN_FEATURE_OFF}},
                            COLUMN_FEATURE_OFF,
                            COLUMN_MAX},
};

enum report_layout report_layout(enum axis axis)
{
        static const enum report_layout layouts[AXIS_MAX] = {
                [AXIS_DAEMONS] = LAYOUT_DAEMONS,           [AXIS_BARE] = LAYOUT_DAEMONS,
                [AXIS_LIBRARIES] = LAYOUT_LIBRARIES,       [AXIS_LIBRARIES_BUS] = LAYOUT_LIBRARIES,
                [AXIS_LIBRARIES_ALONE] = LAYOUT_LIBRARIES, [AXIS_LINKS] = LAYOUT_LINKS,
                [AXIS_LINKS_BUS] = LAYOUT_LINKS,           [AXIS_FEATURE] = LAYOUT_FEATURE,
        };

        return layouts[axis];
}

static void lines_heading(FILE *f, const struct lines *l)
{
        fprintf(f, "%-22s %-11s %-16s", "case", "per", "median of");
        for (size_t i = 0; l->titles[i]; ++i)
                fprintf(f, " %10s", l->titles[i]);
        for (const struct ratio *r = l->ratios; r->title; ++r)
                fprintf(f, " %13s", r->title);
        fprintf(f, " %7s\n", "spread");
}

static void libraries_heading(FILE *f)
{
        fprintf(f, "%-31s %-11s %-16s %-7s %12s %12s %12s %7s\n", "case", "per", "median of",
                "daemon", "stock lib", "our lib", "ours/stock", "spread");
}

void report_heading(FILE *f, enum axis axis)
{
        enum report_layout layout = report_layout(axis);

        if (layout == LAYOUT_LIBRARIES)
                libraries_heading(f);
        else
                lines_heading(f, &lines[layout]);
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
        const struct lines *l = &lines[report_layout(result->c->axis)];
        bool is_bare = result->c->axis == AXIS_BARE;
        int first = (int)(is_bare ? COLUMN_BARE : l->first);
        int end = is_bare ? first + 1 : (int)l->end;

        for (int column = first; column < end; ++column)
                print_number(f, 10, shown[metric].digits,
                             series_median(&result->series[column], metric) / shown[metric].scale);
}

static void print_ratios(FILE *f, const struct result *result, const struct ratio *ratio,
                         enum metric metric)
{
        for (; ratio->title; ++ratio)
                print_number(f, 13, 2,
                             series_median(&result->series[ratio->numerator], metric) /
                                     series_median(&result->series[ratio->denominator], metric));
}

/* The widest interquartile range of some columns, as a percentage of its median. */
static double spread(const struct result *result, int first, int end, enum metric metric)
{
        double widest = NAN;

        for (int column = first; column < end; ++column) {
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

static void print_spread(FILE *f, double width)
{
        if (width <= MAX_SPREAD)
                fprintf(f, " %6.0f%%", width);
        else if (width > MAX_SPREAD)
                fprintf(f, "   >%d%%", MAX_SPREAD);
}

/* A line for each metric, a column for each column. Returns what is to be printed as the name of
 * the case next. */
static const char *print_lines(FILE *f, const struct result *result)
{
        const struct lines *l = &lines[report_layout(result->c->axis)];
        const char *name = result->c->name;

        for (int metric = 0; metric < METRIC_MAX; ++metric) {
                if (!has_metric(result, (enum metric)metric))
                        continue;
                fprintf(f, "%-22s %-11s %-16s", name, *name ? result->c->unit : "",
                        shown[metric].title);
                print_values(f, result, (enum metric)metric);
                if (result->c->axis != AXIS_BARE) {
                        print_ratios(f, result, l->ratios, (enum metric)metric);
                        print_spread(
                                f, spread(result, (int)l->first, (int)l->end, (enum metric)metric));
                }
                fputc('\n', f);
                name = "";
        }
        return name;
}

/* A line for each metric and daemon, a column for each library. */
static const char *print_libraries(FILE *f, const struct result *result)
{
        const struct axis_range *range = &axes[result->c->axis];
        const char *name = result->c->name;

        for (int metric = 0; metric < METRIC_MAX; ++metric) {
                const char *title = shown[metric].title;

                for (int i = (int)range->first; i < (int)range->end; i += LIBRARY_MAX) {
                        double stock = series_median(&result->series[i + LIBRARY_STOCK],
                                                     (enum metric)metric);
                        double ours = series_median(&result->series[i + LIBRARY_OURS],
                                                    (enum metric)metric);

                        if (isnan(stock) && isnan(ours))
                                continue;
                        fprintf(f, "%-31s %-11s %-16s %-7s", name, *name ? result->c->unit : "",
                                title, daemon_titles[columns[i].daemon]);
                        print_number(f, 12, shown[metric].digits, stock / shown[metric].scale);
                        print_number(f, 12, shown[metric].digits, ours / shown[metric].scale);
                        print_number(f, 12, 2, ours / stock);
                        print_spread(f, spread(result, i, i + LIBRARY_MAX, (enum metric)metric));
                        fputc('\n', f);
                        name = title = "";
                }
        }
        return name;
}

void report_result(FILE *f, const struct result *result)
{
        const char *name = report_layout(result->c->axis) == LAYOUT_LIBRARIES
                                   ? print_libraries(f, result)
                                   : print_lines(f, result);

        for (int column = 0; column < COLUMN_MAX; ++column) {
                if (result->series[column].error)
                        fprintf(f, "%-22s %s failed: %s\n", name, columns[column].name,
                                strerror(-result->series[column].error));
        }
        fflush(f);
}
