/* SPDX-License-Identifier: MIT */
#include "babysitter.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE = 3000 /* milliseconds, from SIGTERM to SIGKILL */ };

enum { SIGNALS, BUS, DISPLAY, TERMINAL, N_EVENTS };

struct babysitter {
        struct display *display;
        struct pollfd events[N_EVENTS]; /* those that there are not have a descriptor of -1 */
};

/* The bus's process is known by a descriptor, so that no other process is ended that got its number
 * in the meantime. */
static _Noreturn void end(struct babysitter *b)
{
        struct pollfd bus = {.fd = b->events[BUS].fd, .events = POLLIN};
        int r;

        if (bus.fd >= 0 && pidfd_send_signal(bus.fd, SIGTERM, NULL, 0) == 0) {
                do
                        r = poll(&bus, 1, PATIENCE);
                while (r < 0 && errno == EINTR);
                if (r <= 0)
                        pidfd_send_signal(bus.fd, SIGKILL, NULL, 0);
        }
        _exit(EXIT_SUCCESS);
}

static void end_with_display(void *data)
{
        end(data);
}

/* Takes what was typed. Returns whether the terminal is gone. */
static bool hung_up(struct pollfd *terminal)
{
        char bytes[512];
        ssize_t n;

        if (terminal->revents & ~POLLIN)
                return true;
        n = read(terminal->fd, bytes, sizeof(bytes));
        /* It is somebody else's to read: then only its end matters. */
        if (n < 0 && errno != EINTR && errno != EAGAIN)
                terminal->events = 0;
        return n == 0;
}

static _Noreturn void sit(struct babysitter *b)
{
        struct pollfd *e = b->events;

        for (;;) {
                if (poll(e, N_EVENTS, -1) < 0) {
                        if (errno == EINTR)
                                continue;
                        end(b);
                }
                if (e[BUS].revents)
                        _exit(EXIT_SUCCESS);
                if (e[SIGNALS].revents)
                        end(b);
                if (e[DISPLAY].revents)
                        display_read(b->display, end_with_display, b);
                if (e[TERMINAL].revents && hung_up(e + TERMINAL))
                        end(b);
        }
}

static void fill_signals(sigset_t *set)
{
        sigemptyset(set);
        sigaddset(set, SIGHUP);
        sigaddset(set, SIGINT);
        sigaddset(set, SIGTERM);
}

/* From before there is a babysitter: one that is told to end before it can listen would leave the
 * bus behind. Returns what was blocked. */
static sigset_t block_signals(void)
{
        sigset_t set, old;

        fill_signals(&set);
        /* A terminal that others read shall not stop us. */
        sigaddset(&set, SIGTTIN);
        sigprocmask(SIG_BLOCK, &set, &old);
        return old;
}

static int watch_signals(void)
{
        sigset_t set;

        fill_signals(&set);
        return signalfd(-1, &set, SFD_CLOEXEC);
}

/* Whoever waits for the end of what we could write to does not wait for the session's. */
static void leave_descriptors(int display)
{
        int null = open("/dev/null", O_RDWR | O_CLOEXEC);

        if (null >= 0) {
                if (!isatty(STDIN_FILENO))
                        dup2(null, STDIN_FILENO);
                dup2(null, STDOUT_FILENO);
                dup2(null, STDERR_FILENO);
        }
        if (display > STDERR_FILENO) {
                close_range(STDERR_FILENO + 1, (unsigned)display - 1, 0);
                close_range((unsigned)display + 1, ~0u, 0);
        } else {
                close_range(STDERR_FILENO + 1, ~0u, 0);
        }
}

static _Noreturn void become(pid_t bus, struct display *display)
{
        struct babysitter b = {.display = display};
        bool terminal = !display && isatty(STDIN_FILENO);
        int display_end = display ? display_fd(display) : -1;

        leave_descriptors(display_end);
        if (chdir("/") < 0)
                _exit(EXIT_FAILURE);
        b.events[SIGNALS] = (struct pollfd){watch_signals(), POLLIN, 0};
        b.events[BUS] = (struct pollfd){bus ? pidfd_open(bus, 0) : -1, POLLIN, 0};
        b.events[DISPLAY] = (struct pollfd){display_end, POLLIN, 0};
        b.events[TERMINAL] = (struct pollfd){terminal ? STDIN_FILENO : -1, POLLIN, 0};
        if (!display && !terminal)
                end(&b);
        if (bus && b.events[BUS].fd < 0)
                _exit(EXIT_SUCCESS);
        if (display)
                /* Some of it may have been read already, with answers. */
                display_read(display, end_with_display, &b);
        sit(&b);
}

int babysitter_start(pid_t bus, struct display *display)
{
        sigset_t before = block_signals();
        pid_t child = fork();
        int error = errno;

        if (!child) {
                /* Its parent goes at once, so that it is nobody's child whom it outlives. */
                pid_t grandchild = fork();

                if (grandchild == 0)
                        become(bus, display);
                _exit(grandchild < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
        }
        sigprocmask(SIG_SETMASK, &before, NULL);
        if (child < 0)
                return -error;
        while (waitpid(child, NULL, 0) < 0)
                if (errno != EINTR)
                        return -errno;
        return 0;
}
