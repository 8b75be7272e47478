/* SPDX-License-Identifier: MIT */
#include "bus/dir-watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "bus/log.h"

/* What makes a file another one; as the reference has it, a change of mode is none. */
#define CHANGES (IN_CLOSE_WRITE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

void dir_watch_init(struct dir_watch *w, struct loop *loop, void (*changed)(struct dir_watch *w))
{
        *w = (struct dir_watch){.loop = loop, .changed = changed};
        loop_source_init(&w->source, -1, 0, NULL);
}

void dir_watch_deinit(struct dir_watch *w)
{
        int fd = w->source.fd;

        if (fd >= 0) {
                loop_remove(w->loop, &w->source);
                close(fd);
        }
        free(w->watches);
        w->watches = NULL;
        w->n_watches = 0;
}

/* True if something has changed: not if a watch has ended because we, or the directory, did so. */
static bool tells_of_change(const char *buffer, size_t n)
{
        bool changed = false;

        for (size_t at = 0; at < n;) {
                struct inotify_event event;

                memcpy(&event, buffer + at, sizeof(event));
                at += sizeof(event) + event.len;
                changed |= (event.mask & (CHANGES | IN_Q_OVERFLOW)) != 0;
        }
        return changed;
}

static void events_ready(struct loop_source *source, uint32_t events)
{
        struct dir_watch *w = container_of(source, struct dir_watch, source);
        bool changed = false;
        char buffer[4096];
        ssize_t n;

        (void)events;
        do {
                n = read(source->fd, buffer, sizeof(buffer));
                if (n > 0)
                        changed |= tells_of_change(buffer, (size_t)n);
        } while (n > 0 || (n < 0 && errno == EINTR));
        if (changed)
                w->changed(w);
}

static int open_source(struct dir_watch *w)
{
        int fd, r;

        if (w->source.fd >= 0)
                return 0;
        fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (fd < 0)
                return -errno;
        loop_source_init(&w->source, fd, EPOLLIN, events_ready);
        r = loop_add(w->loop, &w->source);
        if (r < 0) {
                w->source.fd = -1;
                close(fd);
        }
        return r;
}

static bool contains(const int *watches, size_t n, int watch)
{
        for (size_t i = 0; i < n; ++i) {
                if (watches[i] == watch)
                        return true;
        }
        return false;
}

/* One that cannot be watched because it does not exist will be looked at when the configuration is
 * read the next time. */
static void add(struct dir_watch *w, const char *path, int *watches, size_t *n)
{
        int watch = inotify_add_watch(w->source.fd, path, CHANGES);

        if (watch >= 0)
                watches[(*n)++] = watch;
        else if (errno != ENOENT)
                log_line(LOG_LEVEL_WARNING, "Cannot setup inotify for '%s'; error '%s'", path,
                         strerror(errno));
}

void dir_watch_set(struct dir_watch *w, const char *const *paths, size_t n)
{
        int r = open_source(w);
        int *watches = NULL;
        size_t n_watches = 0;

        if (!r && n) {
                watches = calloc(n, sizeof(*watches));
                r = watches ? 0 : -ENOMEM;
        }
        if (r < 0) {
                log_line(LOG_LEVEL_WARNING, "Cannot initialize inotify: %s", strerror(-r));
                return;
        }
        for (size_t i = 0; i < n; ++i)
                add(w, paths[i], watches, &n_watches);
        for (size_t i = 0; i < w->n_watches; ++i) {
                if (!contains(watches, n_watches, w->watches[i]))
                        inotify_rm_watch(w->source.fd, w->watches[i]);
        }
        free(w->watches);
        w->watches = watches;
        w->n_watches = n_watches;
}
