/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "babysitter.h"
#include "child.h"
#include "display.h"
#include "session-file.h"
#include "session-info.h"
#include "start-bus.h"
#include "tool.h"

/*
 * dbus-launch(1): starts a session bus, or finds the one of the display, and says where it is or
 * runs a program there.
 */

enum { MACHINE_ID_LENGTH = 32 };

struct options {
        bool sh, csh, automatic, binary;
        bool quiet, exit_with_session, exit_with_x11;
        const char *machine_id;  /* to look for a bus first; NULL: start one */
        const char *config_file; /* NULL: that of session buses */
        char **program;          /* NULL: none */
};

static _Noreturn void usage(void)
{
        fputs("dbus-launch [--version] [--help] [--sh-syntax] [--csh-syntax] [--auto-syntax] "
              "[--binary-syntax] [--close-stderr] [--exit-with-session|--exit-with-x11] "
              "[--autolaunch=MACHINEID] [--config-file=FILENAME] [PROGRAM] [ARGS...]\n",
              stderr);
        exit(EXIT_SUCCESS);
}

/* Takes an option with its value, which is behind an equals sign or the next argument. Returns
 * whether it is that one. */
static bool take_value(const char *name, const char **value, char **argv, int *i)
{
        const char *found = tool_value(argv[*i], name);

        if (!found && strcmp(argv[*i], name) != 0)
                return false;
        if (*value) {
                fprintf(stderr, "%s given twice\n", name);
                exit(EXIT_FAILURE);
        }
        if (!found)
                found = argv[++*i];
        if (!found) {
                fprintf(stderr, "Option `%s' requires an argument.\n", name);
                exit(EXIT_FAILURE);
        }
        *value = found;
        return true;
}

static bool take_machine_id(struct options *o, char **argv, int *i)
{
        if (!take_value("--autolaunch", &o->machine_id, argv, i))
                return false;
        if (strlen(o->machine_id) != MACHINE_ID_LENGTH) {
                fprintf(stderr,
                        "machine ID '%s' looks like it's the wrong length, should be %d hex digits",
                        o->machine_id, MACHINE_ID_LENGTH);
                exit(EXIT_FAILURE);
        }
        o->exit_with_session = true;
        return true;
}

static bool take_flag(struct options *o, const char *argument)
{
        const struct {
                const char *name;
                bool *flag;
        } flags[] = {
                {"--sh-syntax", &o->sh},
                {"-s", &o->sh},
                {"--csh-syntax", &o->csh},
                {"-c", &o->csh},
                {"--auto-syntax", &o->automatic},
                {"--binary-syntax", &o->binary},
                {"--close-stderr", &o->quiet},
                {"--exit-with-session", &o->exit_with_session},
                {"--exit-with-x11", &o->exit_with_x11},
        };

        for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); ++i)
                if (strcmp(argument, flags[i].name) == 0) {
                        *flags[i].flag = true;
                        return true;
                }
        return false;
}

static void parse_arguments(struct options *o, int argc, char **argv)
{
        for (int i = 1; i < argc; ++i) {
                const char *a = argv[i];

                if (a[0] != '-' || strcmp(a, "--") == 0) {
                        char **program = argv + i + (a[0] == '-');

                        o->program = *program ? program : NULL;
                        return;
                }
                if (tool_wants_help(a))
                        usage();
                if (strcmp(a, "--version") == 0) {
                        tool_print_version("D-Bus Message Bus Launcher");
                        exit(EXIT_SUCCESS);
                }
                if (!take_flag(o, a) && !take_machine_id(o, argv, &i) &&
                    !take_value("--config-file", &o->config_file, argv, &i)) {
                        fprintf(stderr, "Option `%s' is unknown.\n", a);
                        exit(EXIT_FAILURE);
                }
        }
}

static enum session_syntax syntax(const struct options *o)
{
        const char *shell = getenv("SHELL");
        size_t n = shell ? strlen(shell) : 0;

        if (o->binary)
                return SESSION_SYNTAX_BINARY;
        if (o->csh || (o->automatic && n >= 3 && strcmp(shell + n - 3, "csh") == 0))
                return SESSION_SYNTAX_CSH;
        return o->sh || o->automatic ? SESSION_SYNTAX_SH : SESSION_SYNTAX_PLAIN;
}

