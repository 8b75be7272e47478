/* SPDX-License-Identifier: MIT */
#include "core/unix-name.h"

#include <stddef.h>
#include <string.h>

#include "core/error-text.h"

/* Longest names in bytes. The reference stays below sun_path's 108, as some systems have less. */
#define MAX_PATH     99
#define MAX_ABSTRACT 98

/* Names end where the size says: there is no NUL behind them. */
static void set(struct unix_name *n, size_t at, const char *text)
{
        size_t length = strlen(text);

        n->address = (struct sockaddr_un){.sun_family = AF_UNIX};
        memcpy(n->address.sun_path + at, text, length);
        n->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + at + length);
        n->text = text;
}

int unix_name_path(struct unix_name *n, const char *path, char **error_text)
{
        if (strlen(path) > MAX_PATH)
                return error_text_set(error_text, UNIX_NAME_E_LONG, "Socket name too long\n");
        set(n, 0, path);
        return 0;
}

int unix_name_abstract(struct unix_name *n, const char *name, char **error_text)
{
        if (strlen(name) > MAX_ABSTRACT)
                return error_text_set(error_text, UNIX_NAME_E_LONG,
                                      "Abstract socket name too long\n");
        set(n, 1, name);
        return 0;
}
