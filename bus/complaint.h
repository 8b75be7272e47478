/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * The texts that say which message was refused, and why. Programs parse them.
 */

#include <stdbool.h>

#include "bus/bus.h"
#include "bus/fault.h"

struct complaint {
        const char *error;    /* the fault's name */
        const char *what;     /* "Rejected send message": how the text starts */
        unsigned n_matched;   /* policy rules that matched */
        bool uncounted;       /* there is nothing to count: the number is left out */
        bool log;             /* tell the administrator, too */
        bool requested_reply; /* the message answers a call */
        struct message *message;
        struct peer *from; /* NULL: the bus itself */
        struct peer *to;   /* who would have got it; NULL: the bus itself */
};

/* "method_call" and so on, as programs know them from match rules. Static. */
const char *complaint_type_name(uint8_t type);

/* Always returns -1, with the fault set. `fault` NULL: only the log is told. */
int complaint_set(const struct complaint *c, struct fault *fault);
