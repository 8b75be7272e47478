/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the readers of configuration files put a configuration together with.
 */

#include "bus/config.h"

/* Without a policy rule, with the limits that hold by default. Returns 0 or -ENOMEM. */
int config_new(struct config **cp);

/* Adds all that `from` says behind what `into` says; flags, limits and modes are as in `from`.
 * `from` is then good for config_free() only. Returns 0; or -ENOMEM, and so is `into`. */
int config_merge(struct config *into, struct config *from);

/* Replaces *text by a copy. Returns 0 or -ENOMEM. */
int config_set_text(char **text, const char *value);

/* Appends a copy of `text`, or `text` itself, which belongs to the list on success. Return 0 or
 * -ENOMEM. */
int config_strings_add(struct config_strings *s, const char *text);
int config_strings_take(struct config_strings *s, char *text);

/* Appends a directory, if it is not there yet; `dir->path` becomes the configuration's in any case.
 * Returns 0 or -ENOMEM. */
int config_take_service_dir(struct config *c, const struct config_service_dir *dir);

/* Appends an association, with copies of both texts. Returns 0 or -ENOMEM. */
int config_add_association(struct config *c, const char *own, const char *context);
