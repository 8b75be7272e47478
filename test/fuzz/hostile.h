/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The other end of a connection of the client library: says what the input makes it say, and looks
 * at what it is told. Whatever it says, what the library says to it has to be right.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is left of the input. */
struct input_bytes {
        const uint8_t *data;
        size_t size;
};

/* The next byte, or 0. */
uint8_t take_byte(struct input_bytes *in);

struct hostile {
        int fd; /* -1: gone */
        bool is_deaf;
        bool is_server; /* it is what the library connected to */
        bool is_over;   /* the line was heard after which there are only messages */
        uint32_t last_serial;
        int link[2]; /* a peer link: our end, and the one that is offered; -1: there is none yet */
        size_t n_in;
        uint8_t in[512 * 1024];
};

/* Descriptor @fd is its own. */
void hostile_init(struct hostile *h, int fd, bool is_server);
void hostile_hang_up(struct hostile *h);

/* Reads what there is, unless it is deaf, and checks it. */
void hostile_hear(struct hostile *h);

/* Authenticates properly. */
void hostile_greet(struct hostile *h);

/* Does one thing that the input chooses: says something, also by a peer link, breaks off, goes
 * deaf.
 */
void hostile_act(struct hostile *h, struct input_bytes *in);
