/* SPDX-License-Identifier: MIT */
#pragma once

#include <sys/types.h>

/*
 * What dbus-launch(1) knows of a session's bus, and the forms in which it says so.
 */
struct session_info {
        char *address; /* to be freed */
        pid_t pid;     /* 0: not known */
        long window;   /* of X11, where others find it; 0: none */
};

enum session_syntax {
        SESSION_SYNTAX_PLAIN,
        SESSION_SYNTAX_SH,
        SESSION_SYNTAX_CSH,
        SESSION_SYNTAX_BINARY
};

/* Prints it. Returns 0 or -errno. */
int session_info_print(const struct session_info *s, enum session_syntax syntax);
