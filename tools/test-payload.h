/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * What the messages of "dbus-test-tool spam" carry.
 */

enum payload_kind { PAYLOAD_STRING, PAYLOAD_BYTES, PAYLOAD_EMPTY };

struct payload {
        enum payload_kind kind;
        char *bytes; /* with a NUL behind them */
        size_t n;
        dbus_uint32_t *sizes; /* of which one is chosen for each message; NULL: all bytes */
        size_t n_sizes;
        DBusMessage *pattern; /* copied for each message; NULL: they are built */
};

/* Whether it was said already what messages carry. */
bool payload_is_set(const struct payload *p);

/* Each of these says what they carry, and ends the program if that cannot be had. */
void payload_set_text(struct payload *p, const char *text);
void payload_read_bytes(struct payload *p);
void payload_read_sizes(struct payload *p);
void payload_read_message(struct payload *p);

/* Makes the next method call, to this destination unless it follows a pattern. */
DBusMessage *payload_new_message(const struct payload *p, const char *destination);

void payload_free(struct payload *p);
