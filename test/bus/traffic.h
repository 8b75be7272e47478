/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Numbered messages, and pairs of clients who send each other many of them: if one were lost,
 * doubled or overtaken by another, the numbers would tell.
 */

#include "client.h"

/* The signal that carries a number. */
#define TRAFFIC_INTERFACE "test.Traffic"
#define TRAFFIC_MEMBER    "Number"
#define TRAFFIC_RULE      "type='signal',interface='" TRAFFIC_INTERFACE "'"

/* The member of messages that bring descriptors, and say nothing else. */
#define TRAFFIC_TAKE "Take"

/* Such a message to `to` (NULL: everyone), that says it has n_fds of them: a call without reply, or
 * a signal. */
struct wire_head traffic_take(enum wire_type type, const char *to, uint32_t n_fds);

/* Queues a number with `padding` bytes behind it, to `to` (NULL: everyone who has asked for them).
 * Returns the serial. */
uint32_t traffic_send(struct client *from, const char *to, uint32_t number, uint32_t padding);

/* The number of a message; fails the test if it has none. */
uint32_t traffic_number(const struct incoming *m);

struct pair {
        struct client *ends[2];
        uint32_t sent[2], got[2]; /* numbers, by the end that sends them */
        uint32_t padding;         /* bytes in each message besides the number */
};

void pair_init(struct pair *p, const char *socket);
void pair_deinit(struct pair *p);

/* Both ends queue n messages more. */
void pair_send(struct pair *p, uint32_t n);
/* Takes what has come so far, and checks it. */
void pair_check(struct pair *p);
/* Waits until all that was sent has come. */
void pair_settle(struct pair *p);
/* Sends, and settles. */
void pair_exchange(struct pair *p, uint32_t n);
