/* SPDX-License-Identifier: MIT */
#include "core/input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/body.h"
#include "core/socket.h"

/* A partial message starts with this much room; it doubles as bytes come, so that announcing a
 * large message costs the receiver nothing until it is sent. */
#define PARTIAL_ROOM 512u

void input_init(struct input *in, const struct message_class *class)
{
        *in = (struct input){.class = class};
}

static int *pending_fds(struct input *in)
{
        return in->more_fds ? in->more_fds : in->few_fds;
}

void input_deinit(struct input *in)
{
        free(in->partial);
        for (unsigned i = 0; i < in->n_fds; ++i)
                close(pending_fds(in)[i]);
        free(in->more_fds);
        input_init(in, in->class);
}

static uint8_t *partial_bytes(const struct input *in)
{
        return in->partial + MESSAGE_HEADROOM;
}

/* Makes room for at least `n` bytes of the partial message. */
static int partial_reserve(struct input *in, uint32_t n)
{
        uint32_t room = in->room ? in->room : PARTIAL_ROOM;
        uint8_t *p;

        if (n <= in->room)
                return 0;
        while (room < n)
                room *= 2;
        if (in->size && room > in->size)
                room = in->size;
        p = realloc(in->partial, (size_t)MESSAGE_HEADROOM + room);
        if (!p)
                return -ENOMEM;
        in->partial = p;
        in->room = room;
        return 0;
}

/* Makes room for `n` descriptors in all. */
static int reserve_fds(struct input *in, size_t n)
{
        int *p;

        if (n <= (in->more_fds ? in->fds_room : INPUT_FEW_FDS))
                return 0;
        p = realloc(in->more_fds, n * sizeof(*p));
        if (!p)
                return -ENOMEM;
        if (!in->more_fds)
                memcpy(p, in->few_fds, in->n_fds * sizeof(*p));
        in->more_fds = p;
        in->fds_room = (uint16_t)n;
        return 0;
}

static int keep_fds(struct input *in, int *fds, size_t n, const struct input_limits *limits)
{
        int r;

        if (!n)
                return 0;
        r = in->n_fds + n > limits->pending_fds ? -EBADMSG : reserve_fds(in, in->n_fds + n);
        if (r) {
                for (size_t i = 0; i < n; ++i)
                        close(fds[i]);
                return r;
        }
        memcpy(pending_fds(in) + in->n_fds, fds, n * sizeof(*fds));
        in->n_fds = (uint16_t)(in->n_fds + n);
        return 0;
}

ssize_t input_read(struct input *in, int fd, struct input_buffer *buffer,
                   const struct input_limits *limits, bool *drained)
{
        int fds[INPUT_MAX_FDS];
        size_t n_fds = INPUT_MAX_FDS;
        struct iovec iov[2];
        size_t n_iov = 0, direct = 0;
        ssize_t n;
        int r;

        buffer->at = buffer->end = 0;
        if (in->size && in->have < in->size) {
                /* The rest of a long message goes where it will stay. Without memory for that, it
                 * is read all the same, to be kept when there is some. */
                uint32_t want = in->size - in->have;

                if (want > INPUT_SHARE)
                        want = INPUT_SHARE;
                (void)!partial_reserve(in, in->have + want);
                direct = (in->room < in->size ? in->room : in->size) - in->have;
                if (direct)
                        iov[n_iov++] = (struct iovec){partial_bytes(in) + in->have, direct};
        }
        iov[n_iov++] = (struct iovec){buffer->bytes, buffer->size};

        n = socket_recv(fd, iov, n_iov, fds, &n_fds);
        if (n <= 0)
                return n;
        *drained = (size_t)n < direct + buffer->size && !n_fds;
        r = keep_fds(in, fds, n_fds, limits);
        if (r < 0)
                return r;
        if ((size_t)n <= direct) {
                in->have += (uint32_t)n;
        } else {
                in->have += (uint32_t)direct;
                buffer->end = (size_t)n - direct;
        }
        return n;
}

