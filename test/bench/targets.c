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
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-16", "bare-fanout-16", METRIC_CPU,
         0.7},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-128", "bare-fanout-128", METRIC_CPU,
         0.7},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-1cpu-16", "bare-fanout-1cpu-16",
         METRIC_CPU, 0.7},
        {"CPU per delivery, ours/broker", TO_BROKER, "fanout-1cpu-128", "bare-fanout-1cpu-128",
         METRIC_CPU, 0.7},
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

/* Peer links: a column in a case by a column in a case. */
struct link_target {
        const char *what;
        const char *name;
        enum column column;
        enum metric metric;
        const char *base; /* NULL: no ratio */
        enum column base_column;
        double bound;
        bool has_stock; /* the stock daemon and library have a figure of this kind */
};

#define LINKED   COLUMN_LINK_LINKED
#define SPINNING COLUMN_LINK_SPINNING
#define STOCK    COLUMN_LINK_STOCK
#define BARE     COLUMN_LINK_BARE
/* Nothing gets slower: but for what the same thing measured twice differs by. */
#define NO_SLOWER 1.02
/* A few switches are those of starting and ending a sample. */
#define NO_SWITCHES  0.005
#define TWO_SWITCHES 2.05

static const struct link_target link_targets[] = {
        {"linked/bare, wall", "link-1cpu", LINKED, METRIC_WALL, "link-1cpu", BARE, 2, false},
        {"linked/stock, wall", "link-1cpu", LINKED, METRIC_WALL, "link-1cpu", STOCK, 1.0 / 6,
         false},
        {"switches per call, linked", "link-1cpu", LINKED, METRIC_PEER_SWITCHES, NULL, LINKED,
         TWO_SWITCHES, true},
        {"... of the daemon", "link-1cpu", LINKED, METRIC_SWITCHES, NULL, LINKED, NO_SWITCHES,
         true},
        {"linked/bare, wall", "link-free", LINKED, METRIC_WALL, "link-free", BARE, 1.2, false},
        {"spinning/bare, wall", "link-free", SPINNING, METRIC_WALL, "link-free", BARE, 0.3, false},
        {"spinning/stock, total CPU", "link-free", SPINNING, METRIC_TOTAL_CPU, "link-free", STOCK,
         1, false},
        {"linked/stock, wall", "link-inflight64-1cpu", LINKED, METRIC_WALL, "link-inflight64-1cpu",
         STOCK, 0.25, false},
        {"linked/stock, wall", "link-inflight64-free", LINKED, METRIC_WALL, "link-inflight64-free",
         STOCK, 0.25, false},
        {"linked/stock, wall", "link-64k-1cpu", LINKED, METRIC_WALL, "link-64k-1cpu", STOCK,
         1.0 / 3, false},
        {"linked/stock, wall", "link-64k-free", LINKED, METRIC_WALL, "link-64k-free", STOCK,
         1.0 / 3, false},
        {"flooded/idle, wall, linked", "link-flooded", LINKED, METRIC_WALL, "link-idle", LINKED,
         1.2, true},
        {"flooded/idle, wall, spinning", "link-flooded", SPINNING, METRIC_WALL, "link-idle",
         SPINNING, 1.2, true},
        {"never linked, on/off, wall", "link-never", COLUMN_FEATURE_ON, METRIC_WALL, "link-never",
         COLUMN_FEATURE_OFF, NO_SLOWER, false},
        {"never linked, on/off, CPU", "link-never", COLUMN_FEATURE_ON, METRIC_TOTAL_CPU,
         "link-never", COLUMN_FEATURE_OFF, NO_SLOWER, false},
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
 * what takes the place of a daemon without being one shows how low it could get.
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
                double bare = results_median(results, target->base, COLUMN_BARE, target->metric);

                fprintf(f, " without a bus");
                print_figure(f, bare / results_median(results, target->name, to, target->metric));
        }
}

static void print_verdict(FILE *f, const char *what, const char *name, double ours, double bound)
{
        fprintf(f, "%-30s %-30s", what, name);
        print_figure(f, ours);
        fprintf(f, "  <= %-6.3g", bound);
        fprintf(f, " %s", isnan(ours) ? "not measured" : ours <= bound ? "reached" : "NOT REACHED");
}

static void print_target(FILE *f, const struct results *results, const struct target *target)
{
        print_verdict(f, target->what, target->name, figure(results, target, COLUMN_OURS),
                      target->bound);
        print_context(f, results, target);
        fputc('\n', f);
}

static double link_figure(const struct results *results, const struct link_target *target,
                          enum column column, enum column base_column)
{
        double value = results_median(results, target->name, column, target->metric);

        if (!target->base)
                return value;
        return value / results_median(results, target->base, base_column, target->metric);
}

static void print_link_target(FILE *f, const struct results *results,
                              const struct link_target *target)
{
        print_verdict(f, target->what, target->name,
                      link_figure(results, target, target->column, target->base_column),
                      target->bound);
        if (target->has_stock) {
                fprintf(f, " stock");
                print_figure(f, link_figure(results, target, STOCK, STOCK));
        }
        fputc('\n', f);
}

void report_targets(FILE *f, const struct results *results)
{
        fprintf(f, "\nTARGETS\n");
        for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); ++i) {
                if (results_has(results, targets[i].name))
                        print_target(f, results, &targets[i]);
        }
        for (size_t i = 0; i < sizeof(link_targets) / sizeof(link_targets[0]); ++i) {
                if (results_has(results, link_targets[i].name))
                        print_link_target(f, results, &link_targets[i]);
        }
}
