/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Programs that are started with one more descriptor than the standard streams.
 */

/* Before the first child, and before anything is opened. Whoever started us may have ignored the
 * end of children, which could not be waited for then, or closed standard streams: their numbers
 * are not for what a child is given beside them. */
void child_prepare(void);

/* In a child that is about to become a program: it shall have these two descriptors, -1 for none,
 * and the standard streams, and nothing else. */
void child_keep_fds(int fd, int other);

/* The number of a descriptor as an argument of a program. */
struct fd_text {
        char text[sizeof(int) * 3 + 1];
};

struct fd_text child_fd_text(int fd);

/* Reads up to a line feed or the end, whichever is first. Returns the line without it, to be freed.
 * If nothing was there, or reading fails, returns NULL with errno set, in the first case to 0. */
char *child_read_line(int fd);