/* Moves bytes from the buffer to the partial message, until that has `upto` bytes. */
static int partial_fill(struct input *in, struct input_buffer *buffer, uint32_t upto)
{
        size_t n = buffer->end - buffer->at;
        int r;

        if (in->have >= upto)
                return 0;
        if (n > upto - in->have)
                n = upto - in->have;
        r = partial_reserve(in, in->have + (uint32_t)n);
        if (r < 0)
                return r;
        memcpy(partial_bytes(in) + in->have, buffer->bytes + buffer->at, n);
        in->have += (uint32_t)n;
        buffer->at += n;
        return 0;
}

/* Reads the size of the message that starts at `bytes`, of which there are `n`. 0: not known. */
static int peek_size(const uint8_t *bytes, size_t n, const struct input_limits *limits,
                     uint32_t *size)
{
        uint32_t header_size;
        uint64_t whole;
        int r;

        *size = 0;
        if (n < HEADER_FIXED_SIZE)
                return 0;
        r = header_peek(bytes, &header_size, &whole);
        if (r)
                return r;
        if (whole > limits->message_size)
                return MESSAGE_BAD_LENGTH;
        *size = (uint32_t)whole;
        return 0;
}

/* Parses and validates the whole message at `bytes`, and checks that its descriptors are here. */
static int check_message(const struct input *in, const uint8_t *bytes, uint32_t size,
                         const struct input_limits *limits, struct header *h)
{
        const char *signature;
        int r = header_parse(h, bytes, size);

        if (r)
                return r;
        if (h->n_fds > limits->message_fds || h->n_fds > in->n_fds)
                return MESSAGE_BAD_FD_COUNT;
        signature = h->text[FIELD_SIGNATURE].at ? (const char *)bytes + h->text[FIELD_SIGNATURE].at
                                                : "";
        return body_validate(bytes + h->size, h->body_size, signature, h->order);
}

/* The descriptors of a message that has been made are its own now. */
static void take_fds(struct input *in, unsigned n)
{
        if (!n)
                return;
        in->n_fds = (uint16_t)(in->n_fds - n);
        memmove(pending_fds(in), pending_fds(in) + n, in->n_fds * sizeof(*in->few_fds));
        if (!in->n_fds) {
                free(in->more_fds);
                in->more_fds = NULL;
        }
}

/* The next message is whole in the buffer: the usual case. */
static int next_from_buffer(struct input *in, struct input_buffer *buffer, uint32_t size,
                            const struct input_limits *limits, const char *sender,
                            size_t sender_length, struct message **mp)
{
        const uint8_t *bytes = buffer->bytes + buffer->at;
        struct header h;
        int r = check_message(in, bytes, size, limits, &h);

        if (!r)
                r = message_copy(mp, bytes, &h, sender, sender_length, pending_fds(in), h.n_fds,
                                 in->class);
        if (r)
                return r;
        take_fds(in, h.n_fds);
        buffer->at += size;
        return 0;
}

/* The partial message is whole now: its allocation becomes the message's. */
static int next_from_partial(struct input *in, const struct input_limits *limits,
                             const char *sender, size_t sender_length, struct message **mp)
{
        struct header h;
        int r = check_message(in, partial_bytes(in), in->size, limits, &h);

        if (!r)
                r = message_adopt(mp, in->partial, &h, sender, sender_length, pending_fds(in),
                                  h.n_fds, in->class);
        if (r)
                return r;
        take_fds(in, h.n_fds);
        in->partial = NULL;
        in->have = in->size = in->room = 0;
        return 0;
}

int input_next(struct input *in, struct input_buffer *buffer, const struct input_limits *limits,
               const char *sender, size_t sender_length, struct message **mp)
{
        uint32_t size;
        int r;

        *mp = NULL;
        if (!in->have) {
                size_t n = buffer->end - buffer->at;

                if (!n)
                        return 0;
                r = peek_size(buffer->bytes + buffer->at, n, limits, &size);
                if (r)
                        return r;
                if (size && size <= n)
                        return next_from_buffer(in, buffer, size, limits, sender, sender_length,
                                                mp);
                in->size = size;
        }

        if (!in->size) {
                r = partial_fill(in, buffer, HEADER_FIXED_SIZE);
                if (!r)
                        r = peek_size(partial_bytes(in), in->have, limits, &in->size);
                if (r || !in->size)
                        return r;
        }
        r = partial_fill(in, buffer, in->size);
        if (r || in->have < in->size)
                return r;
        return next_from_partial(in, limits, sender, sender_length, mp);
}
