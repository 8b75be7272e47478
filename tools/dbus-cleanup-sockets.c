/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "tool.h"

/*
 * dbus-cleanup-sockets(1): removes sockets that nobody listens at any more.
 */

#define PREFIX "dbus-"

#define DEFAULT_DIRECTORY "/tmp"

enum { TRIES = 6, PAUSE = 2 /* seconds */ };

enum state { UNKNOWN, BUSY, DEAD, IN_USE, N_STATES };

struct entry {
        char *name;
        enum state state;
};

struct entries {
        struct entry *all;
        size_t n;
        size_t count[N_STATES];
};

static _Noreturn void usage(int status)
{
        fputs("dbus-cleanup-sockets [--version] [--help] <socketdir>\n", stderr);
        exit(status);
}

static const char *parse_arguments(int argc, char **argv)
{
        const char *directory = NULL;
        bool options = true;

        for (int i = 1; i < argc; ++i) {
                if (tool_wants_help(argv[i]))
                        usage(EXIT_SUCCESS);
                if (strcmp(argv[i], "--version") == 0) {
                        tool_print_version("D-Bus Socket Cleanup Utility");
                        exit(EXIT_SUCCESS);
                }
                if (options && strcmp(argv[i], "--") == 0) {
                        options = false;
                } else if (options && argv[i][0] == '-') {
                        usage(EXIT_FAILURE);
                } else if (directory) {
                        fputs("dbus-cleanup-sockets only supports a single directory name\n",
                              stderr);
                        exit(EXIT_FAILURE);
                } else {
                        directory = argv[i];
                }
        }
        return directory ? directory : DEFAULT_DIRECTORY;
}

/* Only what is a socket is looked at: somebody may keep other files under such a name. */
static bool is_candidate(int directory, const char *name)
{
        struct stat status;

        return strncmp(name, PREFIX, strlen(PREFIX)) == 0 &&
               fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
               S_ISSOCK(status.st_mode);
}

static void add(struct entries *e, const char *name)
{
        struct entry *more = realloc(e->all, (e->n + 1) * sizeof(*more));

        if (!more)
                tool_out_of_memory("reading the directory");
        e->all = more;
        more[e->n] = (struct entry){strdup(name), UNKNOWN};
        if (!more[e->n++].name)
                tool_out_of_memory("reading the directory");
}

static void read_names(struct entries *e, DIR *directory)
{
        struct dirent *d;

        while ((d = readdir(directory)))
                if (is_candidate(dirfd(directory), d->d_name))
                        add(e, d->d_name);
}

static int connect_to(const char *name)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int r = 0, fd;

        /* A name that was cut could be somebody else's. */
        if (strlen(name) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, name);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
                r = -errno;
        close(fd);
        return r;
}

/* Sees who is at a socket of the working directory. */
static enum state look(const char *directory, const char *name)
{
        int r = connect_to(name);

        switch (r) {
        case 0:
                return IN_USE;
        case -ECONNREFUSED:
                return DEAD;
        case -EAGAIN:
        case -EINPROGRESS:
                /* Its queue of connections is full: somebody is slow, or gone. */
                return BUSY;
        default:
                fprintf(stderr, "Warning: unexpected error connecting to socket %s/%s: %s\n",
                        directory, name, strerror(-r));
                return UNKNOWN;
        }
}

/* Looks at those which are in a state. Returns whether one is busy. */
static bool look_at(struct entries *e, enum state wanted, const char *directory)
{
        bool busy = false;

        for (size_t i = 0; i < e->n; ++i) {
                if (e->all[i].state == wanted)
                        e->all[i].state = look(directory, e->all[i].name);
                busy |= e->all[i].state == BUSY;
        }
        return busy;
}

static void look_at_all(struct entries *e, const char *directory)
{
        bool busy = look_at(e, UNKNOWN, directory);

        for (int i = 0; busy && i < TRIES; ++i) {
                fprintf(stderr,
                        "Unable to determine state of some sockets, retrying in %d seconds\n",
                        PAUSE);
                sleep(PAUSE);
                busy = look_at(e, BUSY, directory);
        }
}

static void clean(struct entries *e, const char *directory)
{
        for (size_t i = 0; i < e->n; ++i) {
                struct entry *x = e->all + i;

                if (x->state == BUSY) {
                        fprintf(stderr,
                                "Warning: giving up on socket %s/%s after several retries; unable "
                                "to determine socket's status\n",
                                directory, x->name);
                        x->state = UNKNOWN;
                }
                if (x->state == DEAD && unlink(x->name) < 0)
                        fprintf(stderr, "Warning: Failed to delete %s/%s: %s\n", directory, x->name,
                                strerror(errno));
                ++e->count[x->state];
                free(x->name);
        }
        free(e->all);
}

int main(int argc, char **argv)
{
        const char *name = parse_arguments(argc, argv);
        DIR *directory = opendir(name);
        struct entries entries = {0};

        /* Names of sockets have little room, so they are used from within their directory. */
        if (!directory || fchdir(dirfd(directory)) < 0) {
                fprintf(stderr, "Failed to open directory %s: %s\n", name, strerror(errno));
                return EXIT_FAILURE;
        }
        read_names(&entries, directory);
        look_at_all(&entries, name);
        clean(&entries, name);
        closedir(directory);
        printf("Cleaned up %zu sockets in %s; %zu sockets are still in use; %zu in unknown state\n",
               entries.count[DEAD], name, entries.count[IN_USE], entries.count[UNKNOWN]);
        return EXIT_SUCCESS;
}
