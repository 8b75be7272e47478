/* SPDX-License-Identifier: MIT */
#include <errno.h>
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

/* The release of the reference implementation whose interfaces and behaviour these are. */
#define REFERENCE_VERSION "1.16.0"

struct daemon {
        struct options options;
        struct loop loop;
        struct server server;
        struct loop_source signals;
        const char *pidfile; /* written, and to be removed; borrowed; or NULL */
};

static void reload(struct daemon *d)
{
        struct fault fault = {0};

        if (server_reload(&d->server, &fault) < 0)
                log_line(LOG_LEVEL_ERROR, "Unable to reload configuration: %s", fault_text(&fault));
        fault_clear(&fault);
}

static void signals_ready(struct loop_source *source, uint32_t events)
{
        struct daemon *d = container_of(source, struct daemon, signals);
        struct signalfd_siginfo info;

        (void)events;
        while (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
                if (info.ssi_signo == SIGHUP)
                        reload(d);
                else
                        d->loop.stop = true;
        }
}

/* From now on signals come by the loop. In the process that will run it: a signalfd in an epoll
 * set belongs to whoever put it there (signalfd(2), "epoll(7) semantics"). */
static int take_signals(struct daemon *d)
{
        sigset_t set;
        int fd;

        sigemptyset(&set);
        sigaddset(&set, SIGHUP);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        loop_source_init(&d->signals, fd, EPOLLIN, signals_ready);
        return loop_add(&d->loop, &d->signals);
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
static int publish_pid(struct daemon *d, pid_t pid, char **error)
{
        const struct config *config = d->server.bus.config;
        char text[24];

        if (config->pidfile && !d->options.no_pidfile) {
                if (process_write_pidfile(config->pidfile, pid, error) < 0)
                        return -1;
                d->pidfile = config->pidfile;
        }
        if (d->options.print_pid_fd < 0)
                return 0;
        snprintf(text, sizeof(text), "%ld", (long)pid);
        return process_print_line(d->options.print_pid_fd, text, error);
}

static void publish_child(pid_t child, void *data)
{
        struct daemon *d = data;
        char *error = NULL;

        if (publish_pid(d, child, &error) == 0)
                return;
        log_line(LOG_LEVEL_ERROR, "Failed to start message bus: %s", error ? error : "no memory");
        kill(child, SIGTERM);
        _exit(EXIT_FAILURE);
}

static bool forks(const struct daemon *d)
{
        return d->options.fork == OPTION_ALWAYS ||
               (d->options.fork == OPTION_FROM_CONFIG && d->server.bus.config->fork);
}

/* Reads the configuration and listens. */
static int prepare(struct daemon *d, char **error)
{
        struct config *config;
        int r = server_load_config(d->options.config_path, &config, error);

        if (r)
                return -1;
        setup_log(&d->options, config);
        process_raise_fd_limit();
        if (config->apparmor == CONFIG_APPARMOR_REQUIRED) {
                config_free(config);
                *error = strdup("AppArmor mediation required but not present");
                return -1;
        }
        r = loop_init(&d->loop);
        if (r < 0) {
                config_free(config);
                *error = strdup(strerror(-r));
                return -1;
        }
        if (server_init(&d->server, &d->loop, d->options.config_path, config, d->options.address,
                        error) < 0)
                return -1;
        d->server.bus.systemd_activation = d->options.systemd_activation;
        return 0;
}

/* Tells where we are, goes into the background, and gives up what is not needed any more. */
static int settle(struct daemon *d, char **error)
{
        const struct config *config = d->server.bus.config;
        int r;

        if (d->options.print_address_fd >= 0 &&
            process_print_line(d->options.print_address_fd, d->server.address, error) < 0)
                return -1;
        if (forks(d)) {
                if (process_daemonize(config->keep_umask, publish_child, d, error) < 0)
                        return -1;
                if (!d->options.no_pidfile)
                        d->pidfile = config->pidfile;
                if (d->options.print_pid_fd > 2)
                        close(d->options.print_pid_fd);
                setup_log(&d->options, config);
        } else if (publish_pid(d, getpid(), error) < 0) {
                return -1;
        }
        if (config->user && geteuid() == 0 && process_become_user(config->user, error) < 0)
                return -1;
        d->server.bus.uid = getuid();
        r = take_signals(d);
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
        if (d->pidfile)
                unlink(d->pidfile);
        server_deinit(&d->server);
        if (d->signals.fd >= 0)
                close(d->signals.fd);
        loop_deinit(&d->loop);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
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

static int print_version(void)
{
        /* The first line is what programs read: which release of the reference this one is like. */
        puts("D-Bus Message Bus Daemon " REFERENCE_VERSION "\n"
             "dbus-direct " PROJECT_VERSION ", copyright (C) 2026 the dbus-direct authors\n"
             "An independent implementation, under the MIT licence; it comes with no warranty.");
        return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        static struct daemon d = {.signals.fd = -1};
        char *error = NULL;

        if (options_parse(&d.options, argc, argv) < 0)
                return EXIT_FAILURE;
        if (d.options.version)
                return print_version();
        if (d.options.introspect)
                return print_introspection();
        if (process_open_standard(&error) < 0 || prepare(&d, &error) < 0 ||
            settle(&d, &error) < 0) {
                log_without_prefix();
                log_line(LOG_LEVEL_ERROR, "Failed to start message bus: %s",
                         error ? error : strerror(ENOMEM));
                free(error);
                return EXIT_FAILURE;
        }
        return run(&d);
}
