/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "test-tool.h"
#include "tool.h"

/*
 * The subcommands that are called: "echo", which answers, and "black-hole", which does not.
 */

struct service {
        DBusBusType bus;
        const char *name; /* to own; NULL: none */
        bool answer;
        long delay; /* of an answer, in milliseconds */
        bool deaf;  /* reads nothing */
};

static const char echo_usage[] =
        "Usage: dbus-test-tool echo [OPTIONS]\n"
        "\n"
        "Respond to all method calls with an empty reply.\n"
        "\n"
        "Options:\n"
        "\n"
        "    --name=NAME   claim this well-known name first\n"
        "\n"
        "    --sleep-ms=N  sleep N milliseconds before sending each reply\n"
        "\n"
        "    --session     use the session bus (default)\n"
        "    --system      use the system bus\n";

static const char black_hole_usage[] = "Usage: dbus-test-tool black-hole [OPTIONS]\n"
                                       "\n"
                                       "Receive method calls but do not reply.\n"
                                       "\n"
                                       "Options:\n"
                                       "\n"
                                       "    --name=NAME   claim this well-known name first\n"
                                       "\n"
                                       "    --no-read     don't read anything on the D-Bus socket\n"
                                       "\n"
                                       "    --session     use the session bus (default)\n"
                                       "    --system      use the system bus\n";

/* Takes an option. Returns whether it is one. */
static bool take(struct service *s, const char *argument)
{
        const char *name = tool_value(argument, "--name"),
                   *delay = s->answer ? tool_value(argument, "--sleep-ms") : NULL;

        if (test_tool_take_bus(&s->bus, argument))
                return true;
        if (name)
                s->name = name;
        else if (delay)
                s->delay = strtol(delay, NULL, 10);
        else if (!s->answer && strcmp(argument, "--no-read") == 0)
                s->deaf = true;
        else
                return false;
        return true;
}

static void pause_for(long milliseconds)
{
        struct timespec left = {milliseconds / 1000, milliseconds % 1000 * 1000000};

        while (nanosleep(&left, &left) < 0 && errno == EINTR)
                ;
}

static DBusHandlerResult handle(DBusConnection *connection, DBusMessage *message, void *data)
{
        const struct service *s = data;
        DBusMessage *reply;

        if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_METHOD_CALL)
                return DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
        if (!s->answer)
                return DBUS_HANDLER_RESULT_HANDLED;
        if (s->delay > 0)
                pause_for(s->delay);
        reply = dbus_message_new_method_return(message);
        if (!reply)
                tool_out_of_memory("allocating reply");
        if (!dbus_connection_send(connection, reply, NULL))
                tool_out_of_memory("sending reply");
        dbus_message_unref(reply);
        return DBUS_HANDLER_RESULT_HANDLED;
}

static int claim(DBusConnection *c, const char *name)
{
        if (!dbus_validate_bus_name(name, NULL) ||
            dbus_bus_request_name(c, name, DBUS_NAME_FLAG_DO_NOT_QUEUE, NULL) !=
                    DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER) {
                fprintf(stderr, "failed to take bus name %s\n", name);
                return -1;
        }
        return 0;
}

/* Serves until the connection is lost. */
static void serve(DBusConnection *c, const struct service *s)
{
        while (s->deaf)
                pause();
        while (dbus_connection_read_write_dispatch(c, -1))
                ;
}

static int run(struct service *s, const char *usage, int argc, char **argv)
{
        DBusError error = DBUS_ERROR_INIT;
        DBusConnection *c;

        for (int i = 1; i < argc; ++i)
                if (!take(s, argv[i])) {
                        fputs(usage, stderr);
                        return TEST_TOOL_USAGE_STATUS;
                }
        c = bus_choice_open(&(struct bus_choice){.type = s->bus}, &error, NULL);
        if (!c)
                test_tool_not_connected(&error);
        if (!s->deaf && !dbus_connection_add_filter(c, handle, s, NULL))
                tool_out_of_memory("adding message filter");
        if (!s->name || claim(c, s->name) == 0)
                serve(c, s);
        dbus_connection_unref(c);
        return EXIT_FAILURE;
}

int test_tool_echo(int argc, char **argv)
{
        struct service echo = {.bus = DBUS_BUS_SESSION, .answer = true};

        return run(&echo, echo_usage, argc, argv);
}

int test_tool_black_hole(int argc, char **argv)
{
        struct service black_hole = {.bus = DBUS_BUS_SESSION};

        return run(&black_hole, black_hole_usage, argc, argv);
}
