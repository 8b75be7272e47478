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
        struct equipment equipment;
        struct budget budget;
        const char *patterns[MAX_PATTERNS];
        int n_patterns;
        const char *tsv;
        bool list;
};

static const struct bench_case *const all_cases[] = {
        cases_call, cases_signal,  cases_connection, cases_start,
        cases_bare, cases_library, cases_link,
};

static void interrupt(int number)
{
        (void)number;
        client_interrupted = 1;
}

static void usage(FILE *f)
{
        fputs("bench [OPTION...]\n"
              "  --case NAME     only this case, or those that begin with NAME-; may be\n"
              "                  repeated and be a shell pattern\n"
              "  --syscalls      short for --case 'syscalls-*'\n"
              "  --library       short for --case lib --case msg\n"
              "  --link          short for --case link\n"
              "  --rounds N      samples of each daemon in each case (default 9)\n"
              "  --quick         samples of 20 ms in 3 rounds: to see that it works\n"
              "  --ours PATH     our daemon (default: of the build tree this program is in)\n"
              "  --stock PATH    the reference daemon (default /usr/bin/dbus-daemon)\n"
              "  --broker PATH   dbus-broker (default /usr/bin/dbus-broker)\n"
              "  --our-library PATH\n"
              "                  our libdbus-1.so.3 (default: of that build tree)\n"
              "  --stock-library PATH\n"
              "                  the reference one (default " STOCK_LIBRARY ")\n"
              "  --valgrind PATH (default /usr/bin/valgrind)\n"
              "  --tsv FILE      write all samples to FILE\n"
              "  --list          list the cases\n",
              f);
}

