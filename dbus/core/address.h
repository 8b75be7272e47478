/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Server addresses as text (specification, "Server Addresses"): "transport:key=value,...;...".
 */

#include <stddef.h>

/* The text is no list of addresses (org.freedesktop.DBus.Error.BadAddress). */
#define ADDRESS_E_BAD 1

struct address_param {
        char *key;
        char *value; /* unescaped; a C string, so it ends where a NUL was escaped */
};

struct address {
        char *transport;
        struct address_param *params; /* in the order of the text */
        size_t n_params;
};

/*
 * Parses one or more addresses. Which transports and keys there are is not its business.
 * Returns 0 and a list of at least one, to be freed with addresses_free(); ADDRESS_E_BAD with what
 * the reference says about it in *error_text, to be freed, or NULL there if there is no memory for
 * it; or -ENOMEM with NULL there. `error_text` may be NULL.
 */
int addresses_parse(const char *text, struct address **list, size_t *n, char **error_text);
void addresses_free(struct address *list, size_t n);

/* The value of a key, or NULL. The first one counts if a key is there twice. */
const char *address_get(const struct address *a, const char *key);

/* Escapes a value for use in an address. Returns 0 and text to be freed, or -ENOMEM. */
int address_escape(const char *value, char **out);

/* Undoes that. Returns 0 and text to be freed; ADDRESS_E_BAD or -ENOMEM, with *error_text as
 * addresses_parse() sets it. */
int address_unescape(const char *value, char **out, char **error_text);
