/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a packet of a link consists of: a few words about the message, and the message.
 */

#include <stddef.h>
#include <stdint.h>

/* Bytes ahead of the message: a multiple of 8, so that the message lies as it wants to. */
#define LINK_FRAME_SIZE 24

/*
 * Longest packet in bytes that is sent over a link: two of them fit a socket with the default send
 * buffer of 208 KiB (net.core.wmem_default), which counts the kernel's own overhead as well.
 */
#define LINK_MAX_PACKET (96u * 1024)

struct link_frame {
        uint32_t size;  /* of the message, in bytes */
        uint64_t stamp; /* it goes behind this many messages of the receiver's bus connection */
        uint64_t time;  /* when it was sent: ns of CLOCK_MONOTONIC */
};

/* Why a packet is no frame: its sender's fault. */
enum link_frame_problem {
        LINK_FRAME_E_SHORT = 1, /* not even the words about the message */
        LINK_FRAME_E_VERSION,
        LINK_FRAME_E_SIZE, /* it does not say how long the packet is */
};

void link_frame_write(const struct link_frame *f, uint8_t out[LINK_FRAME_SIZE]);

/* Reads the words ahead of the message of a packet of `size` bytes. Returns 0 or an enum
 * link_frame_problem. */
int link_frame_read(struct link_frame *f, const uint8_t *packet, size_t size);
