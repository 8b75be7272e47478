/* SPDX-License-Identifier: MIT */
#include "bus/userdb.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Where entries are unpacked to: first guess, and when to give up asking for more. */
#define BUFFER_SIZE 1024
#define BUFFER_MAX  (4u * 1024 * 1024)

/* Most groups that a user can be in, with room to spare (Linux: NGROUPS_MAX is 65536). */
#define GROUPS_MAX (1 << 20)

/* An entry together with the memory that it points into. */
struct entry {
        struct passwd user;
        struct group group;
        char *buffer;
};

/* What is looked for: by name, or by number if there is no name. */
struct query {
        const char *name;
        id_t number;
};

/* Returns 0 and sets *found, or an errno. */
typedef int lookup_function(const struct query *q, struct entry *e, size_t size, bool *found);

static int look_up_user(const struct query *q, struct entry *e, size_t size, bool *found)
{
        struct passwd *result = NULL;
        int r = q->name ? getpwnam_r(q->name, &e->user, e->buffer, size, &result)
                        : getpwuid_r(q->number, &e->user, e->buffer, size, &result);

        *found = result != NULL;
        return r;
}

static int look_up_group(const struct query *q, struct entry *e, size_t size, bool *found)
{
        struct group *result = NULL;
        int r = q->name ? getgrnam_r(q->name, &e->group, e->buffer, size, &result)
                        : getgrgid_r(q->number, &e->group, e->buffer, size, &result);

        *found = result != NULL;
        return r;
}

/* getpwnam(3) lists the errnos that mean "not found" with one backend or another. */
static bool means_absent(int error)
{
        return error == 0 || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM;
}

/* On success the entry's buffer is the caller's to free. */
static int look_up(lookup_function *function, const struct query *q, struct entry *e)
{
        size_t size = BUFFER_SIZE;

        for (;;) {
                bool found = false;
                int r;

                e->buffer = malloc(size);
                if (!e->buffer)
                        return -ENOMEM;
                do {
                        r = function(q, e, size, &found);
                } while (r == EINTR);
                if (!r && found)
                        return 0;
                free(e->buffer);
                if (r != ERANGE)
                        return means_absent(r) ? -ENOENT : -r;
                if (size >= BUFFER_MAX)
                        return -ERANGE;
                size *= 2;
        }
}

/* True and the number if the whole text is one; false also if no id can be that large. */
static bool parse_id(const char *text, id_t *id)
{
        char *end;
        unsigned long value;

        errno = 0;
        value = strtoul(text, &end, 0);
        if (end == text || *end || errno || value >= UINT_MAX)
                return false;
        *id = value;
        return true;
}

static int find(lookup_function *function, const char *text, struct entry *e)
{
        struct query q = {.name = text};
        int r;

        if (parse_id(text, &q.number))
                q.name = NULL;
        r = look_up(function, &q, e);
        if (!r)
                free(e->buffer);
        return r;
}

int userdb_find_user(const char *text, id_t *uid)
{
        struct entry e;
        int r = find(look_up_user, text, &e);

        if (!r)
                *uid = e.user.pw_uid;
        return r;
}

int userdb_find_account(const char *text, uid_t *uid, gid_t *gid)
{
        struct entry e;
        int r = find(look_up_user, text, &e);

        if (!r) {
                *uid = e.user.pw_uid;
                *gid = e.user.pw_gid;
        }
        return r;
}

int userdb_find_group(const char *text, id_t *gid)
{
        struct entry e;
        int r = find(look_up_group, text, &e);

        if (!r)
                *gid = e.group.gr_gid;
        return r;
}

static int groups_of(const struct passwd *user, gid_t **groups, size_t *n_groups)
{
        int room = 16;

        for (;;) {
                int n = room;
                gid_t *list = malloc((size_t)room * sizeof(*list));

                if (!list)
                        return -ENOMEM;
                if (getgrouplist(user->pw_name, user->pw_gid, list, &n) >= 0) {
                        *groups = list;
                        *n_groups = (size_t)n;
                        return 0;
                }
                free(list);
                /* `n` is how many there are, but a backend that failed leaves it as it was. */
                if (n > GROUPS_MAX || room > GROUPS_MAX)
                        return -ERANGE;
                room = n > room ? n : room * 2;
        }
}

int userdb_groups(uid_t uid, gid_t **groups, size_t *n_groups)
{
        struct entry e;
        int r = look_up(look_up_user, &(struct query){.number = uid}, &e);

        if (r < 0)
                return r;
        r = groups_of(&e.user, groups, n_groups);
        free(e.buffer);
        return r;
}
