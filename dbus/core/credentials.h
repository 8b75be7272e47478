/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Who is at the other end of a socket, as the kernel saw it when the connection was made.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct credentials {
        bool has_uid, has_pid, has_gid, has_groups;
        uid_t uid;
        pid_t pid; /* 0: a process, but none that can be seen from here */
        gid_t gid;
        gid_t *groups; /* supplementary and primary, ascending */
        size_t n_groups;
        char *security_label; /* of the LSM, without a NUL that it put behind; NULL: none */
};

void credentials_init(struct credentials *c);
void credentials_deinit(struct credentials *c);

/*
 * Reads the credentials of the peer of a connected socket into `c`, which has just been
 * initialised. What the kernel does not tell stays unset; of a TCP peer it tells a pid of 0 and
 * nothing else. Does not block.
 * Returns 0, -ENOMEM, or another -errno if `fd` is no socket; then nothing is set.
 */
int credentials_from_socket(struct credentials *c, int fd);

/* For one who is not taken for the user of the socket: what groups that has says nothing of it. */
void credentials_forget_groups(struct credentials *c);

/*
 * A descriptor for the process at the other end, to be closed. It is asked for when somebody wants
 * it: keeping one for each connection would halve how many there can be.
 * Returns -errno if the kernel has none, or not any more.
 */
int credentials_open_pidfd(int fd);
