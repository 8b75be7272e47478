/* SPDX-License-Identifier: MIT */
#include "bus/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

static unsigned log_targets = LOG_TO_STDERR;
/* "[session uid=0 pid=7] " or "[system] ", as the reference marks the lines of these two. */
static char log_prefix[64];

static const int priorities[] = {
        [LOG_LEVEL_INFO] = LOG_DAEMON | LOG_INFO,
        [LOG_LEVEL_WARNING] = LOG_DAEMON | LOG_WARNING,
        [LOG_LEVEL_ERROR] = LOG_DAEMON | LOG_CRIT,
        [LOG_LEVEL_SECURITY] = LOG_AUTH | LOG_NOTICE,
};

void log_setup(unsigned targets, const char *bus_type)
{
        log_targets = targets;
        log_prefix[0] = '\0';
        if (bus_type && !strcmp(bus_type, "system"))
                snprintf(log_prefix, sizeof(log_prefix), "[system] ");
        else if (bus_type && !strcmp(bus_type, "session"))
                snprintf(log_prefix, sizeof(log_prefix), "[session uid=%lu pid=%lu] ",
                         (unsigned long)getuid(), (unsigned long)getpid());
        if (targets & LOG_TO_SYSLOG)
                openlog("dbus-daemon", LOG_PID, LOG_DAEMON);
}

bool log_goes_to_syslog(void)
{
        return log_targets & LOG_TO_SYSLOG;
}

void log_without_prefix(void)
{
        log_prefix[0] = '\0';
}

void log_line(enum log_level level, const char *format, ...)
{
        va_list args;
        char *text;

        va_start(args, format);
        if (vasprintf(&text, format, args) < 0)
                text = NULL;
        va_end(args);
        if (!text)
                return;
        if (log_targets & LOG_TO_SYSLOG)
                syslog(priorities[level], "%s%s", log_prefix, text);
        if (log_targets & LOG_TO_STDERR)
                fprintf(stderr, "dbus-daemon[%ld]: %s%s\n", (long)getpid(), log_prefix, text);
        free(text);
}
