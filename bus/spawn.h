/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Programs that the daemon starts. It never waits for one: that a program could not be executed,
 * or how it ended, is told by the loop. Every child is reaped, whoever still cares about it.
 */

#include <stdbool.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "bus/loop.h"
#include "core/list.h"

struct child;

/* How a program ended. */
struct child_end {
        int exec_error; /* errno of execve(2); 0: it did run */
        int status;     /* as of waitpid(2) */
};

typedef void child_ended_function(struct child *child, const struct child_end *end);

struct child {
        struct list of_spawner;
        pid_t pid;
        int exec_error;              /* what it has told of */
        child_ended_function *ended; /* NULL: nobody wants to know */
        void *data;                  /* of `ended` */
};

/* What is to be started. All of it remains the caller's. */
struct program {
        char *const *argv; /* argv[0] as execve(2) takes it */
        char *const *envp;
        /* By this name its output goes to the journal; NULL: where the daemon's goes. */
        const char *journal;
};

/* All children, and where news of them comes from. */
struct spawner {
        struct loop *loop;
        struct list children;       /* struct child.of_spawner */
        struct loop_source signals; /* SIGCHLD; a signalfd(2) */
        int failures[2];            /* a pipe(2): what children tell that cannot execute */
        struct rlimit fd_limit;     /* what programs get: the daemon may have raised its own */
        bool has_fd_limit;
};

void spawner_init(struct spawner *s, struct loop *loop);
/* Opens what news comes by, in the process that will run the loop; else spawn() does it. Returns 0
 * or -errno. */
int spawner_open(struct spawner *s);
/* The children live on, and nobody is told of their end. */
void spawner_deinit(struct spawner *s);

/*
 * Starts a program in the daemon's directory, process group and session, with the daemon's standard
 * output and error or the journal, /dev/null as its input, and no other descriptor of the daemon's.
 * No signal is blocked; SIGPIPE is ignored, SIGHUP, SIGTERM and SIGCHLD are not, whatever the
 * daemon was started with, as with the reference. `ended` is called once, from the loop, unless
 * child_forget() comes first; then *child is gone. Returns 0 and the child, or -errno.
 */
int spawn(struct spawner *s, const struct program *program, child_ended_function *ended, void *data,
          struct child **child);

/* Nobody wants to know how it ends. It may be gone after the next turn of the loop. */
void child_forget(struct child *child);

/* Ends it at once, but not what it started itself. */
void child_kill(const struct child *child);
