/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the launch helper is asked to start: from a name and from files, without any right being
 * used or given up.
 */

#include "bus/launch-helper/system-conf.h"
#include "bus/launch-status.h"
#include "bus/service-file.h"

/* What has been found out on the way. The helper frees nothing of it: after it comes exec or the
 * end. */
struct choice {
        const char *name; /* of the service, as somebody has asked for it */
        struct system_conf conf;
        struct service_file service;
        struct fault fault; /* to be told with LAUNCH_FAILED */
};

/* The status for a fault that was set. */
enum launch_status choice_failed(const struct choice *c);

/* Is the name one? Then a file name made of it stays in its directory, as it has no slash. */
enum launch_status choice_check_name(struct choice *c);

/*
 * Finds the service's file in the directories of the configuration. One that cannot be read or
 * parsed does not count, unless we lack what reading takes; one that can is the one, right or
 * wrong.
 */
enum launch_status choice_find_service(struct choice *c);

/* Does the file say what is to be started, and as whom, and is it that of the name? */
enum launch_status choice_check_service(struct choice *c);

/* Frees all but the name. */
void choice_deinit(struct choice *c);
