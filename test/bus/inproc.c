/* SPDX-License-Identifier: MIT */
#include "inproc.h"

#include <glib/gstdio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "bus/log.h"
#include "config-file.h"

/* A bus that turns so often without ever having nothing to do will never have nothing to do. */
#define MOST_TURNS 1000000u

bool inproc_inside;

static unsigned n_turns;

void inproc_write_config(const struct inproc *d, const char *more)
{
        config_file_write(d->config, d->socket, more);
}

struct inproc *inproc_new(const char *more)
{
        struct inproc *d = g_new0(struct inproc, 1);

        log_setup(0, NULL);
        d->directory = g_dir_make_tmp("bus-test-XXXXXX", NULL);
        g_assert_nonnull(d->directory);
        d->config = g_build_filename(d->directory, "bus.conf", NULL);
        d->socket = g_build_filename(d->directory, "bus", NULL);
        inproc_write_config(d, more);
        return d;
}

static int start(struct inproc *d)
{
        struct config *config;
        char *error = NULL;
        int r;

        if (server_load_config(d->config, &config, &error)) {
                free(error);
                return -1;
        }
        r = loop_init(&d->loop);
        if (r < 0) {
                config_free(config);
                return -1;
        }
        if (server_init(&d->server, &d->loop, d->config, config, NULL, &error) < 0) {
                free(error);
                loop_deinit(&d->loop);
                return -1;
        }
        return 0;
}

int inproc_start(struct inproc *d)
{
        int r;

        inproc_inside = true;
        r = start(d);
        inproc_inside = false;
        if (r < 0)
                return r;
        d->running = true;
        n_turns = 0;
        client_set_turn(inproc_turn, d);
        return 0;
}

struct inproc *inproc_free(struct inproc *d)
{
        client_set_turn(NULL, NULL);
        if (d->running) {
                inproc_inside = true;
                server_deinit(&d->server);
                loop_deinit(&d->loop);
                inproc_inside = false;
        }
        g_unlink(d->config);
        g_assert_no_errno(g_rmdir(d->directory));
        g_free(d->config);
        g_free(d->socket);
        g_free(d->directory);
        g_free(d);
        return NULL;
}

/* Whether a turn would not have to wait. */
static bool has_work(const struct loop *l)
{
        struct pollfd polled = {.fd = l->epoll_fd, .events = POLLIN};

        if (!list_empty(&l->due) || poll(&polled, 1, 0) > 0)
                return true;
        return !list_empty(&l->timers) &&
               container_of(l->timers.next, struct loop_timer, link)->deadline <= loop_now();
}

bool inproc_turn(void *data)
{
        struct inproc *d = data;
        int r;

        if (!has_work(&d->loop)) {
                n_turns = 0;
                return false;
        }
        n_turns += 1;
        if (n_turns > MOST_TURNS)
                g_error("the bus is never done");
        inproc_inside = true;
        r = server_turn(&d->server);
        inproc_inside = false;
        g_assert_cmpint(r, ==, 0);
        return true;
}

unsigned inproc_count_fds(void)
{
        GDir *dir = g_dir_open("/proc/self/fd", 0, NULL);
        unsigned n = 0;

        g_assert_nonnull(dir);
        while (g_dir_read_name(dir))
                n += 1;
        g_dir_close(dir);
        return n;
}
