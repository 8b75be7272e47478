/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes system calls of the daemon that lives in the test's process (inproc.h) fail, or do less
 * than they were asked for. The linker puts the wrappers in their place (ld(1), --wrap): the list
 * stands in CMakeLists.txt too.
 */

#include <stdbool.h>

/* The most different errors that one call is tried with. */
#define SYSCALL_FAULTS_ERRORS 3

enum syscall_faults_mode {
        SYSCALL_FAULTS_NONE,
        SYSCALL_FAULTS_FAIL,       /* one call fails */
        SYSCALL_FAULTS_FAIL_CHILD, /* one of each process that the daemon starts */
        SYSCALL_FAULTS_INTERRUPT,  /* EINTR, each time before it works */
        SYSCALL_FAULTS_SHORT,      /* little is read and written at a time */
};

/* For SYSCALL_FAULTS_FAIL and _FAIL_CHILD: the next `n` calls succeed, the one after them fails
 * with its `error`-th error, or succeeds if it has not so many. */
void syscall_faults_arm(enum syscall_faults_mode mode, unsigned n, unsigned error);
/* Back to normal. True if it came to the n-th call. */
bool syscall_faults_disarm(void);
