/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "bus-choice.h"
#include "contents.h"
#include "print-message.h"
#include "tool.h"

/*
 * dbus-send(1): sends one message that is made of the command line, and may wait for its reply.
 */

struct request {
        struct bus_choice bus;
        bool bus_named;     /* --session or --system */
        bool peer;          /* the address is no bus's */
        const char *sender; /* a name to claim; NULL: none */
        const char *destination;
        const char *type_name; /* NULL: what the other options say */
        int type;
        bool wait, literal;
        int timeout; /* in milliseconds; -1: the library's */
        const char *path, *name;
        char *const *contents; /* up to a NULL */
};

static _Noreturn void usage(int status)
{
        fprintf(stderr,
                "Usage: %s [--help] [--system | --session | --bus=ADDRESS | --peer=ADDRESS] "
                "[--sender=NAME] [--dest=NAME] [--type=TYPE] [--print-reply[=literal]] "
                "[--reply-timeout=MSEC] <destination object path> <message name> [contents ...]\n",
                program_invocation_name);
        exit(status);
}

static void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *format, ...)
{
        va_list arguments;

        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

static void set_system(struct request *r, const char *value)
{
        (void)value;
        r->bus.type = DBUS_BUS_SYSTEM;
        r->bus_named = true;
}

static void set_session(struct request *r, const char *value)
{
        (void)value;
        r->bus.type = DBUS_BUS_SESSION;
        r->bus_named = true;
}

static void set_address(struct request *r, const char *value, bool peer)
{
        if (!*value) {
                complain("\"--peer=\" and \"--bus=\" require an ADDRESS");
                usage(EXIT_FAILURE);
        }
        r->bus.address = value;
        r->peer = peer;
}

static void set_bus(struct request *r, const char *value)
{
        set_address(r, value, false);
}

static void set_peer(struct request *r, const char *value)
{
        set_address(r, value, true);
}

static void set_sender(struct request *r, const char *value)
{
        if (!*value) {
                complain("\"--sender=\" requires a NAME");
                usage(EXIT_FAILURE);
        }
        r->sender = value;
}

static void set_destination(struct request *r, const char *value)
{
        if (!*value) {
                complain("\"--dest=\" requires an NAME");
                usage(EXIT_FAILURE);
        }
        r->destination = value;
}

static void set_type(struct request *r, const char *value)
{
        r->type_name = value;
}

static void set_timeout(struct request *r, const char *value)
{
        if (!*value) {
                complain("\"--reply-timeout=\" requires an MSEC");
                usage(EXIT_FAILURE);
        }
        r->timeout = (int)strtol(value, NULL, 10);
        if (r->timeout <= 0) {
                complain("invalid value (%s) of \"--reply-timeout\"", value);
                usage(EXIT_FAILURE);
        }
}

/* The rest of --print-reply, which it starts with whatever follows. */
static void set_reply(struct request *r, const char *rest)
{
        r->wait = true;
        if (!r->type_name)
                r->type_name = "method_call";
        if (strcmp(rest, "=literal") == 0) {
                r->literal = true;
        } else if (*rest) {
                complain("invalid value (%s) of \"--print-reply\"", rest);
                usage(EXIT_FAILURE);
        }
}

static void show_help(struct request *r, const char *value)
{
        (void)r;
        (void)value;
        usage(EXIT_SUCCESS);
}

static void take_option(struct request *r, const char *argument)
{
        static const struct {
                const char *name;
                bool exact; /* or what follows is the value */
                void (*set)(struct request *, const char *);
        } options[] = {
                {"--system", true, set_system},      {"--session", true, set_session},
                {"--bus=", false, set_bus},          {"--address=", false, set_peer},
                {"--peer=", false, set_peer},        {"--sender=", false, set_sender},
                {"--dest=", false, set_destination}, {"--type=", false, set_type},
                {"--print-reply", false, set_reply}, {"--reply-timeout=", false, set_timeout},
                {"--help", true, show_help},
        };

        for (size_t i = 0; i < sizeof(options) / sizeof(*options); ++i) {
                size_t n = strlen(options[i].name);

                if (strncmp(argument, options[i].name, n) != 0)
                        continue;
                if (options[i].exact && argument[n])
                        continue;
                options[i].set(r, argument + n);
                return;
        }
        usage(EXIT_FAILURE);
}

static void parse_arguments(struct request *r, int argc, char **argv)
{
        int i;

        if (argc < 3)
                usage(EXIT_FAILURE);
        for (i = 1; i < argc && !r->name; ++i) {
                if (argv[i][0] == '-')
                        take_option(r, argv[i]);
                else if (!r->path)
                        r->path = argv[i];
                else
                        r->name = argv[i];
        }
        if (!r->name)
                usage(EXIT_FAILURE);
        r->contents = argv + i;
}

/* Refuses what options do not say together, and names that are not valid. */
static int check(struct request *r)
{
        if (r->bus_named && r->bus.address) {
                complain("\"--peer\" and \"--bus\" may not be used with \"--system\" or "
                         "\"--session\"");
                usage(EXIT_FAILURE);
        }
        if (r->peer && r->sender) {
                complain("\"--peer\" may not be used with \"--sender\"");
                return -1;
        }
        r->type = r->type_name ? dbus_message_type_from_string(r->type_name)
                               : DBUS_MESSAGE_TYPE_SIGNAL;
        if (r->type != DBUS_MESSAGE_TYPE_METHOD_CALL && r->type != DBUS_MESSAGE_TYPE_SIGNAL) {
                complain("Message type \"%s\" is not supported", r->type_name);
                return -1;
        }
        if (r->destination && !dbus_validate_bus_name(r->destination, NULL)) {
                complain("invalid value (%s) of \"--dest\"", r->destination);
                usage(EXIT_FAILURE);
        }
        if (r->sender && !dbus_validate_bus_name(r->sender, NULL)) {
                complain("invalid value (%s) of \"--sender\"", r->sender);
                usage(EXIT_FAILURE);
        }
        return 0;
}

/* Says which part of the message's name is wrong, with the library's words. */
static bool is_valid(dbus_bool_t (*validate)(const char *, DBusError *), const char *text,
                     const char *prefix)
{
        DBusError error = DBUS_ERROR_INIT;

        if (validate(text, &error))
                return true;
        complain("%s%s", prefix, error.message);
        dbus_error_free(&error);
        return false;
}

static DBusConnection *connect(const struct request *r)
{
        const char *name = r->bus.address                   ? r->bus.address
                           : r->bus.type == DBUS_BUS_SYSTEM ? "system"
                                                            : "session";
        enum bus_step step = BUS_STEP_OPEN;
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c = r->peer ? bus_choice_open_peer(r->bus.address, &error)
                                    : bus_choice_open(&r->bus, &error, &step);

        if (!c) {
                complain(step == BUS_STEP_OPEN
                                 ? "Failed to open connection to \"%s\" message bus: %s"
                                 : "Failed to register on connection to \"%s\" message bus: %s",
                         name, error.message);
                dbus_error_free(&error);
        }
        return c;
}

static int claim(DBusConnection *c, const char *name)
{
        DBusError error = DBUS_ERROR_INIT;
        int r = dbus_bus_request_name(c, name, DBUS_NAME_FLAG_DO_NOT_QUEUE, &error);

        switch (r) {
        case DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER:
        case DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER:
                return 0;
        case -1:
                complain("Failed to request sender name \"%s\": %s", name, error.message);
                dbus_error_free(&error);
                return -1;
        case DBUS_REQUEST_NAME_REPLY_EXISTS:
                complain("Requested name \"%s\" already has owner", name);
                return -1;
        default:
                complain("Failed to request sender name \"%s\": unexpected result code %d", name,
                         r);
                return -1;
        }
}

/* The message without its contents, of a name that is INTERFACE.MEMBER. */
static DBusMessage *new_message(const struct request *r)
{
        bool call = r->type == DBUS_MESSAGE_TYPE_METHOD_CALL;
        DBusMessage *message = NULL;
        char *interface = strdup(r->name), *member;

        if (!interface)
                tool_out_of_memory("copying the name");
        member = strrchr(interface, '.');
        if (!member) {
                complain("Must use org.mydomain.Interface.%s notation, no dot in \"%s\"",
                         call ? "Method" : "Signal", r->name);
                free(interface);
                return NULL;
        }
        *member++ = '\0';
        if (is_valid(dbus_validate_interface, interface, "") &&
            is_valid(dbus_validate_member, member,
                     call ? "Invalid method name: " : "Invalid signal name: ")) {
                message = call ? dbus_message_new_method_call(NULL, r->path, interface, member)
                               : dbus_message_new_signal(r->path, interface, member);
                if (!message)
                        complain("Not enough memory");
        }
        free(interface);
        return message;
}

static int fill(DBusMessage *message, const struct request *r)
{
        DBusMessageIter iter;

        if (r->destination && !dbus_message_set_destination(message, r->destination)) {
                complain("Not enough memory");
                return -1;
        }
        dbus_message_iter_init_append(message, &iter);
        for (char *const *item = r->contents; *item; ++item)
                if (contents_append(&iter, *item) < 0)
                        return -1;
        return 0;
}

static int call(DBusConnection *c, DBusMessage *message, const struct request *r)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusMessage *reply =
                dbus_connection_send_with_reply_and_block(c, message, r->timeout, &error);

        if (!reply) {
                complain("Error %s: %s", error.name, error.message);
                dbus_error_free(&error);
                return -1;
        }
        if (r->literal)
                print_message_literal(reply);
        else
                print_message(reply);
        dbus_message_unref(reply);
        return 0;
}

static int send(DBusConnection *c, DBusMessage *message)
{
        if (!dbus_connection_send(c, message, NULL)) {
                complain("Not enough memory");
                return -1;
        }
        dbus_connection_flush(c);
        return 0;
}

static int converse(DBusConnection *c, const struct request *r)
{
        DBusMessage *message;
        int result;

        if (r->sender && claim(c, r->sender) < 0)
                return -1;
        message = new_message(r);
        if (!message)
                return -1;
        result = fill(message, r);
        if (result == 0)
                result = r->wait ? call(c, message, r) : send(c, message);
        dbus_message_unref(message);
        return result;
}

int main(int argc, char **argv)
{
        struct request request = {.bus.type = DBUS_BUS_SESSION, .timeout = -1};
        DBusConnection *connection;
        int r;

        parse_arguments(&request, argc, argv);
        if (check(&request) < 0 || !is_valid(dbus_validate_path, request.path, ""))
                return EXIT_FAILURE;
        connection = connect(&request);
        if (!connection)
                return EXIT_FAILURE;
        r = converse(connection, &request);
        dbus_connection_unref(connection);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
