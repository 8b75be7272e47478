/* SPDX-License-Identifier: MIT */

/*
 * Fuzzes what the launch helper reads of the configuration, as root. The input is a file.
 */

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus/launch-helper/system-conf.h"
#include "fuzz.h"

static void check(const struct system_conf *c)
{
        require((c->n_users == 1) == !!c->user);
        require(!c->user || c->user[0]);
        for (size_t i = 0; i < c->n_dirs; i++)
                require(c->dirs[i][0] == '/');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        int fd = memfd_create("fuzz-system-conf", MFD_CLOEXEC);
        struct system_conf conf;
        struct fault fault = {0};
        char path[64];

        require(fd >= 0);
        require(write(fd, data, size) == (ssize_t)size);
        snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
        if (system_conf_read(path, &conf, &fault) < 0) {
                require(fault.name && fault.text && fault.text[0]);
                require(!conf.user && !conf.dirs && !conf.n_dirs);
                fault_clear(&fault);
        } else {
                require(!fault.name);
                check(&conf);
                system_conf_deinit(&conf);
        }
        close(fd);
        return 0;
}
