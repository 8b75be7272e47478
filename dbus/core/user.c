/* SPDX-License-Identifier: MIT */
#include "core/user.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

/* Room for an entry's strings at first, and at most: an entry that is larger is a mistake. */
#define ENTRY_ROOM     1024u
#define ENTRY_MAX_ROOM (1024u * 1024)

bool user_id_parse(const char *text, size_t n, uid_t *uid)
{
        char *end;
        long long v;

        errno = 0;
        v = strtoll(text, &end, 0);
        /* (uid_t)-1 means "no user" to the kernel. */
        if (!n || errno || end != text + n || v < 0 || v >= (uid_t)-1)
                return false;
        *uid = (uid_t)v;
        return true;
}

/*
 * Looks a user up by name, or by number if `name` is NULL.
 * Returns 0 with the strings of `entry` in *strings, to be freed, or -errno.
 */
static int look_up(const char *name, uid_t uid, struct passwd *entry, char **strings)
{
        for (size_t room = ENTRY_ROOM; room <= ENTRY_MAX_ROOM; room *= 2) {
                struct passwd *found = NULL;
                char *p = malloc(room);
                int r;

                if (!p)
                        return -ENOMEM;
                r = name ? getpwnam_r(name, entry, p, room, &found)
                         : getpwuid_r(uid, entry, p, room, &found);
                if (!r && found) {
                        *strings = p;
                        return 0;
                }
                free(p);
                /* Some sources report that there is no such user as one of these errors. */
                if (!r || r == ENOENT || r == ESRCH)
                        return -ENOENT;
                if (r != ERANGE && r != EINTR)
                        return -r;
        }
        return -ERANGE;
}

int user_by_name(const char *name, uid_t *uid)
{
        struct passwd entry;
        char *strings;
        int r = look_up(name, 0, &entry, &strings);

        if (r < 0)
                return r;
        *uid = entry.pw_uid;
        free(strings);
        return 0;
}

int user_home(uid_t uid, char **path)
{
        struct passwd entry;
        char *strings;
        int r = look_up(NULL, uid, &entry, &strings);

        if (r < 0)
                return r;
        if (entry.pw_dir && *entry.pw_dir)
                r = (*path = strdup(entry.pw_dir)) ? 0 : -ENOMEM;
        else
                r = -ENOENT;
        free(strings);
        return r;
}
