/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Errors that a person has to read more about than their code.
 */

/*
 * Makes the text of an error in *text, to be freed; NULL there if there is no memory for it.
 * `text` may be NULL: no one wants to know. Returns `code`.
 */
int error_text_set(char **text, int code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* The D-Bus name of a system call's error, an errno, as the reference chooses it. */
const char *error_name_of(int error);
