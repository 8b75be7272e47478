/* SPDX-License-Identifier: MIT */
#include "bus/spawn.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bus/journal.h"
#include "bus/log.h"

enum { READ, WRITE };

/* What a child tells through the pipe; atomic, as it is shorter than PIPE_BUF. */
struct failure {
        pid_t pid;
        int error;
};

void spawner_init(struct spawner *s, struct loop *loop)
{
        *s = (struct spawner){.loop = loop, .failures = {-1, -1}};
        list_init(&s->children);
        loop_source_init(&s->signals, -1, 0, NULL);
}

static void close_fd(int *fd)
{
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

void spawner_deinit(struct spawner *s)
{
        int fd = s->signals.fd;

        while (!list_empty(&s->children)) {
                struct child *child = container_of(s->children.next, struct child, of_spawner);

                list_remove(&child->of_spawner);
                free(child);
        }
        loop_remove(s->loop, &s->signals);
        close_fd(&fd);
        close_fd(&s->failures[READ]);
        close_fd(&s->failures[WRITE]);
}

static struct child *find(struct spawner *s, pid_t pid)
{
        for (struct list *l = s->children.next; l != &s->children; l = l->next) {
                struct child *child = container_of(l, struct child, of_spawner);

                if (child->pid == pid)
                        return child;
        }
        return NULL;
}

/* Reads what can only be had whole. */
static bool read_whole(int fd, void *buffer, size_t size)
{
        ssize_t n;

        do
                n = read(fd, buffer, size);
        while (n < 0 && errno == EINTR);
        return n == (ssize_t)size;
}

/* A child tells before it ends: whoever is reaped afterwards has told. */
static void read_failures(struct spawner *s)
{
        struct failure failure;

        while (read_whole(s->failures[READ], &failure, sizeof(failure))) {
                struct child *child = find(s, failure.pid);

                if (child)
                        child->exec_error = failure.error;
        }
}

static bool has_ended(const struct child *child, int *status)
{
        pid_t r;

        *status = 0;
        do
                r = waitpid(child->pid, status, WNOHANG);
        while (r < 0 && errno == EINTR);
        return r != 0;
}

/* Signals of children that end at about the same time come as one: each has to be asked. */
static void signals_ready(struct loop_source *source, uint32_t events)
{
        struct spawner *s = container_of(source, struct spawner, signals);
        struct signalfd_siginfo info;
        struct child_end end;
        struct list *l, *next;

        (void)events;
        while (read_whole(source->fd, &info, sizeof(info)))
                ;
        for (l = s->children.next; l != &s->children; l = next) {
                struct child *child = container_of(l, struct child, of_spawner);

                if (!has_ended(child, &end.status)) {
                        next = l->next;
                        continue;
                }
                read_failures(s);
                end.exec_error = child->exec_error;
                if (child->ended)
                        child->ended(child, &end);
                next = l->next;
                list_remove(&child->of_spawner);
                free(child);
        }
}

int spawner_open(struct spawner *s)
{
        struct sigaction standard = {.sa_handler = SIG_DFL};
        sigset_t set;
        int fd, r;

        if (s->signals.fd >= 0)
                return 0;
        if (s->failures[READ] < 0 && pipe2(s->failures, O_CLOEXEC) < 0)
                return -errno;
        if (fcntl(s->failures[READ], F_SETFL, O_NONBLOCK) < 0)
                return -errno;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        /* Whoever started us may have ignored it; then there would be nothing to reap. */
        if (sigaction(SIGCHLD, &standard, NULL) < 0 || sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (fd < 0)
                return -errno;
        loop_source_init(&s->signals, fd, EPOLLIN, signals_ready);
        r = loop_add(s->loop, &s->signals);
        if (r < 0) {
                s->signals.fd = -1;
                close(fd);
        }
        return r;
}

/* Without close_range(2) of Linux 5.11. */
static void close_others_on_exec_one_by_one(void)
{
        DIR *dir = opendir("/proc/self/fd");
        struct dirent *entry;

        if (!dir)
                return;
        while ((entry = readdir(dir))) {
                int fd = atoi(entry->d_name);

                if (fd > STDERR_FILENO)
                        fcntl(fd, F_SETFD, FD_CLOEXEC);
        }
        closedir(dir);
}

/* Ours are so already; but we may have been started with others. */
static void close_others_on_exec(void)
{
        if (close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC) < 0)
                close_others_on_exec_one_by_one();
}

/* A service is not to be spared by the kernel because the bus is (proc(5), oom_score_adj). */
static void reset_oom_score(void)
{
        char text[16];
        ssize_t n;
        int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);

        if (fd < 0)
                return;
        n = read(fd, text, sizeof(text));
        if (n > 0 && text[0] == '-' && pwrite(fd, "0", 1, 0) < 0)
                log_line(LOG_LEVEL_WARNING, "Failed to reset the OOM score adjustment: %s",
                         strerror(errno));
        close(fd);
}

/* Whatever whoever started us had ignored: what ends the bus can end a service. */
static void reset_signals(void)
{
        sigset_t none;

        signal(SIGHUP, SIG_DFL);
        signal(SIGTERM, SIG_DFL);
        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
}

static int open_input(void)
{
        int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

        return fd < 0 ? -1 : dup2(fd, STDIN_FILENO);
}

/* In the child. Only what has not happened is told: the pipe's end is closed by execve(). */
static _Noreturn void become(const struct spawner *s, const struct program *program)
{
        struct failure failure = {.pid = getpid()};

        close_others_on_exec();
        reset_oom_score();
        if (s->has_fd_limit && setrlimit(RLIMIT_NOFILE, &s->fd_limit) < 0)
                log_line(LOG_LEVEL_WARNING,
                         "Failed to reset fd limit before activating service: %s", strerror(errno));
        if (program->journal)
                journal_take_output(program->journal);
        if (open_input() >= 0) {
                reset_signals();
                execve(program->argv[0], program->argv, program->envp);
        }
        failure.error = errno;
        _exit(write(s->failures[WRITE], &failure, sizeof(failure)) < 0 ? 2 : 1);
}

int spawn(struct spawner *s, const struct program *program, child_ended_function *ended, void *data,
          struct child **cp)
{
        struct child *child;
        int r = spawner_open(s);

        if (r < 0)
                return r;
        child = malloc(sizeof(*child));
        if (!child)
                return -ENOMEM;
        *child = (struct child){.ended = ended, .data = data};
        child->pid = fork();
        if (child->pid < 0) {
                r = -errno;
                free(child);
                return r;
        }
        if (child->pid == 0)
                become(s, program);
        list_append(&s->children, &child->of_spawner);
        *cp = child;
        return 0;
}

void child_forget(struct child *child)
{
        child->ended = NULL;
}

void child_kill(const struct child *child)
{
        kill(child->pid, SIGKILL);
}
