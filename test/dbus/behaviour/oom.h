/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Lets every allocation of a call fail in turn:
 *
 *         struct oom oom = {0};
 *
 *         while (oom_next(&oom)) {
 *                 ... what the call needs ...
 *                 oom_begin(&oom);
 *                 ok = what_is_tested();
 *                 oom_end(&oom, ok);
 *                 ... if it has failed, all is as it was; then free everything ...
 *         }
 *
 * The first turn lets nothing fail and the last one finds that nothing was left to fail. A turn
 * that leaves more blocks allocated than it found fails the case. Nothing of GTest's and no note()
 * belongs between oom_begin() and oom_end(); memory that a turn takes elsewhere has to be freed.
 */

#include <stdbool.h>

struct oom {
        unsigned turn;
        unsigned refused; /* turns in which the call reported the failure */
        long before;      /* blocks in use when the turn began */
        bool failed;      /* an allocation has failed in this turn */
        bool may_leak;    /* for calls in which the stock library is known to lose something */
};

/* False in builds whose sanitizer wants malloc() for itself alone (clang's). */
extern const bool oom_works;

bool oom_next(struct oom *oom);
void oom_begin(struct oom *oom);
/* `ok` is the call's result. It has to succeed unless an allocation has failed. */
void oom_end(struct oom *oom, bool ok);
