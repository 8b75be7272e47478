/* SPDX-License-Identifier: MIT */
#include "report.h"

#include <math.h>

/* How the figure of a target comes about. */
enum target_kind {
        TO_BROKER, /* ours / broker */
        TO_STOCK,  /* ours / stock */
        GROWTH,    /* ours in this case / ours in the base case, wall or CPU, whichever is worse */
        ABSOLUTE,  /* ours */
        TO_STOCK_LIBRARY, /* our library / the stock one, with the daemon where it is worst */
        OUR_LIBRARY,      /* our library, likewise */
};

struct target {
        const char *what;
        enum target_kind kind;
        const char *name; /* of the case */
        const char *base; /* GROWTH: grown from; ratios: the same without a daemon, or NULL */
        enum metric metric;
        double bound; /* reached when not above */
};

/* The client libraries: what they take by themselves is to be half. */
#define HALF(case_name, case_metric) TO_STOCK_LIBRARY, case_name, NULL, case_metric, 0.5
#define LIB_INSTRUCTIONS(task, role) HALF("lib-instructions-" task, METRIC_##role##_INSTRUCTIONS)
#define MSG_INSTRUCTIONS(task)       HALF("msg-instructions-" task, METRIC_CLIENT_INSTRUCTIONS)
#define MSG_WALL(task)               HALF("msg-" task, METRIC_WALL)
/* Most of a call is the kernel's and the daemon's time, whatever the library. */
#define LIB_WALL(task) TO_STOCK_LIBRARY, "lib-" task, NULL, METRIC_WALL, 1

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
        {"caller's system calls", OUR_LIBRARY, "lib-syscalls-call", NULL, METRIC_CLIENT_SYSCALLS,
         3.05},
        {"instructions of a caller", LIB_INSTRUCTIONS("call", CLIENT)},
        {"instructions of a caller", LIB_INSTRUCTIONS("property", CLIENT)},
        {"instructions of a caller", LIB_INSTRUCTIONS("dict", CLIENT)},
        {"instructions of a caller", LIB_INSTRUCTIONS("bytes", CLIENT)},
        {"instructions of a caller", LIB_INSTRUCTIONS("strings-call", CLIENT)},
        {"instructions of a caller", LIB_INSTRUCTIONS("strings-reply", CLIENT)},
        {"instructions of a caller", LIB_INSTRUCTIONS("async", CLIENT)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("call", SERVICE)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("property", SERVICE)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("dict", SERVICE)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("bytes", SERVICE)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("strings-call", SERVICE)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("strings-reply", SERVICE)},
        {"instructions of a receiver", LIB_INSTRUCTIONS("signal", CLIENT)},
        {"instructions to build", MSG_INSTRUCTIONS("build-small")},
        {"instructions to build", MSG_INSTRUCTIONS("build-dict")},
        {"instructions to build", MSG_INSTRUCTIONS("build-bytes")},
        {"instructions to build", MSG_INSTRUCTIONS("build-strings")},
        {"instructions to build", MSG_INSTRUCTIONS("build-iterated")},
        {"instructions to read", MSG_INSTRUCTIONS("read-small")},
        {"instructions to read", MSG_INSTRUCTIONS("read-dict")},
        {"instructions to read", MSG_INSTRUCTIONS("read-strings")},
        {"instructions to read", MSG_INSTRUCTIONS("read-iterated")},
        {"instructions to parse", MSG_INSTRUCTIONS("parse-small")},
        {"instructions to parse", MSG_INSTRUCTIONS("parse-dict")},
        {"instructions to parse", MSG_INSTRUCTIONS("parse-bytes")},
        {"instructions to parse", MSG_INSTRUCTIONS("parse-strings")},
        {"time to build", MSG_WALL("build-small")},
        {"time to build", MSG_WALL("build-dict")},
        {"time to build", MSG_WALL("build-bytes")},
        {"time to build", MSG_WALL("build-strings")},
        {"time to read", MSG_WALL("read-small")},
        {"time to read", MSG_WALL("read-dict")},
        {"time to read", MSG_WALL("read-strings")},
        {"time to parse", MSG_WALL("parse-small")},
        {"time to parse", MSG_WALL("parse-dict")},
        {"time to parse", MSG_WALL("parse-bytes")},
        {"time to parse", MSG_WALL("parse-strings")},
        {"time of a call", LIB_WALL("call")},
        {"time of a call", LIB_WALL("property")},
        {"time of a call", LIB_WALL("dict")},
        {"time of a call", LIB_WALL("bytes")},
        {"time of a call", LIB_WALL("strings-call")},
        {"time of a call", LIB_WALL("strings-reply")},
        {"time of a call", LIB_WALL("async")},
        {"time of a signal", LIB_WALL("signal")},
        {"memory per connection", TO_STOCK_LIBRARY, "lib-memory", NULL, METRIC_PSS, 1},
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

/* The worst over all daemons, with @library in the place of ours. */
static double library_figure(const struct results *results, const struct target *target,
                             enum library_id library)
{
        double worst = NAN;

        for (int column = 0; column < COLUMN_MAX; ++column) {
                double value;

                if (columns[column].library != LIBRARY_STOCK)
                        continue;
                value = results_median(results, target->name, (enum column)(column + (int)library),
                                       target->metric);
                if (target->kind == TO_STOCK_LIBRARY)
                        value /= results_median(results, target->name, (enum column)column,
                                                target->metric);
                worst = fmax(worst, value);
        }
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
        case TO_STOCK_LIBRARY:
        case OUR_LIBRARY:
                return library_figure(results, target, LIBRARY_OURS);
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
        } else if (target->kind == OUR_LIBRARY) {
                fprintf(f, " stock library");
                print_figure(f, library_figure(results, target, LIBRARY_STOCK));
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

        fprintf(f, "%-30s %-30s", target->what, target->name);
        print_figure(f, ours);
        fprintf(f, "  <= %-6g", bound);
        fprintf(f, " %s", isnan(ours) ? "not measured" : ours <= bound ? "reached" : "NOT REACHED");
        print_context(f, results, target);
        fputc('\n', f);
}

void report_targets(FILE *f, const struct results *results)
{
        fprintf(f, "\nTARGETS\n");
        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); ++i) {
                if (results_has(results, targets[i].name))
                        print_target(f, results, &targets[i]);
        }
}
