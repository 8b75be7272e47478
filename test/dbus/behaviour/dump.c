/* SPDX-License-Identifier: MIT */
#include "dump.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"

static void put_text(GString *out, const char *text)
{
        g_autofree char *safe = text ? escaped(text, strlen(text)) : NULL;

        if (safe)
                g_string_append_printf(out, "\"%s\"", safe);
        else
                g_string_append(out, "NULL");
}

/* 15 digits of a fraction, as all NaNs look the same and -0 like 0. */
static void put_double(GString *out, double value)
{
        uint64_t bits;

        memcpy(&bits, &value, sizeof bits);
        g_string_append_printf(out, "d:%.15g/%016" G_GINT64_MODIFIER "x", value, bits);
}

static void put_basic(GString *out, DBusMessageIter *iter, int type)
{
        DBusBasicValue value = {0};

        dbus_message_iter_get_basic(iter, &value);
        switch (type) {
        case DBUS_TYPE_BYTE:
                g_string_append_printf(out, "y:%u", value.byt);
                break;
        case DBUS_TYPE_BOOLEAN:
                g_string_append_printf(out, "b:%u", value.bool_val);
                break;
        case DBUS_TYPE_INT16:
                g_string_append_printf(out, "n:%d", value.i16);
                break;
        case DBUS_TYPE_UINT16:
                g_string_append_printf(out, "q:%u", value.u16);
                break;
        case DBUS_TYPE_INT32:
                g_string_append_printf(out, "i:%d", value.i32);
                break;
        case DBUS_TYPE_UINT32:
                g_string_append_printf(out, "u:%u", value.u32);
                break;
        case DBUS_TYPE_INT64:
                g_string_append_printf(out, "x:%" G_GINT64_FORMAT, (gint64)value.i64);
                break;
        case DBUS_TYPE_UINT64:
                g_string_append_printf(out, "t:%" G_GUINT64_FORMAT, (guint64)value.u64);
                break;
        case DBUS_TYPE_DOUBLE:
                put_double(out, value.dbl);
                break;
        case DBUS_TYPE_UNIX_FD:
                g_string_append(out, value.fd < 0 ? "h:none" : "h:open");
                if (value.fd >= 0)
                        close(value.fd);
                break;
        default:
                g_string_append_printf(out, "%c:", type);
                put_text(out, value.str);
        }
}

static void put_all(GString *out, DBusMessageIter *iter);

static void put_container(GString *out, DBusMessageIter *iter, int type)
{
        char *signature;
        DBusMessageIter sub;

        dbus_message_iter_recurse(iter, &sub);
        signature = dbus_message_iter_get_signature(&sub);
        g_string_append_printf(out, "%c<%s", type, signature ? signature : "no memory");
        if (type == DBUS_TYPE_ARRAY)
                g_string_append_printf(out, " x%d", dbus_message_iter_get_element_count(iter));
        g_string_append_c(out, '>');
        dbus_free(signature);
        g_string_append_c(out, '[');
        put_all(out, &sub);
        g_string_append_c(out, ']');
}

static void put_all(GString *out, DBusMessageIter *iter)
{
        int type;

        while ((type = dbus_message_iter_get_arg_type(iter)) != DBUS_TYPE_INVALID) {
                if (out->len && out->str[out->len - 1] != '[')
                        g_string_append_c(out, ' ');
                if (dbus_type_is_basic(type))
                        put_basic(out, iter, type);
                else
                        put_container(out, iter, type);
                dbus_message_iter_next(iter);
        }
}

char *dump_iter(DBusMessageIter *iter)
{
        GString *out = g_string_new(NULL);

        put_all(out, iter);
        return g_string_free(out, FALSE);
}

void dump_body(const char *what, DBusMessage *message)
{
        DBusMessageIter iter;
        g_autofree char *text = NULL;
        dbus_bool_t any = dbus_message_iter_init(message, &iter);

        text = dump_iter(&iter);
        note("%s: signature \"%s\", %s: %s", what, dbus_message_get_signature(message),
             any ? "arguments" : "no arguments", text);
}

static const struct {
        const char *name;
        const char *(*get)(DBusMessage *);
} fields[] = {
        {"path", dbus_message_get_path},
        {"interface", dbus_message_get_interface},
        {"member", dbus_message_get_member},
        {"error name", dbus_message_get_error_name},
        {"destination", dbus_message_get_destination},
        {"sender", dbus_message_get_sender},
        {"container instance", dbus_message_get_container_instance},
};

void dump_message(const char *what, DBusMessage *message)
{
        g_autoptr(GString) out = g_string_new(NULL);

        if (!message) {
                note("%s: no message", what);
                return;
        }
        g_string_append_printf(
                out, "type %d, serial %u, reply to %u%s%s%s%s", dbus_message_get_type(message),
                dbus_message_get_serial(message), dbus_message_get_reply_serial(message),
                dbus_message_get_no_reply(message) ? ", no reply" : "",
                dbus_message_get_auto_start(message) ? ", auto start" : "",
                dbus_message_get_allow_interactive_authorization(message) ? ", interactive" : "",
                dbus_message_contains_unix_fds(message) ? ", fds" : "");
        for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
                const char *value = fields[i].get(message);

                if (!value)
                        continue;
                g_string_append_printf(out, ", %s ", fields[i].name);
                put_text(out, value);
        }
        note("%s: %s", what, out->str);
        dump_body(what, message);
}

void dump_bytes(const char *what, DBusMessage *message)
{
        char *bytes = NULL;
        int n = 0;

        if (dbus_message_marshal(message, &bytes, &n))
                note_bytes(what, bytes, (size_t)n);
        else
                note("%s: cannot be marshalled", what);
        dbus_free(bytes);
}
