/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The command line of a service: words and quotes as in a shell, and nothing else of a shell's.
 */

#include "bus/fault.h"

/*
 * Splits a line into words, as the reference does: at blanks, tabs and newlines; '...' is literal;
 * in "..." a backslash quotes one of $ ` " \ and newline; elsewhere it quotes any character, and
 * makes nothing of a newline; # starts a comment wherever it is not quoted, within a word too.
 * Newlines, and blanks at the end, make empty words.
 *
 * Returns 0 and a NULL-terminated array of at least one word, for exec_line_free(); or -1 and
 * InvalidArgs or NoMemory.
 */
int exec_line_split(const char *line, char ***words, struct fault *f);
char **exec_line_free(char **words); /* NULL */
