/* SPDX-License-Identifier: MIT */
#pragma once

/*
 * What the programs of the behaviour suite share. Each is run with the stock library and with
 * ours. It checks what the manual and the specification promise with GTest's assertions (which do
 * not end the program here), and writes down with note() whatever else it sees: run.py holds the
 * two transcripts against each other.
 */

#include <dbus/dbus.h>
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* In place of g_test_init(): an environment without anything of D-Bus's, and the transcript. */
void harness_init(int *argc, char ***argv);

/* The case `/area/name`, which is a function without arguments. */
struct test {
        const char *path;
        void (*run)(void);
};

/* Adds all of a program's cases, up to one without a path, and runs them. */
int harness_run(int argc, char **argv, const struct test *tests);

/*
 * Transcript: $TEST_TRANSCRIPT names the file; without it the lines are TAP comments. Every line
 * belongs to the case that is running. Addresses, process ids and temporary names may be noted:
 * run.py gives them the same name in both transcripts.
 */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* NULL is shown as such, bytes outside ASCII as \x... */
void note_text(const char *what, const char *text);
void note_bytes(const char *what, const void *bytes, size_t n);
/* The error's name and message, or that there is none; then frees it. */
void note_error(const char *what, DBusError *error);
/* Fails the case unless the error is set and has that name; notes it; then frees it. */
void expect_error(DBusError *error, const char *name);
/* Fails the case if the error is set, with what it says; then frees it. */
void expect_no_error(DBusError *error);
/* The text with bytes outside printable ASCII as \x... To be freed with g_free(). */
char *escaped(const void *bytes, size_t n);

/* What became of a function that ran in a process of its own. */
struct captured {
        bool exited;     /* as opposed to: was killed by a signal */
        int status;      /* the exit status, or the signal */
        char *out, *err; /* what it wrote to standard output and error */
};

/*
 * Runs `f(data)` in a child, which exits with 0 when it returns. `environment` is a list of
 * "NAME=value" (to set) and "NAME" (to unset) that ends with NULL, or NULL. A child that takes
 * longer than half a minute gets SIGALRM.
 */
struct captured *capture(void (*f)(void *), void *data, const char *const *environment);
struct captured *captured_free(struct captured *c);
/* The end and each line of output, standard error normalised by run.py. */
void note_captured(const char *what, const struct captured *c);

/* A new directory, to be given to directory_free(), which removes it with all that is in it. */
char *directory_new(void);
char *directory_free(char *directory);

/*
 * A bus of the test's own, like a session's: everybody may do everything. The program is
 * $TEST_DBUS_DAEMON, or dbus-daemon. It does not use the library under test.
 */
struct bus {
        pid_t pid;
        char *directory; /* all its files */
        char *address;
        char *services; /* the directory where it looks for .service files */
};

/* `config` is put into the configuration as it is: limits, policies; NULL for none. The case fails
 * and NULL is returned if no bus can be started. */
struct bus *bus_new(const char *config);
/* Ends it, and waits until it is gone. NULL is fine. Returns NULL. */
struct bus *bus_free(struct bus *b);
/* Ends it as a crash would, for those who want to see a connection go. */
void bus_kill(struct bus *b);
/* A new private connection, registered, that does not exit when the bus goes. */
DBusConnection *bus_connect(const struct bus *b);
/* Closes and unreferences what bus_connect() returned. NULL is fine. Returns NULL. */
DBusConnection *bus_disconnect(DBusConnection *connection);
