/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <math.h>

/* How the figure of a target comes about. */
enum target_kind {
        TO_BROKER, /* ours / broker */
        TO_STOCK,  /* ours / stock */
        GROWTH,    /* ours in this case / ours in the base case, wall or CPU, whichever is worse */
        ABSOLUTE,  /* ours */
};

struct target {
        const char *what;
        enum target_kind kind;
        const char *name; /* of the case */
        const char *base; /* GROWTH: grown from; ratios: the same without a daemon, or NULL */
        enum metric metric;
        double bound; /* reached when not above */
};

static const struct target targets[] = {
        {"CPU per message, ours/broker", TO_BROKER, "rtt-free", "bare-relay-free", METRIC_CPU,
         0.65},
        {"CPU per message, ours/broker", TO_BROKER, "rtt-1cpu", "bare-relay-1cpu", METRIC_CPU,
         0.65},
        {"CPU per message, ours/broker", TO_BROKER, "inflight64", NULL, METRIC_CPU, 0.65},
        {"CPU per message, ours/stock", TO_STOCK, "rtt-free", "bare-relay-free", METRIC_CPU, 0.5},
        {"CPU per message, ours/stock", TO_STOCK, "rtt-1cpu", "bare-relay-1cpu", METRIC_CPU, 0.5},
        {"CPU per message, ours/stock", TO_STOCK, "inflight64", NULL, METRIC_CPU, 0.5},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-16", NULL, METRIC_CPU, 0.7},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-128", NULL, METRIC_CPU, 0.7},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-1cpu-16", NULL, METRIC_CPU, 0.7},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-1cpu-128", NULL, METRIC_CPU, 0.7},
        {"flat in rules", GROWTH, "match-262144", "match-1", METRIC_CPU, 1.2},
        {"flat in outstanding replies", GROWTH, "replies-65536", "replies-1", METRIC_CPU, 1.2},
        {"memory per connection, bytes", ABSOLUTE, "memory", NULL, METRIC_PSS, 8192},
        {"system calls per message", ABSOLUTE, "syscalls-rtt", NULL, METRIC_SYSCALLS, 3.1},
};

static double growth(const struct results *results, const struct target *target, enum column column)
{
        const enum metric both[] = {METRIC_WALL, METRIC_CPU};
        double worst = NAN;

        for (int i = 0; i < 2; ++i)
                worst = fmax(worst, results_median(results, target->name, column, both[i]) /
                                            results_median(results, target->base, column, both[i]));
        return worst;
}

/* The target's figure with @column in the place of ours. */
static double figure(const struct results *results, const struct target *target, enum column column)
{
        double value = results_median(results, target->name, column, target->metric);

        switch (target->kind) {
        case TO_BROKER:
                return value / results_median(results, target->name, COLUMN_BROKER, target->metric);
        case TO_STOCK:
                return value / results_median(results, target->name, COLUMN_STOCK, target->metric);
        case GROWTH:
                return growth(results, target, column);
        case ABSOLUTE:
                break;
        }
        return value;
}

static void print_figure(FILE *f, double value)
{
        if (isnan(value))
                fprintf(f, " %8s", "-");
        else
                fprintf(f, " %8.*f", value < 100 ? 2 : 0, value);
}

/*
 * Where a figure is not a ratio between daemons, the others have one of their own. Where it is one,
 * the relay that takes the place of a daemon shows how low it could get.
 */
static void print_context(FILE *f, const struct results *results, const struct target *target)
{
        if (target->kind == GROWTH || target->kind == ABSOLUTE) {
                fprintf(f, " broker");
                print_figure(f, figure(results, target, COLUMN_BROKER));
                fprintf(f, ", stock");
                print_figure(f, figure(results, target, COLUMN_STOCK));
        } else if (target->base) {
                enum column to = target->kind == TO_BROKER ? COLUMN_BROKER : COLUMN_STOCK;
                double relay = results_median(results, target->base, COLUMN_BARE, target->metric);

                fprintf(f, " bare relay");
                print_figure(f, relay / results_median(results, target->name, to, target->metric));
        }
}

static void print_target(FILE *f, const struct results *results, const struct target *target)
{
        double ours = figure(results, target, COLUMN_OURS);
        double bound = target->bound;

        fprintf(f, "%-30s %-15s", target->what, target->name);
        print_figure(f, ours);
        fprintf(f, "  <= %-6g", bound);
        fprintf(f, " %s", isnan(ours) ? "not measured" : ours <= bound ? "reached" : "NOT REACHED");
        print_context(f, results, target);
        fputc('\n', f);
}

void report_targets(FILE *f, const struct results *results)
{
        fprintf(f, "\nTARGETS\n");
        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); ++i)
                print_target(f, results, &targets[i]);
}
