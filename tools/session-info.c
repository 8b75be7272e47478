/* SPDX-License-Identifier: MIT */
#include "session-info.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* How a shell is told to set a variable. Addresses have no quotes in them. */
struct form {
        const char *set_address, *quote, *after_address, *set, *end;
};

static const struct form forms[] = {
        [SESSION_SYNTAX_PLAIN] = {"DBUS_SESSION_BUS_ADDRESS=", "", "", "", ""},
        [SESSION_SYNTAX_SH] = {"DBUS_SESSION_BUS_ADDRESS=", "'",
                               "export DBUS_SESSION_BUS_ADDRESS;\n", "", ";"},
        [SESSION_SYNTAX_CSH] = {"setenv DBUS_SESSION_BUS_ADDRESS ", "'", "", "set ", ";"},
};

static void print_text(const struct session_info *s, const struct form *f)
{
        printf("%s%s%s%s%s\n%s", f->set_address, f->quote, s->address, f->quote, f->end,
               f->after_address);
        if (s->pid)
                printf("%sDBUS_SESSION_BUS_PID=%ld%s\n", f->set, (long)s->pid, f->end);
        if (s->window)
                printf("%sDBUS_SESSION_BUS_WINDOWID=%ld%s\n", f->set, s->window, f->end);
}

static void print_binary(const struct session_info *s)
{
        fwrite(s->address, strlen(s->address) + 1, 1, stdout);
        fwrite(&s->pid, sizeof(s->pid), 1, stdout);
        fwrite(&s->window, sizeof(s->window), 1, stdout);
}

int session_info_print(const struct session_info *s, enum session_syntax syntax)
{
        if (syntax == SESSION_SYNTAX_BINARY)
                print_binary(s);
        else
                print_text(s, &forms[syntax]);
        return fflush(stdout) == EOF ? -errno : 0;
}
