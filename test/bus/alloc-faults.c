/* SPDX-License-Identifier: MIT */
#include "alloc-faults.h"

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

#if WORKS
/* Sanitizers allocate before they are ready for anybody else's code to be checked. */
#define EARLY __attribute__((no_sanitize("address", "undefined", "thread")))

/* Whether this allocation is to fail. */
static EARLY bool fail_now(void)
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

static EARLY void *count(void *p)
{
        balance += inproc_inside && p;
        return p;
}

/* Who is asked in the end: a sanitizer, or libc. Not by dlsym(), which allocates. */
#define DECLARE_NEXT(type, name, arguments)                                                        \
        type __libc_##name arguments;                                                              \
        type __interceptor_##name arguments __attribute__((weak))
#define NEXT(name) (__interceptor_##name ? __interceptor_##name : __libc_##name)

DECLARE_NEXT(void *, malloc, (size_t));
DECLARE_NEXT(void *, calloc, (size_t, size_t));
DECLARE_NEXT(void *, realloc, (void *, size_t));
DECLARE_NEXT(void, free, (void *));

long alloc_faults_balance(void)
{
        /* A sanitizer's strdup() does not come by here, but then it finds leaks by itself. */
        return __interceptor_malloc ? 0 : balance;
}

/* These take the place of theirs, for the libraries, too. */
#pragma GCC visibility push(default)

EARLY void *malloc(size_t size)
{
        return fail_now() ? NULL : count(NEXT(malloc)(size));
}

EARLY void *calloc(size_t n, size_t size)
{
        return fail_now() ? NULL : count(NEXT(calloc)(n, size));
}

EARLY void *realloc(void *at, size_t size)
{
        void *p;

        if (fail_now())
                return NULL;
        p = NEXT(realloc)(at, size);
        return at ? p : count(p);
}

EARLY void free(void *at)
{
        balance -= inproc_inside && at;
        NEXT(free)(at);
}

#pragma GCC visibility pop
#else
long alloc_faults_balance(void)
{
        return balance;
}
#endif
