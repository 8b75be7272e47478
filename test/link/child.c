/* SPDX-License-Identifier: MIT */
#include "child.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

void *shared_new(size_t size)
{
        void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

        g_assert_true(p != MAP_FAILED);
        return p;
}

void shared_free(void *shared, size_t size)
{
        munmap(shared, size);
}

pid_t child_start(struct scene *s, child_function *run, void *shared)
{
        pid_t pid = fork();

        g_assert_no_errno(pid);
        if (pid)
                return pid;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* What the test closes has to be closed. */
        close_range(STDERR_FILENO + 1, ~0u, 0);
        run(scene_on(s->daemon), shared);
        _exit(1);
}

void child_kill(pid_t pid)
{
        int status;

        g_assert_no_errno(kill(pid, SIGKILL));
        g_assert_cmpint(waitpid(pid, &status, 0), ==, pid);
        g_assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
