/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The environment that services are started with: the daemon's own when it started, and what
 * UpdateActivationEnvironment put there since.
 */

#include <stddef.h>

struct environment {
        char **entries; /* "NAME=VALUE", NULL-terminated: fit for execve(); NULL while empty */
        size_t n, room;
};

/*
 * Starts with `from` (environ(7)), without what was meant for the daemon alone. What has no '='
 * gets an empty value. Returns 0 or -ENOMEM.
 */
int environment_init(struct environment *e, char *const *from);
int environment_copy(struct environment *to, const struct environment *from);
void environment_deinit(struct environment *e);

/*
 * Sets a variable or changes it. As with the reference any name will do: an empty one, or one with
 * a '=', which makes several variables of one name. Returns 0, or -ENOMEM with nothing changed.
 */
int environment_set(struct environment *e, const char *name, const char *value);

/* The value; NULL: not set. */
const char *environment_get(const struct environment *e, const char *name);

/* For execve(2). Valid until the next change. Never NULL. */
char *const *environment_vector(const struct environment *e);
