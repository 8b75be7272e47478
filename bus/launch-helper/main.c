/* SPDX-License-Identifier: MIT */

/*
 * dbus-daemon-launch-helper: starts a service of the system bus as the user whom its service file
 * names. The daemon, which has dropped its privileges, runs it with the name of the service as the
 * one argument; it is installed setuid root, and only the daemon's user may run it.
 *
 * This is the one program of ours that has more rights than who runs it. doc/launch-helper.md says
 * what it trusts, and why each step is where it is: change it together with this.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "bus/exec-line.h"
#include "bus/launch-helper/choice.h"

/* Each step returns LAUNCH_OK or how to end. */
typedef enum launch_status step_function(struct choice *c);

/* What a descriptor was opened for can be had again by its name in /proc, with the rights of who
 * asks: a service that writes to /dev/stderr would write to what its caller could only read. */
static bool is_output(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        return flags >= 0 && ((flags & O_ACCMODE) == O_WRONLY || (flags & O_ACCMODE) == O_RDWR);
}

/* Before anything is opened that would be taken for standard error, here or in the service. libc
 * does this for a setuid program; we do not rely on being one. The daemon gives no input either. */
static enum launch_status open_standard_descriptors(struct choice *c)
{
        int null;

        (void)c;
        do {
                null = open("/dev/null", O_RDWR | O_NOCTTY | O_CLOEXEC);
                if (null < 0)
                        return LAUNCH_SETUP_FAILED;
        } while (null <= STDERR_FILENO);
        for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
                if ((fd == STDIN_FILENO || !is_output(fd)) && dup2(null, fd) < 0)
                        return LAUNCH_SETUP_FAILED;
        }
        close(null);
        return LAUNCH_OK;
}

/* execve(2) keeps timers, what is blocked and what is ignored. A service gets what the daemon gives
 * to those that it starts itself (bus/spawn.h). */
static enum launch_status reset_signals(struct choice *c)
{
        static const int timers[] = {ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
        static const struct itimerval never;
        sigset_t none;

        (void)c;
        for (size_t i = 0; i < sizeof(timers) / sizeof(timers[0]); i++) {
                if (setitimer(timers[i], &never, NULL) < 0)
                        return LAUNCH_SETUP_FAILED;
        }
        /* Those that are nobody's to change, or libc's, are refused, and need not be. */
        for (int i = 1; i < NSIG; i++)
                signal(i, i == SIGPIPE ? SIG_IGN : SIG_DFL);
        sigemptyset(&none);
        return sigprocmask(SIG_SETMASK, &none, NULL) < 0 ? LAUNCH_SETUP_FAILED : LAUNCH_OK;
}

/* A relative path in a command line must not lead to where the caller is, nor may others write to
 * what a service makes. An administrator's umask may well be stricter than the usual one. */
static enum launch_status leave_place(struct choice *c)
{
        (void)c;
        umask(umask(077) | 022);
        return chdir("/") < 0 ? LAUNCH_SETUP_FAILED : LAUNCH_OK;
}

static enum launch_status read_configuration(struct choice *c)
{
        return system_conf_read(SYSTEM_CONF, &c->conf, &c->fault) < 0 ? choice_failed(c)
                                                                      : LAUNCH_OK;
}

/* The mode of the installed file says so already; but files are copied, and modes changed. */
static enum launch_status check_caller(struct choice *c)
{
        const struct passwd *user = c->conf.user ? getpwnam(c->conf.user) : NULL;

        if (!user || getuid() != user->pw_uid || geteuid() != 0)
                return LAUNCH_PERMISSIONS_INVALID;
        return LAUNCH_OK;
}

/* As root, setuid(2) and setgid(2) set the saved IDs too: there is no way back. Groups first, while
 * we may. */
static enum launch_status become_user(struct choice *c)
{
        const struct passwd *user = getpwnam(c->service.user);
        uid_t uid;
        gid_t gid;

        if (!user)
                return LAUNCH_SETUP_FAILED;
        uid = user->pw_uid;
        gid = user->pw_gid;
        if (initgroups(c->service.user, gid) < 0 || setgid(gid) < 0 || setuid(uid) < 0)
                return LAUNCH_SETUP_FAILED;
        if (getuid() != uid || geteuid() != uid || getgid() != gid || getegid() != gid)
                return LAUNCH_SETUP_FAILED;
        return LAUNCH_OK;
}

/* With nothing that the caller could have put there: neither descriptors nor environment. */
static enum launch_status run_service(struct choice *c)
{
        static char address[] = "DBUS_STARTER_ADDRESS=" DBUS_SYSTEM_ADDRESS;
        static char type[] = "DBUS_STARTER_BUS_TYPE=system";
        static char *const environment[] = {address, type, NULL};
        static char **words; /* freed by nobody, like the choice */

        closefrom(STDERR_FILENO + 1);
        if (exec_line_split(c->service.exec, &words, &c->fault) < 0)
                return choice_failed(c) == LAUNCH_NO_MEMORY ? LAUNCH_NO_MEMORY
                                                            : LAUNCH_INVALID_ARGS;
        execve(words[0], words, environment);
        return errno == ENOMEM ? LAUNCH_NO_MEMORY : LAUNCH_EXEC_FAILED;
}

/* The order of the checks is that of the reference, whose statuses say what comes first. */
static step_function *const steps[] = {
        open_standard_descriptors,
        reset_signals,
        leave_place,
        choice_check_name,
        read_configuration,
        check_caller,
        choice_find_service,
        choice_check_service,
        become_user,
        run_service,
};

int main(int argc, char **argv)
{
        static struct choice c;
        enum launch_status status = LAUNCH_OK;

        /* For the libraries that we use: they would look at what the caller left in it. */
        if (clearenv() != 0)
                return LAUNCH_SETUP_FAILED;
        if (argc != 2 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0) {
                fputs("dbus-daemon-activation-helper service.to.activate\n", stderr);
                return LAUNCH_OK;
        }
        c.name = argv[1];
        for (size_t i = 0; status == LAUNCH_OK && i < sizeof(steps) / sizeof(steps[0]); i++)
                status = steps[i](&c);
        if (status == LAUNCH_FAILED)
                fprintf(stderr, "%s: %s\n", c.fault.name, fault_text(&c.fault));
        return status;
}
