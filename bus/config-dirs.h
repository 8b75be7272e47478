/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Where service files are looked for on every system (dbus-daemon(1),
 * <standard_session_servicedirs> and <standard_system_servicedirs>).
 */

#include "bus/config-elements.h"

/* Add the directories to f->config. Return 0 or -ENOMEM. */
int config_add_session_dirs(struct config_file *f);
int config_add_system_dirs(struct config_file *f);

/* Adds one that the configuration names. Returns 0 or -ENOMEM. */
int config_add_service_dir(struct config_file *f, const char *path);
