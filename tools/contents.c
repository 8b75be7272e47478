/* SPDX-License-Identifier: MIT */
#include "contents.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ITEM_SEPARATORS ","

static int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static int complain(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        fprintf(stderr, "%s: ", program_invocation_name);
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        va_end(arguments);
        return -1;
}

static int out_of_memory(void)
{
        return complain("Ran out of memory");
}

static int badly_formed(const char *text)
{
        return complain("Data item \"%s\" is badly formed", text);
}

/* Cuts a text after its first colon. Returns what follows. */
static char *cut(char *text)
{
        char *colon = strchr(text, ':');

        if (!colon) {
                badly_formed(text);
                return NULL;
        }
        *colon = '\0';
        return colon + 1;
}

static int unknown_type(const char *name)
{
        complain("Unknown type \"%s\"", name);
        return DBUS_TYPE_INVALID;
}

/* No name at all is a string's, but for the values of a dictionary. */
static int basic_type(const char *name)
{
        static const struct {
                const char *name;
                int type;
        } types[] = {
                {"", DBUS_TYPE_STRING},         {"string", DBUS_TYPE_STRING},
                {"int16", DBUS_TYPE_INT16},     {"uint16", DBUS_TYPE_UINT16},
                {"int32", DBUS_TYPE_INT32},     {"uint32", DBUS_TYPE_UINT32},
                {"int64", DBUS_TYPE_INT64},     {"uint64", DBUS_TYPE_UINT64},
                {"double", DBUS_TYPE_DOUBLE},   {"byte", DBUS_TYPE_BYTE},
                {"boolean", DBUS_TYPE_BOOLEAN}, {"objpath", DBUS_TYPE_OBJECT_PATH},
        };

        for (size_t i = 0; i < sizeof(types) / sizeof(*types); ++i)
                if (strcmp(types[i].name, name) == 0)
                        return types[i].type;
        return unknown_type(name);
}

/* Numbers are whatever strtol() and its kin make of the text, cut to the size of their type. */
static int parse(DBusBasicValue *value, int type, const char *text)
{
        switch (type) {
        case DBUS_TYPE_BYTE:
                value->byt = (unsigned char)strtoul(text, NULL, 0);
                return 0;
        case DBUS_TYPE_INT16:
                value->i16 = (dbus_int16_t)strtol(text, NULL, 0);
                return 0;
        case DBUS_TYPE_UINT16:
                value->u16 = (dbus_uint16_t)strtoul(text, NULL, 0);
                return 0;
        case DBUS_TYPE_INT32:
                value->i32 = (dbus_int32_t)strtol(text, NULL, 0);
                return 0;
        case DBUS_TYPE_UINT32:
                value->u32 = (dbus_uint32_t)strtoul(text, NULL, 0);
                return 0;
        case DBUS_TYPE_INT64:
                value->i64 = strtoll(text, NULL, 0);
                return 0;
        case DBUS_TYPE_UINT64:
                value->u64 = strtoull(text, NULL, 0);
                return 0;
        case DBUS_TYPE_DOUBLE:
                value->dbl = strtod(text, NULL);
                return 0;
        case DBUS_TYPE_BOOLEAN:
                value->bool_val = strcmp(text, "true") == 0;
                if (!value->bool_val && strcmp(text, "false") != 0)
                        return complain("Expected \"true\" or \"false\" instead of \"%s\"", text);
                return 0;
        default:
                /* The library ends programs that append a text which is not valid. */
                if (type == DBUS_TYPE_OBJECT_PATH ? !dbus_validate_path(text, NULL)
                                                  : !dbus_validate_utf8(text, NULL))
                        return badly_formed(text);
                value->str = (char *)(uintptr_t)text;
                return 0;
        }
}

static int append_basic(DBusMessageIter *iter, int type, const char *text)
{
        DBusBasicValue value;

        if (parse(&value, type, text) < 0)
                return -1;
        return dbus_message_iter_append_basic(iter, type, &value) ? 0 : out_of_memory();
}

