/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The elements of a configuration file: where each may stand, what it may have, what it does.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bus/config-build.h"

/* <busconfig>, in it <policy> or <selinux>, in those <allow>, <deny> or <associate>. */
#define CONFIG_MAX_DEPTH 3

struct config_element;

/* An element that has begun and not ended. */
struct config_frame {
        const struct config_element *element;
        enum policy_scope scope; /* <policy> */
        uint32_t id;
        bool unknown_id; /* <policy>: for a user or group that does not exist */
        char *limit;     /* <limit>: its name */
        bool ignore_missing, if_selinux_enabled, selinux_root_relative; /* <include> */
};

/* A file that is being read. */
struct config_file {
        const char *path;
        struct config *config; /* what it says, with what it includes */
        struct config_frame frames[CONFIG_MAX_DEPTH];
        unsigned depth; /* frames in use */
        char *text;     /* of the innermost element, so far; NULL: none */
        size_t text_length, text_room;
        unsigned long line;   /* of what is being handled, from 1 */
        unsigned long column; /* from 0 */
        char *error;          /* the reason of a positive result */
        bool error_is_placed; /* it tells file and line already */

        config_warn_function *warn; /* NULL: nobody wants to know */

        /* Reads another file, or all of a directory, into `config`. `path` is what is to be
         * opened. They return as config_element_start() does. */
        int (*include)(struct config_file *f, const char *path);
        int (*include_dir)(struct config_file *f, const char *path);
};

/*
 * The beginning of an element (`attributes`: names and values in turn, and NULL), text in it, its
 * end. Return 0, -ENOMEM, or a positive enum config_error with the reason in f->error; then the
 * file is good for config_file_deinit() only.
 */
int config_element_start(struct config_file *f, const char *name, const char *const *attributes);
int config_element_text(struct config_file *f, const char *text, size_t length);
int config_element_end(struct config_file *f);

/* Frees all but the configuration and the error. */
void config_file_deinit(struct config_file *f);

/* Sets the reason, and returns `code`; or returns -ENOMEM. */
int config_fail(struct config_file *f, enum config_error code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Notes a warning and where it arose. Returns 0 or -ENOMEM. */
int config_warn(struct config_file *f, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
