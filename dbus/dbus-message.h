/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_MESSAGE_H
#define DBUS_MESSAGE_H

#include <stdarg.h>

#include <dbus/dbus-errors.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-memory.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusMessage Messages
 * @ingroup DBus
 * @brief Making, reading and changing messages.
 *
 * A message is a header, whose fields have functions of their own, and a body of values: its
 * arguments. These are appended and read by dbus_message_append_args() and dbus_message_get_args()
 * where they are simple, by a #DBusMessageIter where they are not.
 *
 * Messages are counted by their references. A message that is sent is *locked*: it may be read,
 * sent again and copied, but not changed any more, except for the data in its slots. A message that
 * was received may be changed until it is sent.
 *
 * What the functions return that points into a message is valid until the message is changed, or
 * goes. A wrong argument is reported on standard error, and ends the program unless the environment
 * has `DBUS_FATAL_WARNINGS=0`; then the function fails.
 *
 * Different messages may be used by different threads at a time. References of one message may be
 * taken and given up by any thread, and any number of threads may read a message that nobody
 * changes; if it came in the other byte order, only after dbus_message_iter_init() was called once.
 * Nothing here blocks.
 *
 * @{
 */

/** A message. */
typedef struct DBusMessage DBusMessage;

/** A place in the arguments of a message, to read from or to append to. See #DBusMessageIter. */
typedef struct DBusMessageIter DBusMessageIter;

/**
 * A place in the arguments of a message: dbus_message_iter_init() makes one to read from,
 * dbus_message_iter_init_append() one to append to.
 *
 * It is meant to be a variable of the caller's, has no reference of the message, and need not be
 * freed. It may be copied by assignment while nothing is appended to it.
 */
struct DBusMessageIter {
        void *dummy1;         /**< Not for you */
        void *dummy2;         /**< Not for you */
        dbus_uint32_t dummy3; /**< Not for you */
        int dummy4;           /**< Not for you */
        int dummy5;           /**< Not for you */
        int dummy6;           /**< Not for you */
        int dummy7;           /**< Not for you */
        int dummy8;           /**< Not for you */
        int dummy9;           /**< Not for you */
        int dummy10;          /**< Not for you */
        int dummy11;          /**< Not for you */
        int pad1;             /**< Not for you */
        void *pad2;           /**< Not for you */
        void *pad3;           /**< Not for you */
};

/**
 * Initializes an iterator that is not open, for dbus_message_iter_abandon_container_if_open().
 */
#define DBUS_MESSAGE_ITER_INIT_CLOSED                                                              \
        {                                                                                          \
                NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL                               \
        }

/**
 * @name Making messages
 * Each comes with one reference, for dbus_message_unref().
 */
/** @{ */

/**
 * Makes a message without fields or arguments.
 *
 * @param message_type One of `DBUS_MESSAGE_TYPE_...`, or what a later protocol may have: 1 to 255.
 * @return The message. `NULL` if there is no memory.
 */
DBUS_EXPORT DBusMessage *dbus_message_new(int message_type);

/**
 * Makes a call of a method.
 *
 * @param bus_name Whom to call, by a bus name. `NULL` where there is no bus in between.
 * @param path The object whose method it is.
 * @param iface The interface that has the method. `NULL`: the peer decides which it is, if several
 *        have one of that name.
 * @param method The method.
 * @return The message. `NULL` if there is no memory.
 */
DBUS_EXPORT DBusMessage *dbus_message_new_method_call(const char *bus_name, const char *path,
                                                      const char *iface, const char *method);

/**
 * Makes the answer to a call: it goes to the caller, and has the serial of the call.
 *
 * @param method_call The call, which has a serial.
 * @return The message, to which what the method returns is still to be appended. `NULL` if there is
 *         no memory.
 */
DBUS_EXPORT DBusMessage *dbus_message_new_method_return(DBusMessage *method_call);

/**
 * Makes a signal.
 *
 * @param path The object that emits it.
 * @param iface The interface that has the signal.
 * @param name The signal.
 * @return The message. `NULL` if there is no memory.
 */
DBUS_EXPORT DBusMessage *dbus_message_new_signal(const char *path, const char *iface,
                                                 const char *name);

/**
 * Makes an error, in answer to any message.
 *
 * @param reply_to The message, which has a serial.
 * @param error_name What went wrong, for programs: a name of the kind of an interface's.
 * @param error_message The same for people, as the first argument. `NULL`: there is none.
 * @return The message. `NULL` if there is no memory.
 */
DBUS_EXPORT DBusMessage *dbus_message_new_error(DBusMessage *reply_to, const char *error_name,
                                                const char *error_message);

/**
 * Makes an error, with its text formatted as by `printf()`.
 *
 * @param reply_to The message that it answers, which has a serial.
 * @param error_name What went wrong, for programs.
 * @param error_format The same for people, in UTF-8 when it is formatted.
 * @param ... What is to be formatted.
 * @return The message. `NULL` if there is no memory.
 */
DBUS_EXPORT DBusMessage *dbus_message_new_error_printf(DBusMessage *reply_to,
                                                       const char *error_name,
                                                       const char *error_format, ...)
        _DBUS_GNUC_PRINTF(3, 4);

/**
 * Copies a message, with copies of its file descriptors, but without the data in its slots. The
 * copy is not locked, and has no serial.
 *
 * @param message The message.
 * @return The copy. `NULL` if there is no memory, or no descriptors are left.
 */
DBUS_EXPORT DBusMessage *dbus_message_copy(const DBusMessage *message);

/**
 * Takes a reference.
 *
 * @param message The message.
 * @return The message.
 */
DBUS_EXPORT DBusMessage *dbus_message_ref(DBusMessage *message);

/**
 * Gives up a reference. With the last one the message goes, its descriptors are closed, and the
 * data in its slots is freed.
 *
 * @param message The message.
 */
DBUS_EXPORT void dbus_message_unref(DBusMessage *message);

/**
 * Locks a message against changes, as sending it does: for those who send it in some other way.
 *
 * @param message The message.
 */
DBUS_EXPORT void dbus_message_lock(DBusMessage *message);

/**
 * Gives up the reference in a variable, which becomes `NULL`.
 *
 * @param pointer_to_message The variable. If it is `NULL` already, nothing is done.
 */
static inline void dbus_clear_message(DBusMessage **pointer_to_message)
{
        _dbus_clear_pointer_impl(DBusMessage, pointer_to_message, dbus_message_unref);
}

/** @} */

/**
 * @name Fields of the header
 * Texts are copied, and have to be valid for their fields; `NULL` removes a field. A setter returns
 * #FALSE if there is no memory, and then the message is as it was. What a getter returns belongs to
 * the message; it is `NULL` if the field is absent. A `..._has_...()` compares, and says that
 * `NULL` is equal to an absent field where `NULL` may be asked for.
 */
/** @{ */

/**
 * Says what kind of message it is.
 *
 * @param message The message.
 * @return One of `DBUS_MESSAGE_TYPE_...`, or a type that is new. Never #DBUS_MESSAGE_TYPE_INVALID.
 */
DBUS_EXPORT int dbus_message_get_type(DBusMessage *message);

/**
 * Sets the object: the one called, or the one that emits a signal.
 *
 * @param message The message, not locked.
 * @param object_path The object's path, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_path(DBusMessage *message, const char *object_path);

/**
 * Gets the object.
 *
 * @param message The message.
 * @return The object's path, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_path(DBusMessage *message);

/**
 * Compares the object.
 *
 * @param message The message.
 * @param object_path A path, or `NULL`.
 * @return #TRUE if it is the message's.
 */
DBUS_EXPORT dbus_bool_t dbus_message_has_path(DBusMessage *message, const char *object_path);

/**
 * Gets the elements of the object's path: `{"a", "b", NULL}` for `/a/b`, `{NULL}` for `/`.
 *
 * @param message The message.
 * @param path Gets the array, to be freed with dbus_free_string_array(); `NULL` if the message has
 *        no path.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_get_path_decomposed(DBusMessage *message, char ***path);

/**
 * Sets the interface of the method or signal.
 *
 * @param message The message, not locked.
 * @param iface The interface, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_interface(DBusMessage *message, const char *iface);

/**
 * Gets the interface of the method or signal.
 *
 * @param message The message.
 * @return The interface, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_interface(DBusMessage *message);

/**
 * Compares the interface.
 *
 * @param message The message.
 * @param iface An interface, or `NULL`.
 * @return #TRUE if it is the message's.
 */
DBUS_EXPORT dbus_bool_t dbus_message_has_interface(DBusMessage *message, const char *iface);

/**
 * Sets the name of the method or signal.
 *
 * @param message The message, not locked.
 * @param member The name, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_member(DBusMessage *message, const char *member);

/**
 * Gets the name of the method or signal.
 *
 * @param message The message.
 * @return The name, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_member(DBusMessage *message);

/**
 * Compares the name of the method or signal.
 *
 * @param message The message.
 * @param member A name, or `NULL`.
 * @return #TRUE if it is the message's.
 */
DBUS_EXPORT dbus_bool_t dbus_message_has_member(DBusMessage *message, const char *member);

/**
 * Sets the name of an error.
 *
 * @param message The message, not locked.
 * @param name The error, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_error_name(DBusMessage *message, const char *name);

/**
 * Gets the name of an error.
 *
 * @param message The message.
 * @return The error, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_error_name(DBusMessage *message);

/**
 * Sets whom a message is for.
 *
 * @param message The message, not locked.
 * @param destination A bus name, unique or well-known, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_destination(DBusMessage *message, const char *destination);

/**
 * Gets whom a message is for.
 *
 * @param message The message.
 * @return A bus name, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_destination(DBusMessage *message);

/**
 * Compares whom a message is for. A peer's unique name is not equal to another name that it owns.
 *
 * @param message The message.
 * @param bus_name A bus name. Not `NULL`.
 * @return #TRUE if it is the one in the message.
 */
DBUS_EXPORT dbus_bool_t dbus_message_has_destination(DBusMessage *message, const char *bus_name);

/**
 * Sets who sent a message. On a bus this is up to the bus.
 *
 * @param message The message, not locked.
 * @param sender A bus name, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_sender(DBusMessage *message, const char *sender);

/**
 * Gets who sent a message: on a bus a unique name, or `org.freedesktop.DBus` for the bus itself.
 *
 * @param message The message.
 * @return A bus name, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_sender(DBusMessage *message);

/**
 * Compares who sent a message. That is never a well-known name but the bus's own.
 *
 * @param message The message.
 * @param unique_bus_name A bus name. Not `NULL`.
 * @return #TRUE if it is the one in the message.
 */
DBUS_EXPORT dbus_bool_t dbus_message_has_sender(DBusMessage *message, const char *unique_bus_name);

/**
 * Gets the types of the arguments that are complete.
 *
 * @param message The message.
 * @return The signature, which is empty if there are none.
 */
DBUS_EXPORT const char *dbus_message_get_signature(DBusMessage *message);

/**
 * Compares the types of the arguments.
 *
 * @param message The message.
 * @param signature A signature. Not `NULL`.
 * @return #TRUE if it is the message's.
 */
DBUS_EXPORT dbus_bool_t dbus_message_has_signature(DBusMessage *message, const char *signature);

/**
 * Sets the container instance that a message is from. That is up to the bus.
 *
 * @param message The message, not locked.
 * @param object_path The path of the container instance, or `NULL`.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_container_instance(DBusMessage *message,
                                                            const char *object_path);

/**
 * Gets the container instance that a message is from.
 *
 * @param message The message.
 * @return The path of the container instance, or `NULL`.
 */
DBUS_EXPORT const char *dbus_message_get_container_instance(DBusMessage *message);

/**
 * Sets the serial of a message. A connection gives one to each message that it sends and that has
 * none: this is for those who send it in some other way.
 *
 * @param message The message, not locked.
 * @param serial The serial; 0: none.
 */
DBUS_EXPORT void dbus_message_set_serial(DBusMessage *message, dbus_uint32_t serial);

/**
 * Gets the serial of a message.
 *
 * @param message The message.
 * @return The serial; 0: it has none yet.
 */
DBUS_EXPORT dbus_uint32_t dbus_message_get_serial(DBusMessage *message);

/**
 * Sets which message this one answers.
 *
 * @param message The message, not locked.
 * @param reply_serial The serial of the other message. Not 0.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_reply_serial(DBusMessage *message,
                                                      dbus_uint32_t reply_serial);

/**
 * Gets which message this one answers.
 *
 * @param message The message.
 * @return The serial of the other message; 0: it answers none.
 */
DBUS_EXPORT dbus_uint32_t dbus_message_get_reply_serial(DBusMessage *message);

/**
 * Says that nobody waits for an answer to a message, so that it need not be sent.
 *
 * @param message The message, not locked.
 * @param no_reply #TRUE: no answer is wanted. In calls, it is unless this says so.
 */
DBUS_EXPORT void dbus_message_set_no_reply(DBusMessage *message, dbus_bool_t no_reply);

/**
 * Says if an answer is wanted.
 *
 * @param message The message.
 * @return #TRUE if no answer is wanted.
 */
DBUS_EXPORT dbus_bool_t dbus_message_get_no_reply(DBusMessage *message);

/**
 * Says if the bus may start the program that the message is for.
 *
 * @param message The message, not locked.
 * @param auto_start #TRUE: it may, which it also does if this is never called.
 */
DBUS_EXPORT void dbus_message_set_auto_start(DBusMessage *message, dbus_bool_t auto_start);

/**
 * Says if the bus may start the program that the message is for.
 *
 * @param message The message.
 * @return #TRUE if it may.
 */
DBUS_EXPORT dbus_bool_t dbus_message_get_auto_start(DBusMessage *message);

/**
 * Says if the user may be asked for permission before a call is answered, which can take long.
 *
 * @param message The message, not locked.
 * @param allow #TRUE: the caller is prepared to wait. It is not unless this says so.
 */
DBUS_EXPORT void dbus_message_set_allow_interactive_authorization(DBusMessage *message,
                                                                  dbus_bool_t allow);

/**
 * Says if the user may be asked for permission.
 *
 * @param message The message.
 * @return #TRUE if the caller is prepared to wait.
 */
DBUS_EXPORT dbus_bool_t dbus_message_get_allow_interactive_authorization(DBusMessage *message);

/**
 * Recognizes a call of a method. One that names no interface is meant for any.
 *
 * @param message The message.
 * @param iface The interface.
 * @param method The method.
 * @return #TRUE if the message calls it.
 */
DBUS_EXPORT dbus_bool_t dbus_message_is_method_call(DBusMessage *message, const char *iface,
                                                    const char *method);

/**
 * Recognizes a signal.
 *
 * @param message The message.
 * @param iface The interface.
 * @param signal_name The signal.
 * @return #TRUE if the message is it.
 */
DBUS_EXPORT dbus_bool_t dbus_message_is_signal(DBusMessage *message, const char *iface,
                                               const char *signal_name);

/**
 * Recognizes an error.
 *
 * @param message The message.
 * @param error_name The error.
 * @return #TRUE if the message is it.
 */
DBUS_EXPORT dbus_bool_t dbus_message_is_error(DBusMessage *message, const char *error_name);

/** @} */

/**
 * @name Simple arguments
 * They are listed in the call, each with its type first, and #DBUS_TYPE_INVALID behind the last. A
 * value is always given by its address, so that `const char *` is given by that of a pointer, even
 * if it is a constant text:
 *
 * @code
 * const char *name = "answer";
 * dbus_int32_t value = 42;
 * const dbus_uint16_t numbers[] = {1, 2, 3}, *first = numbers;
 *
 * dbus_message_append_args(message, DBUS_TYPE_STRING, &name, DBUS_TYPE_INT32, &value,
 *                          DBUS_TYPE_ARRAY, DBUS_TYPE_UINT16, &first, 3, DBUS_TYPE_INVALID);
 * @endcode
 */
/** @{ */

/**
 * Appends arguments: of basic types, and arrays of these, but no array of descriptors.
 *
 * After a type of an array come the type of its elements, the address of a pointer to the first,
 * and their number as an `int`. Texts are copied, and descriptors duplicated.
 *
 * @param message The message, not locked.
 * @param first_arg_type The type of the first argument.
 * @param ... Its value, and the others.
 * @return #FALSE if there is no memory or no descriptor is left, or a value is wrong. Then some of
 *         the arguments may have been appended: the message is good for nothing more.
 */
DBUS_EXPORT dbus_bool_t dbus_message_append_args(DBusMessage *message, int first_arg_type, ...);

/**
 * Appends arguments, as dbus_message_append_args() does.
 *
 * @param message The message, not locked.
 * @param first_arg_type The type of the first argument.
 * @param var_args Its value, and the others.
 * @return #FALSE if there is no memory or no descriptor is left, or a value is wrong.
 */
DBUS_EXPORT dbus_bool_t dbus_message_append_args_valist(DBusMessage *message, int first_arg_type,
                                                        va_list var_args);

/**
 * Gets arguments: of the types that dbus_message_append_args() knows. There may be more of them
 * than are asked for.
 *
 * After a type comes the address of a variable for the value. A text belongs to the message; a
 * descriptor is a new one, closed on exec, that the caller has to close. After a type of an array
 * come the type of its elements, the address of a pointer, and that of an `int` for their number.
 * An array of texts is the caller's, to be freed with dbus_free_string_array(); others belong to
 * the message.
 *
 * @param message The message.
 * @param error Is set if this fails; not if a type was asked for that cannot be had this way.
 *        Possible are #DBUS_ERROR_INVALID_ARGS: the message has fewer arguments, or of other types;
 *        #DBUS_ERROR_INCONSISTENT_MESSAGE: it speaks of descriptors that it has not;
 *        #DBUS_ERROR_NO_MEMORY. `NULL`: nobody cares.
 * @param first_arg_type The type of the first argument.
 * @param ... Where its value goes, and the others.
 * @return #FALSE if it fails. Then nothing has to be freed or closed.
 */
DBUS_EXPORT dbus_bool_t dbus_message_get_args(DBusMessage *message, DBusError *error,
                                              int first_arg_type, ...);

/**
 * Gets arguments, as dbus_message_get_args() does.
 *
 * @param message The message.
 * @param error Is set if this fails, to the errors of dbus_message_get_args(). Or `NULL`.
 * @param first_arg_type The type of the first argument.
 * @param var_args Where its value goes, and the others.
 * @return #FALSE if it fails.
 */
DBUS_EXPORT dbus_bool_t dbus_message_get_args_valist(DBusMessage *message, DBusError *error,
                                                     int first_arg_type, va_list var_args);

/**
 * Says if a message has file descriptors.
 *
 * @param message The message.
 * @return #TRUE if it has.
 */
DBUS_EXPORT dbus_bool_t dbus_message_contains_unix_fds(DBusMessage *message);

/**
 * Turns an error that came as a message into a #DBusError. Its text is the first argument, if that
 * is a string.
 *
 * @param error Is set, if the message is an error. `NULL`: nobody cares.
 * @param message The message.
 * @return #TRUE if the message is an error.
 */
DBUS_EXPORT dbus_bool_t dbus_set_error_from_message(DBusError *error, DBusMessage *message);

/** @} */

/**
 * @name Reading arguments
 * An iterator stands at one argument after the other. If that is a container, another iterator goes
 * over what is in it. Until the message is changed, iterators stay valid.
 *
 * @code
 * for (dbus_message_iter_init(message, &iter);
 *      (type = dbus_message_iter_get_arg_type(&iter)) != DBUS_TYPE_INVALID;
 *      dbus_message_iter_next(&iter))
 *         use(&iter, type);
 * @endcode
 */
/** @{ */

/**
 * Sets an iterator to the first argument. If the message is in the other byte order, it is turned
 * into that of this machine.
 *
 * @param message The message.
 * @param iter The iterator.
 * @return #FALSE if there are no arguments: the iterator may be asked, and knows.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_init(DBusMessage *message, DBusMessageIter *iter);

/**
 * Says if there is another value behind the one that the iterator stands at.
 *
 * @param iter An iterator that reads.
 * @return #TRUE if there is, so that dbus_message_iter_next() will succeed.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_has_next(DBusMessageIter *iter);

/**
 * Goes to the next value, or behind the last.
 *
 * @param iter An iterator that reads.
 * @return #FALSE if it was the last.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_next(DBusMessageIter *iter);

/**
 * Gets the types from where the iterator stands: of one complete value. In an array without
 * elements it is the type that they would have.
 *
 * @param iter An iterator that reads.
 * @return A signature, to be freed with dbus_free(); it is empty behind the last value. `NULL` if
 *         there is no memory.
 */
DBUS_EXPORT char *dbus_message_iter_get_signature(DBusMessageIter *iter);

/**
 * Gets the type of the value.
 *
 * @param iter An iterator that reads.
 * @return One of `DBUS_TYPE_...`; #DBUS_TYPE_INVALID behind the last value.
 */
DBUS_EXPORT int dbus_message_iter_get_arg_type(DBusMessageIter *iter);

/**
 * Gets the type of the elements of an array.
 *
 * @param iter An iterator that reads, and stands at an array.
 * @return One of `DBUS_TYPE_...`.
 */
DBUS_EXPORT int dbus_message_iter_get_element_type(DBusMessageIter *iter);

/**
 * Sets another iterator to the first value in a container: in an array, struct, dict entry or
 * variant.
 *
 * @param iter An iterator that reads, and stands at a container.
 * @param sub The other iterator.
 */
DBUS_EXPORT void dbus_message_iter_recurse(DBusMessageIter *iter, DBusMessageIter *sub);

/**
 * Gets a value of a basic type.
 *
 * @param iter An iterator that reads, and stands at such a value.
 * @param value Gets the value: the address of a variable of its type, or of a #DBusBasicValue. A
 * text belongs to the message. A descriptor is a new one, closed on exec, that the caller has to
 *        close; it is -1 if the message has none such, or none can be made.
 */
DBUS_EXPORT void dbus_message_iter_get_basic(DBusMessageIter *iter, void *value);

/**
 * Counts the elements of an array. If they are not of a fixed size, this takes the longer the more
 * there are.
 *
 * @param iter An iterator that reads, and stands at an array.
 * @return How many they are.
 */
DBUS_EXPORT int dbus_message_iter_get_element_count(DBusMessageIter *iter);

#ifndef DBUS_DISABLE_DEPRECATED
/**
 * Gets the size of an array as it is sent, which is of no use.
 *
 * @param iter An iterator that reads, and stands in the array.
 * @return The size in bytes.
 * @deprecated dbus_message_iter_get_element_count() counts elements.
 */
DBUS_EXPORT DBUS_DEPRECATED int dbus_message_iter_get_array_len(DBusMessageIter *iter);
#endif

/**
 * Gets all elements of an array at once, from the current one on, if they are of a fixed size and
 * no descriptors: dbus_type_is_fixed().
 *
 * @param iter An iterator that reads, and stands *in* the array.
 * @param value Gets the first of them: the address of a pointer to their type. They belong to the
 *        message.
 * @param n_elements Gets how many they are.
 */
DBUS_EXPORT void dbus_message_iter_get_fixed_array(DBusMessageIter *iter, void *value,
                                                   int *n_elements);

/** @} */

/**
 * @name Appending arguments
 * One value is appended after the other. A container is opened, which initializes another iterator
 * for what goes into it, and closed when all of that is in; meanwhile the outer iterator is not
 * used.
 *
 * When one of these functions returns #FALSE, the message cannot be completed: containers that are
 * open are abandoned, from the inside out, and then the message is given up.
 */
/** @{ */

/**
 * Makes an iterator that is not open, like #DBUS_MESSAGE_ITER_INIT_CLOSED.
 *
 * @param iter The iterator.
 */
DBUS_EXPORT void dbus_message_iter_init_closed(DBusMessageIter *iter);

/**
 * Initializes an iterator that appends behind the arguments that the message has. If the message is
 * in the other byte order, it is turned into that of this machine.
 *
 * @param message The message, not locked.
 * @param iter The iterator.
 */
DBUS_EXPORT void dbus_message_iter_init_append(DBusMessage *message, DBusMessageIter *iter);

/**
 * Appends a value of a basic type. In an array, a variant, or what is in these, it has to be of the
 * type that is due there.
 *
 * @param iter An iterator that appends.
 * @param type The type.
 * @param value The address of the value, even if that is a text: `const char **`. Texts are copied,
 *        and descriptors duplicated.
 * @return #FALSE if there is no memory, or no descriptor is left, or the value is wrong.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_append_basic(DBusMessageIter *iter, int type,
                                                       const void *value);

/**
 * Appends many elements of a fixed size to an array: any but descriptors. See dbus_type_is_fixed().
 *
 * @param iter An iterator that appends to an array.
 * @param element_type The type of the elements.
 * @param value The address of a pointer to the first of them.
 * @param n_elements How many they are. All the elements of an array take 64 MiB at most.
 * @return #FALSE if there is no memory, or a value is wrong.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_append_fixed_array(DBusMessageIter *iter,
                                                             int element_type, const void *value,
                                                             int n_elements);

/**
 * Opens a container.
 *
 * @param iter An iterator that appends.
 * @param type #DBUS_TYPE_ARRAY, #DBUS_TYPE_STRUCT, #DBUS_TYPE_DICT_ENTRY or #DBUS_TYPE_VARIANT.
 * @param contained_signature Of an array: the type of its elements; of a variant: that of its
 * value. `NULL` for others: what is appended to them says what they are made of.
 * @param sub An iterator, which then appends to the container. If this fails, it is closed.
 * @return #FALSE if there is no memory, or an argument is wrong.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_open_container(DBusMessageIter *iter, int type,
                                                         const char *contained_signature,
                                                         DBusMessageIter *sub);

/**
 * Closes a container. Its iterator is closed in any case.
 *
 * @param iter The iterator that appends what the container is part of.
 * @param sub The container's.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_iter_close_container(DBusMessageIter *iter,
                                                          DBusMessageIter *sub);

/**
 * Abandons a container that is open. The message is good for nothing more.
 *
 * @param iter The iterator that appends what the container is part of.
 * @param sub The container's, which is closed then.
 */
DBUS_EXPORT void dbus_message_iter_abandon_container(DBusMessageIter *iter, DBusMessageIter *sub);

/**
 * Abandons a container if it is open, so that one way out of a function will do for all that may go
 * wrong in it.
 *
 * @param iter The iterator that appends what the container is part of, closed if the other is.
 * @param sub The container's: open, or closed, or it began as #DBUS_MESSAGE_ITER_INIT_CLOSED.
 */
DBUS_EXPORT void dbus_message_iter_abandon_container_if_open(DBusMessageIter *iter,
                                                             DBusMessageIter *sub);

/** @} */

/**
 * @name Data of applications
 * A slot is a number that stands for a kind of data. Each message has a place for each.
 */
/** @{ */

/**
 * Allocates a slot. Any number of threads may do so at a time, even with the same variable.
 *
 * @param slot_p A variable that is -1 at first, and gets the slot. If it has one already, that is
 *        used once more.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_allocate_data_slot(dbus_int32_t *slot_p);

/**
 * Gives up a slot as often as it was allocated. Data that is still there is freed with its message.
 *
 * @param slot_p The variable; -1 is stored when the slot is not used any more.
 */
DBUS_EXPORT void dbus_message_free_data_slot(dbus_int32_t *slot_p);

/**
 * Keeps data with a message. What was in the slot before is freed.
 *
 * @param message The message; it may be locked.
 * @param slot The slot.
 * @param data The data.
 * @param free_data_func Frees the data when it is replaced, or the message goes. Or `NULL`.
 * @return #FALSE if there is no memory: the data remains the caller's.
 */
DBUS_EXPORT dbus_bool_t dbus_message_set_data(DBusMessage *message, dbus_int32_t slot, void *data,
                                              DBusFreeFunction free_data_func);

/**
 * Gets data that is kept with a message.
 *
 * @param message The message.
 * @param slot The slot.
 * @return The data; `NULL` if there is none.
 */
DBUS_EXPORT void *dbus_message_get_data(DBusMessage *message, dbus_int32_t slot);

/** @} */

/**
 * @name Messages in other protocols
 */
/** @{ */

/**
 * Finds a type of messages by its name: `method_call`, `method_return`, `error`, `signal`.
 *
 * @param type_str The name.
 * @return The type; #DBUS_MESSAGE_TYPE_INVALID if there is none.
 */
DBUS_EXPORT int dbus_message_type_from_string(const char *type_str);

/**
 * Gets the name of a type of messages.
 *
 * @param type The type.
 * @return The name, which is constant; `invalid` if there is none.
 */
DBUS_EXPORT const char *dbus_message_type_to_string(int type);

/**
 * Gets a message in the form in which it is sent, without its descriptors.
 *
 * @param msg The message. Without a serial it can not be read again.
 * @param marshalled_data_p Gets the bytes, to be freed with dbus_free().
 * @param len_p Gets how many they are.
 * @return #FALSE if there is no memory.
 */
DBUS_EXPORT dbus_bool_t dbus_message_marshal(DBusMessage *msg, char **marshalled_data_p,
                                             int *len_p);

/**
 * Makes a message of bytes in the form in which it is sent. It must have no descriptors.
 *
 * @param str The bytes, which are copied. What follows the message is ignored if it could be the
 *        beginning of another.
 * @param len How many they are.
 * @param error Is set if this fails: #DBUS_ERROR_INVALID_ARGS if it is no message, and
 *        #DBUS_ERROR_NO_MEMORY also if there is not all of it. `NULL`: nobody cares.
 * @return The message, with a reference. `NULL` if it fails.
 */
DBUS_EXPORT DBusMessage *dbus_message_demarshal(const char *str, int len, DBusError *error);

/**
 * Says how many bytes a message has, by its beginning.
 *
 * @param str The beginning.
 * @param len How many bytes there are of it.
 * @return How many bytes the message has. 0: there are not enough to know. -1: this is no message.
 */
DBUS_EXPORT int dbus_message_demarshal_bytes_needed(const char *str, int len);

/** @} */

/** @} */

DBUS_END_DECLS

#endif
