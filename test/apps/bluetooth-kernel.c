/* SPDX-License-Identifier: MIT */
/*
 * Preloaded into bluetoothd where the kernel knows no Bluetooth: its sockets become local ones.
 * The one it controls adapters with leads to the test, which plays the kernel; the others can be
 * bound and listened on, but nobody ever calls.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CHANNEL_CONTROL = 3, PROTOCOL_HCI = 1, LEVEL_L2CAP = 6, LEVEL_BLUETOOTH = 274 };

/* What a socket for HCI is bound to (<bluetooth/hci.h>). */
struct hci_address {
        sa_family_t family;
        uint16_t device;
        uint16_t channel;
};

/* Sockets for HCI, by descriptor. The others do not need to be told apart. */
static unsigned char for_hci[1024];

int socket(int domain, int type, int protocol)
{
        int (*real)(int, int, int) = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
        int flags = type & (SOCK_CLOEXEC | SOCK_NONBLOCK);
        int fd;

        if (domain != AF_BLUETOOTH)
                return real(domain, type, protocol);
        fd = real(AF_UNIX, SOCK_SEQPACKET | flags, 0);
        if (fd >= 0 && fd < (int)sizeof(for_hci))
                for_hci[fd] = protocol == PROTOCOL_HCI;
        return fd;
}

/* Be connected to the test. */
static int lead_to_test(int fd)
{
        const char *path = getenv("CHECK_APPS_BLUETOOTH");
        struct sockaddr_un address = {.sun_family = AF_UNIX};

        if (!path || strlen(path) >= sizeof(address.sun_path)) {
                errno = ENODEV;
                return -1;
        }
        memcpy(address.sun_path, path, strlen(path));
        return connect(fd, (struct sockaddr *)&address, sizeof(address));
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
        int (*real)(int, const struct sockaddr *, socklen_t) =
                (int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "bind");
        struct sockaddr anonymous = {.sa_family = AF_UNIX};
        struct hci_address hci;

        if (address->sa_family != AF_BLUETOOTH)
                return real(fd, address, size);
        if (fd >= (int)sizeof(for_hci) || !for_hci[fd])
                return real(fd, &anonymous, sizeof(anonymous.sa_family));
        memcpy(&hci, address, size < sizeof(hci) ? size : sizeof(hci));
        if (size >= sizeof(hci) && hci.channel == CHANNEL_CONTROL)
                return lead_to_test(fd);
        errno = EINVAL;
        return -1;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
        int (*real)(int, int, int, const void *, socklen_t) =
                (int (*)(int, int, int, const void *, socklen_t))dlsym(RTLD_NEXT, "setsockopt");

        if (level == LEVEL_BLUETOOTH || level == LEVEL_L2CAP)
                return 0;
        return real(fd, level, name, value, size);
}

int getsockopt(int fd, int level, int name, void *value, socklen_t *size)
{
        int (*real)(int, int, int, void *, socklen_t *) =
                (int (*)(int, int, int, void *, socklen_t *))dlsym(RTLD_NEXT, "getsockopt");

        if (level != LEVEL_BLUETOOTH && level != LEVEL_L2CAP)
                return real(fd, level, name, value, size);
        memset(value, 0, *size);
        return 0;
}
