/* SPDX-License-Identifier: MIT */
/*
 * Starts dbus-broker on a socket of its own, with nothing around it: no systemd, no journal, no
 * configuration file. The broker takes its listening sockets and their policy from a controller,
 * over a D-Bus connection without a bus (option --controller). This is a controller that knows
 * two policies (see policy.h).
 *
 *     broker-launch [--broker PATH] [--system-policy] SOCKET
 *
 * Prints "ready PID" when the broker accepts connections. Either of the two ends with the other.
 */
#include "policy.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

/* No benchmark should ever see a limit. */
#define LIMIT_BYTES   "1000000000000"
#define LIMIT_FDS     "1000000"
#define LIMIT_MATCHES "100000000"
#define LIMIT_OBJECTS "100000000"

#define CONTROLLER_FD 3
#define MACHINE_ID    "0123456789abcdef0123456789abcdef"
#define ANY_USER      UINT32_MAX

/*
 * The policy argument of org.bus1.DBus.Broker.AddListener, a struct in a variant:
 *   a(u BATCH)      by uid; the uid -1 is everybody who has no entry
 *   a(buu BATCH)    by range of gids
 *   a(ss) b s       SELinux contexts of names, AppArmor, type of bus
 * BATCH is: may connect (verdict, priority), owning, sending, receiving. Of all rules that apply
 * the one with the highest priority decides.
 */
#define OWN_RULE     "btbs"
#define MESSAGE_RULE "btssssuutt"
#define BATCH        "bta(" OWN_RULE ")a(" MESSAGE_RULE ")a(" MESSAGE_RULE ")"
#define POLICY       "a(u(" BATCH "))a(buu(" BATCH "))a(ss)bs"

static int append_own(sd_bus_message *m, const struct policy_rule *rule, uint64_t priority)
{
        /* A rule for every name is a prefix of no characters. */
        return sd_bus_message_append(m, "(" OWN_RULE ")", rule->allow, priority, !rule->name[0],
                                     rule->name);
}

static int append_message(sd_bus_message *m, const struct policy_rule *rule, uint64_t priority)
{
        const uint32_t any_broadcast = 0;
        const uint64_t min_fds = 0;
        const uint64_t max_fds = UINT64_MAX;

        return sd_bus_message_append(m, "(" MESSAGE_RULE ")", rule->allow, priority, rule->name, "",
                                     rule->interface, rule->member, rule->type, any_broadcast,
                                     min_fds, max_fds);
}

static const struct {
        enum policy_verb verb;
        const char *contents;
        int (*append)(sd_bus_message *m, const struct policy_rule *rule, uint64_t priority);
} rule_arrays[] = {
        {POLICY_OWN, "(" OWN_RULE ")", append_own},
        {POLICY_SEND, "(" MESSAGE_RULE ")", append_message},
        {POLICY_RECEIVE, "(" MESSAGE_RULE ")", append_message},
};

