/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Makes one allocation of this program fail, for walks over all error paths:
 *
 *         for (unsigned n = 0; ; n++) {
 *                 fail_alloc_after(n);
 *                 r = what_is_tested();
 *                 if (!fail_alloc_end())
 *                         break;
 *                 ... r is -ENOMEM and nothing has changed ...
 *         }
 *
 * Include it in one source file of a program: it defines malloc(), calloc() and realloc(), which
 * pass everything on to the next definition of them (libc's, or a shared sanitizer's).
 */

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* A sanitizer that is linked statically owns malloc() and cannot be asked to share. */
#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
        __has_feature(thread_sanitizer)
#define FAIL_ALLOC_WORKS false
#endif
#endif
/* This one allocates while it is not ready to be asked where its functions are. */
#ifdef __SANITIZE_THREAD__
#define FAIL_ALLOC_WORKS false
#endif
#ifndef FAIL_ALLOC_WORKS
#define FAIL_ALLOC_WORKS true
#endif

/* Allocations still to succeed before one fails; negative: none will. Per thread, so that only
 * the one under test is disturbed. Volatile: a compiler that sees the whole program may think that
 * malloc() changes nothing of ours. */
static _Thread_local volatile long fail_alloc_left = -1;
static _Thread_local volatile bool fail_alloc_failed;

/* The next `n` allocations of this thread succeed, the one after them fails. */
static inline void fail_alloc_after(unsigned n)
{
        fail_alloc_failed = false;
        fail_alloc_left = n;
}

/* Back to normal. True if an allocation has been made to fail. */
static inline bool fail_alloc_end(void)
{
        fail_alloc_left = -1;
        return fail_alloc_failed;
}

static inline bool fail_alloc_now(void)
{
        if (fail_alloc_left < 0 || fail_alloc_left-- > 0)
                return false;
        fail_alloc_failed = true;
        errno = ENOMEM;
        return true;
}

/* Seen by libc too, for what strdup() and asprintf() allocate, though the tree hides its symbols. */
#define FAIL_ALLOC_VISIBLE __attribute__((visibility("default")))

#if FAIL_ALLOC_WORKS
FAIL_ALLOC_VISIBLE void *malloc(size_t size)
{
        static void *(*next)(size_t);

        if (fail_alloc_now())
                return NULL;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "malloc");
        return next(size);
}

FAIL_ALLOC_VISIBLE void *calloc(size_t n, size_t size)
{
        static void *(*next)(size_t, size_t);

        if (fail_alloc_now())
                return NULL;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "calloc");
        return next(n, size);
}

FAIL_ALLOC_VISIBLE void *realloc(void *at, size_t size)
{
        static void *(*next)(void *, size_t);

        if (fail_alloc_now())
                return NULL;
        if (!next)
                *(void **)&next = dlsym(RTLD_NEXT, "realloc");
        return next(at, size);
}
#endif
