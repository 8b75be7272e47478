/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Data that applications attach to the library's objects. A slot is a number, allocated for a kind
 * of objects and reference-counted; each object keeps the values of its slots itself.
 */

#include <stddef.h>
#include <pthread.h>

#include <dbus/dbus.h>

/* The slots of one kind of objects. Define it static, with SLOT_SPACE_INIT. */
struct slot_space {
        pthread_mutex_t lock;
        unsigned *refs; /* of each slot; 0: free */
        dbus_int32_t n;
};

#define SLOT_SPACE_INIT {.lock = PTHREAD_MUTEX_INITIALIZER}

struct slot_value {
        void *data;
        DBusFreeFunction free_data; /* or NULL */
};

/* The values of one object: zero is none. The object's own lock, or user, guards them. */
struct slot_values {
        struct slot_value *values; /* indexed by slot */
        dbus_int32_t n;
};

/*
 * Allocates a slot if *slot is -1, else takes one more reference of *slot. Returns FALSE, and
 * leaves *slot alone, if there is no memory.
 */
dbus_bool_t slot_allocate(struct slot_space *space, dbus_int32_t *slot);

/* Drops a reference; the last one frees the number. Sets *slot to -1 then. */
void slot_free(struct slot_space *space, dbus_int32_t *slot);

/* True if the slot is allocated. */
dbus_bool_t slot_is_allocated(struct slot_space *space, dbus_int32_t slot);

/*
 * Stores a value. The one that was there goes to *old, for the caller to slot_value_free() when it
 * holds no lock. Returns FALSE, and changes nothing, if there is no memory.
 */
dbus_bool_t slot_set(struct slot_values *values, dbus_int32_t slot, void *data,
                     DBusFreeFunction free_data, struct slot_value *old);

void *slot_get(const struct slot_values *values, dbus_int32_t slot); /* NULL if nothing was set */

/* Calls the free function of a value, if it has one. */
void slot_value_free(const struct slot_value *value);

/* Frees all values, with no lock held: free functions may call anything. */
void slot_values_deinit(struct slot_values *values);
