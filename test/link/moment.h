/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Moments inside the library, between two of its system calls, in which a test does something: the
 * library's calls of these functions come by here. What a test does runs within somebody's send or
 * read, so it must leave that one's connection alone.
 */

#include <stdbool.h>

/* Before a packet is sent on a SOCK_SEQPACKET socket: a link. Taken away before it is called. */
void moment_before_link_send(void (*f)(void *data), void *data);
/* After a link was looked at for the n-th time (1: the next). Taken away before it is called. */
void moment_after_link_read(unsigned n, void (*f)(void *data), void *data);

/* In a read of several packets of a link, behind the first: the kernel ends it there if the peer
 * goes. Taken away before it is called. */
void moment_within_link_read(void (*f)(void *data), void *data);
/* The next packet that is sent on a link is refused with this error. */
void moment_refuse_link_send(int error);

/* Returns true if what was wanted has not come, and forgets it. */
bool moment_cancel(void);
