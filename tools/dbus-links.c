/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "bus-choice.h"
#include "links-json.h"
#include "links-list.h"
#include "links-table.h"
#include "shown-text.h"

/*
 * dbus-links(1): shows the peer links of a bus.
 */

#define DEFAULT_INTERVAL 1.0
#define MIN_INTERVAL     0.05
#define MAX_INTERVAL     86400.0

struct options {
        struct bus_choice bus;
        bool json, watch;
        double interval; /* s */
};

static const char help[] = "Usage: dbus-links [OPTION...]\n"
                           "Shows the peer links of a message bus, and who talks without one.\n"
                           "\n"
                           "  --session           the session bus, which is the default\n"
                           "  --system            the system bus\n"
                           "  --address=ADDRESS   the bus at this address\n"
                           "  --json              print for programs\n"
                           "  --watch[=SECONDS]   show it again and again, each second by default\n"
                           "  --help              print this\n"
                           "  --version           print the version\n";

static _Noreturn void refuse(void)
{
        fputs("Try \"dbus-links --help\".\n", stderr);
        exit(EXIT_FAILURE);
}

static double parse_interval(const char *text)
{
        char *end;
        double seconds = strtod(text, &end);

        if (end == text || *end || !(seconds >= MIN_INTERVAL && seconds <= MAX_INTERVAL)) {
                fprintf(stderr, "dbus-links: \"%s\" is no number of seconds from %g to %g\n", text,
                        MIN_INTERVAL, MAX_INTERVAL);
                refuse();
        }
        return seconds;
}

static void parse_options(struct options *o, int argc, char **argv)
{
        static const struct option options[] = {
                {"session", no_argument, NULL, 's'},       {"system", no_argument, NULL, 'S'},
                {"address", required_argument, NULL, 'a'}, {"json", no_argument, NULL, 'j'},
                {"watch", optional_argument, NULL, 'w'},   {"help", no_argument, NULL, 'h'},
                {"version", no_argument, NULL, 'v'},       {NULL, 0, NULL, 0},
        };
        int option;

        while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                switch (option) {
                case 's':
                        o->bus = (struct bus_choice){.type = DBUS_BUS_SESSION};
                        break;
                case 'S':
                        o->bus = (struct bus_choice){.type = DBUS_BUS_SYSTEM};
                        break;
                case 'a':
                        o->bus = (struct bus_choice){DBUS_BUS_SESSION, optarg};
                        break;
                case 'j':
                        o->json = true;
                        break;
                case 'w':
                        o->watch = true;
                        if (optarg)
                                o->interval = parse_interval(optarg);
                        break;
                case 'h':
                        fputs(help, stdout);
                        exit(EXIT_SUCCESS);
                case 'v':
                        puts("dbus-links (dbus-direct) " PROJECT_VERSION);
                        exit(EXIT_SUCCESS);
                default:
                        refuse();
                }
        }
        if (optind < argc) {
                fprintf(stderr, "dbus-links: unexpected argument \"%s\"\n", argv[optind]);
                refuse();
        }
}

/* A bus that knows no links says so in one of several ways. */
static bool says_unknown(const DBusError *error)
{
        static const char *const names[] = {DBUS_ERROR_UNKNOWN_INTERFACE, DBUS_ERROR_UNKNOWN_METHOD,
                                            DBUS_ERROR_UNKNOWN_OBJECT, DBUS_ERROR_NOT_SUPPORTED};

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i) {
                if (dbus_error_has_name(error, names[i]))
                        return true;
        }
        return false;
}

/* What the bus says: it may be somebody else's. */
static void complain_of(const char *name, const char *message)
{
        fprintf(stderr, "dbus-links: %s: ", name);
        shown_text_print(message, stderr);
        putc('\n', stderr);
}

static void complain(DBusError *error)
{
        if (says_unknown(error))
                fputs("dbus-links: this bus has no peer links\n", stderr);
        else if (dbus_error_has_name(error, DBUS_ERROR_ACCESS_DENIED))
                fputs("dbus-links: only root and the user that the bus runs as may see its peer "
                      "links\n",
                      stderr);
        else
                complain_of(error->name, error->message);
        dbus_error_free(error);
}

static double now(void)
{
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_for(double seconds)
{
        struct timespec t = {.tv_sec = (time_t)seconds};

        t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
        while (nanosleep(&t, &t) < 0 && errno == EINTR)
                ;
}

/* On a terminal, the view takes the place of the one before, and fits. */
static void show(const struct options *o, const struct listing *l, const struct listing *before,
                 double seconds)
{
        struct winsize size = {0};

        if (o->json) {
                links_print_json(l);
                return;
        }
        if (isatty(STDOUT_FILENO))
                ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
        if (o->watch && isatty(STDOUT_FILENO))
                fputs("\033[H\033[2J", stdout);
        else if (before)
                putchar('\n');
        /* Two tables, their headings and the totals. */
        links_print_table(l, before, seconds, size.ws_col,
                          o->watch && size.ws_row > 12 ? (size.ws_row - 8u) / 2 : 0);
}

/* What could not be written is the end: whoever read it has gone. */
static bool flush(void)
{
        if (!fflush(stdout))
                return true;
        perror("dbus-links: write");
        return false;
}

static int run(const struct options *o, DBusConnection *c, DBusError *error)
{
        struct listing listing = {0}, before = {0};
        double at = 0, last;
        int r;

        do {
                last = at;
                before = listing;
                r = listing_get(&listing, c, error);
                at = now();
                if (!r)
                        show(o, &listing, before.reply ? &before : NULL, at - last);
                listing_free(&before);
                if (!r && !flush()) {
                        r = 1;
                        break;
                }
                if (!r && o->watch)
                        sleep_for(o->interval);
        } while (!r && o->watch);
        listing_free(&listing);
        return r;
}

int main(int argc, char **argv)
{
        struct options o = {.bus.type = DBUS_BUS_SESSION, .interval = DEFAULT_INTERVAL};
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c;
        int r = -1;

        parse_options(&o, argc, argv);
        c = bus_choice_open(&o.bus, &error, NULL);
        if (c) {
                r = run(&o, c, &error);
                dbus_connection_unref(c);
        }
        if (r < 0)
                complain(&error);
        return r ? EXIT_FAILURE : EXIT_SUCCESS;
}
