/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "bus/driver.h"
#include "bus/log.h"
#include "bus/options.h"
#include "bus/process.h"
#include "bus/server.h"
#include "bus/version.h"

struct daemon {
        struct options options;
        struct loop loop;
        struct server server;
        bool listening; /* there is a server */
        struct loop_source signals;
        char *pidfile; /* the path; NULL: none is wanted */
        bool pidfile_written;
        struct process_user user; /* to become; its name NULL: we stay who we are */
};

static void signals_ready(struct loop_source *source, uint32_t events)
{
        struct daemon *d = container_of(source, struct daemon, signals);
        struct signalfd_siginfo info;

        (void)events;
        while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGHUP)
                        server_reload_unasked(&d->server);
                else
                        d->loop.stop = true;
        }
}

/* From now on signals wait for take_signals(). */
static void hold_signals(sigset_t *set)
{
        sigemptyset(set);
        sigaddset(set, SIGHUP);
        sigaddset(set, SIGTERM);
        sigaddset(set, SIGINT);
        sigprocmask(SIG_BLOCK, set, NULL);
        /* Whoever reads our standard error may go; the bus stays. Whoever wanted to know where we
         * are and has gone is an error, and no reason to leave files behind. */
        signal(SIGPIPE, SIG_IGN);
}

/* From now on signals come by the loop. In the process that will run it: a signalfd in an epoll
 * set belongs to whoever put it there (signalfd(2), "epoll(7) semantics"). */
static int take_signals(struct daemon *d, const sigset_t *set)
{
        int fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

        if (fd < 0)
                return -errno;
        loop_source_init(&d->signals, fd, EPOLLIN, signals_ready);
        return loop_add(&d->loop, &d->signals);
}

/* While the configuration is read nobody can know yet where it wants the log. Whoever looks for why
 * there is no bus may look in either place; the reference writes in both. */
static void setup_early_log(const struct options *o)
{
        log_setup(o->syslog == OPTION_NEVER ? LOG_TO_STDERR : LOG_TO_STDERR | LOG_TO_SYSLOG, NULL);
}

static void setup_log(const struct options *o, const struct config *c)
{
        unsigned targets = LOG_TO_STDERR;

        if (o->syslog == OPTION_ALWAYS || (o->syslog == OPTION_FROM_CONFIG && c->syslog))
                targets |= LOG_TO_SYSLOG;
        if (o->syslog_only)
                targets = LOG_TO_SYSLOG;
        log_setup(targets, c->type);
}

/* Tells the pid where it was asked for; in the parent, if there is one. */
static int publish_pid(pid_t pid, void *data, char **error)
{
        struct daemon *d = data;
        char text[24];

        if (d->pidfile) {
                if (process_write_pidfile(d->pidfile, pid, error) < 0)
                        return -1;
                d->pidfile_written = true;
        }
        if (d->options.print_pid_fd < 0)
                return 0;
        snprintf(text, sizeof(text), "%ld", (long)pid);
        return process_print_line(d->options.print_pid_fd, text, error);
}

static bool forks(const struct daemon *d)
{
        return d->options.fork == OPTION_ALWAYS ||
               (d->options.fork == OPTION_FROM_CONFIG && d->server.bus.config->fork);
}

/* Keeps the path: the configuration may be another one by the time the file is removed. */
static int take_pidfile(struct daemon *d, const struct config *config, char **error)
{
        if (!config->pidfile || d->options.no_pidfile)
                return 0;
        d->pidfile = strdup(config->pidfile);
        return d->pidfile ? process_check_pidfile(d->pidfile, error) : -1;
}

/* Takes over the configuration. */
static int listen_by(struct daemon *d, struct config *config, char **error)
{
        int r;

        r = lsm_check_required(config, error);
        if (!r)
                r = take_pidfile(d, config, error);
        if (!r) {
                r = loop_init(&d->loop);
                if (r < 0)
                        *error = strdup(strerror(-r));
        }
        if (r < 0) {
                config_free(config);
                return -1;
        }
        r = server_init(&d->server, &d->loop, d->options.config_path, config, d->options.address,
                        error);
        if (r < 0) {
                loop_deinit(&d->loop);
                return -1;
        }
        d->listening = true;
        return 0;
}

