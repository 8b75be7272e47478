/* SPDX-License-Identifier: MIT */
#include "core/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the control message that carries descriptors, aligned as the kernel wants it. */
union fds_control {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(SOCKET_MAX_FDS * sizeof(int))];
};

static ssize_t socket_send_bytes(int fd, const void *bytes, size_t size)
{
        ssize_t n;

        do
                n = send(fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

ssize_t socket_send(int fd, const struct iovec *iov, size_t n_iov, const int *fds, size_t n_fds)
{
        union fds_control control;
        struct msghdr m = {.msg_iovlen = n_iov};
        ssize_t n;

        /* The usual case, for which the kernel has less to copy and to check. */
        if (n_iov == 1 && !n_fds)
                return socket_send_bytes(fd, iov->iov_base, iov->iov_len);
        /* sendmsg() does not write to what it sends, its type just does not say so. */
        memcpy(&m.msg_iov, &iov, sizeof(m.msg_iov));
        if (n_fds) {
                size_t size = n_fds * sizeof(int);

                control.header = (struct cmsghdr){
                        .cmsg_len = CMSG_LEN(size),
                        .cmsg_level = SOL_SOCKET,
                        .cmsg_type = SCM_RIGHTS,
                };
                memcpy(CMSG_DATA(&control.header), fds, size);
                m.msg_control = &control;
                m.msg_controllen = CMSG_LEN(size);
        }
        do
                n = sendmsg(fd, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : n;
}

static void close_all(const int *fds, size_t n)
{
        for (size_t i = 0; i < n; ++i)
                close(fds[i]);
}

/* Takes the descriptors out of the control messages. Returns how many there are; those for which
 * there is no room are closed, but counted. */
static size_t take_fds(struct msghdr *m, int *fds, size_t room)
{
        size_t n = 0;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
                size_t count;

                if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
                        continue;
                count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
                for (size_t i = 0; i < count; ++i, ++n) {
                        int received;

                        memcpy(&received, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
                        if (n < room)
                                fds[n] = received;
                        else
                                close(received);
                }
        }
        return n;
}

ssize_t socket_recv(int fd, struct iovec *iov, size_t n_iov, int *fds, size_t *n_fds)
{
        union fds_control control;
        struct msghdr m = {
                .msg_iov = iov,
                .msg_iovlen = n_iov,
                .msg_control = &control,
                .msg_controllen = sizeof(control),
        };
        size_t room = *n_fds, n_received;
        ssize_t n;

        *n_fds = 0;
        do
                n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        n_received = take_fds(&m, fds, room);
        if (n_received > room || (m.msg_flags & MSG_CTRUNC)) {
                close_all(fds, n_received < room ? n_received : room);
                return -EMSGSIZE;
        }
        *n_fds = n_received;
        return n;
}

/* Most packets that are asked for at once: more would only make the control messages' room grow. */
#define MAX_PACKETS 4

/* What the kernel says of a packet. One that lost something is as good as none. */
static void settle_packet(struct socket_packet *p, struct mmsghdr *m)
{
        size_t n = take_fds(&m->msg_hdr, p->fds, SOCKET_MAX_FDS);

        p->n_fds = n < SOCKET_MAX_FDS ? n : SOCKET_MAX_FDS;
        p->size = m->msg_len;
        p->is_cut = m->msg_hdr.msg_flags & MSG_CTRUNC;
        if (n <= SOCKET_MAX_FDS && !(m->msg_hdr.msg_flags & MSG_TRUNC))
                return;
        close_all(p->fds, p->n_fds);
        p->n_fds = p->size = 0;
}

/* The usual case, for which the kernel has less to look at. */
static int recv_packet(int fd, struct socket_packet *p)
{
        union fds_control control;
        struct iovec iov = {p->bytes, p->size};
        struct mmsghdr m = {
                .msg_hdr =
                        {
                                .msg_iov = &iov,
                                .msg_iovlen = 1,
                                .msg_control = &control,
                                .msg_controllen = sizeof(control),
                        },
        };
        ssize_t n;

        do
                n = recvmsg(fd, &m.msg_hdr, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return -errno;
        m.msg_len = (unsigned)n;
        settle_packet(p, &m);
        return 1;
}

int socket_recv_packets(int fd, struct socket_packet *packets, size_t n)
{
        union fds_control control[MAX_PACKETS];
        struct mmsghdr m[MAX_PACKETS];
        struct iovec iov[MAX_PACKETS];
        int received;

        if (n == 1)
                return recv_packet(fd, packets);
        n = n < MAX_PACKETS ? n : MAX_PACKETS;
        for (size_t i = 0; i < n; ++i) {
                iov[i] = (struct iovec){packets[i].bytes, packets[i].size};
                m[i].msg_hdr = (struct msghdr){
                        .msg_iov = &iov[i],
                        .msg_iovlen = 1,
                        .msg_control = &control[i],
                        .msg_controllen = sizeof(control[i]),
                };
        }
        do
                received = recvmmsg(fd, m, (unsigned)n, MSG_CMSG_CLOEXEC | MSG_DONTWAIT, NULL);
        while (received < 0 && errno == EINTR);
        if (received < 0)
                return -errno;
        for (int i = 0; i < received; ++i)
                settle_packet(&packets[i], &m[i]);
        return received;
}

int socket_set_nonblock(int fd)
{
        int flags = fcntl(fd, F_GETFL);

        if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                return -errno;
        return 0;
}
