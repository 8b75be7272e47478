/* SPDX-License-Identifier: MIT */
#include "core/hash.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "core/bytes.h"

/* The smallest table that is ever allocated: one cache line of buckets. */
#define MIN_BUCKETS 8

void hash_key_init(struct hash_key *key)
{
        struct timespec now;
        ssize_t n;

        do {
                n = getrandom(key, sizeof(*key), GRND_NONBLOCK);
        } while (n < 0 && errno == EINTR);
        if (n == sizeof(*key))
                return;

        /* EAGAIN very early after boot, ENOSYS in odd sandboxes: a guessable key beats none. */
        clock_gettime(CLOCK_MONOTONIC, &now);
        key->k0 = (uint64_t)now.tv_nsec ^ (uint64_t)getpid() << 32;
        clock_gettime(CLOCK_REALTIME, &now);
        key->k1 = (uint64_t)now.tv_nsec << 32 ^ (uint64_t)now.tv_sec;
}

static inline uint64_t rotate(uint64_t v, unsigned by)
{
        return v << by | v >> (64 - by);
}

/* "SipHash: a fast short-input PRF", figure 2.1: one SipRound. */
static inline void sip_round(uint64_t v[4])
{
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotate(v[1], 13) ^ v[0];
        v[3] = rotate(v[3], 16) ^ v[2];
        v[0] = rotate(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotate(v[1], 17) ^ v[2];
        v[3] = rotate(v[3], 21) ^ v[0];
        v[2] = rotate(v[2], 32);
}

static inline void sip_word(uint64_t v[4], uint64_t word)
{
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
}

uint64_t hash_bytes(const struct hash_key *key, const void *bytes, size_t n)
{
        /* Section 2.1: "somepseudorandomlygeneratedbytes". */
        uint64_t v[4] = {
                key->k0 ^ 0x736f6d6570736575,
                key->k1 ^ 0x646f72616e646f6d,
                key->k0 ^ 0x6c7967656e657261,
                key->k1 ^ 0x7465646279746573,
        };
        const uint8_t *at = bytes;
        uint64_t last = (uint64_t)n << 56;
        size_t left;

        for (left = n; left >= 8; left -= 8, at += 8)
                sip_word(v, load_u64(at, ORDER_LITTLE));
        while (left--)
                last |= (uint64_t)at[left] << (8 * left);
        sip_word(v, last);

        v[2] ^= 0xff;
        for (int i = 0; i < 3; i++)
                sip_round(v);
        return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* Moves all elements over to `n` buckets. Returns 0, or -ENOMEM with nothing changed. */
static int resize(struct hash_table *table, size_t n)
{
        struct hash_link **buckets, *link, *next;

        buckets = calloc(n, sizeof(*buckets));
        if (!buckets)
                return -ENOMEM;
        for (size_t i = 0; i < table->n_buckets; i++) {
                for (link = table->buckets[i]; link; link = next) {
                        next = link->next;
                        link->next = buckets[link->hash & (n - 1)];
                        buckets[link->hash & (n - 1)] = link;
                }
        }
        free(table->buckets);
        table->buckets = buckets;
        table->n_buckets = n;
        return 0;
}

int hash_insert(struct hash_table *table, struct hash_link *link, uint64_t hash)
{
        struct hash_link **bucket;

        if (!table->n_buckets) {
                if (resize(table, MIN_BUCKETS) < 0)
                        return -ENOMEM;
        } else if (table->n_elements >= table->n_buckets) {
                resize(table, table->n_buckets * 2);
        }
        bucket = &table->buckets[hash & (table->n_buckets - 1)];
        link->hash = hash;
        link->next = *bucket;
        *bucket = link;
        table->n_elements++;
        return 0;
}

void hash_remove(struct hash_table *table, struct hash_link *link)
{
        struct hash_link **at = &table->buckets[link->hash & (table->n_buckets - 1)];

        while (*at != link)
                at = &(*at)->next;
        *at = link->next;
        link->next = NULL;
        table->n_elements--;

        /* Far from the load at which it grew, so that a table at the edge does not go to and
         * fro; one that cannot shrink is merely large. */
        if (table->n_buckets > MIN_BUCKETS && table->n_elements < table->n_buckets / 8)
                resize(table,
                       table->n_buckets / 4 < MIN_BUCKETS ? MIN_BUCKETS : table->n_buckets / 4);
}

void hash_deinit(struct hash_table *table)
{
        free(table->buckets);
        *table = (struct hash_table){};
}
