/* SPDX-License-Identifier: MIT */
#include "print-message.h"

#include <stdio.h>
#include <sys/time.h>

#include "print-value.h"

static const char *type_name(int type)
{
        switch (type) {
        case DBUS_MESSAGE_TYPE_METHOD_CALL:
                return "method call";
        case DBUS_MESSAGE_TYPE_METHOD_RETURN:
                return "method return";
        case DBUS_MESSAGE_TYPE_ERROR:
                return "error";
        case DBUS_MESSAGE_TYPE_SIGNAL:
                return "signal";
        default:
                return "(unknown message type)";
        }
}

static const char * or (const char *text, const char *otherwise)
{
        return text ? text : otherwise;
}

/* What a header field that may be missing is printed as. */
static const char *field(const char *text)
{
        return or (text, "(null)");
}

static void print_header(DBusMessage *m)
{
        int type = dbus_message_get_type(m);
        struct timeval now;

        gettimeofday(&now, NULL);
        printf("%s time=%ld.%06ld sender=%s -> destination=%s", type_name(type), (long)now.tv_sec,
               (long)now.tv_usec, or (dbus_message_get_sender(m), "(null sender)"),
               or (dbus_message_get_destination(m), "(null destination)"));
        switch (type) {
        case DBUS_MESSAGE_TYPE_METHOD_CALL:
        case DBUS_MESSAGE_TYPE_SIGNAL:
                printf(" serial=%u path=%s; interface=%s; member=%s", dbus_message_get_serial(m),
                       field(dbus_message_get_path(m)), field(dbus_message_get_interface(m)),
                       field(dbus_message_get_member(m)));
                break;
        case DBUS_MESSAGE_TYPE_METHOD_RETURN:
                printf(" serial=%u reply_serial=%u", dbus_message_get_serial(m),
                       dbus_message_get_reply_serial(m));
                break;
        case DBUS_MESSAGE_TYPE_ERROR:
                printf(" error_name=%s reply_serial=%u", field(dbus_message_get_error_name(m)),
                       dbus_message_get_reply_serial(m));
                break;
        }
        putchar('\n');
}

static void print_body(DBusMessage *m, bool literal)
{
        DBusMessageIter iter;

        dbus_message_iter_init(m, &iter);
        print_values(&iter, literal, 1);
        fflush(stdout);
}

void print_message(DBusMessage *message)
{
        print_header(message);
        print_body(message, false);
}

void print_message_literal(DBusMessage *message)
{
        print_body(message, true);
}
