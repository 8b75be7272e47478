/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A bus in the test's own process: the daemon's code without its main(), turned by hand. Nothing
 * happens at the same time as anything else, so every run of a test is like the one before.
 */

#include "bus/server.h"
#include "client.h"

struct inproc {
        struct loop loop;
        struct server server;
        char *directory; /* holds the files below */
        char *config, *socket;
        bool running;
};

/* True while the daemon's code runs: what is allocated then is the daemon's. */
extern bool inproc_inside;

/* Writes the configuration, and makes a directory for it; `more` are further elements. */
struct inproc *inproc_new(const char *more);
/* Ends the bus, if it runs, and removes the files. Returns NULL. */
struct inproc *inproc_free(struct inproc *d);

/*
 * Starts the bus; from now on client_pump() turns it. Returns 0, or -1 if that failed, which leaves
 * nothing behind.
 */
int inproc_start(struct inproc *d);

void inproc_write_config(const struct inproc *d, const char *more);

/* One turn of the bus, if it has something to do; else returns false. */
bool inproc_turn(void *d);

/* Descriptors of this process. */
unsigned inproc_count_fds(void);
