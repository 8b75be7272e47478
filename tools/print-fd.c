/* SPDX-License-Identifier: MIT */
#include "print-fd.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

union socket_address {
        struct sockaddr any;
        struct sockaddr_un local;
        struct sockaddr_in ip4;
        struct sockaddr_in6 ip6;
        struct sockaddr_storage room;
};

static const char *file_type(mode_t mode)
{
        switch (mode & S_IFMT) {
        case S_IFREG:
                return "file";
        case S_IFDIR:
                return "directory";
        case S_IFCHR:
                return "char";
        case S_IFBLK:
                return "block";
        case S_IFIFO:
                return "fifo";
        case S_IFLNK:
                return "link";
        case S_IFSOCK:
                return "socket";
        default:
                /* Those of the kernel's own, such as eventfd(2), have none. */
                return "";
        }
}

/* One end of a socket of unix(7). Those without a name are printed as if theirs were abstract. */
static void print_local(const char *which, const struct sockaddr_un *a, socklen_t n, int indent)
{
        size_t header = offsetof(struct sockaddr_un, sun_path);
        int room = n > header ? (int)(n - header) : 0;

        if (room && a->sun_path[0])
                printf("%*s%s %.*s\n", indent, "", which, room, a->sun_path);
        else
                printf("%*s%s @%.*s\n", indent, "", which, room ? room - 1 : 0, a->sun_path + 1);
}

static void print_internet(const char *which, int family, const void *host, in_port_t port,
                           int indent)
{
        char text[INET6_ADDRSTRLEN];

        if (inet_ntop(family, host, text, sizeof(text)))
                printf("%*s%s %s port %u\n", indent, "", which, text, ntohs(port));
}

static void print_end(const char *which, const union socket_address *a, socklen_t n, int indent)
{
        switch (a->any.sa_family) {
        case AF_UNIX:
                print_local(which, &a->local, n, indent);
                break;
        case AF_INET:
                print_internet(which, AF_INET, &a->ip4.sin_addr, a->ip4.sin_port, indent);
                break;
        case AF_INET6:
                print_internet(which, AF_INET6, &a->ip6.sin6_addr, a->ip6.sin6_port, indent);
                break;
        }
}

static void print_family(int family, int indent)
{
        static const struct {
                int family;
                const char *name;
        } names[] = {
                {AF_UNIX, "unix"},
                {AF_INET, "inet"},
                {AF_INET6, "inet6"},
                {AF_BLUETOOTH, "bluetooth"},
        };

        for (size_t i = 0; i < sizeof(names) / sizeof(*names); ++i)
                if (names[i].family == family) {
                        printf("%*saddress family: %s\n", indent, "", names[i].name);
                        return;
                }
        printf("%*saddress family: unknown (%d)\n", indent, "", family);
}

static void print_socket(int fd, int indent)
{
        union socket_address address;
        socklen_t n = sizeof(address);

        memset(&address, 0, sizeof(address));
        if (getsockname(fd, &address.any, &n) < 0)
                return;
        print_family(address.any.sa_family, indent);
        print_end("name", &address, n, indent);
        memset(&address, 0, sizeof(address));
        n = sizeof(address);
        if (getpeername(fd, &address.any, &n) == 0)
                print_end("peer", &address, n, indent);
}

void print_fd(int fd, int indent)
{
        struct stat status;

        if (fstat(fd, &status) < 0)
                return;
        printf("%*sinode: %ju\n", indent, "", (uintmax_t)status.st_ino);
        printf("%*stype: %s\n", indent, "", file_type(status.st_mode));
        if (S_ISSOCK(status.st_mode))
                print_socket(fd, indent);
}
