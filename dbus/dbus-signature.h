/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_SIGNATURES_H
#define DBUS_SIGNATURES_H

#include <dbus/dbus-errors.h>
#include <dbus/dbus-macros.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusSignature Signatures
 * @ingroup DBus
 * @brief The types of values, one by one.
 *
 * A signature is the types of any number of values. These functions may be called by any number of
 * threads at a time, and do not block.
 *
 * @{
 */

/**
 * A place in a signature: dbus_signature_iter_init() makes one.
 *
 * It is meant to be a variable of the caller's, need not be freed, and may be copied by assignment.
 * The signature has to stay while it is used.
 */
typedef struct {
        void *dummy1;         /**< Not for you */
        void *dummy2;         /**< Not for you */
        dbus_uint32_t dummy8; /**< Not for you */
        int dummy12;          /**< Not for you */
        int dummy17;          /**< Not for you */
} DBusSignatureIter;

/**
 * Sets an iterator to the first type.
 *
 * @param iter The iterator.
 * @param signature A valid signature, see dbus_signature_validate(). It is not copied.
 */
DBUS_EXPORT void dbus_signature_iter_init(DBusSignatureIter *iter, const char *signature);

/**
 * Gets the type.
 *
 * @param iter The iterator.
 * @return One of `DBUS_TYPE_...`: #DBUS_TYPE_STRUCT, not its bracket. Behind the last type in a
 *         container, the bracket that closes it; behind all, #DBUS_TYPE_INVALID.
 */
DBUS_EXPORT int dbus_signature_iter_get_current_type(const DBusSignatureIter *iter);

/**
 * Gets the signature of the type: of one complete type.
 *
 * @param iter The iterator.
 * @return The signature, to be freed with dbus_free(). `NULL` if there is no memory.
 */
DBUS_EXPORT char *dbus_signature_iter_get_signature(const DBusSignatureIter *iter);

/**
 * Gets the type of the elements of an array.
 *
 * @param iter The iterator, which stands at an array.
 * @return One of `DBUS_TYPE_...`.
 */
DBUS_EXPORT int dbus_signature_iter_get_element_type(const DBusSignatureIter *iter);

/**
 * Goes to the next type in the same container.
 *
 * @param iter The iterator, which stands at a type.
 * @return #FALSE if that was the last.
 */
DBUS_EXPORT dbus_bool_t dbus_signature_iter_next(DBusSignatureIter *iter);

/**
 * Sets another iterator to the first type in a container. The content of a variant has none.
 *
 * @param iter The iterator, which stands at an array, a struct or a dict entry.
 * @param subiter The other iterator.
 */
DBUS_EXPORT void dbus_signature_iter_recurse(const DBusSignatureIter *iter,
                                             DBusSignatureIter *subiter);

/**
 * Checks a signature: that it is any number of complete types, not too long, nor too deep.
 *
 * @param signature The signature.
 * @param error Is set to #DBUS_ERROR_INVALID_SIGNATURE if it is not valid. `NULL`: nobody cares.
 * @return #TRUE if it is valid.
 */
DBUS_EXPORT dbus_bool_t dbus_signature_validate(const char *signature, DBusError *error);

/**
 * Checks that a signature is valid, and exactly one complete type.
 *
 * @param signature The signature.
 * @param error Is set to #DBUS_ERROR_INVALID_SIGNATURE if it is not. `NULL`: nobody cares.
 * @return #TRUE if it is.
 */
DBUS_EXPORT dbus_bool_t dbus_signature_validate_single(const char *signature, DBusError *error);

/**
 * Says if a number is a type.
 *
 * @param typecode Any number.
 * @return #TRUE if it is one of `DBUS_TYPE_...`, except #DBUS_TYPE_INVALID.
 */
DBUS_EXPORT dbus_bool_t dbus_type_is_valid(int typecode);

/**
 * Says if a type is basic: all of them are but arrays, structs, dict entries and variants.
 *
 * @param typecode A type, or #DBUS_TYPE_INVALID, which is not.
 * @return #TRUE if it is.
 */
DBUS_EXPORT dbus_bool_t dbus_type_is_basic(int typecode);

/**
 * Says if values of a type have others in them.
 *
 * @param typecode A type, or #DBUS_TYPE_INVALID, which has none.
 * @return #TRUE for #DBUS_TYPE_ARRAY, #DBUS_TYPE_STRUCT, #DBUS_TYPE_DICT_ENTRY and
 *         #DBUS_TYPE_VARIANT.
 */
DBUS_EXPORT dbus_bool_t dbus_type_is_container(int typecode);

/**
 * Says if all values of a basic type have the same size. Arrays of these are blocks of memory, for
 * dbus_message_iter_get_fixed_array(); unless they are descriptors, which are of this kind, too.
 *
 * @param typecode A type, or #DBUS_TYPE_INVALID, which is not.
 * @return #TRUE for numbers, booleans and descriptors.
 */
DBUS_EXPORT dbus_bool_t dbus_type_is_fixed(int typecode);

/** @} */

DBUS_END_DECLS

#endif
