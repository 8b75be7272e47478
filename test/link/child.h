/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Clients in processes of their own, and memory that they share with the test.
 */

#include <stddef.h>
#include <sys/types.h>

#include "scene.h"

/* Zeroed; shared with all children that are started later. To be given to shared_free(). */
void *shared_new(size_t size);
void shared_free(void *shared, size_t size);

/* Runs in a process of its own, on the same bus, with a scene of its own; it never returns. */
typedef void child_function(struct scene *s, void *shared);

pid_t child_start(struct scene *s, child_function *run, void *shared);
/* kill -9, and waits until it is gone. Fails the test if it ended otherwise before. */
void child_kill(pid_t pid);
