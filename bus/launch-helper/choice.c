/* SPDX-License-Identifier: MIT */
#include "bus/launch-helper/choice.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/syntax.h"

enum launch_status choice_failed(const struct choice *c)
{
        return strcmp(c->fault.name, ERROR_NO_MEMORY) == 0 ? LAUNCH_NO_MEMORY : LAUNCH_FAILED;
}

enum launch_status choice_check_name(struct choice *c)
{
        return syntax_bus_name(c->name, strlen(c->name)) ? LAUNCH_OK : LAUNCH_NAME_INVALID;
}

enum launch_status choice_find_service(struct choice *c)
{
        for (size_t i = 0; i < c->conf.n_dirs; i++) {
                char *path;
                int r;

                if (asprintf(&path, "%s/%s.service", c->conf.dirs[i], c->name) < 0)
                        return LAUNCH_NO_MEMORY;
                r = service_file_read(path, &c->service, &c->fault);
                free(path);
                if (r == 0)
                        return LAUNCH_OK;
                /* Everybody can use up the system's descriptors, and memory: that must not bring
                 * the next file's turn. */
                if (strcmp(c->fault.name, ERROR_NO_MEMORY) == 0 ||
                    strcmp(c->fault.name, ERROR_LIMITS_EXCEEDED) == 0)
                        return choice_failed(c);
                fault_clear(&c->fault);
        }
        return LAUNCH_SERVICE_NOT_FOUND;
}

enum launch_status choice_check_service(struct choice *c)
{
        const struct service_file *s = &c->service;

        if (service_file_require(s->name, "Name", &c->fault) < 0)
                return choice_failed(c);
        if (strcmp(s->name, c->name) != 0)
                return LAUNCH_FILE_INVALID;
        if (service_file_require(s->exec, "Exec", &c->fault) < 0 ||
            service_file_require(s->user, "User", &c->fault) < 0)
                return choice_failed(c);
        return LAUNCH_OK;
}

void choice_deinit(struct choice *c)
{
        system_conf_deinit(&c->conf);
        service_file_deinit(&c->service);
        fault_clear(&c->fault);
}
