/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The writing end of a message stream: a queue of messages, and the one place where they go to
 * the socket, many with one system call.
 */

#include <stddef.h>
#include <stdint.h>

#include "core/message.h"

struct output {
        struct message **ring; /* `room` places, a power of two; NULL while nothing ever waited */
        uint32_t head, n, room;
        uint32_t promised; /* places that were reserved for somebody: they are not given back */
        uint32_t
                sent; /* bytes of the first message that are gone; its descriptors went with them */
        uint32_t n_fds; /* of all that waits */
        uint64_t bytes; /* of all that waits, the sent part of the first included */
        /* Takes the place of a message that the kernel does not take, where the other end counts
         * messages; without descriptors. Borrowed; NULL: nothing does. */
        struct message *substitute;
};

void output_init(struct output *out);
void output_drop(struct output *out);   /* drops what waits */
void output_deinit(struct output *out); /* that, and the places */

/* Makes sure that the next `places` times output_push() have room, if nothing is flushed before.
 * Returns 0 or -ENOMEM. */
int output_reserve(struct output *out, uint32_t places);

/* Queues a message, with a reference of its own. Returns 0, or -ENOMEM and it is not queued. */
int output_push(struct output *out, struct message *m);

static inline int output_empty(const struct output *out)
{
        return !out->n;
}

/*
 * Writes as much as the socket takes, without blocking. A message whose descriptors the kernel
 * does not take (ETOOMANYREFS: too many are on their way already, unix(7)) is dropped, as it would
 * hold up all that come after it for as long as its receivers please.
 * Returns 0 when nothing is left, -EAGAIN when the socket is full, or another -errno.
 */
int output_flush(struct output *out, int fd);
