/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Directories in which files may come, change and go (inotify(7)).
 */

#include <stddef.h>

#include "bus/loop.h"

struct dir_watch {
        struct loop *loop;
        struct loop_source source; /* open from the first dir_watch_set() on */
        int *watches;              /* descriptors of inotify_add_watch(2) */
        size_t n_watches;
        void (*changed)(struct dir_watch *w);
};

/* `changed` is called from the loop, once for all that has changed meanwhile. */
void dir_watch_init(struct dir_watch *w, struct loop *loop, void (*changed)(struct dir_watch *w));
void dir_watch_deinit(struct dir_watch *w);

/*
 * Watches these directories and no others from now on; those that are not there are left out. One
 * that was watched already is so without a gap. What cannot be watched is logged.
 */
void dir_watch_set(struct dir_watch *w, const char *const *paths, size_t n);
