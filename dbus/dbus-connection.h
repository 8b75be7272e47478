/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_CONNECTION_H
#define DBUS_CONNECTION_H

#include <dbus/dbus-errors.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-memory.h>
#include <dbus/dbus-message.h>
#include <dbus/dbus-shared.h>

DBUS_BEGIN_DECLS

/**
 * @addtogroup DBusConnection
 * @{
 */

/** A connection. Reference-counted. */
typedef struct DBusConnection DBusConnection;
/** A file descriptor for the main loop to poll. See @ref DBusWatch. */
typedef struct DBusWatch DBusWatch;
/** A timer for the main loop to keep. See @ref DBusTimeout. */
typedef struct DBusTimeout DBusTimeout;
/** A call whose reply is awaited. See @ref DBusPendingCall. */
typedef struct DBusPendingCall DBusPendingCall;
/** What it takes to send one message. See dbus_connection_preallocate_send(). */
typedef struct DBusPreallocatedSend DBusPreallocatedSend;
/** See struct DBusObjectPathVTable. */
typedef struct DBusObjectPathVTable DBusObjectPathVTable;

/** Conditions of a file descriptor. */
typedef enum {
        DBUS_WATCH_READABLE = 1 << 0, /**< It can be read from: POLLIN. */
        DBUS_WATCH_WRITABLE = 1 << 1, /**< It can be written to: POLLOUT. */
        DBUS_WATCH_ERROR = 1 << 2,    /**< POLLERR: told, but never asked for. */
        DBUS_WATCH_HANGUP = 1 << 3    /**< POLLHUP: told, but never asked for. */
} DBusWatchFlags;

/** Whether dbus_connection_dispatch() has something to do. */
typedef enum {
        DBUS_DISPATCH_DATA_REMAINS, /**< It has, or may have. */
        DBUS_DISPATCH_COMPLETE,     /**< It has not. */
        DBUS_DISPATCH_NEED_MEMORY   /**< It has, but there was no memory for it. Try again later. */
} DBusDispatchStatus;

/**
 * Makes the main loop poll a watch, or not yet, if dbus_watch_get_enabled() says so. It must not
 * handle the watch.
 *
 * @param watch The watch. It exists until #DBusRemoveWatchFunction is called with it.
 * @param data As it was set with the function.
 * @return #FALSE if there is no memory.
 */
typedef dbus_bool_t (*DBusAddWatchFunction)(DBusWatch *watch, void *data);

/**
 * Tells the main loop that dbus_watch_get_enabled() has changed.
 *
 * @param watch The watch.
 * @param data As it was set with the function.
 */
typedef void (*DBusWatchToggledFunction)(DBusWatch *watch, void *data);

/**
 * Makes the main loop forget a watch.
 *
 * @param watch The watch, which is not to be touched afterwards.
 * @param data As it was set with the function.
 */
typedef void (*DBusRemoveWatchFunction)(DBusWatch *watch, void *data);

/**
 * Makes the main loop keep a timeout, or not yet, if dbus_timeout_get_enabled() says so.
 *
 * @param timeout The timeout. It exists until #DBusRemoveTimeoutFunction is called with it.
 * @param data As it was set with the function.
 * @return #FALSE if there is no memory.
 */
typedef dbus_bool_t (*DBusAddTimeoutFunction)(DBusTimeout *timeout, void *data);

/**
 * Tells the main loop that dbus_timeout_get_enabled(), or the interval, has changed.
 *
 * @param timeout The timeout.
 * @param data As it was set with the function.
 */
typedef void (*DBusTimeoutToggledFunction)(DBusTimeout *timeout, void *data);

/**
 * Makes the main loop forget a timeout.
 *
 * @param timeout The timeout, which is not to be touched afterwards.
 * @param data As it was set with the function.
 */
typedef void (*DBusRemoveTimeoutFunction)(DBusTimeout *timeout, void *data);

/**
 * Tells that the dispatch status of a connection has changed. It must not dispatch: it may make a
 * note that the main loop shall.
 *
 * @param connection The connection.
 * @param new_status What dbus_connection_get_dispatch_status() would say.
 * @param data As it was set with the function.
 */
typedef void (*DBusDispatchStatusFunction)(DBusConnection *connection,
                                           DBusDispatchStatus new_status, void *data);

/**
 * Wakes the main loop, which may sleep in another thread, as there is something for it to do.
 *
 * @param data As it was set with the function.
 */
typedef void (*DBusWakeupMainFunction)(void *data);

/**
 * Decides whether a user may connect, once a client has proven to be that user.
 *
 * @param connection The server's end of the connection.
 * @param uid The user.
 * @param data As it was set with the function.
 * @return #TRUE if the user may; else the client is disconnected.
 */
typedef dbus_bool_t (*DBusAllowUnixUserFunction)(DBusConnection *connection, unsigned long uid,
                                                 void *data);

