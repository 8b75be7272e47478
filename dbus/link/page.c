/* SPDX-License-Identifier: MIT */
#include "link/page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

_Static_assert(sizeof(struct link_clock) <= LINK_PAGE_SIZE, "a clock fits its page");
_Static_assert(sizeof(struct link_tallies) == LINK_PAGE_SIZE, "tallies fill their page");
_Static_assert(sizeof(struct link_tally) == 64, "a tally is what the protocol says");

#define SIZE_SEALS (F_SEAL_SHRINK | F_SEAL_GROW)

static int page_open(const char *name)
{
        int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
        int r;

        if (fd < 0)
                return -errno;
        if (ftruncate(fd, LINK_PAGE_SIZE) < 0) {
                r = -errno;
                close(fd);
                return r;
        }
        return fd;
}

static int page_map(int fd, int protection, void **page)
{
        *page = mmap(NULL, LINK_PAGE_SIZE, protection, MAP_SHARED, fd, 0);
        if (*page != MAP_FAILED)
                return 0;
        *page = NULL;
        return -errno;
}

/* Makes a page, maps it, and only then seals it: a mapping that is there keeps its rights. */
static int page_new(const char *name, int protection, int seals, void **page)
{
        int fd = page_open(name), r;

        if (fd < 0)
                return fd;
        r = page_map(fd, protection, page);
        if (!r && fcntl(fd, F_ADD_SEALS, seals | F_SEAL_SEAL) < 0) {
                r = -errno;
                link_page_unmap(*page);
                *page = NULL;
        }
        if (r < 0) {
                close(fd);
                return r;
        }
        return fd;
}

int link_clock_new(struct link_clock **page)
{
        void *p;
        int fd = page_new("dbus-link-clock", PROT_READ | PROT_WRITE,
                          SIZE_SEALS | F_SEAL_FUTURE_WRITE, &p);

        if (fd >= 0)
                *page = p;
        return fd;
}

int link_tallies_new(const struct link_tallies **page)
{
        void *p;
        int fd = page_new("dbus-link-tally", PROT_READ, SIZE_SEALS, &p);

        if (fd >= 0)
                *page = p;
        return fd;
}

static int map_sealed(int fd, int protection, void **page)
{
        int seals = fcntl(fd, F_GET_SEALS);

        if (seals < 0)
                return -errno;
        if ((seals & SIZE_SEALS) != SIZE_SEALS || lseek(fd, 0, SEEK_END) != LINK_PAGE_SIZE)
                return -EPERM;
        return page_map(fd, protection, page);
}

int link_clock_map(int fd, const struct link_clock **page)
{
        void *p;
        int r = map_sealed(fd, PROT_READ, &p);

        if (!r)
                *page = p;
        return r;
}

int link_tallies_map(int fd, struct link_tallies **page)
{
        void *p;
        int r = map_sealed(fd, PROT_READ | PROT_WRITE, &p);

        if (!r)
                *page = p;
        return r;
}

void link_page_unmap(const void *page)
{
        if (page)
                munmap((void *)(uintptr_t)page, LINK_PAGE_SIZE);
}