static bool is_selected(const struct options *o, const char *name)
{
        for (int i = 0; i < o->n_patterns; ++i) {
                size_t n = strlen(o->patterns[i]);

                if (fnmatch(o->patterns[i], name, 0) == 0 ||
                    (strncmp(o->patterns[i], name, n) == 0 && name[n] == '-'))
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
        enum {
                CASE = 1,
                SYSCALLS,
                LIBRARY,
                LINK,
                ROUNDS,
                QUICK,
                OURS,
                STOCK,
                BROKER,
                OUR_LIB,
                STOCK_LIB,
                VALGRIND,
                TSV,
                LIST,
                HELP,
        };
        static const struct option names[] = {
                {"case", required_argument, NULL, CASE},
                {"syscalls", no_argument, NULL, SYSCALLS},
                {"library", no_argument, NULL, LIBRARY},
                {"link", no_argument, NULL, LINK},
                {"rounds", required_argument, NULL, ROUNDS},
                {"quick", no_argument, NULL, QUICK},
                {"ours", required_argument, NULL, OURS},
                {"stock", required_argument, NULL, STOCK},
                {"broker", required_argument, NULL, BROKER},
                {"our-library", required_argument, NULL, OUR_LIB},
                {"stock-library", required_argument, NULL, STOCK_LIB},
                {"valgrind", required_argument, NULL, VALGRIND},
                {"tsv", required_argument, NULL, TSV},
                {"list", no_argument, NULL, LIST},
                {"help", no_argument, NULL, HELP},
                {0},
        };
        const struct budget quick = {20000000, 3, 200, 20};
        struct equipment *e = &o->equipment;
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
                case LIBRARY:
                        r = add_pattern(o, "lib");
                        if (r >= 0)
                                r = add_pattern(o, "msg");
                        break;
                case LINK:
                        r = add_pattern(o, "link");
                        break;
                case ROUNDS:
                        r = parse_rounds(o, optarg);
                        break;
                case QUICK:
                        o->budget = quick;
                        break;
                case OURS:
                        e->subjects.list[SUBJECT_OURS].path = optarg;
                        break;
                case STOCK:
                        e->subjects.list[SUBJECT_STOCK].path = optarg;
                        break;
                case BROKER:
                        e->subjects.list[SUBJECT_BROKER].path = optarg;
                        break;
                case OUR_LIB:
                        e->library[LIBRARY_OURS] = optarg;
                        break;
                case STOCK_LIB:
                        e->library[LIBRARY_STOCK] = optarg;
                        break;
                case VALGRIND:
                        e->valgrind = optarg;
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
                                printf("%-31s %s\n", c->name, c->what);
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

/* Leaves out what is not there; said once it is known that it matters. */
static void find_libraries(struct equipment *e)
{
        static const char *const labels[LIBRARY_MAX] = {
                [LIBRARY_STOCK] = "stock library",
                [LIBRARY_OURS] = "our library",
        };

        for (int id = 0; id < LIBRARY_MAX; ++id) {
                char *real = realpath(e->library[id], NULL);

                if (!real) {
                        printf("%s: left out, there is no %s\n", labels[id], e->library[id]);
                        e->library[id] = NULL;
                        continue;
                }
                printf("%s: %s\n", labels[id], real);
                free(real);
        }
        if (access(e->lib_client, X_OK) < 0) {
                printf("libraries: left out, there is no %s\n", e->lib_client);
                e->lib_client = NULL;
        }
        if (access(e->valgrind, X_OK) < 0) {
                printf("instructions: not counted, there is no %s\n", e->valgrind);
                e->valgrind = NULL;
        }
}

/* What the column needs for a case is there. */
static bool has_column(const struct equipment *e, const struct bench_case *c, enum column column)
{
        const struct column_setup *setup = &columns[column];

        if (c->activates && setup->daemon == SUBJECT_BROKER)
                return false;
        if (setup->daemon != NO_SUBJECT && !e->subjects.list[setup->daemon].path)
                return false;
        return setup->library == NO_LIBRARY || (e->library[setup->library] && e->lib_client);
}

/* The case has a column that can be measured. */
static bool is_possible(const struct equipment *e, const struct bench_case *c)
{
        bool possible = false;

        for (int i = (int)axes[c->axis].first; i < (int)axes[c->axis].end; ++i)
                possible |= has_column(e, c, (enum column)i);
        return possible && (!c->instructions || e->valgrind);
}

/* One sample into the series, setting up the fixture first when there is none. */
static int take_sample(struct fixture **fp, const struct bench_case *c, const struct options *o,
                       enum column column, struct series *series)
{
        struct sample sample;
        int r = 0;

        if (c->fresh)
                *fp = fixture_free(*fp);
        if (!*fp)
                r = fixture_new(fp, c, &o->equipment, column);
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
        int first = (int)axes[c->axis].first;
        int end = (int)axes[c->axis].end;
        unsigned rounds = o->budget.rounds;
        int failed = 0;

        if (c->max_rounds && rounds > c->max_rounds)
                rounds = c->max_rounds;
        for (unsigned round = 0; round < rounds; ++round) {
                for (int i = first; i < end && !client_interrupted; ++i) {
                        struct series *series = &result->series[i];

                        if (series->error || !has_column(&o->equipment, c, (enum column)i))
                                continue;
                        series->error = take_sample(&fixtures[i], c, o, (enum column)i, series);
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
        enum axis heading = AXIS_MAX;
        int failed = 0;

        for (size_t i = 0; i < sizeof(all_cases) / sizeof(all_cases[0]); ++i) {
                for (const struct bench_case *c = all_cases[i]; c->name; ++c) {
                        struct result *result;

                        if (!is_selected(o, c->name) || !is_possible(&o->equipment, c) ||
                            client_interrupted)
                                continue;
                        if (heading == AXIS_MAX || report_layout(heading) != report_layout(c->axis))
                                report_heading(stdout, c->axis);
                        heading = c->axis;
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
        char our_library[PATH_MAX + 32];
        char lib_client[PATH_MAX + 32];
        char activated[PATH_MAX + 32];
        struct options o = {
                .equipment =
                        {
                                .subjects.list =
                                        {
                                                {"stock", "/usr/bin/dbus-daemon"},
                                                {"broker", "/usr/bin/dbus-broker"},
                                                {"ours", ours},
                                        },
                                .subjects.broker_launch = launch,
                                .library = {STOCK_LIBRARY, our_library},
                                .lib_client = lib_client,
                                .activated = activated,
                                .valgrind = "/usr/bin/valgrind",
                        },
                .budget = {150000000, 9, 2000, 200},
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
        snprintf(our_library, sizeof(our_library), "%s/../../dbus/libdbus-1.so.3", self);
        snprintf(lib_client, sizeof(lib_client), "%s/lib-client", self);
        snprintf(activated, sizeof(activated), "%s/activated", self);

        if (parse(&o, argc, argv) < 0)
                return 2;
        if (o.list) {
                list_cases(&o);
                return 0;
        }
        setvbuf(stdout, NULL, _IOLBF, 0);
        if (find_subjects(&o.equipment.subjects) == 0)
                return EXIT_SKIPPED;
        find_libraries(&o.equipment);
        prepare_process();
        failed = run_cases(&o, &results);
        report_targets(stdout, &results);
        if (o.tsv && write_tsv(&results, o.tsv) < 0)
                ++failed;
        results_deinit(&results);
        return failed || client_interrupted ? 1 : 0;
}
