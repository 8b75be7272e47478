/* SPDX-License-Identifier: MIT */
/*
 * Measures bus daemons against each other; see README.md.
 */
#include "cases.h"
#include "measure.h"
#include "report.h"

#include <errno.h>
#include <fnmatch.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_SKIPPED 77 /* what ctest is told about "nothing to measure here" */
#define MAX_PATTERNS 64

struct options {
        struct subjects subjects;
        struct budget budget;
        const char *patterns[MAX_PATTERNS];
        int n_patterns;
        const char *tsv;
        bool list;
};

static const struct bench_case *const all_cases[] = {
        cases_call,
        cases_signal,
        cases_connection,
        cases_bare,
};

static void interrupt(int number)
{
        (void)number;
        client_interrupted = 1;
}

static void usage(FILE *f)
{
        fputs("bench [OPTION...]\n"
              "  --case NAME     only this case; may be repeated and be a shell pattern\n"
              "  --syscalls      short for --case 'syscalls-*'\n"
              "  --rounds N      samples of each daemon in each case (default 9)\n"
              "  --quick         samples of 20 ms in 3 rounds: to see that it works\n"
              "  --ours PATH     our daemon (default: of the build tree this program is in)\n"
              "  --stock PATH    the reference daemon (default /usr/bin/dbus-daemon)\n"
              "  --broker PATH   dbus-broker (default /usr/bin/dbus-broker)\n"
              "  --tsv FILE      write all samples to FILE\n"
              "  --list          list the cases\n",
              f);
}

static bool is_selected(const struct options *o, const char *name)
{
        for (int i = 0; i < o->n_patterns; ++i) {
                if (fnmatch(o->patterns[i], name, 0) == 0)
                        return true;
        }
        return o->n_patterns == 0;
}

static int add_pattern(struct options *o, const char *pattern)
{
        if (o->n_patterns == MAX_PATTERNS) {
                fprintf(stderr, "bench: more than %d cases; use patterns\n", MAX_PATTERNS);
                return -E2BIG;
        }
        o->patterns[o->n_patterns++] = pattern;
        return 0;
}

static int parse_rounds(struct options *o, const char *text)
{
        char *end;
        unsigned long n = strtoul(text, &end, 10);

        if (*end || n < 1 || n > 1000) {
                fprintf(stderr, "bench: not a number of rounds: %s\n", text);
                return -EINVAL;
        }
        o->budget.rounds = (unsigned)n;
        return 0;
}

static int parse(struct options *o, int argc, char **argv)
{
        enum { CASE = 1, SYSCALLS, ROUNDS, QUICK, OURS, STOCK, BROKER, TSV, LIST, HELP };
        static const struct option names[] = {
                {"case", required_argument, NULL, CASE},
                {"syscalls", no_argument, NULL, SYSCALLS},
                {"rounds", required_argument, NULL, ROUNDS},
                {"quick", no_argument, NULL, QUICK},
                {"ours", required_argument, NULL, OURS},
                {"stock", required_argument, NULL, STOCK},
                {"broker", required_argument, NULL, BROKER},
                {"tsv", required_argument, NULL, TSV},
                {"list", no_argument, NULL, LIST},
                {"help", no_argument, NULL, HELP},
                {0},
        };
        const struct budget quick = {20000000, 3, 200};
        int c;
        int r = 0;

        while (r >= 0 && (c = getopt_long(argc, argv, "", names, NULL)) >= 0) {
                switch (c) {
                case CASE:
                        r = add_pattern(o, optarg);
                        break;
                case SYSCALLS:
                        r = add_pattern(o, "syscalls-*");
                        break;
                case ROUNDS:
                        r = parse_rounds(o, optarg);
                        break;
                case QUICK:
                        o->budget = quick;
                        break;
                case OURS:
                        o->subjects.list[SUBJECT_OURS].path = optarg;
                        break;
                case STOCK:
                        o->subjects.list[SUBJECT_STOCK].path = optarg;
                        break;
                case BROKER:
                        o->subjects.list[SUBJECT_BROKER].path = optarg;
                        break;
                case TSV:
                        o->tsv = optarg;
                        break;
                case LIST:
                        o->list = true;
                        break;
                case HELP:
                        usage(stdout);
                        exit(0);
                default:
                        r = -EINVAL;
                }
        }
        if (r >= 0 && optind < argc)
                r = -EINVAL;
        if (r < 0)
                usage(stderr);
        return r;
}

static void list_cases(const struct options *o)
{
        for (size_t i = 0; i < sizeof(all_cases) / sizeof(all_cases[0]); ++i) {
                for (const struct bench_case *c = all_cases[i]; c->name; ++c) {
                        if (is_selected(o, c->name))
                                printf("%-22s %s\n", c->name, c->what);
                }
        }
}

/* Leaves out daemons that are not there. Returns how many are. */
static int find_subjects(struct subjects *subjects)
{
        int n = 0;

        for (int id = 0; id < SUBJECT_MAX; ++id) {
                struct subject *s = &subjects->list[id];
                const char *missing = access(s->path, X_OK) < 0 ? s->path : NULL;

                if (id == SUBJECT_BROKER && !missing && access(subjects->broker_launch, X_OK) < 0)
                        missing = subjects->broker_launch;
                if (missing) {
                        printf("%s: left out, there is no %s\n", s->label, missing);
                        s->path = NULL;
                } else {
                        printf("%s: %s\n", s->label, s->path);
                        ++n;
                }
        }
        return n;
}

