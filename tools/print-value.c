/* SPDX-License-Identifier: MIT */
#include "print-value.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include "print-fd.h"

enum {
        STEP = 3,        /* blanks of each level */
        LINE = 80,       /* wide, for bytes */
        BYTE = 3,        /* columns of a byte: two digits and a blank */
        FEWEST_BYTES = 8 /* in a line, where there is little room */
};

static void indent(int depth)
{
        printf("%*s", depth * STEP, "");
}

static void print_text(DBusMessageIter *iter, const char *kind, bool literal)
{
        const char *text;

        dbus_message_iter_get_basic(iter, &text);
        if (literal)
                fputs(text, stdout);
        else
                printf("%s \"%s\"\n", kind, text);
}

static void print_number(DBusMessageIter *iter, int type)
{
        DBusBasicValue value;

        dbus_message_iter_get_basic(iter, &value);
        switch (type) {
        case DBUS_TYPE_BYTE:
                printf("byte %d\n", value.byt);
                break;
        case DBUS_TYPE_BOOLEAN:
                printf("boolean %s\n", value.bool_val ? "true" : "false");
                break;
        case DBUS_TYPE_INT16:
                printf("int16 %d\n", value.i16);
                break;
        case DBUS_TYPE_UINT16:
                printf("uint16 %u\n", value.u16);
                break;
        case DBUS_TYPE_INT32:
                printf("int32 %d\n", value.i32);
                break;
        case DBUS_TYPE_UINT32:
                printf("uint32 %u\n", value.u32);
                break;
        case DBUS_TYPE_INT64:
                printf("int64 %" PRId64 "\n", (int64_t)value.i64);
                break;
        case DBUS_TYPE_UINT64:
                printf("uint64 %" PRIu64 "\n", (uint64_t)value.u64);
                break;
        case DBUS_TYPE_DOUBLE:
                printf("double %g\n", value.dbl);
                break;
        }
}

static void print_descriptor(DBusMessageIter *iter, int depth)
{
        int fd = -1;

        puts("file descriptor");
        dbus_message_iter_get_basic(iter, &fd);
        if (fd < 0)
                return;
        print_fd(fd, (depth + 2) * STEP);
        close(fd);
}

/* How many of them are characters of ASCII before the first that is not. */
static int count_printable(const unsigned char *bytes, int n)
{
        int i = 0;

        while (i < n && bytes[i] >= ' ' && bytes[i] <= '~')
                ++i;
        return i;
}

static void print_hex(const unsigned char *bytes, int n, int depth)
{
        int room = (LINE - (depth + 1) * STEP) / BYTE;

        /* Where the indentation alone is wider than a line, bytes are no longer wrapped. */
        if (room < 0)
                room = n;
        else if (room < FEWEST_BYTES)
                room = FEWEST_BYTES;
        puts("array of bytes [");
        for (int i = 0; i < n; ++i) {
                if (i % room == 0)
                        indent(depth + 1);
                printf("%02x", bytes[i]);
                putchar(i + 1 == n || (i + 1) % room == 0 ? '\n' : ' ');
        }
        indent(depth);
        puts("]");
}

static void print_bytes(DBusMessageIter *array, int depth)
{
        const unsigned char *bytes;
        int n, printable;

        dbus_message_iter_get_fixed_array(array, &bytes, &n);
        printable = count_printable(bytes, n);
        if (printable == n)
                printf("array of bytes \"%.*s\"\n", n, (const char *)bytes);
        else if (printable == n - 1 && bytes[printable] == '\0')
                printf("array of bytes \"%s\" + \\0\n", (const char *)bytes);
        else
                print_hex(bytes, n, depth);
}

static void print_container(DBusMessageIter *inner, const char *opening, const char *closing,
                            bool literal, int depth)
{
        puts(opening);
        print_values(inner, literal, depth + 1);
        indent(depth);
        puts(closing);
}

static void print_value(DBusMessageIter *iter, int type, bool literal, int depth)
{
        DBusMessageIter inner;

        indent(depth);
        if (dbus_type_is_container(type))
                dbus_message_iter_recurse(iter, &inner);
        switch (type) {
        case DBUS_TYPE_STRING:
                print_text(iter, "string", literal);
                break;
        case DBUS_TYPE_SIGNATURE:
                print_text(iter, "signature", literal);
                break;
        case DBUS_TYPE_OBJECT_PATH:
                print_text(iter, "object path", literal);
                break;
        case DBUS_TYPE_UNIX_FD:
                print_descriptor(iter, depth);
                break;
        case DBUS_TYPE_VARIANT:
                fputs("variant ", stdout);
                print_values(&inner, literal, depth + 1);
                break;
        case DBUS_TYPE_ARRAY:
                if (dbus_message_iter_get_arg_type(&inner) == DBUS_TYPE_BYTE)
                        print_bytes(&inner, depth);
                else
                        print_container(&inner, "array [", "]", literal, depth);
                break;
        case DBUS_TYPE_DICT_ENTRY:
                print_container(&inner, "dict entry(", ")", literal, depth);
                break;
        case DBUS_TYPE_STRUCT:
                print_container(&inner, "struct {", "}", literal, depth);
                break;
        default:
                print_number(iter, type);
                break;
        }
}

void print_values(DBusMessageIter *iter, bool literal, int depth)
{
        int type;

        while ((type = dbus_message_iter_get_arg_type(iter)) != DBUS_TYPE_INVALID) {
                print_value(iter, type, literal, depth);
                dbus_message_iter_next(iter);
        }
}
