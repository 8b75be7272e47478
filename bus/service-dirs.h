/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * All services of a list of directories: names that can be started, and by what.
 *
 * The directories are read when they are given, and again when a name is asked for that is not
 * known. A file whose time of modification has changed is read again when its name is asked for.
 * So a service that is new, or changed, or gone is noticed without anybody telling us. All of this
 * is as the reference has it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "bus/config.h"
#include "bus/service-file.h"
#include "core/hash.h"
#include "core/list.h"

/* A service. Its data are replaced when its file changes: take what is needed for later along. */
struct service {
        struct hash_link link;   /* in service_dirs.names, by data.name */
        struct list of_registry; /* in service_dirs.services */
        const struct service_dir *dir;
        char *file; /* its name in `dir` */
        struct timespec mtime;
        struct service_file data;
        char *path; /* dir/file */
};

struct service_dir {
        char *path;
        bool strict_names;
};

struct service_dirs {
        struct hash_key key;
        struct hash_table names;
        struct list services;     /* struct service.of_registry; as they were found */
        struct service_dir *dirs; /* first of them first: it has precedence */
        size_t n_dirs, n_services;
};

/*
 * Reads all of the directories of a configuration, which are copied. What is wrong with a file is
 * logged if the reference does, and is the end of that file only; a directory that is not there is
 * empty. Blocks on the disk. Returns 0, or -1 and NoMemory or why a directory cannot be read.
 */
int service_dirs_init(struct service_dirs *s, const struct config_service_dir *dirs, size_t n,
                      struct fault *f);
void service_dirs_deinit(struct service_dirs *s);

/*
 * Finds a service after having made sure that it is what is on the disk: blocks on that, and may
 * read everything again. Returns 0 and a service, valid until the next call of any function here;
 * or -1 and ServiceUnknown, NoMemory, or what is wrong with the file.
 */
int service_dirs_find(struct service_dirs *s, const char *name, struct service **sp,
                      struct fault *f);

/* The services, for list_... of s->services: container_of(l, struct service, of_registry). */
