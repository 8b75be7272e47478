/* SPDX-License-Identifier: MIT */
#include "daemons.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define START_SECONDS 20
#define READY_FD      STDOUT_FILENO

/* 1e9 because the reference daemon keeps limits in signed 32-bit numbers. */
static const char *const limits[] = {
        "max_incoming_bytes",         "max_outgoing_bytes",
        "max_message_size",           "max_completed_connections",
        "max_incomplete_connections", "max_connections_per_user",
        "max_names_per_connection",   "max_match_rules_per_connection",
        "max_replies_per_connection",
};
#define LIMIT 1000000000

static const char *const type_names[] = {NULL, "method_call", "method_return", "error", "signal"};

static void write_attribute(FILE *f, const char *verb, const char *key, const char *value)
{
        fprintf(f, " %s_%s=\"%s\"", verb, key, value);
}

static void write_rule(FILE *f, const struct policy_rule *rule)
{
        static const char *const verbs[] = {
                [POLICY_OWN] = "own",
                [POLICY_SEND] = "send",
                [POLICY_RECEIVE] = "receive",
        };
        const char *verb = verbs[rule->verb];

        fprintf(f, "    <%s", rule->allow ? "allow" : "deny");
        if (rule->verb == POLICY_OWN) {
                fprintf(f, " own=\"%s\"", rule->name[0] ? rule->name : "*");
        } else {
                bool all = !rule->type && !rule->name[0] && !rule->interface[0];

                if (rule->type)
                        write_attribute(f, verb, "type", type_names[rule->type]);
                if (rule->name[0] || all) /* a rule has to name something */
                        write_attribute(f, verb,
                                        rule->verb == POLICY_SEND ? "destination" : "sender",
                                        all ? "*" : rule->name);
                if (rule->interface[0])
                        write_attribute(f, verb, "interface", rule->interface);
                if (rule->member[0])
                        write_attribute(f, verb, "member", rule->member);
                if (rule->requested_reply)
                        write_attribute(f, verb, "requested_reply", "true");
        }
        fprintf(f, "/>\n");
}

static void write_policy(FILE *f, enum policy_kind policy)
{
        fprintf(f, "  <policy context=\"default\">\n");
        for (int user = 0; user <= 1; ++user) {
                if (user)
                        fprintf(f, "  </policy>\n  <policy user=\"%u\">\n", (unsigned)getuid());
                for (unsigned i = 0; i < policy_size(policy); ++i) {
                        struct policy_rule rule = policy_at(policy, i);

                        if (rule.for_user == (user != 0))
                                write_rule(f, &rule);
                }
        }
        fprintf(f, "  </policy>\n");
}

static int write_config(const struct daemon *d, enum policy_kind policy, bool links)
{
        FILE *f = fopen(d->config, "we");
        int failed;

        if (!f)
                return -errno;
        fprintf(f,
                "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\""
                " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
                "<busconfig>\n  <type>%s</type>\n  <listen>unix:path=%s</listen>\n"
                "  <auth>EXTERNAL</auth>\n  <servicedir>%s</servicedir>\n",
                policy == POLICY_SYSTEM ? "system" : "session", d->socket, d->services);
        write_policy(f, policy);
        for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); ++i)
                fprintf(f, "  <limit name=\"%s\">%d</limit>\n", limits[i], LIMIT);
        /* Others skip it. */
        fprintf(f, "  <?peer-links enabled=\"%s\"?>\n", links ? "yes" : "no");
        fprintf(f, "</busconfig>\n");
        failed = ferror(f);
        return fclose(f) != 0 || failed ? -EIO : 0;
}

/* In the child: stdin from nowhere, errors into the log, readiness on READY_FD. */
static void exec_daemon(const struct daemon *d, int ready, const char *const argv[])
{
        int null = open("/dev/null", O_RDONLY);
        int log = open(d->log, O_WRONLY | O_CREAT | O_TRUNC, 0600);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (null < 0 || log < 0)
                return;
        if (dup2(null, STDIN_FILENO) < 0 || dup2(log, STDERR_FILENO) < 0 ||
            dup2(ready, READY_FD) < 0)
                return;
        /* The harness has thousands of sockets open; none of them is the daemon's business. */
        if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
                return;
        execv(argv[0], (char *const *)(uintptr_t)argv);
        perror(argv[0]);
}

static int start(struct daemon *d, const char *const argv[], int *ready)
{
        int pipe_fd[2];

        if (pipe2(pipe_fd, O_CLOEXEC) < 0)
                return -errno;
        d->root = fork();
        if (d->root < 0) {
                int r = -errno;

                close(pipe_fd[0]);
                close(pipe_fd[1]);
                return r;
        }
        if (d->root == 0) {
                exec_daemon(d, pipe_fd[1], argv);
                _exit(1);
        }
        close(pipe_fd[1]);
        *ready = pipe_fd[0];
        return 0;
}

