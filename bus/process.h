/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a daemon does to its own process: limits, privileges, going into the background, pid files.
 * Every function that fails puts the reason into *error (to be freed; NULL: no memory).
 */

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

/* Tells the service manager that started us, if one did: "READY=1" (sd_notify(3)). */
void process_notify(const char *state);

/* Opens /dev/null in place of standard descriptors that are closed, so that no socket gets their
 * numbers. Returns 0 or -1. */
int process_open_standard(char **error);

/* Raises the limit on open descriptors as far as allowed, to at least what a system bus with
 * thousands of clients needs. Logs if it stays low; never fails. Returns false if it is not known
 * what the limit was before. */
bool process_raise_fd_limit(struct rlimit *before);

struct process_user {
        char *name;
        uid_t uid;
        gid_t gid;
};

/* Looks a user up by name or number; `name` is copied. Returns 0 or -1, and then there is nothing
 * to free. */
int process_find_user(struct process_user *u, const char *name, char **error);
void process_user_deinit(struct process_user *u);

/* Becomes this user for good, root or not, keeping only the right to write audit messages and no
 * supplementary group. Whoever is not root stays who it is, as with the reference. Returns 0 or
 * -1. */
int process_become_user(const struct process_user *u, char **error);

/*
 * Goes into the background: the child has no terminal and is in "/". Meanwhile the parent calls
 * `parent` with the child's pid, and exits with success if that returns 0. Else it returns -1, as
 * this function does in the parent if there could be no child, or in the child if it could not do
 * its part; a child whose parent failed is gone before this returns. Returns 0 in the child.
 */
int process_daemonize(bool keep_umask, int (*parent)(pid_t child, void *data, char **error),
                      void *data, char **error);

/* Is there no pid file? Returns 0, or -1 with words for why we do not start. */
int process_check_pidfile(const char *path, char **error);
/* Writes a new file with the pid. Returns 0 or -1; it must not exist. */
int process_write_pidfile(const char *path, pid_t pid, char **error);

/* Writes a line to a descriptor, and closes it unless it is a standard one. Returns 0 or -1. */
int process_print_line(int fd, const char *line, char **error);
