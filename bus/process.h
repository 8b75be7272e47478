/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a daemon does to its own process: limits, privileges, going into the background, pid files.
 * Every function that fails puts the reason into *error (to be freed; NULL: no memory).
 */

#include <stdbool.h>
#include <sys/types.h>

/* Tells the service manager that started us, if one did: "READY=1" (sd_notify(3)). */
void process_notify(const char *state);

/* Opens /dev/null in place of standard descriptors that are closed, so that no socket gets their
 * numbers. Returns 0 or -1. */
int process_open_standard(char **error);

/* Raises the limit on open descriptors as far as allowed, to at least what a system bus with
 * thousands of clients needs. Logs if it stays low; never fails. */
void process_raise_fd_limit(void);

/* Becomes `user` for good, keeping only the right to write audit messages. Returns 0 or -1. */
int process_become_user(const char *user, char **error);

/*
 * Goes into the background: returns 0 in the child, which has no terminal and is in "/"; the
 * parent calls `parent` with the child's pid and exits. Returns -1 if there could be no child.
 */
int process_daemonize(bool keep_umask, void (*parent)(pid_t child, void *data), void *data,
                      char **error);

/* Writes a new file with the pid. Returns 0 or -1; it must not exist. */
int process_write_pidfile(const char *path, pid_t pid, char **error);

/* Writes a line to a descriptor, and closes it unless it is a standard one. Returns 0 or -1. */
int process_print_line(int fd, const char *line, char **error);
