/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Keyrings of the mechanism DBUS_COOKIE_SHA1 (specification, "Authentication mechanisms"): files of
 * secrets in a user's home, by which a client proves that it can read that user's files. A server
 * makes the cookies, a client looks one up by the number that the server names.
 *
 * These functions read and write small files, which is all that they may block for.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The cookie context of servers that do not choose one. */
#define KEYRING_DEFAULT_CONTEXT "org_freedesktop_general"

/* True if `context` may name a set of cookies: it becomes the name of a file. */
bool keyring_context_valid(const char *context);

/*
 * The directory of a user's keyrings, below $HOME if the user is that of this process and HOME is
 * set, otherwise below the home that the user database has.
 * Returns 0 and the path, to be freed; -ENOMEM; -ENOENT if there is no home; -EPERM in a process
 * that has more rights than the user who started it, and must not use them for this.
 */
int keyring_directory(uid_t uid, char **path);

/*
 * For servers: the cookie to challenge a client with. That is the first one in the file that is
 * recent enough; if there is none, old ones are removed and one is added. The directory is made if
 * it is not there; it must belong to the effective user and be accessible to no one else.
 * Returns 0 and the cookie's number and secret, as hexadecimal digits, to be freed; -ENOMEM;
 * -EACCES if others may read or change the directory; -EINVAL if the context is not valid; -EBUSY
 * if another server is changing the file now; or another -errno of a file.
 */
int keyring_get_cookie(const char *directory, const char *context, int32_t *id, char **secret);

/*
 * For clients: the secret of the cookie with this number.
 * Returns 0 and the secret, to be freed; -ENOENT if there is no such cookie; or what
 * keyring_get_cookie() returns.
 */
int keyring_find_cookie(const char *directory, const char *context, int32_t id, char **secret);

/* Overwrites and frees a secret. NULL is fine. Returns NULL. */
char *keyring_forget(char *secret);
