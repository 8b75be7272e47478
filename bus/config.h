/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration of a bus, read from its XML files (dbus-daemon(1), "CONFIGURATION FILE").
 */

#include <stdbool.h>
#include <stddef.h>

#include "bus/limits.h"
#include "bus/policy.h"

/* NULL-terminated and growing. */
struct config_strings {
        char **items; /* NULL-terminated; NULL when empty */
        size_t n;
};

enum config_apparmor {
        CONFIG_APPARMOR_DISABLED,
        CONFIG_APPARMOR_ENABLED,
        CONFIG_APPARMOR_REQUIRED,
};

/* <associate own="" context=""/> */
struct config_selinux_association {
        char *own, *context;
};

/* Where service files are looked for; the order of the configuration. */
struct config_service_dir {
        char *path;
        bool strict_names; /* files must be called NAME.service, as on the system bus */
        bool watch;        /* re-read on changes */
        bool transient;    /* of this run only: under XDG_RUNTIME_DIR */
};

struct config {
        char *type, *user, *pidfile, *servicehelper;
        bool fork, syslog, keep_umask, allow_anonymous;
        enum config_apparmor apparmor;
        struct config_strings listen, mechanisms;
        struct config_service_dir *service_dirs;
        size_t n_service_dirs;
        struct config_selinux_association *associations;
        size_t n_associations;
        struct config_strings conf_dirs; /* <includedir>s, for noticing changes */
        struct limits limits;
        struct policy *policy;
};

/*
 * Reads the file at `path` and everything it includes. Blocks on disk reads, and on the user
 * database. Returns 0 and a configuration, or -ENOMEM, or a positive enum config_error with
 * a message in *error (to be freed) that names the file, the line and the reason.
 */
enum config_error {
        CONFIG_E_FAILED = 1,    /* org.freedesktop.DBus.Error.Failed */
        CONFIG_E_NOT_FOUND,     /* org.freedesktop.DBus.Error.FileNotFound */
        CONFIG_E_LIMITS,        /* org.freedesktop.DBus.Error.LimitsExceeded */
};
int config_load(const char *path, struct config **cp, char **error);
struct config *config_free(struct config *c);
