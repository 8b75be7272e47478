/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Things that clients do with a bus, each in a short scene of its own, for tests that let the bus
 * fail at any point of it.
 */

#include "inproc.h"
#include "traffic.h"

/* The actors, and a pair that has nothing to do with what they do. */
struct scene {
        struct inproc *d;
        struct client *a, *b, *c; /* NULL: not there (any more) */
        struct pair bystanders;
        GArray *calls;   /* struct scene_call: that have to be answered */
        GArray *signals; /* struct scene_signal: that have to arrive */
};

struct scene_script {
        const char *name;
        void (*prepare)(struct scene *s); /* while all is well; or NULL */
        void (*act)(struct scene *s);     /* while anything may fail: it must not insist */
        void (*check)(struct scene *s);   /* when all is well again; or NULL */
};

extern const struct scene_script scene_scripts[];
extern const size_t n_scene_scripts;

/* Starts a bus, lets the actors in and prepares them. */
void scene_init(struct scene *s, const struct scene_script *script);

/* Lets the bus work until it has nothing more to do. */
void scene_settle(struct scene *s);

/*
 * All is well again: each call got one answer or its caller was disconnected, whoever missed a
 * signal was disconnected, nobody waits for ever to be let in, the bystanders have not noticed
 * anything, and new clients are welcome. `strict`: nobody was disconnected or missed anything.
 */
void scene_check(struct scene *s, const struct scene_script *script, bool strict);

/* Everybody goes; the bus ends. */
void scene_deinit(struct scene *s);
