/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All services of a list of directories: names that can be started, and by what.
 *
 * The directories are read when they are given, and again when a name is asked for that is not
 * known. A file that has been changed is read again when its name is asked for. So a service that
 * is new, or changed, or gone is noticed without anybody telling us, as with the reference.
 */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "bus/config.h"
#include "bus/fault.h"
#include "bus/service-file.h"
#include "core/hash.h"
#include "core/list.h"

/* A file that has been read and provides a name. */
struct service {
        struct hash_link of_names; /* service_dirs.names, by data.name */
        struct hash_link of_files; /* service_dirs.files, by path */
        struct list of_services;   /* service_dirs.services, in the order of being found */
        struct service_file data;  /* as it was at `mtime` */
        const struct service_dir *dir;
        time_t mtime; /* whole seconds, as the reference compares them */
        char path[];
};

struct service_dir {
        char *path;
        bool strict_names; /* see struct config_service_dir */
};

struct service_dirs {
        struct hash_key key;
        struct hash_table names, files; /* struct service */
        struct list services;           /* struct service */
        struct service_dir *dirs;       /* what is in the first of them counts */
        size_t n_dirs;
        bool has_helper; /* the bus starts services by its <servicehelper> */
};

/*
 * Reads all of the directories of a configuration. A file that is not right is left out, as is the
 * second one for a name; a directory that cannot be read is empty. What is wrong with the name of
 * a file is logged. Blocks on the disk. Returns 0, or -1 and NoMemory or, if we have run out of
 * descriptors, Failed.
 */
int service_dirs_init(struct service_dirs *s, const struct config *c, struct fault *f);
void service_dirs_deinit(struct service_dirs *s);

/*
 * Finds a service as it is on the disk: blocks on that. A file that is gone is forgotten; one that
 * is not right any more stands as it was; one that has come to provide another name is found by
 * its old one once more, as with the reference.
 *
 * Returns 0 and a service, valid until the next call of this function; or -1 and ServiceUnknown,
 * or an error as of service_dirs_init().
 */
int service_dirs_find(struct service_dirs *s, const char *name, struct service **sp,
                      struct fault *f);
