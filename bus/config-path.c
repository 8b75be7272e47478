/* SPDX-License-Identifier: MIT */
#include "bus/config-path.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int join(const char *dir, size_t length, const char *name, char **path)
{
        if (asprintf(path, "%.*s%s%s", (int)length, dir,
                     length && dir[length - 1] == '/' ? "" : "/", name) < 0)
                return -ENOMEM;
        return 0;
}

int config_path_in(const char *dir, const char *name, char **path)
{
        return join(dir, strlen(dir), name, path);
}

int config_path_beside(const char *file, const char *name, char **path)
{
        const char *slash = strrchr(file, '/');

        if (name[0] == '/') {
                *path = strdup(name);
                return *path ? 0 : -ENOMEM;
        }
        if (!slash)
                return join(".", 1, name, path);
        return join(file, slash == file ? 1 : (size_t)(slash - file), name, path);
}
