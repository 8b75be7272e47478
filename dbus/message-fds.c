/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "message-edit.h"

/* A copy that is closed on exec and is none of the three that programs expect to be theirs. */
int message_dup_fd(int fd)
{
        return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static bool make_room(DBusMessage *m, unsigned n)
{
        int *fds;

        if (n <= m->max_fds)
                return true;
        if (n < 2 * m->max_fds)
                n = 2 * m->max_fds;
        fds = realloc(m->own_fds, n * sizeof(*fds));
        if (!fds)
                return false;
        /* Those of a received message lie behind it. */
        if (!m->own_fds && m->wire.n_fds)
                memcpy(fds, m->wire.fds, m->wire.n_fds * sizeof(*fds));
        m->own_fds = m->wire.fds = fds;
        m->max_fds = n;
        return true;
}

bool message_copy_fds(DBusMessage *m, const int *fds, unsigned n)
{
        if (!make_room(m, n))
                return false;
        for (unsigned i = 0; i < n; ++i) {
                int fd = message_dup_fd(fds[i]);

                if (fd < 0)
                        return false;
                m->wire.fds[m->wire.n_fds++] = fd;
        }
        return true;
}

bool message_add_fd(DBusMessage *m, int fd, uint32_t *index)
{
        unsigned n = m->wire.n_fds;
        int copy;

        if (!make_room(m, n + 1))
                return false;
        copy = message_dup_fd(fd);
        if (copy < 0)
                return false;
        if (!message_put_number(m, FIELD_UNIX_FDS, n + 1)) {
                close(copy);
                return false;
        }
        m->wire.fds[n] = copy;
        m->wire.n_fds = n + 1;
        *index = n;
        return true;
}

dbus_bool_t dbus_message_contains_unix_fds(DBusMessage *message)
{
        return CHECK(message != NULL) && message->wire.n_fds > 0;
}
