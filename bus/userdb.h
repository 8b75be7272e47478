/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The databases of users and groups (nsswitch.conf(5)). Every function may block for as long as
 * their backend takes.
 */

#include <stddef.h>
#include <sys/types.h>

/*
 * A user, a group, by what a configuration calls them: a number as strtoul(3) reads it, or a name.
 * A number counts only if the database has it, as with the reference.
 * Returns 0, -ENOENT if there is none, or another negative errno.
 */
int userdb_find_user(const char *text, id_t *uid);
int userdb_find_group(const char *text, id_t *gid);

/* As userdb_find_user(), with the user's primary group. */
int userdb_find_account(const char *text, uid_t *uid, gid_t *gid);

/*
 * The groups of a user, the primary one included; the array is to be freed.
 * Returns 0, -ENOENT if there is no such user, or another negative errno.
 */
int userdb_groups(uid_t uid, gid_t **groups, size_t *n_groups);
