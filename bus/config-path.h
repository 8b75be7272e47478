/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Paths as configuration files give them.
 */

/* DIR/NAME, with one slash between them. To be freed. Returns 0 or -ENOMEM. */
int config_path_in(const char *dir, const char *name, char **path);

/* `name` if it is absolute, else as seen from where the file `path` is. To be freed.
 * Returns 0 or -ENOMEM. */
int config_path_beside(const char *file, const char *name, char **path);
