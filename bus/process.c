/* SPDX-License-Identifier: MIT */
#include "bus/process.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef HAVE_CAPNG
#include <cap-ng.h>
#endif

#ifdef HAVE_SYSTEMD
#include <systemd/sd-daemon.h>
#endif

#include "bus/log.h"
#include "bus/userdb.h"

/* What the reference asks for when it is root: enough for the largest max_connections in use. */
#define ROOT_FD_LIMIT 65536

static int fail(char **error, const char *what, const char *object, int code)
{
        if (asprintf(error, "%s \"%s\": %s", what, object, strerror(code)) < 0)
                *error = NULL;
        return -1;
}

bool process_raise_fd_limit(struct rlimit *before)
{
        struct rlimit limit, wanted;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0) {
                log_line(LOG_LEVEL_WARNING, "Failed to get fd limit: %s", strerror(errno));
                return false;
        }
        *before = wanted = limit;
        if (geteuid() == 0 && wanted.rlim_max < ROOT_FD_LIMIT)
                wanted.rlim_max = ROOT_FD_LIMIT;
        wanted.rlim_cur = wanted.rlim_max;
        if (!setrlimit(RLIMIT_NOFILE, &wanted))
                return true;
        /* A container's root may not raise the hard limit, but everyone may use all of it. */
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
                log_line(LOG_LEVEL_WARNING, "Failed to set fd limit to %lu: %s",
                         (unsigned long)limit.rlim_cur, strerror(errno));
        return true;
}

#ifdef HAVE_CAPNG
/* What capng_change_id(3) returns, negated, and what that means to who reads it. */
static const char *const change_failures[] = {
        [4] = "Failed to set the group of user",
        [5] = "Failed to drop supplementary groups for user",
        [6] = "Failed to become user",
        [7] = "Failed to unset keep-capabilities for user",
};

/* Keeps the right to write audit messages, if it is there to keep (in a container it may not be),
 * and no other. The bounding set stays: it is what the setuid program that starts services gets
 * its rights out of. */
static int switch_ids(const struct process_user *u, char **error)
{
        const char *what = NULL;
        bool may_audit;
        int r;

        capng_get_caps_process();
        may_audit = capng_have_capability(CAPNG_PERMITTED, CAP_AUDIT_WRITE);
        capng_clear(CAPNG_SELECT_BOTH);
        if (may_audit)
                capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_AUDIT_WRITE);
        r = capng_change_id((int)u->uid, (int)u->gid, CAPNG_DROP_SUPP_GRP);
        if (r == 0)
                return 0;
        if (-r > 0 && (size_t)-r < sizeof(change_failures) / sizeof(*change_failures))
                what = change_failures[-r];
        return fail(error, what ? what : "Failed to drop capabilities for user", u->name, errno);
}
#else
/* No right is kept, except by who stays root. */
static int switch_ids(const struct process_user *u, char **error)
{
        if (setgroups(0, NULL) < 0)
                return fail(error, "Failed to drop supplementary groups for user", u->name, errno);
        if (setgid(u->gid) < 0)
                return fail(error, "Failed to set the group of user", u->name, errno);
        if (setuid(u->uid) < 0)
                return fail(error, "Failed to become user", u->name, errno);
        return 0;
}
#endif

int process_find_user(struct process_user *u, const char *name, char **error)
{
        int r;

        *u = (struct process_user){0};
        r = userdb_find_account(name, &u->uid, &u->gid);
        if (r < 0) {
                if (asprintf(error, "Could not get UID and GID for username \"%s\"%s%s", name,
                             r == -ENOENT ? "" : ": ", r == -ENOENT ? "" : strerror(-r)) < 0)
                        *error = NULL;
                return -1;
        }
        u->name = strdup(name);
        return u->name ? 0 : -1;
}

void process_user_deinit(struct process_user *u)
{
        free(u->name);
        *u = (struct process_user){0};
}

int process_become_user(const struct process_user *u, char **error)
{
        return geteuid() == 0 ? switch_ids(u, error) : 0;
}

void process_notify(const char *state)
{
#ifdef HAVE_SYSTEMD
        sd_notify(0, state);
#else
        (void)state;
#endif
}

