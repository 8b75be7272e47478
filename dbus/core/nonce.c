/* SPDX-License-Identifier: MIT */
#include "core/nonce.h"

#include "core/listen.h"

void nonce_check_init(struct nonce_check *c)
{
        *c = (struct nonce_check){.left = LISTEN_NONCE_SIZE};
}

bool nonce_check_take(struct nonce_check *c, const uint8_t *nonce, const uint8_t *bytes, size_t n,
                      size_t *taken)
{
        for (*taken = 0; c->left && *taken < n; ++*taken)
                c->difference |= bytes[*taken] ^ nonce[LISTEN_NONCE_SIZE - c->left--];
        return c->left || !c->difference;
}
