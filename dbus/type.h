/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * Type codes as the API has them: DBUS_TYPE_STRUCT and DBUS_TYPE_DICT_ENTRY stand for what begins
 * with a bracket in a signature.
 */

#include <stdbool.h>

#include "core/signature.h"

/* The API's code for the type that starts with this character of a signature; DBUS_TYPE_INVALID
 * for what ends a container or the signature. */
static inline int type_of(char c)
{
        switch (c) {
        case '(':
                return 'r';
        case '{':
                return 'e';
        case ')':
        case '}':
                return '\0';
        default:
                return (unsigned char)c;
        }
}

/* True for the codes of basic types; any number may be asked for. */
static inline bool type_basic(int type)
{
        return (unsigned)type < 256 && signature_is_basic((char)type);
}

/* True for the codes of types of fixed size, those whose arrays are blocks of memory. */
static inline bool type_fixed(int type)
{
        return (unsigned)type < 256 && signature_fixed_size((char)type);
}

/* What warnings and errors call a type, or a bracket of a signature: "int32". Never NULL. */
const char *type_name(int type);
