/* SPDX-License-Identifier: MIT */
#include "bus/activation-program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "bus/activation-wait.h"
#include "bus/exec-line.h"
#include "bus/launch-status.h"
#include "bus/log.h"

/* What the helper's exit status says (bus/launch-helper). */
static const struct {
        const char *name, *text;
} helper_failures[] = {
        [LAUNCH_NO_MEMORY] = {ERROR_NO_MEMORY, "Launcher could not run (out of memory)"},
        [LAUNCH_CONFIG_INVALID] = {ERROR_SPAWN_CONFIG_INVALID,
                                   "Invalid configuration (missing or empty <user>?)"},
        [LAUNCH_SETUP_FAILED] = {ERROR_SPAWN_FAILED_TO_SETUP,
                                 "Failed to setup environment correctly"},
        [LAUNCH_NAME_INVALID] = {ERROR_SPAWN_SERVICE_NOT_VALID, "Bus name is not valid or missing"},
        [LAUNCH_SERVICE_NOT_FOUND] = {ERROR_SPAWN_SERVICE_NOT_FOUND,
                                      "Bus name not found in system service directory"},
        [LAUNCH_PERMISSIONS_INVALID] = {ERROR_SPAWN_PERMISSIONS_INVALID,
                                        "The permission of the setuid helper is not correct"},
        [LAUNCH_FILE_INVALID] = {ERROR_SPAWN_PERMISSIONS_INVALID,
                                 "The service file is incorrect or does not have all required "
                                 "attributes"},
        [LAUNCH_EXEC_FAILED] = {ERROR_SPAWN_EXEC_FAILED,
                                "Cannot launch daemon, file not found or permissions invalid"},
        [LAUNCH_INVALID_ARGS] = {ERROR_INVALID_ARGS, "Invalid arguments to command line"},
        [LAUNCH_CHILD_SIGNALED] = {ERROR_SPAWN_CHILD_SIGNALED,
                                   "Launched child was signaled, it probably crashed"},
};

static int judge_helper_status(int status, struct fault *fault)
{
        if ((size_t)status < sizeof(helper_failures) / sizeof(*helper_failures) &&
            helper_failures[status].name)
                return fault_set(fault, helper_failures[status].name, "%s",
                                 helper_failures[status].text);
        return fault_set(fault, ERROR_SPAWN_CHILD_EXITED,
                         "Launch helper exited with unknown return code %d", status);
}

/* Returns 0 if there is still hope: a program that ends with success may have left a process in the
 * background. Else -1 and what went wrong. */
static int judge_end(const struct activation *a, const struct child_end *end, struct fault *fault)
{
        int status;

        if (end->exec_error)
                return fault_set(fault, ERROR_SPAWN_EXEC_FAILED, "Failed to execute program %s: %s",
                                 a->name, strerror(end->exec_error));
        if (WIFSIGNALED(end->status))
                return fault_set(fault, ERROR_SPAWN_CHILD_SIGNALED, "Process %s received signal %d",
                                 a->name, WTERMSIG(end->status));
        status = WEXITSTATUS(end->status);
        if (!status)
                return 0;
        if (a->by_helper)
                return judge_helper_status(status, fault);
        return fault_set(fault, ERROR_SPAWN_CHILD_EXITED, "Process %s exited with status %d",
                         a->name, status);
}

static void program_ended(struct child *child, const struct child_end *end)
{
        struct activation *a = child->data;
        struct bus *bus = container_of(a->all, struct bus, activations);
        struct fault fault = {0};

        a->child = NULL;
        if (judge_end(a, end, &fault) == 0)
                return;
        log_line(LOG_LEVEL_INFO, "Activated service '%s' failed: %s", a->name, fault_text(&fault));
        activation_fail_program(bus, a, &fault);
        fault_clear(&fault);
}

/* The command line, which says whose failure is everybody's that waits for the same. */
static int choose_command(struct bus *bus, struct activation *a, const struct service *service,
                          struct fault *fault)
{
        const char *helper = bus->config->servicehelper;

        if (helper && !service->data.user)
                return fault_set(fault, ERROR_SPAWN_FILE_INVALID,
                                 "Cannot do system-bus activation with no user\n");
        a->by_helper = helper != NULL;
        if (!helper)
                a->exec = strdup(service->data.exec);
        else if (asprintf(&a->exec, "%s %s", helper, service->data.name) < 0)
                a->exec = NULL;
        return a->exec ? 0 : fault_no_memory(fault);
}

/* Whatever was told to us, a service finds the bus that has started it. */
static int describe_bus(struct environment *e, const char *address, const char *type)
{
        int r = environment_set(e, "DBUS_STARTER_ADDRESS", address);

        if (r < 0 || !type)
                return r;
        if (!strcmp(type, "session"))
                r = environment_set(e, "DBUS_SESSION_BUS_ADDRESS", address);
        else if (!strcmp(type, "system"))
                r = environment_set(e, "DBUS_SYSTEM_BUS_ADDRESS", address);
        return r < 0 ? r : environment_set(e, "DBUS_STARTER_BUS_TYPE", type);
}

static int launch(struct bus *bus, struct activation *a, char **argv, struct fault *fault)
{
        struct program program = {
                .argv = argv,
                .journal = log_goes_to_syslog() ? a->name : NULL,
        };
        int r;

        if (describe_bus(&bus->environment, bus->address, bus->config->type) < 0)
                return fault_no_memory(fault);
        program.envp = environment_vector(&bus->environment);
        r = spawn(&bus->spawner, &program, program_ended, a, &a->child);
        if (r == 0)
                return 0;
        fault_set(fault, ERROR_SPAWN_FORK_FAILED, "Failed to fork (%s)", strerror(-r));
        log_line(LOG_LEVEL_INFO, "Failed to activate service %s: %s", a->name, fault_text(fault));
        return -1;
}

int activation_run(struct bus *bus, struct activation *a, const struct service *service,
                   struct peer *from, struct fault *fault)
{
        char **argv;
        int r;

        if (choose_command(bus, a, service, fault) < 0 ||
            exec_line_split(a->exec, &argv, fault) < 0)
                return -1;
        log_line(LOG_LEVEL_INFO, "Activating service name='%s' requested by '%s' (%s)%s", a->name,
                 from->name, peer_description(from), a->by_helper ? " (using servicehelper)" : "");
        r = launch(bus, a, argv, fault);
        exec_line_free(argv);
        return r;
}
