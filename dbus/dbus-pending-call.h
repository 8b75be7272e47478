/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_PENDING_CALL_H
#define DBUS_PENDING_CALL_H

#include <dbus/dbus-connection.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusPendingCall Pending calls
 * @ingroup DBus
 * @brief Replies that are awaited.
 *
 * A pending call comes from dbus_connection_send_with_reply(). It is completed once, when its reply
 * is dispatched, or found by dbus_pending_call_block(): the peer's, or an error that the library
 * makes when there is none in time. While it is neither completed nor cancelled, its connection has
 * a reference of it. Any thread may use it.
 *
 * @{
 */

/** As a timeout: wait as long as it takes. */
#define DBUS_TIMEOUT_INFINITE ((int)0x7fffffff)
/** As a timeout: wait as long as is usual. */
#define DBUS_TIMEOUT_USE_DEFAULT (-1)

/**
 * Takes a reference.
 *
 * @param pending The call.
 * @return The call.
 */
DBUS_EXPORT DBusPendingCall *dbus_pending_call_ref(DBusPendingCall *pending);

/**
 * Gives up a reference. The last one frees the call. It does not cancel it.
 *
 * @param pending The call.
 */
DBUS_EXPORT void dbus_pending_call_unref(DBusPendingCall *pending);

/**
 * Sets the function that is told when the call is completed. It is not, if that has happened
 * already: to be sure, look at dbus_pending_call_get_completed() afterwards.
 *
 * @param pending The call.
 * @param function Is told. `NULL`: nobody is.
 * @param user_data For this function.
 * @param free_user_data Frees the data when it is not needed any more. Or `NULL`.
 * @return #FALSE if there is no memory: the data remains the caller's.
 */
DBUS_EXPORT dbus_bool_t dbus_pending_call_set_notify(DBusPendingCall *pending,
                                                     DBusPendingCallNotifyFunction function,
                                                     void *user_data,
                                                     DBusFreeFunction free_user_data);

/**
 * Waits for the reply no more: it will be ignored, and nobody told. A call that is completed stays
 * so.
 *
 * @param pending The call.
 */
DBUS_EXPORT void dbus_pending_call_cancel(DBusPendingCall *pending);

/**
 * Tells whether the call is completed.
 *
 * @param pending The call.
 * @return #TRUE if it is.
 */
DBUS_EXPORT dbus_bool_t dbus_pending_call_get_completed(DBusPendingCall *pending);

/**
 * Takes the reply out of a call.
 *
 * @param pending The call, from which nobody has taken it.
 * @return The reply, with a reference that is the caller's; `NULL` if the call is not completed.
 */
DBUS_EXPORT DBusMessage *dbus_pending_call_steal_reply(DBusPendingCall *pending);

/**
 * Blocks until the call is completed, as dbus_connection_send_with_reply_and_block() does: other
 * messages are queued meanwhile. Returns at once if it is completed or cancelled.
 *
 * @param pending The call.
 */
DBUS_EXPORT void dbus_pending_call_block(DBusPendingCall *pending);

/**
 * Allocates a slot, in which every pending call can keep data of the application.
 *
 * @param slot_p A variable that all of the program uses for this slot, and that starts as -1. If it
 *        is a slot already, that gets one more reference.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_pending_call_allocate_data_slot(dbus_int32_t *slot_p);

/**
 * Gives up a reference of a slot. The last one frees it: data in it is freed with its call.
 *
 * @param slot_p The variable. Becomes -1 when the slot is freed.
 */
DBUS_EXPORT void dbus_pending_call_free_data_slot(dbus_int32_t *slot_p);

/**
 * Leaves data with a call. What was in the slot is freed.
 *
 * @param pending The call.
 * @param slot The slot.
 * @param data The data.
 * @param free_data_func Frees it, when something else is set or the call goes. Or `NULL`.
 * @return #FALSE if there is no memory: the data remains the caller's.
 */
DBUS_EXPORT dbus_bool_t dbus_pending_call_set_data(DBusPendingCall *pending, dbus_int32_t slot,
                                                   void *data, DBusFreeFunction free_data_func);

/**
 * Gives the data that was left with a call.
 *
 * @param pending The call.
 * @param slot The slot.
 * @return The data; `NULL` if there is none.
 */
DBUS_EXPORT void *dbus_pending_call_get_data(DBusPendingCall *pending, dbus_int32_t slot);

/**
 * Gives up the reference that a variable has, if it has one, and makes the variable `NULL`.
 *
 * @param pointer_to_pending_call The variable.
 */
static inline void dbus_clear_pending_call(DBusPendingCall **pointer_to_pending_call)
{
        _dbus_clear_pointer_impl(DBusPendingCall, pointer_to_pending_call, dbus_pending_call_unref);
}

/** @} */

DBUS_END_DECLS

#endif
