/* SPDX-License-Identifier: MIT */
#include "program.h"
#include "client.h"
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECONDS 60 /* more than anything takes, valgrind included */

/*
 * Keeps memcpy() and memset() from "rep movsb" and "rep stosb", of which callgrind counts each byte
 * as an instruction.
 */
#define NO_REPETITIONS                                                                             \
        "glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:glibc.cpu.x86_rep_stosb_threshold="          \
        "0x7fffffff"

/* Tells our library what to make of peer links. Another never looks. */
static int set_links(enum link_use use)
{
        if (use == LINKS_OFF || use == LINKS_NOWHERE)
                return setenv("DBUS_PEER_LINKS", "0", 1);
        if (unsetenv("DBUS_PEER_LINKS") < 0)
                return -1;
        return use == LINKS_ON ? setenv("DBUS_PEER_LINKS_SPIN", "0", 1)
                               : unsetenv("DBUS_PEER_LINKS_SPIN");
}

/* In the child: does not return if all is well. */
static void exec_program(const struct program_setup *setup, int in, int out)
{
        char library[PATH_MAX];
        char address[128];
        char profile[PATH_MAX + 32];
        const char *argv[8];
        int n = 0;

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        signal(SIGINT, SIG_IGN); /* who started us hears it, and ends us */
        snprintf(library, sizeof(library), "%s", setup->library);
        if (setenv("LD_LIBRARY_PATH", dirname(library), 1) < 0)
                return;
        if (setup->socket) {
                snprintf(address, sizeof(address), "unix:path=%s", setup->socket);
                if (setenv("DBUS_SESSION_BUS_ADDRESS", address, 1) < 0)
                        return;
        }
        if (set_links(setup->links) < 0)
                return;
        if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0)
                return;
        if (close_range(STDERR_FILENO + 1, ~0U, 0) < 0)
                return;
        if (setup->valgrind) {
                if (setenv("GLIBC_TUNABLES", NO_REPETITIONS, 1) < 0)
                        return;
                snprintf(profile, sizeof(profile), "--callgrind-out-file=%s", setup->profile);
                argv[n++] = setup->valgrind;
                argv[n++] = "-q";
                argv[n++] = "--tool=callgrind";
                argv[n++] = profile;
        }
        argv[n++] = setup->path;
        argv[n++] = setup->task;
        argv[n] = NULL;
        execv(argv[0], (char *const *)(uintptr_t)argv);
        perror(argv[0]);
}

static int start(struct program *p, const struct program_setup *setup)
{
        int in[2];
        int out[2];
        int r;

        if (pipe2(in, O_CLOEXEC) < 0)
                return -errno;
        if (pipe2(out, O_CLOEXEC) < 0) {
                r = -errno;
                close(in[0]);
                close(in[1]);
                return r;
        }
        p->pid = fork();
        r = p->pid < 0 ? -errno : 0;
        if (p->pid == 0) {
                exec_program(setup, in[0], out[1]);
                _exit(1);
        }
        close(in[0]);
        close(out[1]);
        p->to = in[1];
        p->from = out[0];
        return r;
}

/* Waits until it says @word on a line of its own. */
static int expect(struct program *p, const char *word)
{
        int64_t deadline = measure_now_ns() + SECONDS * INT64_C(1000000000);
        char line[32];
        size_t n = 0;

        while (n < sizeof(line)) {
                struct pollfd polled = {.fd = p->from, .events = POLLIN};
                int r = poll(&polled, 1, 1000);
                ssize_t got;

                if (client_interrupted)
                        return -EINTR;
                if (r < 0 && errno != EINTR)
                        return -errno;
                if (r <= 0) {
                        if (measure_now_ns() > deadline)
                                return -ETIMEDOUT;
                        continue;
                }
                got = read(p->from, line + n, sizeof(line) - n);
                if (got < 0)
                        return -errno;
                if (got == 0)
                        return -EREMOTEIO; /* it has said why */
                n += (size_t)got;
                if (line[n - 1] == '\n')
                        break;
        }
        return n == strlen(word) + 1 && strncmp(line, word, n - 1) == 0 ? 0 : -EPROTO;
}

/* Nobody is to compare a library with itself because of a path that the loader did not like. */
static int check_library(const struct program *p, const char *library)
{
        char maps[64];
        char line[PATH_MAX + 128];
        char *real = realpath(library, NULL);
        int r = -ELIBACC;
        FILE *f;

        if (!real)
                return -errno;
        snprintf(maps, sizeof(maps), "/proc/%d/maps", (int)p->pid);
        f = fopen(maps, "re");
        if (!f) {
                r = -errno;
                free(real);
                return r;
        }
        while (r < 0 && fgets(line, sizeof(line), f)) {
                const char *path = strchr(line, '/');

                line[strcspn(line, "\n")] = '\0';
                if (path && strcmp(path, real) == 0)
                        r = 0;
        }
        fclose(f);
        free(real);
        return r;
}

int program_new(struct program **pp, const struct program_setup *setup)
{
        struct program *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->to = p->from = -1;
        r = start(p, setup);
        if (r >= 0)
                r = expect(p, "ready");
        if (r >= 0)
                r = check_library(p, setup->library);
        if (r < 0) {
                program_free(p);
                return r;
        }
        *pp = p;
        return 0;
}

struct program *program_free(struct program *p)
{
        if (!p)
                return NULL;
        if (p->pid > 0) {
                kill(p->pid, SIGKILL);
                while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
                        ;
        }
        if (p->to >= 0)
                close(p->to);
        if (p->from >= 0)
                close(p->from);
        free(p);
        return NULL;
}

int program_run(struct program *p, unsigned long n)
{
        if (dprintf(p->to, "%lu\n", n) < 0)
                return -errno;
        return expect(p, "done");
}

int program_finish(struct program *p)
{
        int status;

        close(p->to);
        p->to = -1;
        while (waitpid(p->pid, &status, 0) < 0) {
                if (errno != EINTR || client_interrupted)
                        return -errno;
        }
        p->pid = 0;
        return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : -EREMOTEIO;
}