/* The first line that the child writes, without its end. */
static int read_line(int fd, char *buf, size_t size)
{
        time_t deadline = time(NULL) + START_SECONDS;
        size_t n = 0;

        while (n + 1 < size) {
                struct pollfd p = {.fd = fd, .events = POLLIN};
                int r = poll(&p, 1, 1000);

                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r <= 0) {
                        if (time(NULL) > deadline)
                                return -ETIMEDOUT;
                        continue;
                }
                if (read(fd, buf + n, 1) <= 0)
                        return -ECONNREFUSED;
                if (buf[n] == '\n')
                        break;
                ++n;
        }
        buf[n] = '\0';
        return 0;
}

static void show_log(const struct daemon *d, const char *label)
{
        char line[512];
        FILE *f = fopen(d->log, "re");

        if (!f)
                return;
        while (fgets(line, sizeof(line), f))
                fprintf(stderr, "%s: %s", label, line);
        fclose(f);
}

static int start_daemon(struct daemon *d, const struct subject *subject, enum policy_kind policy,
                        bool links)
{
        char config[128];
        char address[32];
        char line[256];
        const char *argv[] = {subject->path, config, address, "--nofork", NULL};
        int ready = -1;
        int r;

        snprintf(config, sizeof(config), "--config-file=%s", d->config);
        snprintf(address, sizeof(address), "--print-address=%d", READY_FD);
        r = write_config(d, policy, links);
        if (r >= 0)
                r = start(d, argv, &ready);
        if (r < 0)
                return r;
        r = read_line(ready, line, sizeof(line));
        close(ready);
        d->pid = d->root;
        return r;
}

static int start_broker(struct daemon *d, const struct subject *subject, const char *launcher,
                        enum policy_kind policy)
{
        char line[256];
        const char *argv[6] = {launcher, "--broker", subject->path};
        int n = 3;
        int ready = -1;
        int r;

        if (policy == POLICY_SYSTEM)
                argv[n++] = "--system-policy";
        argv[n] = d->socket;
        r = start(d, argv, &ready);
        if (r < 0)
                return r;
        r = read_line(ready, line, sizeof(line));
        close(ready);
        if (r >= 0 && sscanf(line, "ready %d", &d->pid) != 1)
                r = -EPROTO;
        return r;
}

int daemon_new(struct daemon **dp, const struct subjects *subjects, enum subject_id id,
               enum policy_kind policy, bool links)
{
        const struct subject *subject = &subjects->list[id];
        const char *tmp = getenv("TMPDIR");
        struct daemon *d = calloc(1, sizeof(*d));
        int r;

        if (!d)
                return -ENOMEM;
        snprintf(d->dir, sizeof(d->dir), "%.40s/dbus-bench-XXXXXX", tmp ? tmp : "/tmp");
        if (!mkdtemp(d->dir)) {
                r = -errno;
                free(d);
                return r;
        }
        snprintf(d->socket, sizeof(d->socket), "%s/bus", d->dir);
        snprintf(d->config, sizeof(d->config), "%s/bus.conf", d->dir);
        snprintf(d->log, sizeof(d->log), "%s/log", d->dir);
        snprintf(d->services, sizeof(d->services), "%s/services", d->dir);
        if (id == SUBJECT_BROKER)
                r = start_broker(d, subject, subjects->broker_launch, policy);
        else
                r = start_daemon(d, subject, policy, links);
        if (r < 0) {
                show_log(d, subject->label);
                daemon_free(d);
                return r;
        }
        *dp = d;
        return 0;
}

int daemon_add_service(struct daemon *d, const char *name, const char *program)
{
        FILE *f;
        int failed;

        if (mkdir(d->services, 0700) < 0)
                return -errno;
        snprintf(d->service, sizeof(d->service), "%s/%.80s.service", d->services, name);
        f = fopen(d->service, "we");
        if (!f)
                return -errno;
        fprintf(f, "[D-BUS Service]\nName=%s\nExec=%s\n", name, program);
        failed = ferror(f);
        return fclose(f) != 0 || failed ? -EIO : 0;
}

struct daemon *daemon_free(struct daemon *d)
{
        if (!d)
                return NULL;
        if (d->root > 0) {
                kill(d->root, SIGKILL);
                while (waitpid(d->root, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        unlink(d->socket);
        unlink(d->config);
        unlink(d->log);
        if (d->service[0]) {
                unlink(d->service);
                rmdir(d->services);
        }
        rmdir(d->dir);
        free(d);
        return NULL;
}
