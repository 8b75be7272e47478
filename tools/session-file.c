/* SPDX-License-Identifier: MIT */
#include "session-file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

static const char *home(void)
{
        const char *directory = getenv("HOME");
        const struct passwd *user;

        if (directory && *directory)
                return directory;
        user = getpwuid(getuid());
        return user ? user->pw_dir : NULL;
}

/* The part of a display's name that screens and names of this machine do not change, for a file. */
static char *display_name(const char *display)
{
        static const char *const prefixes[] = {"localhost.localdomain:", "localhost:", ":"};
        char *name, *number;

        for (size_t i = 0; i < sizeof(prefixes) / sizeof(*prefixes); ++i) {
                size_t n = strlen(prefixes[i]);

                if (strncmp(display, prefixes[i], n) == 0) {
                        display += n;
                        break;
                }
        }
        name = strdup(display);
        if (!name)
                tool_out_of_memory("naming the session's file");
        number = strrchr(name, ':');
        number = strchr(number ? number : name, '.');
        if (number)
                *number = '\0';
        for (char *p = name; *p; ++p)
                if (*p == ':' || *p == '/')
                        *p = '_';
        return name;
}

/* The path of a directory in another, which is made if it is not there. Only the user may look. */
static char *make_directory(const char *above, const char *name)
{
        char *path;

        if (asprintf(&path, "%s/%s", above, name) < 0)
                tool_out_of_memory("naming the session's file");
        if (mkdir(path, 0700) < 0 && errno != EEXIST)
                fprintf(stderr, "Unable to create %s\n", path);
        return path;
}

static char *file_name(const char *directory, const char *machine_id, const char *display)
{
        char *top = make_directory(directory, ".dbus"),
             *sessions = make_directory(top, "session-bus");
        char *name = display_name(display), *path;

        if (asprintf(&path, "%s/%s-%s", sessions, machine_id, name) < 0)
                tool_out_of_memory("naming the session's file");
        free(name);
        free(sessions);
        free(top);
        return path;
}

static void write_text(FILE *file, const struct session_info *s, const char *machine_id,
                       const char *display)
{
        fprintf(file,
                "# Where the session bus is, for programs of the machine %s\n"
                "# on the display %s. The environment variable DBUS_SESSION_BUS_ADDRESS\n"
                "# counts more than this file: see dbus-launch(1).\n",
                machine_id, display);
        fprintf(file, "DBUS_SESSION_BUS_ADDRESS='%s'\n", s->address);
        fprintf(file, "DBUS_SESSION_BUS_PID=%ld\n", (long)s->pid);
        fprintf(file, "DBUS_SESSION_BUS_WINDOWID=%ld\n", s->window);
}

/* A new file in place of one that is there. The directory may be somebody else's, as with sudo(8),
 * which need not change HOME: what they have put there is not written to. */
static FILE *replace(const char *path)
{
        FILE *file;
        int fd;

        unlink(path);
        fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd < 0)
                return NULL;
        file = fdopen(fd, "w");
        if (!file)
                close(fd);
        return file;
}

void session_file_write(const struct session_info *s, const char *machine_id, const char *display)
{
        const char *directory = home();
        char *path;
        FILE *file;

        if (!directory) {
                fputs("Can't get user home directory\n", stderr);
                return;
        }
        path = file_name(directory, machine_id, display);
        file = replace(path);
        if (file) {
                write_text(file, s, machine_id, display);
                /* Half of it would be wrong. */
                if (fclose(file) != 0)
                        unlink(path);
        }
        free(path);
}
