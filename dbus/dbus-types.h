/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_TYPES_H
#define DBUS_TYPES_H

#include <stddef.h>

#include <dbus/dbus-arch-deps.h>

/**
 * @defgroup DBusTypes Basic types
 * @ingroup DBus
 * @brief Integers, truth values, and any of them.
 *
 * @{
 */

/** #TRUE or #FALSE. As long as the BOOLEAN of a message. */
typedef dbus_uint32_t dbus_bool_t;

/** A Unicode code point. */
typedef dbus_uint32_t dbus_unichar_t;

/** The eight bytes of a wide integer, for programs without such a type. Use #dbus_int64_t. */
typedef struct {
        dbus_uint32_t first32;  /**< The first four bytes in memory. */
        dbus_uint32_t second32; /**< The last four bytes in memory. */
} DBus8ByteStruct;

/**
 * Has room for a value of any basic type, as dbus_message_iter_get_basic() stores them and
 * dbus_message_iter_append_basic() takes them.
 */
typedef union {
        unsigned char bytes[8]; /**< Any value, as bytes. */
        dbus_int16_t i16;       /**< INT16. */
        dbus_uint16_t u16;      /**< UINT16. */
        dbus_int32_t i32;       /**< INT32. */
        dbus_uint32_t u32;      /**< UINT32. */
        dbus_bool_t bool_val;   /**< BOOLEAN. */
        dbus_int64_t i64;       /**< INT64. */
        dbus_uint64_t u64;      /**< UINT64. */
        DBus8ByteStruct eight;  /**< INT64, UINT64 or DOUBLE, in two halves. */
        double dbl;             /**< DOUBLE. */
        unsigned char byt;      /**< BYTE. */
        char *str;              /**< STRING, OBJECT_PATH or SIGNATURE. */
        int fd;                 /**< UNIX_FD: a file descriptor. */
} DBusBasicValue;

/** @} */

#endif
