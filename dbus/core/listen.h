/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Listening on server addresses (specification, "Transports"): unix, tcp, nonce-tcp, systemd.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/address.h"
#include "core/guid.h"

/* The secret that comes ahead of all else on a nonce-tcp connection, in bytes. */
#define LISTEN_NONCE_SIZE 16

/* Why an address cannot be listened on, when it is the address's fault. */
enum listen_problem {
        LISTEN_E_INVALID = 1, /* its keys and values make no sense together */
        LISTEN_E_UNKNOWN,     /* no such transport */
        LISTEN_E_UNUSABLE,    /* it makes sense, but not here: too long, no socket was passed ... */
        LISTEN_E_NOT_SUPPORTED, /* the environment does not have what it needs */
        LISTEN_E_FAILED,        /* its host cannot be resolved, or a file not be made */
};

struct listener_socket {
        int fd; /* non-blocking, close-on-exec */
        bool is_unix;
        const uint8_t *nonce; /* LISTEN_NONCE_SIZE bytes that a client has to send first, or NULL */
};

struct listener {
        struct listener_socket *sockets; /* at least one */
        size_t n_sockets;
        char *connectable; /* addresses for clients, with the guid */
        char guid[GUID_SIZE];

        /* What was made, and goes with the listener. NULL: nothing. */
        char *socket_path;
        uint64_t socket_device, socket_inode; /* tells whether socket_path is still ours */
        char *nonce_directory;
        char *nonce_file;
        uint8_t nonce[LISTEN_NONCE_SIZE];
};

/*
 * Listens on an address, which may mean several sockets. `guid`: 32 hexadecimal digits that tell
 * the address from others. May block to resolve a host's name.
 * Returns 0 and the listener; an enum listen_problem, or -errno if a system call failed. Then
 * *error_text is what the reference says about it, to be freed, or NULL if there is no memory for
 * it; listen_error_name() has the name.
 */
int listen_on(const struct address *a, const char *guid, struct listener **lp, char **error_text);

/*
 * Listens on the first of `n` addresses, at least one, that works, as the reference does with one
 * text of them: those behind it are alternatives. An invalid one ends the search. Returns as
 * listen_on(), and of several errors the first.
 */
int listen_on_first(const struct address *list, size_t n, const char *guid, struct listener **lp,
                    char **error_text);

/* Closes the sockets and removes the files that were made for them. Returns NULL. */
struct listener *listener_free(struct listener *l);

/*
 * Accepts a connection from one of the sockets.
 * Returns a descriptor, non-blocking and close-on-exec, or -errno: -EAGAIN if no one waits.
 */
int listener_accept(const struct listener *l, size_t socket_index);

/* The D-Bus name of an error of listen_on(). */
const char *listen_error_name(int error);
