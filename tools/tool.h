/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * What every tool does alike: options with values, its version, and giving up.
 */

/* The value of "--name=value"; NULL if the argument is something else. */
const char *tool_value(const char *argument, const char *name);

/* True of --help and the two short ways to ask for it that some tools have. */
bool tool_wants_help(const char *argument);

/* Prints what programs read from --version: this title with the release of the reference library
 * that the client library is like, and below it who made this one. */
void tool_print_version(const char *title);

/* Ends the program, as memory was short while it was "doing" that. */
_Noreturn void tool_out_of_memory(const char *doing);

/* Writes all of it, however often that takes. Returns 0 or -errno. */
int tool_write_all(int fd, const void *data, size_t n);

/* Reads a descriptor to its end. Returns the bytes, to be freed, with a NUL behind them that their
 * number does not count; NULL with errno set if that fails. */
char *tool_read_all(int fd, size_t *n);
