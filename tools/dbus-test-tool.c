/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test-tool.h"

/*
 * dbus-test-tool(1): makes traffic.
 */

static const struct {
        const char *name;
        int (*run)(int, char **);
} subcommands[] = {
        {"black-hole", test_tool_black_hole},
        {"echo", test_tool_echo},
        {"spam", test_tool_spam},
};

enum { N_SUBCOMMANDS = sizeof(subcommands) / sizeof(*subcommands) };

static int usage(void)
{
        fputs("Usage: dbus-test-tool SUBCOMMAND [OPTIONS]\n"
              "\n"
              "Known SUBCOMMANDs are:\n"
              "\n",
              stderr);
        for (int i = 0; i < N_SUBCOMMANDS; ++i)
                fprintf(stderr, "- %s\n", subcommands[i].name);
        fputs("\n"
              "For more information: dbus-test-tool SUBCOMMAND --help\n",
              stderr);
        return TEST_TOOL_USAGE_STATUS;
}

bool test_tool_take_bus(DBusBusType *type, const char *argument)
{
        if (strcmp(argument, "--system") == 0)
                *type = DBUS_BUS_SYSTEM;
        else if (strcmp(argument, "--session") == 0)
                *type = DBUS_BUS_SESSION;
        else
                return false;
        return true;
}

void test_tool_not_connected(DBusError *error)
{
        fprintf(stderr, "Failed to connect to bus: %s: %s\n", error->name, error->message);
        dbus_error_free(error);
        exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
        for (int i = 0; argc > 1 && i < N_SUBCOMMANDS; ++i)
                if (strcmp(argv[1], subcommands[i].name) == 0)
                        return subcommands[i].run(argc - 1, argv + 1);
        return usage();
}
