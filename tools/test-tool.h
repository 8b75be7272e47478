/* SPDX-License-Identifier: MIT */
#pragma once

#include <dbus/dbus.h>
#include <stdbool.h>

#include "bus-choice.h"

/*
 * What the subcommands of dbus-test-tool(1) share. Each takes the arguments from its own name on
 * and returns the exit status.
 */
enum { TEST_TOOL_USAGE_STATUS = 2 };

int test_tool_echo(int argc, char **argv);
int test_tool_black_hole(int argc, char **argv);
int test_tool_spam(int argc, char **argv);

/* Takes --session or --system. Returns whether it was one of them. */
bool test_tool_take_bus(DBusBusType *type, const char *argument);

/* Ends the program as there is no connection. The error is freed. */
_Noreturn void test_tool_not_connected(DBusError *error);
