/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What may cross a link in one direction: the part of the bus's policy for a pair that depends on
 * the message.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/message.h"
#include "core/reader.h"
#include "core/writer.h"

struct link_rule {
        bool allow;
        uint8_t type; /* of the message; 0: any */
        /* NULL: any. A rule that forbids an interface also applies to messages without one. */
        const char *interface, *member, *path, *error;
        uint32_t min_fds, max_fds;
};

/* The last rule that applies decides; without one, nothing crosses. */
struct link_rules {
        struct link_rule *rules;
        size_t n;
        char *texts; /* that the rules point into; NULL: they are somebody else's */
};

/* The rules by which anything may cross. */
extern const struct link_rule link_rule_anything;

bool link_rules_allow(const struct link_rules *r, const struct header *h, const uint8_t *bytes);

/* Writes them as LINK_RULES_TYPE. */
void link_rules_write(const struct link_rules *r, struct writer *w);

/*
 * Reads them from a message, with texts of their own. Returns 0; -ENOMEM; or -EBADMSG if the next
 * value is none of their type.
 */
int link_rules_read(struct link_rules *r, struct reader *from);
void link_rules_deinit(struct link_rules *r);

/* Replaces the texts, which are somebody else's, by copies. Returns 0 or -ENOMEM. */
int link_rules_own(struct link_rules *r);

/* True if both say the same: a link whose rules did not change stays. */
bool link_rules_equal(const struct link_rules *a, const struct link_rules *b);
