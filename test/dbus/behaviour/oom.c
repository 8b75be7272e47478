/* SPDX-License-Identifier: MIT */
#include "oom.h"

#include <dbus/dbus.h>
#include <errno.h>
#include <glib.h>
#include <stdint.h>
#include <stdlib.h>

#if defined(__clang__) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer) ||                         \
        __has_feature(thread_sanitizer)
#define WORKS false
#endif
#endif
#ifndef WORKS
#define WORKS true
#endif

/* A call that needs more is taken for one that tries again for ever. */
#define MOST_TURNS 2000

const bool oom_works = WORKS;

/* Per thread, so that only the one under test is disturbed. Volatile: a compiler that sees the
 * whole program may think that malloc() changes nothing of ours. */
static _Thread_local volatile long left = -1;
static _Thread_local volatile bool failed;
static _Thread_local volatile long balance;

/* What the library keeps for later, recycled messages and such, is not a leak. */
static long blocks_in_use(void)
{
        dbus_shutdown();
        return balance;
}

bool oom_next(struct oom *oom)
{
        /* After the turns that count: the first one of all fills what is filled only once. */
        if (oom->turn > 1) {
                long leaked = blocks_in_use() - oom->before;

                if (leaked > 0 && !oom->may_leak)
                        g_test_fail_printf("turn %u leaks %ld blocks", oom->turn, leaked);
        }
        if (oom->turn > MOST_TURNS) {
                g_test_fail_printf("no end after %u failures", oom->turn);
                return false;
        }
        if (oom->turn > 1 ? !oom->failed : oom->turn == 1 && !oom_works)
                return false;
        oom->before = blocks_in_use();
        oom->failed = false;
        oom->turn += 1;
        return true;
}

void oom_begin(struct oom *oom)
{
        failed = false;
        left = oom->turn > 1 ? (long)oom->turn - 2 : -1;
}

void oom_end(struct oom *oom, bool ok)
{
        left = -1;
        oom->failed = failed;
        oom->refused += !ok;
        if (!ok && !oom->failed)
                g_test_fail_printf("turn %u failed with enough memory", oom->turn);
}

#if WORKS
/* Sanitizers allocate before they are ready for anybody else's code to be checked. */
#define EARLY __attribute__((no_sanitize("address", "undefined", "thread")))

/* Whether this allocation is to fail. */
static EARLY bool fail_now(void)
{
        if (left < 0 || left-- > 0)
                return false;
        failed = true;
        errno = ENOMEM;
        return true;
}

static EARLY void *count(void *p)
{
        balance += p != NULL;
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
DECLARE_NEXT(void *, memalign, (size_t, size_t));
DECLARE_NEXT(void, free, (void *));

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
        if (!at)
                return count(p);
        /* realloc(3): a size of 0 frees. */
        balance -= !p && !size;
        return p;
}

EARLY void *aligned_alloc(size_t alignment, size_t size)
{
        return fail_now() ? NULL : count(NEXT(memalign)(alignment, size));
}

EARLY int posix_memalign(void **at, size_t alignment, size_t size)
{
        void *p = fail_now() ? NULL : count(NEXT(memalign)(alignment, size));

        if (!p)
                return ENOMEM;
        *at = p;
        return 0;
}

EARLY void free(void *at)
{
        balance -= at != NULL;
        NEXT(free)(at);
}

#pragma GCC visibility pop
#endif