/**
 * The same for users of another system. Never called here.
 *
 * @param connection The server's end of the connection.
 * @param user_sid The user.
 * @param data As it was set with the function.
 * @return #TRUE if the user may.
 */
typedef dbus_bool_t (*DBusAllowWindowsUserFunction)(DBusConnection *connection,
                                                    const char *user_sid, void *data);

/**
 * Tells that a pending call is completed. See dbus_pending_call_set_notify().
 *
 * @param pending The call.
 * @param user_data As it was set with the function.
 */
typedef void (*DBusPendingCallNotifyFunction)(DBusPendingCall *pending, void *user_data);

/**
 * Sees an incoming message as a filter. See dbus_connection_add_filter().
 *
 * @param connection The connection that it came over.
 * @param message The message. Only borrowed: who keeps it takes a reference.
 * @param user_data As it was added with the function.
 * @return What the function made of it. After #DBUS_HANDLER_RESULT_NEED_MEMORY, the whole dispatch
 *         of this message is done once more.
 */
typedef DBusHandlerResult (*DBusHandleMessageFunction)(DBusConnection *connection,
                                                       DBusMessage *message, void *user_data);

/** @} */

/**
 * @defgroup DBusConnection Connections
 * @ingroup DBus
 * @brief Sending and receiving messages.
 *
 * A connection has a queue of messages to be sent and a queue of messages received. Three things
 * move messages:
 * - writing, from the first queue to the socket;
 * - reading, from the socket to the second queue;
 * - dispatching, from the second queue to the functions of the application.
 *
 * All of them are done by dbus_connection_read_write_dispatch(), in a loop, in programs that do
 * nothing else. Programs with a main loop give the connection functions by which that hears of
 * watches, timeouts and the dispatch status. Programs that only call methods and wait for the
 * replies need neither.
 *
 * A connection is shared or private. Shared ones, of dbus_connection_open() and dbus_bus_get(), are
 * found again by whoever asks for the same server. The library has a reference of them while they
 * are open, and nobody closes them. Private ones, of dbus_connection_open_private(),
 * dbus_bus_get_private() and those of a server, belong to who made them, and are closed before
 * their last reference is given up.
 *
 * A connection that is closed, by whichever side, stays closed. What it had received can still be
 * dispatched. The last message is the signal `Disconnected` of #DBUS_INTERFACE_LOCAL, which the
 * library makes.
 *
 * Any thread may use a connection at any time; see @ref DBusThreads. It makes little sense for more
 * than one thread to dispatch, but much for many to call methods and wait.
 *
 * @{
 */

/**
 * Connects to a server, or gives the connection that there is: the first open shared one whose
 * server has the `guid` of the address. Blocks until the socket is connected, not until
 * authentication is over.
 *
 * @param address Of the server.
 * @param error #DBUS_ERROR_BAD_ADDRESS, #DBUS_ERROR_NO_SERVER, #DBUS_ERROR_FILE_NOT_FOUND,
 *        #DBUS_ERROR_NO_MEMORY, and others, of the last entry that was tried. Or `NULL`.
 * @return The connection, with a reference that is the caller's; `NULL` if the error is set. It is
 *         shared: not to be closed.
 */
DBUS_EXPORT DBusConnection *dbus_connection_open(const char *address, DBusError *error);

/**
 * Connects to a server; always anew. Blocks as dbus_connection_open() does.
 *
 * @param address Of the server.
 * @param error As dbus_connection_open() sets it. Or `NULL`.
 * @return The connection, with a reference that is the caller's; `NULL` if the error is set. It is
 *         private: to be closed.
 */
DBUS_EXPORT DBusConnection *dbus_connection_open_private(const char *address, DBusError *error);

/**
 * Takes a reference.
 *
 * @param connection The connection.
 * @return The connection.
 */
DBUS_EXPORT DBusConnection *dbus_connection_ref(DBusConnection *connection);

/**
 * Gives up a reference. The last one frees the connection, and calls the free function of whatever
 * was left with it. It has to be closed by then.
 *
 * @param connection The connection.
 */
DBUS_EXPORT void dbus_connection_unref(DBusConnection *connection);

/**
 * Closes a private connection. Messages that are not written are lost; dbus_connection_flush()
 * writes them. What was received stays to be dispatched, and `Disconnected` follows. Does nothing
 * if the connection is closed.
 *
 * @param connection The connection. It is a bug to close a shared one.
 */
DBUS_EXPORT void dbus_connection_close(DBusConnection *connection);

/**
 * Tells whether the connection is open, as far as is known without reading from it.
 *
 * @param connection The connection.
 * @return #TRUE if it is.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_is_connected(DBusConnection *connection);

/**
 * Tells whether authentication succeeded: for the client, that the server accepted it.
 *
 * @param connection The connection, which may be closed since.
 * @return #TRUE if it did.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_is_authenticated(DBusConnection *connection);

/**
 * Tells whether the peer is nobody in particular.
 *
 * @param connection The connection.
 * @return #FALSE if the peer has authenticated as some user.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_is_anonymous(DBusConnection *connection);

/**
 * Gives the `guid` of the server's address, as the address or the server said it.
 *
 * @param connection The connection.
 * @return The identifier, for dbus_free(). `NULL` if there is no memory; if this is the server's
 *         end; or if it is not known before authentication.
 */
