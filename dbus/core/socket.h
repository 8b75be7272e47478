/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Sockets that never block, and the descriptors that pass over them (unix(7), SCM_RIGHTS).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Most descriptors that one sendmsg can carry: the kernel's SCM_MAX_FD. */
#define SOCKET_MAX_FDS 253

/*
 * Sends bytes, and with the first of them `n_fds` descriptors, at most SOCKET_MAX_FDS; they stay
 * the caller's. Never raises SIGPIPE.
 * Returns the number of bytes taken, which may be less than all, or -errno: -EAGAIN if the socket
 * is full. Descriptors go with the first byte taken, or not at all.
 */
ssize_t socket_send(int fd, const struct iovec *iov, size_t n_iov, const int *fds, size_t n_fds);

/*
 * Receives bytes, and the descriptors that came with them into `fds`, which has room for *n_fds, at
 * most SOCKET_MAX_FDS. They are the caller's then, and close-on-exec.
 * Returns the number of bytes (0: the end of the stream) with the number of descriptors in *n_fds,
 * or -errno with none: -EAGAIN if nothing is here; -EMSGSIZE if descriptors had to be dropped as
 * there was no room for them or this process may have no more: what came with them is lost, and the
 * stream of no more use.
 */
ssize_t socket_recv(int fd, struct iovec *iov, size_t n_iov, int *fds, size_t *n_fds);

/* A packet of a socket that has such (SOCK_SEQPACKET). */
struct socket_packet {
        uint8_t *bytes; /* where it is to be stored */
        size_t size;    /* room for it; then how long it is */
        int fds[SOCKET_MAX_FDS];
        size_t n_fds; /* that came with it; the caller's, and close-on-exec */
        bool is_cut;  /* more came with it, which this process has no room for (EMFILE) */
};

/*
 * Receives as many packets as are there, at most `n` and 4, with one system call. Returns their
 * number, or -errno: -EAGAIN if none is there. A packet of size 0 is the end of the stream, or one
 * that is larger than the room for it, or has more descriptors than any may have.
 */
int socket_recv_packets(int fd, struct socket_packet *packets, size_t n);

/* Makes operations on `fd` return instead of wait. Returns 0 or -errno. */
int socket_set_nonblock(int fd);
