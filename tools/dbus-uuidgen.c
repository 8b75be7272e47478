/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dbus/dbus.h>

#include "tool.h"
#include "uuid.h"

/*
 * dbus-uuidgen(1): makes up UUIDs, and reads and creates files of them.
 */

struct options {
        bool get, ensure;
        const char *file; /* NULL: the machine's */
};

static _Noreturn void usage(int status)
{
        fprintf(stderr, "Usage: %s [--ensure[=FILENAME]] [--get[=FILENAME]]\n",
                program_invocation_name);
        exit(status);
}

/* Takes an option with a value that may be missing or empty; the last one that has one counts. */
static bool take(const char *argument, const char *name, bool *wanted, const char **file)
{
        const char *value = tool_value(argument, name);

        if (!value && strcmp(argument, name) != 0)
                return false;
        *wanted = true;
        if (value && *value)
                *file = value;
        return true;
}

static void parse_arguments(struct options *o, int argc, char **argv)
{
        for (int i = 1; i < argc; ++i) {
                if (take(argv[i], "--get", &o->get, &o->file) ||
                    take(argv[i], "--ensure", &o->ensure, &o->file))
                        continue;
                if (strcmp(argv[i], "--help") == 0)
                        usage(EXIT_SUCCESS);
                if (strcmp(argv[i], "--version") == 0) {
                        tool_print_version("D-Bus UUID Generator");
                        exit(EXIT_SUCCESS);
                }
                usage(EXIT_FAILURE);
        }
}

static bool print_machine_id(DBusError *error)
{
        char *id = dbus_try_get_local_machine_id(error);

        if (id)
                puts(id);
        dbus_free(id);
        return id;
}

static bool print_file(const char *file, DBusError *error)
{
        struct uuid uuid;

        if (!uuid_read(&uuid, file, error))
                return false;
        puts(uuid.text);
        return true;
}

static bool run(const struct options *o, DBusError *error)
{
        struct uuid uuid;

        if (o->get)
                return o->file ? print_file(o->file, error) : print_machine_id(error);
        if (o->ensure)
                return o->file ? uuid_ensure(o->file, error) : uuid_ensure_machine(error);
        uuid_generate(&uuid);
        puts(uuid.text);
        return true;
}

int main(int argc, char **argv)
{
        DBusError error = DBUS_ERROR_INIT;
        struct options options = {0};

        parse_arguments(&options, argc, argv);
        if (options.get && options.ensure) {
                fputs("Can't specify both --get and --ensure\n", stderr);
                return EXIT_FAILURE;
        }
        if (!run(&options, &error)) {
                fprintf(stderr, "%s\n", error.message);
                dbus_error_free(&error);
                return EXIT_FAILURE;
        }
        return EXIT_SUCCESS;
}
