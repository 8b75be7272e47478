/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A daemon of a test's own with security modules that are not in the kernel: fake-lsm.c says what
 * they would, by a script, and writes down what they are asked.
 */

#include <sys/types.h>

#include "client.h"
#include "daemon-fixture.h"

/* Lines of the script: a kernel with one of the modules. */
#define LSM_SELINUX  "set selinux 1\nset netlink %1$s/netlink\n"
#define LSM_APPARMOR "set apparmor 1\nset apparmorfs %1$s/apparmor\n"

struct lsm_bus {
        pid_t pid; /* 0: has ended */
        char *directory, *socket;
        char *base; /* of the script: what always holds */
        int exit_status;
};

/*
 * Starts a daemon with this script and these further elements of the configuration (NULL: none),
 * and waits until it listens. "%1$s" in `base` is the directory of the bus. It may end on its own.
 */
struct lsm_bus *lsm_bus_new(const char *base, const char *more);
/* Ends the daemon; fails the test unless it exits with success, or has ended on its own. */
struct lsm_bus *lsm_bus_free(struct lsm_bus *b);

/* Waits until the daemon ends on its own; fails the test if that is with success. */
void lsm_bus_wait_failure(struct lsm_bus *b);

/* From now on these lines (NULL: none) count beside those that always do, and before them. */
void lsm_script(const struct lsm_bus *b, const char *lines);

/* Connects; `label` is what the modules call the client. */
struct client *lsm_client(const struct lsm_bus *b, const char *label);

/*
 * What was asked since the last time, a line each, to be freed. The process id of this program is
 * shown as PID. What is of no importance for decisions is left out: string_to_...().
 */
char *lsm_calls(const struct lsm_bus *b);
/* Forgets it. */
void lsm_forget(const struct lsm_bus *b);
/* Fails the test unless exactly this was asked. */
void lsm_expect(const struct lsm_bus *b, const char *expected);
/* Waits until something was asked that contains this text; returns all, to be freed. */
char *lsm_wait(const struct lsm_bus *b, const char *text);

/* What the daemon wrote to its standard error, to be freed. */
char *lsm_log(const struct lsm_bus *b);

/* The kernel has news for SELinux. */
void lsm_netlink(const struct lsm_bus *b);

/* Asks the bus for a name; returns the answer. */
struct incoming *lsm_request(struct client *c, const char *name);

/* Sends a call or a signal (`destination` NULL: to everyone) of com.example.I, and returns its
 * serial. */
uint32_t lsm_send(struct client *c, enum wire_type type, const char *member,
                  const char *destination);
/* Replies. */
uint32_t lsm_reply(struct client *c, const char *destination, uint32_t serial);

/* Waits for a message that is neither from the bus nor an error: fails the test on those. */
struct incoming *lsm_next(struct client *c, const char *member);

/* Fails the test unless it is this error with a text that starts like this; frees it. */
void lsm_expect_error(struct incoming *m, const char *name, const char *text);
/* Fails the test unless it is a return; frees it. */
void lsm_expect_return(struct incoming *m);
