/* SPDX-License-Identifier: MIT */
#include "lib-payload.h"
#include "lib-names.h"

#include <string.h>

#define SMALL_TEXT  "a string of thirty-two characters"
#define SMALL_VALUE 4711u
#define N_BYTES     65536
#define N_BLOCK     64
#define N_STRINGS   1000
#define STRING      "org.bench.name.of.something"

static dbus_bool_t append_nothing(DBusMessage *m)
{
        (void)m;
        return TRUE;
}

static dbus_bool_t read_nothing(DBusMessage *m)
{
        return !*dbus_message_get_signature(m);
}

static dbus_bool_t append_small(DBusMessage *m)
{
        const char *text = SMALL_TEXT;
        dbus_uint32_t value = SMALL_VALUE;

        return dbus_message_append_args(m, DBUS_TYPE_STRING, &text, DBUS_TYPE_UINT32, &value,
                                        DBUS_TYPE_INVALID);
}

static dbus_bool_t read_small(DBusMessage *m)
{
        const char *text;
        dbus_uint32_t value;

        return dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &text, DBUS_TYPE_UINT32, &value,
                                     DBUS_TYPE_INVALID) &&
               *text == *SMALL_TEXT && value == SMALL_VALUE;
}

static dbus_bool_t append_names(DBusMessage *m)
{
        const char *interface = SERVICE_INTERFACE;
        const char *property = "Version";

        return dbus_message_append_args(m, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING,
                                        &property, DBUS_TYPE_INVALID);
}

static dbus_bool_t read_names(DBusMessage *m)
{
        const char *interface;
        const char *property;

        return dbus_message_get_args(m, NULL, DBUS_TYPE_STRING, &interface, DBUS_TYPE_STRING,
                                     &property, DBUS_TYPE_INVALID) &&
               strcmp(interface, SERVICE_INTERFACE) == 0 && *property == 'V';
}

static dbus_bool_t append_variant_to(DBusMessageIter *to, int type, const char *signature,
                                     const void *value)
{
        DBusMessageIter variant;

        return dbus_message_iter_open_container(to, DBUS_TYPE_VARIANT, signature, &variant) &&
               dbus_message_iter_append_basic(&variant, type, value) &&
               dbus_message_iter_close_container(to, &variant);
}

static dbus_bool_t append_variant(DBusMessage *m)
{
        const char *text = SMALL_TEXT;
        DBusMessageIter i;

        dbus_message_iter_init_append(m, &i);
        return append_variant_to(&i, DBUS_TYPE_STRING, DBUS_TYPE_STRING_AS_STRING, &text);
}

static dbus_bool_t read_variant(DBusMessage *m)
{
        DBusMessageIter i, variant;
        const char *text;

        if (!dbus_message_iter_init(m, &i) ||
            dbus_message_iter_get_arg_type(&i) != DBUS_TYPE_VARIANT)
                return FALSE;
        dbus_message_iter_recurse(&i, &variant);
        if (dbus_message_iter_get_arg_type(&variant) != DBUS_TYPE_STRING)
                return FALSE;
        dbus_message_iter_get_basic(&variant, &text);
        return *text == *SMALL_TEXT;
}

/* Properties of a device, as services announce them. */
static const struct entry {
        const char *key;
        int type;
        const char *signature;
        union {
                const char *text;
                dbus_uint32_t number;
                dbus_int16_t level;
                double share;
        } value;
} entries[] = {
        {"Address", DBUS_TYPE_STRING, "s", {.text = "00:11:22:33:44:55"}},
        {"Name", DBUS_TYPE_STRING, "s", {.text = "Loudspeaker in the kitchen"}},
        {"Alias", DBUS_TYPE_STRING, "s", {.text = "Kitchen"}},
        {"Class", DBUS_TYPE_UINT32, "u", {.number = 2360324}},
        {"Adapter", DBUS_TYPE_OBJECT_PATH, "o", {.text = "/org/bench/adapter0"}},
        {"Paired", DBUS_TYPE_BOOLEAN, "b", {.number = 1}},
        {"Connected", DBUS_TYPE_BOOLEAN, "b", {.number = 0}},
        {"RSSI", DBUS_TYPE_INT16, "n", {.level = -61}},
        {"Volume", DBUS_TYPE_DOUBLE, "d", {.share = 0.625}},
        {"Icon", DBUS_TYPE_STRING, "s", {.text = "audio-card"}},
};
#define N_ENTRIES (sizeof(entries) / sizeof(entries[0]))

