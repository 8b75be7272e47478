/* SPDX-License-Identifier: MIT */
#include "bus/journal.h"

#ifdef HAVE_SYSTEMD

#include <stdbool.h>
#include <syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

static void redirect(int fd, const char *identifier, int priority)
{
        const bool has_prefixes = false;
        int stream = sd_journal_stream_fd(identifier, priority, has_prefixes);

        if (stream < 0)
                return;
        dup2(stream, fd);
        close(stream);
}

void journal_take_output(const char *identifier)
{
        redirect(STDOUT_FILENO, identifier, LOG_INFO);
        redirect(STDERR_FILENO, identifier, LOG_WARNING);
}

#else

void journal_take_output(const char *identifier)
{
        (void)identifier;
}

#endif
