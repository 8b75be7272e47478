/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The reading end of a message stream: bytes and descriptors in, validated messages out.
 *
 * Streams read into a buffer that they share, so that an idle stream owns no memory but this
 * struct. A message that is whole in the buffer is copied out of it once; one that is not goes on
 * in an allocation of its own, which then becomes the message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/message.h"

/* Most descriptors that the kernel passes with one sendmsg (SCM_MAX_FD, unix(7)). */
#define INPUT_MAX_FDS 253

/* Descriptors that find room without memory being taken for them: more are rarely on their way. */
#define INPUT_FEW_FDS 4

/*
 * Most bytes a stream is given of one turn: a fair share. A socket's default buffer holds 208 KiB
 * (net.core.wmem_default) of which small messages use a part, so this is about one full socket.
 */
#define INPUT_SHARE (128u * 1024)

struct input_buffer {
        size_t at, end; /* what is still to be taken lies in between */
        size_t size;    /* of `bytes` */
        uint8_t *bytes;
};

struct input_limits {
        uint32_t message_size; /* longest message in bytes, at most MESSAGE_MAX_SIZE */
        uint32_t message_fds;  /* most descriptors with a message, at most INPUT_MAX_FDS */
        uint32_t pending_fds;  /* most descriptors that came ahead of their message */
};

struct input {
        uint8_t *partial;          /* MESSAGE_HEADROOM and a message that is not whole; or NULL */
        uint32_t have, size, room; /* bytes of it here, in all (0: unknown yet), and allocated */
        uint16_t n_fds, fds_room;  /* descriptors whose message is not here yet; room in more_fds */
        int few_fds[INPUT_FEW_FDS];
        int *more_fds;                     /* all of them, once they are more than a few; or NULL */
        const struct message_class *class; /* of the messages that are made */
};

void input_init(struct input *in, const struct message_class *class);
void input_deinit(struct input *in); /* closes the descriptors */

/*
 * Reads once from the socket, without blocking. What came is taken with input_next() until there
 * is no more; only then may the buffer serve another stream. *drained: the socket was empty after
 * it (see unix(7): a read ends early behind bytes that came with descriptors). Returns the number
 * of bytes, 0 at the end of the stream, -EAGAIN if there is nothing, -ENOMEM, -EBADMSG if more
 * descriptors came than the limits allow, or another -errno.
 */
ssize_t input_read(struct input *in, int fd, struct input_buffer *buffer,
                   const struct input_limits *limits, bool *drained);

/*
 * Takes the next message, stamped with `sender` (NULL: left as it is).
 * Returns 0 and a message, or 0 and NULL if more has to be read first; -ENOMEM; or a positive enum
 * message_problem, after which the stream is of no more use.
 */
int input_next(struct input *in, struct input_buffer *buffer, const struct input_limits *limits,
               const char *sender, size_t sender_length, struct message **mp);

/* Descriptors that came and whose message did not, yet. */
static inline unsigned input_pending_fds(const struct input *in)
{
        return in->n_fds;
}
