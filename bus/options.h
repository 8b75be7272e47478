/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command line (dbus-daemon(1), "OPTIONS").
 */

#include <stdbool.h>

enum option_tristate {
        OPTION_FROM_CONFIG,
        OPTION_NEVER,
        OPTION_ALWAYS,
};

struct options {
        const char *config_path;               /* borrowed from argv, or static */
        const char *address;                   /* NULL: as configured */
        const char *print_address, *print_pid; /* as given; NULL: not at all */
        int print_address_fd;                  /* -1: do not */
        int print_pid_fd;                      /* -1: do not */
        enum option_tristate fork;             /* --fork, --nofork */
        enum option_tristate syslog;           /* --syslog, --nosyslog */
        bool syslog_only;
        bool no_pidfile;
        bool systemd_activation;
        bool help, version, introspect;
};

/*
 * Reads the command line. Returns 0, or -1 after a line on stderr that says what is wrong.
 */
int options_parse(struct options *o, int argc, char **argv);

/* The one line of usage, for stderr. */
void options_usage(void);
