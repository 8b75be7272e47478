/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes allocations of the daemon that lives in the test's process (inproc.h) fail, and counts how
 * many it has that it has not given back. The test's own are left alone.
 */

#include <stdbool.h>

/* False in builds whose sanitizer wants malloc() for itself alone (clang's). */
extern const bool alloc_faults_work;

/* The daemon's next `n` allocations succeed, the one after them fails; with `lasting`, and so does
 * every later one. */
void alloc_faults_arm(unsigned n, bool lasting);
/* Back to normal. True if an allocation has been made to fail. */
bool alloc_faults_disarm(void);

/* Allocations the daemon has made and not freed. */
long alloc_faults_balance(void);
