/* SPDX-License-Identifier: MIT */
#pragma once

#include <stddef.h>
#include <stdint.h>

/*
 * What a process of the soak did and saw, in order, in a mapped file: what is written there
 * survives kill -9. soak/logs.py reads it; the layout is the same there.
 */

enum event {
        EVENT_STARTED = 1, /* name: unique name; it has its match rules */
        EVENT_SENT,        /* about to send; name: destination */
        EVENT_SEEN,        /* dispatched; name: sender, text: destination */
        EVENT_REPLIED,     /* a pending call is complete; name: sender, text: error */
        EVENT_BLOCKED,     /* the same of a blocking call: ahead of what is queued */
        EVENT_OWNER,       /* NameOwnerChanged; name, text: old and new owner */
        EVENT_ACQUIRED,    /* NameAcquired; name */
        EVENT_LOST,        /* NameLost; name */
        EVENT_REQUESTED,   /* a reply of RequestName; name, size: the result */
        EVENT_RELEASED,    /* a reply of ReleaseName; name, size: the result */
        EVENT_WATCHING,    /* a monitor's rules are in force; size: 1 if it eavesdrops */
        EVENT_LEAVING,     /* a monitor has had enough; what was sent before is still shown */
        EVENT_WRONG,       /* text: what no bus would do */
        EVENT_ENDED,       /* of its own accord */
};

enum event_flag {
        EVENT_NO_REPLY = 1,
        EVENT_RESTRICTED = 2, /* of the interface that a policy forbids at times */
        EVENT_IMPATIENT = 4,  /* the caller gives up after a while */
};

struct record {
        uint8_t event;
        uint8_t type; /* of the message */
        uint8_t flags;
        uint8_t unused;
        uint32_t size;
        uint64_t time;  /* CLOCK_MONOTONIC, ns */
        uint64_t id;    /* of the message: incarnation << 32 | place among those it sent; 0: none */
        uint64_t about; /* of a reply: the call's */
        char name[40];
        char text[56];
};

struct log_header {
        uint64_t n_records;
        uint32_t barrier; /* the last phase of which everything has been said and seen */
        uint32_t awaited; /* calls without a reply */
};

struct log {
        struct log_header *header;
        struct record *records;
        size_t room;
};

/* Makes the file and maps it; the program ends with a message if it cannot. */
void log_open(struct log *log, const char *path);
void log_add(struct log *log, const struct record *record, const char *name, const char *text);

uint64_t monotonic_now(void);
