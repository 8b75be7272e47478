/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * A hash table with chains, the links inside the elements, and a keyed hash of byte strings.
 *
 * Names and match keys come from clients who may want them to collide: the hash is SipHash-1-3
 * with a key drawn when the process starts using it (Aumasson, Bernstein: "SipHash: a fast
 * short-input PRF"). uthash would need a keyed hash of its own and allocates a header per table.
 */

#include <stddef.h>
#include <stdint.h>

struct hash_key {
        uint64_t k0, k1;
};

/* Draws a key; falls back on the clock and the pid if the kernel has no randomness yet. */
void hash_key_init(struct hash_key *key);

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t n);

struct hash_link {
        struct hash_link *next;
        uint64_t hash;
};

struct hash_table {
        struct hash_link **buckets; /* NULL until the first insertion */
        size_t n_buckets;           /* a power of two, or 0 */
        size_t n_elements;
};

/*
 * Inserts an element under `hash`; the caller has seen to it that it is not there yet.
 * Growing is all or nothing: a table that cannot grow works on, with longer chains.
 * Returns 0, or -ENOMEM only if there is no table at all.
 */
int hash_insert(struct hash_table *table, struct hash_link *link, uint64_t hash);

/* Takes an element out of the table it is in. A table that has become much too large shrinks (but
 * keeps its least number of buckets until hash_deinit()): do not walk chains across a removal. */
void hash_remove(struct hash_table *table, struct hash_link *link);

/* The chain in which elements with this hash are; compare `hash`, then the key. */
static inline struct hash_link *hash_first(const struct hash_table *table, uint64_t hash)
{
        return table->n_buckets ? table->buckets[hash & (table->n_buckets - 1)] : NULL;
}

/* Frees the buckets. The elements are the caller's. */
void hash_deinit(struct hash_table *table);