DBUS_EXPORT char *dbus_connection_get_server_id(DBusConnection *connection);

/**
 * Tells whether values of a type can be sent. All types can, but for #DBUS_TYPE_UNIX_FD: that
 * depends on the socket and the peer, and is known after authentication.
 *
 * @param connection The connection.
 * @param type Code of the type, or any number.
 * @return #TRUE if they can; #FALSE also for what is no type.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_can_send_type(DBusConnection *connection, int type);

/**
 * Says whether the program ends, with _exit() and status 1, when the connection is lost: after
 * `Disconnected` was dispatched. Connections to a message bus start with #TRUE, others with #FALSE.
 *
 * @param connection The connection.
 * @param exit_on_disconnect Whether it does.
 */
DBUS_EXPORT void dbus_connection_set_exit_on_disconnect(DBusConnection *connection,
                                                        dbus_bool_t exit_on_disconnect);

/**
 * Blocks until everything is written, or the connection is closed. Reads meanwhile, but does not
 * dispatch.
 *
 * @param connection The connection.
 */
DBUS_EXPORT void dbus_connection_flush(DBusConnection *connection);

/**
 * Dispatches one message, if there is one; else reads and writes what can be, for which it may
 * block.
 *
 * @param connection The connection.
 * @param timeout_milliseconds How long it may; 0: not at all; -1: as long as it takes.
 * @return #FALSE once `Disconnected` has been dispatched: there is nothing left to do.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_read_write_dispatch(DBusConnection *connection,
                                                            int timeout_milliseconds);

/**
 * Reads and writes what can be; may block until something can.
 *
 * @param connection The connection.
 * @param timeout_milliseconds How long it may; 0: not at all; -1: as long as it takes.
 * @return #FALSE if the connection is closed. There may be messages left to be dispatched.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_read_write(DBusConnection *connection,
                                                   int timeout_milliseconds);

/**
 * Looks at the first incoming message, which stays in the queue. Until it is returned or stolen,
 * others who want something of the queue wait; so this blocks while another thread dispatches.
 *
 * @param connection The connection.
 * @return The message, which is the connection's, for dbus_connection_return_message() or
 *         dbus_connection_steal_borrowed_message(). `NULL` if the queue is empty.
 */
DBUS_EXPORT DBusMessage *dbus_connection_borrow_message(DBusConnection *connection);

/**
 * Leaves a borrowed message in the queue.
 *
 * @param connection The connection.
 * @param message From dbus_connection_borrow_message(); not to be used afterwards.
 */
DBUS_EXPORT void dbus_connection_return_message(DBusConnection *connection, DBusMessage *message);

/**
 * Takes a borrowed message out of the queue, as dbus_connection_pop_message() would have.
 *
 * @param connection The connection.
 * @param message From dbus_connection_borrow_message(). The caller has a reference afterwards.
 */
DBUS_EXPORT void dbus_connection_steal_borrowed_message(DBusConnection *connection,
                                                        DBusMessage *message);

/**
 * Takes the first message out of the queue, past all filters, objects and pending calls. Blocks
 * while another thread dispatches or has borrowed a message.
 *
 * @param connection The connection, which should have no other users.
 * @return The message, with a reference that is the caller's; `NULL` if the queue is empty.
 */
DBUS_EXPORT DBusMessage *dbus_connection_pop_message(DBusConnection *connection);

/**
 * Tells whether there is something to dispatch.
 *
 * @param connection The connection.
 * @return The status.
 */
DBUS_EXPORT DBusDispatchStatus dbus_connection_get_dispatch_status(DBusConnection *connection);

/**
 * Dispatches one message. The first of these that takes it is the last to see it:
 * - the pending call that it is the reply to;
 * - the library, for calls of #DBUS_INTERFACE_PEER;
 * - filters, in the order they were added;
 * - objects, for calls.
 *
 * A call that nobody takes is answered with #DBUS_ERROR_UNKNOWN_OBJECT or
 * #DBUS_ERROR_UNKNOWN_METHOD. Blocks while another thread dispatches, or has borrowed a message. A
 * function that was called to handle a message may dispatch the next one.
 *
 * @param connection The connection.
 * @return Whether there is more.
 */
DBUS_EXPORT DBusDispatchStatus dbus_connection_dispatch(DBusConnection *connection);

