/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * One service file (specification: "Message Bus Starting Services (Activation)"), which has the
 * syntax of a desktop entry, as the reference reads it.
 */

#include <stddef.h>

#include "bus/fault.h"

/* Longest file that is read, in bytes. */
#define SERVICE_FILE_MAX (128 * 1024)

/* What a file says. All are owned, unescaped, valid UTF-8, and may be empty; NULL: not given. */
struct service_file {
        char *name;  /* Name=; need not be a valid bus name */
        char *exec;  /* Exec=, for exec_line_split() */
        char *user;  /* User= */
        char *unit;  /* SystemdService= */
        char *label; /* AssumedAppArmorLabel= */
};

/*
 * Reads a file's content. Returns 0, or -1 and the reference's error: one of the
 * org.freedesktop.DBus.DesktopParseError.* or ...Error.Failed, or NoMemory. `s` is set only on
 * success. No key need be there: see service_file_require().
 */
int service_file_parse(const char *bytes, size_t n, struct service_file *s, struct fault *f);

/* Reads a file, which blocks on the disk. The same, and errors of open(2) and read(2) in the
 * reference's words; LimitsExceeded if there are no descriptors: then nothing is known of the file.
 */
int service_file_read(const char *path, struct service_file *s, struct fault *f);

/* Returns 0 if a key was given a value; or -1 and the reference's error for one that is missing. */
int service_file_require(const char *value, const char *key, struct fault *f);

void service_file_deinit(struct service_file *s);
