/* SPDX-License-Identifier: MIT */
#pragma once
/*
 * What messages carry in the benchmark of the client library: how it is appended and how it is
 * read again, by the functions that programs use for it. Knows nothing but <dbus/dbus.h>.
 */
#include <dbus/dbus.h>

struct payload {
        /* Appends it. FALSE: no memory. */
        dbus_bool_t (*append)(DBusMessage *m);
        /* Reads all of it. FALSE: it is not what append() would have made. */
        dbus_bool_t (*read)(DBusMessage *m);
};

enum payload_id {
        PAYLOAD_EMPTY,
        PAYLOAD_SMALL,    /* a string and a number, by varargs */
        PAYLOAD_NAMES,    /* two strings: an interface and a property */
        PAYLOAD_VARIANT,  /* a string in a variant: a property's value */
        PAYLOAD_DICT,     /* a{sv} of 10 entries, by iterators */
        PAYLOAD_BYTES,    /* 64 KiB, as a fixed array */
        PAYLOAD_STRINGS,  /* an array of 1,000 strings, by varargs */
        PAYLOAD_ITERATED, /* the same, by iterators */
        PAYLOAD_NUMBER,
        PAYLOAD_BLOCK, /* 64 bytes, as a fixed array */
        PAYLOAD_MAX,
};

extern const struct payload payloads[PAYLOAD_MAX];

/* A method of the service: what calls and replies carry. */
struct exchange {
        const char *member;
        enum payload_id call, reply;
};

enum exchange_id {
        EXCHANGE_SMALL,
        EXCHANGE_PROPERTY,
        EXCHANGE_DICT,
        EXCHANGE_BYTES,
        EXCHANGE_STRINGS_CALL,
        EXCHANGE_STRINGS_REPLY,
        EXCHANGE_BLOCK,
        EXCHANGE_MAX,
};

extern const struct exchange exchanges[EXCHANGE_MAX];
