/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_MACROS_H
#define DBUS_MACROS_H

/**
 * @defgroup DBusMacros Macros
 * @ingroup DBus
 * @brief Truth values, and attributes of declarations.
 *
 * Programs may use #TRUE, #FALSE and `NULL`. The others are there for the headers themselves.
 *
 * @{
 */

/** @cond */
/* What stands between these has the linkage of C. */
#ifdef __cplusplus
#define DBUS_BEGIN_DECLS extern "C" {
#define DBUS_END_DECLS   }
#else
#define DBUS_BEGIN_DECLS
#define DBUS_END_DECLS
#endif
/** @endcond */

#ifndef TRUE
/** The #dbus_bool_t that is true. */
#define TRUE 1
#endif

#ifndef FALSE
/** The #dbus_bool_t that is false. */
#define FALSE 0
#endif

/** @cond */
#ifndef NULL
#ifdef __cplusplus
#define NULL (0L)
#else
#define NULL ((void *)0)
#endif
#endif

#ifdef __GNUC__
#define DBUS_DEPRECATED          __attribute__((__deprecated__))
#define DBUS_MALLOC              __attribute__((__malloc__))
#define DBUS_ALLOC_SIZE(x)       __attribute__((__alloc_size__(x)))
#define DBUS_ALLOC_SIZE2(x, y)   __attribute__((__alloc_size__(x, y)))
#define _DBUS_GNUC_EXTENSION     __extension__
#define _DBUS_GNUC_NORETURN      __attribute__((__noreturn__))
#define _DBUS_GNUC_UNUSED        __attribute__((__unused__))
#define _DBUS_WARN_UNUSED_RESULT __attribute__((__warn_unused_result__))
#define _DBUS_GNUC_PRINTF(format_idx, arg_idx)                                                     \
        __attribute__((__format__(__printf__, format_idx, arg_idx)))
#else
#define DBUS_DEPRECATED
#define DBUS_MALLOC
#define DBUS_ALLOC_SIZE(x)
#define DBUS_ALLOC_SIZE2(x, y)
#define _DBUS_GNUC_EXTENSION
#define _DBUS_GNUC_NORETURN
#define _DBUS_GNUC_UNUSED
#define _DBUS_WARN_UNUSED_RESULT
#define _DBUS_GNUC_PRINTF(format_idx, arg_idx)
#endif

/* A build may have its own idea of what these are. */
#ifndef DBUS_EXPORT
#ifdef __GNUC__
#define DBUS_EXPORT __attribute__((__visibility__("default")))
#else
#define DBUS_EXPORT
#endif
#endif

#ifndef DBUS_PRIVATE_EXPORT
#define DBUS_PRIVATE_EXPORT DBUS_EXPORT
#endif

/* What the dbus_clear_...() functions do with the pointer they are given. The variable is cleared
 * before the object goes, whose last moments may look at it. */
#define _dbus_clear_pointer_impl(T, pointer_to_pointer, destroy)                                   \
        do {                                                                                       \
                T **_place = (pointer_to_pointer);                                                 \
                T *_object = *_place;                                                              \
                *_place = NULL;                                                                    \
                if (_object != NULL)                                                               \
                        destroy(_object);                                                          \
        } while (0)
/** @endcond */

/** @} */

#endif
