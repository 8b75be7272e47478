/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"
#include "tool.h"

/*
 * dbus-run-session(1): runs a program with a session bus of its own.
 */

enum {
        STATUS_TROUBLE = 127, /* of our own */
        STATUS_SIGNAL = 128   /* and the signal that ended the program */
};

struct options {
        const char *config_file; /* NULL: that of session buses */
        const char *daemon;      /* NULL: the one that is found in the PATH */
        char **program;
};

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
        va_list arguments;

        fprintf(stderr, "%s: ", program_invocation_name);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

static _Noreturn void give_up(const char *problem)
{
        complain("%s: %s", problem, strerror(errno));
        exit(STATUS_TROUBLE);
}

static void print_usage(void)
{
        fprintf(stderr,
                "%1$s [OPTIONS] [--] PROGRAM [ARGUMENTS]\n"
                "%1$s --version\n"
                "%1$s --help\n"
                "\n"
                "Options:\n"
                "--dbus-daemon=BINARY       run BINARY instead of dbus-daemon\n"
                "--config-file=FILENAME     pass to dbus-daemon instead of --session\n"
                "\n",
                program_invocation_name);
}

/* Takes an option with its value, which is behind an equals sign or the next argument. Returns
 * whether it is that one. */
static bool take(const char *name, const char **value, char **argv, int *i)
{
        const char *inline_value = tool_value(argv[*i], name);

        if (!inline_value && (strcmp(argv[*i], name) != 0 || !argv[*i + 1]))
                return false;
        if (*value) {
                complain("%s given twice", name);
                exit(STATUS_TROUBLE);
        }
        *value = inline_value ? inline_value : argv[++*i];
        return true;
}

static void parse_arguments(struct options *o, int argc, char **argv)
{
        int i;

        for (i = 1; i < argc && argv[i][0] == '-'; ++i) {
                if (take("--config-file", &o->config_file, argv, &i) ||
                    take("--dbus-daemon", &o->daemon, argv, &i))
                        continue;
                if (strcmp(argv[i], "--") == 0) {
                        ++i;
                        break;
                }
                if (tool_wants_help(argv[i])) {
                        print_usage();
                        exit(EXIT_SUCCESS);
                }
                if (strcmp(argv[i], "--version") == 0) {
                        tool_print_version("dbus-run-session");
                        exit(EXIT_SUCCESS);
                }
                /* An option that is the last argument has no value, nor is there a program. */
                if (strcmp(argv[i], "--config-file") == 0 || strcmp(argv[i], "--dbus-daemon") == 0)
                        continue;
                complain("option '%s' is unknown", argv[i]);
                exit(STATUS_TROUBLE);
        }
        if (i >= argc) {
                complain("a non-option argument is required");
                exit(STATUS_TROUBLE);
        }
        o->program = argv + i;
}

static _Noreturn void become_daemon(const struct options *o, int address_fd)
{
        const char *program = o->daemon ? o->daemon : "dbus-daemon";
        struct fd_text fd = child_fd_text(address_fd);

        child_keep_fds(address_fd, -1);
        if (o->config_file)
                execlp(program, program, "--nofork", "--print-address", fd.text, "--config-file",
                       o->config_file, (char *)NULL);
        else
                execlp(program, program, "--nofork", "--print-address", fd.text, "--session",
                       (char *)NULL);
        complain("failed to execute message bus daemon '%s': %s", program, strerror(errno));
        _exit(EXIT_FAILURE);
}

/* Starts the bus, and waits until it tells its address, to be freed. */
static pid_t start_bus(const struct options *o, char **address)
{
        int ends[2];
        pid_t bus;

        if (pipe2(ends, O_CLOEXEC) < 0)
                give_up("failed to create pipe");
        bus = fork();
        if (bus < 0)
                give_up("failed to fork");
        if (!bus)
                become_daemon(o, ends[1]);
        close(ends[1]);
        *address = child_read_line(ends[0]);
        if (!*address && errno)
                give_up("error reading address from bus daemon");
        if (!*address) {
                complain("EOF reading address from bus daemon");
                exit(STATUS_TROUBLE);
        }
        close(ends[0]);
        return bus;
}

static _Noreturn void become_program(char **program, const char *address)
{
        /* Of a session around this one, if there is one. */
        static const char *const others[] = {"DBUS_SESSION_BUS_PID", "DBUS_SESSION_BUS_WINDOWID",
                                             "DBUS_STARTER_ADDRESS", "DBUS_STARTER_BUS_TYPE"};

        for (size_t i = 0; i < sizeof(others) / sizeof(*others); ++i)
                unsetenv(others[i]);
        if (setenv("DBUS_SESSION_BUS_ADDRESS", address, 1) < 0) {
                complain("out of memory");
                _exit(EXIT_FAILURE);
        }
        execvp(program[0], program);
        complain("failed to exec '%s': %s", program[0], strerror(errno));
        _exit(EXIT_FAILURE);
}

static void tell_end_of_bus(int status)
{
        if (WIFEXITED(status))
                complain("dbus-daemon exited with code %d", WEXITSTATUS(status));
        else
                complain("dbus-daemon terminated by signal %d", WTERMSIG(status));
}

/* Waits for the program, whatever becomes of the bus. Returns its exit status. */
static int wait_for_program(pid_t program, pid_t *bus)
{
        for (;;) {
                int status;
                pid_t ended = waitpid(-1, &status, 0);

                if (ended < 0 && errno == EINTR)
                        continue;
                if (ended < 0)
                        give_up("waitpid() failed");
                if (ended == program)
                        return WIFEXITED(status) ? WEXITSTATUS(status)
                                                 : STATUS_SIGNAL + WTERMSIG(status);
                if (ended == *bus) {
                        tell_end_of_bus(status);
                        *bus = 0;
                } else {
                        complain("ignoring unknown child process %ld", (long)ended);
                }
        }
}

int main(int argc, char **argv)
{
        struct options options = {0};
        char *address;
        pid_t bus, program;
        int status;

        child_prepare();
        parse_arguments(&options, argc, argv);
        bus = start_bus(&options, &address);
        program = fork();
        if (program < 0) {
                kill(bus, SIGTERM);
                give_up("failed to fork");
        }
        if (!program)
                become_program(options.program, address);
        free(address);
        status = wait_for_program(program, &bus);
        if (bus > 0)
                kill(bus, SIGTERM);
        return status;
}