/**
 * Tells whether there are messages that have not been written completely.
 *
 * @param connection The connection.
 * @return #TRUE if there are.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_has_messages_to_send(DBusConnection *connection);

/**
 * Sends a message: queues it, and writes it if that can be done at once. If not, the main loop
 * does, or a function like dbus_connection_flush(). That the connection is closed is no error; the
 * message is lost then.
 *
 * @param connection The connection.
 * @param message The message. The connection takes a reference; the message cannot be changed any
 *        more.
 * @param client_serial Set to the serial of the message, to find its reply by. Or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_send(DBusConnection *connection, DBusMessage *message,
                                             dbus_uint32_t *client_serial);

/**
 * Sends a call whose reply is waited for elsewhere. There will be exactly one: from the peer; or an
 * error, #DBUS_ERROR_NO_REPLY, when the time is over or the connection is closed.
 *
 * @param connection The connection.
 * @param message The call, as in dbus_connection_send().
 * @param pending_return Set to the pending call, with a reference that is the caller's. Set to
 *        `NULL`, and nothing is sent, if the connection is closed, or there are file descriptors in
 *        the message and the connection cannot carry any. Or `NULL`: nobody cares for the reply,
 *        other than filters.
 * @param timeout_milliseconds How long to wait; #DBUS_TIMEOUT_USE_DEFAULT: 25 seconds;
 *        #DBUS_TIMEOUT_INFINITE: as long as it takes.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_send_with_reply(DBusConnection *connection,
                                                        DBusMessage *message,
                                                        DBusPendingCall **pending_return,
                                                        int timeout_milliseconds);

/**
 * Calls a method: sends the call, and blocks until its reply is there. Other messages that come
 * meanwhile are queued, not dispatched: so a peer that calls back before it replies waits for this
 * one to be over. Several threads may call at the same time.
 *
 * @param connection The connection.
 * @param message The call, as in dbus_connection_send().
 * @param timeout_milliseconds As in dbus_connection_send_with_reply().
 * @param error What the peer replied, if that was an error; #DBUS_ERROR_NO_REPLY,
 *        #DBUS_ERROR_DISCONNECTED, #DBUS_ERROR_FAILED for file descriptors that cannot be sent,
 *        #DBUS_ERROR_NO_MEMORY. Or `NULL`.
 * @return The reply, with a reference that is the caller's; `NULL` if the error is set.
 */
DBUS_EXPORT DBusMessage *dbus_connection_send_with_reply_and_block(DBusConnection *connection,
                                                                   DBusMessage *message,
                                                                   int timeout_milliseconds,
                                                                   DBusError *error);

/**
 * Gives the connection to a main loop, which polls its watches from now on. The functions are
 * called with no lock held, but should do nothing with the connection except to take note. The
 * functions set before are called once more, to remove what they know, after the new ones have
 * added it.
 *
 * @param connection The connection.
 * @param add_function Adds a watch. `NULL`: there is no main loop.
 * @param remove_function Removes a watch. Or `NULL`.
 * @param toggled_function Notes that a watch was enabled or disabled. `NULL`: the main loop asks
 *        each time.
 * @param data For these functions.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 * @return #FALSE if there is no memory: nothing is changed, and the data remains the caller's.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_set_watch_functions(
        DBusConnection *connection, DBusAddWatchFunction add_function,
        DBusRemoveWatchFunction remove_function, DBusWatchToggledFunction toggled_function,
        void *data, DBusFreeFunction free_data_function);

/**
 * As dbus_connection_set_watch_functions(), for timeouts.
 *
 * @param connection The connection.
 * @param add_function Adds a timeout. `NULL`: there is no main loop.
 * @param remove_function Removes a timeout. Or `NULL`.
 * @param toggled_function Notes that a timeout was enabled or disabled. Or `NULL`.
 * @param data For these functions.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 * @return #FALSE if there is no memory: nothing is changed, and the data remains the caller's.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_set_timeout_functions(
        DBusConnection *connection, DBusAddTimeoutFunction add_function,
        DBusRemoveTimeoutFunction remove_function, DBusTimeoutToggledFunction toggled_function,
        void *data, DBusFreeFunction free_data_function);

/**
 * Sets the function that wakes the main loop when another thread has made work for it.
 *
 * @param connection The connection.
 * @param wakeup_main_function Wakes it. `NULL`: nobody needs to be woken.
 * @param data For this function.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 */
DBUS_EXPORT void
dbus_connection_set_wakeup_main_function(DBusConnection *connection,
                                         DBusWakeupMainFunction wakeup_main_function, void *data,
                                         DBusFreeFunction free_data_function);

/**
 * Sets the function that hears of changes of the dispatch status. Without it, a main loop asks
 * dbus_connection_get_dispatch_status() each time round.
 *
 * @param connection The connection.
 * @param function Hears of them. `NULL`: nobody does.
 * @param data For this function.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 */
DBUS_EXPORT void dbus_connection_set_dispatch_status_function(DBusConnection *connection,
                                                              DBusDispatchStatusFunction function,
                                                              void *data,
                                                              DBusFreeFunction free_data_function);

