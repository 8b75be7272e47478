/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A running message bus: it listens, accepts, and reads its configuration again when asked to.
 */

#include "bus/bus.h"
#include "bus/dir-watch.h"
#include "core/listen.h"

struct server;

/* A listening socket in the loop. */
struct server_socket {
        struct loop_source source;
        struct server *server;
        struct listener *listener;
        size_t index; /* in the listener */
};

struct server {
        struct loop *loop;
        struct bus bus;
        const char *config_path; /* borrowed */
        struct listener **listeners;
        size_t n_listeners;
        struct server_socket *sockets;
        size_t n_sockets;
        char **mechanisms;             /* of authentication, then NULL; NULL: all */
        char *address;                 /* what clients connect to: all of them, ';' between */
        struct dir_watch dirs;         /* where configuration and service files are */
        struct loop_timer retry_timer; /* while there was no descriptor for a new connection */
        bool accepting;
};

/* config_load(), with what is odd but does not matter told to the log. */
int server_load_config(const char *path, struct config **config, char **error);

/*
 * Takes over `config` (also on failure) and listens on its addresses, or on those of
 * `address_override` if that is not NULL.
 * Returns 0, or -1 with the reason in *error (to be freed; NULL: no memory).
 */
int server_init(struct server *s, struct loop *loop, const char *config_path, struct config *config,
                const char *address_override, char **error);
void server_deinit(struct server *s);

/* Reads the configuration again. Returns 0; or -1 and the fault, which is in the log, too, if it is
 * no good: then everything stays as it was. */
int server_reload(struct server *s, struct fault *fault);

/* The same where nobody waits for an answer. */
void server_reload_unasked(struct server *s);

/* One turn of the loop. Returns 0 or -errno. */
int server_turn(struct server *s);
