/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A bus daemon of a test's own: in a directory of its own, with a configuration of its own, and
 * looked over when it goes.
 *
 * Which one is run says $DBUS_DIRECT_TEST_DAEMON, or else the argument of the program; by default
 * it is the one that was built.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client.h"

struct daemon {
        pid_t pid;       /* 0: has ended */
        char *directory; /* holds all the files below */
        char *config, *socket, *log;
        unsigned n_fds; /* that it holds when it has no clients */
};

/* g_test_init(), and takes the program's argument. */
void daemon_test_init(int *argc, char ***argv);

/* The program that is run. */
const char *daemon_path(void);

/* Everybody may do everything, the limits are `limits`: "name=value name=value"; NULL: defaults. */
struct daemon *daemon_new(const char *limits);

/*
 * Ends the daemon with SIGTERM, clients or not. Fails the test unless it exits with success, and no
 * sanitizer had anything to say.
 */
void daemon_end(struct daemon *d);

/*
 * Ends the daemon, if that has not been done, and removes its files. Fails the test unless the
 * daemon first gets rid of all descriptors that it has for its clients (who are gone by now).
 * NULL is fine. Returns NULL.
 */
struct daemon *daemon_free(struct daemon *d);

/* Writes the configuration anew; the daemon learns of it by SIGHUP or ReloadConfig only. */
void daemon_write_config(const struct daemon *d, const char *limits);

/* True if it is the reference. Some tests are about promises that only we make: their names have
 * "/ours/" in them, and they skip themselves when this is true. */
bool daemon_is_stock(void);
/* Skips the test that is running, if it is about such a promise: returns true. */
bool daemon_skip_if_stock(void);
/* True if it runs under a tool, or has a sanitizer, so that its memory is not only its own. */
bool daemon_is_instrumented(void);

unsigned daemon_count_fds(const struct daemon *d);
/* Leaves the daemon `n` numbers for descriptors that it does not have yet. */
void daemon_set_room(const struct daemon *d, unsigned n);
/* Waits until the daemon has exactly so many descriptors more than without clients. */
void daemon_wait_fds(const struct daemon *d, unsigned n_more);
/* Waits until the daemon sleeps, which it does unless it has something to do. */
void daemon_wait_asleep(const struct daemon *d);
/* Processor time that it used so far, in milliseconds. */
uint64_t daemon_cpu_ms(const struct daemon *d);
/* Bytes of memory that are resident. */
uint64_t daemon_memory(const struct daemon *d);
