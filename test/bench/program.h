/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Running lib-client: an ordinary program, with the client library that it is given. What it reads
 * and writes is described there.
 */
#include "columns.h"

#include <sys/types.h>

struct program_setup {
        const char *path;     /* of the program */
        const char *task;     /* its argument */
        const char *library;  /* path of the libdbus-1.so.3 that it is to load */
        const char *socket;   /* of the bus; NULL: it needs none */
        const char *valgrind; /* path of valgrind to count instructions with, or NULL */
        const char *profile;  /* where to */
        enum link_use links;
};

struct program {
        pid_t pid;
        int to;
        int from;
};

/*
 * Starts it, waits until it is ready and looks whether it has loaded that library. 0 or -errno:
 * -ELIBACC if it has another one.
 */
int program_new(struct program **pp, const struct program_setup *setup);

/* Kills it and waits for its end. */
struct program *program_free(struct program *p);

/* Has it do its task @n times. 0 or -errno; -EREMOTEIO if it failed. */
int program_run(struct program *p, unsigned long n);

/* Lets it end by itself: closes its input and waits. 0, or -EREMOTEIO if it failed. */
int program_finish(struct program *p);