/**
 * Tells which user the peer is. Only servers know that, after authentication; clients ask a bus,
 * with dbus_bus_get_unix_user().
 *
 * @param connection The connection.
 * @param uid Set to the user, if it is known.
 * @return #TRUE if it is.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_unix_user(DBusConnection *connection,
                                                      unsigned long *uid);

/**
 * Tells which process the peer was when it connected. Known after authentication.
 *
 * @param connection The connection.
 * @param pid Set to the process, if it is known.
 * @return #TRUE if it is.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_unix_process_id(DBusConnection *connection,
                                                            unsigned long *pid);

/**
 * Tells the audit session of the peer, on systems that have it. Linux has not.
 *
 * @param connection The connection.
 * @param data Set to the data, if there is any.
 * @param data_size Set to its size in bytes, if there is any.
 * @return #FALSE here.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_adt_audit_session_data(DBusConnection *connection,
                                                                   void **data,
                                                                   dbus_int32_t *data_size);

/**
 * Sets the function that decides which users may connect to a server: to be called by the server's
 * #DBusNewConnectionFunction. Without it, root and the user of the server's process may, or
 * anybody, if dbus_connection_set_allow_anonymous() says so.
 *
 * @param connection The server's end of the connection.
 * @param function Decides. `NULL`: see above.
 * @param data For this function.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 */
DBUS_EXPORT void dbus_connection_set_unix_user_function(DBusConnection *connection,
                                                        DBusAllowUnixUserFunction function,
                                                        void *data,
                                                        DBusFreeFunction free_data_function);

/**
 * Tells which user of another system the peer is. There is none here.
 *
 * @param connection The connection.
 * @param windows_sid_p Set to the user, if it is known, for dbus_free().
 * @return #FALSE here.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_windows_user(DBusConnection *connection,
                                                         char **windows_sid_p);

/**
 * As dbus_connection_set_unix_user_function(), for users of another system: the function is kept,
 * but never called.
 *
 * @param connection The server's end of the connection.
 * @param function Would decide. Or `NULL`.
 * @param data For this function.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 */
DBUS_EXPORT void dbus_connection_set_windows_user_function(DBusConnection *connection,
                                                           DBusAllowWindowsUserFunction function,
                                                           void *data,
                                                           DBusFreeFunction free_data_function);

/**
 * Says whether clients need to be somebody: to be called by the server's
 * #DBusNewConnectionFunction. A mechanism that lets them be nobody has to be among those of
 * dbus_server_set_auth_mechanisms(). Every user may connect then, too.
 *
 * @param connection The server's end of the connection.
 * @param value #TRUE if they may be anonymous. #FALSE from the start.
 */
DBUS_EXPORT void dbus_connection_set_allow_anonymous(DBusConnection *connection, dbus_bool_t value);

/**
 * Says whether calls of #DBUS_INTERFACE_PEER that have a destination are for the application,
 * rather than for the library to answer. Only a message bus needs that.
 *
 * @param connection The connection.
 * @param value #TRUE if they are. #FALSE from the start.
 */
DBUS_EXPORT void dbus_connection_set_route_peer_messages(DBusConnection *connection,
                                                         dbus_bool_t value);

/**
 * Adds a filter, behind those that there are. It sees every incoming message that is no reply to a
 * pending call, beginning with the next one. It may be added more than once.
 *
 * @param connection The connection.
 * @param function The filter.
 * @param user_data For this function.
 * @param free_data_function Frees the data when it is not needed any more. Or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_add_filter(DBusConnection *connection,
                                                   DBusHandleMessageFunction function,
                                                   void *user_data,
                                                   DBusFreeFunction free_data_function);

/**
 * Removes a filter: the last one that was added with these arguments. It is a bug if there is none.
 *
 * @param connection The connection.
 * @param function The filter.
 * @param user_data As it was added with.
 */
DBUS_EXPORT void dbus_connection_remove_filter(DBusConnection *connection,
                                               DBusHandleMessageFunction function, void *user_data);

/**
 * Allocates a slot, in which every connection can keep data of the application.
 *
 * @param slot_p A variable that all of the program uses for this slot, and that starts as -1. If it
 *        is a slot already, that gets one more reference.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_allocate_data_slot(dbus_int32_t *slot_p);

/**
 * Gives up a reference of a slot. The last one frees it: data in it is freed with its connection.
 *
 * @param slot_p The variable. Becomes -1 when the slot is freed.
 */
DBUS_EXPORT void dbus_connection_free_data_slot(dbus_int32_t *slot_p);

/**
 * Leaves data with a connection. What was in the slot is freed.
 *
 * @param connection The connection.
 * @param slot The slot.
 * @param data The data.
 * @param free_data_func Frees it, when something else is set or the connection goes. Or `NULL`.
 * @return #FALSE if there is no memory: the data remains the caller's.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_set_data(DBusConnection *connection, dbus_int32_t slot,
                                                 void *data, DBusFreeFunction free_data_func);

/**
 * Gives the data that was left with a connection.
 *
 * @param connection The connection.
 * @param slot The slot.
 * @return The data; `NULL` if there is none.
 */
