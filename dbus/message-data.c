/* SPDX-License-Identifier: MIT */
#include "check.h"
#include "data-slot.h"
#include "message-private.h"

static struct slot_space space = SLOT_SPACE_INIT;

dbus_bool_t dbus_message_allocate_data_slot(dbus_int32_t *slot_p)
{
        return slot_allocate(&space, slot_p);
}

void dbus_message_free_data_slot(dbus_int32_t *slot_p)
{
        if (CHECK(*slot_p >= 0))
                slot_free(&space, slot_p);
}

dbus_bool_t dbus_message_set_data(DBusMessage *message, dbus_int32_t slot, void *data,
                                  DBusFreeFunction free_data_func)
{
        struct slot_value old;

        if (!CHECK(message != NULL) || !CHECK(slot >= 0) ||
            !slot_set(&message->slots, slot, data, free_data_func, &old))
                return FALSE;
        slot_value_free(&old);
        return TRUE;
}

void *dbus_message_get_data(DBusMessage *message, dbus_int32_t slot)
{
        return CHECK(message != NULL) ? slot_get(&message->slots, slot) : NULL;
}