/* One sample into the series, setting up the fixture first when there is none. */
static int take_sample(struct fixture **fp, const struct bench_case *c, const struct options *o,
                       enum subject_id id, struct series *series)
{
        struct sample sample;
        int r = 0;

        if (c->fresh)
                *fp = fixture_free(*fp);
        if (!*fp)
                r = fixture_new(fp, c, &o->subjects, id);
        if (r >= 0)
                r = c->sample(*fp, &o->budget, &sample);
        if (r >= 0)
                r = series_add(series, &sample);
        return r;
}

/*
 * All rounds of a case. The daemons take turns within a round, so that whatever else the machine
 * does and however its clock changes, it happens to all of them.
 */
static int run_case(const struct bench_case *c, const struct options *o, struct result *result)
{
        struct fixture *fixtures[COLUMN_MAX] = {NULL};
        int first = c->bare ? COLUMN_BARE : 0;
        int end = c->bare ? COLUMN_MAX : COLUMN_BARE;
        unsigned rounds = o->budget.rounds;
        int failed = 0;

        if (c->max_rounds && rounds > c->max_rounds)
                rounds = c->max_rounds;
        for (unsigned round = 0; round < rounds; ++round) {
                for (int i = first; i < end && !client_interrupted; ++i) {
                        struct series *series = &result->series[i];

                        if (series->error || (!c->bare && !o->subjects.list[i].path))
                                continue;
                        series->error = take_sample(&fixtures[i], c, o, (enum subject_id)i, series);
                        if (client_interrupted)
                                series->error = 0; /* nobody's fault: Ctrl-C reaches all of us */
                        if (series->error) {
                                failed = series->error;
                                fixtures[i] = fixture_free(fixtures[i]);
                        }
                }
        }
        for (int i = first; i < end; ++i)
                fixture_free(fixtures[i]);
        return failed;
}

/* Runs and prints the selected cases. Returns how many of them failed with some daemon. */
static int run_cases(const struct options *o, struct results *results)
{
        int failed = 0;

        report_heading(stdout);
        for (size_t i = 0; i < sizeof(all_cases) / sizeof(all_cases[0]); ++i) {
                for (const struct bench_case *c = all_cases[i]; c->name; ++c) {
                        struct result *result;

                        if (!is_selected(o, c->name) || client_interrupted)
                                continue;
                        result = results_add(results, c);
                        if (!result)
                                return failed + 1;
                        if (run_case(c, o, result) < 0)
                                ++failed;
                        report_result(stdout, result);
                }
        }
        return failed;
}

static int write_tsv(const struct results *results, const char *path)
{
        FILE *f = fopen(path, "we");
        int r;

        if (!f) {
                perror(path);
                return -errno;
        }
        results_write_tsv(results, f);
        r = ferror(f) ? -EIO : 0;
        if (fclose(f) != 0)
                r = -errno;
        if (r < 0)
                fprintf(stderr, "bench: %s: %s\n", path, strerror(-r));
        return r;
}

static void prepare_process(void)
{
        struct sigaction action = {.sa_handler = interrupt}; /* no SA_RESTART: end what waits */
        struct rlimit files;

        sigaction(SIGINT, &action, NULL);
        sigaction(SIGTERM, &action, NULL);
        signal(SIGPIPE, SIG_IGN);
        /* Daemons inherit this; those with a thousand connections need it. */
        if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
                files.rlim_cur = files.rlim_max;
                setrlimit(RLIMIT_NOFILE, &files);
        }
        measure_cpu(0); /* remembers where we may run, before anything is pinned */
}

int main(int argc, char **argv)
{
        char self[PATH_MAX];
        char ours[PATH_MAX + 32];
        char launch[PATH_MAX + 32];
        struct options o = {
                .subjects =
                        {
                                .list =
                                        {
                                                {"stock", "/usr/bin/dbus-daemon"},
                                                {"broker", "/usr/bin/dbus-broker"},
                                                {"ours", ours},
                                        },
                                .broker_launch = launch,
                        },
                .budget = {150000000, 9, 2000},
        };
        struct results results = {0};
        int failed;
        ssize_t n;

        n = readlink("/proc/self/exe", self, sizeof(self) - 1);
        if (n < 0) {
                perror("bench: /proc/self/exe");
                return 1;
        }
        self[n] = '\0';
        dirname(self);
        snprintf(launch, sizeof(launch), "%s/broker-launch", self);
        snprintf(ours, sizeof(ours), "%s/../../bus/dbus-daemon", self);

        if (parse(&o, argc, argv) < 0)
                return 2;
        if (o.list) {
                list_cases(&o);
                return 0;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (find_subjects(&o.subjects) == 0)
                return EXIT_SKIPPED;
        prepare_process();
        failed = run_cases(&o, &results);
        report_targets(stdout, &results);
        if (o.tsv && write_tsv(&results, o.tsv) < 0)
                ++failed;
        results_deinit(&results);
        return failed || client_interrupted ? 1 : 0;
}
