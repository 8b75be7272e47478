/* SPDX-License-Identifier: MIT */
#include "bus/config-dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bus/config-path.h"
#include "bus/system-services.h"
#include "core/user.h"

/* What the XDG Base Directory Specification says where the environment says nothing. */
#define DEFAULT_DATA_DIRS "/usr/local/share:/usr/share"
#define DEFAULT_DATA_HOME ".local/share"

#define SESSION_SERVICES "dbus-1/services"

static int add(struct config_file *f, const char *data_dir, const char *services)
{
        struct config_service_dir dir = {.watch = true};
        int r = config_path_in(data_dir, services, &dir.path);

        return r < 0 ? r : config_take_service_dir(f->config, &dir);
}

/* `list`: separated by colons. Empty entries are nothing. */
static int add_each(struct config_file *f, const char *list, const char *services)
{
        char *copy = strdup(list), *rest = copy, *entry;
        int r = copy ? 0 : -ENOMEM;

        while (!r && (entry = strsep(&rest, ":"))) {
                if (entry[0])
                        r = add(f, entry, services);
        }
        free(copy);
        return r;
}

/* Service files can make us run anything: whoever can put one there must be us. Returns 1 if that
 * is so, 0 and a warning if not, or -ENOMEM. */
static int is_our_own(struct config_file *f, const char *what, const char *path)
{
        static const char prefix[] = "Unable to set up transient service directory";
        struct stat st;
        int r;

        if (stat(path, &st) < 0)
                r = config_warn(f, "%s: %s \"%s\" not available: %s", prefix, what, path,
                                strerror(errno));
        else if (!S_ISDIR(st.st_mode))
                r = config_warn(f, "%s: %s \"%s\" is not a directory", prefix, what, path);
        else if (st.st_uid != geteuid())
                r = config_warn(f, "%s: %s \"%s\" is owned by uid %ld, not our uid %ld", prefix,
                                what, path, (long)st.st_uid, (long)geteuid());
        else if (st.st_mode & (S_IWGRP | S_IWOTH))
                r = config_warn(f, "%s: %s \"%s\" can be written by others (mode 0%o)", prefix,
                                what, path, (unsigned)st.st_mode);
        else
                return 1;
        return r;
}

/* Makes a directory below XDG_RUNTIME_DIR and takes *path on to it. Returns as is_our_own(). */
static int descend(struct config_file *f, char **path, const char *name)
{
        char *deeper;
        int r = config_path_in(*path, name, &deeper);

        if (r < 0)
                return r;
        free(*path);
        *path = deeper;
        /* If this fails for another reason than that it is there already, the check will tell. */
        mkdir(deeper, 0700);
        return is_our_own(f, "XDG_RUNTIME_DIR subdirectory", deeper);
}

static int add_transient(struct config_file *f)
{
        const char *runtime = getenv("XDG_RUNTIME_DIR");
        struct config_service_dir dir = {.strict_names = true, .transient = true};
        int r;

        if (!runtime)
                return 0;
        dir.path = strdup(runtime);
        if (!dir.path)
                return -ENOMEM;
        r = is_our_own(f, "XDG_RUNTIME_DIR", runtime);
        if (r > 0)
                r = descend(f, &dir.path, "dbus-1");
        if (r > 0)
                r = descend(f, &dir.path, "services");
        if (r > 0)
                return config_take_service_dir(f->config, &dir);
        free(dir.path);
        return r;
}

/* $HOME does not count, as with the reference, unless the user database has no better idea. */
static int add_home(struct config_file *f)
{
        const char *set = getenv("XDG_DATA_HOME");
        char *home = NULL, *data = NULL;
        int r;

        if (set)
                return set[0] ? add(f, set, SESSION_SERVICES) : 0;
        r = user_home(geteuid(), &home);
        if (r < 0 && r != -ENOMEM && getenv("HOME")) {
                home = strdup(getenv("HOME"));
                r = home ? 0 : -ENOMEM;
        }
        if (r < 0)
                return r == -ENOMEM ? r : 0;
        r = config_path_in(home, DEFAULT_DATA_HOME, &data);
        if (!r)
                r = add(f, data, SESSION_SERVICES);
        free(data);
        free(home);
        return r;
}

int config_add_session_dirs(struct config_file *f)
{
        const char *dirs = getenv("XDG_DATA_DIRS");
        int r = add_transient(f);

        if (!r)
                r = add_home(f);
        if (!r)
                r = add_each(f, dirs ? dirs : DEFAULT_DATA_DIRS, SESSION_SERVICES);
        return r ? r : add(f, DATADIR, SESSION_SERVICES);
}

int config_add_system_dirs(struct config_file *f)
{
        return add_each(f, SYSTEM_DATA_DIRS, SYSTEM_SERVICES);
}

int config_add_service_dir(struct config_file *f, const char *path)
{
        struct config_service_dir dir = {.watch = true};
        int r = config_path_beside(f->path, path, &dir.path);

        return r < 0 ? r : config_take_service_dir(f->config, &dir);
}