/* Reads the configuration and listens. */
static int prepare(struct daemon *d, char **error)
{
        struct config *config;
        struct rlimit fd_limit;
        bool has_fd_limit;

        if (server_load_config(d->options.config_path, &config, error))
                return -1;
        setup_log(&d->options, config);
        has_fd_limit = process_raise_fd_limit(&fd_limit);
        if (listen_by(d, config, error) < 0)
                return -1;
        d->server.bus.systemd_activation = d->options.systemd_activation;
        d->server.bus.spawner.has_fd_limit = has_fd_limit;
        d->server.bus.spawner.fd_limit = fd_limit;
        return 0;
}

/* Goes into the background, if it is to; tells the pid. */
static int enter_place(struct daemon *d, const struct config *config, char **error)
{
        if (!forks(d))
                return publish_pid(getpid(), d, error);
        if (process_daemonize(config->keep_umask, publish_pid, d, error) < 0)
                return -1;
        d->pidfile_written = d->pidfile != NULL;
        if (d->options.print_pid_fd > 2)
                close(d->options.print_pid_fd);
        setup_log(&d->options, config);
        return 0;
}

/* A descriptor is closed when it has been written to: not the one where the pid is wanted, too. */
static int publish_address(const struct daemon *d, char **error)
{
        int fd = d->options.print_address_fd;

        if (fd < 0)
                return 0;
        if (fd > STDERR_FILENO && fd == d->options.print_pid_fd)
                fd = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
        return process_print_line(fd, d->server.address, error);
}

/* Tells where we are, finds its place, and gives up what is not needed any more. */
static int settle(struct daemon *d, char **error)
{
        const struct config *config = d->server.bus.config;
        sigset_t signals;
        int r;

        /* Whoever is told where we are may send them. */
        hold_signals(&signals);
        if (publish_address(d, error) < 0)
                return -1;
        if (config->user && process_find_user(&d->user, config->user, error) < 0)
                return -1;
        if (enter_place(d, config, error) < 0)
                return -1;
        if (d->user.name && process_become_user(&d->user, error) < 0)
                return -1;
        d->server.bus.uid = getuid();
        if (lsm_start(&d->server.bus, error) < 0)
                return -1;
        r = take_signals(d, &signals);
        if (!r)
                r = spawner_open(&d->server.bus.spawner);
        if (r < 0) {
                *error = strdup(strerror(-r));
                return -1;
        }
        return 0;
}

static int run(struct daemon *d)
{
        int r = 0;

        process_notify("READY=1");
        while (!d->loop.stop && !r)
                r = server_turn(&d->server);
        process_notify("STOPPING=1");
        if (r < 0)
                log_line(LOG_LEVEL_ERROR, "The event loop failed: %s", strerror(-r));
        return r;
}

/* Leaves no file behind. */
static void clean_up(struct daemon *d)
{
        if (d->pidfile_written)
                unlink(d->pidfile);
        free(d->pidfile);
        process_user_deinit(&d->user);
        if (d->listening) {
                server_deinit(&d->server);
                loop_deinit(&d->loop);
        }
        if (d->signals.fd >= 0)
                close(d->signals.fd);
}

static int print_introspection(void)
{
        char *text = driver_introspect(BUS_PATH);

        if (!text)
                return EXIT_FAILURE;
        puts(text);
        free(text);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        static struct daemon d = {.signals.fd = -1};
        char *error = NULL;
        int r;

        if (options_parse(&d.options, argc, argv) < 0)
                return EXIT_FAILURE;
        if (d.options.version)
                return fputs(version_text, stdout) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
        if (d.options.introspect)
                return print_introspection();
        setup_early_log(&d.options);
        if (process_open_standard(&error) < 0 || prepare(&d, &error) < 0 ||
            settle(&d, &error) < 0) {
                log_without_prefix();
                log_line(LOG_LEVEL_WARNING, "Failed to start message bus: %s",
                         error ? error : strerror(ENOMEM));
                free(error);
                r = -1;
        } else {
                r = run(&d);
        }
        clean_up(&d);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