DBUS_EXPORT void *dbus_connection_get_data(DBusConnection *connection, dbus_int32_t slot);

/**
 * Says whether the library may make the process ignore SIGPIPE when a connection is made. It may
 * from the start.
 *
 * @param will_modify_sigpipe Whether it may.
 */
DBUS_EXPORT void dbus_connection_set_change_sigpipe(dbus_bool_t will_modify_sigpipe);

/**
 * Says how long an incoming message may be. A peer that sends a longer one is disconnected.
 *
 * @param connection The connection.
 * @param size In bytes; at most #DBUS_MAXIMUM_MESSAGE_LENGTH, as it is from the start.
 */
DBUS_EXPORT void dbus_connection_set_max_message_size(DBusConnection *connection, long size);

/**
 * Tells what dbus_connection_set_max_message_size() has set.
 *
 * @param connection The connection.
 * @return In bytes.
 */
DBUS_EXPORT long dbus_connection_get_max_message_size(DBusConnection *connection);

/**
 * Says how much received messages may add up to. They count until they are freed. When there is
 * more, nothing is read until some are; so they can add up to more by about one message.
 *
 * @param connection The connection.
 * @param size In bytes.
 */
DBUS_EXPORT void dbus_connection_set_max_received_size(DBusConnection *connection, long size);

/**
 * Tells what dbus_connection_set_max_received_size() has set.
 *
 * @param connection The connection.
 * @return In bytes.
 */
DBUS_EXPORT long dbus_connection_get_max_received_size(DBusConnection *connection);

/**
 * Says how many file descriptors an incoming message may have. A peer that sends more is
 * disconnected.
 *
 * @param connection The connection.
 * @param n At most #DBUS_MAXIMUM_MESSAGE_UNIX_FDS.
 */
DBUS_EXPORT void dbus_connection_set_max_message_unix_fds(DBusConnection *connection, long n);

/**
 * Tells what dbus_connection_set_max_message_unix_fds() has set.
 *
 * @param connection The connection.
 * @return Their number.
 */
DBUS_EXPORT long dbus_connection_get_max_message_unix_fds(DBusConnection *connection);

/**
 * As dbus_connection_set_max_received_size(), for file descriptors in received messages.
 *
 * @param connection The connection.
 * @param n Their number.
 */
DBUS_EXPORT void dbus_connection_set_max_received_unix_fds(DBusConnection *connection, long n);

/**
 * Tells what dbus_connection_set_max_received_unix_fds() has set.
 *
 * @param connection The connection.
 * @return Their number.
 */
DBUS_EXPORT long dbus_connection_get_max_received_unix_fds(DBusConnection *connection);

/**
 * Tells roughly how much there is to be written.
 *
 * @param connection The connection.
 * @return In bytes.
 */
DBUS_EXPORT long dbus_connection_get_outgoing_size(DBusConnection *connection);

/**
 * Tells roughly how many file descriptors there are to be sent.
 *
 * @param connection The connection.
 * @return Their number.
 */
DBUS_EXPORT long dbus_connection_get_outgoing_unix_fds(DBusConnection *connection);

/**
 * Gets hold of what it takes to send a message, so that dbus_connection_send_preallocated() cannot
 * fail.
 *
 * @param connection The connection.
 * @return For that function, or for dbus_connection_free_preallocated_send(). `NULL` if there is no
 *         memory.
 */
DBUS_EXPORT DBusPreallocatedSend *dbus_connection_preallocate_send(DBusConnection *connection);

/**
 * Gives back what was not needed after all.
 *
 * @param connection The connection.
 * @param preallocated From dbus_connection_preallocate_send() with the same connection.
 */
DBUS_EXPORT void dbus_connection_free_preallocated_send(DBusConnection *connection,
                                                        DBusPreallocatedSend *preallocated);

/**
 * Sends a message as dbus_connection_send() does, but always succeeds.
 *
 * @param connection The connection.
 * @param preallocated From dbus_connection_preallocate_send() with the same connection; used up.
 * @param message The message, as in dbus_connection_send().
 * @param client_serial Set to the serial of the message. Or `NULL`.
 */
DBUS_EXPORT void dbus_connection_send_preallocated(DBusConnection *connection,
                                                   DBusPreallocatedSend *preallocated,
                                                   DBusMessage *message,
                                                   dbus_uint32_t *client_serial);

/**
 * Hears that an object is not registered any more, or that its connection goes.
 *
 * @param connection The connection.
 * @param user_data As it was registered with.
 */
typedef void (*DBusObjectPathUnregisterFunction)(DBusConnection *connection, void *user_data);

