/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes what the launch helper makes, as root, of the name that it is called with and of a service
 * file. The input is the name, a NUL, and the file of that name.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bus/exec-line.h"
#include "bus/launch-helper/choice.h"
#include "fuzz.h"

/* The directory of the services, open. */
static char directory[] = "/tmp/fuzz-launch-helper-XXXXXX";
static int directory_fd = -1;

static void remove_directory(void)
{
        rmdir(directory);
}

static void make_directory(void)
{
        if (directory_fd >= 0)
                return;
        require(mkdtemp(directory) != NULL);
        directory_fd = open(directory, O_DIRECTORY | O_CLOEXEC);
        require(directory_fd >= 0);
        atexit(remove_directory);
}

static void write_file(const char *file, const uint8_t *data, size_t size)
{
        int fd = openat(directory_fd, file, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);

        require(fd >= 0);
        require(write(fd, data, size) == (ssize_t)size);
        close(fd);
}

/* What is to be started has all that it takes, and is what was asked for. */
static void check_chosen(struct choice *c)
{
        char **words;

        require(!strcmp(c->service.name, c->name) && c->service.user && c->service.exec);
        if (exec_line_split(c->service.exec, &words, &c->fault) < 0) {
                require(c->fault.name && c->fault.text);
                return;
        }
        require(words[0] != NULL);
        exec_line_free(words);
}

static void choose(struct choice *c, const uint8_t *data, size_t size)
{
        char file[512];

        /* Whatever is a name is one of a file, and of no other directory. */
        require(c->name[0] && strlen(c->name) <= 255 && !strchr(c->name, '/'));
        snprintf(file, sizeof(file), "%s.service", c->name);
        write_file(file, data, size);
        if (choice_find_service(c) == LAUNCH_OK) {
                if (choice_check_service(c) == LAUNCH_OK)
                        check_chosen(c);
        } else {
                require(!c->fault.name && !c->service.name);
        }
        unlinkat(directory_fd, file, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        const uint8_t *end = memchr(data, 0, size);
        struct choice c = {0};

        if (!end)
                return 0;
        make_directory();
        c.name = (const char *)data;
        c.conf.dirs = calloc(1, sizeof(*c.conf.dirs));
        c.conf.dirs[0] = strdup(directory);
        c.conf.n_dirs = 1;
        if (choice_check_name(&c) == LAUNCH_OK)
                choose(&c, end + 1, size - (size_t)(end + 1 - data));
        choice_deinit(&c);
        return 0;
}
