/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <dbus/dbus.h>

#include "bus-choice.h"
#include "tool.h"

/*
 * dbus-update-activation-environment(1): tells the bus, and the service manager, of environment
 * variables for the services that they start.
 */

#define SYSTEMD_SERVICE   "org.freedesktop.systemd1"
#define SYSTEMD_PATH      "/org/freedesktop/systemd1"
#define SYSTEMD_INTERFACE "org.freedesktop.systemd1.Manager"

struct options {
        bool all, systemd, verbose;
        char *const *variables; /* VAR or VAR=VAL, up to a NULL; all: the whole environment */
};

/* A call whose only argument is an array that is being filled. */
struct request {
        DBusMessage *message;
        DBusMessageIter arguments, array;
};

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
        va_list arguments;

        fprintf(stderr, "%s: ", program_invocation_name);
        va_start(arguments, format);
        vfprintf(stderr, format, arguments);
        va_end(arguments);
        fputc('\n', stderr);
}

static _Noreturn void usage(void)
{
        fprintf(stderr,
                "%1$s: update environment variables that will be set for D-Bus\n"
                "    session services\n"
                "\n"
                "%1$s [options] VAR[=VAL] [VAR2[=VAL2] ...]\n"
                "    Add specified variables to D-Bus activation environment.\n"
                "    If omitted, values are taken from current environment;\n"
                "    variables not found in the environment are ignored.\n"
                "%1$s --all\n"
                "    Add entire current environment to D-Bus activation\n"
                "    environment.\n"
                "\n"
                "Options:\n"
                "\n"
                "--all\n"
                "    Upload all environment variables.\n"
                "--systemd\n"
                "    Also update the 'systemd --user' environment\n"
                "    if possible.\n"
                "--verbose\n"
                "    Talk about it.\n",
                program_invocation_name);
        exit(EX_USAGE);
}

static void parse_arguments(struct options *o, int argc, char **argv)
{
        int i = 1;

        for (; i < argc && argv[i][0] == '-'; ++i) {
                if (strcmp(argv[i], "--all") == 0) {
                        o->all = true;
                } else if (strcmp(argv[i], "--systemd") == 0) {
                        o->systemd = true;
                } else if (strcmp(argv[i], "--verbose") == 0) {
                        o->verbose = true;
                } else if (strcmp(argv[i], "--") == 0) {
                        ++i;
                        break;
                } else {
                        usage();
                }
        }
        if (o->all && i < argc) {
                say("error: --all cannot be used with VAR or VAR=VAL arguments");
                exit(EX_USAGE);
        }
        o->variables = o->all ? environ : argv + i;
}

/* Whether a service manager of the user's runs: it has a directory in that of the session. */
static bool has_systemd(void)
{
        const char *directory = getenv("XDG_RUNTIME_DIR");
        struct stat status;
        char *path;
        bool found;

        if (!directory)
                return false;
        if (asprintf(&path, "%s/systemd", directory) < 0)
                tool_out_of_memory("updating environment");
        found = stat(path, &status) == 0;
        free(path);
        return found;
}

static void begin(struct request *r, const char *destination, const char *path,
                  const char *interface, const char *method, const char *element)
{
        r->message = dbus_message_new_method_call(destination, path, interface, method);
        if (!r->message)
                tool_out_of_memory("updating environment");
        dbus_message_iter_init_append(r->message, &r->arguments);
        if (!dbus_message_iter_open_container(&r->arguments, DBUS_TYPE_ARRAY, element, &r->array))
                tool_out_of_memory("updating environment");
}

static void add_to_bus(struct request *r, const char *name, const char *value)
{
        DBusMessageIter entry;

        if (!dbus_message_iter_open_container(&r->array, DBUS_TYPE_DICT_ENTRY, NULL, &entry) ||
            !dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &name) ||
            !dbus_message_iter_append_basic(&entry, DBUS_TYPE_STRING, &value) ||
            !dbus_message_iter_close_container(&r->array, &entry))
                tool_out_of_memory("updating environment");
}

static void add_to_systemd(struct request *r, const char *name, const char *value)
{
        char *assignment;

        if (asprintf(&assignment, "%s=%s", name, value) < 0 ||
            !dbus_message_iter_append_basic(&r->array, DBUS_TYPE_STRING, &assignment))
                tool_out_of_memory("updating environment");
        free(assignment);
}

