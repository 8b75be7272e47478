/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a bus tells administrators of its peer links (ListLinks, doc/peer-links.md). All texts are
 * the reply's.
 */

struct listed_end {
        const char *name; /* unique */
        uint64_t messages, bytes;
};

struct listed_link {
        uint32_t id;
        uint64_t age, idle; /* ms */
        struct listed_end ends[2];
};

struct listed_pair {
        const char *names[2];
        uint64_t messages;
        const char *why; /* they have no link */
};

#define NO_UID UINT32_MAX

struct listed_connection {
        const char *name;
        uint32_t pid; /* 0: unknown */
        uint32_t uid; /* NO_UID: unknown */
        const char **names;
        size_t n_names;
        char *command; /* "": unknown */
};

struct listed_total {
        const char *key;
        uint64_t value;
};

struct listing {
        DBusMessage *reply;
        struct listed_link *links;
        struct listed_pair *pairs; /* the busiest first */
        struct listed_connection *connections;
        struct listed_total *totals;
        size_t n_links, n_pairs, n_connections, n_totals;
};

/* Asks the bus. Blocks. Returns 0, or -1 with the error set. Ends the program without memory. */
int listing_get(struct listing *l, DBusConnection *c, DBusError *error);
void listing_free(struct listing *l);

/* Who has this unique name; NULL: not told. */
const struct listed_connection *listing_connection(const struct listing *l, const char *name);

/* A total; 0 if the bus does not tell it. */
uint64_t listing_total(const struct listing *l, const char *key);
