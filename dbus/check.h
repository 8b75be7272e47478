/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the library says to a program that uses it wrongly. The texts are those that users of
 * libdbus know, and DBUS_FATAL_WARNINGS decides, as they expect, whether the program goes on.
 */

#include <stdbool.h>

/*
 * True if the condition holds, which is said of an argument of the public function that this
 * stands in; otherwise warns about that function and is false. The condition is part of the text.
 */
#define CHECK(condition) CHECK_AS(condition, #condition) /* as it was written: with NULL in it */

/* The same where one function checks for several public ones, and is told which. */
#define CHECK_FOR(function, condition)                                                             \
        (__builtin_expect(!!(condition), 1) ||                                                     \
         check_failed((function), #condition, __FILE__, __LINE__))

/* The same with a text of its own, where users of libdbus know another than the condition here. */
#define CHECK_AS(condition, text)                                                                  \
        (__builtin_expect(!!(condition), 1) || check_failed(__func__, (text), __FILE__, __LINE__))

/* That a DBusError to be set is not set already, or NULL: in the words that users of libdbus know.
 */
#define CHECK_NO_ERROR(function, error)                                                            \
        (__builtin_expect(!(error) || !dbus_error_is_set(error), 1) ||                             \
         check_failed((function), "(error) == NULL || !dbus_error_is_set ((error))", __FILE__,     \
                      __LINE__))

/* Warns of a wrong argument; aborts unless DBUS_FATAL_WARNINGS is 0. Returns false if it does. */
bool check_failed(const char *function, const char *condition, const char *file, int line);

/* Warns of a wrong use that is no single argument's; aborts as check_failed() does. */
void warn_misuse(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Warns of something odd; aborts only if DBUS_FATAL_WARNINGS is 1. */
void warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
