/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration of a bus, read from its XML files (dbus-daemon(1), "CONFIGURATION FILE").
 */

#include <stdbool.h>
#include <stddef.h>

#include "bus/limits.h"
#include "bus/link-limits.h"
#include "bus/policy.h"

/* NULL-terminated and growing. */
struct config_strings {
        char **items; /* NULL-terminated; NULL when empty */
        size_t n;
};

enum config_apparmor {
        CONFIG_APPARMOR_ENABLED, /* the default */
        CONFIG_APPARMOR_DISABLED,
        CONFIG_APPARMOR_REQUIRED,
};

/* <associate own="" context=""/>; of several for one name the last counts. */
struct config_selinux_association {
        char *own, *context;
};

/* Where service files are looked for; the order of the configuration, each path once. */
struct config_service_dir {
        char *path;        /* absolute, or as relative as the path of the configuration file */
        bool strict_names; /* a file not called NAME.service is not loaded, not just complained of
                            */
        bool watch;        /* re-read on changes */
        bool transient;    /* of this run only: under XDG_RUNTIME_DIR */
};

struct config {
        char *type, *user, *pidfile, *servicehelper; /* NULL: not given; else the last one */
        bool fork, syslog, keep_umask, allow_anonymous;
        enum config_apparmor apparmor;
        struct config_strings listen;     /* addresses, not parsed yet; at least one */
        struct config_strings mechanisms; /* of authentication; none: all. Not checked. */
        struct config_service_dir *service_dirs;
        size_t n_service_dirs;
        struct config_selinux_association *associations;
        size_t n_associations;
        struct config_strings conf_dirs; /* <includedir>s that exist, for noticing changes */
        struct limits limits;
        struct link_limits links;
        struct policy *policy;
};

/* Why there is no configuration. */
enum config_error {
        CONFIG_E_FAILED = 1,    /* org.freedesktop.DBus.Error.Failed */
        CONFIG_E_NOT_FOUND,     /* org.freedesktop.DBus.Error.FileNotFound */
        CONFIG_E_LIMITS,        /* org.freedesktop.DBus.Error.LimitsExceeded */
        CONFIG_E_ACCESS_DENIED, /* org.freedesktop.DBus.Error.AccessDenied */
};

/* Is told what is wrong but does not matter, as it is found. `text` is borrowed. */
typedef void config_warn_function(const char *text);

/*
 * Reads the file at `path` and everything it includes, as the reference does: an <include> counts
 * where it stands; a file out of an <includedir> that is not right is left out as a whole, with
 * a warning; files of one <includedir> are read in the order of their names.
 *
 * <standard_session_servicedirs/> creates $XDG_RUNTIME_DIR/dbus-1/services, and looks at the
 * environment (XDG_RUNTIME_DIR, XDG_DATA_HOME, XDG_DATA_DIRS). Blocks on disk reads, and on the
 * user database.
 *
 * `warn` is called before it is known whether the file is good; NULL: nobody wants to know.
 * Returns 0 and a configuration; or -ENOMEM; or a positive enum config_error with a message in
 * *error (to be freed) that names the file, the line and the reason. *error is NULL otherwise.
 */
int config_load(const char *path, struct config **cp, config_warn_function *warn, char **error);
struct config *config_free(struct config *c);
