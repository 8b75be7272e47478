/* SPDX-License-Identifier: MIT */
#include "data-slot.h"

#include <stdint.h>
#include <stdlib.h>

#include "check.h"

/* Whether a number means a slot. Locked. */
static bool is_allocated(const struct slot_space *space, dbus_int32_t slot)
{
        return slot >= 0 && slot < space->n && space->refs[slot] > 0;
}

/* Returns the lowest number that is free, made room for if it is a new one, or -1. Locked. */
static dbus_int32_t find_free(struct slot_space *space)
{
        unsigned *refs;
        dbus_int32_t i;

        for (i = 0; i < space->n; i++)
                if (space->refs[i] == 0)
                        return i;
        if (space->n == INT32_MAX)
                return -1;
        refs = realloc(space->refs, ((size_t)space->n + 1) * sizeof(*refs));
        if (!refs)
                return -1;
        space->refs = refs;
        refs[space->n] = 0;
        return space->n++;
}

dbus_bool_t slot_allocate(struct slot_space *space, dbus_int32_t *slot)
{
        dbus_int32_t number;
        bool known = true;

        pthread_mutex_lock(&space->lock);
        if (*slot >= 0) {
                number = *slot;
                known = is_allocated(space, number);
        } else {
                number = find_free(space);
        }
        if (known && number >= 0) {
                space->refs[number]++;
                *slot = number;
        }
        pthread_mutex_unlock(&space->lock);
        if (!known)
                warn_misuse("Data slot %d was not allocated; initialize slots with -1",
                            (int)number);
        return known && number >= 0;
}

void slot_free(struct slot_space *space, dbus_int32_t *slot)
{
        dbus_int32_t number = *slot;
        bool known;

        pthread_mutex_lock(&space->lock);
        known = is_allocated(space, number);
        if (known && --space->refs[number] == 0) {
                *slot = -1;
                /* A program that frees its slots leaves nothing behind. */
                while (space->n > 0 && space->refs[space->n - 1] == 0)
                        space->n--;
                if (space->n == 0) {
                        free(space->refs);
                        space->refs = NULL;
                }
        }
        pthread_mutex_unlock(&space->lock);
        if (!known)
                warn_misuse("Data slot %d was freed but is not allocated", (int)number);
}

dbus_bool_t slot_is_allocated(struct slot_space *space, dbus_int32_t slot)
{
        bool is;

        pthread_mutex_lock(&space->lock);
        is = is_allocated(space, slot);
        pthread_mutex_unlock(&space->lock);
        return is;
}

dbus_bool_t slot_set(struct slot_values *values, dbus_int32_t slot, void *data,
                     DBusFreeFunction free_data, struct slot_value *old)
{
        *old = (struct slot_value){0};
        if (slot >= values->n) {
                struct slot_value *more;

                more = realloc(values->values, ((size_t)slot + 1) * sizeof(*more));
                if (!more)
                        return FALSE;
                for (dbus_int32_t i = values->n; i <= slot; i++)
                        more[i] = (struct slot_value){0};
                values->values = more;
                values->n = slot + 1;
        }
        *old = values->values[slot];
        values->values[slot] = (struct slot_value){data, free_data};
        return TRUE;
}

void *slot_get(const struct slot_values *values, dbus_int32_t slot)
{
        return slot >= 0 && slot < values->n ? values->values[slot].data : NULL;
}

void slot_value_free(const struct slot_value *value)
{
        if (value->free_data)
                value->free_data(value->data);
}

void slot_values_deinit(struct slot_values *values)
{
        struct slot_values gone = *values;

        /* A free function that asks for the object's data finds none any more. */
        *values = (struct slot_values){0};
        for (dbus_int32_t i = 0; i < gone.n; i++)
                slot_value_free(&gone.values[i]);
        free(gone.values);
}