/**
 * Handles a call of an object, or below it.
 *
 * @param connection The connection.
 * @param message The call. Only borrowed: who keeps it takes a reference.
 * @param user_data As it was registered with.
 * @return What the function made of it, as for filters.
 */
typedef DBusHandlerResult (*DBusObjectPathMessageFunction)(DBusConnection *connection,
                                                           DBusMessage *message, void *user_data);

/** What an object, or a part of the tree of objects, is to the library. */
struct DBusObjectPathVTable {
        DBusObjectPathUnregisterFunction unregister_function; /**< Hears of its end. Or `NULL`. */
        DBusObjectPathMessageFunction message_function;       /**< Handles calls. */

        void (*dbus_internal_pad1)(void *); /**< `NULL`. */
        void (*dbus_internal_pad2)(void *); /**< `NULL`. */
        void (*dbus_internal_pad3)(void *); /**< `NULL`. */
        void (*dbus_internal_pad4)(void *); /**< `NULL`. */
};

/**
 * Registers an object: its function sees the calls of this very path.
 *
 * @param connection The connection.
 * @param path Of the object.
 * @param vtable The functions, which are copied.
 * @param user_data For these functions.
 * @param error #DBUS_ERROR_OBJECT_PATH_IN_USE, #DBUS_ERROR_NO_MEMORY. Or `NULL`.
 * @return #FALSE if the error is set.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_try_register_object_path(DBusConnection *connection,
                                                                 const char *path,
                                                                 const DBusObjectPathVTable *vtable,
                                                                 void *user_data, DBusError *error);

/**
 * As dbus_connection_try_register_object_path(), but it is a bug if there is an object at the path.
 *
 * @param connection The connection.
 * @param path Of the object.
 * @param vtable The functions, which are copied.
 * @param user_data For these functions.
 * @return #FALSE if there is no memory, or an object at the path.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_register_object_path(DBusConnection *connection,
                                                             const char *path,
                                                             const DBusObjectPathVTable *vtable,
                                                             void *user_data);

/**
 * Registers a part of the tree: its function sees the calls of this path, and of all paths below,
 * unless a function that is registered nearer to the path called handles them.
 *
 * @param connection The connection.
 * @param path At the root of the part.
 * @param vtable The functions, which are copied.
 * @param user_data For these functions.
 * @param error #DBUS_ERROR_OBJECT_PATH_IN_USE, #DBUS_ERROR_NO_MEMORY. Or `NULL`.
 * @return #FALSE if the error is set.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_try_register_fallback(DBusConnection *connection,
                                                              const char *path,
                                                              const DBusObjectPathVTable *vtable,
                                                              void *user_data, DBusError *error);

/**
 * As dbus_connection_try_register_fallback(), but it is a bug if something is registered there.
 *
 * @param connection The connection.
 * @param path At the root of the part.
 * @param vtable The functions, which are copied.
 * @param user_data For these functions.
 * @return #FALSE if there is no memory, or something registered.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_register_fallback(DBusConnection *connection,
                                                          const char *path,
                                                          const DBusObjectPathVTable *vtable,
                                                          void *user_data);

/**
 * Undoes any of these four. It is a bug if nothing is registered there.
 *
 * @param connection The connection.
 * @param path As it was registered with.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_unregister_object_path(DBusConnection *connection,
                                                               const char *path);

/**
 * Gives the data that something was registered with.
 *
 * @param connection The connection.
 * @param path As it was registered with.
 * @param data_p Set to the data; to `NULL` if nothing is registered there.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_object_path_data(DBusConnection *connection,
                                                             const char *path, void **data_p);

/**
 * Lists what is directly below a path: each name is one element of a path, at or below which
 * something is registered.
 *
 * @param connection The connection.
 * @param parent_path The path.
 * @param child_entries Set to an array of the names, with `NULL` after the last one. For
 *        dbus_free_string_array().
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_list_registered(DBusConnection *connection,
                                                        const char *parent_path,
                                                        char ***child_entries);

/**
 * Gives the file descriptor of a connection: to ask the kernel about it, not to read, write or
 * poll.
 *
 * @param connection The connection.
 * @param fd Set to the descriptor, which remains the connection's.
 * @return #FALSE if there is none, as the connection is closed.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_unix_fd(DBusConnection *connection, int *fd);

/**
 * As dbus_connection_get_unix_fd(), only for connections that are sockets: all of them.
 *
 * @param connection The connection.
 * @param fd Set to the socket, which remains the connection's.
 * @return #FALSE if there is none, as the connection is closed.
 */
DBUS_EXPORT dbus_bool_t dbus_connection_get_socket(DBusConnection *connection, int *fd);

/**
 * Gives up the reference that a variable has, if it has one, and makes the variable `NULL`.
 *
 * @param pointer_to_connection The variable.
 */
static inline void dbus_clear_connection(DBusConnection **pointer_to_connection)
{
        _dbus_clear_pointer_impl(DBusConnection, pointer_to_connection, dbus_connection_unref);
}

