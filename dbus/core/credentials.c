/* SPDX-License-Identifier: MIT */
#include "core/credentials.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Since Linux 6.5; the number that all but a few architectures use (asm-generic/socket.h). */
#if !defined(SO_PEERPIDFD) && (defined(__x86_64__) || defined(__i386__) || defined(__aarch64__) || \
                               defined(__arm__) || defined(__riscv) || defined(__powerpc__) ||     \
                               defined(__s390__) || defined(__mips__) || defined(__loongarch__))
#define SO_PEERPIDFD 77
#endif

/* What most users' groups and labels fit in, so that the kernel is asked once. */
#define GROUPS_ROOM 16u
#define LABEL_ROOM  64u

void credentials_init(struct credentials *c)
{
        *c = (struct credentials){0};
}

void credentials_deinit(struct credentials *c)
{
        free(c->groups);
        free(c->security_label);
        credentials_init(c);
}

static int read_identity(struct credentials *c, int fd)
{
        struct ucred who;
        socklen_t n = sizeof(who);

        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &n) < 0)
                return errno == ENOPROTOOPT || errno == EOPNOTSUPP ? 0 : -errno;
        c->has_pid = true;
        c->pid = who.pid;
        c->uid = who.uid;
        c->has_uid = who.uid != (uid_t)-1;
        c->gid = who.gid;
        c->has_gid = who.gid != (gid_t)-1;
        return 0;
}

/*
 * Reads a socket option of any length into *bytes (to be freed), with `spare` bytes of room behind
 * it. Returns its length, -ENOMEM, or another -errno if the kernel does not have it.
 */
static ssize_t read_option(int fd, int option, size_t room, size_t spare, void **bytes)
{
        socklen_t n = (socklen_t)room;
        void *p = NULL, *larger;

        for (;;) {
                larger = realloc(p, n + spare);
                if (!larger) {
                        free(p);
                        return -ENOMEM;
                }
                p = larger;
                if (getsockopt(fd, SOL_SOCKET, option, p, &n) >= 0) {
                        *bytes = p;
                        return (ssize_t)n;
                }
                if (errno != ERANGE || n <= room) {
                        int r = -errno;

                        free(p);
                        return r;
                }
                room = n;
        }
}

/* The primary group is one of a process's groups, but the kernel lists it only if it is a
 * supplementary one, too. */
static void insert_group(struct credentials *c, gid_t gid)
{
        size_t at = 0;

        while (at < c->n_groups && c->groups[at] < gid)
                at += 1;
        if (at < c->n_groups && c->groups[at] == gid)
                return;
        memmove(&c->groups[at + 1], &c->groups[at], (c->n_groups - at) * sizeof(gid_t));
        c->groups[at] = gid;
        c->n_groups += 1;
}

static int read_groups(struct credentials *c, int fd)
{
        void *groups = NULL, *fitted;
        ssize_t n =
                read_option(fd, SO_PEERGROUPS, GROUPS_ROOM * sizeof(gid_t), sizeof(gid_t), &groups);

        if (n < 0)
                return n == -ENOMEM ? -ENOMEM : 0;
        c->groups = groups;
        c->n_groups = (size_t)n / sizeof(gid_t);
        c->has_groups = true;
        if (c->has_gid)
                insert_group(c, c->gid);
        if (c->n_groups) {
                fitted = realloc(c->groups, c->n_groups * sizeof(gid_t));
                if (fitted)
                        c->groups = fitted;
        }
        return 0;
}

static int read_label(struct credentials *c, int fd)
{
        void *label = NULL, *fitted;
        char *text;
        ssize_t n = read_option(fd, SO_PEERSEC, LABEL_ROOM, 1, &label);

        if (n < 0)
                return n == -ENOMEM ? -ENOMEM : 0;
        text = label;
        text[n] = '\0';
        /* Some LSMs count the NUL at the end, some do not. A label with one inside is of no use. */
        if (!*text || strlen(text) + 1 < (size_t)n) {
                free(label);
                return 0;
        }
        fitted = realloc(label, strlen(text) + 1);
        c->security_label = fitted ? fitted : label;
        return 0;
}

void credentials_forget_groups(struct credentials *c)
{
        free(c->groups);
        c->groups = NULL;
        c->n_groups = 0;
        c->has_groups = c->has_gid = false;
}

int credentials_open_pidfd(int fd)
{
#ifdef SO_PEERPIDFD
        int pidfd;
        socklen_t n = sizeof(pidfd);

        return getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &n) < 0 ? -errno : pidfd;
#else
        (void)fd;
        return -ENOPROTOOPT;
#endif
}

int credentials_from_socket(struct credentials *c, int fd)
{
        int r = read_identity(c, fd);

        if (!r)
                r = read_groups(c, fd);
        if (!r)
                r = read_label(c, fd);
        if (r < 0)
                credentials_deinit(c);
        return r;
}