int process_open_standard(char **error)
{
        int fd;

        /* The lowest free number is what open() returns. */
        do
                fd = open("/dev/null", O_RDWR);
        while (fd >= 0 && fd < 3);
        if (fd < 0)
                return fail(error, "Failed to open", "/dev/null", errno);
        close(fd);
        return 0;
}

/* Standard input, output and error go nowhere from now on. */
static int close_standard(char **error)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return fail(error, "Failed to open", "/dev/null", errno);
        for (int i = 0; i < 3; ++i) {
                if (dup2(fd, i) < 0)
                        return fail(error, "Failed to redirect to", "/dev/null", errno);
        }
        if (fd > 2)
                close(fd);
        return 0;
}

/* The parent's part; `go` makes the child go on. */
static int see_child_off(pid_t child, int go, int (*parent)(pid_t child, void *data, char **error),
                         void *data, char **error)
{
        if (parent(child, data, error) == 0) {
                if (write(go, "", 1) == 1)
                        _exit(EXIT_SUCCESS);
                fail(error, "Failed to let go of", "dbus-daemon", errno);
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        return -1;
}

/* The child's part. */
static int settle_as_child(bool keep_umask, int go, char **error)
{
        char c;

        if (!keep_umask)
                umask(022);
        if (setsid() < 0)
                return fail(error, "Failed to start a session for", "dbus-daemon", errno);
        /* Nothing may happen before the parent has done its part: it would have to be undone. */
        if (read(go, &c, 1) != 1)
                _exit(EXIT_FAILURE);
        return close_standard(error);
}

int process_daemonize(bool keep_umask, int (*parent)(pid_t child, void *data, char **error),
                      void *data, char **error)
{
        enum { READ, WRITE };
        int go[2], r;
        pid_t child;

        if (chdir("/") < 0)
                return fail(error, "Could not change to directory", "/", errno);
        if (pipe2(go, O_CLOEXEC) < 0)
                return fail(error, "Failed to make a pipe for", "dbus-daemon", errno);
        fflush(NULL);
        child = fork();
        if (child < 0) {
                r = fail(error, "Failed to fork", "dbus-daemon", errno);
                close(go[WRITE]);
        } else if (child > 0) {
                r = see_child_off(child, go[WRITE], parent, data, error);
                close(go[WRITE]);
        } else {
                close(go[WRITE]);
                r = settle_as_child(keep_umask, go[READ], error);
        }
        close(go[READ]);
        return r;
}

static int write_all(int fd, const char *text, size_t n)
{
        while (n) {
                ssize_t written = write(fd, text, n);

                if (written < 0 && errno == EINTR)
                        continue;
                if (written < 0)
                        return -errno;
                text += written;
                n -= (size_t)written;
        }
        return 0;
}

static int pidfile_exists(const char *path, char **error)
{
        if (asprintf(error,
                     "The pid file \"%s\" exists, if the message bus is not running, "
                     "remove this file",
                     path) < 0)
                *error = NULL;
        return -1;
}

int process_check_pidfile(const char *path, char **error)
{
        struct stat st;

        return stat(path, &st) < 0 ? 0 : pidfile_exists(path, error);
}

int process_write_pidfile(const char *path, pid_t pid, char **error)
{
        char text[24];
        int fd, r;

        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        if (fd < 0 && errno == EEXIST)
                return pidfile_exists(path, error);
        if (fd < 0)
                return fail(error, "Failed to open", path, errno);
        r = write_all(fd, text, (size_t)snprintf(text, sizeof(text), "%ld\n", (long)pid));
        if (close(fd) < 0 && !r)
                r = -errno;
        return r < 0 ? fail(error, "Failed to write to", path, -r) : 0;
}

int process_print_line(int fd, const char *line, char **error)
{
        char *text;
        int r, n = asprintf(&text, "%s\n", line);

        if (n < 0) {
                *error = NULL;
                return -1;
        }
        r = write_all(fd, text, (size_t)n);
        free(text);
        if (r < 0) {
                if (asprintf(error, "Writing to pipe: %s\n", strerror(-r)) < 0)
                        *error = NULL;
                return -1;
        }
        if (fd > 2)
                close(fd);
        return 0;
}