/** @} */

/**
 * @defgroup DBusWatch Watches
 * @ingroup DBus
 * @brief File descriptors, as a main loop sees them.
 *
 * A watch is made by a connection or a server, which may have more than one for a descriptor. While
 * it is enabled, the main loop polls its descriptor for its conditions, and calls
 * dbus_watch_handle() when it has some. Watches have no lock: the thread of the main loop uses
 * them.
 *
 * @{
 */

#ifndef DBUS_DISABLE_DEPRECATED
/**
 * Gives the file descriptor.
 *
 * @param watch The watch.
 * @return As dbus_watch_get_unix_fd().
 * @deprecated It is called dbus_watch_get_unix_fd() now.
 */
DBUS_EXPORT DBUS_DEPRECATED int dbus_watch_get_fd(DBusWatch *watch);
#endif

/**
 * Gives the file descriptor.
 *
 * @param watch The watch.
 * @return The descriptor to poll, which remains the library's.
 */
DBUS_EXPORT int dbus_watch_get_unix_fd(DBusWatch *watch);

/**
 * Gives the socket.
 *
 * @param watch The watch.
 * @return As dbus_watch_get_unix_fd(); -1 if that is no socket.
 */
DBUS_EXPORT int dbus_watch_get_socket(DBusWatch *watch);

/**
 * Gives the conditions to poll for.
 *
 * @param watch The watch.
 * @return #DBUS_WATCH_READABLE, #DBUS_WATCH_WRITABLE or both.
 */
DBUS_EXPORT unsigned int dbus_watch_get_flags(DBusWatch *watch);

/**
 * Gives what the application left with the watch.
 *
 * @param watch The watch.
 * @return The data; `NULL` if there is none.
 */
DBUS_EXPORT void *dbus_watch_get_data(DBusWatch *watch);

/**
 * Leaves data of the application with the watch. What was there is freed.
 *
 * @param watch The watch.
 * @param data The data.
 * @param free_data_function Frees it, when something else is set or the watch goes. Or `NULL`.
 */
DBUS_EXPORT void dbus_watch_set_data(DBusWatch *watch, void *data,
                                     DBusFreeFunction free_data_function);

/**
 * Reads or writes, as the descriptor is ready for it. Calls functions of the application that are
 * told about what happens.
 *
 * @param watch The watch.
 * @param flags Of #DBusWatchFlags: what was found. Others than were asked for are ignored, except
 *        #DBUS_WATCH_ERROR and #DBUS_WATCH_HANGUP.
 * @return #FALSE if there is no memory: the descriptor will be ready still.
 */
DBUS_EXPORT dbus_bool_t dbus_watch_handle(DBusWatch *watch, unsigned int flags);

/**
 * Tells whether the watch is to be polled.
 *
 * @param watch The watch.
 * @return #FALSE if the main loop shall leave it alone for now.
 */
DBUS_EXPORT dbus_bool_t dbus_watch_get_enabled(DBusWatch *watch);

/** @} */

/**
 * @defgroup DBusTimeout Timeouts
 * @ingroup DBus
 * @brief Timers, as a main loop sees them.
 *
 * A timeout is made by a connection or a server. While it is enabled, the main loop calls
 * dbus_timeout_handle() each time its interval is over, for the first time one interval after it
 * was added or enabled. Timeouts have no lock: the thread of the main loop uses them.
 *
 * @{
 */

/**
 * Gives the interval.
 *
 * @param timeout The timeout.
 * @return In milliseconds. It may change when the timeout is toggled.
 */
DBUS_EXPORT int dbus_timeout_get_interval(DBusTimeout *timeout);

/**
 * Gives what the application left with the timeout.
 *
 * @param timeout The timeout.
 * @return The data; `NULL` if there is none.
 */
DBUS_EXPORT void *dbus_timeout_get_data(DBusTimeout *timeout);

/**
 * Leaves data of the application with the timeout. What was there is freed.
 *
 * @param timeout The timeout.
 * @param data The data.
 * @param free_data_function Frees it, when something else is set or the timeout goes. Or `NULL`.
 */
DBUS_EXPORT void dbus_timeout_set_data(DBusTimeout *timeout, void *data,
                                       DBusFreeFunction free_data_function);

/**
 * Does what has to be done after this time.
 *
 * @param timeout The timeout.
 * @return #FALSE if there is no memory: it may be tried after the next interval.
 */
DBUS_EXPORT dbus_bool_t dbus_timeout_handle(DBusTimeout *timeout);

/**
 * Tells whether the timeout is running.
 *
 * @param timeout The timeout.
 * @return #FALSE if the main loop shall leave it alone for now.
 */
DBUS_EXPORT dbus_bool_t dbus_timeout_get_enabled(DBusTimeout *timeout);

/** @} */

DBUS_END_DECLS

#endif
