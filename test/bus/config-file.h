/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The configuration that daemons under test have.
 */

/* Writes one by which everybody may do everything, and the bus listens on `socket`. `more` are
 * further elements; NULL: none. */
void config_file_write(const char *path, const char *socket, const char *more);