static int append_rules(sd_bus_message *m, size_t array, enum policy_kind kind, bool for_user)
{
        int r = sd_bus_message_open_container(m, 'a', rule_arrays[array].contents);

        for (unsigned i = 0; i < policy_size(kind) && r >= 0; ++i) {
                struct policy_rule rule = policy_at(kind, i);

                if (rule.verb == rule_arrays[array].verb && (for_user || !rule.for_user))
                        r = rule_arrays[array].append(m, &rule, i + 1);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_user(sd_bus_message *m, uint32_t uid, enum policy_kind kind, bool for_user)
{
        const uint64_t connect_priority = 1;
        int r = sd_bus_message_open_container(m, 'r', "u(" BATCH ")");

        if (r >= 0)
                r = sd_bus_message_append(m, "u", uid);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', BATCH);
        if (r >= 0)
                r = sd_bus_message_append(m, "bt", true, connect_priority);
        for (size_t i = 0; i < sizeof(rule_arrays) / sizeof(rule_arrays[0]) && r >= 0; ++i)
                r = append_rules(m, i, kind, for_user);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Opens the variant, fills it and closes it. */
static int append_policy(sd_bus_message *m, enum policy_kind kind)
{
        int r = sd_bus_message_open_container(m, 'v', "(" POLICY ")");

        if (r >= 0)
                r = sd_bus_message_open_container(m, 'r', POLICY);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'a', "(u(" BATCH "))");
        if (r >= 0)
                r = append_user(m, ANY_USER, kind, false);
        if (r >= 0)
                r = append_user(m, getuid(), kind, true);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        if (r >= 0)
                r = sd_bus_message_append(m, "a(buu(" BATCH "))a(ss)bs", 0, 0, false,
                                          kind == POLICY_SYSTEM ? "system" : "session");
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int add_listener(sd_bus *bus, int listener, enum policy_kind kind)
{
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *m = NULL;
        sd_bus_message *reply = NULL;
        int r;

        r = sd_bus_message_new_method_call(bus, &m, NULL, "/org/bus1/DBus/Broker",
                                           "org.bus1.DBus.Broker", "AddListener");
        if (r >= 0)
                r = sd_bus_message_append(m, "oh", "/org/bus1/DBus/Listener/0", listener);
        if (r >= 0)
                r = append_policy(m, kind);
        if (r >= 0)
                r = sd_bus_call(bus, m, 0, &error, &reply);
        if (r < 0)
                fprintf(stderr, "broker-launch: cannot add a listener: %s\n",
                        error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        sd_bus_message_unref(m);
        return r;
}

static int listen_at(const char *path)
{
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        int fd;

        if (strlen(path) >= sizeof(address.sun_path))
                return -ENAMETOOLONG;
        strcpy(address.sun_path, path);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
            listen(fd, SOMAXCONN) < 0) {
                int r = -errno;

                close(fd);
                return r;
        }
        return fd;
}

static void exec_broker(const char *broker, int controller)
{
        char fd[16];

        snprintf(fd, sizeof(fd), "%d", CONTROLLER_FD);
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (controller == CONTROLLER_FD ? fcntl(controller, F_SETFD, 0) < 0
                                        : dup2(controller, CONTROLLER_FD) < 0)
                return;
        execl(broker, broker, "--controller", fd, "--machine-id", MACHINE_ID, "--max-bytes",
              LIMIT_BYTES, "--max-fds", LIMIT_FDS, "--max-matches", LIMIT_MATCHES, "--max-objects",
              LIMIT_OBJECTS, (char *)NULL);
}

/* Serves the controller's end until the broker hangs up. */
static int serve(sd_bus *bus)
{
        int r;

        do {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        } while (r >= 0 || r == -EINTR);
        return r == -ECONNRESET || r == -ENOTCONN ? 0 : r;
}

static int control(int fd, int listener, pid_t broker, enum policy_kind kind)
{
        sd_bus *bus = NULL;
        int r;

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_fd(bus, fd, fd);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r >= 0)
                r = add_listener(bus, listener, kind);
        if (r >= 0) {
                printf("ready %d\n", (int)broker);
                fflush(stdout);
                r = serve(bus);
        }
        sd_bus_unref(bus);
        return r;
}

int main(int argc, char **argv)
{
        static const struct option options[] = {
                {"broker", required_argument, NULL, 'b'},
                {"system-policy", no_argument, NULL, 's'},
                {0},
        };
        const char *broker = "/usr/bin/dbus-broker";
        enum policy_kind kind = POLICY_OPEN;
        int pair[2];
        int listener;
        pid_t pid;
        int c;
        int r;

        while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
                if (c == 'b')
                        broker = optarg;
                else if (c == 's')
                        kind = POLICY_SYSTEM;
                else
                        return 2;
        }
        if (optind + 1 != argc) {
                fprintf(stderr, "broker-launch [--broker PATH] [--system-policy] SOCKET\n");
                return 2;
        }

        listener = listen_at(argv[optind]);
        if (listener < 0) {
                fprintf(stderr, "broker-launch: %s: %s\n", argv[optind], strerror(-listener));
                return 1;
        }
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
                perror("broker-launch: socketpair");
                return 1;
        }
        pid = fork();
        if (pid < 0) {
                perror("broker-launch: fork");
                return 1;
        }
        if (pid == 0) {
                exec_broker(broker, pair[1]);
                perror(broker);
                _exit(1);
        }
        close(pair[1]);
        r = control(pair[0], listener, pid, kind);
        if (r < 0)
                fprintf(stderr, "broker-launch: %s\n", strerror(-r));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        unlink(argv[optind]);
        return r < 0 ? 1 : 0;
}