/* Appends a container of this kind that append() fills from the text. */
static int append_container(DBusMessageIter *iter, int kind, const char *signature,
                            int (*append)(DBusMessageIter *, const char *, char *), char *text)
{
        DBusMessageIter inner;

        if (!dbus_message_iter_open_container(iter, kind, signature, &inner))
                return out_of_memory();
        if (append(&inner, signature, text) < 0) {
                dbus_message_iter_abandon_container(iter, &inner);
                return -1;
        }
        return dbus_message_iter_close_container(iter, &inner) ? 0 : out_of_memory();
}

static int append_value(DBusMessageIter *iter, const char *signature, char *text)
{
        return append_basic(iter, signature[0], text);
}

static int append_elements(DBusMessageIter *iter, const char *signature, char *text)
{
        char *rest, *element = strtok_r(text, ITEM_SEPARATORS, &rest);

        for (; element; element = strtok_r(NULL, ITEM_SEPARATORS, &rest))
                if (append_basic(iter, signature[0], element) < 0)
                        return -1;
        return 0;
}

static int append_entry(DBusMessageIter *iter, const char *types, const char *key,
                        const char *value)
{
        DBusMessageIter entry;

        if (!dbus_message_iter_open_container(iter, DBUS_TYPE_DICT_ENTRY, NULL, &entry))
                return out_of_memory();
        if (append_basic(&entry, types[0], key) < 0 || append_basic(&entry, types[1], value) < 0) {
                dbus_message_iter_abandon_container(iter, &entry);
                return -1;
        }
        return dbus_message_iter_close_container(iter, &entry) ? 0 : out_of_memory();
}

static int append_entries(DBusMessageIter *iter, const char *signature, char *text)
{
        char *rest, *key = strtok_r(text, ITEM_SEPARATORS, &rest);

        while (key) {
                char *value = strtok_r(NULL, ITEM_SEPARATORS, &rest);

                if (!value)
                        return complain("Malformed dictionary");
                /* Behind the brace are the two types. */
                if (append_entry(iter, signature + 1, key, value) < 0)
                        return -1;
                key = strtok_r(NULL, ITEM_SEPARATORS, &rest);
        }
        return 0;
}

/* TYPE:VALUES of a container whose elements have one type. */
static int append_simple(DBusMessageIter *iter, int kind,
                         int (*append)(DBusMessageIter *, const char *, char *), char *text)
{
        char signature[] = "?", *values = cut(text);

        if (!values)
                return -1;
        signature[0] = (char)basic_type(text);
        if (!signature[0])
                return -1;
        return append_container(iter, kind, signature, append, values);
}

static int append_variant(DBusMessageIter *iter, char *text)
{
        return append_simple(iter, DBUS_TYPE_VARIANT, append_value, text);
}

static int append_array(DBusMessageIter *iter, char *text)
{
        return append_simple(iter, DBUS_TYPE_ARRAY, append_elements, text);
}

static int append_dict(DBusMessageIter *iter, char *text)
{
        char signature[] = "{??}", *value_type = cut(text), *values;

        if (!value_type)
                return -1;
        signature[1] = (char)basic_type(text);
        if (!signature[1])
                return -1;
        values = cut(value_type);
        if (!values)
                return -1;
        signature[2] = (char)(*value_type ? basic_type(value_type) : unknown_type(value_type));
        if (!signature[2])
                return -1;
        return append_container(iter, DBUS_TYPE_ARRAY, signature, append_entries, values);
}

static int append_item(DBusMessageIter *iter, char *text)
{
        static const struct {
                const char *name;
                int (*append)(DBusMessageIter *, char *);
        } containers[] = {
                {"variant", append_variant},
                {"array", append_array},
                {"dict", append_dict},
        };
        char *rest = cut(text);
        int type;

        if (!rest)
                return -1;
        for (size_t i = 0; i < sizeof(containers) / sizeof(*containers); ++i)
                if (strcmp(containers[i].name, text) == 0)
                        return containers[i].append(iter, rest);
        type = basic_type(text);
        return type ? append_basic(iter, type, rest) : -1;
}

int contents_append(DBusMessageIter *iter, const char *item)
{
        char *text = strdup(item);
        int r = text ? append_item(iter, text) : out_of_memory();

        free(text);
        return r;
}
