/* SPDX-License-Identifier: MIT */
#include "profile.h"

#include <stdio.h>
#include <sys/time.h>

void profile_print_heading(void)
{
        puts("#type\ttimestamp\tserial\tsender\tdestination\tpath\tinterface\tmember");
        puts("#\t\t\t\t\tin_reply_to");
}

static const char *type_name(int type)
{
        switch (type) {
        case DBUS_MESSAGE_TYPE_METHOD_CALL:
                return "mc";
        case DBUS_MESSAGE_TYPE_METHOD_RETURN:
                return "mr";
        case DBUS_MESSAGE_TYPE_ERROR:
                return "err";
        case DBUS_MESSAGE_TYPE_SIGNAL:
                return "sig";
        default:
                return "tun";
        }
}

static void print_column(const char *text)
{
        printf("\t%s", text ? text : "<none>");
}

void profile_print(DBusMessage *m)
{
        int type = dbus_message_get_type(m);
        struct timeval now;

        gettimeofday(&now, NULL);
        printf("%s\t%ld.%06ld\t%u", type_name(type), (long)now.tv_sec, (long)now.tv_usec,
               dbus_message_get_serial(m));
        print_column(dbus_message_get_sender(m));
        print_column(dbus_message_get_destination(m));
        switch (type) {
        case DBUS_MESSAGE_TYPE_METHOD_CALL:
        case DBUS_MESSAGE_TYPE_SIGNAL:
                print_column(dbus_message_get_path(m));
                print_column(dbus_message_get_interface(m));
                print_column(dbus_message_get_member(m));
                break;
        case DBUS_MESSAGE_TYPE_METHOD_RETURN:
        case DBUS_MESSAGE_TYPE_ERROR:
                printf("\t%u", dbus_message_get_reply_serial(m));
                break;
        }
        putchar('\n');
}