/* Opens the display, for the machine whose ID is given or this one. Says so where it is needed. */
static struct display *open_display(const struct options *o, char **machine_id)
{
        DBusError error = DBUS_ERROR_INIT;
        struct display *display = NULL;

        *machine_id = o->machine_id ? strdup(o->machine_id) : dbus_try_get_local_machine_id(&error);
        if (*machine_id)
                display = display_open(*machine_id);
        if (!display && o->machine_id)
                fputs("Autolaunch error: X11 initialization failed.\n", stderr);
        else if (!*machine_id && o->exit_with_x11)
                fprintf(stderr,
                        "Session lifetime based on X11 requested, but machine UUID unavailable: "
                        "%s.\n",
                        error.message);
        else if (!display && o->exit_with_x11)
                fputs("Session lifetime based on X11 requested, but X11 initialization failed.\n",
                      stderr);
        dbus_error_free(&error);
        return display;
}

/* The bus that a service manager runs for the user, if there is one. */
static char *find_user_bus(void)
{
        const char *directory = getenv("XDG_RUNTIME_DIR");
        char *path, *escaped, *address = NULL;
        struct stat status;

        if (!directory)
                return NULL;
        if (asprintf(&path, "%s/bus", directory) < 0)
                tool_out_of_memory("looking for the user's bus");
        if (stat(path, &status) == 0 && S_ISSOCK(status.st_mode) && status.st_uid == getuid()) {
                escaped = dbus_address_escape_value(path);
                if (!escaped || asprintf(&address, "unix:path=%s", escaped) < 0)
                        tool_out_of_memory("looking for the user's bus");
                dbus_free(escaped);
        }
        free(path);
        return address;
}

/* Saves where others look: on the display, and in a file for those who come by another way. If
 * somebody else did so in the meantime while one was to be found, theirs is taken. */
static int save(struct session_info *s, const struct options *o, struct display *display,
                const char *machine_id)
{
        struct session_info theirs = {0};
        int r = display_save(display, s);

        if (r > 0)
                session_file_write(s, machine_id, getenv("DISPLAY"));
        if (!o->machine_id || r > 0)
                return 0;
        if (r == 0 && display_find(display, &theirs) > 0) {
                if (s->pid)
                        kill(s->pid, SIGTERM);
                free(s->address);
                *s = theirs;
                return 0;
        }
        fputs("Error saving bus information.\n", stderr);
        return -1;
}

/* Finds a bus or starts one, with somebody to look after it. Returns 0 or -1. */
static int obtain(struct session_info *s, const struct options *o, struct display *display,
                  const char *machine_id)
{
        int r = o->machine_id ? display_find(display, s) : 0;
        pid_t started;

        if (r > 0)
                return 0;
        if (r < 0) {
                fputs("Autolaunch error: X11 communication error.\n", stderr);
                return -1;
        }
        if (o->machine_id)
                s->address = find_user_bus();
        if (!s->address && start_bus(s, o->config_file, o->quiet) < 0)
                return -1;
        started = s->pid;
        if (display && save(s, o, display, machine_id) < 0) {
                if (started)
                        kill(started, SIGTERM);
                return -1;
        }
        if ((o->exit_with_session || o->exit_with_x11) && s->pid == started) {
                r = babysitter_start(started, display);
                if (r < 0) {
                        fprintf(stderr, "fork() failed in babysitter: %s\n", strerror(-r));
                        return -1;
                }
        }
        return 0;
}

static _Noreturn void become_program(char **program, const struct session_info *s)
{
        if (setenv("DBUS_SESSION_BUS_ADDRESS", s->address, 1) < 0)
                tool_out_of_memory("setting the environment");
        execvp(program[0], program);
        fprintf(stderr, "Couldn't exec %s: %s\n", program[0], strerror(errno));
        exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
        struct session_info session = {0};
        struct options options = {0};
        struct display *display;
        char *machine_id;
        int r;

        child_prepare();
        parse_arguments(&options, argc, argv);
        display = open_display(&options, &machine_id);
        if (!display && (options.machine_id || options.exit_with_x11))
                return EXIT_FAILURE;
        r = obtain(&session, &options, display, machine_id);
        free(machine_id);
        if (r < 0)
                return EXIT_FAILURE;
        if (options.program)
                become_program(options.program, &session);
        r = session_info_print(&session, syntax(&options));
        free(session.address);
        /* The display stays open: closing it properly would take what its babysitter needs. */
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
