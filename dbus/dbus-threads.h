/* SPDX-License-Identifier: MIT */
#if !defined(DBUS_INSIDE_DBUS_H) && !defined(DBUS_COMPILATION)
#error "Only <dbus/dbus.h> can be included directly, this file may disappear or change contents."
#endif

#ifndef DBUS_THREADS_H
#define DBUS_THREADS_H

#include <dbus/dbus-macros.h>
#include <dbus/dbus-types.h>

DBUS_BEGIN_DECLS

/**
 * @defgroup DBusThreads Threads
 * @ingroup DBus
 * @brief What threads may do, and initialization that is not needed.
 *
 * Connections, servers, pending calls and what the library keeps for itself have locks: any thread
 * may use them at any time. Messages and their iterators, errors, watches and timeouts have none,
 * but reference counts of messages may be changed by any thread. A message that two threads only
 * read needs no lock.
 *
 * The library calls functions of the application with no lock held.
 *
 * After fork(), the child uses nothing that the parent had, nor unreferences it: a connection knows
 * but one process. The child may call exec(), or make connections of its own.
 *
 * The library needs no initialization for threads. The types here are what programs of old times
 * passed to dbus_threads_init(), and are of no use today.
 *
 * @{
 */

/**
 * Makes the library ready for threads, which it is. May be called by any thread, any number of
 * times.
 *
 * @return #TRUE
 */
DBUS_EXPORT dbus_bool_t dbus_threads_init_default(void);

/** A mutex of the application. */
typedef struct DBusMutex DBusMutex;
/** A condition variable of the application. */
typedef struct DBusCondVar DBusCondVar;

/** Makes a mutex. @deprecated Not used. */
typedef DBusMutex *(*DBusMutexNewFunction)(void);
/** Frees a mutex. @deprecated Not used. */
typedef void (*DBusMutexFreeFunction)(DBusMutex *mutex);
/** Locks a mutex. @deprecated Not used. */
typedef dbus_bool_t (*DBusMutexLockFunction)(DBusMutex *mutex);
/** Unlocks a mutex. @deprecated Not used. */
typedef dbus_bool_t (*DBusMutexUnlockFunction)(DBusMutex *mutex);

/** Makes a recursive mutex; not used. */
typedef DBusMutex *(*DBusRecursiveMutexNewFunction)(void);
/** Frees a recursive mutex; not used. */
typedef void (*DBusRecursiveMutexFreeFunction)(DBusMutex *mutex);
/** Locks a recursive mutex; not used. */
typedef void (*DBusRecursiveMutexLockFunction)(DBusMutex *mutex);
/** Unlocks a recursive mutex; not used. */
typedef void (*DBusRecursiveMutexUnlockFunction)(DBusMutex *mutex);

/** Makes a condition variable; not used. */
typedef DBusCondVar *(*DBusCondVarNewFunction)(void);
/** Frees a condition variable; not used. */
typedef void (*DBusCondVarFreeFunction)(DBusCondVar *cond);
/** Waits for a condition; not used. */
typedef void (*DBusCondVarWaitFunction)(DBusCondVar *cond, DBusMutex *mutex);
/** Waits for a condition for some milliseconds, #FALSE if they are over; not used. */
typedef dbus_bool_t (*DBusCondVarWaitTimeoutFunction)(DBusCondVar *cond, DBusMutex *mutex,
                                                      int timeout_milliseconds);
/** Wakes one thread that waits; not used. */
typedef void (*DBusCondVarWakeOneFunction)(DBusCondVar *cond);
/** Wakes all threads that wait; not used. */
typedef void (*DBusCondVarWakeAllFunction)(DBusCondVar *cond);

