/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * Starting and stopping bus daemons, each on a socket in a temporary directory of its own.
 */
#include "policy.h"

#include <stdbool.h>
#include <sys/types.h>

/* The daemons that are compared. */
enum subject_id {
        SUBJECT_STOCK,
        SUBJECT_BROKER,
        SUBJECT_OURS,
        SUBJECT_MAX,
};

struct subject {
        const char *label;
        const char *path; /* of the executable; NULL: it is left out */
};

struct subjects {
        struct subject list[SUBJECT_MAX];
        const char *broker_launch; /* path of the controller program for SUBJECT_BROKER */
};

struct daemon {
        pid_t pid;  /* the process that routes messages */
        pid_t root; /* the process we started: the same, or the broker's controller */
        char dir[64];
        char socket[96];
        char config[96];
        char log[96];
        char services[96]; /* the directory of its service files */
        char service[192]; /* the one that there is, or empty */
};

/*
 * Starts a daemon with practically no limits and the given access policy and waits until clients
 * can connect. With @links, ours may link them. 0 or -errno; what the daemon had to say is copied
 * to stderr when it fails.
 */
int daemon_new(struct daemon **dp, const struct subjects *subjects, enum subject_id id,
               enum policy_kind policy, bool links);

/*
 * Writes a file for a service that the daemon can start: it is known after the next ReloadConfig.
 * One of them is enough. 0 or -errno.
 */
int daemon_add_service(struct daemon *d, const char *name, const char *program);

/* Kills the daemon, waits for its end and removes its directory. */
struct daemon *daemon_free(struct daemon *d);
