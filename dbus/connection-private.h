/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the other parts of the library ask of a connection, beyond the public API.
 */

#include <stdbool.h>
#include <stdint.h>

#include <dbus/dbus.h>

/* How a server accepted a client. */
struct acceptance {
        int fd;               /* non-blocking; the connection's on success */
        bool is_unix;         /* descriptors can be passed, and the kernel tells who it is */
        const uint8_t *nonce; /* LISTEN_NONCE_SIZE bytes that have to come first, or NULL; copied */
        const char *guid;     /* of the server's address */
        char *const *mechanisms; /* allowed ones, then NULL; NULL: all. Copied. */
};

/*
 * Makes the server's end of a connection, with one reference. Authentication happens when the
 * connection is read from and written to. Returns 0 or -ENOMEM.
 */
int connection_new_accepted(DBusConnection **cp, const struct acceptance *how);

/* Closes a connection that a server made and nobody took: dbus_connection_close() without asking
 * whether it is shared. */
void connection_close_unwanted(DBusConnection *c);

/* For dbus_shutdown(): closes the connections that the library keeps for sharing, takes what they
 * have received out of them, and lets go of them. */
void connections_shutdown(void);

/* Forgets what the environment said of the buses. No connection to one is kept. */
void buses_shutdown(void);