/* A variable of the command line or the environment as its name, to be freed, and value; without
 * the latter, it is asked of the environment. Returns NULL if there is nothing to tell. */
static char *split(const char *variable, bool all, const char **value)
{
        const char *equals = strchr(variable, '=');
        char *name;

        if (!dbus_validate_utf8(variable, NULL)) {
                say("warning: environment variable not UTF-8: %s", variable);
                return NULL;
        }
        if (!equals && all) {
                say("warning: environment variable without '=': %s", variable);
                return NULL;
        }
        *value = equals ? equals + 1 : getenv(variable);
        if (!*value)
                return NULL;
        if (!equals && !dbus_validate_utf8(*value, NULL)) {
                say("warning: environment variable not UTF-8: %s=%s", variable, *value);
                return NULL;
        }
        name = equals ? strndup(variable, (size_t)(equals - variable)) : strdup(variable);
        if (!name)
                tool_out_of_memory("updating environment");
        return name;
}

/* Sends a request that is complete and waits for the reply. Returns whether that is no error; what
 * it is otherwise is told with one of these words, for a failure to call and for a bad reply. */
static bool finish(struct request *r, DBusConnection *c, const char *sending, const char *from)
{
        DBusError error = DBUS_ERROR_INIT;
        const char *problem = sending;
        DBusMessage *reply;
        bool ok;

        if (!dbus_message_iter_close_container(&r->arguments, &r->array))
                tool_out_of_memory("updating environment");
        reply = dbus_connection_send_with_reply_and_block(c, r->message, -1, &error);
        ok = reply;
        if (reply) {
                problem = from;
                ok = !dbus_set_error_from_message(&error, reply) &&
                     dbus_message_get_args(reply, &error, DBUS_TYPE_INVALID);
                dbus_message_unref(reply);
        }
        if (!ok)
                say("%s: %s: %s", problem, error.name, error.message);
        dbus_error_free(&error);
        dbus_message_unref(r->message);
        return ok;
}

static bool update(DBusConnection *c, const struct options *o)
{
        struct request bus, systemd;

        begin(&bus, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS,
              "UpdateActivationEnvironment", "{ss}");
        if (o->systemd)
                begin(&systemd, SYSTEMD_SERVICE, SYSTEMD_PATH, SYSTEMD_INTERFACE, "SetEnvironment",
                      DBUS_TYPE_STRING_AS_STRING);
        for (char *const *variable = o->variables; *variable; ++variable) {
                const char *value;
                char *name = split(*variable, o->all, &value);

                if (!name)
                        continue;
                if (o->verbose)
                        say("setting %s=%s", name, value);
                add_to_bus(&bus, name, value);
                if (o->systemd)
                        add_to_systemd(&systemd, name, value);
                free(name);
        }
        if (!finish(&bus, c, "error sending to dbus-daemon", "error from dbus-daemon")) {
                if (o->systemd) {
                        dbus_message_iter_abandon_container(&systemd.arguments, &systemd.array);
                        dbus_message_unref(systemd.message);
                }
                return false;
        }
        /* The service manager is only told as a favour. */
        if (o->systemd)
                finish(&systemd, c, "warning: error sending to systemd",
                       "warning: error from systemd");
        return true;
}

int main(int argc, char **argv)
{
        const struct bus_choice session = {DBUS_BUS_SESSION, NULL};
        DBusError error = DBUS_ERROR_INIT;
        struct options options = {0};
        DBusConnection *connection;
        bool ok;

        parse_arguments(&options, argc, argv);
        connection = bus_choice_open(&session, &error, NULL);
        if (!connection) {
                say("error: unable to connect to D-Bus: %s", error.message);
                dbus_error_free(&error);
                return EX_OSERR;
        }
        if (options.systemd && !has_systemd()) {
                if (options.verbose)
                        say("systemd --user not found, ignoring --systemd argument");
                options.systemd = false;
        }
        ok = update(connection, &options);
        dbus_connection_unref(connection);
        return ok ? EXIT_SUCCESS : EX_UNAVAILABLE;
}
