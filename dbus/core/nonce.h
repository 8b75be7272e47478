/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What a client of nonce-tcp: has to send before all else (specification: "Nonce-secured TCP
 * Sockets"), as a server takes it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How far it has come. */
struct nonce_check {
        uint8_t left; /* bytes; 0: nothing has to come, or all is here */
        uint8_t difference;
};

/* LISTEN_NONCE_SIZE bytes have to come. */
void nonce_check_init(struct nonce_check *c);

/*
 * Compares the next bytes with the nonce, and stores how many belong to it. Returns false if it is
 * wrong, but not before the last byte: it could be guessed byte for byte by who is told earlier.
 */
bool nonce_check_take(struct nonce_check *c, const uint8_t *nonce, const uint8_t *bytes, size_t n,
                      size_t *taken);
