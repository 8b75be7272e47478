/* SPDX-License-Identifier: MIT */
#include "bus/options.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum value {
        VALUE_NONE,
        VALUE_REQUIRED, /* --config-file=X or --config-file X */
        VALUE_OPTIONAL, /* --print-address, --print-address=3 or --print-address 3 */
};

struct option {
        const char *name;
        enum value value;
        int (*apply)(struct options *o, const char *name, const char *value);
};

static int already(const char *name, const char *what, const char *value)
{
        fprintf(stderr, "--%s specified but %s %s already requested\n", name, what, value);
        return -1;
}

static int set_config(struct options *o, const char *name, const char *path)
{
        if (o->config_path)
                return already(name, "configuration file", o->config_path);
        o->config_path = path;
        return 0;
}

static int set_config_file(struct options *o, const char *name, const char *value)
{
        return set_config(o, name, value);
}

static int set_session(struct options *o, const char *name, const char *value)
{
        (void)value;
        return set_config(o, name, DATADIR "/dbus-1/session.conf");
}

static int set_system(struct options *o, const char *name, const char *value)
{
        (void)value;
        return set_config(o, name, DATADIR "/dbus-1/system.conf");
}

static int set_address(struct options *o, const char *name, const char *value)
{
        if (o->address)
                return already(name, "address", o->address);
        o->address = value;
        return 0;
}

/* What to print to is read when all else is right. A bare option is standard output, unless
 * another says what. */
static int set_fd(const char **given, const char *name, const char *what, const char *value)
{
        if (value && *given && **given)
                return already(name, what, *given);
        if (value || !*given)
                *given = value ? value : "";
        return 0;
}

static int set_print_address(struct options *o, const char *name, const char *value)
{
        return set_fd(&o->print_address, name, "printing address to", value);
}

static int set_print_pid(struct options *o, const char *name, const char *value)
{
        return set_fd(&o->print_pid, name, "printing pid to", value);
}

#define SETTER(function, statement)                                                                \
        static int function(struct options *o, const char *name, const char *value)                \
        {                                                                                          \
                (void)name;                                                                        \
                (void)value;                                                                       \
                statement;                                                                         \
                return 0;                                                                          \
        }

SETTER(set_help, o->help = true)
SETTER(set_version, o->version = true)
SETTER(set_introspect, o->introspect = true)
SETTER(set_fork, o->fork = OPTION_ALWAYS)
SETTER(set_nofork, o->fork = OPTION_NEVER)
SETTER(set_nopidfile, o->no_pidfile = true)
SETTER(set_syslog, o->syslog = OPTION_ALWAYS; o->syslog_only = false)
SETTER(set_nosyslog, o->syslog = OPTION_NEVER; o->syslog_only = false)
SETTER(set_syslog_only, o->syslog = OPTION_ALWAYS; o->syslog_only = true)
SETTER(set_systemd_activation, o->systemd_activation = true)

static const struct option table[] = {
        {"help", VALUE_NONE, set_help},
        {"version", VALUE_NONE, set_version},
        {"introspect", VALUE_NONE, set_introspect},
        {"session", VALUE_NONE, set_session},
        {"system", VALUE_NONE, set_system},
        {"config-file", VALUE_REQUIRED, set_config_file},
        {"address", VALUE_REQUIRED, set_address},
        {"print-address", VALUE_OPTIONAL, set_print_address},
        {"print-pid", VALUE_OPTIONAL, set_print_pid},
        {"fork", VALUE_NONE, set_fork},
        {"nofork", VALUE_NONE, set_nofork},
        {"nopidfile", VALUE_NONE, set_nopidfile},
        {"syslog", VALUE_NONE, set_syslog},
        {"nosyslog", VALUE_NONE, set_nosyslog},
        {"syslog-only", VALUE_NONE, set_syslog_only},
        {"systemd-activation", VALUE_NONE, set_systemd_activation},
};

static const struct option *find_option(const char *name, size_t length)
{
        for (size_t i = 0; i < sizeof(table) / sizeof(*table); ++i) {
                if (strlen(table[i].name) == length && !strncmp(table[i].name, name, length))
                        return &table[i];
        }
        return NULL;
}

void options_usage(void)
{
        fputs("dbus-daemon [--version] [--session] [--system] [--config-file=FILE] "
              "[--print-address[=DESCRIPTOR]] [--print-pid[=DESCRIPTOR]] [--introspect] "
              "[--address=ADDRESS] [--nopidfile] [--nosyslog] [--syslog] [--syslog-only] "
              "[--nofork] [--fork] [--systemd-activation]\n",
              stderr);
}

/* The option that an argument names, and its value if that is in the same argument. */
static const struct option *split(const char *arg, const char **value)
{
        const char *equals;
        const struct option *option;

        if (strncmp(arg, "--", 2) != 0)
                return NULL;
        equals = strchr(arg, '=');
        *value = equals ? equals + 1 : NULL;
        option = find_option(arg + 2, equals ? (size_t)(equals - arg - 2) : strlen(arg + 2));
        return option && equals && option->value == VALUE_NONE ? NULL : option;
}

/* A number in any base of C, as the reference reads it. */
static int read_fd(const char *given, int *fd)
{
        char *end;
        long n = STDOUT_FILENO;

        if (!given)
                return 0;
        if (*given) {
                errno = 0;
                n = strtol(given, &end, 0);
                if (errno || end == given || *end || n < 0 || n > INT_MAX) {
                        fprintf(stderr, "Invalid file descriptor: \"%s\"\n", given);
                        return -1;
                }
        }
        *fd = (int)n;
        return 0;
}

int options_parse(struct options *o, int argc, char **argv)
{
        *o = (struct options){.print_address_fd = -1, .print_pid_fd = -1};
        for (int i = 1; i < argc; ++i) {
                const char *value;
                const struct option *option = split(argv[i], &value);

                if (!option) {
                        options_usage();
                        return -1;
                }
                /* A value may also be the argument that follows. */
                if (option->value != VALUE_NONE && !value && i + 1 < argc &&
                    strncmp(argv[i + 1], "--", 2) != 0)
                        value = argv[++i];
                /* None at all, or an empty one, is as if the option were not there. */
                if (option->value == VALUE_REQUIRED && (!value || !*value))
                        continue;
                if (option->apply(o, option->name, value) < 0)
                        return -1;
                if (o->help) {
                        options_usage();
                        return -1;
                }
                /* What comes behind these is not even looked at. */
                if (o->version || o->introspect)
                        return 0;
        }
        if (!o->config_path) {
                fputs("No configuration file specified.\n", stderr);
                options_usage();
                return -1;
        }
        if (read_fd(o->print_address, &o->print_address_fd) < 0)
                return -1;
        return read_fd(o->print_pid, &o->print_pid_fd);
}
