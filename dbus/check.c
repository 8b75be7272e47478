/* SPDX-License-Identifier: MIT */
#include "check.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How long a program that is about to abort waits for a debugger, in seconds. */
#define BLOCK_ON_ABORT 180

static pthread_once_t environment_once = PTHREAD_ONCE_INIT;
static bool misuse_is_fatal = true, warnings_are_fatal = false;

/* Asked once. Privileged programs heed it, too: it can make them stop, but do nothing else. */
static void read_environment(void)
{
        const char *text = getenv("DBUS_FATAL_WARNINGS");

        if (!text || !*text)
                return;
        if (*text == '0')
                misuse_is_fatal = warnings_are_fatal = false;
        else if (*text == '1')
                misuse_is_fatal = warnings_are_fatal = true;
        else
                fprintf(stderr, "DBUS_FATAL_WARNINGS should be set to 0 or 1 if set, not '%s'",
                        text);
}

/* The text that the reference says before it aborts is kept, for what compares standard error. */
static _Noreturn void give_up(void)
{
        fputs("  D-Bus not built with -rdynamic so unable to print a backtrace\n", stderr);
        if (getenv("DBUS_BLOCK_ON_ABORT")) {
                fprintf(stderr, "  Process %d sleeping for gdb attach\n", (int)getpid());
                sleep(BLOCK_ON_ABORT);
        }
        abort();
}

static void say(const char *format, va_list arguments)
{
        flockfile(stderr);
        fprintf(stderr, "dbus[%d]: ", (int)getpid());
        vfprintf(stderr, format, arguments);
        fputc('\n', stderr);
        funlockfile(stderr);
}

bool check_failed(const char *function, const char *condition, const char *file, int line)
{
        warn_misuse(
                "arguments to %s() were incorrect, assertion \"%s\" failed in file %s line %d.\n"
                "This is normally a bug in some application using the D-Bus library.\n",
                function, condition, file, line);
        return false;
}

void warn_misuse(const char *format, ...)
{
        va_list arguments;

        pthread_once(&environment_once, read_environment);
        va_start(arguments, format);
        say(format, arguments);
        va_end(arguments);
        if (misuse_is_fatal)
                give_up();
}

void warn(const char *format, ...)
{
        va_list arguments;

        pthread_once(&environment_once, read_environment);
        va_start(arguments, format);
        say(format, arguments);
        va_end(arguments);
        if (warnings_are_fatal)
                give_up();
}