static dbus_bool_t append_entry(DBusMessageIter *dict, const struct entry *e)
{
        DBusMessageIter entry;

        return dbus_message_iter_open_container(dict, DBUS_TYPE_DICT_ENTRY, NULL, &entry) &&
               dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &e->key) &&
               append_variant_to(&entry, e->type, e->signature, &e->value) &&
               dbus_message_iter_close_container(dict, &entry);
}

static dbus_bool_t append_dict(DBusMessage *m)
{
        DBusMessageIter i, dict;

        dbus_message_iter_init_append(m, &i);
        if (!dbus_message_iter_open_container(&i, DBUS_TYPE_ARRAY, "{sv}", &dict))
                return FALSE;
        for (size_t n = 0; n < N_ENTRIES; ++n) {
                if (!append_entry(&dict, &entries[n]))
                        return FALSE;
        }
        return dbus_message_iter_close_container(&i, &dict);
}

static dbus_bool_t read_entry(DBusMessageIter *dict, const struct entry *e)
{
        DBusMessageIter entry, variant;
        DBusBasicValue value;
        const char *key;

        dbus_message_iter_recurse(dict, &entry);
        dbus_message_iter_get_basic(&entry, &key);
        if (!dbus_message_iter_next(&entry) ||
            dbus_message_iter_get_arg_type(&entry) != DBUS_TYPE_VARIANT)
                return FALSE;
        dbus_message_iter_recurse(&entry, &variant);
        if (dbus_message_iter_get_arg_type(&variant) != e->type)
                return FALSE;
        dbus_message_iter_get_basic(&variant, &value);
        return *key == *e->key;
}

static dbus_bool_t read_dict(DBusMessage *m)
{
        DBusMessageIter i, dict;
        size_t n = 0;

        if (!dbus_message_iter_init(m, &i) ||
            dbus_message_iter_get_arg_type(&i) != DBUS_TYPE_ARRAY ||
            dbus_message_iter_get_element_type(&i) != DBUS_TYPE_DICT_ENTRY)
                return FALSE;
        dbus_message_iter_recurse(&i, &dict);
        while (dbus_message_iter_get_arg_type(&dict) == DBUS_TYPE_DICT_ENTRY) {
                if (n == N_ENTRIES || !read_entry(&dict, &entries[n]))
                        return FALSE;
                ++n;
                dbus_message_iter_next(&dict);
        }
        return n == N_ENTRIES;
}

static dbus_bool_t append_array(DBusMessage *m, const unsigned char *bytes, int n)
{
        DBusMessageIter i, array;

        dbus_message_iter_init_append(m, &i);
        return dbus_message_iter_open_container(&i, DBUS_TYPE_ARRAY, DBUS_TYPE_BYTE_AS_STRING,
                                                &array) &&
               dbus_message_iter_append_fixed_array(&array, DBUS_TYPE_BYTE, &bytes, n) &&
               dbus_message_iter_close_container(&i, &array);
}

/* Reads an array of @size bytes, of which the last is 1. */
static dbus_bool_t read_array(DBusMessage *m, int size)
{
        DBusMessageIter i, array;
        const unsigned char *bytes;
        int n;

        if (!dbus_message_iter_init(m, &i) || dbus_message_iter_get_arg_type(&i) != DBUS_TYPE_ARRAY)
                return FALSE;
        dbus_message_iter_recurse(&i, &array);
        dbus_message_iter_get_fixed_array(&array, &bytes, &n);
        return n == size && bytes[n - 1] == 1;
}

static dbus_bool_t append_bytes(DBusMessage *m)
{
        static unsigned char bytes[N_BYTES];

        bytes[N_BYTES - 1] = 1;
        return append_array(m, bytes, N_BYTES);
}

static dbus_bool_t read_bytes(DBusMessage *m)
{
        return read_array(m, N_BYTES);
}

static dbus_bool_t append_block(DBusMessage *m)
{
        static const unsigned char block[N_BLOCK] = {[N_BLOCK - 1] = 1};

        return append_array(m, block, N_BLOCK);
}

static dbus_bool_t read_block(DBusMessage *m)
{
        return read_array(m, N_BLOCK);
}

