/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The environment that services are started with: the daemon's own when it started, and what
 * UpdateActivationEnvironment put there since.
 */

#include <stddef.h>

#include "core/hash.h"

/* A variable. A name may have a '=' in it, so the text alone does not tell where the name ends. */
struct environment_variable {
        struct hash_link link;
        size_t index; /* in environment.vector */
        size_t name_length;
        char text[]; /* "NAME=VALUE" */
};

struct environment {
        struct hash_key key;
        struct hash_table table; /* struct environment_variable */
        char **vector;           /* the texts, NULL-terminated; never NULL once initialised */
        size_t n, room;
};

/*
 * Starts with `from` (environ(7)), without what a service manager meant for the daemon alone. What
 * has no '=' gets an empty value; the last of several for one name counts. Returns 0 or -ENOMEM.
 */
int environment_init(struct environment *e, char *const *from);
void environment_deinit(struct environment *e);

struct environment_setting {
        const char *name, *value;
};

/*
 * Sets variables or changes them; the last of several for one name counts. As with the reference
 * any name will do: an empty one, or one with a '=', so that a program may see several of one name.
 * Returns 0, or -ENOMEM with nothing changed.
 */
int environment_set_all(struct environment *e, const struct environment_setting *settings,
                        size_t n);

/* The same for one of them. */
int environment_set(struct environment *e, const char *name, const char *value);

/* For execve(2). Valid until the next change. */
static inline char *const *environment_vector(const struct environment *e)
{
        return e->vector;
}