/** Bits of DBusThreadFunctions.mask: which of its functions are there. */
typedef enum {
        DBUS_THREAD_FUNCTIONS_MUTEX_NEW_MASK = 1 << 0,               /**< mutex_new */
        DBUS_THREAD_FUNCTIONS_MUTEX_FREE_MASK = 1 << 1,              /**< mutex_free */
        DBUS_THREAD_FUNCTIONS_MUTEX_LOCK_MASK = 1 << 2,              /**< mutex_lock */
        DBUS_THREAD_FUNCTIONS_MUTEX_UNLOCK_MASK = 1 << 3,            /**< mutex_unlock */
        DBUS_THREAD_FUNCTIONS_CONDVAR_NEW_MASK = 1 << 4,             /**< condvar_new */
        DBUS_THREAD_FUNCTIONS_CONDVAR_FREE_MASK = 1 << 5,            /**< condvar_free */
        DBUS_THREAD_FUNCTIONS_CONDVAR_WAIT_MASK = 1 << 6,            /**< condvar_wait */
        DBUS_THREAD_FUNCTIONS_CONDVAR_WAIT_TIMEOUT_MASK = 1 << 7,    /**< condvar_wait_timeout */
        DBUS_THREAD_FUNCTIONS_CONDVAR_WAKE_ONE_MASK = 1 << 8,        /**< condvar_wake_one */
        DBUS_THREAD_FUNCTIONS_CONDVAR_WAKE_ALL_MASK = 1 << 9,        /**< condvar_wake_all */
        DBUS_THREAD_FUNCTIONS_RECURSIVE_MUTEX_NEW_MASK = 1 << 10,    /**< recursive_mutex_new */
        DBUS_THREAD_FUNCTIONS_RECURSIVE_MUTEX_FREE_MASK = 1 << 11,   /**< recursive_mutex_free */
        DBUS_THREAD_FUNCTIONS_RECURSIVE_MUTEX_LOCK_MASK = 1 << 12,   /**< recursive_mutex_lock */
        DBUS_THREAD_FUNCTIONS_RECURSIVE_MUTEX_UNLOCK_MASK = 1 << 13, /**< recursive_mutex_unlock */
        DBUS_THREAD_FUNCTIONS_ALL_MASK = (1 << 14) - 1               /**< all of them */
} DBusThreadFunctionsMask;

/** What dbus_threads_init() takes, and does not use. */
typedef struct {
        unsigned int mask; /**< Of #DBusThreadFunctionsMask. */

        DBusMutexNewFunction mutex_new;       /**< Not used. */
        DBusMutexFreeFunction mutex_free;     /**< Not used. */
        DBusMutexLockFunction mutex_lock;     /**< Not used. */
        DBusMutexUnlockFunction mutex_unlock; /**< Not used. */

        DBusCondVarNewFunction condvar_new;                  /**< Not used. */
        DBusCondVarFreeFunction condvar_free;                /**< Not used. */
        DBusCondVarWaitFunction condvar_wait;                /**< Not used. */
        DBusCondVarWaitTimeoutFunction condvar_wait_timeout; /**< Not used. */
        DBusCondVarWakeOneFunction condvar_wake_one;         /**< Not used. */
        DBusCondVarWakeAllFunction condvar_wake_all;         /**< Not used. */

        DBusRecursiveMutexNewFunction recursive_mutex_new;       /**< Not used. */
        DBusRecursiveMutexFreeFunction recursive_mutex_free;     /**< Not used. */
        DBusRecursiveMutexLockFunction recursive_mutex_lock;     /**< Not used. */
        DBusRecursiveMutexUnlockFunction recursive_mutex_unlock; /**< Not used. */

        void (*padding1)(void); /**< Not used. */
        void (*padding2)(void); /**< Not used. */
        void (*padding3)(void); /**< Not used. */
        void (*padding4)(void); /**< Not used. */
} DBusThreadFunctions;

/**
 * Does what dbus_threads_init_default() does.
 *
 * @param functions Not looked at; may be `NULL`.
 * @return #TRUE
 */
DBUS_EXPORT dbus_bool_t dbus_threads_init(const DBusThreadFunctions *functions);

/** @} */

DBUS_END_DECLS

#endif