static dbus_bool_t append_strings(DBusMessage *m)
{
        static const char *strings[N_STRINGS];
        const char **all = strings;

        if (!strings[0]) {
                for (int n = 0; n < N_STRINGS; ++n)
                        strings[n] = STRING;
        }
        return dbus_message_append_args(m, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &all, N_STRINGS,
                                        DBUS_TYPE_INVALID);
}

static dbus_bool_t read_strings(DBusMessage *m)
{
        char **strings;
        int n;
        dbus_bool_t ok;

        if (!dbus_message_get_args(m, NULL, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING, &strings, &n,
                                   DBUS_TYPE_INVALID))
                return FALSE;
        ok = n == N_STRINGS && *strings[n - 1] == *STRING;
        dbus_free_string_array(strings);
        return ok;
}

static dbus_bool_t append_iterated(DBusMessage *m)
{
        const char *string = STRING;
        DBusMessageIter i, array;

        dbus_message_iter_init_append(m, &i);
        if (!dbus_message_iter_open_container(&i, DBUS_TYPE_ARRAY, DBUS_TYPE_STRING_AS_STRING,
                                              &array))
                return FALSE;
        for (int n = 0; n < N_STRINGS; ++n) {
                if (!dbus_message_iter_append_basic(&array, DBUS_TYPE_STRING, &string))
                        return FALSE;
        }
        return dbus_message_iter_close_container(&i, &array);
}

static dbus_bool_t read_iterated(DBusMessage *m)
{
        DBusMessageIter i, array;
        int n = 0;

        if (!dbus_message_iter_init(m, &i) || dbus_message_iter_get_arg_type(&i) != DBUS_TYPE_ARRAY)
                return FALSE;
        dbus_message_iter_recurse(&i, &array);
        while (dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRING) {
                const char *string;

                dbus_message_iter_get_basic(&array, &string);
                if (*string != *STRING)
                        return FALSE;
                ++n;
                dbus_message_iter_next(&array);
        }
        return n == N_STRINGS;
}

static dbus_bool_t append_number(DBusMessage *m)
{
        dbus_uint32_t value = SMALL_VALUE;

        return dbus_message_append_args(m, DBUS_TYPE_UINT32, &value, DBUS_TYPE_INVALID);
}

static dbus_bool_t read_number(DBusMessage *m)
{
        dbus_uint32_t value;

        return dbus_message_get_args(m, NULL, DBUS_TYPE_UINT32, &value, DBUS_TYPE_INVALID) &&
               value == SMALL_VALUE;
}

const struct payload payloads[PAYLOAD_MAX] = {
        [PAYLOAD_EMPTY] = {append_nothing, read_nothing},
        [PAYLOAD_SMALL] = {append_small, read_small},
        [PAYLOAD_NAMES] = {append_names, read_names},
        [PAYLOAD_VARIANT] = {append_variant, read_variant},
        [PAYLOAD_DICT] = {append_dict, read_dict},
        [PAYLOAD_BYTES] = {append_bytes, read_bytes},
        [PAYLOAD_STRINGS] = {append_strings, read_strings},
        [PAYLOAD_ITERATED] = {append_iterated, read_iterated},
        [PAYLOAD_NUMBER] = {append_number, read_number},
        [PAYLOAD_BLOCK] = {append_block, read_block},
};

const struct exchange exchanges[EXCHANGE_MAX] = {
        [EXCHANGE_SMALL] = {"Small", PAYLOAD_SMALL, PAYLOAD_SMALL},
        [EXCHANGE_PROPERTY] = {"Get", PAYLOAD_NAMES, PAYLOAD_VARIANT},
        [EXCHANGE_DICT] = {"Dict", PAYLOAD_DICT, PAYLOAD_DICT},
        [EXCHANGE_BYTES] = {"Bytes", PAYLOAD_BYTES, PAYLOAD_BYTES},
        [EXCHANGE_STRINGS_CALL] = {"TakeStrings", PAYLOAD_STRINGS, PAYLOAD_NUMBER},
        [EXCHANGE_STRINGS_REPLY] = {"GiveStrings", PAYLOAD_EMPTY, PAYLOAD_STRINGS},
        [EXCHANGE_BLOCK] = {"Block", PAYLOAD_BLOCK, PAYLOAD_BLOCK},
};
