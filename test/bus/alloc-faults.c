/* SPDX-License-Identifier: MIT */
#include "alloc-faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include "inproc.h"

#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
        __has_feature(thread_sanitizer)
#define WORKS false
#endif
#endif
#ifndef WORKS
#define WORKS true
#endif

const bool alloc_faults_work = WORKS;

static bool armed, lasting_fault, failed;
static unsigned n_left;
static long balance;

void alloc_faults_arm(unsigned n, bool lasting)
{
        n_left = n;
        lasting_fault = lasting;
        failed = false;
        armed = true;
}

bool alloc_faults_disarm(void)
{
        armed = false;
        return failed;
}

long alloc_faults_balance(void)
{
        return balance;
}

#if WORKS
/* Whether this allocation is to fail. */
static bool fail_now(void)
{
        if (!armed || !inproc_inside || (failed && !lasting_fault))
                return false;
        if (n_left) {
                n_left -= 1;
                return false;
        }
        failed = true;
        errno = ENOMEM;
        return true;
}

static void *count(void *p)
{
        balance += inproc_inside && p;
        return p;
}

/* These take the place of libc's, or of a shared sanitizer's, which are called in the end; for the
 * libraries, too. */
#pragma GCC visibility push(default)

void *malloc(size_t size)
{
        static void *(*next)(size_t);

        if (fail_now())
                return NULL;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "malloc");
        return count(next(size));
}

void *calloc(size_t n, size_t size)
{
        static void *(*next)(size_t, size_t);

        if (fail_now())
                return NULL;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "calloc");
        return count(next(n, size));
}

void *realloc(void *at, size_t size)
{
        static void *(*next)(void *, size_t);
        void *p;

        if (fail_now())
                return NULL;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "realloc");
        p = next(at, size);
        return at ? p : count(p);
}

void free(void *at)
{
        static void (*next)(void *);

        balance -= inproc_inside && at;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "free");
        next(at);
}

#pragma GCC visibility pop
#endif
