/* SPDX-License-Identifier: MIT */
#include "type.h"

#include <dbus/dbus.h>

#include "check.h"

static const char *const names[256] = {
        [DBUS_TYPE_INVALID] = "invalid",
        [DBUS_TYPE_BYTE] = "byte",
        [DBUS_TYPE_BOOLEAN] = "boolean",
        [DBUS_TYPE_INT16] = "int16",
        [DBUS_TYPE_UINT16] = "uint16",
        [DBUS_TYPE_INT32] = "int32",
        [DBUS_TYPE_UINT32] = "uint32",
        [DBUS_TYPE_INT64] = "int64",
        [DBUS_TYPE_UINT64] = "uint64",
        [DBUS_TYPE_DOUBLE] = "double",
        [DBUS_TYPE_STRING] = "string",
        [DBUS_TYPE_OBJECT_PATH] = "object_path",
        [DBUS_TYPE_SIGNATURE] = "signature",
        [DBUS_TYPE_UNIX_FD] = "unix_fd",
        [DBUS_TYPE_ARRAY] = "array",
        [DBUS_TYPE_VARIANT] = "variant",
        [DBUS_TYPE_STRUCT] = "struct",
        [DBUS_TYPE_DICT_ENTRY] = "dict_entry",
        [DBUS_STRUCT_BEGIN_CHAR] = "begin_struct",
        [DBUS_STRUCT_END_CHAR] = "end_struct",
        [DBUS_DICT_ENTRY_BEGIN_CHAR] = "begin_dict_entry",
        [DBUS_DICT_ENTRY_END_CHAR] = "end_dict_entry",
};

const char *type_name(int type)
{
        const char *name = (unsigned)type < 256 ? names[type] : NULL;

        return name ? name : "unknown";
}

static bool is_container(int type)
{
        return type == DBUS_TYPE_ARRAY || type == DBUS_TYPE_VARIANT || type == DBUS_TYPE_STRUCT ||
               type == DBUS_TYPE_DICT_ENTRY;
}

dbus_bool_t dbus_type_is_valid(int typecode)
{
        return type_basic(typecode) || is_container(typecode);
}

#define CHECK_TYPE(typecode)                                                                       \
        CHECK_AS(dbus_type_is_valid(typecode) || (typecode) == DBUS_TYPE_INVALID,                  \
                 "dbus_type_is_valid (typecode) || typecode == DBUS_TYPE_INVALID")

dbus_bool_t dbus_type_is_basic(int typecode)
{
        return CHECK_TYPE(typecode) && type_basic(typecode);
}

dbus_bool_t dbus_type_is_container(int typecode)
{
        return CHECK_TYPE(typecode) && is_container(typecode);
}

dbus_bool_t dbus_type_is_fixed(int typecode)
{
        return CHECK_TYPE(typecode) && type_fixed(typecode);
}
