/* SPDX-License-Identifier: MIT */
#pragma once

/* Prints what a file descriptor is of, a line each, with that many blanks before them. */
void print_fd(int fd, int indent);
