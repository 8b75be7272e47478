/* SPDX-License-Identifier: MIT */
#include "core/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/socket.h"

/* Messages of one sendmsg. More gain nothing: at 200 bytes each they fill half a socket buffer. */
#define BATCH 256u

#define RING_ROOM 8u
/* A ring that grew beyond this is given back when it has drained. */
#define RING_ROOM_KEPT 64u

void output_init(struct output *out)
{
        *out = (struct output){0};
}

static struct message **place(const struct output *out, uint32_t i)
{
        return &out->ring[(out->head + i) & (out->room - 1)];
}

static void drop_first(struct output *out)
{
        struct message *m = *place(out, 0);

        out->head = (out->head + 1) & (out->room - 1);
        out->n -= 1;
        out->sent = 0;
        out->bytes -= m->size;
        out->n_fds -= m->n_fds;
        message_unref(m);
}

/* The first message cannot be sent. None of it has been, as its descriptors go ahead. */
static void give_up_first(struct output *out)
{
        struct message *m = *place(out, 0);

        if (!out->substitute) {
                drop_first(out);
                return;
        }
        *place(out, 0) = message_ref(out->substitute);
        out->bytes = out->bytes - m->size + out->substitute->size;
        out->n_fds -= m->n_fds;
        message_unref(m);
}

static void free_ring(struct output *out)
{
        free(out->ring);
        out->ring = NULL;
        out->head = out->room = 0;
}

void output_drop(struct output *out)
{
        while (out->n)
                drop_first(out);
}

void output_deinit(struct output *out)
{
        output_drop(out);
        free_ring(out);
}

int output_reserve(struct output *out, uint32_t places)
{
        struct message **ring;
        uint32_t room;

        if (places <= out->room - out->n)
                return 0;
        room = out->room ? out->room * 2 : RING_ROOM;
        while (room - out->n < places)
                room *= 2;
        ring = malloc(room * sizeof(*ring));
        if (!ring)
                return -ENOMEM;
        for (uint32_t i = 0; i < out->n; ++i)
                ring[i] = *place(out, i);
        free(out->ring);
        out->ring = ring;
        out->room = room;
        out->head = 0;
        return 0;
}

int output_push(struct output *out, struct message *m)
{
        int r = output_reserve(out, 1);

        if (r < 0)
                return r;
        *place(out, out->n) = message_ref(m);
        out->n += 1;
        out->bytes += m->size;
        out->n_fds += m->n_fds;
        return 0;
}

/*
 * Gathers what one sendmsg can take: descriptors belong to the first byte of their message, so
 * only the first message may have any that are still to be sent.
 */
static size_t gather(const struct output *out, struct iovec *iov)
{
        size_t n = 0;

        for (; n < out->n && n < BATCH; ++n) {
                const struct message *m = *place(out, (uint32_t)n);

                if (n && m->n_fds)
                        break;
                iov[n] = (struct iovec){m->bytes, m->size};
        }
        iov[0].iov_base = (uint8_t *)iov[0].iov_base + out->sent;
        iov[0].iov_len -= out->sent;
        return n;
}

static void take_sent(struct output *out, size_t n)
{
        while (n) {
                size_t left = (*place(out, 0))->size - out->sent;

                if (n < left) {
                        out->sent += (uint32_t)n;
                        return;
                }
                n -= left;
                drop_first(out);
        }
}

static void give_back(struct output *out)
{
        if (out->room > RING_ROOM_KEPT && !out->promised)
                free_ring(out);
}

int output_flush(struct output *out, int fd)
{
        struct iovec iov[BATCH];

        while (out->n) {
                const struct message *first = *place(out, 0);
                size_t n_iov = gather(out, iov), wanted = 0;
                ssize_t n = socket_send(fd, iov, n_iov, first->fds, out->sent ? 0 : first->n_fds);

                if (n == -ETOOMANYREFS) {
                        give_up_first(out);
                        continue;
                }
                if (n < 0)
                        return (int)n;
                for (size_t i = 0; i < n_iov; ++i)
                        wanted += iov[i].iov_len;
                take_sent(out, (size_t)n);
                /* A short write says that the socket is full: asking it again would only be told
                 * so. */
                if ((size_t)n < wanted)
                        return -EAGAIN;
        }
        give_back(out);
        return 0;
}
