/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Users as authentication names them: by number or by the name in the user database. Asking the
 * database may block for as long as its sources take (nsswitch.conf(5)).
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Reads a numeric user ID. As the reference does, this takes all that strtol(3) does with base 0:
 * white space and a sign ahead, octal and hexadecimal. Returns false if the `n` bytes, which have a
 * NUL behind them, are anything else, or no user could have the number.
 */
bool user_id_parse(const char *text, size_t n, uid_t *uid);

/* Looks up a user by login name. Returns 0, -ENOENT if there is none, -ENOMEM or another -errno. */
int user_by_name(const char *name, uid_t *uid);

/* Looks up a user's home directory. Returns 0 and a path to be freed, -ENOENT if there is no such
 * user or no home, -ENOMEM or another -errno. */
int user_home(uid_t uid, char **path);
